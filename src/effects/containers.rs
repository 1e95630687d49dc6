//! Containers of an OCI runtime, each over the same unpacked layers, with nothing of the host but a mount namespace.
//!
//! A layer is unpacked once, whatever number of images hold it, by this program run once more: inside the user
//! namespace, where the owners of its files are known. A container has them below an overlay
//! whose upper side is a tmpfs of its own, so what it writes is gone with it, and a container that starts costs no
//! copy. Mounts are made in a namespace that ends with the container: nothing is left to unmount, also after a kill.
//!
//! Where the user is not root, or the kernel has to be told of an emulator, everything happens in a
//! user namespace.

#![expect(clippy::disallowed_methods, reason = "this is where containers are run")]

mod emulation;
mod namespace;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::emulation::Emulation;
use self::namespace::UserNamespace;
use super::files::FileError;
use crate::debian::Architecture;
use crate::digest::Sha256;
use crate::structure::judge::Ran;
use crate::structure::process::Process;

/// Runtimes, the one to be taken first in front.
const RUNTIMES: [&str; 3] = ["crun", "runc", "youki"];

/// Bytes of a stream that are kept.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// How the name of a directory of unpacked layers begins, and what the file in it is called that its user locks.
const PREFIX: &str = ".distro-test-";
const ALIVE: &str = "alive";

/// How often a container is looked after.
const PATIENCE: Duration = Duration::from_millis(4);

/// Mounts the files of a container and starts its processes one after the other, in namespaces of its own. What it
/// says itself goes to `log`, as does what the runtime says.
///
/// Some machines have no control groups where a runtime looks for them, and none are needed.
const SCRIPT: &str = r#"
set -e
umask 022
cd "$1"
exec 3>&2 2>>log
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs bundle
mkdir bundle/rootfs bundle/upper bundle/work bundle/state
ln -s ../../layers l
mount -t overlay overlay -o "lowerdir=$2,upperdir=bundle/upper,workdir=bundle/work$3" bundle/rootfs
exec 2>&3 3>&-
run=$4
case $run in
  *crun) log=file:$PWD/log; options=--cgroup-manager=disabled ;;
  *) log=$PWD/log; options= ;;
