//! What a container runs: the [runtime configuration] of one process in one image.
//!
//! [runtime configuration]: https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::ImageConfiguration;
use serde_json::{Value, json};

use super::{BindMount, RunOptions};

/// What the configuration of an image says of its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    pub user: String,
    pub environment: BTreeMap<String, String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub working_directory: String,
    /// `8080/tcp`.
    pub exposed_ports: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    pub labels: BTreeMap<String, String>,
}

impl From<&ImageConfiguration> for Configuration {
    fn from(configuration: &ImageConfiguration) -> Self {
        let Some(config) = configuration.config() else { return Self::default() };
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let variables = list(config.env());
        let variables = variables.iter().filter_map(|variable| variable.split_once('='));
        Self {
            user: config.user().clone().unwrap_or_default(),
            environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            entrypoint: list(config.entrypoint()),
            command: list(config.cmd()),
            working_directory: config.working_dir().clone().unwrap_or_default(),
            exposed_ports: list(config.exposed_ports()).into_iter().collect(),
            volumes: list(config.volumes()).into_iter().collect(),
            labels: config.labels().clone().unwrap_or_default().into_iter().collect(),
        }
    }
}

/// The account of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub home: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image has no {what} `{name}`")]
pub struct UnknownAccount {
    what: &'static str,
    name: String,
}

impl Identity {
    /// Of `name`, `uid`, `name:group` or `uid:gid`, by the image's passwd(5) and group(5). An id that they do not have
    /// is taken as it is, its group is root's; nothing stands for root.
    ///
    /// # Errors
    /// Where a name is not among the accounts.
    pub fn new(user: &str, passwd: &str, group: &str) -> Result<Self, UnknownAccount> {
        let (user, wanted_group) =
            user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
        let user = if user.is_empty() { "0" } else { user };
        let lines = |text: &str| -> Vec<Vec<String>> {
            text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
        };
        let (users, groups) = (lines(passwd), lines(group));
        let field = |line: &[String], index: usize| line.get(index).cloned().unwrap_or_default();
        let id = |line: &[String], index: usize| field(line, index).parse::<u32>().ok();
        let found = users
            .iter()
            .find(|line| field(line, 0) == user || (id(line, 2).is_some() && field(line, 2) == user));
        let unknown = |what, name: &str| UnknownAccount { what, name: name.to_owned() };
        let uid = match found.and_then(|line| id(line, 2)) {
            Some(uid) => uid,
            None => user.parse().map_err(|_| unknown("user", user))?,
        };
        let gid = match wanted_group.filter(|group| !group.is_empty()) {
            None => found.and_then(|line| id(line, 3)).unwrap_or(0),
            Some(wanted) => {
                let named = groups.iter().find(|line| field(line, 0) == wanted).and_then(|line| id(line, 2));
                named.map_or_else(|| wanted.parse().map_err(|_| unknown("group", wanted)), Ok)?
            }
        };
        let name = found.map(|line| field(line, 0));
        let is_member = |line: &&Vec<String>| {
            name.as_ref().is_some_and(|name| field(line, 3).split(',').any(|member| member == name))
        };
        let groups = match wanted_group {
            Some(_) => Vec::new(),
            None => groups.iter().filter(is_member).filter_map(|line| id(line, 2)).collect(),
        };
        let home = found.map(|line| field(line, 5)).filter(|home| !home.is_empty());
        Ok(Self { uid, gid, groups, home: home.unwrap_or_else(|| "/".to_owned()) })
    }
}

/// A process in a container of its own.
#[derive(Debug, Clone)]
pub struct Process<'a> {
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub working_directory: &'a str,
    pub identity: &'a Identity,
    pub options: &'a RunOptions,
}

