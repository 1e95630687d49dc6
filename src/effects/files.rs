//! Files of the host that people name: read whole, written whole or not at all.

#![expect(clippy::disallowed_methods, reason = "this is where files are read and written")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What could not be done, to which path, why, and what helps.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} `{}`: {}", path.display(), reason(cause))]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    // Not a `source`: the message tells it, and a chain would say it twice.
    cause: io::Error,
}

impl FileError {
    /// `action` goes with the path: "read", "add a blob to".
    pub(super) fn new(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { action, path: path.to_owned(), cause }
    }

    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.cause.kind()
    }
}

fn reason(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::NotFound => "there is no such file or directory".into(),
        ErrorKind::PermissionDenied => {
            "permission is denied; run as its owner, or choose a place of your own".into()
        }
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only; choose another place".into(),
        ErrorKind::StorageFull => {
            "no space is left on its file system; free some there, or choose another place".into()
        }
        ErrorKind::QuotaExceeded => {
            "your disk quota is used up; free some space there, or choose another place".into()
        }
        ErrorKind::AlreadyExists => "a file of that name is there".into(),
        ErrorKind::IsADirectory => "it is a directory".into(),
        ErrorKind::NotADirectory => "a part of its path is no directory".into(),
        _ => cause.to_string(),
    }
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|cause| FileError::new("read", path, cause))
}

/// The text of a file.
///
/// # Errors
///
/// Besides the usual ones, that the file is not UTF-8, and where.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(read(path)?).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        let cause = io::Error::new(ErrorKind::InvalidData, format!("line {line} is not UTF-8 text"));
        FileError::new("read", path, cause)
    })
}

/// The text of a file, or `None` where there is none.
pub fn read_text_if_there(path: &Path) -> Result<Option<String>, FileError> {
    match read_text(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Writes a file so that at any time it holds either its former content or the new one, also after a
/// crash. Directories above it are made. A file that holds these bytes already is left alone.
///
/// Returns whether the content differed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    match fs::read(path) {
        Ok(former) if former == bytes => return Ok(false),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(FileError::new("write", path, error));
        }
        _ => {}
    }
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(|cause| FileError::new("write", path, cause))?;
    file.finish()?;
    Ok(true)
}

/// A file on its way, which stands at its path when it is finished and not before. What is no regular file, such as
/// a pipe, is written as it is.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Beside { file: NamedTempFile, target: PathBuf },
    Through(File),
}

impl NewFile {
    /// Directories above the file are made.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let failed = |cause| FileError::new("write", path, cause);
        // A symbolic link stays one: what it leads to is written.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let former = match fs::metadata(&target) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        if former.as_ref().is_some_and(|former| !former.is_file()) {
            let file = OpenOptions::new().write(true).open(&target).map_err(failed)?;
            return Ok(Self { path: path.to_owned(), place: Place::Through(file) });
        }
        let directory = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let file = temporary(directory).map_err(failed)?;
        if let Some(former) = former {
            file.as_file().set_permissions(former.permissions()).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), place: Place::Beside { file, target } })
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<(), FileError> {
        let failed = |cause| FileError::new("write", &self.path, cause);
        let Place::Beside { file, target } = self.place else { return Ok(()) };
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&target).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

impl io::Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside { file, .. } => file.write(bytes),
            Place::Through(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a directory and those above it, where they are missing.
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|cause| FileError::new("make the directory", path, cause))
}

/// Whether two paths lead to the same file or directory, which is there.
#[must_use]
pub fn is_same(a: &Path, b: &Path) -> bool {
    let (a, b) = (fs::canonicalize(a), fs::canonicalize(b));
    a.is_ok_and(|a| b.is_ok_and(|b| a == b))
}

/// A temporary file with the permissions of an ordinary one: 0666 less the umask.
pub(super) fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".distro-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_only_where_it_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock/trixie.lock");
        assert!(write_atomically(&path, b"one").unwrap());
        assert!(!write_atomically(&path, b"one").unwrap());
        assert!(write_atomically(&path, b"two").unwrap());
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a temporary file is left");
    }

    #[test]
    fn permissions_and_symbolic_links_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        write_atomically(&file, b"one").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write_atomically(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn errors_name_the_path_and_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        let shown = path.display();
        assert_eq!(
            read_text(&path).unwrap_err().to_string(),
            format!("could not read `{shown}`: there is no such file or directory")
        );
        assert_eq!(read_text_if_there(&path).unwrap(), None);
        fs::write(&path, b"a\nb\xff").unwrap();
        assert_eq!(
            read_text(&path).unwrap_err().to_string(),
            format!("could not read `{shown}`: line 2 is not UTF-8 text")
        );
        assert_eq!(
            write_atomically(&path.join("y"), b"").unwrap_err().to_string(),
            format!("could not write `{shown}/y`: a part of its path is no directory")
        );
    }
}
