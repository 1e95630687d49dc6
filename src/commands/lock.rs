//! `distro lock`: what the archive offers → resolutions → locks.

use anyhow::anyhow;
use jiff::Timestamp;

use distro::catalog::Catalog;
use distro::catalog::diagnostic::nearest;
use distro::catalog::name::ReleaseName;
use distro::effects::definitions;
use distro::effects::mirrors::parse_snapshot_time;
use distro::effects::renewal::{Offer, RenewalError};
use distro::effects::store::Access;
use distro::effects::suites::{Trust, ValidUntil};
use distro::lock::Lock;
use distro::lock::changes::Changes;
use distro::lock::renew::Renewal;

use super::Workspace;
use crate::cli::{ArchiveArgs, LockArgs};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::{say, warn};

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
    renew(workspace, &catalog, &releases, &args.archive)
}

/// Makes new locks of releases, and writes those that are not what they were. Nothing is written where one
/// of them cannot be made.
pub fn renew(
    workspace: &Workspace,
    catalog: &Catalog,
    releases: &[&ReleaseName],
    args: &ArchiveArgs,
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
    let trusts: Vec<_> = releases
        .iter()
        .map(|name| {
            let ignored = args.allow_expired || snapshot.is_some();
            let valid_until = if ignored { ValidUntil::Ignored } else { ValidUntil::Checked };
            let (release, at) = (&catalog.releases[name.as_str()], snapshot.unwrap_or(workspace.host.now));
            (*name, Trust { keyring: &keyring, release, at, valid_until })
        })
        .collect();
    let renewals = offer.renew_all(catalog, &trusts);
    drop(progress);
    let renewals = releases.iter().zip(renewals).map(|(name, renewal)| {
        renewal.map_err(|error| {
            let unreachable = matches!(&error, RenewalError::Suite { .. });
            let error = anyhow::Error::new(error).context(format!("could not lock {name}"));
            match unreachable {
                true => Advice::new(error, WHERE_FROM).into(),
                false => error,
            }
        })
    });
    for renewal in renewals.collect::<anyhow::Result<Vec<_>>>()? {
        write(workspace, renewal)?;
    }
    Ok(())
}

const WHERE_FROM: &str = "packages come from the `mirrors` in catalog.toml, then from this machine's apt sources \
                          (--apt-dir), or with --snapshot from the snapshot service";

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

fn write(workspace: &Workspace, Renewal { lock, unused }: Renewal) -> anyhow::Result<()> {
    for (name, families) in unused {
        let families: Vec<_> = families.iter().map(ToString::to_string).collect();
        warn(&format!(
            "nothing in {} wants `{name}`, which {} leaves out",
            lock.release,
            families.join(", ")
        ));
    }
    let directory = workspace.lock_directory();
    // A lock that cannot be read is no reason not to write a good one.
    let old = definitions::lock(&directory, &lock.release).ok().flatten();
    let changes = old.as_ref().map(|old| Changes::between(old, &lock));
    let lock = old.into_iter().fold(lock, Lock::or_unchanged);
    let written = definitions::write_lock(&directory, &lock)?;
    let path = definitions::lock_path(&directory, &lock.release);
    let verb = if written { "Locked" } else { "Unchanged" };
    let (packages, images) =
        (lock.pins.len(), lock.closures.iter().map(|closure| closure.tags.len()).sum::<usize>());
    say(verb, &format!("{}: {packages} packages for {images} images in {}", lock.release, path.display()));
    for (name, change) in changes.iter().flat_map(Changes::iter) {
        say("", &format!("{name} {change}"));
    }
    for name in lock.version_skew() {
        let versions = lock.pins[name].iter().map(|(on, pin)| format!("{} on {on}", pin.version));
        warn(&format!("{name} has not one version: {}", versions.collect::<Vec<_>>().join(", ")));
    }
    Ok(())
}
