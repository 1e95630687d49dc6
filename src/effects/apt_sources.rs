//! How the host's own apt is configured: the files that apt would read, in its order. They are parsed
//! elsewhere.

#![expect(clippy::disallowed_methods, reason = "this is where the host's apt configuration is read")]

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};

/// Where apt keeps its configuration on a Debian machine.
pub const DEFAULT_DIRECTORY: &str = "/etc/apt";

/// The files of apt's configuration. All are empty on a machine without apt.
#[derive(Debug, Default)]
pub struct AptConfiguration {
    /// `sources.list`, then `sources.list.d/*.list` and `*.sources`, see [sources.list(5)].
    ///
    /// [sources.list(5)]: https://manpages.debian.org/trixie/apt/sources.list.5
    pub sources: Vec<AptFile>,
    /// `auth.conf`, then `auth.conf.d/*.conf`: user names and passwords, see [apt_auth.conf(5)].
    ///
    /// [apt_auth.conf(5)]: https://manpages.debian.org/trixie/apt/apt_auth.conf.5
    pub credentials: Vec<AptFile>,
    /// `apt.conf.d/*`, then `apt.conf`: proxies among others, see [apt.conf(5)].
    ///
    /// [apt.conf(5)]: https://manpages.debian.org/trixie/apt/apt.conf.5
    pub settings: Vec<AptFile>,
    /// What is there but could not be read, as files with passwords often cannot.
    pub unreadable: Vec<FileError>,
}

/// A file of apt's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct AptFile {
    pub path: PathBuf,
    /// May hold passwords, so it does not show in debug output.
    pub text: String,
}

impl fmt::Debug for AptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AptFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AptConfiguration {
    /// Reads the files below a directory such as [`DEFAULT_DIRECTORY`].
    #[must_use]
    pub fn read(directory: &Path) -> Self {
        let mut configuration = Self::default();
        let unreadable = &mut configuration.unreadable;
        let mut sources = vec![directory.join("sources.list")];
        sources.extend(parts(&directory.join("sources.list.d"), &["list", "sources"], unreadable));
        let mut credentials = vec![directory.join("auth.conf")];
        credentials.extend(parts(&directory.join("auth.conf.d"), &["conf", ""], unreadable));
        let mut settings = parts(&directory.join("apt.conf.d"), &["conf", ""], unreadable);
        settings.push(directory.join("apt.conf"));

        let mut read = |paths: Vec<PathBuf>| {
            let mut files = Vec::new();
            for path in paths {
                match files::read_text(&path) {
                    Ok(text) => files.push(AptFile { path, text }),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => unreadable.push(error),
                }
            }
            files
        };
        let (sources, credentials, settings) = (read(sources), read(credentials), read(settings));
        Self { sources, credentials, settings, ..configuration }
    }
}

/// The files of a directory which apt takes into account, sorted by name: not hidden, of letters,
/// digits, `_`, `-`, `:` and `.`, and with one of the extensions.
fn parts(directory: &Path, extensions: &[&str], unreadable: &mut Vec<FileError>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(cause) => {
            unreadable.push(FileError::new("read", directory, cause));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| is_part(path, extensions) && !path.is_dir());
    paths.sort();
    paths
}

fn is_part(path: &Path, extensions: &[&str]) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-:.".contains(c))
        && extensions.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path, files: &[AptFile]) -> Vec<String> {
        files.iter().map(|file| file.path.strip_prefix(directory).unwrap().display().to_string()).collect()
    }

    #[test]
    fn files_come_as_apt_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "sources.list",
            "sources.list.d/b.list",
            "sources.list.d/a.sources",
            "sources.list.d/c.sources.bak",
            "sources.list.d/d.list~",
            "sources.list.d/.hidden.list",
            "sources.list.d/directory.list/x.list",
            "auth.conf",
            "auth.conf.d/site.conf",
            "apt.conf",
            "apt.conf.d/99proxy",
            "apt.conf.d/10x.conf",
            "apt.conf.d/50x.disabled",
        ] {
            files::write_atomically(&dir.path().join(name), b"password s3cret").unwrap();
        }
        let read = AptConfiguration::read(dir.path());
        let names = |files| names(dir.path(), files);
        assert_eq!(
            names(&read.sources),
            ["sources.list", "sources.list.d/a.sources", "sources.list.d/b.list"]
        );
        assert_eq!(names(&read.credentials), ["auth.conf", "auth.conf.d/site.conf"]);
        assert_eq!(names(&read.settings), ["apt.conf.d/10x.conf", "apt.conf.d/99proxy", "apt.conf"]);
        assert_eq!(read.sources[0].text, "password s3cret");
        assert!(!format!("{read:?}").contains("s3cret"));
    }

    #[test]
    fn a_machine_without_apt_has_no_sources_and_that_is_no_error() {
        let read = AptConfiguration::read(Path::new("/nowhere/apt"));
        assert!(read.sources.is_empty() && read.unreadable.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sources.list"), b"\xff").unwrap();
        let read = AptConfiguration::read(dir.path());
        let told: Vec<_> = read.unreadable.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [format!("could not read `{}/sources.list`: line 1 is not UTF-8 text", dir.path().display())]
        );
    }
}
