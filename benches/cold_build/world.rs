//! A catalog of one image that holds all packages, its lock, and the mirror that serves them.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

/// Those of the catalog, and a good deal of large ones. Which of them there are depends on the host's release.
const PACKAGES: &str = "
    base-files busybox-static ca-certificates gcc-12-base gcc-14-base libc6 libgcc-s1 libgomp1 libssl3 libssl3t64
    libstdc++6 media-types netbase openssl tzdata zlib1g

    cmake cmake-data cpp-12 cpp-14 gcc-12 gcc-14 git libicu72 libicu76 libllvm15 libllvm19 libnode108 libnode115
    libperl5.36 libperl5.40 libpython3.11-minimal libpython3.11-stdlib libpython3.13-minimal
    libpython3.13-stdlib openjdk-17-jre-headless openjdk-21-jre-headless perl perl-base perl-modules-5.36
    perl-modules-5.40 python3.11 python3.11-minimal python3.13 python3.13-minimal vim-common vim-runtime";

pub struct World {
    root: PathBuf,
    pub packages: Vec<Package>,
}

pub struct Package {
    file: String,
    fields: Vec<String>,
    size: u64,
    sha256: String,
}

/// Of each package, in this order.
const FIELDS: [&str; 5] = ["Package", "Version", "Architecture", "Installed-Size", "Source"];

impl World {
    /// Downloads what is not there yet, and writes the definitions.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("cold_build");
        fs::create_dir_all(root.join("debs")).unwrap();
        let fetched = root.join("debs/fetched");
        if !fetched.exists() {
            PACKAGES.split_whitespace().for_each(|name| download(&root.join("debs"), name));
            fs::write(fetched, "").unwrap();
        }
        let entries = fs::read_dir(root.join("debs")).unwrap().map(|entry| entry.unwrap().path());
        let debs = entries.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
        let mut packages: Vec<Package> = debs.map(|path| Package::read(&path)).collect();
        assert!(
            !packages.is_empty(),
            "apt-get could download none of the packages: is its mirror reachable?"
        );
        packages.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.file.cmp(&b.file)));
        let world = Self { root, packages };
        world.write();
        world
    }

    /// The packages, the largest first.
    pub fn debs(&self) -> Vec<PathBuf> {
        self.packages.iter().map(|package| self.root.join("debs").join(&package.file)).collect()
    }

    pub fn forget_store(&self) {
        remove(&self.root.join("store"));
    }

    pub fn forget_layout(&self) {
        remove(&self.root.join("out"));
    }

    /// The program at its work.
    pub fn build(&self, threads: usize) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distro"));
        command.current_dir(&self.root).stderr(Stdio::null());
        command.args([
            "build",
            "--catalog",
            "images",
            "--store",
            "store",
            "--out",
            "out",
            "--apt-dir",
            "none",
        ]);
        command.args(["--arch", self.architecture(), "--jobs", &threads.to_string()]);
        command
    }

    /// Another program that makes an archive of packages without running their scripts, if it is installed.
    pub fn mmdebstrap(&self) -> Option<Command> {
        Command::new("mmdebstrap").arg("--version").stdout(Stdio::null()).status().ok()?;
        let names: Vec<_> = self.packages.iter().map(Package::name).collect();
        let mut command = Command::new("mmdebstrap");
        command.args(["--quiet", "--variant=extract", "--format=tar", "--skip=check/empty"]);
        command.args(["--architectures", self.architecture(), "--include", &names.join(",")]);
        let source = format!("deb [trusted=yes] copy://{}/debs ./", self.root.display());
        command.current_dir(&self.root).args(["-", "peer.tar.gz", &source]);
        Some(command)
    }

    fn architecture(&self) -> &str {
        let own = self.packages.iter().map(Package::architecture).find(|name| *name != "all");
        own.expect("not all packages are for all architectures")
    }

    fn write(&self) {
        let (architecture, mirror) = (self.architecture(), self.root.join("debs"));
        let names: Vec<_> = self.packages.iter().map(|package| format!("{:?}", package.name())).collect();
        let names = names.join(", ");
        let key = "0".repeat(40);
        let catalog = format!(
            "\
[organization]
name = \"Benchmark\"
email = \"bench@distro.example\"
url = \"https://distro.example/\"
source = \"https://distro.example/\"
sbom-namespace = \"https://distro.example/\"
[architecture]
{architecture} = {{ platform = \"linux/{architecture}\" }}
[archive.bench]
mirrors = [\"file://{}/\"]
[release.bench1]
codename = \"bench\"
version = \"1\"
architectures = [\"{architecture}\"]
sources = [{{ archive = \"bench\", suites = [\"bench\"] }}]
keys = [\"{key}\"]
[tag.latest]
user = \"root\"
[[user]]
name = \"root\"
uid = 0
gid = 0
gecos = \"root\"
home = \"/root\"
[[group]]
name = \"root\"
gid = 0
",
            mirror.display()
        );
        let family = format!("[image.bench]\ndescription = \"Everything\"\npackages = [{names}]\n");
        let mut lock = format!(
            "\
version = 1
release = \"bench1\"
[[suite]]
name = \"bench\"
archive = \"bench\"
date = \"2026-01-01T00:00:00Z\"
in-release = \"{digest}\"
signed-by = [\"{key}\"]
index.\"main/binary-{architecture}/Packages.xz\" = \"{digest}\"
[[image]]
name = \"bench\"
tags = [\"latest\"]
architectures = [\"{architecture}\"]
requests = [{names}]
packages = [{names}]
",
            digest = "0".repeat(64)
        );
        self.packages.iter().for_each(|package| package.lock(&mut lock));
        let index: String = self.packages.iter().map(Package::stanza).collect();
        for (file, text) in [
            ("images/catalog.toml", catalog),
            ("images/bench.toml", family),
            ("lock/bench1.lock", lock),
            ("debs/Packages", index),
        ] {
            let path = self.root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

impl Package {
    fn read(path: &Path) -> Self {
        let field = |name: &str| {
            let output = Command::new("dpkg-deb").arg("--field").arg(path).arg(name).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let bytes = fs::read(path).unwrap();
        let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        Self { file, fields: FIELDS.map(field).to_vec(), size: bytes.len() as u64, sha256 }
    }

    fn name(&self) -> &str {
        &self.fields[0]
    }

    fn architecture(&self) -> &str {
        &self.fields[2]
    }

    /// Its pin in the lock.
    fn lock(&self, text: &mut String) {
        let Self { file, fields, size, sha256 } = self;
        let [name, version, architecture, installed, _] = fields.as_slice() else { unreachable!() };
        let _ = write!(
            text,
            "\
[[package]]
name = {name:?}
version = {version:?}
suite = \"bench\"
path = {file:?}
deb.{architecture} = {{ size = {size}, installed = {installed}, sha256 = {sha256:?} }}
"
        );
    }

    /// Its stanza in an index for apt; without its dependencies, as the set is what it is.
    fn stanza(&self) -> String {
        let Self { file, fields, size, sha256 } = self;
        let [name, version, architecture, ..] = fields.as_slice() else { unreachable!() };
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: ./{file}\nSize: {size}\n\
             SHA256: {sha256}\nDescription: {name}\n\n"
        )
    }
}

/// Downloads a package, if the host's apt knows one of that name.
fn download(directory: &Path, name: &str) {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "download", name]).current_dir(directory);
    let done =
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    eprintln!("{} {name}", if done { "downloaded" } else { "passed over" });
}

fn remove(path: &Path) {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", path.display()),
        _ => {}
    }
}
