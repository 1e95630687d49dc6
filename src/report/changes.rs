//! What differs between two images: tables, Markdown, JSON.

use std::fmt::Write as _;

use serde_json::json;

use distro::image::changes::{Change, Changes, Content, FileState, Layer, Totals};

use super::size::Size;
use super::table::table;

/// Two images, as they were asked for, and what differs between them.
pub struct Compared<'a> {
    pub old: &'a str,
    pub new: &'a str,
    pub changes: &'a Changes,
}

/// A part of the report: its head, and its rows.
type Section<'a, const N: usize> = ([&'a str; N], Vec<[String; N]>);

impl Compared<'_> {
    pub fn text(&self) -> String {
        let mut text = format!("{} → {}\n", self.old, self.new);
        let mut add = |table: String| {
            if table.lines().count() > 1 {
                text.push('\n');
                text.push_str(&table);
            }
        };
        for (head, rows) in [self.configuration(), self.packages()] {
            add(table(head, &[], rows));
        }
        let (head, rows) = self.layers();
        add(table(head, &[2], rows));
        let (head, rows) = self.files();
        add(table(head, &[], rows));
        let (head, rows) = self.totals();
        add(table(head, &[1, 2, 3], rows));
        text
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("## `{}` → `{}`\n", self.old, self.new);
        let (head, rows) = self.totals();
        text.push_str(&markdown(head, rows));
        for (head, rows) in [self.configuration(), self.packages()] {
            text.push_str(&markdown(head, rows));
        }
        let (head, rows) = self.layers();
        text.push_str(&markdown(head, rows));
        let (head, rows) = self.files();
        if !rows.is_empty() {
            let files = super::count(rows.len(), "path");
            let _ =
                write!(text, "\n<details><summary>{files}</summary>\n{}\n</details>\n", markdown(head, rows));
        }
        text
    }

    pub fn json(&self) -> serde_json::Result<String> {
        let Changes { configuration, packages, layers, files, totals: [old, new] } = self.changes;
        let document = json!({
            "old": self.old,
            "new": self.new,
            "configuration": configuration,
            "packages": packages,
            "layers": { "shared": layers.shared, "old": layers.old, "new": layers.new },
            "files": files,
            "totals": { "old": old, "new": new },
        });
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    fn configuration(&self) -> Section<'static, 3> {
        (["CONFIGURATION", "OLD", "NEW"], self.changes.configuration.iter().map(words).collect())
    }

    fn packages(&self) -> Section<'static, 3> {
        (["PACKAGE", "OLD", "NEW"], self.changes.packages.iter().map(words).collect())
    }

    fn layers(&self) -> Section<'static, 4> {
        let row = |sign: &str, layer: &Layer| {
            let Layer { digest, size, made_from } = layer;
            [sign.to_owned(), digest.short(), Size(*size).to_string(), made_from.clone()]
        };
        let layers = &self.changes.layers;
        let gone = layers.old.iter().map(|layer| row("-", layer));
        (
            ["", "LAYER", "SIZE", "MADE FROM"],
            gone.chain(layers.new.iter().map(|layer| row("+", layer))).collect(),
        )
    }

    fn files(&self) -> Section<'static, 3> {
        let row = |change: &Change<FileState>| {
            let (sign, what) = match (&change.old, &change.new) {
                (Some(old), Some(new)) => ("~", differing(old, new)),
                (Some(old), None) => ("-", shown(old)),
                (None, new) => ("+", new.as_ref().map(shown).unwrap_or_default()),
            };
            [sign.to_owned(), change.name.clone(), what]
        };
        (["", "FILE", "WHAT"], self.changes.files.iter().map(row).collect())
    }

    fn totals(&self) -> Section<'static, 4> {
        let [old, new] = &self.changes.totals;
        let size = |bytes: u64| Size(bytes).to_string();
        let shared = &self.changes.layers.shared;
        let shared_bytes = shared.iter().map(|layer| layer.size).sum();
        let row = |name: &str, of: &dyn Fn(&Totals) -> String, shared: &str| {
            [name.to_owned(), of(old), of(new), shared.to_owned()]
        };
        let rows = vec![
            row("packages", &|of| of.packages.to_string(), ""),
            row("layers", &|of| of.layers.to_string(), &shared.len().to_string()),
            row("download", &|of| size(of.download), &size(shared_bytes)),
            row("files", &|of| of.files.to_string(), ""),
            row("installed", &|of| size(of.installed), ""),
        ];
        (["TOTAL", "OLD", "NEW", "SHARED"], rows)
    }
}

fn words(Change { name, old, new }: &Change<String>) -> [String; 3] {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    [name.clone(), word(old), word(new)]
}

/// What stands at a path: `file 0755 0:0 1.2 MiB`.
fn shown(state: &FileState) -> String {
    let FileState { content, mode, uid, gid, capabilities } = state;
    let capabilities = capabilities.map(|held| format!(" {held}")).unwrap_or_default();
    match content {
        Content::Directory => format!("directory {mode:04o} {uid}:{gid}"),
        Content::File { size, .. } => format!("file {mode:04o} {uid}:{gid} {}{capabilities}", Size(*size)),
        Content::Symlink { target } => format!("link to {target}"),
    }
}

/// What of it is another: `content (1.2 MiB → 1.3 MiB), mode 0755 → 0700`.
fn differing(old: &FileState, new: &FileState) -> String {
    let mut aspects = Vec::new();
    match (&old.content, &new.content) {
        (Content::File { size: before, sha256: was }, Content::File { size: after, sha256: is }) => {
            if was != is {
                let sizes = match before == after {
                    true => Size(*before).to_string(),
                    false => format!("{} → {}", Size(*before), Size(*after)),
                };
                aspects.push(format!("content ({sizes}; {} → {})", was.short(), is.short()));
            }
        }
        (before, after) if before == after => {}
        _ => return format!("{} → {}", shown(old), shown(new)),
    }
    if old.mode != new.mode {
        aspects.push(format!("mode {:04o} → {:04o}", old.mode, new.mode));
    }
    if (old.uid, old.gid) != (new.uid, new.gid) {
        aspects.push(format!("owner {}:{} → {}:{}", old.uid, old.gid, new.uid, new.gid));
    }
    if old.capabilities != new.capabilities {
        let held = |state: &FileState| state.capabilities.map_or_else(|| "-".to_owned(), |of| of.to_string());
        aspects.push(format!("capabilities {} → {}", held(old), held(new)));
    }
    aspects.join(", ")
}

/// A table of GitHub's Markdown; nothing where it has no rows.
fn markdown<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push('\n');
    text.push_str(&line(head.map(str::to_lowercase).into()));
    text.push_str(&format!("|{}\n", "---|".repeat(N)));
    for row in rows {
        // A bar would end the cell, also in code.
        text.push_str(&line(row.map(|cell| cell.replace('|', "\\|")).into()));
    }
    text
}
