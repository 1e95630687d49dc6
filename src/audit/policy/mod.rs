//! What an organisation asks of its images.

mod file;
mod license;
mod pattern;
mod vulnerability;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::finding::{Finding, Rule};
use crate::debian::PackagePattern;
use crate::diagnostic::{Diagnostic, Location, Source, parse};
use crate::tree::ImagePath;
pub use file::{Level, PolicyFile};
pub use license::{LicensePolicy, Verdict};
pub use pattern::{ImagePattern, InvalidPattern, SubjectPattern};
pub use vulnerability::{State, VulnerabilityPolicy};

/// A policy whose patterns, licenses and dates are understood.
#[derive(Debug)]
pub struct Policy {
    /// Where it was read: what evidence names.
    pub path: String,
    levels: BTreeMap<Rule, Level>,
    pub licenses: LicensePolicy,
    pub forbidden: Vec<Forbidden>,
    pub required: Vec<Field>,
    /// Images that may have a shell.
    pub shell: Vec<ImagePattern>,
    pub privileged: Vec<ImagePath>,
    /// Images that must not run as root.
    pub nonroot: Vec<ImagePattern>,
    pub max_age_days: Option<u32>,
    pub end_of_life: Vec<EndOfLife>,
    pub vulnerabilities: VulnerabilityPolicy,
    pub waivers: Vec<Waiver>,
}

/// What an SBOM has to say: of itself, and of every package and tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The organisation or person that made the document.
    Author,
    /// The program that made it, and its version.
    Tool,
    Timestamp,
    /// When in the life of the image it was made: `SBOM Type: Build`.
    Context,
    Version,
    Supplier,
    Purl,
    /// A SHA-256 of the package.
    Checksum,
    LicenseDeclared,
    LicenseConcluded,
    Copyright,
    /// A SHA-256 of the source package.
    SourceChecksum,
    /// A code over the package's files.
    VerificationCode,
}

#[derive(Debug)]
pub struct Forbidden {
    pub packages: Vec<PackagePattern>,
    pub images: Vec<ImagePattern>,
    pub except: Vec<ImagePattern>,
    pub reason: String,
}

#[derive(Debug)]
pub struct EndOfLife {
    pub of: Supported,
    /// The last day of support.
    pub date: Date,
    pub notice_days: u32,
    pub source: String,
}

#[derive(Debug)]
pub enum Supported {
    /// `debian 13`
    System(String),
    Packages(Vec<PackagePattern>),
}

/// Findings that somebody accepts for a time.
#[derive(Debug)]
pub struct Waiver {
    pub rule: Rule,
    pub subject: SubjectPattern,
    pub images: Vec<ImagePattern>,
    pub reason: String,
    pub owner: String,
    /// The last day on which it counts.
    pub expires: Date,
    /// Its line in the policy, from 1.
    pub line: usize,
}

impl Policy {
    /// The policy of a catalog that has none.
    #[must_use]
    pub fn by_default() -> Self {
        Self::read(&Source::new("the default policy", "")).expect("nothing is said that could be wrong")
    }

