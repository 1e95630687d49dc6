use proptest::prelude::*;

use super::*;

fn relation(text: &str) -> Relation {
    text.parse().unwrap()
}

fn applies(text: &str, architecture: &str) -> bool {
    relation(text).applies_to(&architecture.parse().unwrap())
}

#[test]
fn a_field_is_shown_in_its_canonical_form() {
    for (written, canonical) in [
        ("aa(>=1)|bb:any ,cc [ amd64  arm64]<!nocheck>", "aa (>= 1) | bb:any, cc [amd64 arm64] <!nocheck>"),
        (
            "libc6 (> 2.41), perl:amd64 (<< 5),\n python3:native,",
            "libc6 (>= 2.41), perl:amd64 (<< 5), python3:native",
        ),
        ("aa (< 1) <!x y> <z>", "aa (<= 1) <!x y> <z>"),
        ("", ""),
    ] {
        assert_eq!(written.parse::<Relations>().unwrap().to_string(), canonical);
    }
}

#[test]
fn constraints_admit_what_they_say() {
    let admits = |constraint: &str, version: &str| {
        let relation = relation(&format!("aa ({constraint})"));
        relation.alternatives()[0].constraint.as_ref().unwrap().admits(&version.parse().unwrap())
    };
    for (constraint, earlier, equal, later) in [
        ("<< 2", true, false, false),
        ("<= 2", true, true, false),
        ("= 2", false, true, false),
        (">= 2", false, true, true),
        (">> 2", false, false, true),
    ] {
        assert_eq!(
            ["2~", "2", "2+b1"].map(|v| admits(constraint, v)),
            [earlier, equal, later],
            "{constraint}"
        );
    }
}

#[test]
fn architecture_lists_and_wildcards_are_evaluated() {
    assert!(applies("libatomic1 [armhf riscv64]", "riscv64"));
    assert!(!applies("libatomic1 [armhf riscv64]", "amd64"));
    assert!(applies("aa [!s390x]", "amd64"));
    assert!(!applies("aa [!s390x]", "s390x"));
    assert!(applies("aa [any-arm]", "armhf"));
    assert!(applies("aa [linux-any]", "amd64"));
    assert!(!applies("aa [linux-any]", "hurd-i386"));
    assert!(applies("aa <!nocheck>", "amd64"));
    assert!(!applies("aa <cross>", "amd64"));
    assert!(applies("aa [s390x] | bb", "amd64"));
}

#[test]
fn what_is_no_relation_is_refused() {
    for text in [
        "",
        "|",
        "aa |",
        "aa (1)",
        "aa (>= )",
        "aa (>= 1",
        "aa (=> 1)",
        "aa [x",
        "aa []",
        "aa [amd64 !s390x]",
        "aa b",
        "aa, bb",
        "A",
        "aa:",
    ] {
        assert!(text.parse::<Relation>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[a-c0-9é:()<>=|,!~ \\[\\]\n-]{0,40}") {
        let _ = text.parse::<Relations>();
    }

    #[test]
    fn canonical_text_goes_there_and_back(text in "[a-c]{2}(:any)?( \\((<<|<=|=|>=|>>) [1-9](-1)?\\))?( \\[(!a1|b1 c1)\\])?( <!x( y)?>)?") {
        prop_assert_eq!(relation(&text).to_string(), text);
    }
}
