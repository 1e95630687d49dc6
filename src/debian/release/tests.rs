use proptest::prelude::*;

use super::*;

const STABLE: &str = "\
Origin: Debian
Label: Debian
Suite: stable
Version: 13.7
Codename: trixie
Date: Sat, 12 Sep 2026 07:55:41 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 s390x
Components: main contrib non-free-firmware non-free
Description: Debian 13.7 Released 12 September 2026
MD5Sum:
 3e498904a30e240573dac8ddac594e6f  1961125 contrib/Contents-all
SHA256:
 4f2c68d67001d595fbd343f6dbad44468953a51c4d9dec3a4803249f6e295940 56620099 main/binary-amd64/Packages
 42c23aaca08e8225ed0449360724b92531952cbe4ce3bbf189298a7108f40a85 13332733 main/binary-amd64/Packages.gz
 7778d3e3f303b7ddb8ce0fe7c8d57473a076c6bf2e8f241f75421d2396352498  9678380 main/binary-amd64/Packages.xz
 42c23aaca08e8225ed0449360724b92531952cbe4ce3bbf189298a7108f40a85 13332733 contrib/binary-amd64/Packages.gz
";

const SECURITY: &str = "\
Origin: Debian
Suite: stable-security
Codename: trixie-security
Date: Fri, 20 Nov 2026 00:12:42 UTC
Valid-Until: Fri, 27 Nov 2026 00:12:42 UTC
Architectures: amd64 arm64
Components: updates/main updates/contrib
SHA256:
 0b2bc4ee45373a16df3e95a0e5529fbf56a110688acb9b48035a4bf8507cfbea  2224071 main/binary-amd64/Packages
 0e18101e479b4c4aae2810379d7edc81bb4f156f5cbb8a542da9a28145554884   306312 main/binary-amd64/Packages.xz
";

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

fn amd64() -> Architecture {
    "amd64".parse().unwrap()
}

#[test]
fn the_smallest_index_is_chosen() {
    let index = release(STABLE).packages_index("main", &amd64()).unwrap();
    assert_eq!(index.path.as_str(), "main/binary-amd64/Packages.xz");
    assert_eq!(
        index.by_hash.unwrap().as_str(),
        "main/binary-amd64/by-hash/SHA256/7778d3e3f303b7ddb8ce0fe7c8d57473a076c6bf2e8f241f75421d2396352498"
    );
    assert_eq!((index.compressed.size, index.uncompressed.unwrap().size), (9_678_380, 56_620_099));
    let contrib = release(STABLE).packages_index("contrib", &amd64()).unwrap();
    assert_eq!((contrib.compression, contrib.uncompressed), (Compression::Gzip, None));
}

#[test]
fn a_prefix_of_a_component_is_no_part_of_its_path() {
    let release = release(SECURITY);
    let index = release.packages_index("main", &amd64()).unwrap();
    assert_eq!(index.path.as_str(), "main/binary-amd64/Packages.xz");
    assert_eq!(index.by_hash, None);
    assert_eq!(release.packages_index("updates/main", &amd64()), Some(index));
}

#[test]
fn what_the_suite_does_not_list_is_not_there() {
    let release = release(SECURITY);
    assert_eq!(release.packages_index("main", &"riscv64".parse().unwrap()), None);
    assert_eq!(release.packages_index("main", &"arm64".parse().unwrap()), None);
    assert_eq!(release.packages_index("non-free", &amd64()), None);
}

#[test]
fn dates_are_read_as_archives_write_them() {
    for text in
        ["Sat, 12 Sep 2026 07:55:41 UTC", "Sat, 12 Sep 2026 07:55:41 +0000", "Mon, 12 Sep 2026 07:55:41 GMT"]
    {
        assert_eq!(date("Date", text).unwrap().as_second(), 1_789_199_741, "{text}");
    }
    assert_eq!(release(SECURITY).valid_until.unwrap().to_string(), "2026-11-27T00:12:42Z");
    assert_eq!(release(STABLE).valid_until, None);
}

#[test]
fn a_broken_release_says_where() {
    let broken = |from: &str, to: &str| STABLE.replace(from, to).parse::<Release>().unwrap_err().to_string();
    assert_eq!(
        broken("Date: Sat, 12 Sep", "Date: some"),
        "the field `Date` of the Release file is no date: `some 2026 07:55:41 UTC`"
    );
    assert_eq!(broken("SHA256:", "SHA1:"), "the field `SHA256` of the Release file is missing");
    assert!(broken("contrib/binary-amd64/Packages.gz", "../x").contains("leads elsewhere"));
}

#[test]
fn one_path_has_one_digest() {
    let text = STABLE.replace(
        "42c23aaca08e8225ed0449360724b92531952cbe4ce3bbf189298a7108f40a85 13332733 contrib",
        "4f2c68d67001d595fbd343f6dbad44468953a51c4d9dec3a4803249f6e295940 1 main",
    );
    assert_eq!(
        text.parse::<Release>(),
        Err(InvalidRelease::Twice("main/binary-amd64/Packages.gz".parse().unwrap()))
    );
}

proptest! {
    #[test]
    fn reading_never_panics(text in "((Date|SHA256|Architectures):[ \na-f0-9:]{0,20}\n){0,6}") {
        let _ = text.parse::<Release>();
    }
}
