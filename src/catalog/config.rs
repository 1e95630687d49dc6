//! How containers of an image run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::accounts::{Accounts, User};
use super::definition::Definition;
use super::image::path;
use super::template::Template;
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::ImagePath;

/// How containers run, before templates are filled in.
#[derive(Debug, Clone, Default)]
pub struct ImageConfig {
    pub user: Option<User>,
    /// Assignments in order; a later one sees the value of an earlier one, and replaces it.
    pub environment: Vec<(String, Template)>,
    pub entrypoint: Option<Vec<Template>>,
    pub command: Option<Vec<Template>>,
    pub working_directory: Option<ImagePath>,
    /// Assignments in order; a later one replaces an earlier one.
    pub labels: Vec<(String, Template)>,
    /// As the configuration has them: `8443/tcp`.
    pub exposed_ports: BTreeSet<String>,
    pub volumes: BTreeSet<ImagePath>,
    pub stop_signal: Option<String>,
}

impl ImageConfig {
    /// Adds what a definition says to what its ancestors do.
    pub(super) fn add(&mut self, definition: &Definition, accounts: &Accounts) -> Result<(), Diagnostic> {
        let Definition { source, table, .. } = definition;
        let template = |text: &_| definition.template(text);
        self.environment.extend(assignments(source, &table.environment, template)?);
        if let Some(words) = &table.entrypoint {
            self.entrypoint = Some(definition.templates(words)?);
        }
        if let Some(words) = &table.command {
            self.command = Some(definition.templates(words)?);
        }
        if let Some(name) = &table.user {
            self.user = Some(user(source, name, accounts)?);
        }
        if let Some(directory) = &table.working_directory {
            self.working_directory = Some(path(source, directory)?);
        }
        for (name, value) in &table.labels {
            self.labels.push((name.clone(), definition.template(value)?));
        }
        for text in &table.exposed_ports {
            self.exposed_ports.insert(port(source, text)?);
        }
        for directory in &table.volumes {
            self.volumes.insert(path(source, directory)?);
        }
        if let Some(name) = &table.stop_signal {
            self.stop_signal = Some(signal(source, name)?);
        }
        Ok(())
    }

    /// An image that says what containers run does so in every flavour, as the public collection's debug images
    /// of Java and Node.js do; `docker run --entrypoint` leads to their shell. An account of the image's own
    /// stays, too.
    pub(super) fn flavoured(mut self, flavour: &Self) -> Self {
        self.environment.extend(flavour.environment.iter().cloned());
        self.user = self.user.or_else(|| flavour.user.clone());
        if self.entrypoint.is_none() && self.command.is_none() {
            self.entrypoint.clone_from(&flavour.entrypoint);
        }
        self
    }
}

pub(super) fn assignments(
    source: &Arc<Source>,
    table: &BTreeMap<String, Spanned<String>>,
    template: impl Fn(&Spanned<String>) -> Result<Template, Diagnostic>,
) -> Result<Vec<(String, Template)>, Diagnostic> {
    table
        .iter()
        .map(|(name, value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                let at = Location::of(source, value);
                return Err(at.error(format!("`{name}` is not a name of an environment variable"), ""));
            }
            Ok((name.clone(), template(value)?))
        })
        .collect()
}

pub(super) fn user(
    source: &Arc<Source>,
    name: &Spanned<String>,
    accounts: &Accounts,
) -> Result<User, Diagnostic> {
    accounts.user(name.get_ref()).cloned().ok_or_else(|| {
        let names: Vec<_> = accounts.users().map(|user| user.name.as_str()).collect();
        Location::of(source, name).unknown("user", name.get_ref(), names)
    })
}

/// A port as the [configuration] has it, with its protocol.
///
/// [configuration]: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
fn port(source: &Arc<Source>, text: &Spanned<String>) -> Result<String, Diagnostic> {
    let (number, protocol) = text.get_ref().split_once('/').unwrap_or((text.get_ref(), "tcp"));
    let is_port = number.parse::<u16>().is_ok_and(|port| port > 0 && port.to_string() == number);
    if is_port && ["tcp", "udp", "sctp"].contains(&protocol) {
        return Ok(format!("{number}/{protocol}"));
    }
    let why = "a number up to 65535 is expected, and `/udp` or `/sctp` where it is not TCP's";
    Err(Location::of(source, text).error("this is no port", why))
}

/// A signal by its name or its number, as kill(1) knows it.
fn signal(source: &Arc<Source>, text: &Spanned<String>) -> Result<String, Diagnostic> {
    let name = text.get_ref();
    let is_name = |name: &str| {
        let allowed = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || b"+-".contains(&c);
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(allowed)
    };
    let is_number = name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    if is_number || name.strip_prefix("SIG").is_some_and(is_name) {
        return Ok(name.clone());
    }
    let why = "a name or a number is expected, as in `SIGINT` or `2`";
    Err(Location::of(source, text).error("this is no signal", why))
}
