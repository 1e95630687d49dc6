//! The Debian security tracker's [JSON](https://security-tracker.debian.org/tracker/data/json): source packages, their
//! vulnerabilities, and the state of each in every release that Debian looks after.
//!
//! It has some 70 MB, of which the images of a catalog need little: what is not asked for is read for its shape, and
//! not kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::VulnerabilityId;
use crate::debian::{Compression, PackageName, UnpackError, Version};

/// Bytes that the data may unpack to.
const AT_MOST: u64 = 1 << 30;

/// What of the tracker's data is kept.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub codenames: &'a BTreeSet<String>,
    /// By the names of a source package and of a vulnerability.
    pub keep: &'a dyn Fn(&str, &str) -> bool,
}

/// The tracker's data, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracker {
    pub(super) issues: BTreeMap<PackageName, BTreeMap<VulnerabilityId, Issue>>,
}

/// A vulnerability of a source package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issue {
    pub description: Option<String>,
    /// From where it can be exploited: `local`, `remote`.
    pub scope: Option<String>,
    /// Its number in Debian's bug tracker.
    pub bug: Option<u64>,
    /// By codename.
    pub releases: BTreeMap<String, ReleaseState>,
}

/// What became of a vulnerability in a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "StateWire")]
pub struct ReleaseState {
    /// Of the newest version that the release's suites have.
    pub status: Status,
    /// The versions that suites had: `trixie`, `trixie-security`.
    pub repositories: BTreeMap<String, Version>,
    /// The first version that has it no longer; `0` where no version of the release ever had it.
    pub fixed_version: Option<Version>,
    pub urgency: Urgency,
    /// Why there is no security advisory (DSA) for it.
    pub no_dsa: Option<NoDsa>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Open,
    Resolved,
    Undetermined,
}

/// How the security team rates a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    Unimportant,
    /// The release or the package is no longer supported.
    EndOfLife,
    NotYetAssigned,
    Low,
    Medium,
    High,
}

/// The security team's word that it makes no advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoDsa {
    pub reason: NoDsaReason,
    /// In the team's words: `Minor issue`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDsaReason {
    /// None is given: a fix may come with a point release.
    Minor,
    /// It comes with the next advisory for the package.
    Postponed,
    /// It will not be fixed in the release.
    Ignored,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidTracker {
    #[error("it is empty")]
    Empty,
    #[error("it is HTML, not JSON: did a captive portal or proxy answer?")]
    Html,
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    #[error("{what}: {place}{error}")]
    Json {
        what: &'static str,
        /// `openssl, CVE-2025-9230: `, where it is in one.
        place: String,
        error: serde_json::Error,
    },
    #[error("it says nothing of the release `{0}`")]
    NoRelease(String),
}

impl Tracker {
    /// Reads the tracker's JSON, which may be packed with gzip, xz or zstd.
    ///
    /// # Errors
    /// Where any of it has another shape, though it were not kept; and where it has none of a release that is asked
    /// for: silence would be taken for safety.
    pub fn parse(data: &Bytes, scope: Scope<'_>) -> Result<Self, InvalidTracker> {
        let json = Compression::of(data).unpack(data, AT_MOST)?;
        match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Err(InvalidTracker::Empty),
            Some(b'<') => return Err(InvalidTracker::Html),
            Some(_) => {}
        }
        let mut reading =
            Reading { scope, seen: BTreeSet::new(), place: String::new(), tracker: Self::default() };
        let mut deserializer = serde_json::Deserializer::from_slice(&json);
        let read = Sources(&mut reading).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        if let Err(error) = read {
            let what = match error.classify() {
                Category::Eof => "it is cut short",
                Category::Data => "it is not as the tracker writes it",
                Category::Syntax | Category::Io => "it is not JSON",
            };
            return Err(InvalidTracker::Json { what, place: reading.place, error });
        }
        match scope.codenames.iter().find(|codename| !reading.seen.contains(codename)) {
            Some(codename) => Err(InvalidTracker::NoRelease(codename.clone())),
            None => Ok(reading.tracker),
        }
    }

    /// The source packages of which anything was kept.
    pub fn sources(&self) -> impl Iterator<Item = &PackageName> {
        self.issues.keys()
    }
}

/// As the tracker writes it.
#[derive(Deserialize)]
struct StateWire {
    status: Status,
    #[serde(default)]
    repositories: BTreeMap<String, Version>,
    fixed_version: Option<Version>,
    #[serde(deserialize_with = "words")]
    urgency: Urgency,
    nodsa: Option<String>,
    nodsa_reason: Option<NoDsaReason>,
}

