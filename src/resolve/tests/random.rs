//! Small random archives, judged by a check that shares no code with the resolver.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::debian::{Alternative, MultiArch, Package, Qualifier, Relation, Version};

type Chosen<'a> = BTreeMap<String, Package<'a>>;

fn satisfies(package: &Package<'_>, wanted: &Alternative) -> bool {
    if wanted.qualifier == Some(Qualifier::Any) && package.multi_arch().unwrap() != MultiArch::Allowed {
        return false;
    }
    let admits =
        |version: &Version| wanted.constraint.as_ref().is_none_or(|constraint| constraint.admits(version));
    let by_name = package.raw_name() == wanted.name.as_str() && admits(&package.version().unwrap());
    by_name
        || package.provides().unwrap().iter().flat_map(Relation::alternatives).any(|provided| {
            let version = provided.constraint.as_ref().map(|constraint| &constraint.version);
            provided.name == wanted.name && version.map_or(wanted.constraint.is_none(), admits)
        })
}

fn holds(chosen: &Chosen<'_>, relation: &Relation) -> bool {
    relation.alternatives().iter().any(|wanted| chosen.values().any(|package| satisfies(package, wanted)))
}

fn needs(package: &Package<'_>) -> Vec<Relation> {
    package.pre_depends().unwrap().into_iter().chain(package.depends().unwrap()).collect()
}

fn excludes(package: &Package<'_>) -> Vec<Relation> {
    package.conflicts().unwrap().into_iter().chain(package.breaks().unwrap()).collect()
}

fn assert_sound(chosen: &Chosen<'_>, resolution: &Resolution, request: &Request) {
    for relation in &request.requests {
        assert!(holds(chosen, relation), "the request {relation} does not hold");
    }
    for (name, package) in chosen {
        let left_out = &resolution.packages[name.as_str()].left_out;
        for relation in needs(package) {
            let is_left_out = left_out.iter().any(|left| left.relation == relation);
            assert!(is_left_out != holds(chosen, &relation), "{relation} of {name}, left out: {is_left_out}");
        }
        for relation in excludes(package) {
            let others = chosen.values().filter(|other| other.raw_name() != name);
            let hit = others
                .flat_map(|other| relation.alternatives().iter().filter(|a| satisfies(other, a)))
                .next();
            assert!(hit.is_none(), "{name} conflicts with {relation}");
        }
    }
}

/// Every package is reached from a request through the edges told; no package is there for a name left out.
fn assert_minimal(resolution: &Resolution, request: &Request) {
    let mut reached: BTreeSet<_> = BTreeSet::new();
    let mut pending: Vec<_> =
        resolution.packages.iter().filter(|(_, selected)| selected.requested).map(|(name, _)| name).collect();
    while let Some(name) = pending.pop() {
        if reached.insert(name) {
            pending.extend(&resolution.packages[name].depends);
        }
    }
    assert_eq!(reached.len(), resolution.packages.len());
    for (name, selected) in &resolution.packages {
        assert!(selected.requested || !request.left_out.contains(name), "{name} was left out");
    }
}

/// Whether any subset of the archive is a solution: all are tried.
fn has_solution(archive: &Chosen<'_>, request: &Request) -> bool {
    let all: Vec<_> = archive.iter().collect();
    (0..1_u32 << all.len()).any(|bits| {
        let picked = all.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        let chosen: Chosen<'_> = picked.map(|(_, (name, package))| ((*name).clone(), **package)).collect();
        request.requests.iter().all(|relation| holds(&chosen, relation))
            && chosen.iter().all(|(name, package)| {
                let conflicts = excludes(package);
                needs(package).iter().all(|relation| holds(&chosen, relation))
                    && !conflicts.iter().flat_map(Relation::alternatives).any(|wanted| {
                        chosen.iter().any(|(other, package)| other != name && satisfies(package, wanted))
                    })
            })
    })
}

