//! What has to be handed on with an image: who holds the copyright, the licenses, and their texts, once each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Licenses, Licensing, fingerprint};
use crate::debian::copyright::{Copyright, License};
use crate::digest::Sha256;

/// Where Debian keeps the licenses that many packages have.
pub const COMMON_LICENSES: &str = "/usr/share/common-licenses/";

/// The notice of an image.
#[derive(Debug, Default, Serialize)]
pub struct Notice {
    pub packages: Vec<PackageNotice>,
    /// In the order in which packages first refer to them.
    pub texts: Vec<Text>,
}

#[derive(Debug, Serialize)]
pub struct PackageNotice {
    pub name: String,
    pub version: String,
    /// The source package and its version; none for what is not Debian's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Of what is in the package.
    pub license: String,
    /// Of all that its source package holds, where that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The copyright notices.
    pub copyright: Vec<String>,
    /// Numbers of its texts, from 1.
    pub texts: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    pub title: String,
    pub text: String,
}

/// A package of an image, and what its copyright file says.
pub struct Licensed<'a> {
    pub name: &'a str,
    pub version: String,
    pub source: Option<String>,
    pub licensing: &'a Licensing,
    /// The copyright file.
    pub copyright: &'a str,
}

/// Puts notices together.
pub struct Notices<'a> {
    licenses: &'a Licenses,
    /// The texts of Debian's common licenses that the image has, by their names there.
    common: &'a BTreeMap<String, String>,
    notice: Notice,
    known: BTreeMap<Sha256, usize>,
}

impl<'a> Notices<'a> {
    #[must_use]
    pub fn new(licenses: &'a Licenses, common: &'a BTreeMap<String, String>) -> Self {
        Self { licenses, common, notice: Notice::default(), known: BTreeMap::new() }
    }

    /// Adds a package, with the texts of its copyright file and those that they refer to.
    pub fn add(&mut self, package: &Licensed<'_>) {
        let Licensed { name, version, source, licensing, copyright } = package;
        let mut texts = match Copyright::parse(copyright) {
            Ok(read) => self.texts_of(&read),
            Err(_) => {
                let title = format!("the copyright file of {}", source.as_deref().unwrap_or(name));
                vec![Text { title, text: copyright.trim_end().to_owned() }]
            }
        };
        texts.extend(common_names(copyright).into_iter().filter_map(|name| self.common(name)));
        let of_references = licensing.texts.iter().filter(|(_, text)| !copyright.contains(text.as_str()));
        let stands = |text: &str| texts.iter().any(|known| known.text == text);
        let of_references: Vec<_> = of_references
            .filter(|(_, text)| !stands(text))
            .map(|(id, text)| Text { title: id.clone(), text: text.clone() })
            .collect();
        texts.extend(of_references);
        let texts = self.numbers(texts);
        let declared = licensing.declared.to_string();
        self.notice.packages.push(PackageNotice {
            name: (*name).to_owned(),
            version: version.clone(),
            source: source.clone(),
            declared: (licensing.declared != licensing.concluded).then_some(declared),
            license: licensing.concluded.to_string(),
            comment: licensing.comment.clone(),
            copyright: licensing.copyright.lines().map(str::to_owned).collect(),
            texts,
        });
    }

    /// Adds what is not a package, with the license that its definition names and the texts that it brings.
    pub fn add_upstream(&mut self, name: &str, version: &str, licensing: &Licensing, texts: Vec<Text>) {
        let texts = self.numbers(texts);
        self.notice.packages.push(PackageNotice {
            name: name.to_owned(),
            version: version.to_owned(),
            source: None,
            license: licensing.concluded.to_string(),
            declared: None,
            comment: String::new(),
            copyright: licensing.copyright.lines().map(str::to_owned).collect(),
            texts,
        });
    }

    #[must_use]
    pub fn finish(self) -> Notice {
        self.notice
    }

    fn numbers(&mut self, texts: Vec<Text>) -> Vec<usize> {
        let mut numbers: Vec<_> = texts.into_iter().map(|text| self.number(text)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn number(&mut self, text: Text) -> usize {
        let all = &mut self.notice.texts;
        *self.known.entry(fingerprint(&text.text)).or_insert_with(|| {
            all.push(text);
            all.len()
        })
    }

    /// The texts of a copyright file; those of names without one as SPDX has them.
    fn texts_of(&self, copyright: &Copyright) -> Vec<Text> {
        let of_stanzas = copyright.stanzas.iter().map(|stanza| &stanza.license);
        let mut texts = Vec::new();
        for License { terms, text, .. } in of_stanzas.chain(&copyright.licenses) {
            if !text.is_empty() {
                texts.push(Text { title: terms.to_string(), text: text.clone() });
                continue;
            }
            for name in terms.names() {
                if copyright.texts(name).next().is_none() {
                    texts.extend(self.licenses.standard_texts(name));
                }
            }
        }
        texts
    }

    fn common(&self, name: &str) -> Option<Text> {
        let text = self.common.get(name).cloned().or_else(|| standard(name));
        text.map(|text| Text {
            title: format!("{COMMON_LICENSES}{name}"),
            text: text.trim_matches('\n').to_owned(),
        })
    }
}

/// The files of [`COMMON_LICENSES`] that a text names, each once.
fn common_names(text: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let names = text.split(COMMON_LICENSES).skip(1).map(|rest| {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        rest[..end].trim_end_matches('.')
    });
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The text that SPDX has of one of Debian's common licenses. A name without a version is the latest.
fn standard(name: &str) -> Option<String> {
    let id = match name {
        "Artistic" => "Artistic-1.0-Perl",
        "BSD" => "BSD-3-Clause",
        "GPL" | "GPL-3" => "GPL-3.0-only",
        "GPL-1" => "GPL-1.0-only",
        "GPL-2" => "GPL-2.0-only",
        "LGPL" | "LGPL-3" => "LGPL-3.0-only",
        "LGPL-2" => "LGPL-2.0-only",
        "LGPL-2.1" => "LGPL-2.1-only",
        "GFDL" | "GFDL-1.3" => "GFDL-1.3-only",
        "GFDL-1.2" => "GFDL-1.2-only",
        other => other,
    };
    Some(spdx::license_id(id)?.text().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_licenses_are_found_however_they_are_quoted() {
        let text = "see `/usr/share/common-licenses/GPL-2'. Also /usr/share/common-licenses/LGPL-2.1.\n\
                    \"/usr/share/common-licenses/GPL-2\" and /usr/share/common-licenses/ .";
        assert_eq!(common_names(text), ["GPL-2", "LGPL-2.1"]);
        for name in
            ["GPL-1", "GPL", "LGPL", "Artistic", "BSD", "MPL-2.0", "CC0-1.0", "GFDL-1.2", "Apache-2.0"]
        {
            assert!(standard(name).is_some(), "{name}");
        }
    }
}
