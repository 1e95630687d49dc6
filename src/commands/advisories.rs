//! The tracker's data, as a command asks for them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use distro::advisory::{Scope, Tracker};
use distro::effects::store::Access;
use distro::effects::tracker::{Cache, Obtained, Place, TrackerError};

use super::Workspace;
use crate::cli::TrackerArgs;
use crate::report::failure::Advice;
use crate::report::warn;

/// What a tracker says.
pub struct Told {
    pub tracker: Tracker,
    /// Of when it is.
    pub date: Timestamp,
    /// The file or URL of its data.
    pub place: String,
}

/// What the tracker that is named says of these releases; `None` where none is named.
pub fn tracker(
    workspace: &Workspace,
    args: &TrackerArgs,
    codenames: &BTreeSet<String>,
    keep: &dyn Fn(&str, &str) -> bool,
) -> anyhow::Result<Option<Told>> {
    let Some(place) = &args.tracker else { return Ok(None) };
    let place = Place::parse(place).map_err(|error| anyhow::anyhow!("`{place}` is no URL: {error}"))?;
    let store = workspace.store(Access::ReadWrite)?;
    let http = match (&place, args.offline) {
        (Place::Server(_), false) => Some(workspace.http(&args.network, &workspace.apt())?),
        _ => None,
    };
    let cache = Cache { store: &store, http: http.as_ref(), now: workspace.host.now };
    let Obtained { tracker, date, stale } = place.read(Scope { codenames, keep }, &cache).map_err(advise)?;
    if let Some(error) = stale {
        let error = anyhow::Error::new(error);
        warn(&format!("{error:#}; the copy of {date} is used"));
    }
    Ok(Some(Told { tracker, date, place: place.name() }))
}

fn advise(error: TrackerError) -> anyhow::Error {
    let hint = match &error {
        TrackerError::NotKept(_) => "run once without `--offline`, or name a file by --tracker",
        TrackerError::Http(_) => "try again later, or fetch the file otherwise and name it by --tracker",
        TrackerError::Invalid { .. } => {
            "--tracker takes what https://security-tracker.debian.org/tracker/data/json serves"
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}
