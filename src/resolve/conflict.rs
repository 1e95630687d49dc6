//! Why a request cannot be had, as a person would tell it.

use std::fmt;

use crate::debian::{PackageName, Relation, Version};

/// Why there is no set of packages that satisfies a request. Shown over several lines; [`Conflict::hint`] says
/// what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Every way leads to this relation, which nothing can satisfy.
    #[error("`{}` cannot be installed{_0}", _0.root())]
    Unmet(Unmet),
    /// Each request could be had alone. No fewer of them exclude one another.
    #[error("{} cannot be installed together: no choice among their alternatives fits all", quoted(_0))]
    Together(Vec<Relation>),
}

/// A relation that nothing satisfies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The way from a request to the relation, which is that of the last link. Never empty.
    pub links: Vec<Link>,
    /// Each package that comes into question, and why it fell out.
    pub fallen: Vec<Fallen>,
    /// The name that would leave the relation out; `None` for a request.
    pub leave_out: Option<PackageName>,
    /// Names like the one requested, where that is unknown. The nearest first.
    pub nearest: Vec<PackageName>,
}

/// A relation that has to hold, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub bearer: Bearer,
    pub relation: Relation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    Request,
    Package { name: PackageName, version: Version },
}

/// A package that might have satisfied a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallen {
    pub name: PackageName,
    pub version: Version,
    /// The label of the suite that it is from.
    pub suite: String,
    pub reason: Reason,
}

/// Why a package cannot satisfy a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has the name and a version that will not do.
    Version,
    /// It has the name, and serves no other architecture's packages, or is not of the one asked for.
    Architecture,
    /// It provides the name, in a version that will not do, or in none where a bound is set.
    Provides { name: PackageName, version: Option<Version> },
    /// The definition leaves it out.
    LeftOut,
    /// A package that has to be installed excludes it, or is excluded by it.
    Excluded {
        declared_by: Bearer,
        field: &'static str,
        relation: Relation,
        wanted: Vec<Link>,
        other: PackageName,
    },
    /// What it needs cannot be had either.
    Needs(Box<Unmet>),
    /// The reason was given before.
    AsSaid,
}

impl Conflict {
    /// What to change in the definition.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unmet(unmet) => unmet.hint(),
            Self::Together(_) => None,
        }
    }
}

impl Unmet {
    /// The request at the beginning.
    #[must_use]
    pub fn root(&self) -> &Relation {
        &self.links[0].relation
    }

    fn hint(&self) -> Option<String> {
        if !self.nearest.is_empty() {
            return Some(format!("is one of these meant? {}", quoted(&self.nearest)));
        }
        if let Some(name) = &self.leave_out {
            return Some(format!(
                "to do without it, add to the image's `leave-out`: `{name} = \"the reason\"`"
            ));
        }
        self.fallen.iter().find_map(|fallen| match &fallen.reason {
            Reason::Needs(unmet) => unmet.hint(),
            _ => None,
        })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        write_links(f, &self.links, indent)?;
        if self.fallen.is_empty() {
            write!(f, "\n{:indent$}  no package has that name, and none provides it", "")?;
        }
        self.fallen.iter().try_for_each(|fallen| fallen.write(f, indent + 2))
    }
}

impl Fallen {
    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let Self { name, version, suite, reason } = self;
        write!(f, "\n{:indent$}{name} {version} ({suite}) ", "")?;
        match reason {
            Reason::Version => f.write_str("is not of such a version"),
            Reason::Architecture => f.write_str("is not for that architecture (Multi-Arch)"),
            Reason::Provides { name, version: None } => write!(f, "provides {name}, but in no version"),
            Reason::Provides { name, version: Some(provided) } => write!(f, "provides {name} {provided}"),
            Reason::LeftOut => f.write_str("is left out by the definition"),
            Reason::AsSaid => f.write_str("cannot be installed, as said above"),
            Reason::Excluded { declared_by, field, relation, wanted, other } => {
                write!(f, "cannot be installed with {other}: {declared_by} has `{field}: {relation}`")?;
                write_links(f, wanted, indent + 2)
            }
            Reason::Needs(unmet) => {
                f.write_str("cannot be installed")?;
                unmet.write(f, indent + 2)
            }
        }
    }
}

fn write_links(f: &mut fmt::Formatter<'_>, links: &[Link], indent: usize) -> fmt::Result {
    for Link { bearer, relation } in links {
        match bearer {
            Bearer::Request => write!(f, "\n{:indent$}`{relation}` is requested", "")?,
            Bearer::Package { .. } => write!(f, "\n{:indent$}{bearer} depends on `{relation}`", "")?,
        }
    }
    Ok(())
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 2)
    }
}

impl fmt::Display for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("the request"),
            Self::Package { name, version } => write!(f, "{name} {version}"),
        }
    }
}

fn quoted(items: &[impl fmt::Display]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}
