use std::error::Error;

use proptest::prelude::*;

use super::*;

const INDEX: &str = "\
Package: libc6
Source: glibc (2.41-12)
Version: 2.41-12+b1
Installed-Size: 12986
Architecture: amd64
Depends: libgcc-s1, libaa1 (>= 1) |
 libbb1
Multi-Arch: same
Priority: optional
Filename: pool/main/g/glibc/libc6_2.41-12_amd64.deb
Size: 2846540
SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

Package: dash
Essential: yes
Priority: required
Version: 0.5.12-12
Architecture: all
Filename: ../../etc/passwd
Size: many
";

fn packages(index: &PackagesIndex) -> Vec<Package<'_>> {
    index.packages().map(Result::unwrap).collect()
}

#[test]
fn a_stanza_is_read_field_by_field() {
    let index = PackagesIndex::new(INDEX.to_owned());
    let libc6 = packages(&index)[0];
    let source = libc6.source().unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("glibc", "2.41-12"));
    assert_eq!(libc6.version().unwrap().as_str(), "2.41-12+b1");
    assert_eq!(libc6.depends().unwrap().to_string(), "libgcc-s1, libaa1 (>= 1) | libbb1");
    assert_eq!(libc6.filename().unwrap().file_name(), "libc6_2.41-12_amd64.deb");
    assert_eq!((libc6.size().unwrap(), libc6.installed_size().unwrap()), (2_846_540, Some(12_986)));
    assert_eq!(libc6.sha256().unwrap(), crate::digest::Sha256::of(b""));
    assert_eq!(libc6.multi_arch().unwrap(), MultiArch::Same);
    assert!(!libc6.is_essential());
}

#[test]
fn absent_fields_have_the_values_that_policy_gives_them() {
    let index = PackagesIndex::new(INDEX.to_owned());
    let dash = packages(&index)[1];
    let source = dash.source().unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("dash", "0.5.12-12"));
    assert!(dash.depends().unwrap().is_empty() && dash.is_essential());
    assert_eq!((dash.multi_arch().unwrap(), dash.installed_size().unwrap()), (MultiArch::No, None));
    assert!(dash.priority() > Priority::Important);
}

#[test]
fn sources_that_were_built_in_are_told_in_one_version_each() {
    let with = |field: &str| PackagesIndex::new(INDEX.replace("Multi-Arch: same", field));
    let index = with(
        "Built-Using: glibc (= 2.41-12), zlib (= 1:1.3)\nStatic-Built-Using: zlib (= 1:1.3), rustc (= 1.85)",
    );
    for index in [PackagesIndex::new(index.condensed()), index] {
        let sources: Vec<_> =
            packages(&index)[0].built_using().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(sources, ["glibc 2.41-12", "rustc 1.85", "zlib 1:1.3"]);
        assert!(packages(&index)[1].built_using().unwrap().is_empty());
    }
    for inexact in ["glibc", "glibc (>= 2.41)", "glibc (= 2.41) | musl (= 1)"] {
        let index = with(&format!("Static-Built-Using: {inexact}"));
        let error = packages(&index)[0].built_using().unwrap_err();
        assert_eq!(error.to_string(), "the field `Static-Built-Using` of `libc6 2.41-12+b1` cannot be read");
        let why = error.source().unwrap().to_string();
        assert_eq!(why, format!("`{inexact}` does not name one version, as `name (= version)` does"));
    }
}

#[test]
fn an_error_names_package_and_field() {
    let index = PackagesIndex::new(INDEX.to_owned());
    let dash = packages(&index)[1];
    let error = dash.filename().unwrap_err();
    assert_eq!(error.to_string(), "the field `Filename` of `dash 0.5.12-12` cannot be read");
    assert!(error.source().unwrap().to_string().contains("`..`"));
    assert!(dash.size().is_err());
    assert_eq!(dash.sha256().unwrap_err().source().unwrap().to_string(), "it is missing");
}

#[test]
fn a_stanza_without_a_name_is_counted() {
    let index = PackagesIndex::new(format!("{INDEX}\n\nX: 1\n\nVersion: 1\n"));
    for index in [PackagesIndex::new(index.condensed()), index] {
        let errors: Vec<_> =
            index.packages().filter_map(Result::err).map(|error| error.to_string()).collect();
        let error = |number| format!("the field `Package` of stanza {number} cannot be read");
        assert_eq!(errors, [error(3), error(4)]);
    }
}

#[test]
fn a_condensed_index_answers_as_the_whole_one_does() {
    let relations = "Provides: p (= 1)\nPre-Depends: q\nConflicts: r\nBreaks: s (<< 1)\nReplaces: t\n";
    let index =
        PackagesIndex::new(INDEX.replace("Filename", &format!("Description: d\n e\n{relations}Filename")));
    let condensed = index.condensed();
    assert!(!condensed.contains("Description"));
    let answers = |index: &PackagesIndex| -> Vec<String> {
        let answer = |of: Package<'_>| {
            let relations =
                [of.depends(), of.pre_depends(), of.provides(), of.conflicts(), of.breaks(), of.replaces()];
            let file = (of.filename().ok(), of.size().ok(), of.sha256().ok(), of.installed_size().ok());
            let rest = (
                of.source().ok(),
                of.built_using().ok(),
                of.multi_arch().ok(),
                of.is_essential(),
                of.priority(),
            );
            format!("{:?} {:?} {relations:?} {file:?} {rest:?}", of.name(), of.version())
        };
        packages(index).into_iter().map(answer).collect()
    };
    assert_eq!(answers(&PackagesIndex::new(condensed)), answers(&index));
}

#[test]
fn bytes_that_are_no_text_are_located() {
    let error = PackagesIndex::from_bytes([INDEX.as_bytes(), b"X: \xff\n"].concat()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the index is not UTF-8 at byte {}, in the stanza of `dash`", INDEX.len() + 3)
    );
}

#[test]
fn an_empty_index_has_no_packages() {
    assert!(PackagesIndex::new(String::new()).is_empty());
    assert!(PackagesIndex::new("\n\n\n\n".to_owned()).is_empty());
}

proptest! {
    #[test]
    fn reading_never_panics(text in "((Package|Version|Size|Depends|é)?:? ?[a-z0-9]{0,3}\n{0,3} ?){0,12}") {
        for package in PackagesIndex::new(text).packages().flatten() {
            let _ = (package.name(), package.version(), package.source(), package.depends(), package.size());
        }
    }

    #[test]
    fn reading_relations_never_panics(value in "[a-c0-9é:()<>=|,!~ \\[\\]\t-]{0,40}") {
        let text = format!("Package: aa\nVersion: 1\nArchitecture: all\nDepends: {value}\nProvides: {value}\n");
        for package in PackagesIndex::new(text).packages().flatten() {
            let _ = (package.depends(), package.provides(), package.names().count());
        }
    }
}
