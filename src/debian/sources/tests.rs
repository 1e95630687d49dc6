use proptest::prelude::*;

use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Two versions of glibc, of which the older is there for what was built with it.
fn text() -> String {
    format!(
        "\
Package: glibc
Binary: libc-bin, libc6
Version: 2.41-12
Priority: optional
Package-List:
 libc6 deb libs optional arch=amd64
Files:
 d41d8cd98f00b204e9800998ecf8427e 11 glibc_2.41-12.dsc
Checksums-Sha256:
 {zeros} 7 glibc_2.41.orig.tar.xz
 {EMPTY} 11 glibc_2.41-12.dsc
Directory: pool/main/g/glibc

Package: glibc
Version: 2.41-12+deb13u4
Checksums-Sha256:
 {EMPTY} 12 glibc_2.41-12+deb13u4.dsc
Directory: pool/main/g/glibc
Extra-Source-Only: yes
",
        zeros = "0".repeat(64)
    )
}

fn packages(index: &SourcesIndex) -> Vec<SourcePackage<'_>> {
    index.packages().map(Result::unwrap).collect()
}

/// What is wrong with the `.dsc` of a stanza.
fn fault(stanza: &str) -> String {
    let index = SourcesIndex::new(stanza.to_owned());
    let error = packages(&index)[0].dsc().unwrap_err();
    format!("{error}: {}", std::error::Error::source(&error).unwrap())
}

#[test]
fn each_version_has_its_dsc() {
    let index = SourcesIndex::new(text());
    for index in [SourcesIndex::new(index.condensed()), index] {
        let found: Vec<_> = packages(&index)
            .iter()
            .map(|package| {
                let Dsc { path, size, sha256 } = package.dsc().unwrap();
                assert_eq!(sha256.to_string(), EMPTY);
                format!("{}: {path}, {size}", package.source().unwrap())
            })
            .collect();
        assert_eq!(
            found,
            [
                "glibc 2.41-12: pool/main/g/glibc/glibc_2.41-12.dsc, 11",
                "glibc 2.41-12+deb13u4: pool/main/g/glibc/glibc_2.41-12+deb13u4.dsc, 12"
            ]
        );
    }
}

#[test]
fn a_condensed_index_has_nothing_else() {
    let condensed = SourcesIndex::new(text()).condensed();
    for field in ["Binary", "Package-List", "Files", "orig.tar", "Extra"] {
        assert!(!condensed.contains(field), "{field} in {condensed}");
    }
    let nameless = SourcesIndex::new(SourcesIndex::new("Files: a\n\nPackage: b1\n".to_owned()).condensed());
    let error = nameless.packages().next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the field `Package` of stanza 1 cannot be read");
}

#[test]
fn files_may_lie_beside_the_index() {
    let flat = text().replace("Directory: pool/main/g/glibc", "Directory: .");
    assert_eq!(packages(&SourcesIndex::new(flat))[0].dsc().unwrap().path.as_str(), "glibc_2.41-12.dsc");
}

#[test]
fn a_dsc_that_is_not_told_of_properly_is_an_error() {
    let stanza = |directory: &str, list: &str| {
        format!("Package: aa\nVersion: 1\nDirectory: {directory}\nChecksums-Sha256:\n {list}\n")
    };
    let head = "the field `Checksums-Sha256` of `aa 1` cannot be read";
    let pool = "pool/a";
    assert_eq!(fault("Package: aa\nVersion: 1\n"), format!("{head}: it is missing"));
    assert_eq!(fault(&stanza(pool, &format!("{EMPTY} 1 aa.tar"))), format!("{head}: it names no .dsc file"));
    assert_eq!(
        fault(&stanza(pool, "0123 1 aa_1.dsc")),
        format!("{head}: `0123 1 aa_1.dsc` is not `SHA-256 size name`")
    );
    let outside = fault(&stanza("../etc", &format!("{EMPTY} 1 aa_1.dsc")));
    assert!(outside.contains("`../etc/aa_1.dsc` is not a path inside an archive"), "{outside}");
}

#[test]
fn a_source_is_a_name_and_a_version() {
    let source: Source = "busybox 1:1.37.0-6".parse().unwrap();
    assert_eq!(source.to_string(), "busybox 1:1.37.0-6");
    assert_eq!("busybox".parse::<Source>(), Err(InvalidSource::NotTwoWords));
    assert!("B 1".parse::<Source>().is_err() && "busybox ~ 1".parse::<Source>().is_err());
}

proptest! {
    #[test]
    fn reading_never_panics(text in "((Package|Version|Directory|Checksums-Sha256|é)?:? ?[a-z0-9./]{0,3}(\n [a-f0-9]{0,64} [0-9]{1,2} a?\\.dsc)?\n{0,3} ?){0,12}") {
        let index = SourcesIndex::new(text);
        for index in [SourcesIndex::new(index.condensed()), index] {
            for package in index.packages().flatten() {
                let _ = (package.source(), package.dsc(), package.raw_name());
            }
        }
    }
}
