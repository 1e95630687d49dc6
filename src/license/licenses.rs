//! A package's copyright file → what it may be used under.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::likeness::Standards;
use super::notice::Text;
use super::tables::Tables;
use super::unreviewed::{Unreviewed, UnreviewedText};
use super::{Expression, Licensing, fingerprint, notices};
use crate::debian::PackageName;
use crate::debian::copyright::{Copyright, License, Stanza, Terms};
use crate::diagnostic::{Diagnostic, Source};

/// What is known of licenses, by the program and by catalogs.
pub struct Licenses {
    tables: Tables,
    standards: Standards,
}

/// What a license of a copyright file is, and where its words stand.
#[derive(Debug, Clone)]
struct Found {
    is: Expression,
    /// The texts of what SPDX does not list.
    texts: BTreeMap<String, BTreeSet<String>>,
    /// What speaks for it, where it is a matter of judgement.
    evidence: BTreeSet<String>,
}

/// The stanzas of a copyright file, and what their licenses were found to be.
struct Reading<'a> {
    kept: Vec<(&'a Stanza, Found)>,
    /// Each with the reasons.
    set_aside: Vec<(&'a Stanza, Found, Vec<&'a str>)>,
}

impl Licenses {
    /// Takes the program's own tables, and those of catalogs, the nearest last.
    pub fn read<'a>(more: impl IntoIterator<Item = &'a Arc<Source>>) -> Result<Self, Diagnostic> {
        Ok(Self { tables: Tables::read(more)?, standards: Standards::default() })
    }

    /// What a binary package may be used under, by the copyright file of its source package.
    ///
    /// # Errors
    /// Where there is a text that nobody has reviewed: all such texts.
    pub fn of(
        &self,
        package: &PackageName,
        source: &PackageName,
        text: &str,
    ) -> Result<Licensing, Unreviewed> {
        let reviewed = self.tables.file(fingerprint(text));
        let copyright = Copyright::parse(text).ok();
        let unreviewed = |texts| Unreviewed { source: source.clone(), texts };
        let mut licensing = match (reviewed.and_then(|file| file.declared.as_ref()), &copyright) {
            (Some(declared), _) => Licensing {
                concluded: declared.clone(),
                declared: declared.clone(),
                comment: String::new(),
                copyright: notices::of_text(text),
                texts: BTreeMap::new(),
            },
            (None, Some(copyright)) => self.read_stanzas(source, copyright).map_err(unreviewed)?,
            (None, None) => return Err(unreviewed(vec![UnreviewedText::new(None, 1, text)])),
        };
        let Some(reviewed) = reviewed else { return Ok(licensing) };
        let mut comment = vec![format!(
            "The whole copyright file was reviewed: {}.",
            reviewed.evidence.trim_end_matches('.')
        )];
        if let Some(binary) = reviewed.binary(package) {
            licensing.concluded = binary.concluded.clone();
            comment.push(format!("Of {package}: {}.", binary.why.trim_end_matches('.')));
        } else if let Some(concluded) = &reviewed.concluded {
            licensing.concluded = concluded.clone();
        } else if !licensing.comment.is_empty() {
            comment.push(std::mem::take(&mut licensing.comment));
        }
        licensing.comment = comment.join("\n");
        for id in [&licensing.declared, &licensing.concluded].into_iter().flat_map(Expression::references) {
            let known = || self.tables.reference(&id).unwrap_or(text).to_owned();
            licensing.texts.entry(id.clone()).or_insert_with(known);
        }
        Ok(licensing)
    }

    /// The texts that SPDX has of the licenses that a short name stands for.
    pub(super) fn standard_texts(&self, name: &str) -> Vec<Text> {
        let licenses = self.tables.name(name).into_iter().flat_map(Expression::licenses);
        let text = |title: &str, text: &str| Text {
            title: title.to_owned(),
            text: text.trim_matches('\n').to_owned(),
        };
        let texts = licenses.flat_map(|required| {
            let license = required.license.id().map(|id| text(id.name, id.text()));
            let exception = required.addition.and_then(|addition| addition.id());
            [license, exception.map(|id| text(id.name, id.text()))]
        });
        texts.flatten().collect()
    }

    fn read_stanzas(
        &self,
        source: &PackageName,
        copyright: &Copyright,
    ) -> Result<Licensing, Vec<UnreviewedText>> {
        let reading = self.read_all(source, copyright)?;
        let found = || reading.kept.iter().map(|(_, found)| found);
        let all = || found().chain(reading.set_aside.iter().map(|(_, found, _)| found));
        let concluded = Expression::all(found().map(|found| &found.is)).expect("a stanza is kept");
        let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, more) in all().flat_map(|found| &found.texts) {
            texts.entry(id.clone()).or_default().extend(more.iter().cloned());
        }
        let joined = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join("\n\n");
        Ok(Licensing {
            declared: Expression::all(all().map(|found| &found.is)).unwrap_or_else(|| concluded.clone()),
            concluded,
            comment: reading.comment(),
            copyright: notices::of_stanzas(reading.kept.iter().map(|(stanza, _)| *stanza)),
            texts: texts.into_iter().map(|(id, texts)| (id, joined(texts))).collect(),
        })
    }

    fn read_all<'a>(
        &'a self,
        source: &PackageName,
        copyright: &'a Copyright,
    ) -> Result<Reading<'a>, Vec<UnreviewedText>> {
        let (mut kept, mut set_aside) = (Vec::new(), Vec::new());
        let mut unreviewed = BTreeSet::new();
        let mut known: BTreeMap<(&Terms, &str), Result<Found, Vec<UnreviewedText>>> = BTreeMap::new();
        for stanza in &copyright.stanzas {
            let license = &stanza.license;
            let found = known.entry((&license.terms, license.text.as_str()));
            let found = found.or_insert_with(|| self.license(license, copyright)).clone();
            match (found, self.tables.set_aside(source, &stanza.files)) {
                (Err(texts), _) => unreviewed.extend(texts),
                (Ok(found), None) => kept.push((stanza, found)),
                (Ok(found), Some(reasons)) => set_aside.push((stanza, found, reasons)),
            }
        }
        if !unreviewed.is_empty() {
            return Err(unreviewed.into_iter().collect());
        }
        if kept.is_empty() {
            kept = set_aside.drain(..).map(|(stanza, found, _)| (stanza, found)).collect();
        }
        Ok(Reading { kept, set_aside })
    }

    /// What the license of a stanza is: by its own text where somebody has reviewed that, or by its names.
    fn license(&self, license: &License, copyright: &Copyright) -> Result<Found, Vec<UnreviewedText>> {
        if let Some(found) = self.by_text(&license.text) {
            return Ok(found);
        }
        match &license.terms {
            Terms::Name(name) if !license.text.is_empty() => {
                self.by_name(name, license).map_err(|text| vec![text])
            }
            // Its text is of all of them; nobody has said which part is whose.
            terms @ (Terms::All(_) | Terms::Any(_)) if !license.text.is_empty() => {
                Err(vec![UnreviewedText::new(Some(&terms.to_string()), license.line, &license.text)])
            }
            terms => self.terms(terms, license.line, copyright),
        }
    }

    /// What names without a text of their own are.
    fn terms(&self, terms: &Terms, line: usize, copyright: &Copyright) -> Result<Found, Vec<UnreviewedText>> {
        let each = |terms: &[Terms]| terms.iter().map(|terms| self.terms(terms, line, copyright)).collect();
        match terms {
            Terms::Name(name) => self.name(name, line, copyright),
            Terms::All(terms) => Found::joined(each(terms), |all| Expression::all(all)),
            Terms::Any(terms) => Found::joined(each(terms), |any| Expression::any(any)),
        }
    }

    fn name(&self, name: &str, line: usize, copyright: &Copyright) -> Result<Found, Vec<UnreviewedText>> {
        let texts: Vec<_> = copyright.texts(name).collect();
        if texts.is_empty() {
            let alone = License { line, terms: Terms::Name(name.to_owned()), text: String::new() };
            return self.by_name(name, &alone).map_err(|text| vec![text]);
        }
        let found = texts.into_iter().map(|license| match self.by_text(&license.text) {
            Some(found) => Ok(found),
            None => self.by_name(name, license).map_err(|text| vec![text]),
        });
        Found::joined(found.collect(), |all| Expression::all(all))
    }

    fn by_text(&self, text: &str) -> Option<Found> {
        let reviewed = (!text.is_empty()).then(|| self.tables.text(fingerprint(text)))??;
        let mut found = self.found(reviewed.is.clone(), text)?;
        found.evidence.insert(format!(
            "{} by its text: {}",
            reviewed.is,
            reviewed.evidence.trim_end_matches('.')
        ));
        Some(found)
    }

    fn by_name(&self, name: &str, license: &License) -> Result<Found, UnreviewedText> {
        let text = license.text.as_str();
        let known = self.tables.name(name);
        let known = known.filter(|is| text.is_empty() || self.standards.are_said_by(is, text));
        let found = known.and_then(|is| self.found(is.clone(), text));
        found.ok_or_else(|| UnreviewedText::new(Some(name), license.line, text))
    }

    /// `None` where SPDX does not list one of the licenses, and its text is nowhere.
    fn found(&self, is: Expression, text: &str) -> Option<Found> {
        let reference = |id: String| {
            let text = self.tables.reference(&id).unwrap_or(text);
            (!text.is_empty()).then(|| (id.clone(), BTreeSet::from([text.to_owned()])))
        };
        let texts = is.references().map(reference).collect::<Option<_>>()?;
        Some(Found { is, texts, evidence: BTreeSet::new() })
    }
}

