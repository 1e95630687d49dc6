//! Following symbolic links inside a tree, as the kernel would with the tree as its root.

use super::ImagePath;

/// As many links as Linux follows before it gives up, [path_resolution(7)].
///
/// [path_resolution(7)]: https://man7.org/linux/man-pages/man7/path_resolution.7.html
const MAX_LINKS: usize = 40;

/// What a path is to the one who walks it.
pub(super) enum Step<'a> {
    Directory,
    File,
    Link(&'a str),
}

/// Why a path leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error("`{path}` leads to `{at}`, which does not exist")]
    Missing { path: ImagePath, at: ImagePath },
    #[error("`{path}` leads through `{at}`, which is no directory")]
    NotADirectory { path: ImagePath, at: ImagePath },
    #[error("`{path}` leads through more than {MAX_LINKS} symbolic links")]
    Loop { path: ImagePath },
}

/// The path, free of symbolic links, that `path` leads to. `follow` hears of every link on the way,
/// even where the way ends nowhere.
pub(super) fn walk<'a>(
    path: &ImagePath,
    look: impl Fn(&ImagePath) -> Option<Step<'a>>,
    mut follow: impl FnMut(&ImagePath),
) -> Result<ImagePath, Unresolved> {
    let mut here = ImagePath::default();
    let mut ahead: Vec<String> = path.relative().rsplit('/').map(str::to_owned).collect();
    let mut links = 0;
    while let Some(component) = ahead.pop() {
        let next = match component.as_str() {
            "" | "." => continue,
            ".." => {
                here = here.parent().unwrap_or_default();
                continue;
            }
            name => here.child(name),
        };
        match look(&next) {
            None => return Err(Unresolved::Missing { path: path.clone(), at: next }),
            Some(Step::Directory) => here = next,
            Some(Step::File) if ahead.is_empty() => return Ok(next),
            Some(Step::File) => return Err(Unresolved::NotADirectory { path: path.clone(), at: next }),
            Some(Step::Link(target)) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Unresolved::Loop { path: path.clone() });
                }
                follow(&next);
                if target.starts_with('/') {
                    here = ImagePath::default();
                }
                ahead.extend(target.rsplit('/').map(str::to_owned));
            }
        }
    }
    Ok(here)
}
