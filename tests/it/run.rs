//! A temporary world for the real binary, and all that it says there.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::archive::Archive;
use crate::server::Server;

/// A directory with the folders that the binary works in, and nothing of the host's:
/// `images`, `lock`, `out`, `store`, `apt`, `home` and `tmp`.
pub struct World {
    dir: PathBuf,
    /// Takes the directory away with the world, unless that has one of its own.
    temporary: Option<TempDir>,
    /// What differs from run to run, and what stands in its place in compared output.
    filters: Vec<(String, &'static str)>,
}

/// All that a run said, with temporary paths as `[DIR]` and local servers as `[URL]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The exit code; `None` where a signal ended the run.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        let temporary = tempfile::Builder::new().prefix("world-").tempdir().unwrap();
        let world = Self::at(temporary.path());
        Self { temporary: Some(temporary), ..world }
    }

    /// A world in a directory that stays.
    pub fn at(dir: &Path) -> Self {
        for folder in ["images", "lock", "out", "store", "apt/sources.list.d", "home", "tmp"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let path = dir.to_str().unwrap().to_owned();
        Self { dir: dir.to_owned(), temporary: None, filters: vec![(path, "[DIR]")] }
    }

    /// A world whose apt sources name all suites of an archive, at the server's URL.
    pub fn with_archive(archive: &Archive, server: &Server) -> Self {
        let mut world = Self::new();
        world.write("apt/sources.list.d/fake.sources", &archive.sources(server.url()));
        world.filter(server.url(), "[URL]");
        world.filter(archive.keyring().to_str().unwrap(), "[KEYRING]");
        world
    }

    /// Compared output has `placeholder` for every `text`.
    pub fn filter(&mut self, text: &str, placeholder: &'static str) {
        self.filters.push((text.to_owned(), placeholder));
    }

    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.join(relative)
    }

    pub fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a file of the catalog: `catalog.toml`, `static.toml`, …
    pub fn catalog(&self, name: &str, content: &str) {
        self.write(&format!("images/{name}"), content);
    }

    pub fn read(&self, relative: &str) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs `distro` in this world.
    pub fn distro(&self, arguments: &[&str]) -> Said {
        self.finish(&mut self.command(arguments))
    }

    /// `distro`, ready to run in this world: for tests that add to its environment, or kill it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distro"));
        self.isolate(&mut command);
        for (option, folder) in [("--apt-dir", "apt"), ("--store", "store")] {
            command.arg(option).arg(self.path(folder));
        }
        command.args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn finish(&self, command: &mut Command) -> Said {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            self.filters.iter().fold(text, |text, (from, to)| text.replace(from, to))
        };
        Said { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Takes the host's environment from a command: it works in this world's directory, and has a
    /// home, a cache and temporary files there.
    pub fn isolate(&self, command: &mut Command) {
        command
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("home/.cache"))
            .env("XDG_CONFIG_HOME", self.path("home/.config"))
            .env("TMPDIR", self.path("tmp"))
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
    }
}

impl Said {
    /// Compares everything with its [`Display`](fmt::Display) form.
    #[track_caller]
    pub fn assert_is(&self, expected: &str) {
        let (actual, expected) = (self.to_string(), expected.trim_start_matches('\n'));
        let different =
            actual.lines().zip(expected.lines()).take_while(|(actual, expected)| actual == expected);
        let line = different.count() + 1;
        assert!(actual == expected, "line {line} differs\n--- expected\n{expected}\n--- actual\n{actual}");
    }

    /// The same run, for which success is all that matters.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.status == Some(0), "{self}");
        self
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(code) => writeln!(f, "status: {code}")?,
            None => writeln!(f, "status: killed by a signal")?,
        }
        write!(f, "----- stdout -----\n{}----- stderr -----\n{}", self.stdout, self.stderr)
    }
}
