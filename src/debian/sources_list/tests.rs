use proptest::prelude::*;

use super::*;

fn shown(list: &SourcesList) -> Vec<String> {
    let sources = list.sources.iter();
    sources.map(|s| format!("{} {} {}", s.uri, s.suites.join(","), s.components.join(","))).collect()
}

fn warnings(list: &SourcesList) -> Vec<String> {
    list.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn paragraphs_are_sources() {
    let list = SourcesList::from_deb822(
        "# Only a comment\n\n\
         Types: deb deb-src\n# in between\nURIs: https://one.example/debian https://two.example/debian\n\
         Suites: trixie\n trixie-updates\nComponents: main contrib\nSigned-By:\n -----BEGIN\n .\n x\n\n\
         Types: deb\nURIs: https://off.example\nSuites: x\nComponents: y\nEnabled: no\n\n\
         Types: deb-src\nURIs: https://src.example\nSuites: x\nComponents: y\n\n\
         types: deb\nuris: file:/srv/debs\nsuites: ./\n",
    );
    assert_eq!(
        shown(&list),
        [
            "https://one.example/debian trixie,trixie-updates main,contrib",
            "https://two.example/debian trixie,trixie-updates main,contrib",
            "file:///srv/debs ./ ",
        ]
    );
    assert_eq!(list.warnings, []);
}

#[test]
fn lines_are_sources() {
    let list = SourcesList::from_one_line(
        "# deb https://no.example x y\n\
         deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://one.example/debian trixie main contrib # more\n\
         deb[trusted=yes] https://flat.example/ ./\n\
         \tdeb-src https://src.example trixie main\n",
    );
    assert_eq!(shown(&list), ["https://one.example/debian trixie main,contrib", "https://flat.example/ ./ "]);
    assert_eq!(list.warnings, []);
}

#[test]
fn a_bad_entry_is_a_warning_and_spoils_no_other() {
    let list = SourcesList::from_one_line(
        "rpm https://a.example x y\ndeb [arch=amd64 https://a.example x y\ndeb\ndeb https://a.example trixie\n\
         deb one.example trixie main\ndeb https://a.example trixie main\n",
    );
    assert_eq!(shown(&list), ["https://a.example/ trixie main"]);
    assert_eq!(
        warnings(&list),
        [
            "line 1: `rpm` is not a type of source: `deb` and `deb-src` are",
            "line 2: the options are not closed by `]`",
            "line 3: the entry has no URI",
            "line 4: the entry has no component",
            "line 5: `one.example` is not a URI: relative URL without a base",
        ]
    );
    let list = SourcesList::from_deb822("Types: deb\nURIs: https://a.example\noops\n\nTypes: deb\n");
    assert_eq!(
        warnings(&list),
        [
            "line 3: `oops` is no field: `Name: value` is expected",
            "line 1: the entry has no `Suites`",
            "line 5: the entry has no `URIs`",
        ]
    );
}

proptest! {
    #[test]
    fn reading_never_panics(text in "((deb|Types|URIs|Suites)?:? ?[\\[\\]#a-z:/é \n]{0,12}){0,8}") {
        let _ = SourcesList::from_deb822(&text);
        let _ = SourcesList::from_one_line(&text);
    }
}

#[test]
fn a_password_is_not_shown() {
    let list = SourcesList::from_one_line("deb http://jane:s3cret@example.org/debian trixie main");
    assert_eq!(list.sources[0].uri.password(), Some("s3cret"));
    let shown = format!("{list:?}");
    assert!(shown.contains("example.org") && !shown.contains("s3cret"), "{shown}");
}
