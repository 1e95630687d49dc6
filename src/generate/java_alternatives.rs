//! `/usr/bin/java` and its kin: what update-alternatives(1) links when Java is installed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tree::{Entry, ImagePath, Kind, Node, Tree, Union};

use super::GenerateError;

pub const RECIPE: &str = "java-alternatives/1";

const DIRECTORY: &str = "/usr/bin";
const JVM: &str = "/usr/lib/jvm";

/// The sections of a `.jinfo` file whose programs are on the `PATH`; browser plug-ins are not.
const PROGRAMS: [&str; 4] = ["hl", "jre", "jdkhl", "jdk"];

/// A file that lists the programs of a version of Java: `/usr/lib/jvm/.java-1.21.0-openjdk-amd64.jinfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jinfo {
    path: ImagePath,
    text: String,
    mtime: u64,
}

/// The lists of a package.
#[must_use]
pub fn lists(tree: &Tree) -> Vec<Jinfo> {
    let lists =
        tree.iter().filter(|(path, _)| is_jinfo(path)).filter_map(|(path, entry)| match &entry.node {
            Node::File(text) => {
                let text = String::from_utf8_lossy(text).into_owned();
                Some(Jinfo { path: path.clone(), text, mtime: entry.mtime })
            }
            _ => None,
        });
    lists.collect()
}

fn is_jinfo(path: &ImagePath) -> bool {
    let name = path.file_name();
    path.relative().strip_suffix(name) == Some(&format!("{}/", &JVM[1..]))
        && name.starts_with('.')
        && name.ends_with(".jinfo")
}

/// A link for each program that is in the image, of those that its packages list in the form of
/// [update-java-alternatives(8)]; as new as the list. Of several versions, the one of the highest priority has the
/// link, as in update-alternatives' automatic mode.
///
/// The links lead to the programs at once, and not by way of `/etc/alternatives`: nothing in an image could choose
/// another.
///
/// # Errors
/// [`GenerateError::Alternative`] where a list cannot be read.
///
/// [update-java-alternatives(8)]: https://manpages.debian.org/trixie/java-common/update-java-alternatives.8.en.html
pub fn links<'l, O: Clone>(
    image: &Union<'_, O>,
    lists: impl IntoIterator<Item = &'l Jinfo>,
) -> Result<Tree, GenerateError> {
    let versions = lists.into_iter().map(|list| Ok((Version::read(list)?, list.mtime)));
    let mut versions = versions.collect::<Result<Vec<_>, GenerateError>>()?;
    versions.sort_by_key(|(version, _)| version.priority);
    let directory = ImagePath::parse(DIRECTORY)?;
    let mut tree = Tree::new();
    for (Version { programs, .. }, mtime) in versions {
        for (name, program) in programs {
            let is_there = image.resolve(&program).is_ok_and(|found| found.listed.kind != Kind::Directory);
            if is_there {
                tree.insert(directory.join(&name)?, Entry::symlink(program.to_string(), mtime));
            }
        }
    }
    Ok(tree)
}

/// What a package says of a version of Java.
struct Version {
    priority: u32,
    programs: BTreeMap<String, ImagePath>,
}

impl Version {
    fn read(Jinfo { path, text, .. }: &Jinfo) -> Result<Self, GenerateError> {
        let mut version = Self { priority: 0, programs: BTreeMap::new() };
        for line in text.lines() {
            let invalid = || GenerateError::Alternative { path: path.clone(), line: line.to_owned() };
            if let Some((key, value)) = line.split_once('=') {
                if key == "priority" {
                    version.priority = value.parse().map_err(|_| invalid())?;
                }
                continue;
            }
            match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
                [section, name, program] if PROGRAMS.contains(&section) => {
                    version.programs.insert(name.to_owned(), program.parse().map_err(|_| invalid())?);
                }
                [] | ["plugin", ..] => {}
                _ => return Err(invalid()),
            }
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of a version and those of its programs that are there.
    fn java(version: &str, priority: u32, there: &[&str]) -> Tree {
        let home = format!("/usr/lib/jvm/java-{version}");
        let list = format!(
            "name=java-{version}\nalias=java-1.{version}.0\npriority={priority}\nsection=main\n\n\
             hl java {home}/bin/java\nhl jexec {home}/lib/jexec\njdkhl javac {home}/bin/javac\n\
             plugin mozilla-javaplugin.so {home}/lib/npjp2.so\n"
        );
        let mut tree = Tree::new();
        let insert = |tree: &mut Tree, path: &str, entry| tree.insert(path.parse().unwrap(), entry);
        insert(
            &mut tree,
            &format!("/usr/lib/jvm/.java-1.{version}.0.jinfo"),
            Entry::file(list, u64::from(priority)),
        );
        for program in there {
            insert(&mut tree, &format!("{home}/{program}"), Entry::file("", 0).with_mode(0o755));
        }
        tree
    }

    fn linked(packages: &[Tree]) -> Vec<String> {
        let listings: Vec<_> = packages.iter().map(Tree::listing).collect();
        let mut image = Union::new();
        for listing in &listings {
            assert!(image.add(&(), listing, |(), ()| false).is_empty());
        }
        let lists: Vec<_> = packages.iter().flat_map(lists).collect();
        let tree = links(&image, &lists).unwrap();
        let links = tree.iter().filter_map(|(path, entry)| match &entry.node {
            Node::Symlink(target) => Some(format!("{path} -> {target} {}", entry.mtime)),
            _ => None,
        });
        links.collect()
    }

    #[test]
    fn programs_that_are_there_are_linked() {
        let expected = [
            "/usr/bin/java -> /usr/lib/jvm/java-21/bin/java 2111",
            "/usr/bin/jexec -> /usr/lib/jvm/java-21/lib/jexec 2111",
        ];
        assert_eq!(linked(&[java("21", 2111, &["bin/java", "lib/jexec"])]), expected);
    }

    #[test]
    fn the_version_of_the_highest_priority_has_the_link() {
        let (new, old) = (java("21", 2111, &["bin/java"]), java("17", 1711, &["bin/java", "bin/javac"]));
        let expected = [
            "/usr/bin/java -> /usr/lib/jvm/java-21/bin/java 2111",
            "/usr/bin/javac -> /usr/lib/jvm/java-17/bin/javac 1711",
        ];
        assert_eq!(linked(&[new.clone(), old.clone()]), expected);
        assert_eq!(linked(&[old, new]), expected);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused() {
        let image: Union<'_, ()> = Union::new();
        for line in ["hl java", "hl java ../../java", "priority=high", "whatever"] {
            let mut tree = Tree::new();
            let path: ImagePath = "/usr/lib/jvm/.java.jinfo".parse().unwrap();
            tree.insert(path, Entry::file(line.to_owned(), 0));
            let error = links(&image, &lists(&tree)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{line}` in /usr/lib/jvm/.java.jinfo is no line of a .jinfo file")
            );
        }
    }

    #[test]
    fn only_hidden_files_of_the_directory_of_versions_are_lists() {
        let is = |path: &str| is_jinfo(&path.parse().unwrap());
        assert!(is("/usr/lib/jvm/.java-1.21.0-openjdk-amd64.jinfo"));
        assert!(
            !is("/usr/lib/jvm/java.jinfo") && !is("/usr/lib/jvm/a/.b.jinfo") && !is("/usr/share/.java.jinfo")
        );
    }
}
