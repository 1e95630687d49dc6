//! A package to publish, described the way a test thinks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sequoia_openpgp::types::HashAlgorithm;
use tar::EntryType;

use super::source::{Source, pool, without_epoch};
use super::{Archive, Compression, Content, Member, deb, sha256};

/// What spoils a .deb.
type Change = Box<dyn Fn(&mut Vec<u8>)>;

pub struct Package {
    name: String,
    version: String,
    architectures: Vec<String>,
    /// Further fields of the control file, in order.
    fields: Vec<(String, String)>,
    /// Fields of the index that say something else than is true.
    claims: BTreeMap<String, String>,
    control: Vec<Member>,
    conffiles: Vec<String>,
    data: BTreeMap<String, Member>,
    /// Members that follow the others just as they are.
    raw: Vec<Member>,
    compression: Compression,
    copyright: bool,
    mangle: Vec<Change>,
}

impl Package {
    /// A package for amd64 with a copyright file and nothing else in it.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architectures: vec!["amd64".to_owned()],
            fields: Vec::new(),
            claims: BTreeMap::new(),
            control: Vec::new(),
            conffiles: Vec::new(),
            data: BTreeMap::new(),
            raw: Vec::new(),
            compression: Compression::Xz,
            copyright: true,
            mangle: Vec::new(),
        }
    }

    pub fn arch(self, architecture: &str) -> Self {
        self.archs(&[architecture])
    }

    /// One .deb for each of these.
    pub fn archs(mut self, architectures: &[&str]) -> Self {
        self.architectures = architectures.iter().map(ToString::to_string).collect();
        self
    }

    /// A field of the control file, and so of the index.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn depends(self, relations: &str) -> Self {
        self.field("Depends", relations)
    }

    pub fn pre_depends(self, relations: &str) -> Self {
        self.field("Pre-Depends", relations)
    }

    pub fn provides(self, relations: &str) -> Self {
        self.field("Provides", relations)
    }

    pub fn conflicts(self, relations: &str) -> Self {
        self.field("Conflicts", relations)
    }

    pub fn breaks(self, relations: &str) -> Self {
        self.field("Breaks", relations)
    }

    pub fn replaces(self, relations: &str) -> Self {
        self.field("Replaces", relations)
    }

    pub fn source(self, source: &str) -> Self {
        self.field("Source", source)
    }

    /// The index says this of the package, whatever its control file says: `Size`, `SHA256`, `Filename`, …
    pub fn claim(mut self, field: &str, value: &str) -> Self {
        self.claims.insert(field.to_owned(), value.to_owned());
        self
    }

    pub fn dir(self, path: &str) -> Self {
        self.member(Member::new(path, EntryType::Directory))
    }

    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.member(Member::file(path, content))
    }

    pub fn executable(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.member(Member { mode: 0o755, ..Member::file(path, content) })
    }

    /// A symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.member(Member { mode: 0o777, ..Member::link(path, EntryType::Symlink, target) })
    }

    /// A second name of a file of the package, which sorts before it.
    pub fn hard_link(self, path: &str, file: &str) -> Self {
        self.member(Member::link(path, EntryType::Link, format!(".{file}")))
    }

    pub fn conffile(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.conffiles.push(path.to_owned());
        self.file(path, content)
    }

    /// A member of the package at an absolute path, with directories above it where there are none.
    pub fn member(mut self, member: Member) -> Self {
        assert!(member.name.starts_with('/'), "{} is not absolute: see Package::raw", member.name);
        self.data.insert(member.name.clone(), member);
        self
    }

    /// A member written just as it is, after the others.
    pub fn raw(mut self, member: Member) -> Self {
        self.raw.push(member);
        self
    }

    /// A file of so many zeros, which compress to nearly nothing.
    pub fn bomb(self, path: &str, size: u64) -> Self {
        self.member(Member { content: Content::Zeros(size), ..Member::new(path, EntryType::Regular) })
    }

    /// A maintainer script: `preinst`, `postinst`, `prerm` or `postrm`.
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.control.push(Member { mode: 0o755, ..Member::file(format!("./{name}"), text) });
        self
    }

    /// Another file of the control member, such as `triggers`.
    pub fn control_file(mut self, name: &str, text: &str) -> Self {
        self.control.push(Member::file(format!("./{name}"), text));
        self
    }

    pub fn without_copyright(mut self) -> Self {
        self.copyright = false;
        self
    }

    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Spoils the .deb before the archive takes its hash: an archive that vouches for a bad file.
    /// [`Archive::tamper`] spoils it afterwards.
    pub fn mangle(mut self, change: impl Fn(&mut Vec<u8>) + 'static) -> Self {
        self.mangle.push(Box::new(change));
        self
    }

    /// Publishes into `trixie`; gives the paths of the .debs below [`Archive::dir`].
    pub fn publish(self, archive: &mut Archive) -> Vec<String> {
        self.publish_to(archive, "trixie")
    }

    pub fn publish_to(self, archive: &mut Archive, suite: &str) -> Vec<String> {
        self.publish_again(archive, suite)
    }

    /// Publishes, and keeps the package for another suite.
    pub fn publish_again(&self, archive: &mut Archive, suite: &str) -> Vec<String> {
        self.architectures.iter().map(|architecture| archive.publish(suite, self, architecture)).collect()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source package, by the field `Source`, and those that are built in.
    pub fn sources(&self, section: &str) -> Vec<Source> {
        let field = |wanted: &str| {
            self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let own = match field("Source").map(|value| value.split_once(" (")) {
            None => Source::new(section, &self.name, &self.version),
            Some(None) => Source::new(section, field("Source").unwrap_or_default(), &self.version),
            Some(Some((name, version))) => Source::new(section, name, version.trim_end_matches(')')),
        };
        let built_in = ["Built-Using", "Static-Built-Using"].into_iter().filter_map(field);
        let built_in = built_in.flat_map(|value| value.split(", ")).filter_map(|relation| {
            let (name, version) = relation.split_once(" (= ")?;
            Some(Source::new(section, name, version.trim_end_matches(')')))
        });
        [own].into_iter().chain(built_in).collect()
    }

    /// `pool/main/libc/libc6/libc6_2.41-1_amd64.deb`; the epoch of a version is not in it.
    pub fn pool_path(&self, section: &str, architecture: &str) -> String {
        let Self { name, version, .. } = self;
        format!("{}/{name}_{}_{architecture}.deb", pool(section, name), without_epoch(version))
    }

    pub fn deb(&self, architecture: &str) -> Vec<u8> {
        let data = self.data_members();
        let mut control = vec![
            Member::new("./", EntryType::Directory),
            Member::file("./control", self.control_text(architecture)),
            Member::file("./md5sums", md5sums(&data)),
        ];
        if !self.conffiles.is_empty() {
            control.push(Member::file("./conffiles", self.conffiles.join("\n") + "\n"));
        }
        control.extend(self.control.iter().cloned());
        let mut bytes = deb::deb(&control, &data, self.compression);
        self.mangle.iter().for_each(|change| change(&mut bytes));
        bytes
    }

    pub fn stanza(&self, architecture: &str, filename: &str, deb: &[u8]) -> String {
        let mut fields: Vec<(String, String)> = self
            .control_fields(architecture)
            .into_iter()
            .chain([
                ("Filename".into(), filename.to_owned()),
                ("Size".into(), deb.len().to_string()),
                ("SHA256".into(), sha256(deb)),
            ])
            .filter(|(name, _)| !self.claims.contains_key(name))
            .collect();
        fields.extend(self.claims.clone());
        paragraph(&fields)
    }

    fn control_text(&self, architecture: &str) -> String {
        paragraph(&self.control_fields(architecture))
    }

    fn control_fields(&self, architecture: &str) -> Vec<(String, String)> {
        let own = |name: &str| self.fields.iter().any(|(field, _)| field == name);
        let defaults = [
            ("Package", self.name.as_str()),
            ("Version", &self.version),
            ("Architecture", architecture),
            ("Maintainer", "Fake Maintainers <fake@example.org>"),
            ("Installed-Size", "1"),
            ("Section", "misc"),
            ("Priority", "optional"),
            ("Description", "package of a test"),
        ];
        let mut fields: Vec<(String, String)> = defaults
            .into_iter()
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        fields.extend(self.fields.iter().cloned());
        fields
    }

    /// Members in the order of dpkg-deb: a directory before what it holds, names as `./usr/`.
    fn data_members(&self) -> Vec<Member> {
        let mut members = self.data.clone();
        let doc = format!("/usr/share/doc/{}", self.name);
        let copyright = format!("{doc}/copyright");
        if self.copyright && !members.contains_key(&doc) && !members.contains_key(&copyright) {
            let text = format!("Copyright 2025 the makers of {}\nLicense: MIT\n", self.name);
            members.insert(copyright.clone(), Member::file(copyright, text));
        }
        let parents: BTreeSet<String> = members
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()))
            .collect();
        for parent in parents {
            members.entry(parent.clone()).or_insert_with(|| Member::new(parent, EntryType::Directory));
        }
        let relative = |member: Member| {
            let slash = if member.kind == EntryType::Directory { "/" } else { "" };
            Member { name: format!(".{}{slash}", member.name), ..member }
        };
        members.into_values().map(relative).chain(self.raw.iter().cloned()).collect()
    }
}

fn paragraph(fields: &[(String, String)]) -> String {
    fields.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}: {value}");
        text
    })
}

/// What `dh_md5sums` writes. A bomb is left out: its content is never in memory.
fn md5sums(members: &[Member]) -> String {
    let mut text = String::new();
    for member in members {
        if let (EntryType::Regular, Content::Bytes(bytes)) = (member.kind, &member.content) {
            let mut hash = HashAlgorithm::MD5.context().unwrap().for_digest();
            hash.update(bytes);
            let digest = hash.into_digest().unwrap();
            digest.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            let _ = writeln!(text, "  {}", member.name.trim_start_matches("./"));
        }
    }
    text
}
