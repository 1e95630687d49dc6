//! Where a relation counts: `[linux-any !s390x]` and `<!nocheck>`.

use std::fmt;

use super::{Architecture, RelationFault};

/// The architectures and [build profiles] for which an alternative counts; empty means all.
///
/// [build profiles]: https://wiki.debian.org/BuildProfileSpec
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restrictions {
    architectures: Vec<Term>,
    profiles: Vec<Vec<Term>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    word: String,
}

impl Restrictions {
    /// Whether the alternative counts on this architecture, with no build profile active.
    #[must_use]
    pub fn admit(&self, architecture: &Architecture) -> bool {
        self.admit_architecture(architecture) && self.admit_no_profile()
    }

    fn admit_architecture(&self, architecture: &Architecture) -> bool {
        let Some(first) = self.architectures.first() else {
            return true;
        };
        let listed = self.architectures.iter().any(|term| matches(&term.word, architecture.as_str()));
        listed != first.negated
    }

    fn admit_no_profile(&self) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|all| all.iter().all(|term| term.negated))
    }

    pub(super) fn push_architectures(&mut self, list: &str) -> Result<(), RelationFault> {
        let terms = terms(list)?;
        for term in &terms {
            term.word.parse::<Architecture>()?;
            if term.negated != terms[0].negated {
                return Err(RelationFault::Unexpected(format!("a list with and without `!`: {list}")));
            }
        }
        self.architectures = terms;
        Ok(())
    }

    pub(super) fn push_profiles(&mut self, list: &str) -> Result<(), RelationFault> {
        self.profiles.push(terms(list)?);
        Ok(())
    }
}

fn terms(list: &str) -> Result<Vec<Term>, RelationFault> {
    let terms = list.split_whitespace().map(|word| {
        let (negated, name) = word.strip_prefix('!').map_or((false, word), |name| (true, name));
        let valid =
            !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.+".contains(&c));
        if !valid {
            return Err(RelationFault::Unexpected(word.chars().take(40).collect()));
        }
        Ok(Term { negated, word: name.to_owned() })
    });
    let terms = terms.collect::<Result<Vec<_>, _>>()?;
    if terms.is_empty() { Err(RelationFault::NoName) } else { Ok(terms) }
}

/// Whether an architecture falls under a wildcard: `any`, `linux-any`, `any-arm`, [policy §11.1].
///
/// [policy §11.1]: https://www.debian.org/doc/debian-policy/ch-customized-programs.html#architecture-wildcards
fn matches(wildcard: &str, architecture: &str) -> bool {
    let (os, cpu) = architecture.rsplit_once('-').unwrap_or(("linux", architecture));
    let cpu = match cpu {
        "armel" | "armhf" => "arm",
        "x32" => "amd64",
        cpu => cpu,
    };
    match wildcard.rsplit_once('-') {
        _ if wildcard == architecture || wildcard == "any" => true,
        Some(("any", wanted)) => wanted == cpu,
        Some((wanted, "any")) => wanted == os,
        _ => false,
    }
}

impl fmt::Display for Restrictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.architectures.is_empty() {
            write!(f, " [{}]", joined(&self.architectures))?;
        }
        self.profiles.iter().try_for_each(|profiles| write!(f, " <{}>", joined(profiles)))
    }
}

fn joined(terms: &[Term]) -> String {
    let words = terms.iter().map(|term| format!("{}{}", if term.negated { "!" } else { "" }, term.word));
    words.collect::<Vec<_>>().join(" ")
}
