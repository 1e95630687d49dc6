//! What an image's files and configuration must not be.

use crate::audit::finding::{Finding, Rule};
use crate::audit::policy::{ImagePattern, Policy};
use crate::audit::subject::{Content, Image, Subject};
use crate::image::accounting::gives_rights;
use crate::structure::baseline::is_shell;
use crate::tree::{Listed, Stack};

pub(super) fn findings(subject: &Subject, image: &Image, policy: &Policy) -> Vec<Finding> {
    let mut findings = user(subject, image, policy);
    let contents: Vec<&Content> =
        image.layers.iter().filter_map(|layer| layer.content.as_ref().as_ref().ok()).collect();
    if contents.len() < image.layers.len() {
        let message = "has layers that cannot be read: nobody can tell which files it has";
        findings.push(Finding::unknown(Rule::PrivilegedFile, &*subject.name, message));
        return findings;
    }
    let stack = Stack::new(contents.iter().map(|content| &content.listing));
    let may_have_shell = is_of(&policy.shell, subject);
    for stacked in stack.iter() {
        let (listed, layer) = (stacked.listed, &image.layers[stacked.layer]);
        let path = listed.path.to_string();
        let found = |rule, message: String| {
            Finding::new(rule, &*path, format!("{message}, of {}", layer.made_from))
                .seen_in(&layer.file, &*path)
        };
        let is_named = subject.privileged.contains(&listed.path) || policy.privileged.contains(&listed.path);
        if let Some(rights) = rights(listed).filter(|_| !is_named) {
            let help = "name it under `privileged` in the definition, or drop it with a filter";
            findings.push(found(Rule::PrivilegedFile, rights).help(help));
        }
        if is_shell(listed) && !may_have_shell {
            findings.push(found(Rule::Shell, "is a shell".to_owned()));
        }
    }
    findings
}

fn rights(listed: &Listed) -> Option<String> {
    if let Some(capabilities) = listed.capabilities {
        return Some(format!("has the capabilities {capabilities}"));
    }
    let bits = match listed.mode & 0o6000 {
        0o4000 => "setuid",
        0o2000 => "setgid",
        _ => "setuid and setgid",
    };
    gives_rights(listed).then(|| format!("is {bits} (mode {:04o})", listed.mode))
}

fn user(subject: &Subject, image: &Image, policy: &Policy) -> Vec<Finding> {
    let uid = image.user.split(':').next().unwrap_or_default();
    let message = match uid {
        "" => "runs as root: its configuration names no user".to_owned(),
        "0" | "root" => format!("runs as root: its configuration names the user `{}`", image.user),
        _ => return Vec::new(),
    };
    if !is_of(&policy.nonroot, subject) {
        return Vec::new();
    }
    vec![Finding::new(Rule::RootUser, &*subject.name, message).seen_in(&image.config_file, "config.User")]
}

fn is_of(patterns: &[ImagePattern], subject: &Subject) -> bool {
    patterns.iter().any(|pattern| pattern.admits(&subject.name))
}
