//! Which licenses are allowed, which are not, and which somebody has to look at.

use globset::GlobMatcher;
use spdx::{Expression, LicenseReq};
use toml::Spanned;

use super::file::LicensesTable;
use super::pattern::glob;
use super::{ImagePattern, Reader};
use crate::debian::PackagePattern;
use crate::diagnostic::{Diagnostic, Location};

#[derive(Debug)]
pub struct LicensePolicy {
    /// `None` where a license needs not be named to be allowed.
    allow: Option<Vec<Pattern>>,
    review: Vec<Pattern>,
    deny: Vec<Pattern>,
    exceptions: Vec<Exception>,
}

#[derive(Debug)]
struct Exception {
    allow: Vec<Pattern>,
    packages: Option<Vec<PackagePattern>>,
    images: Vec<ImagePattern>,
}

#[derive(Debug)]
enum Pattern {
    License(LicenseReq),
    Glob(GlobMatcher),
}

/// What is to be said of an expression, the best first; with the licenses for which it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Review(Vec<String>),
    Unlisted(Vec<String>),
    Denied(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Allowed,
    Review,
    Unlisted,
    Denied,
}

impl LicensePolicy {
    pub(super) fn read(reader: &Reader<'_>, table: &LicensesTable) -> Result<Self, Diagnostic> {
        let patterns = |texts: &[Spanned<String>]| {
            texts.iter().map(|text| Pattern::read(reader, text)).collect::<Result<Vec<_>, _>>()
        };
        let exceptions = table.exception.iter().map(|exception| {
            reader.said("reason", &exception.reason)?;
            Ok(Exception {
                allow: patterns(&exception.allow)?,
                packages: exception.packages.as_ref().map(|names| reader.all(names)).transpose()?,
                images: reader.all_or(exception.images.as_deref(), "*")?,
            })
        });
        Ok(Self {
            allow: table.allow.as_deref().map(patterns).transpose()?,
            review: patterns(&table.review)?,
            deny: patterns(&table.deny)?,
            exceptions: exceptions.collect::<Result<_, _>>()?,
        })
    }

    /// What is to be said of a package of an image that is under an expression.
    #[must_use]
    pub fn judge(&self, expression: &Expression, package: &str, image: &str) -> Verdict {
        let exceptions: Vec<_> =
            self.exceptions.iter().filter(|exception| exception.is_for(package, image)).collect();
        let rank = |license: &LicenseReq| {
            if exceptions.iter().any(|exception| any(&exception.allow, license, Pattern::permits)) {
                Rank::Allowed
            } else {
                self.rank(license)
            }
        };
        for best in [Rank::Allowed, Rank::Review, Rank::Unlisted] {
            if expression.evaluate(|license| rank(license) <= best) {
                return best.verdict(expression, rank);
            }
        }
        Rank::Denied.verdict(expression, rank)
    }

    fn rank(&self, license: &LicenseReq) -> Rank {
        if any(&self.deny, license, Pattern::is) {
            Rank::Denied
        } else if any(&self.review, license, Pattern::is) {
            Rank::Review
        } else if self.allow.as_ref().is_none_or(|allow| any(allow, license, Pattern::permits)) {
            Rank::Allowed
        } else {
            Rank::Unlisted
        }
    }
}

impl Rank {
    /// What this rank says of an expression, with the licenses that have it.
    fn verdict(self, expression: &Expression, rank: impl Fn(&LicenseReq) -> Self) -> Verdict {
        let of_rank =
            expression.requirements().map(|found| &found.req).filter(|license| rank(license) == self);
        let mut licenses: Vec<_> = of_rank.map(ToString::to_string).collect();
        licenses.sort();
        licenses.dedup();
        match self {
            Self::Allowed => Verdict::Allowed,
            Self::Review => Verdict::Review(licenses),
            Self::Unlisted => Verdict::Unlisted(licenses),
            Self::Denied => Verdict::Denied(licenses),
        }
    }
}

impl Exception {
    fn is_for(&self, package: &str, image: &str) -> bool {
        self.packages.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.admits(package)))
            && self.images.iter().any(|pattern| pattern.admits(image))
    }
}

fn any(patterns: &[Pattern], license: &LicenseReq, fits: fn(&Pattern, &LicenseReq) -> bool) -> bool {
    patterns.iter().any(|pattern| fits(pattern, license))
}

impl Pattern {
    fn read(reader: &Reader<'_>, text: &Spanned<String>) -> Result<Self, Diagnostic> {
        let written = text.get_ref();
        let at = || Location::of(reader.0, text);
        if written.contains('*') {
            return glob(written).map(Self::Glob).map_err(|error| at().invalid(&error));
        }
        let expression = Expression::parse(written).map_err(|error| {
            let hint = "licences are named as in https://spdx.org/licenses, or by patterns: `LicenseRef-*`";
            at().error(format!("`{written}` is no SPDX licence"), error.reason.to_string()).help(hint)
        })?;
        let mut licenses = expression.requirements();
        match (licenses.next(), licenses.next()) {
            (Some(license), None) => Ok(Self::License(license.req.clone())),
            _ => Err(at().error("a list names one licence at a time", "more than one")),
        }
    }

    fn is(&self, license: &LicenseReq) -> bool {
        match self {
            Self::License(named) => named == license,
            Self::Glob(glob) => glob.is_match(license.to_string()),
        }
    }

    /// Whether it is the license, or the license without an exception: an exception only permits more.
    fn permits(&self, license: &LicenseReq) -> bool {
        let without = || LicenseReq { addition: None, ..license.clone() };
        self.is(license) || (license.addition.is_some() && self.is(&without()))
    }
}
