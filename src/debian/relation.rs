//! Relations between packages: `Depends`, `Conflicts`, `Provides` and their like.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Architecture, InvalidName, InvalidVersion, PackageName, Version};
use crate::text::string_form;

mod parse;
mod restriction;

pub use restriction::Restrictions;

/// The value of a relationship field, [policy §7.1]: relations that all hold, separated by commas.
///
/// [policy §7.1]: https://www.debian.org/doc/debian-policy/ch-relationships.html#syntax-of-relationship-fields
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Relations(Vec<Relation>);

/// Alternatives of which one suffices, in order of preference: `a (>= 1) | b`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Relation(Vec<Alternative>);

/// A package, real or virtual, and which of its versions will do: `python3:any (>= 3.13) [amd64]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    pub name: PackageName,
    pub qualifier: Option<Qualifier>,
    pub constraint: Option<Constraint>,
    /// Where the alternative counts at all.
    pub restrictions: Restrictions,
}

/// The architecture that an alternative asks for, the part after the colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier {
    /// Any architecture will do: `:any`.
    Any,
    /// The architecture of the build machine: `:native`.
    Native,
    Named(Architecture),
}

/// A bound on versions: `(>= 1.2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    pub comparison: Comparison,
    pub version: Version,
}

/// How a version has to stand to that of a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<<`
    Earlier,
    /// `<=`, and the obsolete `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the obsolete `>`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// Why a text is no relation between packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a package relation")]
pub struct InvalidRelation {
    text: String,
    #[source]
    why: RelationFault,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum RelationFault {
    #[error("a name is missing")]
    NoName,
    #[error("one relation is expected here, without commas")]
    NotOne,
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    #[error("`{0}` compares no versions: one of `<<`, `<=`, `=`, `>=`, `>>` is expected")]
    Comparison(String),
    #[error("`{0}` is not closed")]
    Unclosed(char),
    #[error("`{0}` is not expected there")]
    Unexpected(String),
}

impl Relations {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Relation> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Relations {
    type Item = &'a Relation;
    type IntoIter = std::slice::Iter<'a, Relation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Relations {
    type Item = Relation;
    type IntoIter = std::vec::IntoIter<Relation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Relation> for Relations {
    fn from_iter<I: IntoIterator<Item = Relation>>(relations: I) -> Self {
        Self(relations.into_iter().collect())
    }
}

impl Relation {
    /// In the order of preference; at least one.
    #[must_use]
    pub fn alternatives(&self) -> &[Alternative] {
        &self.0
    }

    /// Whether any alternative counts on this architecture; a relation of which none does is void.
    #[must_use]
    pub fn applies_to(&self, architecture: &Architecture) -> bool {
        self.0.iter().any(|alternative| alternative.restrictions.admit(architecture))
    }

    /// The package and the version of a relation that one version of one package satisfies: `a (= 1)`.
    #[must_use]
    pub fn exact(&self) -> Option<(&PackageName, &Version)> {
        match (&self.0[..], self.0.first()?.constraint.as_ref()?) {
            ([Alternative { name, .. }], Constraint { comparison: Comparison::Equal, version }) => {
                Some((name, version))
            }
            _ => None,
        }
    }
}

impl From<PackageName> for Relation {
    /// Any version of one package.
    fn from(name: PackageName) -> Self {
        Self(vec![Alternative {
            name,
            qualifier: None,
            constraint: None,
            restrictions: Restrictions::default(),
        }])
    }
}

impl Constraint {
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.comparison {
            Comparison::Earlier => order.is_lt(),
            Comparison::EarlierOrEqual => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::LaterOrEqual => order.is_ge(),
            Comparison::Later => order.is_gt(),
        }
    }
}

impl FromStr for Relations {
    type Err = InvalidRelation;

    /// Empty relations, as a final comma leaves one, are passed over.
    fn from_str(text: &str) -> Result<Self, InvalidRelation> {
        let clauses = text.split(',').filter(|clause| !clause.trim().is_empty());
        clauses.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Relation {
    type Err = InvalidRelation;

    fn from_str(text: &str) -> Result<Self, InvalidRelation> {
        parse::relation(text)
            .map(Self)
            .map_err(|why| InvalidRelation { text: text.trim().chars().take(120).collect(), why })
    }
}

impl fmt::Display for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_separated(f, &self.0, ", ")
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_separated(f, &self.0, " | ")
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match &self.qualifier {
            None => {}
            Some(Qualifier::Any) => f.write_str(":any")?,
            Some(Qualifier::Native) => f.write_str(":native")?,
            Some(Qualifier::Named(architecture)) => write!(f, ":{architecture}")?,
        }
        if let Some(constraint) = &self.constraint {
            write!(f, " ({constraint})")?;
        }
        self.restrictions.fmt(f)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison, self.version)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        })
    }
}

fn write_separated(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display], separator: &str) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

string_form!(Relations, Relation);

#[cfg(test)]
mod tests;