fn relation_text() -> impl Strategy<Value = String> {
    let alternative = "(p[0-6]|v[0-1])(:any)?( \\((<<|=|>=) [1-3]\\))?";
    proptest::collection::vec(alternative, 1..3).prop_map(|alternatives| alternatives.join(" | "))
}

fn package_text() -> impl Strategy<Value = String> {
    let field = |name: &'static str, size| {
        proptest::collection::vec(relation_text(), 0..size).prop_map(move |relations| {
            if relations.is_empty() { String::new() } else { format!("; {name}: {}", relations.join(", ")) }
        })
    };
    let conflicts =
        prop_oneof![3 => Just(String::new()), 1 => "; (Conflicts|Breaks): (p[0-6]|v[0-1])( \\(<< [1-3]\\))?"];
    let provides = prop_oneof![2 => Just(String::new()), 1 => "; Provides: (v[0-1]|p[0-6])( \\(= [1-3]\\))?"];
    let multi_arch = prop_oneof![Just(""), Just("; Multi-Arch: allowed"), Just("; Multi-Arch: foreign")];
    let needs = (field("Pre-Depends", 2), field("Depends", 4), field("Recommends", 2));
    ("[1-3]", needs, conflicts, provides, multi_arch)
        .prop_map(|(version, (a, b, c), d, e, f)| format!("{version}{a}{b}{c}{d}{e}{f}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_resolution_is_sound_minimal_and_found_where_there_is_one(
        packages in proptest::collection::vec(package_text(), 7),
        wanted in proptest::collection::vec(relation_text(), 1..3),
        recommends in prop_oneof![Just(Recommends::Ignored), Just(Recommends::Taken)],
        left_out in proptest::collection::btree_set("p[0-6]|v[0-1]", 0..3),
    ) {
        let lines: Vec<_> = packages.iter().enumerate().map(|(at, text)| format!("p{at} {text}")).collect();
        let index = index(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let suites = [Suite { label: "stable", index: &index }];
        let universe = Universe::new(&"amd64".parse().unwrap(), &suites).unwrap();
        let left_out: Vec<_> = left_out.iter().map(String::as_str).collect();
        let asked = request(&wanted.iter().map(String::as_str).collect::<Vec<_>>(), &left_out);
        let request = Request { recommends, ..asked };
        let archive: Chosen<'_> = index.packages().map(|p| p.unwrap()).map(|p| (p.raw_name().to_owned(), p)).collect();
        match resolve(&universe, &request) {
            Ok(resolution) => {
                let chosen: Chosen<'_> = resolution.packages.keys().map(|name| (name.to_string(), archive[name.as_str()])).collect();
                assert_sound(&chosen, &resolution, &request);
                assert_minimal(&resolution, &request);
            }
            Err(ResolveError::Conflict(conflict)) => {
                prop_assert!(!conflict.to_string().is_empty());
                // What packages recommend keeps nothing from being installed.
                prop_assert!(!left_out.is_empty() || !has_solution(&archive, &request), "{}", conflict);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn no_package_is_older_than_any_suite_has_it(
        versions in proptest::collection::vec(proptest::collection::vec(1_u32..30, 3), 1..4),
    ) {
        let indexes: Vec<_> = versions
            .iter()
            .map(|of_suite| {
                let depends = |at: usize| if at == 0 { "; Depends: p1, p2" } else { "" };
                let lines = of_suite.iter().enumerate().map(|(at, version)| format!("p{at} {version}{}", depends(at)));
                index(&lines.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        let suites: Vec<_> = indexes.iter().map(|index| Suite { label: "one of several", index }).collect();
        let universe = Universe::new(&"amd64".parse().unwrap(), &suites).unwrap();
        let resolution = resolve(&universe, &request(&["p0"], &[])).unwrap();
        for at in 0..3 {
            let newest = versions.iter().map(|of_suite| of_suite[at]).max().unwrap();
            let chosen = &resolution.packages[format!("p{at}").as_str()].version;
            prop_assert_eq!(chosen.as_str(), newest.to_string());
        }
    }
}
