//! Paths inside an image.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::string_form;

/// An absolute path in an image, in its one normal form: no empty, `.` or `..` component, no control
/// character, at most 4095 bytes and 255 a component, as Linux limits them.
/// Ordered so that a directory comes before what it holds, and its members follow it directly.
/// The root itself is the empty path, shown as `/`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "String", into = "String")]
pub struct ImagePath(Box<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path of an image: {why}")]
pub struct InvalidPath {
    path: String,
    why: &'static str,
}

/// `PATH_MAX` of Linux without the final NUL, in bytes.
pub(super) const PATH_MAX: usize = 4095;

/// `NAME_MAX` of Linux, in bytes.
const NAME_MAX: usize = 255;

impl ImagePath {
    pub const ROOT: &str = "";

    /// Reads a member name of a tar archive (`./usr/bin/`, `usr/bin`) or an absolute path.
    /// A leading `./` or `/` and a final `/` are taken off; nothing else is mended.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let invalid = |why| InvalidPath { path: text.chars().take(200).map(shown).collect(), why };
        let relative = match text.strip_prefix("./").or_else(|| text.strip_prefix('/')) {
            Some(rest) => rest,
            None if text == "." => "",
            None => text,
        };
        let relative = relative.strip_suffix('/').unwrap_or(relative);
        if relative.is_empty() {
            return if text.is_empty() { Err(invalid("it is empty")) } else { Ok(Self::default()) };
        }
        for component in relative.split('/') {
            match component {
                "" => return Err(invalid("it has an empty component")),
                "." => return Err(invalid("it has a `.` component")),
                ".." => return Err(invalid("it leaves its directory by `..`")),
                _ if component.len() > NAME_MAX => {
                    return Err(invalid("it has a component longer than 255 bytes"));
                }
                _ => {}
            }
        }
        if relative.len() > PATH_MAX {
            return Err(invalid("it is longer than 4095 bytes"));
        }
        if relative.contains(|c: char| c.is_control()) {
            return Err(invalid("it has a control character"));
        }
        Ok(Self(relative.into()))
    }

    /// Without the leading slash, as in a tar archive: `usr/bin`.
    #[must_use]
    pub fn relative(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or("", |(parent, _)| parent).into()))
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The path of a member of this directory, or of one deeper.
    pub fn join(&self, below: &str) -> Result<Self, InvalidPath> {
        Self::parse(&format!("{}/{below}", self.0))
    }

    /// The directories above this path, the nearest first, the root last.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// The member of this directory with a name that is one valid component.
    pub(super) fn child(&self, name: &str) -> Self {
        debug_assert!(!matches!(name, "" | "." | "..") && !name.contains('/'));
        if self.is_root() { Self(name.into()) } else { Self(format!("{}/{name}", self.0).into()) }
    }

    /// The shortest relative target that leads from a link in `directory` to this path:
    /// `/usr/z` seen from `/usr/lib/x` is `../../z`.
    #[must_use]
    pub fn relative_to(&self, directory: &Self) -> String {
        let components =
            |path: &Self| path.0.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect();
        let (from, to): (Vec<String>, Vec<String>) = (components(directory), components(self));
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n("..", from.len() - shared);
        let target: Vec<&str> = up.chain(to[shared..].iter().map(String::as_str)).collect();
        if target.is_empty() { ".".to_owned() } else { target.join("/") }
    }

    /// Where a symbolic link at this path with this target leads, without following further links.
    /// `..` at the root stays at the root, as the kernel has it.
    #[must_use]
    pub fn resolve_link(&self, target: &str) -> Self {
        let mut components: Vec<&str> = match target.strip_prefix('/') {
            Some(_) => Vec::new(),
            None => self.0.rsplit_once('/').map_or(Vec::new(), |(parent, _)| parent.split('/').collect()),
        };
        for component in target.split('/') {
            match component {
                "" | "." => {}
                ".." => drop(components.pop()),
                name => components.push(name),
            }
        }
        Self(components.join("/").into())
    }

    /// Whether a file here says by its name how others may be used: a copyright file ([policy §12.5]), one of Debian's
    /// common licenses, or a file that upstream calls so.
    ///
    /// [policy §12.5]: https://www.debian.org/doc/debian-policy/ch-docs.html#copyright-information
    #[must_use]
    pub fn is_license_text(&self) -> bool {
        let is_copyright = |_: &str| self.file_name().starts_with("copyright");
        let is_upstream =
            |name: &str| ["LICENSE", "LICENCE", "COPYING"].iter().any(|word| name.starts_with(word));
        self.strip_prefix("usr/share/doc").is_some_and(is_copyright)
            || self.strip_prefix("usr/share/common-licenses").is_some()
            || is_upstream(self.file_name())
    }

    /// What follows `directory` in this path, where this path lies below it: `lib` and `lib/x/y` give `x/y`.
    #[must_use]
    pub fn strip_prefix(&self, directory: &str) -> Option<&str> {
        self.0.strip_prefix(directory)?.strip_prefix('/')
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Ord for ImagePath {
    /// Component by component. What ends a component sorts before all that a component may hold, so one look at
    /// the first bytes that differ is enough: builds compare paths some million times.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (own, others) = (self.0.as_bytes(), other.0.as_bytes());
        let (pieces, others_pieces) = (own.as_chunks::<16>().0, others.as_chunks::<16>().0);
        let same = 16 * pieces.iter().zip(others_pieces).take_while(|(a, b)| a == b).count();
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        match own[same..].iter().zip(&others[same..]).find(|(a, b)| a != b) {
            Some((&a, &b)) => rank(a).cmp(&rank(b)),
            None => own.len().cmp(&others.len()),
        }
    }
}

