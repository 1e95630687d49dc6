//! Two JSON documents, field by field.

use std::collections::BTreeSet;

use serde_json::Value;

/// Differences that are told of a document.
const SHOWN: usize = 12;

/// Characters of a value that are told.
const SHOWN_OF_VALUE: usize = 120;

/// A field and how it differs: `config.Env[0]`, `is "A=1", and a rebuild gives "A=2"`.
pub(super) type Difference = (String, String);

/// The fields that differ; of very many, the first.
pub(super) fn differences(published: &Value, rebuilt: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", published, rebuilt, &mut found);
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    if more > 0 {
        found.push((String::new(), format!("differs in {more} more fields")));
    }
    found
}

fn compare(at: &str, published: &Value, rebuilt: &Value, found: &mut Vec<Difference>) {
    match (published, rebuilt) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let dot = if at.is_empty() { "" } else { "." };
                one(&format!("{at}{dot}{key}"), a.get(key), b.get(key), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let name = name(a.get(index).or(b.get(index)));
                let label = name.map_or_else(|| index.to_string(), |name| format!("{index}: {name}"));
                one(&format!("{at}[{label}]"), a.get(index), b.get(index), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((at.to_owned(), message(Some(a), Some(b)))),
    }
}

fn one(at: &str, published: Option<&Value>, rebuilt: Option<&Value>, found: &mut Vec<Difference>) {
    match (published, rebuilt) {
        (Some(a), Some(b)) => compare(at, a, b, found),
        (a, b) => found.push((at.to_owned(), message(a, b))),
    }
}

/// What an element of SPDX is called.
fn name(element: Option<&Value>) -> Option<&str> {
    let element = element?;
    ["SPDXID", "spdxElementId", "spdxId"].into_iter().find_map(|key| element[key].as_str())
}

fn message(published: Option<&Value>, rebuilt: Option<&Value>) -> String {
    match (published, rebuilt) {
        (Some(published), Some(rebuilt)) => {
            format!("is {}, and a rebuild gives {}", shown(published), shown(rebuilt))
        }
        (Some(published), None) => format!("is {}, and a rebuild gives none", shown(published)),
        (None, rebuilt) => {
            format!("is not there, and a rebuild gives {}", rebuilt.map(shown).unwrap_or_default())
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut shown: String = text.chars().take(SHOWN_OF_VALUE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_that_differs_is_named() {
        let published = json!({ "config": { "Env": ["A=1", "B=2"], "User": "0" }, "os": "linux" });
        let rebuilt = json!({ "config": { "Env": ["A=2"], "Labels": {} }, "os": "linux" });
        let found = differences(&published, &rebuilt);
        let found: Vec<_> = found.iter().map(|(field, message)| format!("{field} {message}")).collect();
        assert_eq!(
            found,
            [
                r#"config.Env[0] is "A=1", and a rebuild gives "A=2""#,
                r#"config.Env[1] is "B=2", and a rebuild gives none"#,
                "config.Labels is not there, and a rebuild gives {}",
                r#"config.User is "0", and a rebuild gives none"#,
            ]
        );
        assert_eq!(differences(&published, &published), []);
    }

    #[test]
    fn of_many_differences_the_first_are_told_and_long_values_are_cut() {
        let many = |first: &str| Value::from(vec![format!("{first}{}", "é".repeat(500)); 20]);
        let found = differences(&many("a"), &many("b"));
        assert_eq!(found.len(), SHOWN + 1);
        assert_eq!(found[SHOWN], (String::new(), "differs in 8 more fields".to_owned()));
        assert!(found[0].1.chars().count() < 300, "{found:?}");
        let element = |version: &str| json!([{ "SPDXID": "SPDXRef-a", "versionInfo": version }]);
        assert_eq!(differences(&element("1"), &element("2"))[0].0, "[0: SPDXRef-a].versionInfo");
    }
}
