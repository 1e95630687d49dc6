//! What definitions take from their directories, as git would keep it: of modes, only whether the owner may execute
//! a file; no directory that holds nothing. So two checkouts give the same images.

#![expect(clippy::disallowed_methods, reason = "this is where the files of definitions are read")]

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};
use std::sync::Arc;

use super::files::FileError;
use crate::catalog::SourceFiles;
use crate::catalog::file::FamilyFile;
use crate::diagnostic::{Diagnostic, Location, Source};
use crate::tree::{Entry, ImagePath, Tree};

/// Permission bits of a file's owner that let it be executed.
const OWNER_EXECUTES: u32 = 0o100;

/// Reads what the images of a family file take from its directory.
pub fn read(
    directory: &Path,
    definition: &Arc<Source>,
    file: &FamilyFile,
) -> Result<SourceFiles, Diagnostic> {
    let trees = file.sources().map(|source| {
        let reader = Reader { at: &Location::of(definition, source), source: source.get_ref() };
        let tree = reader.tree(directory)?;
        Ok(((definition.path.clone(), source.get_ref().clone()), tree))
    });
    trees.collect()
}

/// Reads one source, and shows what is wrong with it where it is named.
struct Reader<'a> {
    at: &'a Location,
    source: &'a str,
}

impl Reader<'_> {
    fn tree(&self, directory: &Path) -> Result<Tree, Diagnostic> {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if self.source.is_empty() || !Path::new(self.source).components().all(inside) {
            return Err(self.outside());
        }
        let path = directory.join(self.source);
        let real = fs::canonicalize(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => self.at.error(format!("there is no file `{}`", path.display()), ""),
            _ => self.failed("read", &path, cause),
        })?;
        let here = fs::canonicalize(directory).map_err(|cause| self.failed("read", directory, cause))?;
        if !real.starts_with(here) {
            return Err(self.outside());
        }
        let mut tree = Tree::new();
        if real.is_dir() {
            self.add_directory(&mut tree, &path, &ImagePath::default())?;
            if tree.is_empty() {
                return Err(self.at.error(format!("the directory `{}` holds no file", path.display()), ""));
            }
        } else {
            tree.insert(ImagePath::default(), self.file(&real)?);
        }
        Ok(tree)
    }

    /// Adds all files and links below a directory of the host, below a path of the tree.
    fn add_directory(&self, tree: &mut Tree, directory: &Path, to: &ImagePath) -> Result<(), Diagnostic> {
        let failed = |cause| self.failed("read the directory", directory, cause);
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            let name = entry.file_name().into_string().map_err(|_| self.no_text(&path, "its name"))?;
            let to = to.join(&name).map_err(|error| self.at.invalid(&error))?;
            if kind.is_dir() {
                self.add_directory(tree, &path, &to)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|cause| self.failed("read", &path, cause))?;
                let target = target.into_os_string().into_string();
                let target = target.map_err(|_| self.no_text(&path, "the target of the link"))?;
                tree.insert(to, Entry::symlink(target, 0));
            } else {
                tree.insert(to, self.file(&path)?);
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path) -> Result<Entry, Diagnostic> {
        let metadata = fs::metadata(path).map_err(|cause| self.failed("read", path, cause))?;
        if !metadata.is_file() {
            let title = format!("`{}` is neither a file nor a directory nor a link", path.display());
            return Err(self.at.error(title, ""));
        }
        let content = fs::read(path).map_err(|cause| self.failed("read", path, cause))?;
        let entry = Entry::file(content, 0);
        let executes = metadata.permissions().mode() & OWNER_EXECUTES != 0;
        Ok(if executes { entry.with_mode(0o755) } else { entry })
    }

    fn outside(&self) -> Diagnostic {
        let title = format!("`{}` is not in the directory of the definition", self.source);
        self.at.error(title, "").help("a source lies beside the definition, or in a directory beside it")
    }

    fn failed(&self, action: &'static str, path: &Path, cause: io::Error) -> Diagnostic {
        self.at.invalid(&FileError::new(action, path, cause))
    }

    fn no_text(&self, path: &Path, what: &str) -> Diagnostic {
        self.at.error(format!("`{}` cannot be taken: {what} is not UTF-8 text", path.display()), "")
    }
}