impl PartialOrd for ImagePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for ImagePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

string_form!(ImagePath);

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    #[test]
    fn one_path_has_one_form() {
        for text in ["./usr/bin/", "/usr/bin", "usr/bin", "usr/bin/"] {
            assert_eq!(path(text).to_string(), "/usr/bin");
        }
        assert!(path("./").is_root());
    }

    #[test]
    fn a_path_that_escapes_is_refused() {
        for text in ["", "../x", "usr/../../x", "usr//bin", "./././x", "a/./b", "a\0b", "//etc/passwd"] {
            assert!(ImagePath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_that_no_kernel_takes_is_refused() {
        assert!(ImagePath::parse(&"x".repeat(255)).is_ok());
        assert!(ImagePath::parse(&"x".repeat(256)).is_err());
        assert!(ImagePath::parse(&"x/".repeat(2048)).is_ok());
        assert!(ImagePath::parse(&"x/".repeat(2049)).is_err());
    }

    #[test]
    fn a_relative_target_leads_back_to_its_path() {
        for (from, to, target) in [
            ("/usr/lib/x", "/usr/z", "../../z"),
            ("/usr/lib", "/usr/lib/x/y", "x/y"),
            ("/", "/etc", "etc"),
            ("/usr/lib", "/usr/lib", "."),
            ("/a/b", "/", "../.."),
        ] {
            assert_eq!(path(to).relative_to(&path(from)), target);
            assert_eq!(path(from).child("link").resolve_link(target), path(to));
        }
    }

    #[test]
    fn a_directory_comes_right_before_its_members() {
        let mut paths = ["/a-b", "/a/z", "/a", "/", "/a/b/c", "/a/b"].map(path);
        paths.sort();
        assert_eq!(paths.map(|p| p.to_string()), ["/", "/a", "/a/b", "/a/b/c", "/a/z", "/a-b"]);
    }

    #[test]
    fn links_lead_where_the_kernel_says() {
        let link = path("/usr/share/doc/libgcc-s1");
        assert_eq!(link.resolve_link("gcc-14-base"), path("/usr/share/doc/gcc-14-base"));
        assert_eq!(link.resolve_link("/etc/x"), path("/etc/x"));
        assert_eq!(link.resolve_link("../../../../../../x"), path("/x"));
    }
}
