//! `distro diff`: two states of the locks → what differs, and what changelogs say of it; or two images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use distro::catalog::name::ReleaseName;
use distro::effects::archive::Network;
use distro::effects::changelogs::Changelogs;
use distro::effects::contents::{self, Located};
use distro::effects::layout::LayoutReader;
use distro::effects::places::{Places, Reach};
use distro::effects::pull::Portion;
use distro::effects::revisions::RevisionError;
use distro::effects::scripts::Scripts;
use distro::effects::{definitions, revisions};
use distro::image::choice::Address;
use distro::lock::Lock;
use distro::lock::changes::Changes;

use super::choice::{Chosen, Images};
use super::{Sources, Workspace};
use crate::cli::{DiffArgs, DiffFormat};
use crate::report::changes::Compared;
use crate::report::diff::{self, Difference};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::say;

/// The locks on one side of a comparison.
enum State {
    /// Of all releases that there were.
    All(BTreeMap<ReleaseName, Lock>),
    /// Of the release that a file is for; what others are is not known.
    One(BTreeMap<ReleaseName, Lock>),
}

pub fn run(workspace: &Workspace, args: &DiffArgs) -> anyhow::Result<()> {
    match (Side::of(args.old.as_deref())?, Side::of(args.new.as_deref())?) {
        (Side::Image(old), Side::Image(new)) => images(workspace, args, &old, &new),
        (Side::Locks, Side::Locks) if args.arch.is_some() || args.out.is_some() || args.plain_http => {
            let error =
                anyhow::anyhow!("--arch, --out and --plain-http are for images, and locks are compared");
            Err(Advice::new(
                error,
                "name two images with their tags: `distro diff cc-debian13:latest cc-debian13:debug`",
            )
            .into())
        }
        (Side::Locks, Side::Locks) => locks(workspace, args),
        _ => {
            let error = anyhow::anyhow!("an image is compared with another image");
            Err(Advice::new(
                error,
                "name two, each with its tag: `distro diff cc-debian13:latest cc-debian13:debug`",
            )
            .into())
        }
    }
}

/// What somebody names. Git allows no colon in a revision, and an image's tag follows one.
enum Side {
    Locks,
    Image(Address),
}

impl Side {
    fn of(name: Option<&str>) -> anyhow::Result<Self> {
        match name {
            Some(name) if name.contains(':') => {
                let address: Address = name.parse()?;
                if matches!(address, Address::Name(_)) && Path::new(name).exists() {
                    let error = anyhow::anyhow!("`{name}` may be an image, and is a file too");
                    let hint = format!("write `./{name}` for the file, or `oci:out:{name}` for the image");
                    return Err(Advice::new(error, hint).into());
                }
                Ok(if name.starts_with(['.', '/']) { Self::Locks } else { Self::Image(address) })
            }
            _ => Ok(Self::Locks),
        }
    }
}

fn images(workspace: &Workspace, args: &DiffArgs, old: &Address, new: &Address) -> anyhow::Result<()> {
    let wanted = workspace.wanted(args.arch.as_ref())?;
    let images = Images {
        workspace,
        out: args.out.as_deref().unwrap_or(Path::new("out")),
        offline: args.offline,
        plain_http: args.plain_http,
        network: &args.network,
    };
    let open = |address, near: &[&Path]| images.open(address, Portion::of(&wanted), near);
    // What the other side has is not fetched, so the one that is here comes first.
    let (old_image, new_image) = if matches!(old, Address::Registry(_)) {
        let new_image = open(new, &[])?;
        (open(old, &[new_image.layout.root()])?, new_image)
    } else {
        let old_image = open(old, &[])?;
        let new_image = open(new, &[old_image.layout.root()])?;
        (old_image, new_image)
    };
    let changes = contents::changes(located(&old_image), located(&new_image))?;
    let (old, new) = (old.to_string(), new.to_string());
    if changes.is_empty() {
        say("Unchanged", &format!("{old} and {new} are the same, but for times"));
    }
    let compared = Compared { old: &old, new: &new, changes: &changes };
    match args.format {
        DiffFormat::Table => anstream::print!("{}", compared.text()),
        DiffFormat::Markdown => anstream::print!("{}", compared.markdown()),
        DiffFormat::Json => anstream::print!("{}", compared.json()?),
    }
    Ok(())
}

fn located(image: &Chosen) -> Located<'_> {
    Located { layout: &image.layout, manifest: &image.image }
}

