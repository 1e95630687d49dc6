//! Whether tests hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::process::{Configuration, expand};
use super::{
    CommandTest, ExecutableBy, Expectations, FileContentTest, FileExistenceTest, Finding, LicenseTest,
    MetadataTest, Value,
};
use crate::tree::{ImagePath, Kind, Listed, Stack, Unresolved};

/// What a command said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Lines of a text that a finding shows, and characters.
const SHOWN: (usize, usize) = (20, 2000);

impl Expectations {
    fn judge(&self, of: &str, text: &str) -> Vec<Finding> {
        let missing = self.expected.iter().filter(|pattern| !pattern.is_match(text));
        let missing = missing.map(|pattern| Finding::new(format!("{of} matches `{pattern}`"), shown(text)));
        let present = self.excluded.iter().filter(|pattern| pattern.is_match(text));
        let present =
            present.map(|pattern| Finding::new(format!("{of} does not match `{pattern}`"), shown(text)));
        missing.chain(present).collect()
    }
}

fn shown(text: &str) -> String {
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let (lines, characters) = SHOWN;
    let by_lines = text.match_indices('\n').nth(lines - 1).map_or(text.len(), |(end, _)| end);
    let by_characters = text.char_indices().nth(characters).map_or(text.len(), |(end, _)| end);
    let end = by_lines.min(by_characters);
    format!("{}{}", &text[..end], if end < text.len() { " …" } else { "" })
}

impl CommandTest {
    #[must_use]
    pub fn judge(&self, ran: &Ran) -> Vec<Finding> {
        let mut findings = self.stderr.judge("stderr", &ran.stderr);
        findings.extend(self.stdout.judge("stdout", &ran.stdout));
        if ran.exit_code != self.exit_code {
            let said = [&ran.stdout, &ran.stderr].map(|text| text.trim_end()).join("\n");
            let said = shown(said.trim());
            let actual = format!("exit code {}; it said {said}", ran.exit_code);
            findings.push(Finding::new(format!("exit code {}", self.exit_code), actual));
        }
        findings
    }
}

impl FileExistenceTest {
    /// A path may speak of the image's environment: `$JAVA_HOME/bin/java`.
    #[must_use]
    pub fn judge(&self, stack: &Stack<'_>, environment: &BTreeMap<String, String>) -> Vec<Finding> {
        let path = expand(&self.path, environment);
        let found = ImagePath::parse(&path).map_err(|error| error.to_string());
        let found = found.and_then(|path| stack.locate(&path).map_err(|error| reason(&error)));
        match found {
            Err(why) if self.should_exist => vec![Finding::new(format!("`{path}` is there"), why)],
            Err(_) => Vec::new(),
            Ok(found) if self.should_exist => self.judge_metadata(&path, found.listed),
            Ok(found) => vec![Finding::new(format!("`{path}` is not there"), described(found.listed))],
        }
    }

    fn judge_metadata(&self, path: &str, listed: &Listed) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut hold = |holds: bool, expected: String| {
            if !holds {
                findings.push(Finding::new(expected, described(listed)));
            }
        };
        if let Some(permissions) = &self.permissions {
            hold(*permissions == mode(listed), format!("`{path}` has the mode {permissions}"));
        }
        if let Some(uid) = self.uid {
            hold(uid == listed.uid, format!("`{path}` is owned by the user {uid}"));
        }
        if let Some(gid) = self.gid {
            hold(gid == listed.gid, format!("`{path}` is owned by the group {gid}"));
        }
        if let Some(by) = self.executable_by {
            let (bits, whom) = match by {
                ExecutableBy::Owner => (0o100, "its owner"),
                ExecutableBy::Group => (0o010, "its group"),
                ExecutableBy::Other => (0o001, "others"),
                ExecutableBy::Any => (0o111, "anyone"),
            };
            hold(listed.mode & bits != 0, format!("`{path}` is executable by {whom}"));
        }
        findings
    }
}

/// Why a path leads to nothing.
#[must_use]
pub fn reason(unresolved: &Unresolved) -> String {
    match unresolved {
        Unresolved::Missing { path, at } if path == at => "it is not there".to_owned(),
        other => other.to_string(),
    }
}

/// `a file, -rw-r--r--, owner 0:0`
fn described(listed: &Listed) -> String {
    let kind = match &listed.kind {
        Kind::Directory => "a directory".to_owned(),
        Kind::File(_) | Kind::HardLink(_) => "a file".to_owned(),
        Kind::Symlink(target) => format!("a link to `{target}`"),
    };
    format!("{kind}, {}, owner {}:{}", mode(listed), listed.uid, listed.gid)
}

