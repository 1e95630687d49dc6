//! `distro test`: structure tests of built images. Containers need root, crun and a C compiler.

mod containers;
mod refused;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::archive::{Member, Package};
use crate::desk::assert_refused;
use crate::live::need;
use crate::run::Said;
use crate::workshop::Workshop;

/// A static program that does what its first argument says.
const PROBE: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "", *word = count > 2 ? words[2] : "";
    if (!strcmp(verb, "say")) return puts(word), 0;
    if (!strcmp(verb, "warn")) return fprintf(stderr, "%s\n", word), 0;
    if (!strcmp(verb, "exit")) return atoi(word);
    if (!strcmp(verb, "sleep")) return sleep(atoi(word));
    if (!strcmp(verb, "env")) return puts(getenv(word) ? getenv(word) : "unset"), 0;
    if (!strcmp(verb, "where")) return printf("%d:%d %s\n", getuid(), getgid(), getcwd(NULL, 0)), 0;
    if (!strcmp(verb, "exists")) return puts(access(word, F_OK) ? "no" : "yes"), 0;
    if (!strcmp(verb, "write")) return open(word, O_CREAT | O_WRONLY, 0644) < 0 ? (perror(word), 1) : 0;
    return fprintf(stderr, "what?\n"), 2;
}
"#;

fn probe() -> Vec<u8> {
    static PROGRAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
        need("gcc libc6-dev", "cc");
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("probe.c"), PROBE).unwrap();
        let mut compile = Command::new("cc");
        compile
            .args(["-static", "-O1", "-o", "probe", "probe.c"])
            .current_dir(dir.path())
            .stdin(Stdio::null());
        let output = compile.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read(dir.path().join("probe")).unwrap()
    });
    PROGRAM.clone()
}

/// `one-debian13:latest` with `/usr/bin/probe` in it, and accounts.
fn shop() -> Workshop {
    let package = Package::new("probe", "1.0")
        .executable("/usr/bin/probe", probe())
        .file("/etc/probe.conf", "mode = fast\nlevel = 3\n")
        .link("/etc/alias", "probe.conf")
        .member(Member { mode: 0o750, owner: (3, 4), ..Member::file("/srv/data", "x") });
    let shop = Workshop::of_one_image([package]);
    shop.append(
        "one.toml",
        "generate = [\"accounts\"]\nenvironment = { PATH = \"/usr/bin\", HOW = \"well\" }\n\
         entrypoint = [\"/usr/bin/probe\", \"say\"]\ncommand = [\"hello\"]\n",
    );
    shop
}

/// Locks and builds, and tests by this file in place of others.
fn tested_by(shop: &Workshop, yaml: &str, arguments: &[&str]) -> Said {
    shop.lock().build(&[]).success();
    shop.world.write("own.yaml", yaml);
    test(shop, &[&["--config", "own.yaml"], arguments].concat())
}

/// Tests for amd64. How long it took is left out.
fn test(shop: &Workshop, arguments: &[&str]) -> Said {
    timeless(shop.world.distro(&[&["test", "--arch", "amd64"], arguments].concat()))
}

fn timeless(mut said: Said) -> Said {
    let seconds = Regex::new(r"(?m) +\d+\.\d$").unwrap();
    said.stdout = seconds.replace_all(&said.stdout, "      -.-").into_owned();
    said
}

/// The tests that did not pass, of `--format json`: name, and what was found.
fn findings(said: &Said) -> Value {
    let rows: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error} in\n{said}"));
    let tests = rows.as_array().unwrap().iter().flat_map(|row| row["tests"].as_array().unwrap());
    let failed = tests.filter(|test| test["outcome"] != "passed");
    failed.map(|test| json!([test["name"], test["findings"]])).collect()
}

