//! The notice of an image: text for people, or JSON; and what nobody has reviewed.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use distro::image::built::Verdicts;
use distro::license::Unreviewed;
use distro::license::notice::{Notice, PackageNotice};

use super::warn;

/// How wide rules are, in characters.
const WIDTH: usize = 79;

/// The notice as it is handed on with an image.
pub fn text(title: &str, notice: &Notice) -> String {
    let mut text = format!("{title}\n{}\n", "=".repeat(title.len()));
    for package in &notice.packages {
        write_package(&mut text, package);
    }
    for (at, license) in notice.texts.iter().enumerate() {
        let head = format!("--- [{}] {} ", at + 1, license.title);
        let rule = "-".repeat(WIDTH.saturating_sub(head.chars().count()));
        text += &format!("\n{head}{rule}\n\n{}\n", license.text);
    }
    text
}

fn write_package(text: &mut String, package: &PackageNotice) {
    let PackageNotice { name, version, source, license, declared, comment, copyright, texts } = package;
    let source = source.as_ref().map(|source| format!(" (source package {source})")).unwrap_or_default();
    *text += &format!("\n{name} {version}{source}\nLicense: {license}\n");
    if let Some(declared) = declared {
        *text += &format!("Declared: {declared}\n");
    }
    for line in comment.lines() {
        *text += &format!("  {line}\n");
    }
    if !copyright.is_empty() {
        *text += "Copyright:\n";
        copyright.iter().for_each(|line| *text += &format!("  {line}\n"));
    }
    let texts: Vec<_> = texts.iter().map(|number| format!("[{number}]")).collect();
    if !texts.is_empty() {
        let _ = writeln!(text, "Texts: {}", texts.join(" "));
    }
}

/// What nobody has reviewed, each text once, with the lines that would review it.
#[derive(Default)]
pub struct Unread {
    told: Vec<String>,
    examples: String,
}

impl Unread {
    pub fn of<'a>(images: impl IntoIterator<Item = &'a Verdicts>) -> Self {
        let mut known = BTreeSet::new();
        let mut unread = Self::default();
        let verdicts = images.into_iter().flat_map(|verdicts| verdicts.packages.values());
        for Unreviewed { source, texts } in verdicts.filter_map(|verdict| verdict.as_ref().as_ref().err()) {
            for text in texts.iter().filter(|text| known.insert((source, *text))) {
                unread.told.push(format!("\n  {source}: {text}"));
                unread.examples += &format!("\n{}", text.example(source));
            }
        }
        unread
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Tells people, unless there is nothing to tell.
    pub fn warn(&self) {
        if !self.is_empty() {
            warn(&format!("{self}\n{}", self.hint()));
        }
    }

    pub fn hint(&self) -> String {
        let examples = self.examples.trim_end();
        format!(
            "SBOMs assert nothing of their packages until `licenses.toml`, beside catalog.toml, says what they are:\n{examples}"
        )
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nobody has reviewed these licence texts{}", self.told.concat())
    }
}