impl From<StateWire> for ReleaseState {
    fn from(wire: StateWire) -> Self {
        let StateWire { status, repositories, fixed_version, urgency, nodsa, nodsa_reason } = wire;
        let no_dsa = match (nodsa, nodsa_reason) {
            (None, None) => None,
            (text, reason) => {
                Some(NoDsa { reason: reason.unwrap_or(NoDsaReason::Minor), text: text.unwrap_or_default() })
            }
        };
        Self { status, repositories, fixed_version, urgency, no_dsa }
    }
}

impl FromStr for Urgency {
    type Err = String;

    /// Asterisks mark what was taken over from elsewhere.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.trim_end_matches('*') {
            "unimportant" => Self::Unimportant,
            "end-of-life" => Self::EndOfLife,
            "not yet assigned" => Self::NotYetAssigned,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            _ => return Err(format!("unknown urgency `{text}`")),
        })
    }
}

/// The words of the tracker, where policies have `-` for spaces.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Urgency, D::Error> {
    Cow::<str>::deserialize(deserializer)?.parse().map_err(Error::custom)
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unimportant => "unimportant",
            Self::EndOfLife => "end-of-life",
            Self::NotYetAssigned => "not yet assigned",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl<'de> Deserialize<'de> for NoDsaReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*Cow::<str>::deserialize(deserializer)? {
            "" => Ok(Self::Minor),
            "postponed" => Ok(Self::Postponed),
            "ignored" => Ok(Self::Ignored),
            other => Err(Error::custom(format!("unknown nodsa_reason `{other}`"))),
        }
    }
}

struct Reading<'a> {
    scope: Scope<'a>,
    /// The codenames asked for that stand anywhere in the data.
    seen: BTreeSet<&'a String>,
    /// Where reading stopped.
    place: String,
    tracker: Tracker,
}

/// `{source: {vulnerability: …}}`
struct Sources<'r, 'a>(&'r mut Reading<'a>);

/// `{vulnerability: {…}}` of a source package.
struct Issues<'r, 'a> {
    reading: &'r mut Reading<'a>,
    source: String,
}

/// `{"description": …, "releases": …}`, with or without an interest in it.
struct OneIssue<'r, 'a> {
    reading: &'r mut Reading<'a>,
    keep: bool,
}

/// `{codename: {…}}`
struct Releases<'r, 'a> {
    reading: &'r mut Reading<'a>,
    keep: bool,
}

macro_rules! read_as_map {
    ($($seed:ident -> $value:ty;)*) => { $(
        impl<'de> DeserializeSeed<'de> for $seed<'_, '_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    )* };
}

read_as_map! {
    Sources -> ();
    Issues -> ();
    OneIssue -> Issue;
    Releases -> BTreeMap<String, ReleaseState>;
}

impl<'de> Visitor<'de> for Sources<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("source packages by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(source) = map.next_key::<String>()? {
            map.next_value_seed(Issues { reading: &mut *self.0, source })?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Issues<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the vulnerabilities of {} by name", self.source)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reading, source } = self;
        let mut issues = BTreeMap::new();
        while let Some(id) = map.next_key::<String>()? {
            let keep = (reading.scope.keep)(&source, &id);
            let issue = map.next_value_seed(OneIssue { reading: &mut *reading, keep });
            let issue = issue.inspect_err(|_| reading.place = format!("{source}, {id}: "))?;
            if keep {
                issues.insert(id.as_str().into(), issue);
            }
        }
        if !issues.is_empty() {
            let source = source.parse().map_err(A::Error::custom)?;
            reading.tracker.issues.insert(source, issues);
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for OneIssue<'_, '_> {
    type Value = Issue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vulnerability with its `releases`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Issue, A::Error> {
        let Self { reading, keep } = self;
        let (mut issue, mut releases) = (Issue::default(), None);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match &*key {
                "releases" => {
                    releases = Some(map.next_value_seed(Releases { reading: &mut *reading, keep })?)
                }
                "description" if keep => issue.description = map.next_value()?,
                "scope" if keep => issue.scope = map.next_value()?,
                "debianbug" if keep => issue.bug = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        issue.releases = releases.ok_or_else(|| A::Error::missing_field("releases"))?;
        Ok(issue)
    }
}

impl<'de> Visitor<'de> for Releases<'_, '_> {
    type Value = BTreeMap<String, ReleaseState>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the states of releases by codename")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut states = BTreeMap::new();
        while let Some(codename) = map.next_key::<Cow<'_, str>>()? {
            match self.reading.scope.codenames.get(&*codename) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(wanted) => {
                    self.reading.seen.insert(wanted);
                    if self.keep {
                        states.insert(wanted.clone(), map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Ok(states)
    }

    /// The tracker's maps that hold nothing have been seen as empty lists.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        match list.next_element::<IgnoredAny>()? {
            None => Ok(BTreeMap::new()),
            Some(_) => Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
        }
    }
}

#[cfg(test)]
mod tests;
