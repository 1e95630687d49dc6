//! Files of tests that cannot be read, each shown where it is wrong.

use super::test;
use crate::archive::Package;
use crate::desk::assert_refused;
use crate::run::Said;
use crate::workshop::Workshop;

/// Tests by a file of these lines.
fn by(lines: &[&str]) -> Said {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    shop.world.write("own.yaml", &(lines.join("\n") + "\n"));
    test(&shop, &["--config", "own.yaml"])
}

#[test]
fn another_version_is_refused() {
    assert_refused(
        &by(&["schemaVersion: 3.0.0"]),
        r#"
error: structure tests of the version `3.0.0` cannot be read
 --> own.yaml:1:16
  |
1 | schemaVersion: 3.0.0
  |                ^^^^^ versions 2.0.0 and 1.0.0 can
  |
  = hint: a file of structure tests begins with `schemaVersion: 2.0.0`
"#,
    );
    assert_refused(
        &by(&["commandTests: []"]),
        r#"
error: the key `schemaVersion` is missing
 --> own.yaml:1:1
  |
1 | commandTests: []
  | ^
  |
  = hint: a file of structure tests begins with `schemaVersion: 2.0.0`
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 1.0.0", "commandTests: [{name: a, command: ls}]"]),
        r#"
error: in version 1.0.0 a command is a list
 --> own.yaml:2:35
  |
2 | commandTests: [{name: a, command: ls}]
  |                                   ^^
  |
  = hint: write it as `["program", "argument"]`
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "commandTests: [{name: a, command: [ls]}]"]),
        r#"
error: in version 2.0.0 a command is a text
 --> own.yaml:2:35
  |
2 | commandTests: [{name: a, command: [ls]}]
  |                                   ^
  |
  = hint: write the arguments as a list under `args`
"#,
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    assert_refused(
        &by(&[
            "schemaVersion: 2.0.0",
            "commandTests:",
            "- name: a",
            "  command: ls",
            "  expectedOutputs: [x]",
        ]),
        r#"
error: unknown key `expectedOutputs`
 --> own.yaml:5:3
  |
5 |   expectedOutputs: [x]
  |   ^^^^^^^^^^^^^^^ there is no such key
  |
  = hint: did you mean `expectedOutput`?
"#,
    );
}

#[test]
fn a_value_that_is_none_is_refused() {
    assert_refused(
        &by(&[
            "schemaVersion: 2.0.0",
            "fileContentTests:",
            "- {name: a, path: /b, expectedContents: ['(c']}",
        ]),
        r#"
error: this is no regular expression
 --> own.yaml:3:42
  |
3 | - {name: a, path: /b, expectedContents: ['(c']}
  |                                          ^^^^ unclosed group
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "fileExistenceTests: {name: a}"]),
        r#"
error: a list is expected
 --> own.yaml:2:21
  |
2 | fileExistenceTests: {name: a}
  |                     ^
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "fileExistenceTests: [{name: a, path: ''}]"]),
        r#"
error: the path is empty
 --> own.yaml:2:38
  |
2 | fileExistenceTests: [{name: a, path: ''}]
  |                                      ^^
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "commandTests: [{name: a, command: b, exitCode: none}]"]),
        r#"
error: a whole number is expected
 --> own.yaml:2:48
  |
2 | commandTests: [{name: a, command: b, exitCode: none}]
  |                                                ^^^^
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "commandTests: [{name: \"a, command: b}]"]),
        r#"
error: unclosed quote
 --> own.yaml:2:23
  |
2 | commandTests: [{name: "a, command: b}]
  |                       ^
"#,
    );
}

#[test]
fn options_that_no_test_gets_are_refused_with_what_serves() {
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "containerRunOptions: {privileged: true}"]),
        r#"
error: `privileged` is not supported
 --> own.yaml:2:35
  |
2 | containerRunOptions: {privileged: true}
  |                                   ^^^^
  |
  = hint: name what the test needs under `capabilities`
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "containerRunOptions:", "  envVars: [SECRET]"]),
        r#"
error: `envVars` is not supported
 --> own.yaml:3:12
  |
3 |   envVars: [SECRET]
  |            ^
  |
  = hint: say it under `globalEnvVars`: a test does not depend on who runs it
"#,
    );
    assert_refused(
        &by(&["schemaVersion: 2.0.0", "containerRunOptions: {bindMounts: ['data:/data']}"]),
        r#"
error: this is no bind mount
 --> own.yaml:2:36
  |
2 | containerRunOptions: {bindMounts: ['data:/data']}
  |                                    ^^^^^^^^^^^^ expected two absolute paths, as in `/host/path:/path:ro`
"#,
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let shop = Workshop::of_one_image([Package::new("app", "1")]);
    shop.edit("one.toml", "description", "tests = [\"tests/one.yaml\"]\ndescription");
    assert_refused(
        &test(&shop, &[]),
        r#"
error: could not read `images/tests/one.yaml`: there is no such file or directory
"#,
    );
}