impl Found {
    fn joined(
        found: Vec<Result<Self, Vec<UnreviewedText>>>,
        join: impl Fn(Vec<&Expression>) -> Option<Expression>,
    ) -> Result<Self, Vec<UnreviewedText>> {
        let (mut all, mut unreviewed) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                Ok(found) => all.push(found),
                Err(texts) => unreviewed.extend(texts),
            }
        }
        if !unreviewed.is_empty() {
            return Err(unreviewed);
        }
        let is = join(all.iter().map(|found| &found.is).collect()).expect("there is one at least");
        let mut joined = Self { is, texts: BTreeMap::new(), evidence: BTreeSet::new() };
        for found in all {
            for (id, texts) in found.texts {
                joined.texts.entry(id).or_default().extend(texts);
            }
            joined.evidence.extend(found.evidence);
        }
        Ok(joined)
    }
}

impl Reading<'_> {
    fn comment(&self) -> String {
        let set_aside = self.set_aside.iter().map(|(stanza, found, reasons)| {
            let (files, of) = (files(stanza), stanza.line);
            format!(
                "Set aside: {} of {files} (debian/copyright, line {of}): {}.",
                found.is,
                reasons.join("; ")
            )
        });
        let evidence: BTreeSet<_> = self.kept.iter().flat_map(|(_, found)| &found.evidence).collect();
        let reviewed = evidence.into_iter().map(|evidence| format!("Reviewed: {evidence}."));
        set_aside.chain(reviewed).collect::<Vec<_>>().join("\n")
    }
}

/// The files of a stanza, the first of them where they are many.
fn files(stanza: &Stanza) -> String {
    match stanza.files.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first} {second} {third} and {} more", rest.len())
        }
        files => files.join(" "),
    }
}

#[cfg(test)]
mod tests;
