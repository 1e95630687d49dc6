//! A binary package: its control fields in their order, then its control files and its entries by
//! their names.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, Result, bail};
use debian_packaging::control::ControlParagraphReader;
use debian_packaging::deb::reader::{
    BinaryPackageEntry, BinaryPackageReader, ControlTarReader, DataTarReader,
};
use futures::executor::block_on;
use futures::{AsyncReadExt, StreamExt};
use sha2::{Digest, Sha256};

use crate::Line;

pub fn lines(file: impl Read) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut reader = BinaryPackageReader::new(file)?;
    while let Some(member) = reader.next_entry() {
        match member? {
            BinaryPackageEntry::DebianBinary(_) => {}
            BinaryPackageEntry::Control(control) => lines.extend(control_lines(control)?),
            BinaryPackageEntry::Data(data) => lines.extend(block_on(entry_lines(data))?),
        }
    }
    Ok(lines)
}

fn control_lines(mut control: ControlTarReader) -> Result<Vec<Line>> {
    let mut fields = Vec::new();
    let mut files = BTreeMap::new();
    for entry in control.entries()? {
        let mut entry = entry?;
        let path = path(&entry.path_bytes())?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if path == "/control" {
            for paragraph in ControlParagraphReader::new(content.as_slice()) {
                fields.extend(paragraph?.iter_fields().map(|field| {
                    Line::from([("field", field.name().to_owned()), ("value", field.value_str().to_owned())])
                }));
            }
        }
        let sha256 = hex::encode(Sha256::digest(&content));
        let line = Line::from([("control-file", path.clone()), ("sha256", sha256)]);
        if files.insert(path.clone(), line).is_some() {
            bail!("the control file {path} comes twice");
        }
    }
    fields.extend(files.into_values());
    Ok(fields)
}

async fn entry_lines(data: DataTarReader) -> Result<Vec<Line>> {
    let mut entries: BTreeMap<String, Line> = BTreeMap::new();
    // The file that each hard link leads to, as the archive has it.
    let mut hard_links: BTreeMap<String, String> = BTreeMap::new();
    let mut members = data.into_inner().entries()?;
    while let Some(member) = members.next().await {
        let mut member = member?;
        let path = path(&member.path_bytes())?;
        let header = member.header();
        let mut line = Line::from([
            ("path", path.clone()),
            ("mode", format!("{:04o}", header.mode()? & 0o7777)),
            ("uid", header.uid()?.to_string()),
            ("gid", header.gid()?.to_string()),
            ("mtime", header.mtime()?.to_string()),
        ]);
        let kind = header.entry_type();
        let target = member.link_name_bytes().map(std::borrow::Cow::into_owned);
        let target = || target.with_context(|| format!("{path} is a link to nothing"));
        if kind.is_dir() {
            line.insert("type", "directory".to_owned());
        } else if kind.is_symlink() {
            line.extend([("type", "symlink".to_owned()), ("target", String::from_utf8(target()?)?)]);
        } else if kind.is_hard_link() {
            hard_links.insert(path.clone(), self::path(&target()?)?);
        } else if kind.is_file() {
            let (size, sha256) = content(&mut member).await?;
            line.extend([("type", "file".to_owned()), ("size", size.to_string()), ("sha256", sha256)]);
        } else {
            bail!("{path} is of the type {kind:?}");
        }
        if entries.insert(path.clone(), line).is_some() {
            bail!("{path} comes twice");
        }
    }
    settle_hard_links(&mut entries, hard_links)?;
    Ok(entries.into_values().collect())
}

/// Tells of every path of a file alike, with the first of them as `same-as`: which of them an archive
/// has the content of is its own matter.
fn settle_hard_links(
    entries: &mut BTreeMap<String, Line>,
    hard_links: BTreeMap<String, String>,
) -> Result<()> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, target) in &hard_links {
        let mut file = target;
        for _ in 0..hard_links.len() {
            file = hard_links.get(file).unwrap_or(file);
        }
        groups.entry(file.clone()).or_insert_with(|| vec![file.clone()]).push(path.clone());
    }
    for (file, mut paths) in groups {
        paths.sort();
        let of_file =
            entries.get(&file).with_context(|| format!("a hard link leads to {file}, which is not"))?;
        let content = ["type", "size", "sha256"].map(|field| Some((field, of_file.get(field)?.clone())));
        for path in &paths {
            // Its mode, owner and time stay those of its own header, which ought to be the file's.
            let line = entries.get_mut(path).context("every path is an entry's")?;
            line.extend(content.iter().flatten().cloned());
            line.insert("same-as", paths[0].clone());
        }
    }
    Ok(())
}

async fn content(file: &mut (impl AsyncReadExt + Unpin)) -> Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok((size, hex::encode(hasher.finalize()))),
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// `./usr/bin/` as `/usr/bin`.
fn path(member: &[u8]) -> Result<String> {
    let name = std::str::from_utf8(member)?;
    let absolute = name.strip_prefix('.').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let relative = absolute.unwrap_or(name).trim_start_matches('/').trim_end_matches('/');
    Ok(format!("/{relative}"))
}
