use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn a_version_has_three_parts() {
    let full = version("2:1.2-3~rc1:4-5+b1");
    assert_eq!((full.epoch(), full.upstream(), full.revision()), (2, "1.2-3~rc1:4", Some("5+b1")));
    let native = version("20250419");
    assert_eq!((native.epoch(), native.upstream(), native.revision()), (0, "20250419", None));
}

#[test]
fn what_dpkg_refuses_is_refused() {
    for text in ["", "-1", "1-", "a:1", ":1", "1:", "1 2", "1_2", "1-2_3", "3000000000:1", "é", "1:-1"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
}

#[test]
fn spelling_does_not_count() {
    for (a, b) in [("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.0", "1.00"), ("1.0-1", "1.0-01"), ("1a", "1a0")] {
        assert_eq!(version(a), version(b));
    }
    assert_eq!(version("0:1.0-0").to_string(), "0:1.0-0");
}

/// Every pair of these, in the order in which dpkg has them, answered by one dpkg-driving shell.
#[test]
#[expect(clippy::disallowed_methods, reason = "dpkg is the authority to compare with")]
fn the_order_is_that_of_dpkg() {
    const NASTY: &[&str] = &[
        "0.9+ds0-3",
        "0.9+ds-5",
        "1.0-1+b1",
        "1.0-1~bpo1",
        "1.0",
        "1.0-0",
        "1.00",
        "1:0",
        "0:1.0",
        "1~",
        "1~~",
        "1~~a",
        "1~a",
        "1a",
        "1+",
        "1.",
        "1..2",
        "1a1",
        "1a01",
        "1-1-1",
        "1-1",
        "1:1-1",
        "1.0a~",
        "1Z",
        "99999999999999999999999",
        "100000000000000000000000",
        "1.0.0",
        "a1",
    ];
    let pairs: Vec<_> = NASTY.iter().flat_map(|a| NASTY.iter().map(move |b| (*a, *b))).collect();
    let script = "for pair in $PAIRS; do a=${pair%,*} b=${pair#*,}; \
                  if dpkg --compare-versions \"$a\" lt \"$b\"; then echo lt; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo eq; else echo gt; fi; done 2>/dev/null";
    let joined = pairs.iter().map(|(a, b)| format!("{a},{b}")).collect::<Vec<_>>().join(" ");
    // A host without dpkg has nothing to compare with.
    if std::process::Command::new("dpkg").arg("--version").output().is_err() {
        return;
    }
    let answer = std::process::Command::new("sh").args(["-c", script]).env("PAIRS", joined).output().unwrap();
    let answer = String::from_utf8(answer.stdout).unwrap();
    assert_eq!(answer.lines().count(), pairs.len());
    for ((a, b), dpkg) in pairs.into_iter().zip(answer.lines()) {
        let ours = match version(a).cmp(&version(b)) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(ours, dpkg, "{a} and {b}");
    }
}

fn any_version() -> impl Strategy<Value = Version> {
    "([0-2]:)?[0-9a-b.~+]{1,6}(-[0-1a~+.]{1,3})?".prop_map(|text| version(&text))
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,40}") {
        let _ = text.parse::<Version>();
    }

    #[test]
    fn text_goes_there_and_back(text in "([0-9]:)?[0-9][0-9a-z.~+]{0,6}(-[0-9a-z~+.]{1,3})?") {
        prop_assert_eq!(version(&text).to_string(), text);
    }

    #[test]
    fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        let mut sorted = [a, b, c];
        sorted.sort();
        prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
    }
}
