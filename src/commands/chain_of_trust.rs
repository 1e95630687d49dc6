//! `distro lock --verify`: a lock against the files that vouch for it, offline.

use anyhow::anyhow;

use distro::catalog::Catalog;
use distro::catalog::name::ReleaseName;
use distro::effects::definitions;
use distro::effects::kept::Kept;
use distro::effects::store::Access;
use distro::lock::verify::{Claim, Verdict};

use super::Workspace;
use crate::cli::LockArgs;
use crate::report::failure::Advice;
use crate::report::{count, say, warn};

pub fn verify(
    workspace: &Workspace,
    catalog: &Catalog,
    releases: &[&ReleaseName],
    args: &LockArgs,
) -> anyhow::Result<()> {
    let keyring = definitions::keyring(&workspace.places.catalog)?;
    let (store, vendor) = (workspace.store(Access::ReadWrite)?, workspace.vendor()?);
    let kept = Kept { store: &store, vendor: vendor.as_ref() };
    let (mut findings, mut whole) = (Vec::new(), true);
    for release in releases {
        let lock = workspace.lock(catalog, release)?;
        let asked = &args.verify_architectures;
        let mut architectures = lock.architectures();
        architectures.retain(|name| asked.is_empty() || asked.contains(name));
        let claim = Claim {
            lock: &lock,
            architectures,
            keyring: &keyring,
            release: &catalog.releases[*release],
            tarballs: &catalog.tarballs,
            now: workspace.host.now,
        };
        let verdict = claim.verify(|file| kept.read(file))?;
        let (debs, wrong) = claim.verify_debs(args.verify_packages, |file| kept.look_at(file))?;
        if verdict.findings.is_empty() && wrong.is_empty() {
            say("Verified", &format!("{release}: {}", summary(&verdict, debs)));
        }
        whole &= verdict.findings.iter().chain(&wrong).all(|finding| finding.fault.is_absence());
        let of_release = verdict.findings.into_iter().chain(wrong);
        findings.extend(of_release.map(|finding| format!("{release}: {finding}")));
    }
    store.take_damaged().iter().for_each(|damaged| warn(&damaged.to_string()));
    if findings.is_empty() {
        return Ok(());
    }
    let number = count(findings.len(), "link");
    let (what, hint) = match whole {
        true => (
            "cannot be seen",
            "`distro vendor DIR` fetches what is missing, where it can still be had, for `--vendor DIR`",
        ),
        false => (
            "cannot be trusted",
            "do not build from this lock: see who changed it, and how (`git log -p`); `distro lock` makes a new one",
        ),
    };
    let error = anyhow!("{number} of the chain of trust {what}:\n  {}", findings.join("\n  "));
    Err(Advice::new(error, hint).into())
}

fn summary(verdict: &Verdict, files: usize) -> String {
    let Verdict { suites, indexes, packages, source_indexes, sources, tarballs, .. } = verdict;
    let (signed, listed) = (count(*suites, "signed suite"), count(*indexes, "package list"));
    let packages = count(*packages, "package");
    let sources = match sources {
        0 => String::new(),
        some => format!(", {} in {}", count(*some, "source"), count(*source_indexes, "source list")),
    };
    let (tarballs, files) = match tarballs {
        0 => (String::new(), count(files, ".deb")),
        some => (format!(", {}", count(*some, "tarball")), count(files, "file")),
    };
    format!("{packages} in {listed} of {signed}{sources}{tarballs}; {files} at hand and whole")
}