esac
shift 4
while [ $# -gt 1 ]; do
  cp "$1" bundle/config.json
  "$run" --root bundle/state --log "$log" --log-format json $options run --bundle bundle "$1" </dev/null >/dev/null 2>&1 || :
  shift
done
cp "$1" bundle/config.json
exec "$run" --root bundle/state --log "$log" --log-format json $options run --bundle bundle "$1"
"#;

#[derive(Debug, thiserror::Error)]
pub enum ContainersError {
    #[error("none of the OCI runtimes crun, runc and youki is installed")]
    NoRuntime,
    #[error("the OCI runtime `{0}` cannot be run")]
    Runtime(String, #[source] io::Error),
    #[error("`{0}` cannot be run")]
    Program(&'static str, #[source] io::Error),
    #[error("a user namespace could not be made: {0}")]
    Namespace(String),
    #[error("the layer {0} could not be unpacked: {1}")]
    Unpack(Sha256, String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("interrupted")]
    Interrupted,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Ran(Ran),
    TimedOut,
    /// Why its process was never there.
    NotStarted(String),
}

/// What containers are run with.
pub struct Options<'a> {
    /// The OCI runtime; the first one that is installed where nothing is said.
    pub runtime: Option<&'a str>,
    /// How long a command may take.
    pub timeout: Duration,
    /// This program, of which `unpack-layer` is run.
    pub program: &'a Path,
    /// Where layers are unpacked, in a directory that is taken away again.
    pub directory: &'a Path,
    /// This machine's architecture.
    pub machine: Option<&'a Architecture>,
    /// The architectures of the images.
    pub architectures: BTreeSet<Architecture>,
}

pub struct Containers {
    program: PathBuf,
    runtime: String,
    timeout: Duration,
    directory: TempDir,
    /// Locked as long as the directory is in use.
    _alive: File,
    namespace: Option<UserNamespace>,
    /// What stands in the way of the architectures that cannot be run here.
    obstacles: BTreeMap<Architecture, String>,
    layers: Mutex<BTreeMap<Sha256, Arc<Layer>>>,
    containers: AtomicUsize,
    interrupted: Arc<AtomicBool>,
}

struct Layer {
    /// Its directory in `layers`, of few characters: mount(2) takes a page of them for all layers.
    name: String,
    unpacked: OnceLock<Result<(), String>>,
}

impl Containers {
    /// # Errors
    /// Where no runtime is installed, or a user namespace is needed and cannot be had.
    pub fn open(options: Options<'_>) -> Result<Self, ContainersError> {
        let runtime = runtime(options.runtime)?;
        let emulation = Emulation::find(options.machine, &options.architectures);
        let unprivileged = !rustix::process::geteuid().is_root();
        let mut obstacles = emulation.obstacles;
        let namespace = match unprivileged || !emulation.emulators.is_empty() {
            true => Some(UserNamespace::open(unprivileged)?),
            false => None,
        };
        for (architecture, rule) in &emulation.emulators {
            if let Some(Err(why)) = namespace.as_ref().map(|namespace| namespace.register(rule)) {
                obstacles.insert(architecture.clone(), why);
            }
        }
        sweep(options.directory, namespace.as_ref());
        let made = make(options.directory);
        let failed = |cause| FileError::new("make a directory in", options.directory, cause);
        let (directory, alive) = made.map_err(failed)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        // A second handler is refused: the first one stays, which is as good.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
        Ok(Self {
            program: options.program.to_owned(),
            runtime,
            timeout: options.timeout,
            directory,
            _alive: alive,
            namespace,
            obstacles,
            layers: Mutex::default(),
            containers: AtomicUsize::new(0),
            interrupted,
        })
    }

    /// Why containers of an architecture cannot be run here, and what helps; `None` where they can.
    #[must_use]
    pub fn obstacle(&self, architecture: &Architecture) -> Option<&str> {
        self.obstacles.get(architecture).map(String::as_str)
    }

    /// Whether a user id can be had here.
    #[must_use]
    pub fn has_user(&self, uid: u32) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| namespace.has_user(uid))
    }

    /// # Errors
    /// After the user has asked to stop.
    pub fn check_interrupted(&self) -> Result<(), ContainersError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(ContainersError::Interrupted) } else { Ok(()) }
    }

    /// Runs processes in containers of the same files, and tells of the last one. `layers` are the lowest first,
    /// each with the blob that it is unpacked from.
    pub fn run(
        &self,
        layers: &[(Sha256, PathBuf)],
        setup: &[Process<'_>],
        process: &Process<'_>,
    ) -> Result<Ended, ContainersError> {
        let names = layers.iter().map(|(digest, blob)| self.unpacked(*digest, blob));
        let mut names = names.collect::<Result<Vec<_>, _>>()?;
        names.reverse();
        let number = self.containers.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.path().join("containers").join(number.to_string());
        let failed = |cause| FileError::new("write", &directory, cause);
        fs::create_dir_all(directory.join("bundle")).map_err(failed)?;
        let mut specifications = Vec::new();
        for (place, process) in setup.iter().chain([process]).enumerate() {
            let name = format!("distro-{}-{number}-{place}", std::process::id());
            fs::write(directory.join(&name), process.specification().to_string()).map_err(failed)?;
            specifications.push(name);
        }
        let mut command = self.inside("unshare");
        command
            .args(["--mount", "--pid", "--cgroup", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(&directory)
            .arg(names.join(":"))
            .arg(if self.namespace.is_some() { ",userxattr" } else { "" })
            .arg(&self.runtime)
            .args(specifications);
        let ended = self.finish(&mut command)?;
        let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
        // What a container writes lies in its tmpfs, which is gone: this is its specifications and its log.
        fs::remove_dir_all(&directory).map_err(|cause| FileError::new("remove", &directory, cause))?;
        Ok(match (ended, complaint(&log)) {
            (Ended::Ran(_), Some(complaint)) => Ended::NotStarted(complaint),
            (ended, _) => ended,
        })
    }

    /// The directory of a layer, with its files in it, as [`SCRIPT`] knows it.
    fn unpacked(&self, digest: Sha256, blob: &Path) -> Result<String, ContainersError> {
        self.check_interrupted()?;
        let layer = {
            let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
            let name = layers.len().to_string();
            let layer = layers.entry(digest);
            layer.or_insert_with(|| Arc::new(Layer { name, unpacked: OnceLock::new() })).clone()
        };
        let unpacked = layer.unpacked.get_or_init(|| self.unpack(&layer.name, digest, blob));
        if let Err(why) = unpacked {
            // Ctrl-C goes to whoever unpacks, too.
            self.check_interrupted()?;
            return Err(ContainersError::Unpack(digest, why.clone()));
        }
        Ok(format!("l/{}", layer.name))
    }

    fn unpack(&self, name: &str, digest: Sha256, blob: &Path) -> Result<(), String> {
        let directory = self.directory.path().join("layers").join(name);
        // In another mount namespace, the working directory is another one.
        let blob = fs::canonicalize(blob).map_err(|error| error.to_string())?;
        let mut command = self.inside(&self.program);
        command.arg("unpack-layer").arg(digest.to_string()).arg(blob).arg(directory).env("NO_COLOR", "1");
        let output = command.output().map_err(|error| format!("{}: {error}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(())
        } else {
            Err(said.trim().trim_start_matches("error: ").to_owned())
        }
    }

    fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        inside(self.namespace.as_ref(), program)
    }

    /// Runs a command until it ends, or its time is over.
    fn finish(&self, command: &mut Command) -> Result<Ended, ContainersError> {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| ContainersError::Program("setpriv", error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let began = Instant::now();
        std::thread::scope(|threads| {
            let (stdout, stderr) = (threads.spawn(|| text(stdout)), threads.spawn(|| text(stderr)));
            let status = loop {
                let waited = child.try_wait().map_err(|error| ContainersError::Program("unshare", error))?;
                let stop = self.check_interrupted();
                match waited {
                    Some(status) => break Some(status),
                    None if stop.is_err() || began.elapsed() >= self.timeout => {
                        // Its child, which is the first of its process namespace, goes with it, and all others with that.
                        let _ = child.kill();
                        let _ = child.wait();
                        stop?;
                        break None;
                    }
                    None => std::thread::sleep(PATIENCE),
                }
            };
            let joined = |said: std::thread::ScopedJoinHandle<'_, String>| said.join().unwrap_or_default();
            let (stdout, stderr) = (joined(stdout), joined(stderr));
            Ok(match status {
                Some(status) => Ended::Ran(Ran { exit_code: exit_code(status), stdout, stderr }),
                None => Ended::TimedOut,
            })
        })
    }
}

/// A directory for layers and containers, and the file in it that says by its lock that it is in use.
fn make(parent: &Path) -> io::Result<(TempDir, File)> {
    let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
    let alive = File::create(directory.path().join(ALIVE))?;
    alive.lock()?;
    fs::create_dir(directory.path().join("layers"))?;
    fs::create_dir(directory.path().join("containers"))?;
    Ok((directory, alive))
}

/// Removes what runs that were killed left behind. What cannot be removed stays: the next run will try again.
fn sweep(parent: &Path, namespace: Option<&UserNamespace>) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let alive = File::open(entry.path().join(ALIVE)).ok().filter(|_| is_ours);
        if alive.is_some_and(|alive| alive.try_lock().is_ok()) {
            let _ = inside(namespace, "rm").args(["--recursive", "--force"]).arg(entry.path()).status();
        }
    }
}

/// A program of the host's, in a user namespace where there is one, which does not outlive this process.
fn inside(namespace: Option<&UserNamespace>, program: impl AsRef<OsStr>) -> Command {
    let mut command = match namespace {
        None => Command::new("setpriv"),
        Some(namespace) => {
            let mut command = namespace.enter();
            command.arg("setpriv");
            command
        }
    };
    command.args(["--pdeathsig", "KILL"]).arg(program).stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

impl Drop for Containers {
    fn drop(&mut self) {
        // The files of other users can be removed only where these users are known. What is left after that, the
        // directory's own end takes away, or leaves as a directory whose name says what it is.
        if self.namespace.is_some() {
            let below = ["layers", "containers"].map(|name| self.directory.path().join(name));
            let _ = self.inside("rm").args(["--recursive", "--force"]).args(below).status();
        }
    }
}

/// The runtime that is asked for, or the first one that is there.
fn runtime(asked: Option<&str>) -> Result<String, ContainersError> {
    let works = |program: &str| Command::new(program).arg("--version").stdin(Stdio::null()).output();
    if let Some(asked) = asked {
        return works(asked)
            .map(|_| asked.to_owned())
            .map_err(|error| ContainersError::Runtime(asked.into(), error));
    }
    for program in RUNTIMES {
        match works(program) {
            Ok(_) => return Ok(program.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ContainersError::Runtime(program.into(), error)),
        }
    }
    Err(ContainersError::NoRuntime)
}

fn text(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before a pipe broke is what was said.
        let _ = stream.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes);
        let _ = io::copy(&mut stream, &mut io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As a shell tells it: 128 and the signal for a process that was killed.
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// What a log complains of: errors of a runtime, which writes JSON, and all that other programs say.
fn complaint(log: &str) -> Option<String> {
    let complaints = log.lines().filter_map(|line| match serde_json::from_str::<serde_json::Value>(line) {
        Ok(entry) => {
            let text = |key: &str| entry[key].as_str().map(str::to_owned);
            text("msg").filter(|_| {
                text("level").is_none_or(|level| level != "warning" && level != "info" && level != "debug")
            })
        }
        Err(_) => Some(line.to_owned()),
    });
    let complaints: Vec<_> = complaints.collect();
    (!complaints.is_empty()).then(|| complaints.join("; "))
}
