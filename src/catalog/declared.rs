//! The files, directories and links that a definition puts into an image.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

use super::accounts::{Owner, OwnerError};
use super::definition::Definition;
use super::file::FileTable;
use super::image::{Shared, path};
use super::template::Template;
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::{ImagePath, Node};

/// A path that a definition puts into the image.
#[derive(Debug, Clone)]
pub struct Declared {
    pub path: ImagePath,
    pub mode: u32,
    pub owner: Owner,
    pub node: DeclaredNode,
}

#[derive(Debug, Clone)]
pub enum DeclaredNode {
    File(Template),
    Directory,
    Link(Template),
    /// What stands beside the definition, as it is.
    Source(Node),
}

/// What a definition declares. No path is declared twice, and none lies below another's file or link.
pub(super) fn read(definition: &Definition, shared: &Shared<'_>) -> Result<Vec<Declared>, Diagnostic> {
    let Definition { source, table, .. } = definition;
    let mut all = Vec::new();
    for file in &table.file {
        let at = Location::of(source, &file.path);
        all.extend(files(definition, file, shared)?.into_iter().map(|declared| (at.clone(), declared)));
    }
    for directory in &table.directory {
        let declared = Declared {
            path: path(source, &directory.path)?,
            mode: mode(source, directory.mode.as_ref(), 0o755)?,
            owner: owner(source, directory.owner.as_ref(), shared)?,
            node: DeclaredNode::Directory,
        };
        all.push((Location::of(source, &directory.path), declared));
    }
    for link in &table.link {
        let (path, node) =
            (path(source, &link.path)?, DeclaredNode::Link(definition.template(&link.target)?));
        let declared = Declared { path, mode: 0o777, owner: Owner::default(), node };
        all.push((Location::of(source, &link.path), declared));
    }
    check(&all)?;
    Ok(all.into_iter().map(|(_, declared)| declared).collect())
}

/// The file of a table, or all that lies below the directory that it names.
fn files(
    definition: &Definition,
    file: &FileTable,
    shared: &Shared<'_>,
) -> Result<Vec<Declared>, Diagnostic> {
    let source = &definition.source;
    let (to, owner) = (path(source, &file.path)?, owner(source, file.owner.as_ref(), shared)?);
    let from = match (&file.content, &file.source) {
        (Some(content), None) => {
            let (mode, node) = (mode(source, file.mode.as_ref(), 0o644)?, definition.template(content)?);
            return Ok(vec![Declared { path: to, mode, owner, node: DeclaredNode::File(node) }]);
        }
        (None, Some(from)) => from,
        (Some(_), Some(from)) => {
            return Err(Location::of(source, from).error("a file has `content` or a `source`, not both", ""));
        }
        (None, None) => {
            let at = Location::of(source, &file.path);
            return Err(at.error("a file needs `content`, or a `source` that it is taken from", ""));
        }
    };
    let tree = &shared.files[&(source.path.clone(), from.get_ref().clone())];
    let is_directory = tree.get(&ImagePath::default()).is_some_and(|root| root.node == Node::Directory);
    if let Some(mode) = file.mode.as_ref().filter(|_| is_directory) {
        let hint = "the files of a directory have 0755 where their owner may execute them, else 0644; \
                    for another mode, name a file in a table of its own";
        let at = Location::of(source, mode);
        return Err(at.error("a mode is for one file, and this source is a directory", "").help(hint));
    }
    let below = tree.iter().map(|(path, entry)| {
        Ok(Declared {
            path: to.join(path.relative()).map_err(|error| Location::of(source, from).invalid(&error))?,
            mode: mode(source, file.mode.as_ref(), entry.mode)?,
            owner,
            node: DeclaredNode::Source(entry.node.clone()),
        })
    });
    below.collect()
}

fn check(all: &[(Location, Declared)]) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<&ImagePath, (&Location, &Declared)> = BTreeMap::new();
    for (at, declared) in all {
        if let Some((first_at, first)) = known.insert(&declared.path, (at, declared))
            && !(first.is_directory() && declared.is_directory())
        {
            let twice = at.error(format!("`{}` is declared twice", declared.path), "the second declaration");
            return Err(twice.beside(first_at.clone(), "the first"));
        }
    }
    for (at, Declared { path, .. }) in all {
        let mut above = path.ancestors().filter_map(|above| known.get(&above).copied());
        if let Some((above_at, above)) = above.find(|(_, above)| !above.is_directory()) {
            let title = format!("`{path}` lies below `{}`, which is no directory", above.path);
            return Err(at
                .error(title, "this cannot be there")
                .beside(above_at.clone(), "nothing lies below"));
        }
    }
    Ok(())
}

impl Declared {
    fn is_directory(&self) -> bool {
        matches!(self.node, DeclaredNode::Directory | DeclaredNode::Source(Node::Directory))
    }
}

fn owner(
    source: &Arc<Source>,
    text: Option<&Spanned<String>>,
    shared: &Shared<'_>,
) -> Result<Owner, Diagnostic> {
    let Some(text) = text else { return Ok(Owner::default()) };
    let (at, accounts) = (Location::of(source, text), shared.accounts);
    accounts.owner(text.get_ref()).map_err(|error| match &error {
        OwnerError::NoUser(name) => {
            let names: Vec<_> = accounts.users().map(|user| user.name.as_str()).collect();
            at.unknown("user", name, names)
        }
        OwnerError::NoGroup(name) => {
            let names: Vec<_> = accounts.groups().map(|group| group.name.as_str()).collect();
            at.unknown("group", name, names)
        }
        OwnerError::NoId(_) => at.invalid(&error),
    })
}

fn mode(source: &Arc<Source>, text: Option<&Spanned<String>>, default: u32) -> Result<u32, Diagnostic> {
    let Some(text) = text else { return Ok(default) };
    let mode = u32::from_str_radix(text.get_ref(), 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| {
        Location::of(source, text).error("this is no mode", "octal digits are expected, as in `0755`")
    })
}
