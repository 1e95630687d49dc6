//! The formats in which an audit is told.

use super::{QUIET, app, audit, built};
use crate::workshop::Workshop;

/// A finding with markup in its words, one that is waived, and a note.
fn shop() -> Workshop {
    let policy = r#"
[[forbidden]]
packages = ["app"]
reason = "<script>alert(1)</script> | `it`"

[[forbidden]]
packages = ["other"]
reason = "it is old"

[[waiver]]
rule = "forbidden-package"
subject = "other"
reason = "until the move & no longer"
owner = "me@example.org"
expires = "2999-12-31"
"#;
    let other = crate::archive::Package::new("other", "2").file("/usr/bin/other", "elf");
    let mut shop = built([app(), other], &format!("{QUIET}{policy}"));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    shop.world.filter(&today, "[DATE]");
    shop
}

#[test]
fn a_table_is_for_terminals() {
    audit(&shop(), &[]).assert_is("");
}

#[test]
fn json_has_all_of_it() {
    audit(&shop(), &["--format", "json"]).assert_is("");
}

#[test]
fn markdown_is_for_pull_requests() {
    audit(&shop(), &["--format", "markdown"]).assert_is("");
}

#[test]
fn sarif_has_rules_results_and_suppressions() {
    let said = audit(&shop(), &["--format", "sarif"]);
    let mut sarif: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].take();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    for result in results {
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
    }
    crate::run::Said { stdout: format!("{sarif:#}\n"), ..said }.assert_is("");
}

/// Every element that is opened is closed in its place, and no value is markup.
#[test]
fn the_page_is_well_formed_and_escaped() {
    let said = audit(&shop(), &["--format", "html"]);
    assert_eq!(said.status, Some(3), "{said}");
    let mut open: Vec<&str> = Vec::new();
    for tag in said.stdout.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if name.starts_with('!') || tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(said.stdout.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"), "{}", said.stdout);
    assert!(said.stdout.contains("until the move &amp; no longer"), "{}", said.stdout);
    assert!(!said.stdout.contains("<script") && !said.stdout.contains("http"), "{}", said.stdout);
}