#[test]
fn an_image_is_tested_by_the_files_of_its_definitions_and_its_tag() {
    let shop = shop();
    shop.edit("one.toml", "description = \"One\"", "description = \"One\"\ntests = [\"tests/one.yaml\"]");
    shop.edit("catalog.toml", "[tag.latest]", "[tag.latest]\ntests = [\"tests/latest.yaml\"]");
    shop.world.catalog(
        "tests/one.yaml",
        "schemaVersion: 2.0.0\nfileExistenceTests: [{name: probe, path: /usr/bin/probe, isExecutableBy: any}]\n",
    );
    shop.world.catalog(
        "tests/latest.yaml",
        "schemaVersion: 2.0.0\ncommandTests: [{name: says, command: probe, args: [say, yes], expectedOutput: [^yes$]}]\n",
    );
    shop.lock().build(&[]).success();
    // The text ends with a line break.
    test(&shop, &[]).assert_is(
        r#"
status: 1
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       6       1        0      -.-

one-debian13:latest (amd64): says (images/tests/latest.yaml)
  expected: stdout matches `^yes$`
    actual: yes
----- stderr -----
     Tested 1 image: 6 passed, 1 failed, 0 skipped
"#,
    );
    shop.world.catalog("tests/latest.yaml", "schemaVersion: 2.0.0\n");
    test(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       6       0        0      -.-
----- stderr -----
     Tested 1 image: 6 passed, 0 failed, 0 skipped
"#,
    );
}

#[test]
fn what_does_not_hold_is_told_with_what_was_found() {
    let yaml = r#"
schemaVersion: 2.0.0
fileExistenceTests:
- {name: there, path: /etc/none}
- {name: gone, path: /etc/alias, shouldExist: false}
- {name: metadata, path: /srv/data, permissions: -rw-r--r--, uid: 0, gid: 0, isExecutableBy: other}
- {name: by way of a link, path: /etc/alias, permissions: Lrwxrwxrwx}
- {name: variables, path: /usr/bin/$HOW}
fileContentTests:
- {name: content, path: /etc/alias, expectedContents: ['^mode', 'level = \d$', '(?m)fast$'], excludedContents: [3]}
- {name: no file, path: /etc}
licenseTests:
- {debian: true, files: [/etc/probe.conf, /nowhere]}
metadataTest:
  env: [{key: HOW, value: '^w', isRegex: true}, {key: PATH, value: /bin}]
  envVars: [{key: NONE, value: x}]
  unboundEnvVars: [{key: HOW}]
  labels: [{key: org.example, value: x}]
  entrypoint: [/usr/bin/probe]
  cmd: [hello]
  exposedPorts: ["80"]
  volumes: [/srv]
  workdir: /srv
  user: nonroot
"#;
    tested_by(&shop(), yaml, &[]).assert_is(
        r#"
status: 1
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       6       8        0      -.-

one-debian13:latest (amd64): there (own.yaml)
  expected: `/etc/none` is there
    actual: it is not there

one-debian13:latest (amd64): gone (own.yaml)
  expected: `/etc/alias` is not there
    actual: a link to `probe.conf`, Lrwxrwxrwx, owner 0:0

one-debian13:latest (amd64): metadata (own.yaml)
  expected: `/srv/data` has the mode -rw-r--r--
    actual: a file, -rwxr-x---, owner 3:4
  expected: `/srv/data` is owned by the user 0
    actual: a file, -rwxr-x---, owner 3:4
  expected: `/srv/data` is owned by the group 0
    actual: a file, -rwxr-x---, owner 3:4
  expected: `/srv/data` is executable by others
    actual: a file, -rwxr-x---, owner 3:4

one-debian13:latest (amd64): variables (own.yaml)
  expected: `/usr/bin/well` is there
    actual: it is not there

one-debian13:latest (amd64): content (own.yaml)
  expected: `/etc/alias` matches `level = \d$`
    actual: mode = fast
            level = 3
  expected: `/etc/alias` does not match `3`
    actual: mode = fast
            level = 3

one-debian13:latest (amd64): no file (own.yaml)
  expected: `/etc` can be read
    actual: `/etc` is a directory

one-debian13:latest (amd64): licences (own.yaml)
  expected: `/nowhere` can be read
    actual: it is not there

one-debian13:latest (amd64): metadata (own.yaml)
  expected: the environment variable `NONE` is `x`
    actual: it is not set
  expected: the environment variable `PATH` is `/bin`
    actual: `/usr/bin`
  expected: the environment variable `HOW` is not set
    actual: `well`
  expected: the label `org.example` is `x`
    actual: it is not set
  expected: the entrypoint is ["/usr/bin/probe"]
    actual: ["/usr/bin/probe", "say"]
  expected: the working directory is `/srv`
    actual: `/`
  expected: the user is `nonroot`
    actual: `0`
  expected: the port `80` is declared
    actual: []
  expected: the volume `/srv` is declared
    actual: []
----- stderr -----
     Tested 1 image: 6 passed, 8 failed, 0 skipped
"#,
    );
}

