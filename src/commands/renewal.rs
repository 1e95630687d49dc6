//! Renewals, which `distro lock` writes, `distro outdated` looks at, and `distro build --renew` builds.

use std::collections::BTreeMap;

use anyhow::anyhow;
use jiff::Timestamp;

use distro::catalog::name::{ReleaseName, TarballName};
use distro::catalog::{Catalog, Image};
use distro::cause::in_one_line;
use distro::debian::{Architecture, PackageName, Version};
use distro::effects::archive::Unavailable;
use distro::effects::definitions;
use distro::effects::mirrors::parse_snapshot_time;
use distro::effects::renewal::{Extent, Offer, Renewable, RenewalError, Renewed, Unobtainable, Unpinned};
use distro::effects::suites::{Trust, ValidUntil};
use distro::lock::Lock;
use distro::lock::changes::Changes;
use distro::lock::hold::Asked;
use distro::lock::renew::Renewal;

use super::{Sources, Workspace};
use crate::cli::ArchiveArgs;
use crate::report::diff::Difference;
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{count, say, warn};

/// What is to be locked anew.
pub struct Order<'a> {
    pub releases: &'a [&'a ReleaseName],
    pub archive: &'a ArchiveArgs,
    pub must: Must<'a>,
    pub asked: &'a Asked,
}

/// Which architectures a renewal fails without.
#[derive(Clone, Copy)]
pub enum Must<'a> {
    RenewAll,
    /// The others stay as they are locked, where they cannot be renewed.
    Renew(&'a [Architecture]),
}

/// A lock that was made, and the one before.
pub struct Outcome {
    pub old: Option<Lock>,
    pub lock: Lock,
    /// Architectures that stay as they were, as they cannot be renewed.
    kept: Vec<Architecture>,
    pub warnings: Vec<String>,
}

/// Makes new locks of releases, all or none.
pub fn renew(
    workspace: &Workspace,
    catalog: &Catalog,
    sources: &Sources<'_>,
    order: &Order<'_>,
) -> anyhow::Result<Vec<Outcome>> {
    let Order { releases, archive, must, asked } = order;
    let snapshot = archive.snapshot.as_deref().map(|time| snapshot(workspace, time)).transpose()?;
    let keyring = definitions::keyring(&workspace.places.catalog)?;
    let bars = Bars::new();
    let progress = bars.stage("Fetching");
    let offer = Offer {
        mirrors: &sources.mirrors,
        store: &sources.store,
        http: &sources.http,
        progress: &progress,
        snapshot: archive.snapshot.as_deref(),
        now: workspace.host.now,
    };
    let old: Vec<_> = releases.iter().map(|name| old(workspace, name)).collect();
    let valid_until = match archive.allow_expired || snapshot.is_some() {
        true => ValidUntil::Ignored,
        false => ValidUntil::Checked,
    };
    let renewable = releases.iter().zip(&old).map(|(name, old)| Renewable {
        name,
        trust: Trust {
            keyring: &keyring,
            release: &catalog.releases[name.as_str()],
            at: snapshot.unwrap_or(workspace.host.now),
            valid_until,
        },
        locked: old.as_ref(),
        unobtainable: match (must, old) {
            (Must::Renew(except), Some(old)) => Unobtainable::Stays { old, except },
            _ => Unobtainable::Fails,
        },
        extent: match old {
            Some(old) if !asked.is_all() => Extent::Asked { old, asked },
            _ => Extent::Everything,
        },
    });
    let renewed = offer.renew_all(catalog, &renewable.collect::<Vec<_>>());
    progress.finish();
    let renewed = releases.iter().zip(renewed).map(|(name, renewed)| {
        renewed.map_err(|error| {
            let hint = advice(&error);
            let error = anyhow::Error::new(error).context(format!("could not lock {name}"));
            match hint {
                Some(hint) => Advice::new(error, hint).into(),
                None => error,
            }
        })
    });
    let renewed = renewed.collect::<anyhow::Result<Vec<_>>>()?;
    let outcomes = renewed.into_iter().zip(old).map(|(renewed, old)| Outcome::new(catalog, renewed, old));
    Ok(outcomes.collect())
}

