//! Many images in few words.

use std::collections::{BTreeMap, BTreeSet};

use distro::audit::Subject;

/// Names that are told at most.
const SHOWN: usize = 5;

/// The images of an audit, by the names that mean more than one of them.
pub struct Names<'a> {
    all: &'a [&'a Subject],
    /// By `cc-debian13`.
    repositories: BTreeMap<&'a str, Vec<usize>>,
    /// By `cc-debian13:debug`.
    tags: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Names<'a> {
    pub fn of(all: &'a [&'a Subject]) -> Self {
        let mut names = Self { all, repositories: BTreeMap::new(), tags: BTreeMap::new() };
        for (image, subject) in all.iter().enumerate() {
            names.repositories.entry(repository(subject)).or_default().push(image);
            names.tags.entry(&subject.name).or_default().push(image);
        }
        names
    }

    /// `all 460 images`, or the shortest names that mean these and no others of the audit: `cc-debian13` for all
    /// tags and architectures, `cc-debian13:debug` for all architectures.
    pub fn told(&self, of: &[usize]) -> String {
        if of.is_empty() {
            return String::new();
        }
        if of.len() == self.all.len() && self.all.len() > 1 {
            return format!("all {} images", self.all.len());
        }
        let concerned: BTreeSet<usize> = of.iter().copied().collect();
        let is_whole = |images: &[usize]| images.iter().all(|image| concerned.contains(image));
        let mut told: BTreeSet<String> = BTreeSet::new();
        for subject in of.iter().map(|&image| self.all[image]) {
            let of_repository = &self.repositories[repository(subject)];
            told.insert(if of_repository.len() > 1 && is_whole(of_repository) {
                repository(subject).to_owned()
            } else if is_whole(&self.tags[subject.name.as_str()]) {
                subject.name.clone()
            } else {
                format!("{} ({})", subject.name, subject.architecture)
            });
        }
        let more = told.len().saturating_sub(SHOWN);
        let shown: Vec<_> = told.into_iter().take(SHOWN).collect();
        let list = if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) };
        if of.len() == 1 { list } else { format!("{} images: {list}", of.len()) }
    }
}

fn repository(subject: &Subject) -> &str {
    subject.name.split(':').next().unwrap_or_default()
}