fn locks(workspace: &Workspace, args: &DiffArgs) -> anyhow::Result<()> {
    let old = State::read(workspace, args.old.as_deref().unwrap_or("HEAD"))?;
    let new = match &args.new {
        Some(new) => State::read(workspace, new)?,
        None => State::All(definitions::locks(&workspace.lock_directory())?),
    };
    let pairs = pairs(&old, &new);
    let catalog = workspace.catalog()?;
    let vendor = workspace.vendor()?;
    let sources = Sources::open(workspace, &catalog, vendor.as_ref(), &args.network)?;
    let bars = Bars::new();
    let progress = bars.stage("Fetching");
    let network = if args.offline { Network::Offline } else { Network::Allowed };
    let reach = sources.reach(network, &progress);
    let differences = pairs.iter().map(|(old, new)| {
        let difference = difference(reach, old, new, u64::MAX);
        let places = &Places::of([old, new], reach);
        let scripts = Scripts { old, new, places };
        let scripts = scripts.changes(&difference.changes, |package| catalog.accounts_for(package));
        Difference { scripts, ..difference }
    });
    let mut differences: Vec<_> = differences.collect();
    progress.finish();
    differences.retain(|difference| !difference.changes.is_empty());
    if differences.is_empty() {
        say("Unchanged", "the locks pin the same packages for the same images");
    }
    match args.format {
        DiffFormat::Table => anstream::print!("{}", diff::text(&differences)),
        DiffFormat::Markdown => anstream::print!("{}", diff::markdown(&differences)),
        DiffFormat::Json => anstream::print!("{}", diff::json(&differences)?),
    }
    Ok(())
}

impl State {
    /// What a person names: a file, a directory, or a git revision.
    fn read(workspace: &Workspace, name: &str) -> anyhow::Result<Self> {
        let path = Path::new(name);
        if path.is_file() {
            return Ok(Self::One(definitions::locks(path)?));
        }
        if path.is_dir() {
            return Ok(Self::All(definitions::locks(path)?));
        }
        revisions::locks(&workspace.lock_directory(), name).map(Self::All).map_err(|error| {
            let hint = match &error {
                RevisionError::NoGit(_) | RevisionError::NoRepository(_) => {
                    "name two lock files or directories: `distro diff OLD NEW`"
                }
                RevisionError::Unknown { .. } if is_image(name) => {
                    "an image is named with its tag, as in `cc-debian13:latest`"
                }
                RevisionError::Unknown { .. } => "`git log -- lock` shows the revisions that changed locks",
                _ => return error.into(),
            };
            Advice::new(error, hint).into()
        })
    }

    fn locks(&self) -> &BTreeMap<ReleaseName, Lock> {
        match self {
            Self::All(locks) | Self::One(locks) => locks,
        }
    }

    /// The lock of a release, an empty one where it has none; `None` where that is not known.
    fn lock(&self, release: &ReleaseName) -> Option<Lock> {
        match (self, self.locks().get(release)) {
            (_, Some(lock)) => Some(lock.clone()),
            (Self::All(_), None) => Some(Lock::empty(release.clone())),
            (Self::One(_), None) => None,
        }
    }
}

/// Whether the usual layout has an image that could be meant.
fn is_image(name: &str) -> bool {
    LayoutReader::open(Path::new("out")).is_ok_and(|layout| layout.choose(Some(name)).is_ok())
}

/// The locks of each release before and after.
fn pairs(old: &State, new: &State) -> Vec<(Lock, Lock)> {
    let releases: BTreeSet<_> = old.locks().keys().chain(new.locks().keys()).collect();
    releases.into_iter().filter_map(|release| old.lock(release).zip(new.lock(release))).collect()
}

/// What differs, with what changelogs say; these are read where no more than so many bytes of packages need to be
/// fetched.
pub fn difference(reach: Reach<'_>, old: &Lock, new: &Lock, at_most: u64) -> Difference {
    let changes = Changes::between(old, new);
    let sources = changes.sources(old, new);
    let changelogs = Changelogs { lock: new, places: &Places::of([new], reach), store: reach.store };
    let news = (changelogs.to_fetch(&sources) <= at_most).then(|| changelogs.news(&sources));
    Difference {
        changes,
        news: news.map(|news| sources.into_iter().zip(news).collect()),
        scripts: Vec::new(),
    }
}
