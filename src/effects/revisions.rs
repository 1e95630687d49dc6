//! Locks as git has them.

#![expect(clippy::disallowed_methods, reason = "git knows what a revision is, and is asked")]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::definitions::{DefinitionsError, read_lock};
use crate::catalog::name::ReleaseName;
use crate::lock::Lock;

#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    #[error("could not run git")]
    NoGit(#[source] io::Error),
    #[error("`{}` is in no git repository", .0.display())]
    NoRepository(PathBuf),
    #[error("`{revision}` is no lock file, no directory of locks, and no git revision")]
    Unknown { revision: String },
    #[error("git could not read the locks of `{revision}`: {said}")]
    Git { revision: String, said: String },
    #[error(transparent)]
    Lock(#[from] DefinitionsError),
}

/// The locks of a directory as a revision (`main`, `v1.2`, `HEAD~3`) has them; none where it lacks the directory.
pub fn locks(directory: &Path, revision: &str) -> Result<BTreeMap<ReleaseName, Lock>, RevisionError> {
    let git = |arguments: &[&str]| {
        Command::new("git").arg("-C").arg(directory).args(arguments).output().map_err(RevisionError::NoGit)
    };
    let failed = |output: &Output| RevisionError::Git {
        revision: revision.to_owned(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    };
    if !git(&["rev-parse", "--git-dir"])?.status.success() {
        return Err(RevisionError::NoRepository(directory.to_owned()));
    }
    let commit = format!("{revision}^{{commit}}");
    let commit = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?;
    if !commit.status.success() {
        return Err(RevisionError::Unknown { revision: revision.to_owned() });
    }
    let commit = String::from_utf8_lossy(&commit.stdout).trim().to_owned();
    let names = git(&["ls-tree", "-z", "--name-only", &commit, "./"])?;
    if !names.status.success() {
        return Err(failed(&names));
    }
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let mut locks = BTreeMap::new();
    for name in names.split('\0').filter(|name| name.ends_with(".lock")) {
        let file = git(&["cat-file", "blob", &format!("{commit}:./{name}")])?;
        if !file.status.success() {
            return Err(failed(&file));
        }
        let path = PathBuf::from(format!("{revision}:{}", directory.join(name).display()));
        let lock = read_lock(&path, String::from_utf8_lossy(&file.stdout).into_owned())?;
        locks.insert(lock.release.clone(), lock);
    }
    Ok(locks)
}
