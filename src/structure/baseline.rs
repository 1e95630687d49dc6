//! What every image of a catalog has to be, without a file that says so.

use std::collections::BTreeMap;

use super::process::Configuration;
use super::{Finding, Outcome};
use crate::catalog::accounts::{Accounts, User};
use crate::catalog::{Image, Step};
use crate::generate::{GenerateError, accounts};
use crate::image::accounting::gives_rights;
use crate::tree::{ImagePath, Kind, Listed, Stack};

/// An image as it was built, and the definition that it was built from.
pub struct Subject<'a> {
    pub image: &'a Image,
    pub accounts: &'a Accounts,
    pub stack: &'a Stack<'a>,
    /// What each layer was made from, the lowest first, as the history tells it: `libc6 2.41-12 (amd64)`.
    pub made_from: &'a [String],
    pub config: &'a Configuration,
    /// The texts of `/etc/passwd` and `/etc/group`, where the image has them.
    pub account_files: &'a BTreeMap<&'static str, String>,
}

pub const ACCOUNT_FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];

const SHELLS: [&str; 12] =
    ["ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "zsh"];

const PACKAGE_MANAGERS: [&str; 10] =
    ["apk", "apt", "apt-get", "dnf", "dpkg", "microdnf", "pacman", "rpm", "yum", "zypper"];

/// Whether whoever runs an image can run a shell by a path.
#[must_use]
pub fn is_shell(listed: &Listed) -> bool {
    is_program(listed, &SHELLS)
}

fn is_program(listed: &Listed, names: &[&str]) -> bool {
    let directory = listed.path.parent().unwrap_or_default();
    let of_programs = ["bin", "sbin", "busybox"].contains(&directory.file_name());
    listed.kind != Kind::Directory && of_programs && names.contains(&listed.path.file_name())
}

impl Subject<'_> {
    /// Every check by its name.
    pub fn judge(&self) -> Result<Vec<(&'static str, Outcome)>, GenerateError> {
        let mut checks = vec![
            ("no shell or package manager that no definition asks for", self.tools().into()),
            ("no setuid or setgid file that no definition names", self.privileged().into()),
            ("the user and the working directory are those of the tag", self.user().into()),
        ];
        if self.image.levels.iter().any(|level| level.steps.contains(&Step::Accounts)) {
            checks.push(("the accounts are those of the catalog", self.known_accounts()?.into()));
            checks.push((
                "homes belong to their users, and open to whoever runs the image",
                self.homes().into(),
            ));
        }
        Ok(checks)
    }

    fn tools(&self) -> Vec<Finding> {
        let is_tool = |listed| is_shell(listed) || is_program(listed, &PACKAGE_MANAGERS);
        let tools = self.stack.iter().filter(|stacked| is_tool(stacked.listed));
        let unasked = tools.filter_map(|stacked| {
            let from = self.made_from.get(stacked.layer).map_or("an unknown layer", String::as_str);
            let actual = format!("{} of {from}", stacked.listed.path);
            (!self.is_asked_for(from)).then(|| Finding::new("no shell and no package manager", actual))
        });
        unasked.collect()
    }

    /// Whether a definition names what a layer was made from: a package, a tarball or a step.
    fn is_asked_for(&self, made_from: &str) -> bool {
        let name = made_from.split(' ').next().unwrap_or_default();
        let requests = self.image.requests.iter().flat_map(|request| request.alternatives());
        name == "step"
            || requests.into_iter().any(|alternative| alternative.name.as_str() == name)
            || self.image.tarballs().any(|tarball| tarball.as_str() == name)
    }

    fn privileged(&self) -> Vec<Finding> {
        let is_named = |listed: &Listed| self.image.privileged().any(|named| named.path == listed.path);
        let found = self.stack.iter().map(|stacked| stacked.listed);
        let found = found.filter(|listed| gives_rights(listed) && !is_named(listed));
        found
            .map(|listed| {
                Finding::new(
                    "no setuid or setgid file",
                    format!("{} has the mode {:04o}", listed.path, listed.mode),
                )
            })
            .collect()
    }

    fn user(&self) -> Vec<Finding> {
        let user = self.image.config.user.as_ref().filter(|user| user.uid != 0);
        let uid = user.map_or(0, |user| user.uid).to_string();
        let home = || user.map_or_else(|| "/".to_owned(), |user| user.home.to_string());
        let directory = self.image.config.working_directory.as_ref();
        let directory = directory.map_or_else(home, ToString::to_string);
        let mut findings = Vec::new();
        for (what, expected, actual) in [
            ("user", uid, &self.config.user),
            ("working directory", directory, &self.config.working_directory),
        ] {
            if expected != *actual {
                findings.push(Finding::new(format!("the {what} is `{expected}`"), format!("`{actual}`")));
            }
        }
        findings
    }

    fn known_accounts(&self) -> Result<Vec<Finding>, GenerateError> {
        let expected = accounts::files(self.accounts, 0)?;
        let mut findings = Vec::new();
        for path in ACCOUNT_FILES {
            let text = expected.file(&ImagePath::parse(path)?).map(|bytes| String::from_utf8_lossy(bytes));
            let actual = self.account_files.get(path);
            if let Some(text) = text.filter(|text| actual.is_none_or(|actual| actual != text)) {
                let actual = actual.map_or("it is not there", String::as_str).trim_end();
                findings.push(Finding::new(format!("{path} is\n{}", text.trim_end()), actual));
            }
        }
        Ok(findings)
    }

    fn homes(&self) -> Vec<Finding> {
        self.accounts.users().flat_map(|user| self.home(user)).collect()
    }

    /// OpenShift runs an image under a random uid of group 0, whose working directory is the home of the image's
    /// user all the same.
    fn home(&self, user: &User) -> Vec<Finding> {
        let Some(home) = user.made_home() else { return Vec::new() };
        let Ok(found) = self.stack.resolve(home) else {
            return vec![Finding::new(format!("{home} is there"), "it is not")];
        };
        let Listed { uid, gid, mode, .. } = found.listed;
        let actual = format!("owner {uid}:{gid}, mode {mode:04o}");
        let is_own = (*uid, *gid) == (user.uid, user.gid);
        let is_open = mode & 0o005 == 0o005 || (*gid == 0 && mode & 0o050 == 0o050);
        let own = (!is_own).then(|| format!("{home} belongs to {}:{}", user.uid, user.gid));
        let works_there = self.config.working_directory == home.to_string();
        let open = (works_there && !is_open).then(|| format!("{home} opens to a random user of group 0"));
        [own, open].into_iter().flatten().map(|expected| Finding::new(expected, actual.clone())).collect()
    }
}
