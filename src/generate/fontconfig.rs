//! The links in `/etc/fonts/conf.d` that fontconfig-config makes when it is installed.
//!
//! There is no cache of fonts, which the package `fontconfig` would make: its files differ between architectures and
//! versions of the library, and for the fonts of an image they save 20 ms of a program's first use of text.

use crate::tree::{Entry, ImagePath, Tree};

use super::GenerateError;

pub const RECIPE: &str = "fontconfig/1";

const AVAILABLE: &str = "/usr/share/fontconfig/conf.avail";
const ENABLED: &str = "/etc/fonts/conf.d";

/// Of each group, the package's postinst enables one by default: slight hinting, and no bitmap fonts, which bookworm
/// and trixie name differently.
const DEFAULTS: [&[&str]; 2] =
    [&["10-hinting-slight.conf"], &["70-no-bitmaps-except-emoji.conf", "70-no-bitmaps.conf"]];

/// The links that are not in the package `fontconfig-config` itself, as new as what they lead to.
///
/// # Errors
/// [`GenerateError::MissingFile`] where the package has none of a group.
pub fn links(package: &Tree) -> Result<Tree, GenerateError> {
    let (available, enabled) = (ImagePath::parse(AVAILABLE)?, ImagePath::parse(ENABLED)?);
    let mut tree = Tree::new();
    for names in DEFAULTS {
        let found = names.iter().find_map(|name| {
            let path = available.join(name).ok()?;
            Some((name, path.clone(), package.get(&path)?.mtime))
        });
        let Some((name, path, mtime)) = found else {
            return Err(GenerateError::MissingFile { path: available.join(names[0])?, recipe: RECIPE });
        };
        tree.insert(enabled.join(name)?, Entry::symlink(path.to_string(), mtime));
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(names: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for name in names {
            let path = ImagePath::parse(&format!("{AVAILABLE}/{name}")).unwrap();
            tree.insert(path, Entry::file("<fontconfig/>", 7));
        }
        tree
    }

    fn made(names: &[&str]) -> Vec<String> {
        let tree = links(&package(names)).unwrap();
        let links = tree.iter().filter(|(path, _)| path.file_name().ends_with(".conf"));
        links.map(|(path, entry)| format!("{path} {:?} {}", entry.node, entry.mtime)).collect()
    }

    #[test]
    fn trixie_and_bookworm_have_their_own_names() {
        let hinting = "/etc/fonts/conf.d/10-hinting-slight.conf Symlink(\
                       \"/usr/share/fontconfig/conf.avail/10-hinting-slight.conf\") 7";
        let bitmaps =
            |name| format!("/etc/fonts/conf.d/{name} Symlink(\"/usr/share/fontconfig/conf.avail/{name}\") 7");
        let [trixie, bookworm] = ["70-no-bitmaps-except-emoji.conf", "70-no-bitmaps.conf"];
        assert_eq!(made(&["10-hinting-slight.conf", trixie, bookworm]), [hinting, &bitmaps(trixie)]);
        assert_eq!(made(&["10-hinting-slight.conf", bookworm]), [hinting, &bitmaps(bookworm)]);
    }

    #[test]
    fn a_package_without_a_default_is_refused() {
        let error = links(&package(&["70-no-bitmaps.conf"])).unwrap_err();
        let path = ImagePath::parse("/usr/share/fontconfig/conf.avail/10-hinting-slight.conf").unwrap();
        assert_eq!(error, GenerateError::MissingFile { path, recipe: RECIPE });
    }
}
