//! What is known of licenses: names, and the texts that somebody has reviewed.

use std::collections::BTreeMap;
use std::sync::Arc;

use globset::{Glob, GlobBuilder, GlobMatcher};
use toml::Spanned;

use super::Expression;
use super::file::{BinaryTable, CopyrightTable, LicensesFile, SetAsideTable};
use crate::debian::{PackageName, PackagePattern};
use crate::diagnostic::{Diagnostic, Location, Source, parse};
use crate::digest::Sha256;

/// The tables that come with the program.
const OWN: [(&str, &str); 3] = [
    ("src/license/names.toml", include_str!("names.toml")),
    ("src/license/reviewed.toml", include_str!("reviewed.toml")),
    ("src/license/set-aside.toml", include_str!("set-aside.toml")),
];

#[derive(Debug, Default)]
pub(super) struct Tables {
    /// By the names in lower case, words separated by one space.
    names: BTreeMap<String, Expression>,
    texts: BTreeMap<Sha256, Reviewed>,
    files: BTreeMap<Sha256, ReviewedFile>,
    references: BTreeMap<String, String>,
    set_aside: Vec<SetAside>,
}

/// What a text was found to be.
#[derive(Debug)]
pub(super) struct Reviewed {
    pub is: Expression,
    pub evidence: String,
}

/// What a copyright file was found to say.
#[derive(Debug)]
pub(super) struct ReviewedFile {
    pub declared: Option<Expression>,
    pub concluded: Option<Expression>,
    pub evidence: String,
    binaries: Vec<Binary>,
}

#[derive(Debug)]
pub(super) struct Binary {
    packages: Vec<PackagePattern>,
    pub concluded: Expression,
    pub why: String,
}

/// Paths in source packages that do not reach a binary one.
#[derive(Debug)]
pub(super) struct SetAside {
    paths: Vec<GlobMatcher>,
    sources: Vec<PackagePattern>,
    pub reason: String,
}

impl Tables {
    /// The program's own tables and, where they say otherwise, those of catalogs, the nearest last.
    pub fn read<'a>(more: impl IntoIterator<Item = &'a Arc<Source>>) -> Result<Self, Diagnostic> {
        let mut tables = Self::default();
        for (path, text) in OWN {
            tables.add(&Source::new(path, text))?;
        }
        more.into_iter().try_for_each(|source| tables.add(source))?;
        Ok(tables)
    }

    fn add(&mut self, source: &Arc<Source>) -> Result<(), Diagnostic> {
        let file: LicensesFile = parse(source)?;
        let names = file.names.into_iter().map(|(name, is)| (plain(&name), is));
        let mut new = BTreeMap::new();
        for (name, is) in names {
            let at = Location::of(source, &is);
            if new.insert(name.clone(), is.into_inner()).is_some() {
                return Err(
                    at.error(format!("the name `{name}` stands here twice"), "again, in another case")
                );
            }
        }
        self.names.extend(new);
        let mut new = BTreeMap::new();
        for text in file.text {
            let reviewed = Reviewed { is: text.is, evidence: text.evidence };
            insert(&mut new, source, text.sha256, reviewed)?;
        }
        self.texts.extend(new);
        let mut new = BTreeMap::new();
        for table in file.copyright {
            let sha256 = table.sha256.clone();
            insert(&mut new, source, sha256, ReviewedFile::read(source, table)?)?;
        }
        self.files.extend(new);
        self.references.extend(file.reference.into_iter().map(|reference| (reference.id, reference.text)));
        for table in file.set_aside {
            self.set_aside.push(SetAside::read(source, table)?);
        }
        Ok(())
    }

    pub fn name(&self, name: &str) -> Option<&Expression> {
        self.names.get(&plain(name))
    }

    pub fn text(&self, fingerprint: Sha256) -> Option<&Reviewed> {
        self.texts.get(&fingerprint)
    }

    pub fn file(&self, fingerprint: Sha256) -> Option<&ReviewedFile> {
        self.files.get(&fingerprint)
    }

    pub fn reference(&self, id: &str) -> Option<&str> {
        self.references.get(id).map(String::as_str)
    }

    /// Why none of these files of a source package is in a binary one; `None` where one may be.
    pub fn set_aside<'a>(&'a self, source: &PackageName, files: &[String]) -> Option<Vec<&'a str>> {
        let rule = |file: &String| self.set_aside.iter().find(|rule| rule.covers(source, file));
        let rules = files.iter().map(|file| Some(rule(file)?.reason.as_str()));
        let mut reasons = rules.collect::<Option<Vec<_>>>().filter(|reasons| !reasons.is_empty())?;
        reasons.sort_unstable();
        reasons.dedup();
        Some(reasons)
    }
}

impl ReviewedFile {
    fn read(source: &Arc<Source>, table: CopyrightTable) -> Result<Self, Diagnostic> {
        let CopyrightTable { declared, concluded, binary, evidence, .. } = table;
        let binaries = binary.into_iter().map(|table| {
            let BinaryTable { packages, concluded, why } = table;
            Ok(Binary { packages: patterns(source, &packages)?, concluded, why })
        });
        Ok(Self { declared, concluded, evidence, binaries: binaries.collect::<Result<_, _>>()? })
    }

    pub fn binary(&self, package: &PackageName) -> Option<&Binary> {
        let names = |binary: &&Binary| binary.packages.iter().any(|names| names.admits(package.as_str()));
        self.binaries.iter().find(names)
    }
}