/// As Go's [`FileMode.String`] writes it: `dtrwxrwxrwx`.
///
/// [`FileMode.String`]: https://pkg.go.dev/io/fs#FileMode.String
fn mode(listed: &Listed) -> String {
    let special = [(0o4000, 'u'), (0o2000, 'g'), (0o1000, 't')];
    let kind = match listed.kind {
        Kind::Directory => Some('d'),
        Kind::Symlink(_) => Some('L'),
        Kind::File(_) | Kind::HardLink(_) => None,
    };
    let special = special.into_iter().filter(|(bit, _)| listed.mode & bit != 0).map(|(_, letter)| letter);
    let mut text: String = kind.into_iter().chain(special).collect();
    if text.is_empty() {
        text.push('-');
    }
    for (place, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if listed.mode & (0o400 >> place) != 0 { letter } else { '-' });
    }
    text
}

impl FileContentTest {
    #[must_use]
    pub fn judge(&self, content: &str) -> Vec<Finding> {
        self.contents.judge(&format!("`{}`", self.path), content)
    }
}

/// Licences that the format's own test refuses.
const UNWANTED_LICENSES: [&str; 2] = ["AGPL", "WTFPL"];

/// A package whose copyright file names one of them, and is not under it.
const EXEMPT: &str = "libgnutls30";

/// Where Debian's packages have their copyright files, [policy §12.5].
///
/// [policy §12.5]: https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information
const DOCUMENTATION: &str = "/usr/share/doc";

impl LicenseTest {
    /// The files that are read. Directories of documentation that are links to another's are left out.
    pub fn paths(&self, stack: &Stack<'_>) -> Vec<String> {
        let in_documentation = |listed: &Listed| {
            let parent = listed.path.parent().map(|parent| parent.to_string());
            listed.kind == Kind::Directory && parent.as_deref() == Some(DOCUMENTATION)
        };
        let packages = stack.iter().map(|stacked| stacked.listed).filter(|listed| in_documentation(listed));
        let packages = packages.filter(|listed| self.debian && listed.path.file_name() != EXEMPT);
        packages
            .map(|listed| format!("{}/copyright", listed.path))
            .chain(self.files.iter().cloned())
            .collect()
    }

    #[must_use]
    pub fn judge(path: &str, content: &str) -> Vec<Finding> {
        let content = content.to_uppercase();
        let found = UNWANTED_LICENSES.into_iter().filter(|license| content.contains(license));
        found
            .map(|license| Finding::new(format!("`{path}` does not name the {license}"), "it does"))
            .collect()
    }
}

impl MetadataTest {
    #[must_use]
    pub fn judge(&self, config: &Configuration) -> Vec<Finding> {
        let mut findings = pairs("environment variable", &self.environment, &config.environment);
        for name in self.unbound.iter().filter(|name| config.environment.contains_key(*name)) {
            let actual = format!("`{}`", config.environment[name]);
            findings.push(Finding::new(format!("the environment variable `{name}` is not set"), actual));
        }
        findings.extend(pairs("label", &self.labels, &config.labels));
        let mut same = |what: &str, expected: Option<String>, actual: String| {
            if let Some(expected) = expected.filter(|expected| *expected != actual) {
                findings.push(Finding::new(format!("the {what} is {expected}"), actual));
            }
        };
        same("entrypoint", self.entrypoint.as_deref().map(words), words(&config.entrypoint));
        same("command", self.command.as_deref().map(words), words(&config.command));
        let quoted = |text: &String| format!("`{text}`");
        same(
            "working directory",
            self.working_directory.as_ref().map(quoted),
            quoted(&config.working_directory),
        );
        same("user", self.user.as_ref().map(quoted), quoted(&config.user));
        let ports: BTreeSet<String> = config
            .exposed_ports
            .iter()
            .flat_map(|port| [port.clone(), port.split('/').next().unwrap_or_default().to_owned()])
            .collect();
        for (what, wanted, unwanted, actual) in [
            ("port", &self.exposed_ports, &self.unexposed_ports, &ports),
            ("volume", &self.volumes, &self.unmounted_volumes, &config.volumes),
        ] {
            let all = words(&actual.iter().cloned().collect::<Vec<_>>());
            let missing = wanted.difference(actual).map(|name| format!("the {what} `{name}` is declared"));
            let present =
                unwanted.intersection(actual).map(|name| format!("the {what} `{name}` is not declared"));
            findings.extend(missing.chain(present).map(|expected| Finding::new(expected, all.clone())));
        }
        findings
    }
}

fn pairs(what: &str, expected: &BTreeMap<String, Value>, actual: &BTreeMap<String, String>) -> Vec<Finding> {
    let differs = |(name, value): (&String, &Value)| {
        let found = actual.get(name);
        let holds = found.is_some_and(|found| match value {
            Value::Exactly(text) => text == found,
            Value::Matching(pattern) => pattern.is_match(found),
        });
        let actual = found.map_or_else(|| "it is not set".to_owned(), |found| format!("`{found}`"));
        (!holds).then(|| Finding::new(format!("the {what} `{name}` is {value}"), actual))
    };
    expected.iter().filter_map(differs).collect()
}

/// `["a", "b"]`
fn words(words: &[String]) -> String {
    let mut text = String::from("[");
    for (place, word) in words.iter().enumerate() {
        let _ = write!(text, "{}{word:?}", if place == 0 { "" } else { ", " });
    }
    text + "]"
}
