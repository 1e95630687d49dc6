use std::fmt::Write as _;

use super::*;
use crate::debian::PackagesIndex;

mod apt_rules;
mod conflicts;
mod left_out;
mod random;

/// An index in which each line is a package: `app 1; Depends: lib (>= 2); Provides: editor`.
fn index(lines: &[&str]) -> PackagesIndex {
    let mut text = String::new();
    for line in lines {
        let mut parts = line.split("; ");
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let architecture = if line.contains("Architecture:") { "" } else { "Architecture: all\n" };
        writeln!(
            text,
            "Package: {name}\nVersion: {version}\n{architecture}{}\n",
            parts.collect::<Vec<_>>().join("\n")
        )
        .unwrap();
    }
    PackagesIndex::new(text)
}

fn request(requests: &[&str], left_out: &[&str]) -> Request {
    Request {
        requests: requests.iter().map(|text| text.parse().unwrap()).collect(),
        left_out: left_out.iter().map(|name| name.parse().unwrap()).collect(),
        ..Request::default()
    }
}

fn resolve_in(lines: &[&str], request: &Request) -> Result<Resolution, ResolveError> {
    let index = index(lines);
    let suites = [Suite { label: "stable", index: &index }];
    resolve(&Universe::new(&"amd64".parse().unwrap(), &suites).unwrap(), request)
}

/// The names of what is installed for the requests, in one line.
fn installed(lines: &[&str], requests: &[&str]) -> String {
    names(&resolve_in(lines, &request(requests, &[])).unwrap())
}

fn names(resolution: &Resolution) -> String {
    resolution.packages.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