impl SetAside {
    fn read(source: &Arc<Source>, table: SetAsideTable) -> Result<Self, Diagnostic> {
        let paths = table.paths.iter().map(|path| {
            let at = Location::of(source, path);
            let glob = glob(path.get_ref()).map_err(|why| at.error(why, "not a path with `*`"))?;
            Ok(glob.compile_matcher())
        });
        let paths = paths.collect::<Result<_, Diagnostic>>()?;
        Ok(Self { paths, sources: patterns(source, &table.sources)?, reason: table.reason })
    }

    /// Whether it covers all that a pattern of debian/copyright stands for. As `*` is all that a path here may
    /// have besides itself, and stands for any text, it takes the wildcards of the pattern as the text that they are.
    fn covers(&self, source: &PackageName, pattern: &str) -> bool {
        let concerns = self.sources.is_empty() || self.sources.iter().any(|of| of.admits(source.as_str()));
        concerns && self.paths.iter().any(|path| path.is_match(pattern))
    }
}

fn glob(path: &str) -> Result<Glob, String> {
    if path.contains(['?', '[', '{', '\\']) {
        return Err(format!("`{path}` has another wildcard than `*`"));
    }
    if path.trim_matches(['*', '/']).is_empty() {
        return Err(format!("`{path}` sets everything aside"));
    }
    GlobBuilder::new(path).literal_separator(false).build().map_err(|error| error.kind().to_string())
}

fn patterns(source: &Arc<Source>, names: &[Spanned<String>]) -> Result<Vec<PackagePattern>, Diagnostic> {
    let pattern = |name: &Spanned<String>| {
        name.get_ref().parse::<PackagePattern>().map_err(|error| Location::of(source, name).invalid(&error))
    };
    names.iter().map(pattern).collect()
}

fn insert<T>(
    reviews: &mut BTreeMap<Sha256, T>,
    source: &Arc<Source>,
    sha256: Spanned<Sha256>,
    review: T,
) -> Result<(), Diagnostic> {
    let at = Location::of(source, &sha256);
    match reviews.insert(sha256.into_inner(), review) {
        None => Ok(()),
        Some(_) => Err(at.error("this text is reviewed twice", "here, and above")),
    }
}

/// A short name as it is compared.
fn plain(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tables, String> {
        let source = Source::new("licenses.toml", text);
        Tables::read([&source]).map_err(|error| anstream::adapter::strip_str(&error.to_string()).to_string())
    }

    #[test]
    fn a_catalog_has_the_last_word() {
        let tables = read("names = { expat = \"X11\" }").unwrap();
        assert_eq!(tables.name("EXPAT").unwrap().as_str(), "X11");
        assert_eq!(tables.name("Apache-2.0").unwrap().as_str(), "Apache-2.0");
    }

    #[test]
    fn what_spdx_does_not_list_has_its_text_in_reviews_of_whole_files() {
        let tables = read("").unwrap();
        let of_file = |file: &ReviewedFile| -> Vec<_> {
            let of_binaries = file.binaries.iter().map(|binary| &binary.concluded);
            let all = file.declared.iter().chain(&file.concluded).chain(of_binaries);
            all.flat_map(Expression::references).collect()
        };
        let named: Vec<_> = tables.files.values().flat_map(of_file).collect();
        assert!(!named.is_empty());
        let without: Vec<_> = named.iter().filter(|id| tables.reference(id).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
    }

    #[test]
    fn files_are_set_aside_where_a_rule_covers_each() {
        let tables = read(
            "[[set-aside]]\npaths = [\"libmachuser/*\", \"*/mach/*\"]\nsources = [\"hurd\"]\nreason = \"of the kernel\"\n",
        )
        .unwrap();
        let reasons = |source: &str, files: &[&str]| {
            let files: Vec<_> = files.iter().map(ToString::to_string).collect();
            tables.set_aside(&source.parse().unwrap(), &files)
        };
        assert_eq!(reasons("hurd", &["libmachuser/*", "sysdeps/mach/*"]), Some(vec!["of the kernel"]));
        assert_eq!(reasons("hurd", &["libmachuser/*", "elf/*"]), None);
        assert_eq!(reasons("hurd", &["libmachuser?/*"]), None);
        assert_eq!(reasons("hurd", &["*"]), None);
        assert_eq!(reasons("hurd", &[]), None);
        assert_eq!(reasons("gcc-14", &["libmachuser/*"]), None);
    }

    #[test]
    fn what_is_wrong_is_shown() {
        let sha256 = "0".repeat(64);
        let text = format!("[[text]]\nsha256 = \"{sha256}\"\nis = \"MIT\"\nseen = \"\"\nevidence = \"\"\n");
        for (text, title) in [
            ("names = { X = \"BSD\" }", "`BSD` is no SPDX licence expression: unknown term"),
            ("names = { X = \"MIT\", x = \"ISC\" }", "the name `x` stands here twice"),
            (&text.repeat(2), "this text is reviewed twice"),
            ("[[set-aside]]\npaths = [\"*\"]\nreason = \"\"", "`*` sets everything aside"),
            ("[[set-aside]]\npaths = [\"a?\"]\nreason = \"\"", "`a?` has another wildcard than `*`"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.lines().next(), Some(title), "{error}");
        }
    }
}