#[test]
fn files_of_the_older_version_have_commands_that_are_lists() {
    let yaml = "schemaVersion: \"1.0.0\"\ncommandTests:\n- {name: says, command: [probe, say, 'it works'], \
                expectedOutput: ['it works']}\n";
    let said = tested_by(&shop(), yaml, &["--format", "json"]).success();
    assert_eq!(findings(&said), json!([]));
}

#[test]
fn what_the_nearest_definition_says_of_metadata_counts() {
    let shop = Workshop::new();
    let metadata = |text: &str| format!("schemaVersion: 2.0.0\nmetadataTest: {{{text}}}\n");
    shop.world.catalog(
        "tests/static.yaml",
        &metadata("entrypoint: [], user: '0', envVars: [{key: PATH, value: '/usr/bin:/bin'}]"),
    );
    shop.world.catalog(
        "tests/debug.yaml",
        &metadata("entrypoint: [/busybox/sh], envVars: [{key: PATH, value: '/usr/bin:/bin:/busybox'}]"),
    );
    shop.world.catalog("tests/nonroot.yaml", &metadata("user: '65532', workdir: /home/nonroot"));
    shop.edit("static.toml", "description", "tests = [\"tests/static.yaml\"]\ndescription");
    shop.edit("catalog.toml", "[tag.debug]", "[tag.debug]\ntests = [\"tests/debug.yaml\"]");
    shop.edit("catalog.toml", "[tag.nonroot]", "[tag.nonroot]\ntests = [\"tests/nonroot.yaml\"]");
    shop.lock().build(&["static"]).success();
    let said = test(&shop, &["static", "--format", "json"]).success();
    assert_eq!(findings(&said), json!([]), "{said}");
    // Each on its own, they contradict the debug image.
    let own = ["--config", "images/tests/static.yaml", "--config", "images/tests/debug.yaml"];
    test(&shop, &[&["static:debug"], own.as_slice()].concat()).assert_is(
        r#"
status: 1
----- stdout -----
IMAGE                  ARCH   PASSED  FAILED  SKIPPED  SECONDS
static-debian13:debug  amd64       6       1        0      -.-

static-debian13:debug (amd64): metadata (images/tests/static.yaml)
  expected: the environment variable `PATH` is `/usr/bin:/bin`
    actual: `/usr/bin:/bin:/busybox`
  expected: the entrypoint is []
    actual: ["/busybox/sh"]
----- stderr -----
     Tested 1 image: 6 passed, 1 failed, 0 skipped
"#,
    );
}

#[test]
fn every_image_is_held_against_the_catalog_without_a_file() {
    let shop = Workshop::of_one_image([
        Package::new("app", "1")
            .depends("bash, dpkg")
            .member(Member { mode: 0o4755, ..Member::file("/usr/bin/su", "x") }),
        Package::new("bash", "5").executable("/usr/bin/bash", "x").link("/usr/bin/sh", "bash"),
        Package::new("dpkg", "1").executable("/usr/bin/dpkg", "x"),
    ]);
    shop.append("one.toml", "generate = [\"accounts\"]\n");
    shop.edit("one.toml", "\"bash\", \"dpkg\"", "\"dpkg\"");
    let privileged = "[[image.one.privileged]]\npath = \"/usr/bin/su\"\nreason = \"people ask for it\"\n";
    shop.append("one.toml", privileged);
    shop.lock().build(&[]).success();
    // The catalog has moved on since.
    shop.edit("one.toml", privileged, "");
    shop.edit("catalog.toml", "uid = 65532", "uid = 1000");
    shop.edit("catalog.toml", "user = \"root\"", "user = \"nonroot\"");
    test(&shop, &[]).assert_is(
        r#"
status: 1
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       0       5        0      -.-

one-debian13:latest (amd64): no shell or package manager that no definition asks for (built in)
  expected: no shell and no package manager
    actual: /usr/bin/bash of bash 5 (amd64)
  expected: no shell and no package manager
    actual: /usr/bin/sh of bash 5 (amd64)

one-debian13:latest (amd64): no setuid or setgid file that no definition names (built in)
  expected: no setuid or setgid file
    actual: /usr/bin/su has the mode 4755

one-debian13:latest (amd64): the user and the working directory are those of the tag (built in)
  expected: the user is `1000`
    actual: `0`
  expected: the working directory is `/home/nonroot`
    actual: `/`

one-debian13:latest (amd64): the accounts are those of the catalog (built in)
  expected: /etc/passwd is
            root:x:0:0::/root:/sbin/nologin
            nonroot:x:1000:65532::/home/nonroot:/sbin/nologin
    actual: root:x:0:0::/root:/sbin/nologin
            nonroot:x:65532:65532::/home/nonroot:/sbin/nologin

one-debian13:latest (amd64): homes belong to their users, and open to whoever runs the image (built in)
  expected: /home/nonroot belongs to 1000:65532
    actual: owner 65532:65532, mode 0755
----- stderr -----
     Tested 1 image: 0 passed, 5 failed, 0 skipped
"#,
    );
}

