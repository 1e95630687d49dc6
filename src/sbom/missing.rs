//! What an SBOM would say, and nobody could tell.

use super::Subject;
use super::agent::Agent;

/// A field that stays open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// `libc6 2.41-12`
    pub element: String,
    pub field: &'static str,
    /// The documents that ask for it.
    pub wanted_by: &'static str,
}

/// The fields of an image's SBOM that stay open, in the order of elements.
#[must_use]
pub fn missing(subject: &Subject<'_>) -> Vec<Missing> {
    let mut all = Vec::new();
    let mut check = |element: &str, fields: &[(bool, &'static str, &'static str)]| {
        let open = fields.iter().filter(|(is_there, ..)| !is_there);
        all.extend(open.map(|&(_, field, wanted_by)| Missing {
            element: element.to_owned(),
            field,
            wanted_by,
        }));
    };
    for component in &subject.packages {
        let licensing = component.licensing;
        check(
            &format!("{} {}", component.name, component.pin.version),
            &[
                (component.facts.maintainer.and_then(Agent::maintainer).is_some(), "supplier", SUPPLIER),
                (licensing.is_some(), "licence", LICENSE),
                (
                    licensing.is_some_and(|licensing| !licensing.copyright.is_empty()),
                    "copyright text",
                    COPYRIGHT,
                ),
                (component.content.sha512().is_some(), "SHA-512 of the .deb", BSI),
                (component.location.is_some(), "download location", "Telco, BSI"),
            ],
        );
    }
    for component in &subject.tarballs {
        let (definition, licensing) = (component.definition, component.licensing);
        check(
            &format!("{} {}", definition.software, definition.version),
            &[
                (
                    licensing.is_some_and(|licensing| !licensing.copyright.is_empty()),
                    "copyright text",
                    COPYRIGHT,
                ),
                (
                    licensing.is_some_and(|known| {
                        known.concluded.references().all(|id| known.texts.contains_key(&id))
                    }),
                    "licence text",
                    LICENSE,
                ),
                (definition.homepage.is_some(), "home page of the supplier", BSI),
                (component.content.sha512().is_some(), "SHA-512 of the tarball", BSI),
            ],
        );
    }
    for (source, component) in &subject.sources {
        check(
            &format!("source {source}"),
            &[
                (component.pin.is_some(), "SHA-256 of the .dsc", "Telco, BSI"),
                (component.location.is_some(), "download location", "Telco, BSI"),
            ],
        );
    }
    all
}

const SUPPLIER: &str = "NTIA, CISA, FSCT3, BSI, Telco";
const LICENSE: &str = "CISA, FSCT3, BSI, Telco";
const COPYRIGHT: &str = "FSCT3, Telco";
const BSI: &str = "BSI";
