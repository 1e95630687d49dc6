use proptest::prelude::*;

use super::*;

const DATA: &str = r#"{
  "openssl": {
    "CVE-2025-9230": {
      "description": "Out-of-bounds read & write in RFC 3211 KEK Unwrap",
      "scope": "remote",
      "debianbug": 1116789,
      "releases": {
        "bookworm": {"status": "open", "repositories": {"bookworm": "3.0.17-1~deb12u2"}, "urgency": "low**"},
        "trixie": {
          "status": "resolved",
          "repositories": {"trixie": "3.5.1-1", "trixie-security": "3.5.1-1+deb13u1"},
          "fixed_version": "3.5.1-1+deb13u1",
          "urgency": "not yet assigned",
          "nodsa": "Minor issue",
          "nodsa_reason": "postponed"
        }
      }
    },
    "TEMP-0000000-ABCDEF": {"releases": []}
  },
  "zlib": {"CVE-2023-45853": {"releases": {"trixie": {"status": "open", "urgency": "unimportant"}}}}
}"#;

fn parse(data: &str, codename: &str) -> Result<Tracker, InvalidTracker> {
    let codenames = [codename.to_owned()].into();
    let scope = Scope { codenames: &codenames, keep: &|source, _| source == "openssl" };
    Tracker::parse(&Bytes::copy_from_slice(data.as_bytes()), scope)
}

#[test]
fn only_what_is_asked_for_is_kept() {
    let tracker = parse(DATA, "trixie").unwrap();
    assert_eq!(tracker.sources().map(PackageName::as_str).collect::<Vec<_>>(), ["openssl"]);
    let issues: Vec<_> = tracker.issues[&"openssl".parse::<PackageName>().unwrap()].iter().collect();
    let [(id, issue), (temporary, nothing)] = issues.as_slice() else { panic!("{issues:?}") };
    assert_eq!(
        (id.to_string(), temporary.to_string()),
        ("CVE-2025-9230".into(), "TEMP-0000000-ABCDEF".into())
    );
    assert_eq!(**nothing, Issue::default());
    assert_eq!(issue.bug, Some(1_116_789));
    assert_eq!(issue.releases.keys().collect::<Vec<_>>(), ["trixie"]);
    let state = &issue.releases["trixie"];
    assert_eq!(state.no_dsa, Some(NoDsa { reason: NoDsaReason::Postponed, text: "Minor issue".into() }));
    assert_eq!(state.repositories["trixie-security"], "3.5.1-1+deb13u1".parse().unwrap());
    let state = &parse(DATA, "bookworm").unwrap().issues[&"openssl".parse::<PackageName>().unwrap()];
    assert_eq!(state.values().next().unwrap().releases["bookworm"].urgency, Urgency::Low);
}

#[test]
fn packed_data_are_unpacked() {
    let codenames = ["trixie".to_owned()].into();
    let scope = Scope { codenames: &codenames, keep: &|_, _| true };
    let packed = zstd::encode_all(DATA.as_bytes(), 1).unwrap();
    assert_eq!(Tracker::parse(&packed.into(), scope).unwrap().sources().count(), 2);
}

#[test]
fn data_of_another_shape_are_refused_with_the_place() {
    let refused = |from: &str, to: &str| {
        assert!(DATA.contains(from), "{from}");
        parse(&DATA.replace(from, to), "trixie").unwrap_err().to_string()
    };
    for (from, to, why) in [
        (
            r#""status": "resolved""#,
            r#""status": "mended""#,
            "it is not as the tracker writes it: openssl, CVE-2025-9230: unknown variant `mended`, expected \
             one of `open`, `resolved`, `undetermined` at line 10 column 28",
        ),
        (
            "not yet assigned",
            "grave",
            "it is not as the tracker writes it: openssl, CVE-2025-9230: unknown urgency `grave` at line 13 \
             column 28",
        ),
        (
            r#""postponed""#,
            r#""forgotten""#,
            "it is not as the tracker writes it: openssl, CVE-2025-9230: unknown nodsa_reason `forgotten` at \
             line 16 column 9",
        ),
        (
            r#""fixed_version": "3.5.1-1+deb13u1""#,
            r#""fixed_version": "soon!""#,
            "it is not as the tracker writes it: openssl, CVE-2025-9230: `soon!` is not a version: its upstream part has a \
             character other than a-z, A-Z, 0-9 and `.+-~:` at line 12 column 34",
        ),
        // What is not asked for too: another document would pass for one without vulnerabilities.
        (
            r#""zlib": {"CVE-2023-45853": {"releases""#,
            r#""zlib": {"CVE-2023-45853": {"release""#,
            "it is not as the tracker writes it: zlib, CVE-2023-45853: missing field `releases` at line 21 column 98",
        ),
        (
            r#""zlib": {"CVE-2023-45853": "#,
            r#""zlib": {"CVE-2023-45853": [], "CVE-2023-45854": "#,
            "it is not as the tracker writes it: zlib, CVE-2023-45853: invalid type: sequence, expected a vulnerability with its \
             `releases` at line 21 column 31",
        ),
        (
            r#""zlib": {"#,
            r#""spdxVersion": "SPDX-2.3", "zlib": {"#,
            "it is not as the tracker writes it: invalid type: string \"SPDX-2.3\", expected the vulnerabilities of spdxVersion by \
             name at line 21 column 27",
        ),
        (
            r#""releases": []"#,
            r#""releases": ["trixie"]"#,
            "it is not as the tracker writes it: openssl, TEMP-0000000-ABCDEF: invalid type: sequence, expected the states of \
             releases by codename at line 19 column 50",
        ),
    ] {
        assert_eq!(refused(from, to), why);
    }
    assert_eq!(refused("\"trixie\":", "\"sid\":"), "it says nothing of the release `trixie`");
}

#[test]
fn what_is_no_data_is_refused() {
    for (text, why) in [
        ("", "it is empty"),
        (" <!DOCTYPE html>", "it is HTML, not JSON: did a captive portal or proxy answer?"),
        (
            &DATA[..300],
            "it is cut short: openssl, CVE-2025-9230: EOF while parsing a value at line 9 column 3",
        ),
        ("{]", "it is not JSON: key must be a string at line 1 column 2"),
        ("{}", "it says nothing of the release `trixie`"),
        (
            "[]",
            "it is not as the tracker writes it: invalid type: sequence, expected source packages by name at line 1 column 2",
        ),
        ("{} {}", "it is not JSON: trailing characters at line 1 column 4"),
    ] {
        assert_eq!(parse(text, "trixie").unwrap_err().to_string(), why, "{text}");
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(start in 0..DATA.len(), junk in "[\\PC]{0,8}", skip in 0..64usize) {
        let end = (start + skip).min(DATA.len());
        if let (Some(before), Some(after)) = (DATA.get(..start), DATA.get(end..)) {
            drop(parse(&format!("{before}{junk}{after}"), "trixie"));
        }
        drop(parse(&junk, "trixie"));
    }
}
