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
    audit(&shop(), &[]).assert_is(
        r#"
status: 3
----- stdout -----
error[forbidden-package]: no package is there that the policy forbids
  app must not be there: <script>alert(1)</script> | `it`
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-app
      hint: `distro why` tells which definition asks for it

note[not-checked]: checks that were not made
  vulnerabilities were not looked for: no data of a security tracker were given

waived
  other must not be there: it is old
      in one-debian13:latest
      see out/sbom/one-debian13_latest-amd64.spdx.json: SPDXRef-Binary-other
      forbidden-package waived: until the move & no longer (me@example.org, until 2999-12-31)
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 1 note, 1 waived
"#,
    );
}

#[test]
fn json_has_all_of_it() {
    audit(&shop(), &["--format", "json"]).assert_is(
        r#"
status: 3
----- stdout -----
{
  "policy": "images/policy.toml",
  "date": "[DATE]",
  "clean": false,
  "tally": {
    "errors": 1,
    "warnings": 0,
    "notes": 1,
    "waived": 1
  },
  "images": [
    {
      "image": "one-debian13:latest",
      "architecture": "amd64",
      "packages": 2,
      "errors": 1,
      "warnings": 0,
      "notes": 0,
      "waived": 1
    }
  ],
  "findings": [
    {
      "rule": "forbidden-package",
      "severity": "error",
      "subject": "app",
      "message": "must not be there: <script>alert(1)</script> | `it`",
      "unknown": false,
      "evidence": {
        "file": "out/sbom/one-debian13_latest-amd64.spdx.json",
        "place": "SPDXRef-Binary-app"
      },
      "help": "`distro why` tells which definition asks for it",
      "images": [
        "one-debian13:latest-amd64"
      ]
    },
    {
      "rule": "not-checked",
      "severity": "note",
      "subject": "vulnerabilities",
      "message": "were not looked for: no data of a security tracker were given",
      "unknown": false,
      "images": []
    },
    {
      "rule": "forbidden-package",
      "severity": "error",
      "subject": "other",
      "message": "must not be there: it is old",
      "unknown": false,
      "evidence": {
        "file": "out/sbom/one-debian13_latest-amd64.spdx.json",
        "place": "SPDXRef-Binary-other"
      },
      "help": "`distro why` tells which definition asks for it",
      "images": [
        "one-debian13:latest-amd64"
      ],
      "waived": {
        "reason": "until the move & no longer",
        "owner": "me@example.org",
        "expires": "2999-12-31"
      }
    }
  ]
}
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 1 note, 1 waived
"#,
    );
}

#[test]
fn markdown_is_for_pull_requests() {
    audit(&shop(), &["--format", "markdown"]).assert_is(r#"
status: 3
----- stdout -----
## Audit: findings

1 image by `images/policy.toml` on [DATE]: 1 error, 0 warnings, 1 note, 1 waived.

### error: forbidden-package

No package is there that the policy forbids.

| Subject | Finding | Images | Evidence |
| --- | --- | --- | --- |
| `app` | must not be there: &lt;script&gt;alert(1)&lt;/script&gt; \| \`it\` | one-debian13:latest | `out/sbom/one-debian13_latest-amd64.spdx.json` SPDXRef-Binary-app |

### note: not-checked

Checks that were not made.

| Subject | Finding | Images | Evidence |
| --- | --- | --- | --- |
| `vulnerabilities` | were not looked for: no data of a security tracker were given |  |  |

### waived

| Rule | Subject | Reason | Owner | Until |
| --- | --- | --- | --- | --- |
| forbidden-package | `other` | until the move &amp; no longer | me\@example.org | 2999-12-31 |
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 1 note, 1 waived
"#);
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
    crate::run::Said { stdout: format!("{sarif:#}\n"), ..said }.assert_is(
        r#"
status: 3
----- stdout -----
{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "runs": [
    {
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "level": "error",
          "locations": [
            {
              "logicalLocations": [
                {
                  "fullyQualifiedName": "SPDXRef-Binary-app"
                }
              ],
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "out/sbom/one-debian13_latest-amd64.spdx.json"
                }
              }
            }
          ],
          "message": {
            "text": "app must not be there: <script>alert(1)</script> | `it` (in one-debian13:latest)"
          },
          "partialFingerprints": {
            "finding/v1": "afaf7be252e2c3394834acb14c778980d44517cf2677fa9dcca8ca578377ff32"
          },
          "properties": {
            "images": [
              "one-debian13:latest-amd64"
            ],
            "unknown": false
          },
          "ruleId": "forbidden-package",
          "ruleIndex": 6
        },
        {
          "level": "note",
          "message": {
            "text": "vulnerabilities were not looked for: no data of a security tracker were given"
          },
          "partialFingerprints": {
            "finding/v1": "3a1409c555cb08a2eb717bd5bde6923c9139e9a429d893141b0dfc96b08b6e39"
          },
          "properties": {
            "images": [],
            "unknown": false
          },
          "ruleId": "not-checked",
          "ruleIndex": 21
        },
        {
          "level": "error",
          "locations": [
            {
              "logicalLocations": [
                {
                  "fullyQualifiedName": "SPDXRef-Binary-other"
                }
              ],
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "out/sbom/one-debian13_latest-amd64.spdx.json"
                }
              }
            }
          ],
          "message": {
            "text": "other must not be there: it is old (in one-debian13:latest)"
          },
          "partialFingerprints": {
            "finding/v1": "dc13bfc2a9fe8c01b5a73fcf9940fd9dcf2dceb785a6f4a65f2a89067be1e251"
          },
          "properties": {
            "images": [
              "one-debian13:latest-amd64"
            ],
            "unknown": false
          },
          "ruleId": "forbidden-package",
          "ruleIndex": 6,
          "suppressions": [
            {
              "justification": "until the move & no longer (me@example.org, until 2999-12-31)",
              "kind": "external",
              "status": "accepted"
            }
          ]
        }
      ],
      "tool": {
        "driver": {
          "name": "distro",
          "rules": null,
          "version": "0.1.0"
        }
      }
    }
  ],
  "version": "2.1.0"
}
----- stderr -----
    Audited 1 image by images/policy.toml: 1 error, 0 warnings, 1 note, 1 waived
"#,
    );
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
