//! Many images in few words.

use std::collections::{BTreeMap, BTreeSet};

use distro::audit::Subject;

/// Names that are told at most.
const SHOWN: usize = 5;

/// `all 460 images`, or the shortest names that mean these and no others of the audit: `cc-debian13` for all tags
/// and architectures, `cc-debian13:debug` for all architectures.
pub fn told(all: &[&Subject], of: &[usize]) -> String {
    if of.is_empty() {
        return String::new();
    }
    if of.len() == all.len() && all.len() > 1 {
        return format!("all {} images", all.len());
    }
    let concerned: BTreeSet<usize> = of.iter().copied().collect();
    let repository = |image: usize| all[image].name.split(':').next().unwrap_or_default();
    let mut repositories: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (image, subject) in all.iter().enumerate() {
        repositories.entry(repository(image)).or_default().push(image);
        names.entry(&subject.name).or_default().push(image);
    }
    let is_whole = |images: &[usize]| images.iter().all(|image| concerned.contains(image));
    let mut told: BTreeSet<String> = BTreeSet::new();
    for &image in of {
        let name = all[image].name.as_str();
        told.insert(
            if repositories[repository(image)].len() > 1 && is_whole(&repositories[repository(image)]) {
                repository(image).to_owned()
            } else if is_whole(&names[name]) {
                name.to_owned()
            } else {
                format!("{name} ({})", all[image].architecture)
            },
        );
    }
    let more = told.len().saturating_sub(SHOWN);
    let shown: Vec<_> = told.into_iter().take(SHOWN).collect();
    let list = if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) };
    if of.len() == 1 { list } else { format!("{} images: {list}", of.len()) }
}
