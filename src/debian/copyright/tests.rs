use proptest::prelude::*;

use super::*;

/// That of openssl 3.5.1-1+deb13u1, some of its holders left out.
const OPENSSL: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: OpenSSL
Source: https://www.openssl.org

Files: *
Copyright: 1995-2020, The OpenSSL Project Authors
\t   1995-1998, Eric A. Young, Tim J. Hudson
License: Apache-2.0

License: Apache-2.0
 Licensed under the Apache License 2.0 (the \"License\").  You may not use
 this file except in compliance with the License.
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
 This program is free software.
";

fn name(name: &str) -> Terms {
    Terms::Name(name.to_owned())
}

fn with_header(rest: &str) -> String {
    format!("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n{rest}")
}

#[test]
fn stanzas_say_what_holds_for_files_and_licenses_stand_alone() {
    let read = Copyright::parse(OPENSSL).unwrap();
    let files: Vec<_> = read.stanzas.iter().map(|stanza| (stanza.line, stanza.files.join(" "))).collect();
    assert_eq!(
        files,
        [
            (5, "*".to_owned()),
            (17, "debian/*".to_owned()),
            (21, "external/perl/Text-Template-1.56/*".to_owned())
        ]
    );
    assert_eq!(
        read.stanzas[0].notices,
        ["1995-2020, The OpenSSL Project Authors", "1995-1998, Eric A. Young, Tim J. Hudson"]
    );
    assert_eq!(read.stanzas[2].license.terms, Terms::Any(vec![name("Artistic"), name("GPL-1+")]));
    let texts: Vec<_> = read.texts("apache-2.0").map(|license| license.text.as_str()).collect();
    assert_eq!(
        texts,
        ["Licensed under the Apache License 2.0 (the \"License\").  You may not use\n\
          this file except in compliance with the License.\n\n\
          On Debian systems, the complete text of the Apache 2.0 License\n\
          can be found in `/usr/share/common-licenses/Apache-2.0'"]
    );
    assert_eq!(read.texts("GPL-1+").count(), 0);
}

#[test]
fn and_binds_closer_than_or_and_a_comma_looser_than_both() {
    for (line, shown) in [
        ("Expat", "Expat"),
        ("GPL-2+ or Artistic-2.0 and BSD-3-clause", "GPL-2+ or (Artistic-2.0 and BSD-3-clause)"),
        ("GPL-2+ or Artistic-2.0, and BSD-3-clause", "(GPL-2+ or Artistic-2.0) and BSD-3-clause"),
        ("libpng OR Apache-2.0 OR BSD-3-clause", "libpng or Apache-2.0 or BSD-3-clause"),
        ("GPL-2+ with OpenSSL exception or  MIT", "GPL-2+ with OpenSSL exception or MIT"),
        // Of no structure that the manual knows.
        ("A, B and C", "A, B and C"),
        ("(GPL-2+ or MIT) and BSD", "(GPL-2+ or MIT) and BSD"),
        ("MIT and", "MIT and"),
        ("Permission to use, copy, modify", "Permission to use, copy, modify"),
    ] {
        assert_eq!(Terms::parse(line).to_string(), shown);
    }
    assert!(matches!(Terms::parse("A, B and C"), Terms::Name(_)));
}

#[test]
fn a_text_without_a_name_begins_below() {
    let read = Copyright::parse(&with_header("Files: *\nCopyright: 2001 A\nLicense:\n Do as you like.\n"));
    let license = read.unwrap().stanzas.remove(0).license;
    assert_eq!((license.terms, license.text.as_str()), (name(""), "Do as you like."));
}

#[test]
fn an_empty_line_in_a_text_is_forgiven() {
    let text =
        with_header("Files: *\nCopyright: 2001 A\nLicense: X\n First.\n\n Second.\n\nLicense: Y\n Third.\n");
    let read = Copyright::parse(&text).unwrap();
    assert_eq!(read.stanzas[0].license.text, "First.\n\nSecond.");
    assert_eq!(read.licenses[0].text, "Third.");
}

#[test]
fn a_text_that_stands_with_files_serves_others_of_its_name() {
    let text = with_header("Files: a\nLicense: MIT\n Text.\n\nFiles: b\nLicense: MIT\n");
    let read = Copyright::parse(&text).unwrap();
    assert_eq!(read.texts("MIT").map(|license| license.text.as_str()).collect::<Vec<_>>(), ["Text."]);
    let text =
        with_header("Files: a\nLicense: MIT\n Text.\n\nFiles: b\nLicense: MIT\n\nLicense: MIT\n Other.\n");
    let read = Copyright::parse(&text).unwrap();
    assert_eq!(read.texts("MIT").map(|license| license.text.as_str()).collect::<Vec<_>>(), ["Other."]);
}

#[test]
fn the_header_speaks_for_all_where_no_stanza_does() {
    let header = OPENSSL.lines().next().unwrap();
    let read = Copyright::parse(&format!("{header}\nCopyright: A\nLicense: MIT\n")).unwrap();
    assert_eq!(
        (read.stanzas[0].files.join(" ").as_str(), &read.stanzas[0].license.terms),
        ("*", &name("MIT"))
    );
}

#[test]
fn what_would_be_guessed_is_refused() {
    for (text, why) in [
        ("", "it does not begin with a `Format` field that names the machine-readable form"),
        (
            "This is busybox.\n",
            "it does not begin with a `Format` field that names the machine-readable form",
        ),
        (&with_header("Files: *\nCopyright: A\n"), "line 3: the paragraph has no `License` field"),
        (&with_header("Copyright: A\n"), "line 3: the paragraph has no `Files` field"),
        (
            &with_header("License: MIT\nno field\n"),
            "line 4: `no field` is no field: `Name: value` is expected",
        ),
        (&with_header("License: MIT\n"), "it names the licence of no file"),
    ] {
        assert_eq!(Copyright::parse(text).unwrap_err().to_string(), why, "{text}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in "(Files|License|Copyright|Format|[ .a:,#\té\r\n*]|and|or|with){0,60}") {
        let _ = Copyright::parse(&with_header(&text));
        let _ = Copyright::parse(&text);
    }

    #[test]
    fn a_line_of_names_keeps_them_all(line in "[AB]( (and|or|, and|, or|with) [AB]){0,6}") {
        let shown = Terms::parse(&line).to_string();
        let letters = |text: &str| text.chars().filter(char::is_ascii_uppercase).collect::<String>();
        prop_assert_eq!(letters(&shown), letters(&line));
    }
}
