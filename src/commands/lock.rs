//! `distro lock`: what the archive offers → resolutions → locks.

use std::collections::BTreeMap;

use anyhow::anyhow;
use jiff::Timestamp;

use distro::catalog::Catalog;
use distro::catalog::diagnostic::nearest;
use distro::catalog::name::ReleaseName;
use distro::debian::Architecture;
use distro::effects::definitions;
use distro::effects::mirrors::parse_snapshot_time;
use distro::effects::renewal::{Offer, Renewable, RenewalError, Renewed, Unobtainable};
use distro::effects::store::Access;
use distro::effects::suites::{Trust, ValidUntil};
use distro::lock::Lock;
use distro::lock::changes::Changes;
use distro::lock::renew::Renewal;

use super::Workspace;
use crate::cli::{ArchiveArgs, LockArgs};
use crate::report::diff::{self, Difference};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{count, say, warn};

pub fn run(workspace: &Workspace, args: &LockArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let known: Vec<&ReleaseName> = catalog.releases.keys().collect();
    for asked in &args.release {
        if !known.iter().any(|release| release.as_str() == asked) {
            let names = || known.iter().map(|name| name.as_str());
            let hint = nearest(asked, names())
                .map(|name| format!("did you mean `{name}`?"))
                .unwrap_or_else(|| format!("known: {}", names().collect::<Vec<_>>().join(", ")));
            return Err(Advice::new(anyhow!("the catalog has no release `{asked}`"), hint).into());
        }
    }
    let asked = |release: &&&ReleaseName| {
        args.release.is_empty() || args.release.iter().any(|asked| asked == release.as_str())
    };
    let releases: Vec<_> = known.iter().filter(asked).copied().collect();
    let must = if args.keep_going { Must::Renew(&[]) } else { Must::RenewAll };
    renew(workspace, &catalog, &releases, &args.archive, must)
}

/// Which architectures a renewal fails without.
#[derive(Clone, Copy)]
pub enum Must<'a> {
    RenewAll,
    /// The others stay as they are locked, where they cannot be renewed.
    Renew(&'a [Architecture]),
}

/// Makes new locks of releases, and writes those that are not what they were. Nothing is written where one
/// of them cannot be made.
pub fn renew(
    workspace: &Workspace,
    catalog: &Catalog,
    releases: &[&ReleaseName],
    args: &ArchiveArgs,
    must: Must<'_>,
) -> anyhow::Result<()> {
    let snapshot = args.snapshot.as_deref().map(|time| snapshot(workspace, time)).transpose()?;
    let keyring = definitions::keyring(&workspace.places.catalog)?;
    let mirrors = workspace.mirrors(catalog);
    let (store, http) = (workspace.store(Access::ReadWrite)?, workspace.http(&args.network)?);
    let bars = Bars::new();
    let progress = bars.stage("Fetching");
    let offer = Offer {
        mirrors: &mirrors,
        store: &store,
        http: &http,
        progress: &progress,
        snapshot: args.snapshot.as_deref(),
    };
    let old: Vec<_> = releases.iter().map(|name| old(workspace, name)).collect();
    let valid_until = match args.allow_expired || snapshot.is_some() {
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
        unobtainable: match (must, old) {
            (Must::Renew(except), Some(old)) => Unobtainable::Stays { old, except },
            _ => Unobtainable::Fails,
        },
    });
    let renewed = offer.renew_all(catalog, &renewable.collect::<Vec<_>>());
    progress.finish();
    let renewed = releases.iter().zip(renewed).map(|(name, renewed)| {
        renewed.map_err(|error| {
            let unavailable = error.is_unavailable();
            let error = anyhow::Error::new(error).context(format!("could not lock {name}"));
            if unavailable { Advice::new(error, WHERE_FROM).into() } else { error }
        })
    });
    for (renewed, old) in renewed.collect::<anyhow::Result<Vec<_>>>()?.into_iter().zip(old) {
        write(workspace, renewed, old)?;
    }
    Ok(())
}

const WHERE_FROM: &str = "packages come from the `mirrors` in catalog.toml, then from this machine's apt sources \
                          (--apt-dir), or with --snapshot from the snapshot service";

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

fn write(workspace: &Workspace, renewed: Renewed, old: Option<Lock>) -> anyhow::Result<()> {
    let Renewed { renewal: Renewal { lock, unused }, kept } = renewed;
    if let Some((_, error)) = kept.first() {
        let names: Vec<_> = kept.iter().map(|(architecture, _)| architecture.as_str()).collect();
        let (release, names, why) = (&lock.release, names.join(", "), in_one(error));
        warn(&format!("{release} stays as it was locked on {names}, where it cannot be renewed: {why}"));
    }
    for (name, families) in unused {
        let families: Vec<_> = families.iter().map(ToString::to_string).collect();
        warn(&format!(
            "nothing in {} wants `{name}`, which {} leaves out",
            lock.release,
            families.join(", ")
        ));
    }
    let directory = workspace.lock_directory();
    let changes = old.as_ref().map(|old| Changes::between(old, &lock));
    let lock = old.into_iter().fold(lock, Lock::or_unchanged);
    let written = definitions::write_lock(&directory, &lock)?;
    let path = definitions::lock_path(&directory, &lock.release);
    let verb = if written { "Locked" } else { "Unchanged" };
    let images = count(lock.closures.iter().map(|closure| closure.tags.len()).sum(), "image");
    let packages = count(lock.pins.len(), "package");
    say(verb, &format!("{}: {packages} for {images} in {}", lock.release, path.display()));
    if let Some(changes) = changes.filter(|changes| !changes.is_empty()) {
        anstream::eprint!("{}", diff::text(&[Difference { changes, news: None }]));
    }
    for name in lock.version_skew() {
        let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (architecture, pin) in &lock.pins[name] {
            versions.entry(&pin.version).or_default().push(architecture.as_str());
        }
        let versions = versions.iter().map(|(version, on)| format!("{version} on {}", on.join(", ")));
        warn(&format!("{name} has not one version: {}", versions.collect::<Vec<_>>().join("; ")));
    }
    Ok(())
}

/// An error and its causes.
fn in_one(error: &RenewalError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let mut texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