fn advice(error: &RenewalError) -> Option<String> {
    if error.is_unavailable() {
        let hint = "packages come from the `mirrors` in catalog.toml, then from this machine's apt sources \
                    (--apt-dir), or with --snapshot from the snapshot service";
        return Some(hint.to_owned());
    }
    match error.gone() {
        [] => None,
        gone => {
            let names: Vec<_> = gone.iter().map(|(name, _)| name.as_str()).collect();
            Some(format!(
                "ask for them too: `distro lock {} …`; or renew all: `distro lock`",
                names.join(" ")
            ))
        }
    }
}

/// The lock to be renewed. One that cannot be read is no reason not to write a good one.
fn old(workspace: &Workspace, release: &ReleaseName) -> Option<Lock> {
    let directory = workspace.lock_directory();
    definitions::lock(&directory, release).unwrap_or_else(|_| {
        let path = definitions::lock_path(&directory, release);
        warn(&format!("the lock `{}` cannot be read, and is made anew", path.display()));
        None
    })
}

/// The time of a snapshot, which must have been.
fn snapshot(workspace: &Workspace, time: &str) -> anyhow::Result<Timestamp> {
    let at = parse_snapshot_time(time).ok_or_else(|| {
        Advice::new(
            anyhow!("`{time}` is not a time of the snapshot service"),
            "write it as in 20261118T000000Z",
        )
    })?;
    if at > workspace.host.now {
        return Err(anyhow!("there is no snapshot of {time} yet: it is {}", workspace.host.now));
    }
    Ok(at)
}

impl Outcome {
    fn new(catalog: &Catalog, renewed: Renewed, old: Option<Lock>) -> Self {
        let Renewed { renewal: Renewal { lock, unused }, kept, missing, unpinned } = renewed;
        let mut warnings = Vec::new();
        warnings.extend(without_tarballs(catalog, &lock.release, &missing));
        warnings.extend(without_sources(&lock.release, &unpinned));
        if let Some((_, error)) = kept.first() {
            let names: Vec<_> = kept.iter().map(|(architecture, _)| architecture.as_str()).collect();
            let (release, names, why) = (&lock.release, names.join(", "), in_one_line(error));
            warnings.push(format!(
                "{release} stays as it was locked on {names}, where it cannot be renewed: {why}"
            ));
        }
        for (name, families) in unused {
            let families: Vec<_> = families.iter().map(ToString::to_string).collect();
            let (release, families) = (&lock.release, families.join(", "));
            warnings.push(format!("nothing in {release} wants `{name}`, which {families} leaves out"));
        }
        let lock = old.clone().into_iter().fold(lock, Lock::or_unchanged);
        let kept = kept.into_iter().map(|(architecture, _)| architecture).collect();
        Self { old, lock, kept, warnings }
    }

    /// Whether the lock is not what it was.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.old.as_ref() != Some(&self.lock)
    }

    /// What differs, in packages and images; `None` where nothing does, or there was no lock.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let changes = Changes::between(self.old.as_ref()?, &self.lock);
        (!changes.is_empty()).then_some(Difference { changes, news: None, scripts: Vec::new() })
    }

    /// Writes the lock, unless it is only looked at; tells what became of it.
    pub fn report(&self, workspace: &Workspace, write: bool) -> anyhow::Result<()> {
        let lock = &self.lock;
        self.warnings.iter().for_each(|warning| warn(warning));
        let directory = workspace.lock_directory();
        let verb = match write {
            true if definitions::write_lock(&directory, lock)? => "Locked",
            false if self.is_new() => "Would lock",
            _ => "Unchanged",
        };
        let path = definitions::lock_path(&directory, &lock.release);
        let images = count(lock.closures.iter().map(|closure| closure.tags.len()).sum(), "image");
        let packages = count(lock.pins.len(), "package");
        say(verb, &format!("{}: {packages} for {images} in {}", lock.release, path.display()));
        for older in lock.older_states() {
            let mut on = older.architectures();
            on.retain(|name| !self.kept.iter().any(|kept| kept.as_str() == *name));
            if !on.is_empty() {
                let (name, date, on) = (&older.name, older.date, Vec::from_iter(on).join(", "));
                warn(&format!("`{name}` is as of {date} on {on}: the mirror has no newer indexes there"));
            }
        }
        version_skew(lock).iter().for_each(|warning| warn(warning));
        Ok(())
    }
}

