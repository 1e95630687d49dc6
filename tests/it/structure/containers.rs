//! Commands in containers.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{findings, shop, test, tested_by, timeless};
use crate::archive::Package;
use crate::desk::assert_refused;
use crate::live::need;
use crate::workshop::Workshop;

/// Nothing of a run is left in the layout.
#[track_caller]
fn assert_nothing_is_left(shop: &Workshop) {
    let names = fs::read_dir(shop.world.path("out")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout", "sbom"]);
}

#[test]
fn a_command_runs_in_a_container_as_the_image_says() {
    let yaml = r#"
schemaVersion: 2.0.0
globalEnvVars: [{key: MORE, value: "$PATH:/opt"}]
commandTests:
- {name: the program of a path, command: probe, args: [say, here], expectedOutput: ['^here\n$']}
- {name: stderr, command: probe, args: [warn, careful], expectedError: ['^careful\n$'], excludedOutput: [.]}
- {name: exit code, command: probe, args: [exit, "7"], exitCode: 7}
- {name: a variable of the image, command: probe, args: [env, HOW], expectedOutput: [well]}
- {name: of the file, command: probe, args: [env, MORE], expectedOutput: ['^/usr/bin:/opt\n$']}
- {name: of the test, envVars: [{key: MINE, value: "1"}], command: probe, args: [say, "$MINE ${HOW}$NONE."], expectedOutput: ['^1 well\.\n$']}
- {name: home, command: probe, args: [env, HOME], expectedOutput: ['^/root\n$']}
- {name: user and directory, command: probe, args: [where], expectedOutput: ['^0:0 /\n$']}
- {name: setup, setup: [[probe, write, /made], [probe, exit, "3"]], command: probe, args: [exists, /made], expectedOutput: [yes]}
- {name: a fresh container, command: probe, args: [exists, /made], expectedOutput: [no]}
- {name: no network, command: probe, args: [exists, /sys/class/net/eth0], expectedOutput: [no]}
"#;
    let shop = shop();
    let said = tested_by(&shop, yaml, &["--format", "json"]).success();
    assert_eq!(findings(&said), json!([]), "{said}");
    assert_nothing_is_left(&shop);
}

#[test]
fn a_container_runs_as_its_options_say() {
    let shop = shop();
    shop.world.write("shared/file", "");
    let shared = shop.world.path("shared").display().to_string();
    let yaml = format!(
        r#"
schemaVersion: 2.0.0
containerRunOptions: {{user: "1000720000", bindMounts: ["{shared}:/shared:ro"]}}
commandTests:
- {{name: user, command: probe, args: [where], expectedOutput: ['^1000720000:0 /\n$']}}
- {{name: what is closed to it, command: probe, args: [write, /etc/x], exitCode: 1, expectedError: [Permission denied]}}
- {{name: shared, command: probe, args: [exists, /shared/file], expectedOutput: [yes]}}
- {{name: not writable, command: probe, args: [write, /shared/x], exitCode: 1, expectedError: [Read-only]}}
"#
    );
    let said = tested_by(&shop, &yaml, &["--format", "json"]).success();
    assert_eq!(findings(&said), json!([]), "{said}");
}

#[test]
fn a_command_that_fails_hangs_or_is_not_there_is_told() {
    let yaml = r#"
schemaVersion: 2.0.0
commandTests:
- {name: fails, command: probe, args: [warn, no], exitCode: 1, expectedError: [yes]}
- {name: hangs, command: probe, args: [sleep, "1000"]}
- {name: is not there, command: /usr/bin/none}
- {name: is set up by what is not there, setup: [[none]], command: probe, args: [say, x]}
- {name: says much, command: probe, args: [say, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21"], excludedOutput: [5]}
"#;
    let (shop, began) = (shop(), Instant::now());
    tested_by(&shop, yaml, &["--timeout", "1"]).assert_is(
        r#"
status: 1
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  amd64       5       5        0      -.-

one-debian13:latest (amd64): fails (own.yaml)
  expected: stderr matches `yes`
    actual: no
  expected: exit code 1
    actual: exit code 0; it said no

one-debian13:latest (amd64): hangs (own.yaml)
  expected: the command ends
    actual: it was killed when its time was over

one-debian13:latest (amd64): is not there (own.yaml)
  expected: the command starts
    actual: executable file `/usr/bin/none` not found in $PATH: No such file or directory

one-debian13:latest (amd64): is set up by what is not there (own.yaml)
  expected: the command starts
    actual: executable file `none` not found in $PATH: No such file or directory

one-debian13:latest (amd64): says much (own.yaml)
  expected: stdout does not match `5`
    actual: 1
            2
            3
            4
            5
            6
            7
            8
            9
            10
            11
            12
            13
            14
            15
            16
            17
            18
            19
            20 …
----- stderr -----
     Tested 1 image: 5 passed, 5 failed, 0 skipped
"#,
    );
    assert!(began.elapsed() < Duration::from_secs(100));
    assert_nothing_is_left(&shop);
}

#[test]
fn an_unknown_user_is_told() {
    let yaml = "schemaVersion: 2.0.0\ncontainerRunOptions: {user: somebody}\ncommandTests: [{name: runs, command: probe}]\n";
    let said = tested_by(&shop(), yaml, &["--format", "json"]);
    let expected = json!([["runs", [{ "expected": "the command starts", "actual": "the image has no user `somebody`" }]]]);
    assert_eq!(findings(&said), expected);
}

#[test]
fn an_architecture_that_cannot_be_run_is_skipped_aloud() {
    let shop = Workshop::of_one_image([Package::new("app", "1").arch("all")]);
    shop.edit("catalog.toml", "[\"amd64\"]", "[\"amd64\", \"arm64\"]");
    shop.lock();
    shop.world.distro(&["build", "--arch", "arm64"]).success();
    shop.world.write("own.yaml", "schemaVersion: 2.0.0\ncommandTests: [{name: runs, command: app}]\n");
    // A runtime, and no emulator.
    fs::create_dir(shop.world.path("bin")).unwrap();
    for program in ["crun", "sh"] {
        need("crun", program);
        symlink(format!("/usr/bin/{program}"), shop.world.path("bin").join(program)).unwrap();
    }
    let mut command = shop.world.command(&["test", "--arch", "arm64", "--config", "own.yaml"]);
    let said = timeless(shop.world.finish(command.env("PATH", shop.world.path("bin"))));
    said.assert_is(r#"
status: 0
----- stdout -----
IMAGE                ARCH   PASSED  FAILED  SKIPPED  SECONDS
one-debian13:latest  arm64       3       0        1      -.-
----- stderr -----
warning: 1 test skipped: there is no emulator `qemu-aarch64-static` or `qemu-aarch64`: apt-get install qemu-user-static
     Tested 1 image: 3 passed, 0 failed, 1 skipped
"#);
}

#[test]
fn a_machine_without_a_runtime_is_told_what_to_install() {
    let shop = shop();
    shop.lock().build(&[]).success();
    shop.world.write("own.yaml", "schemaVersion: 2.0.0\ncommandTests: [{name: runs, command: probe}]\n");
    assert_refused(
        &test(&shop, &["--config", "own.yaml", "--runtime", "/usr/bin/none"]),
        r#"
error: the OCI runtime `/usr/bin/none` cannot be run
  No such file or directory (os error 2)
hint: name another by --runtime, or apt-get install crun
"#,
    );
    let mut command = shop.world.command(&["test", "--arch", "amd64", "--config", "own.yaml"]);
    let said = shop.world.finish(command.env("PATH", shop.world.path("tmp")));
    assert_refused(
        &said,
        r#"
error: none of the OCI runtimes crun, runc and youki is installed
hint: apt-get install crun
"#,
    );
}

#[test]
fn an_interrupted_run_takes_its_containers_and_files_with_it() {
    let shop = shop();
    shop.lock().build(&[]).success();
    let yaml =
        "schemaVersion: 2.0.0\ncommandTests: [{name: hangs, command: probe, args: [sleep, '1234567']}]\n";
    shop.world.write("own.yaml", yaml);
    let mut command = shop.world.command(&["test", "--arch", "amd64", "--config", "own.yaml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_running = || {
        let output = Command::new("ps").args(["-eo", "args"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("probe sleep 1234567")
    };
    let until = |running: bool| {
        let began = Instant::now();
        while is_running() != running {
            assert!(began.elapsed() < Duration::from_secs(60), "a container is there, or not: {}", !running);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(true);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    until(false);
    assert_nothing_is_left(&shop);

    // A run that is killed leaves its files, and the next one removes them.
    let mut child = command.spawn().unwrap();
    until(true);
    child.kill().unwrap();
    child.wait().unwrap();
    until(false);
    assert_eq!(fs::read_dir(shop.world.path("out")).unwrap().count(), 5);
    shop.world.write(
        "own.yaml",
        "schemaVersion: 2.0.0\ncommandTests: [{name: runs, command: probe, args: [exit]}]\n",
    );
    test(&shop, &["--config", "own.yaml"]).success();
    assert_nothing_is_left(&shop);
}
