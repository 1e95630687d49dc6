use super::*;

const TRIXIE: &str = r#"PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
DEBIAN_VERSION_FULL=13.2
ID=debian
HOME_URL="https://www.debian.org/"
"#;

fn branding(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn keys_are_overridden_in_place_and_new_ones_come_last() {
    let names = branding(&[("PRETTY_NAME", "Acme Base"), ("VENDOR_NAME", "Acme"), ("IMAGE_ID", "base")]);
    let expected = TRIXIE.replace("Debian GNU/Linux 13 (trixie)", "Acme Base")
        + "IMAGE_ID=\"base\"\nVENDOR_NAME=\"Acme\"\n";
    assert_eq!(brand(TRIXIE.as_bytes(), &names).unwrap(), expected);
}

#[test]
fn what_is_not_branded_keeps_its_bytes() {
    let text = "# a comment\n\nHOME_URL=x\r\nNAME='x y'  \nID=debian\n";
    assert_eq!(brand(text.as_bytes(), &BTreeMap::new()).unwrap(), text);
}

#[test]
fn a_key_that_stands_twice_is_set_once() {
    let names = branding(&[("NAME", "c")]);
    assert_eq!(brand(b"NAME=a\nX=1\nNAME=b\n", &names).unwrap(), "NAME=\"c\"\nX=1\n");
}

#[test]
fn values_lose_their_quotes_and_escapes() {
    let release =
        OsRelease::parse("A=bare-1.2\nB=\"a \\\"b\\\" \\$c \\d\"\nC='it $x'\nA=last\nD=\n").unwrap();
    let values = ["A", "B", "C", "D", "E"].map(|key| release.get(key));
    assert_eq!(values, [Some("last"), Some("a \"b\" $c \\d"), Some("it $x"), Some(""), None]);
}

#[test]
fn the_file_keeps_the_metadata_of_the_package() {
    let path = ImagePath::parse(OS_RELEASE).unwrap();
    let mut package = Tree::new();
    package.insert(path.clone(), Entry::file(TRIXIE, 1_752_000_000).with_mode(0o444));
    let tree = branded(&package, &branding(&[("NAME", "Acme")])).unwrap();
    let entry = tree.get(&path).unwrap();
    assert_eq!((entry.mode, entry.mtime), (0o444, 1_752_000_000));
    assert_eq!(tree.len(), 4, "the file, and the directories above it");
}

#[test]
fn a_package_without_the_file_is_refused() {
    let error = branded(&Tree::new(), &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, GenerateError::MissingFile { .. }), "{error}");
}

#[test]
fn a_branding_that_would_mislead_or_break_the_file_is_refused() {
    let refused = |key: &str, value: &str| brand(TRIXIE.as_bytes(), &branding(&[(key, value)])).unwrap_err();
    assert_eq!(refused("ID", "acme"), OsReleaseError::Identity("ID".into()));
    assert_eq!(refused("VERSION_ID", "99"), OsReleaseError::Identity("VERSION_ID".into()));
    for key in ["", "name", "1A", "A B", "A=B", "NÄME"] {
        assert_eq!(refused(key, "x"), OsReleaseError::Key(key.into()));
    }
    for value in ["a\nID=evil", "a\0", "a\tb"] {
        assert_eq!(refused("NAME", value), OsReleaseError::Value("NAME".into()));
    }
}

#[test]
fn a_file_that_cannot_be_read_says_where() {
    let error = |text: &str| OsRelease::parse(text).unwrap_err().to_string();
    assert_eq!(
        error("ID=debian\nnonsense\n"),
        "line 2 `nonsense` is no assignment of os-release(5): it has no `=`"
    );
    for line in ["a=b", "A=b c", "A=\"b", "A='b", "A=\"b\"c\"", "A='b'c'", "A=\"$b\"", "A=$(b)", "A=\"b\\"] {
        assert!(OsRelease::parse(line).is_err(), "{line}");
    }
    assert_eq!(brand(b"NAME=\xff", &BTreeMap::new()), Err(OsReleaseError::NotText));
}

proptest::proptest! {
    #[test]
    fn what_is_set_is_read_back(value in "[^\\p{Cc}]*") {
        let mut release = OsRelease::parse(TRIXIE).unwrap();
        release.set("NAME", &value).unwrap();
        let again = OsRelease::parse(&release.to_text()).unwrap();
        proptest::prop_assert_eq!(again.get("NAME"), Some(value.as_str()));
        proptest::prop_assert_eq!(again.get("VERSION_ID"), Some("13"));
    }

    #[test]
    fn foreign_text_never_panics(text: String) {
        let _ = OsRelease::parse(&text);
    }
}