/// What Docker leaves to the containers of root.
const CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl Process<'_> {
    /// The `config.json` of a bundle whose files are in `rootfs`. There is no network but a loopback.
    #[must_use]
    pub fn specification(&self) -> Value {
        let Identity { uid, gid, groups, home } = self.identity;
        let mut environment = self.environment.clone();
        environment.entry("HOME".to_owned()).or_insert_with(|| home.clone());
        let environment: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let more = self.options.capabilities.iter().map(|name| name.trim_start_matches("CAP_"));
        let bounding: BTreeSet<_> =
            CAPABILITIES.into_iter().chain(more).map(|name| format!("CAP_{name}")).collect();
        let effective = if *uid == 0 { bounding.clone() } else { BTreeSet::new() };
        let cwd = if self.working_directory.is_empty() { "/" } else { self.working_directory };
        json!({
            "ociVersion": "1.0.2",
            "hostname": "distro-test",
            "process": {
                "terminal": false,
                "user": { "uid": uid, "gid": gid, "additionalGids": groups },
                "args": self.arguments,
                "env": environment,
                "cwd": cwd,
                "capabilities": { "bounding": bounding, "effective": effective, "permitted": effective },
            },
            "root": { "path": "rootfs", "readonly": false },
            "mounts": self.mounts(),
            "linux": {
                "namespaces": (["pid", "ipc", "uts", "mount", "network"].map(|kind| json!({ "type": kind }))),
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        })
    }

    fn mounts(&self) -> Vec<Value> {
        let mount = |kind: &str, at: &str, options: &[&str]| json!({ "type": kind, "source": kind, "destination": at, "options": options });
        let usual = [
            mount("proc", "/proc", &[]),
            mount("tmpfs", "/dev", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("tmpfs", "/dev/shm", &["nosuid", "noexec", "nodev", "mode=1777"]),
            mount("sysfs", "/sys", &["nosuid", "noexec", "nodev", "ro"]),
        ];
        let bound = self.options.bind_mounts.iter().map(|BindMount { source, destination, read_only }| {
            let options = ["rbind", if *read_only { "ro" } else { "rw" }];
            json!({ "type": "bind", "source": source, "destination": destination, "options": options })
        });
        usual.into_iter().chain(bound).collect()
    }
}

/// Puts values in the place of `$NAME` and `${NAME}`, and nothing where there is none, as [`os.Expand`] does. A
/// dollar before anything else stays.
///
/// [`os.Expand`]: https://pkg.go.dev/os#Expand
#[must_use]
pub fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) = match braced {
            Some((name, behind)) => (name, behind),
            None if after.starts_with('{') => ("", &after[1..]),
            None => after.split_at(name_length(after)),
        };
        if name.is_empty() && !after.starts_with('{') {
            expanded.push('$');
        }
        expanded.push_str(environment.get(name).map_or("", String::as_str));
        rest = behind;
    }
    expanded + rest
}

/// The length of the name that a text begins with: letters, digits and `_`, or one of the shell's own.
fn name_length(text: &str) -> usize {
    match text.bytes().next() {
        Some(b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9') => 1,
        _ => text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_as_go_does() {
        let environment =
            BTreeMap::from([("A".to_owned(), "1".to_owned()), ("A_B".to_owned(), "2".to_owned())]);
        for (text, expanded) in [
            ("", ""),
            ("$A", "1"),
            ("x${A}y$A_B.", "x1y2."),
            ("$NONE|${NONE}", "|"),
            ("100$ 5$", "100$ 5$"),
            ("$$ $1x", " x"),
            ("${A", "A"),
            ("é$é", "é$é"),
        ] {
            assert_eq!(super::expand(text, &environment), expanded, "{text}");
        }
    }

    #[test]
    fn an_identity_is_that_of_the_account_files() {
        let passwd =
            "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n";
        let group = "root:x:0:\ntty:x:5:nonroot\nnonroot:x:65532:\n";
        let identity = |user: &str| Identity::new(user, passwd, group);
        let expected = |uid, gid, groups: &[u32], home: &str| {
            Ok(Identity { uid, gid, groups: groups.to_vec(), home: home.to_owned() })
        };
        for user in ["65532", "nonroot"] {
            assert_eq!(identity(user), expected(65532, 65532, &[5], "/home/nonroot"));
        }
        for user in ["", "0", "root"] {
            assert_eq!(identity(user), expected(0, 0, &[], "/root"));
        }
        assert_eq!(identity("1000720000"), expected(1_000_720_000, 0, &[], "/"));
        assert_eq!(identity("nonroot:tty"), expected(65532, 5, &[], "/home/nonroot"));
        assert_eq!(identity("7:8"), expected(7, 8, &[], "/"));
        assert_eq!(identity("somebody").unwrap_err().to_string(), "the image has no user `somebody`");
        assert_eq!(identity("root:all").unwrap_err().to_string(), "the image has no group `all`");
    }
}
