use super::*;

const FORMAT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n";

/// That of openssl 3.5.1-1+deb13u1, most of its holders left out.
const OPENSSL: &str = "\
Files: *
Copyright: 1995-2020, The OpenSSL Project Authors
License: Apache-2.0

License: Apache-2.0
 Licensed under the Apache License 2.0 (the \"License\").  You may not use
 this file except in compliance with the License.  You can obtain a copy
 in the file LICENSE in the source distribution or at
 https://www.openssl.org/source/license.html
 .
 On Debian systems, the complete text of the Apache 2.0 License
 can be found in `/usr/share/common-licenses/Apache-2.0'

Files: debian/*
Copyright: Christoph Martin, Kurt Roeckx, Sebastian Andrzej Siewior
License: Apache-2.0

Files: external/perl/Text-Template-1.56/*
Copyright: 2013, Mark Jason Dominus <mjd@cpan.org>.
License: Artistic or GPL-1+

License: Artistic
 This program is free software; you can redistribute it and/or modify
 it under the terms of the Artistic License, which comes with Perl.
 .
 On Debian systems, the complete text of the Artistic License can be
 found in `/usr/share/common-licenses/Artistic'.

License: GPL-1+
 This program is free software; you can redistribute it and/or modify
 it under the terms of the GNU General Public License as published by
 the Free Software Foundation; either version 1, or (at your option)
 any later version.
 .
 On Debian systems, the complete text of version 1 of the GNU General
 Public License can be found in `/usr/share/common-licenses/GPL-1'.
";

/// That of icu 76.1, without the text of its MIT.
const ICU: &str = "\
Files: *
Copyright: Copyright © 1991-2022 Unicode, Inc.
License: MIT

Files: debian/*
Copyright: 2005-2015 Jay Berkenbilt <qjb@debian.org>,
           2015-     Laszlo Boszormenyi (GCS) <gcs@debian.org>
License: GPL-3
 This program is free software: you can redistribute it and/or modify
 it under the terms of the GNU General Public License as published by
 the Free Software Foundation version 3 of the License.
 .
 On Debian systems, the complete text of the GNU General Public
 License version 3 can be found in `/usr/share/common-licenses/GPL-3'.
";

fn licenses(more: &str) -> Licenses {
    Licenses::read([&Source::new("licenses.toml", more)]).unwrap()
}

fn of(more: &str, text: &str) -> Result<Licensing, Unreviewed> {
    licenses(more).of(&"libx1".parse().unwrap(), &"xx".parse().unwrap(), text)
}

fn stanzas(more: &str, stanzas: &str) -> Result<Licensing, Unreviewed> {
    of(more, &format!("{FORMAT}{stanzas}"))
}

#[test]
fn a_choice_stays_a_choice() {
    let licensing = stanzas("", OPENSSL).unwrap();
    assert_eq!(licensing.declared.as_str(), "Apache-2.0 AND (Artistic-1.0-Perl OR GPL-1.0-or-later)");
    assert_eq!(licensing.concluded, licensing.declared);
}

#[test]
fn what_is_not_in_a_binary_package_is_set_aside_and_named() {
    let licensing = stanzas("", ICU).unwrap();
    assert_eq!(licensing.declared.as_str(), "GPL-3.0-only AND MIT");
    assert_eq!(licensing.concluded.as_str(), "MIT");
    assert_eq!(licensing.copyright, "Copyright © 1991-2022 Unicode, Inc.");
    let (set_aside, reason) = licensing.comment.rsplit_once(": ").unwrap();
    assert_eq!(set_aside, "Set aside: GPL-3.0-only of debian/* (debian/copyright, line 7)");
    assert!(reason.contains("packaging"), "{reason}");
}

#[test]
fn nothing_is_set_aside_where_nothing_would_be_left() {
    let licensing = stanzas("", "Files: debian/*\nCopyright: 2001 A\nLicense: MIT\n").unwrap();
    assert_eq!((licensing.concluded.as_str(), licensing.comment.as_str()), ("MIT", ""));
}

#[test]
fn a_text_that_is_not_the_license_s_own_is_told_and_not_guessed() {
    let text = "Files: *\nCopyright: 2001 A\nLicense: MIT\n Do as you like, but never on Sundays.\n\n\
                Files: b\nCopyright: 2001 A\nLicense: Strange\n\nFiles: c\nLicense: MIT or ISC\n Something.\n";
    let unreviewed = stanzas("", text).unwrap_err();
    assert_eq!(
        unreviewed.to_string(),
        "nobody has reviewed the licences of the source package xx\n  \
         line 3: `MIT`, \"Do as you like, but never on Sundays.\"\n  \
         line 12: `MIT or ISC`, \"Something.\"\n  \
         line 8: `Strange`, without a text"
    );
    let examples: Vec<_> = unreviewed.texts.iter().map(|text| text.example(&unreviewed.source)).collect();
    assert_eq!(
        examples[0],
        "[[text]]\nsha256 = \"7402dfa258407a8ebc7e3517fa569c872b80c24c1ec0042aaed6174fa83e74d1\"\nis = \"…\" # an SPDX licence expression\n\
         seen = \"as `MIT` in xx\"\nevidence = \"read by …\"\n"
    );
    assert_eq!(examples[2], "[names]\n\"Strange\" = \"…\" # an SPDX licence expression\n");
    // The lines review it, once somebody has filled them in.
    let more = examples.concat().replace('…', "LicenseRef-distro-own");
    let missing = stanzas(&more, text).unwrap_err();
    assert_eq!(missing.texts.len(), 1, "a license that SPDX does not list needs its text");
    let more = format!("{more}[[reference]]\nid = \"LicenseRef-distro-own\"\ntext = \"Own.\"\n");
    let licensing = stanzas(&more, text).unwrap();
    assert_eq!(licensing.declared.as_str(), "LicenseRef-distro-own");
    assert_eq!(licensing.texts["LicenseRef-distro-own"], "Own.");
}

#[test]
fn the_text_of_a_license_that_spdx_does_not_list_is_that_of_the_file() {
    let text = "Files: *\nLicense: Own or MIT\n\nLicense: Own\n Do as\n .\n you like.\n";
    let sha256 = fingerprint("Do as you like.");
    let more = format!(
        "[[text]]\nsha256 = \"{sha256}\"\nis = \"LicenseRef-distro-own\"\nseen = \"\"\nevidence = \"read by A\"\n"
    );
    let licensing = stanzas(&more, text).unwrap();
    assert_eq!(licensing.concluded.as_str(), "LicenseRef-distro-own OR MIT");
    assert_eq!(licensing.texts["LicenseRef-distro-own"], "Do as\n\nyou like.");
    assert_eq!(licensing.comment, "Reviewed: LicenseRef-distro-own by its text: read by A.");
}

#[test]
fn a_file_in_free_form_is_what_its_review_says() {
    let text = "This is x.\n\nCopyright (C) 1999 A\n\nDo as you like.\n";
    let unreviewed = of("", text).unwrap_err();
    let more = unreviewed.texts[0].example(&unreviewed.source).replacen(
        '…',
        "LicenseRef-distro-x AND MIT",
        1,
    ) + "[[copyright.binary]]\npackages = [\"libx*\"]\nconcluded = \"MIT\"\nwhy = \"the library alone\"\n";
    let licensing = of(&more, text).unwrap();
    assert_eq!(licensing.declared.as_str(), "LicenseRef-distro-x AND MIT");
    assert_eq!(licensing.concluded.as_str(), "MIT");
    assert_eq!(
        licensing.comment,
        "The whole copyright file was reviewed: read by ….\nOf libx1: the library alone."
    );
    assert_eq!(licensing.copyright, "Copyright (C) 1999 A");
    assert_eq!(licensing.texts["LicenseRef-distro-x"], text);
    let another = of(&more, &text.replace("1999", "2000"));
    assert!(another.is_err(), "another text asks for another review");
}

#[test]
fn the_review_of_a_whole_file_may_overrule_what_is_in_a_binary_package() {
    let text = format!("{FORMAT}{ICU}");
    let more = format!(
        "[[copyright]]\nsha256 = \"{}\"\nsource = \"icu\"\nevidence = \"read by A\"\n\
         [[copyright.binary]]\npackages = [\"libx1\"]\nconcluded = \"ISC\"\nwhy = \"so it is\"\n",
        fingerprint(&text)
    );
    let of = |package: &str| {
        licenses(&more).of(&package.parse().unwrap(), &"icu".parse().unwrap(), &text).unwrap()
    };
    assert_eq!(of("libx1").declared.as_str(), "GPL-3.0-only AND MIT");
    assert_eq!(of("libx1").concluded.as_str(), "ISC");
    assert_eq!(of("libicu76").concluded.as_str(), "MIT");
}