/// A package that has not one version, and the versions that it has.
struct Skewed<'l> {
    name: &'l PackageName,
    versions: Vec<&'l Version>,
}

/// The packages that have not one version; those that differ between the same architectures together.
fn version_skew(lock: &Lock) -> Vec<String> {
    let mut alike: BTreeMap<Vec<String>, Vec<Skewed<'_>>> = BTreeMap::new();
    for name in lock.version_skew() {
        let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (architecture, pin) in &lock.pins[name] {
            versions.entry(&pin.version).or_default().push(architecture.as_str());
        }
        let on = versions.values().map(|on| format!("on {}", on.join(", "))).collect();
        alike.entry(on).or_default().push(Skewed { name, versions: versions.into_keys().collect() });
    }
    let warning = |(on, packages): (Vec<String>, Vec<Skewed<'_>>)| match &packages[..] {
        [Skewed { name, versions }] => {
            let versions = versions.iter().zip(on).map(|(version, on)| format!("{version} {on}"));
            format!("{name} has not one version: {}", versions.collect::<Vec<_>>().join("; "))
        }
        packages => {
            let on: Vec<_> = on.iter().map(|on| format!("one {on}")).collect();
            let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
            let packages = count(names.len(), "package");
            format!("{packages} have not one version, but {}: {}", on.join("; "), names.join(", "))
        }
    };
    alike.into_iter().map(warning).collect()
}

/// What tarballs could not be had, and the images of a release that cannot be without them; those that failed alike
/// together.
fn without_tarballs(
    catalog: &Catalog,
    release: &ReleaseName,
    missing: &BTreeMap<TarballName, Unavailable>,
) -> Vec<String> {
    let mut by_reason: BTreeMap<Vec<String>, BTreeMap<&TarballName, &Unavailable>> = BTreeMap::new();
    for (name, why) in missing {
        let reasons = why.tried.iter().map(|tried| tried.reason.to_string()).collect();
        by_reason.entry(reasons).or_default().insert(name, why);
    }
    let warning = |alike: BTreeMap<&TarballName, &Unavailable>| {
        let lacks = |image: &&Image| image.tarballs().any(|name| alike.contains_key(name));
        let images: Vec<_> = catalog.images_of(release).filter(lacks).collect();
        let images = catalog.short_names(&images).join(", ");
        let tarballs: Vec<_> = alike.keys().map(|name| format!("`{name}`")).collect();
        let why = alike.values().next().map(ToString::to_string).unwrap_or_default();
        let why: Vec<_> = why.lines().map(str::trim_start).collect();
        let (noun, names) = (if tarballs.len() == 1 { "tarball" } else { "tarballs" }, tarballs.join(", "));
        format!("{images} cannot be locked without the {noun} {names}: {}", why.join(" "))
    };
    by_reason.into_values().map(warning).collect()
}

/// The source packages that are not pinned, and why.
fn without_sources(release: &ReleaseName, Unpinned { sources, why }: &Unpinned) -> Option<String> {
    let names: Vec<_> = sources.iter().map(ToString::to_string).collect();
    let why: Vec<_> = match why.is_empty() {
        true if names.len() == 1 => vec!["no index of sources has it"],
        true => vec!["no index of sources has them"],
        false => why.iter().map(String::as_str).collect(),
    };
    let (number, names, why) = (count(names.len(), "source package"), names.join(", "), why.join("; "));
    (!sources.is_empty()).then(|| format!("{release} is locked without {number} ({names}): {why}"))
}
