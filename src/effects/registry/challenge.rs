//! How a registry asks who is there: the header `WWW-Authenticate`, [RFC 9110 §11.6.1].
//!
//! [RFC 9110 §11.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// [Tokens] are had from another server, the realm.
    ///
    /// [Tokens]: https://distribution.github.io/distribution/spec/auth/token/
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// The way that is known here, of those that headers offer; what was offered, where none is.
    pub fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let offered: Vec<_> = headers.into_iter().flat_map(parse).collect();
        let bearer = offered.iter().find_map(|(scheme, parameters)| {
            let realm = parameters.get("realm").filter(|_| scheme == "bearer")?.clone();
            Some(Self::Bearer { realm, service: parameters.get("service").cloned() })
        });
        let basic = || offered.iter().any(|(scheme, _)| scheme == "basic").then_some(Self::Basic);
        bearer.or_else(basic).ok_or_else(|| {
            let schemes: Vec<_> = offered.into_iter().map(|(scheme, _)| scheme).collect();
            if schemes.is_empty() { "no scheme".to_owned() } else { schemes.join(", ") }
        })
    }
}

/// The schemes of a header in lower case, each with its parameters.
fn parse(header: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let word = &rest[..rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len())];
        if word.is_empty() {
            return found;
        }
        rest = rest[word.len()..].trim_start_matches([' ', '\t']);
        match (rest.strip_prefix('='), found.last_mut()) {
            (Some(after), Some((_, parameters))) => {
                let (value, after) = value(after.trim_start_matches([' ', '\t']));
                parameters.insert(word.to_ascii_lowercase(), value);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => found.push((word.to_ascii_lowercase(), BTreeMap::new())),
        }
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>) -> Result<Challenge, String> {
        Ok(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) })
    }

    #[test]
    fn a_scheme_is_chosen_of_those_offered() {
        for (headers, chosen) in [
            (
                &[
                    r#"Bearer realm="https://auth.example/token",service="a \"b\"",scope="repository:x:pull,push""#,
                ][..],
                bearer("https://auth.example/token", Some("a \"b\"")),
            ),
            (&["Basic realm=\"x, y\", Bearer realm=z"], bearer("z", None)),
            (&["Negotiate", "basic"], Ok(Challenge::Basic)),
            (&["Bearer service=x"], Err("bearer".into())),
            (&["Negotiate, NTLM abc"], Err("negotiate, ntlm, abc".into())),
            (&[], Err("no scheme".into())),
        ] {
            assert_eq!(Challenge::choose(headers.iter().copied()), chosen, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange_to_read(header in "[ -~é]{0,60}") {
            let _ = Challenge::choose([header.as_str()]);
        }
    }
}