#[test]
fn results_are_written_for_machines() {
    let shop = shop();
    let yaml = "schemaVersion: 2.0.0\nfileExistenceTests:\n- {name: there, path: /etc/alias}\n- {name: '<gone>', path: /none}\n";
    let said = tested_by(&shop, yaml, &["--format", "json", "--junit", "reports/tests.xml"]);
    assert_eq!(said.status, Some(1), "{said}");
    let mut rows: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(rows[0]["seconds"].take().is_number());
    let tests = rows[0]["tests"].take();
    let expected = json!([{
        "image": "one-debian13:latest", "architecture": "amd64", "passed": 6, "failed": 1, "skipped": 0,
        "seconds": null, "tests": null,
    }]);
    assert_eq!(rows, expected);
    let mut last = tests.as_array().unwrap().last().unwrap().clone();
    assert!(last["seconds"].take().is_number());
    let expected = json!({
        "file": "own.yaml", "name": "<gone>", "outcome": "failed", "seconds": null,
        "findings": [{ "expected": "`/none` is there", "actual": "it is not there" }],
    });
    assert_eq!(last, expected);
    let xml = Regex::new(r#" time="[0-9.]+""#).unwrap();
    let xml = xml.replace_all(&shop.world.read("reports/tests.xml"), "").into_owned();
    Said { status: Some(1), stdout: xml, stderr: said.stderr }.assert_is(r#"
status: 1
----- stdout -----
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="distro test" tests="7" skipped="0" failures="1" errors="0">
    <testsuite name="one-debian13:latest (amd64)" tests="7" skipped="0" errors="0" failures="1">
        <testcase name="no shell or package manager that no definition asks for" classname="built in"/>
        <testcase name="no setuid or setgid file that no definition names" classname="built in"/>
        <testcase name="the user and the working directory are those of the tag" classname="built in"/>
        <testcase name="the accounts are those of the catalog" classname="built in"/>
        <testcase name="homes belong to their users, and open to whoever runs the image" classname="built in"/>
        <testcase name="there" classname="own.yaml"/>
        <testcase name="&lt;gone&gt;" classname="own.yaml">
            <failure message="`/none` is there">  expected: `/none` is there
    actual: it is not there
</failure>
        </testcase>
    </testsuite>
</testsuites>
----- stderr -----
     Tested 1 image: 6 passed, 1 failed, 0 skipped
"#);
}

#[test]
fn an_image_that_was_not_built_is_missed() {
    let shop = shop();
    shop.lock();
    assert_refused(
        &test(&shop, &[]),
        r#"
error: `out` has no image `one-debian13:latest-amd64`
hint: `distro build one-debian13:latest --arch amd64` builds it
"#,
    );
    assert_refused(
        &test(&shop, &["two"]),
        r#"
error: the catalog has no image `two`
hint: known: one
"#,
    );
}

#[test]
fn an_image_from_another_lock_is_tested_with_a_warning() {
    let shop = shop();
    shop.lock().build(&[]).success();
    let lock = shop.world.read("lock/debian13.lock");
    shop.world.write("lock/debian13.lock", &lock.replace("\"1.0\"", "\"1.1\""));
    test(&shop, &[]).assert_is(
        r#"
status: 0
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       5       0        0      -.-
----- stderr -----
warning: 1 image not built from this lock; `distro build` does it
  one-debian13:latest-amd64: it holds probe 1.0, the lock has 1.1
     Tested 1 image: 5 passed, 0 failed, 0 skipped
"#,
    );
    fs::remove_file(shop.world.path("lock/debian13.lock")).unwrap();
    assert_eq!(test(&shop, &[]).success().stderr.lines().count(), 1);
}
