//! What is known of the vulnerabilities of an image → [OpenVEX 0.2.0](https://github.com/openvex/spec).
//!
//! A statement names the image by the digest of its manifest, and in it the binary packages. Scanners compare package
//! URLs, and write them with other qualifiers each; so a package is named by the URL that the SBOM has and, as the
//! digest leaves no doubt which version is meant, by one without a version too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::advisory::{Advisory, Code, Judgement, Justification, Status, Tracker, VulnerabilityId};
use crate::audit::Inventory;
use crate::audit::inventory::BinaryPackage;
use crate::catalog::{Organization, Statement, Verdict};
use crate::digest::Sha256;

/// An image, and who speaks of it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub inventory: &'a Inventory,
    /// `trixie`
    pub codename: &'a str,
    pub organization: &'a Organization,
}

/// What is known of vulnerabilities.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    /// What the tracker said, and when.
    pub tracker: Option<(&'a Tracker, Timestamp)>,
    /// The organization's statements about the image. They count before the tracker.
    pub statements: &'a [&'a Statement],
}

/// The media type of a document.
pub const MEDIA_TYPE: &str = "application/vnd.openvex+json";

/// An OpenVEX document.
pub struct Document {
    /// Indented JSON with a final newline: the same bytes for the same image and knowledge.
    pub text: String,
    /// How many statements have which status.
    pub tally: BTreeMap<Status, usize>,
}

/// The document of an image; `None` where nothing is known of it. Its `@id` holds the digest of all else that it says.
#[must_use]
pub fn document(subject: Subject<'_>, knowledge: Knowledge<'_>) -> Option<Document> {
    let claims = claims(subject, knowledge);
    let dates = knowledge.statements.iter().map(|statement| midnight(statement.date));
    let timestamp = dates.chain(knowledge.tracker.map(|(_, date)| date)).max()?;
    if claims.is_empty() {
        return None;
    }
    let mut tally = BTreeMap::new();
    for claim in claims.keys() {
        *tally.entry(claim.status).or_default() += 1;
    }
    let Organization { name, email, sbom_namespace, .. } = subject.organization;
    let mut wire = Wire {
        context: "https://openvex.dev/ns/v0.2.0",
        id: String::new(),
        author: format!("{name} <{email}>"),
        timestamp: timestamp.to_string(),
        version: 1,
        tooling: concat!("distro ", env!("CARGO_PKG_VERSION")),
        statements: claims.iter().map(|(claim, packages)| wire(subject.inventory, claim, packages)).collect(),
    };
    let inventory = subject.inventory;
    wire.id = format!(
        "{}/vex/{}/{}-{}/{}",
        sbom_namespace.as_str().trim_end_matches('/'),
        inventory.repository,
        inventory.tag,
        inventory.architecture,
        Sha256::of(wire.to_text().as_bytes()),
    );
    Some(Document { text: wire.to_text(), tally })
}

/// What is said of a vulnerability in some packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    vulnerability: VulnerabilityId,
    /// The worst is the greatest.
    status: Status,
    justification: Option<Justification>,
    impact: Option<String>,
    action: Option<String>,
    notes: String,
    description: Option<String>,
    timestamp: Option<Timestamp>,
}

/// A package, by the URLs that scanners may know it by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    purl: String,
    /// Without version and qualifiers.
    bare: String,
}

