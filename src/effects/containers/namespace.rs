//! A [user namespace]: root to those inside, whoever they are outside.
//!
//! Root's has every id as it is. Another user's has that user as root, and the ids that subuid(5) lends as the others,
//! from 1 on: no more than 65536 of them as a rule, so a container under an id above these cannot be had.
//!
//! [user namespace]: https://man7.org/linux/man-pages/man7/user_namespaces.7.html

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use super::ContainersError;

/// Every id but the last one and the one that means "none". A map of all would look like the host's own to runtimes,
/// which then make device nodes rather than bind those of the host.
const ALL_IDS: &str = "0 0 4294967294";

/// A namespace, and a process that holds it open until its standard input is closed: whatever ends this process
/// ends that one.
pub(super) struct UserNamespace {
    holder: Child,
    /// First id and number of ids, as they are inside.
    users: Vec<(u32, u32)>,
}

impl UserNamespace {
    /// A namespace of its own for mounts comes with it.
    pub(super) fn open(unprivileged: bool) -> Result<Self, ContainersError> {
        let maps: &[&str] = if unprivileged { &["--map-root-user", "--map-auto"] } else { &[] };
        let mut holder = Command::new("unshare")
            .args(["--user", "--mount"])
            .args(maps)
            .args(["sh", "-c", "echo ready && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| ContainersError::Program("unshare", error))?;
        let (stdout, stderr) = (holder.stdout.take(), holder.stderr.take());
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let mut namespace = Self { holder, users: Vec::new() };
        if line != "ready\n" || read.is_none_or(|read| read.is_err()) {
            let mut why = String::new();
            let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut why));
            return Err(ContainersError::Namespace(why.trim().replace('\n', "; ")));
        }
        let of_holder = |file: &str| format!("/proc/{}/{file}", namespace.holder.id());
        let failed = |error: std::io::Error| ContainersError::Namespace(error.to_string());
        if !unprivileged {
            for map in ["uid_map", "gid_map"] {
                fs::write(of_holder(map), ALL_IDS).map_err(failed)?;
            }
        }
        let map = fs::read_to_string(of_holder("uid_map")).map_err(failed)?;
        let range = |line: &str| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.nth(1)?.ok()?))
        };
        namespace.users = map.lines().filter_map(range).collect();
        Ok(namespace)
    }

    pub(super) fn has_user(&self, uid: u32) -> bool {
        self.users.iter().any(|(first, count)| uid.checked_sub(*first).is_some_and(|place| place < *count))
    }

    /// A command whose first argument is a program that runs inside, as root.
    pub(super) fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--target"]).arg(self.holder.id().to_string());
        command
    }

    /// Tells the kernel of an emulator, for this namespace alone: [binfmt_misc], from Linux 6.7 on.
    ///
    /// [binfmt_misc]: https://docs.kernel.org/admin-guide/binfmt-misc.html
    pub(super) fn register(&self, rule: &str) -> Result<(), String> {
        let script = "at=/proc/sys/fs/binfmt_misc
            [ -e $at/register ] || mount -t binfmt_misc binfmt_misc $at && printf %s \"$1\" >$at/register";
        let output = self.enter().args(["sh", "-c", script, "sh", rule]).stdin(Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
                Err(format!(
                    "the kernel takes no emulator in a user namespace ({why}): register one with binfmt_misc"
                ))
            }
            Err(error) => Err(format!("nsenter: {error}")),
        }
    }
}

impl Drop for UserNamespace {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