    /// Reads the text of a `policy.toml`.
    pub fn read(source: &Arc<Source>) -> Result<Self, Diagnostic> {
        let file: PolicyFile = parse(source)?;
        let reader = Reader(source);
        let forbidden = file.forbidden.iter().map(|table| {
            Ok(Forbidden {
                packages: reader.all(&table.packages)?,
                images: reader.all_or(table.images.as_deref(), "*")?,
                except: reader.all(&table.except)?,
                reason: reader.said("reason", &table.reason)?,
            })
        });
        let end_of_life = file.end_of_life.iter().map(|table| {
            let date = reader.date(&table.date)?;
            let of = match (&table.system, &table.packages) {
                (Some(system), None) => Supported::System(system.get_ref().clone()),
                (None, Some(packages)) => Supported::Packages(reader.all(packages)?),
                _ => {
                    let at = Location::of(source, &table.date);
                    let hint = "write `system = \"debian 13\"` or `packages = [\"openjdk-21-*\"]`";
                    return Err(at
                        .error("an end of life is of a system or of packages", "of one of them")
                        .help(hint));
                }
            };
            Ok(EndOfLife { of, date, notice_days: table.notice_days, source: table.source.clone() })
        });
        let waivers = file.waiver.iter().map(|table| {
            Ok(Waiver {
                rule: table.rule,
                subject: reader.one(&table.subject)?,
                images: reader.all_or(table.images.as_deref(), "*")?,
                reason: reader.said("reason", &table.reason)?,
                owner: reader.said("owner", &table.owner)?,
                expires: reader.date(&table.expires)?,
                line: source.line(table.subject.span().start),
            })
        });
        Ok(Self {
            path: source.path.clone(),
            forbidden: forbidden.collect::<Result<_, _>>()?,
            end_of_life: end_of_life.collect::<Result<_, _>>()?,
            waivers: waivers.collect::<Result<_, _>>()?,
            licenses: LicensePolicy::read(&reader, &file.licenses)?,
            required: file.sbom.require.unwrap_or_else(|| Field::BY_DEFAULT.to_vec()),
            shell: reader.all_or(file.files.shell.as_deref(), "*:debug*")?,
            privileged: reader.all(&file.files.privileged)?,
            nonroot: reader.all_or(file.users.nonroot.as_deref(), "*:*nonroot*")?,
            max_age_days: file.lock.max_age_days,
            vulnerabilities: file.vulnerabilities.into(),
            levels: file.severity,
        })
    }

    /// A finding as grave as the policy has it; `None` where the policy does not apply the rule.
    #[must_use]
    pub fn weighed(&self, finding: Finding) -> Option<Finding> {
        match self.levels.get(&finding.rule) {
            None => Some(finding),
            Some(level) => Some(Finding { severity: level.severity()?, ..finding }),
        }
    }

    /// Whether the rule is not off.
    #[must_use]
    pub fn applies(&self, rule: Rule) -> bool {
        self.levels.get(&rule) != Some(&Level::Off)
    }
}

impl Field {
    const BY_DEFAULT: [Self; 8] = [
        Self::Author,
        Self::Tool,
        Self::Timestamp,
        Self::Context,
        Self::Version,
        Self::Supplier,
        Self::Purl,
        Self::Checksum,
    ];
}

impl Waiver {
    /// Whether it speaks of a finding in an image.
    #[must_use]
    pub fn covers(&self, finding: &Finding, image: &str) -> bool {
        let mut names = finding.aliases.iter().chain([&finding.subject]);
        self.rule == finding.rule
            && names.any(|name| self.subject.admits(name))
            && self.images.iter().any(|pattern| pattern.admits(image))
    }
}

/// A text whose values are read in their own types.
struct Reader<'a>(&'a Arc<Source>);

impl Reader<'_> {
    fn one<T: std::str::FromStr<Err: std::error::Error>>(
        &self,
        text: &Spanned<String>,
    ) -> Result<T, Diagnostic> {
        text.get_ref().parse().map_err(|error: T::Err| Location::of(self.0, text).invalid(&error))
    }

    fn all<T: std::str::FromStr<Err: std::error::Error>>(
        &self,
        texts: &[Spanned<String>],
    ) -> Result<Vec<T>, Diagnostic> {
        texts.iter().map(|text| self.one(text)).collect()
    }

    /// The patterns of a list, or the one that stands for it where it is not given.
    fn all_or(
        &self,
        texts: Option<&[Spanned<String>]>,
        otherwise: &str,
    ) -> Result<Vec<ImagePattern>, Diagnostic> {
        match texts {
            Some(texts) => self.all(texts),
            None => Ok(vec![otherwise.parse().expect("it is a pattern")]),
        }
    }

    fn date(&self, text: &Spanned<String>) -> Result<Date, Diagnostic> {
        text.get_ref().parse().map_err(|_| {
            let at = Location::of(self.0, text);
            at.error(format!("`{}` is no date", text.get_ref()), "")
                .help("a date is written as in `2028-08-09`")
        })
    }

    /// A text that says something.
    fn said(&self, what: &str, text: &Spanned<String>) -> Result<String, Diagnostic> {
        match text.get_ref().trim() {
            "" => Err(Location::of(self.0, text).error(format!("the {what} is missing"), "says nothing")),
            said => Ok(said.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