/// Everything that is said of an image, with the packages of which it is said.
fn claims(subject: Subject<'_>, knowledge: Knowledge<'_>) -> BTreeMap<Claim, BTreeSet<Package>> {
    let mut claims: BTreeMap<Claim, BTreeSet<Package>> = BTreeMap::new();
    let mut claim = |claim: Claim, purl: &Option<String>| {
        claims.entry(claim).or_default().extend(purl.as_deref().map(Package::new));
    };
    let author = subject.organization.name.as_str();
    // Of two about one vulnerability the later counts.
    let mut statements = knowledge.statements.to_vec();
    statements.sort_by_key(|statement| statement.date);
    for package in &subject.inventory.packages {
        let own = statements
            .iter()
            .filter(|statement| statement.is_about_package(&package.name, &package.source.name));
        let own: BTreeMap<_, _> = own.map(|statement| (&statement.vulnerability, *statement)).collect();
        let tracked = knowledge.tracker.filter(|_| package.element.is_debians());
        let tracked =
            tracked.map(|(tracker, _)| worst(tracker, subject.codename, package)).unwrap_or_default();
        for (id, of_tracker) in tracked {
            if !own.contains_key(&id) {
                claim(of_tracker, &package.element.purl);
            }
        }
        for statement in own.into_values() {
            claim(Claim::of_organization(statement, author), &package.element.purl);
        }
    }
    for element in &subject.inventory.upstream {
        let about = statements.iter().filter(|statement| statement.is_about_software(&element.name));
        for statement in about {
            claim(Claim::of_organization(statement, author), &element.purl);
        }
    }
    claims
}

/// What the tracker says of a package's own code and of what was built into it: of each vulnerability the worst.
fn worst(tracker: &Tracker, codename: &str, package: &BinaryPackage) -> BTreeMap<VulnerabilityId, Claim> {
    let own = Code { source: &package.source.name, version: &package.source.version, built_in: false };
    let built_in = package.built_using.iter();
    let built_in =
        built_in.map(|source| Code { source: &source.name, version: &source.version, built_in: true });
    let mut worst: BTreeMap<VulnerabilityId, Claim> = BTreeMap::new();
    for code in std::iter::once(own).chain(built_in) {
        for advisory in tracker.judge(codename, code) {
            let claim = Claim::of_tracker(&advisory, code, package);
            let known = worst.entry(advisory.id.clone()).or_insert_with(|| claim.clone());
            if known.status < claim.status {
                *known = claim;
            }
        }
    }
    worst
}

impl Claim {
    fn of_organization(statement: &Statement, organization: &str) -> Self {
        let author = statement.author.as_deref().unwrap_or(organization);
        let mut claim = Self {
            vulnerability: statement.vulnerability.clone(),
            status: Status::Fixed,
            justification: None,
            impact: None,
            action: None,
            notes: format!("according to {author}"),
            description: None,
            timestamp: Some(midnight(statement.date)),
        };
        match &statement.verdict {
            Verdict::Fixed => {}
            Verdict::UnderInvestigation => claim.status = Status::UnderInvestigation,
            Verdict::Affected { action } => {
                claim.status = Status::Affected;
                claim.action = Some(action.clone());
            }
            // The schema wants one of the two.
            Verdict::NotAffected { justification, impact } => {
                claim.status = Status::NotAffected;
                claim.justification = *justification;
                match impact {
                    Some(impact) if justification.is_some() => claim.notes += &format!(": {impact}"),
                    impact => claim.impact.clone_from(impact),
                }
            }
        }
        claim
    }

