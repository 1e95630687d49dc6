//! What the tracker's states mean for a version that an image holds, in Debian's own order of judgement.

use std::fmt;

use super::VulnerabilityId;
use super::tracker::{Issue, NoDsa, NoDsaReason, ReleaseState, Status, Tracker, Urgency};
use crate::debian::{PackageName, Version};

/// Code of a source package that a binary package of an image holds.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    pub source: &'a PackageName,
    /// Of the source package; that of a binary package differs where it was rebuilt (`+b1`).
    pub version: &'a Version,
    /// Whether it came into the binary package by Built-Using or Static-Built-Using, out of another source package.
    pub built_in: bool,
}

/// What one row of the tracker says of code that an image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory<'t> {
    pub source: &'t PackageName,
    pub id: &'t VulnerabilityId,
    pub issue: &'t Issue,
    pub codename: String,
    /// `None` where the tracker has no row for the release.
    pub state: Option<&'t ReleaseState>,
    pub judgement: Judgement,
}

/// What a vulnerability is for code in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// The release never had it.
    NotAffected,
    /// It was fixed in this version, which the image has, or a later one.
    Fixed(Version),
    /// It was fixed in this version, which the archive has and the image has not.
    FixedByRenewing(Version),
    /// The source package was fixed in this version, but the binary package has the code of an older one: it has to
    /// be built again, by its maintainer.
    FixedByRebuilding(Version),
    /// No version that the archive has is without it.
    NoFixYet,
    /// It is too minor for an advisory of its own; a fix may come with a point release.
    NoDsa,
    /// A fix comes with the next advisory for the package.
    Postponed,
    /// It will not be fixed in this release.
    Ignored,
    /// Nobody has found out yet whether the release has it.
    Undetermined,
    /// It is a bug, but no danger: in code that is not built, say.
    Unimportant,
    /// The security team no longer looks after the package or the release.
    Unsupported,
}

impl Tracker {
    /// What the tracker says of code, by the names of vulnerabilities.
    pub fn judge<'t>(
        &'t self,
        codename: &'t str,
        code: Code<'_>,
    ) -> impl Iterator<Item = Advisory<'t>> + use<'t> {
        let (version, built_in) = (code.version.clone(), code.built_in);
        self.issues.get_key_value(code.source).into_iter().flat_map(move |(source, issues)| {
            let version = version.clone();
            issues.iter().map(move |(id, issue)| {
                let state = issue.releases.get(codename);
                let judgement = state.map_or(Judgement::NotAffected, |state| state.judge(&version, built_in));
                Advisory { source, id, issue, codename: codename.to_owned(), state, judgement }
            })
        })
    }
}

impl ReleaseState {
    /// A status speaks of the archive's newest version, so versions are compared first.
    fn judge(&self, version: &Version, built_in: bool) -> Judgement {
        match &self.fixed_version {
            Some(fixed) if fixed.as_str() == "0" => return Judgement::NotAffected,
            Some(fixed) if version >= fixed => return Judgement::Fixed(fixed.clone()),
            Some(fixed) if self.status == Status::Resolved && built_in => {
                return Judgement::FixedByRebuilding(fixed.clone());
            }
            Some(fixed) if self.status == Status::Resolved => {
                return Judgement::FixedByRenewing(fixed.clone());
            }
            _ => {}
        }
        let reason = self.no_dsa.as_ref().map(|no_dsa| no_dsa.reason);
        match (reason, self.status, self.urgency) {
            (Some(NoDsaReason::Ignored), ..) => Judgement::Ignored,
            // Resolved, but nobody said in which version.
            (_, Status::Undetermined | Status::Resolved, _) => Judgement::Undetermined,
            (Some(NoDsaReason::Postponed), ..) => Judgement::Postponed,
            (Some(NoDsaReason::Minor), ..) => Judgement::NoDsa,
            (None, Status::Open, Urgency::Unimportant) => Judgement::Unimportant,
            (None, Status::Open, Urgency::EndOfLife) => Judgement::Unsupported,
            (None, Status::Open, _) => Judgement::NoFixYet,
        }
    }
}

impl Judgement {
    /// One word for it: `fixed-by-renewing`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAffected => "not-affected",
            Self::Fixed(_) => "fixed",
            Self::FixedByRenewing(_) => "fixed-by-renewing",
            Self::FixedByRebuilding(_) => "fixed-by-rebuilding",
            Self::NoFixYet => "no-fix-yet",
            Self::NoDsa => "no-dsa",
            Self::Postponed => "postponed",
            Self::Ignored => "ignored",
            Self::Undetermined => "undetermined",
            Self::Unimportant => "unimportant",
            Self::Unsupported => "unsupported",
        }
    }

    /// Whether the code has the vulnerability, as far as anybody knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::NotAffected | Self::Fixed(_))
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAffected => f.pad("not affected"),
            Self::Fixed(version) => write!(f, "fixed in {version}"),
            Self::FixedByRenewing(version) => write!(f, "fixed by renewing to {version}"),
            Self::FixedByRebuilding(version) => write!(f, "fixed in {version}, to be built with it"),
            Self::NoFixYet => f.pad("no fix yet"),
            Self::NoDsa => f.pad("minor, no advisory"),
            Self::Postponed => f.pad("postponed"),
            Self::Ignored => f.pad("ignored"),
            Self::Undetermined => f.pad("undetermined"),
            Self::Unimportant => f.pad("unimportant"),
            Self::Unsupported => f.pad("no longer supported"),
        }
    }
}

