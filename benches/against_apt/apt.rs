//! apt itself, in a root of its own: no package is installed, and nothing of the host's is read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use distro::resolve::Recommends;

use super::archive::Archive;

/// The names of what is installed, or why nothing is.
pub type Verdict = Result<BTreeSet<String>, String>;

pub struct Apt {
    configuration: PathBuf,
}

impl Apt {
    /// Makes a root whose only sources are the indexes of an archive, anew.
    pub fn new(root: &Path, archive: &Archive) -> Self {
        if root.exists() {
            fs::remove_dir_all(root).unwrap();
        }
        for folder in ["etc", "state/lists/partial", "cache/archives/partial", "log", "repository"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("state/status"), "").unwrap();
        let (mut sources, architecture) = (String::new(), &archive.architecture);
        for suite in &archive.suites {
            let folder = root.join(format!("repository/dists/{}/main/binary-{architecture}", suite.name));
            fs::create_dir_all(&folder).unwrap();
            symlink(&suite.file, folder.join("Packages")).unwrap();
            let line = format!("deb [trusted=yes] copy:{}/repository {} main\n", root.display(), suite.name);
            sources.push_str(&line);
        }
        fs::write(root.join("etc/sources.list"), sources).unwrap();
        let configuration = root.join("apt.conf");
        fs::write(&configuration, configuration_text(root, architecture.as_str())).unwrap();
        let apt = Self { configuration };
        let updated = apt.run(&["update"]);
        assert!(updated.status.success(), "apt-get update: {}", String::from_utf8_lossy(&updated.stderr));
        apt
    }

    /// What `apt-get install` would do.
    ///
    /// By `--print-uris`, which decides as `--simulate` does, and does not go on to put the work of dpkg in order: that
    /// would take three times as long as the decision.
    pub fn install(&self, names: &[&str], recommends: Recommends) -> Verdict {
        let recommends = match recommends {
            Recommends::Ignored => "--no-install-recommends",
            Recommends::Taken => "--install-recommends",
        };
        let output = self.run(&[&["--print-uris", "--yes", recommends, "install"], names].concat());
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            // Anything else is a failure of the comparison.
            let refused = ["held broken packages", "has no installation candidate"];
            assert!(refused.iter().any(|why| stderr.contains(why)), "apt-get install {names:?}: {stderr}");
            let unmet =
                stdout.lines().filter(|line| line.contains("Depends:") || line.contains("Conflicts:"));
            return Err(unmet.chain(stderr.lines()).map(str::trim).collect::<Vec<_>>().join("; "));
        }
        // A heading, and below it the names, indented.
        let listed =
            stdout.lines().skip_while(|line| *line != "The following NEW packages will be installed:");
        let names = listed.skip(1).take_while(|line| line.starts_with("  ")).flat_map(str::split_whitespace);
        Ok(names.map(str::to_owned).collect())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("apt-get");
        command.args(arguments).env_clear().env("LC_ALL", "C").env("APT_CONFIG", &self.configuration);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.output().unwrap_or_else(|error| panic!("apt-get cannot be run: {error}"))
    }
}

/// Read in place of the host's own files, since it names the folders that those are in.
///
/// What apt orders, unpacks and configures is no matter here, only what it chooses.
fn configuration_text(root: &Path, architecture: &str) -> String {
    let root = root.display();
    format!(
        r#"Dir "{root}/";
Dir::Etc "{root}/etc";
Dir::Etc::main "none";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "none";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Log "{root}/log";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
APT::Immediate-Configure "false";
Acquire::Languages "none";
Debug::NoLocking "true";
"#
    )
}