    fn of_tracker(advisory: &Advisory<'_>, code: Code<'_>, package: &BinaryPackage) -> Self {
        let Code { source, version, built_in } = code;
        let codename = &advisory.codename;
        let (status, action) = match &advisory.judgement {
            Judgement::NotAffected | Judgement::Unimportant => (Status::NotAffected, None),
            Judgement::Fixed(_) => (Status::Fixed, None),
            Judgement::Undetermined => (Status::UnderInvestigation, None),
            Judgement::FixedByRenewing(fixed) => {
                let action = format!("Use a newer image: {source} {fixed} in {codename} fixes it.");
                (Status::Affected, Some(action))
            }
            Judgement::FixedByRebuilding(fixed) => {
                let action = format!(
                    "Wait for a {} that is built with {source} {fixed}, or do without the package.",
                    package.name
                );
                (Status::Affected, Some(action))
            }
            Judgement::NoFixYet => {
                (Status::Affected, Some(format!("No version in {codename} fixes it yet.")))
            }
            Judgement::NoDsa => {
                let action = format!("Debian takes it for minor; a point release of {codename} may fix it.");
                (Status::Affected, Some(action))
            }
            Judgement::Postponed => {
                let action = format!("Debian fixes it with the next advisory for {source} in {codename}.");
                (Status::Affected, Some(action))
            }
            Judgement::Ignored => (Status::Affected, Some(format!("Debian will not fix it in {codename}."))),
            Judgement::Unsupported => {
                let action =
                    format!("Use a newer release: Debian no longer looks after {source} in {codename}.");
                (Status::Affected, Some(action))
            }
        };
        let not_affected = advisory.judgement == Judgement::NotAffected;
        let unimportant = advisory.judgement == Judgement::Unimportant;
        let holds = if built_in { "has code of" } else { "is of" };
        Self {
            vulnerability: advisory.id.clone(),
            status,
            justification: not_affected.then_some(Justification::VulnerableCodeNotPresent),
            impact: unimportant.then(|| "Debian takes it for no danger to its packages.".to_owned()),
            action,
            notes: format!(
                "{} {holds} {source} {version}; the Debian security tracker: {advisory}",
                package.name
            ),
            description: advisory.issue.description.clone(),
            timestamp: None,
        }
    }
}

impl Package {
    fn new(purl: &str) -> Self {
        let path = purl.split(['?', '#']).next().unwrap_or(purl);
        let bare = path.rsplit_once('@').map_or(path, |(bare, _)| bare);
        Self { purl: purl.to_owned(), bare: bare.to_owned() }
    }
}

fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map(|time| time.timestamp()).unwrap_or_default()
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "@context")]
    context: &'a str,
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: String,
    version: u32,
    tooling: &'a str,
    statements: Vec<WireStatement<'a>>,
}

#[derive(Serialize)]
struct WireStatement<'a> {
    vulnerability: WireVulnerability<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    products: [WireProduct<'a>; 1],
    status: Status,
    status_notes: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<Justification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact_statement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_statement: Option<&'a str>,
}

#[derive(Serialize)]
struct WireVulnerability<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct WireProduct<'a> {
    #[serde(rename = "@id")]
    id: String,
    identifiers: Identifiers,
    hashes: BTreeMap<&'a str, String>,
    subcomponents: Vec<WireSubcomponent<'a>>,
}

#[derive(Serialize)]
struct WireSubcomponent<'a> {
    #[serde(rename = "@id")]
    id: &'a str,
    identifiers: Identifiers,
}

#[derive(Serialize)]
struct Identifiers {
    purl: String,
}

impl Wire<'_> {
    fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a document is plain data") + "\n"
    }
}

fn wire<'a>(inventory: &Inventory, claim: &'a Claim, packages: &'a BTreeSet<Package>) -> WireStatement<'a> {
    let image = format!("pkg:oci/{}@sha256%3A{}", inventory.repository, inventory.manifest);
    let subcomponents = packages.iter().map(|package| WireSubcomponent {
        id: &package.purl,
        identifiers: Identifiers { purl: package.bare.clone() },
    });
    let Claim { vulnerability, status, justification, impact, action, notes, description, timestamp } = claim;
    WireStatement {
        vulnerability: WireVulnerability {
            name: vulnerability.to_string(),
            description: description.as_deref(),
        },
        timestamp: timestamp.map(|time| time.to_string()),
        products: [WireProduct {
            id: image.clone(),
            identifiers: Identifiers { purl: image },
            hashes: [("sha-256", inventory.manifest.to_string())].into(),
            subcomponents: subcomponents.collect(),
        }],
        status: *status,
        status_notes: notes,
        justification: *justification,
        impact_statement: impact.as_deref(),
        action_statement: action.as_deref(),
    }
}
