//! Images unpacked by umoci and run by crun.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{json, live, need, tool};
use crate::run::Said;

/// An image for this machine, as a bundle that crun runs.
pub struct Container {
    dir: TempDir,
}

impl Container {
    /// Unpacks an image of the live layout for amd64: `cc-debian13:debug`.
    pub fn new(image: &str) -> Self {
        Self::of(&live().out(), image)
    }

    /// Unpacks an image of a layout for amd64.
    pub fn of(layout: &Path, image: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("container-").tempdir().unwrap();
        unpack(layout, &format!("{image}-amd64"), &dir.path().join("bundle"));
        Self { dir }
    }

    /// Puts a file into the image: `app/main.py`.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// What lies in a directory of the image: `usr/bin`.
    pub fn list(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(directory)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("bundle/rootfs")
    }

    /// Compiles a program of the host's into the image, as `/app`.
    pub fn compile(&self, compiler: &str, language: &str, options: &[&str], source: &str) {
        compile(&self.root().join("app"), compiler, language, options, source);
    }

    /// Runs a program in place of the entrypoint.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.start(&json!(arguments))
    }

    /// Runs the entrypoint, with more arguments.
    pub fn enter(&self, arguments: &[&str]) -> Said {
        let config = json(&self.config());
        let mut all = config["process"]["args"].as_array().unwrap().clone();
        all.extend(arguments.iter().map(|argument| json!(argument)));
        self.start(&json!(all))
    }

    /// The process that umoci makes of the image's config.
    pub fn process(&self) -> Value {
        json(&self.config())["process"].clone()
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("bundle/config.json")
    }

    fn start(&self, arguments: &Value) -> Said {
        for (package, program) in [("crun", "crun"), ("util-linux", "unshare"), ("mount", "mount")] {
            need(package, program);
        }
        let bundle = self.dir.path().join("bundle");
        let mut config = json(&self.config());
        config["process"]["args"] = arguments.clone();
        config["process"]["terminal"] = json!(false);
        // No limits are set, so that no control group is needed, which not every sandbox can give.
        config["linux"].as_object_mut().unwrap().remove("resources");
        config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
        let this_run = bundle.join("run.json");
        fs::write(&this_run, config.to_string()).unwrap();

        // crun starts only where it finds control groups of one kind, so it is shown some, which nobody
        // else sees.
        let script = "[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup || exit
            exec crun --root \"$1/state\" --cgroup-manager=disabled run --bundle \"$1/bundle\" --config \"$2\" \"$3\"";
        let name = self.dir.path().file_name().unwrap();
        let Output { status, stdout, stderr } = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .args([self.dir.path(), &this_run])
            .arg(name)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// Compiles a program of the host's into a file.
pub fn compile(to: &Path, compiler: &str, language: &str, options: &[&str], source: &str) {
    need(if compiler == "cc" { "gcc libc6-dev" } else { compiler }, compiler);
    let mut child = Command::new(compiler)
        .args(["-x", language, "-O1", "-o"])
        .arg(to)
        .args(options)
        .arg("-")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Has umoci unpack an image of a layout, by its name with the architecture.
pub fn unpack(layout: &Path, image: &str, bundle: &Path) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert!(
        uid.split_ascii_whitespace().nth(1) == Some("0"),
        "this test unpacks an image with its owners: run it as root"
    );
    let image = format!("{}:{image}", layout.display());
    tool("umoci", "umoci", &["unpack", "--image", &image, bundle.to_str().unwrap()]);
}