impl Advisory<'_> {
    /// How the security team rates it.
    #[must_use]
    pub fn urgency(&self) -> Option<Urgency> {
        self.state.map(|state| state.urgency)
    }

    /// Where people read about it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://security-tracker.debian.org/tracker/{}", self.id)
    }
}

/// The tracker's row in one line: `openssl, CVE-2025-9230, trixie: resolved in 3.5.1-1+deb13u1, urgency low`.
impl fmt::Display for Advisory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}: ", self.source, self.id, self.codename)?;
        let Some(ReleaseState { status, fixed_version, urgency, no_dsa, .. }) = self.state else {
            return f.write_str("no entry");
        };
        match (status, fixed_version) {
            (_, Some(version)) if version.as_str() == "0" => f.write_str("never affected")?,
            (Status::Open, _) => f.write_str("open")?,
            (Status::Undetermined, _) => f.write_str("undetermined")?,
            (Status::Resolved, None) => f.write_str("resolved")?,
            (Status::Resolved, Some(version)) => write!(f, "resolved in {version}")?,
        }
        write!(f, ", urgency {urgency}")?;
        let Some(NoDsa { reason, text }) = no_dsa else { return Ok(()) };
        f.write_str(match reason {
            NoDsaReason::Minor => ", no DSA",
            NoDsaReason::Postponed => ", DSA postponed",
            NoDsaReason::Ignored => ", ignored",
        })?;
        if text.is_empty() { Ok(()) } else { write!(f, ": {text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> ReleaseState {
        serde_json::from_str(json).unwrap()
    }

    fn judged(json: &str, version: &str) -> Judgement {
        state(json).judge(&version.parse().unwrap(), false)
    }

    #[test]
    fn versions_come_before_the_status_and_the_status_before_the_urgency() {
        let fixed = |version: &str| version.parse::<Version>().unwrap();
        let resolved =
            r#"{"status": "resolved", "fixed_version": "3.5.1-1+deb13u1", "urgency": "unimportant"}"#;
        assert_eq!(judged(resolved, "3.5.1-1"), Judgement::FixedByRenewing(fixed("3.5.1-1+deb13u1")));
        assert_eq!(judged(resolved, "3.5.1-1+deb13u1"), Judgement::Fixed(fixed("3.5.1-1+deb13u1")));
        let ahead = r#"{"status": "open", "fixed_version": "2.0-1", "urgency": "low"}"#;
        assert_eq!(judged(ahead, "2.0-1"), Judgement::Fixed(fixed("2.0-1")));
        assert_eq!(judged(ahead, "1.0-1"), Judgement::NoFixYet);
        for (rest, expected) in [
            (r#""status": "resolved", "fixed_version": "0", "urgency": "high""#, Judgement::NotAffected),
            (r#""status": "resolved", "urgency": "high""#, Judgement::Undetermined),
            (
                r#""status": "undetermined", "urgency": "low", "nodsa": "x", "nodsa_reason": "ignored""#,
                Judgement::Ignored,
            ),
            (
                r#""status": "undetermined", "urgency": "low", "nodsa": "x", "nodsa_reason": """#,
                Judgement::Undetermined,
            ),
            (
                r#""status": "open", "urgency": "unimportant", "nodsa": "x", "nodsa_reason": "postponed""#,
                Judgement::Postponed,
            ),
            (
                r#""status": "open", "urgency": "end-of-life", "nodsa": "x", "nodsa_reason": """#,
                Judgement::NoDsa,
            ),
            (r#""status": "open", "urgency": "unimportant""#, Judgement::Unimportant),
            (r#""status": "open", "urgency": "end-of-life""#, Judgement::Unsupported),
            (r#""status": "open", "urgency": "not yet assigned""#, Judgement::NoFixYet),
        ] {
            assert_eq!(judged(&format!("{{{rest}}}"), "1.0-1"), expected, "{rest}");
        }
    }

    #[test]
    fn code_that_was_built_in_needs_another_build() {
        let state = state(r#"{"status": "resolved", "fixed_version": "2.41-12+deb13u1", "urgency": "low"}"#);
        let judge = |version: &str| state.judge(&version.parse().unwrap(), true).name();
        assert_eq!(judge("2.41-12"), "fixed-by-rebuilding");
        assert_eq!(judge("2.41-12+deb13u1"), "fixed");
    }
}
