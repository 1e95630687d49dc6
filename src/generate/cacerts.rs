//! The bundle of trusted certificate authorities, `/etc/ssl/certs/ca-certificates.crt`.

use crate::tree::{Entry, ImagePath, Tree};

use super::{GenerateError, content};

pub const RECIPE: &str = "cacerts/1";

/// Where programs, and `SSL_CERT_FILE`, look for the bundle.
pub const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

const CERTIFICATES: &str = "usr/share/ca-certificates";

/// The bundle that a fresh installation of the `ca-certificates` package has, 0644 root, as new as
/// the newest entry of the package.
///
/// The bytes are those of Debian's [update-ca-certificates(8)], which goes through
/// `/etc/ca-certificates.conf` and adds each file, with a newline where its last line has none.
/// The package's postinst writes that list with `sort(1)`, so it is in the order of the bytes of the
/// paths below `/usr/share/ca-certificates` (in the C and C.UTF-8 locales, which installers run in).
///
/// # Errors
/// [`GenerateError::NoCertificates`] where the tree holds none: an empty bundle trusts nobody, and
/// would only be found out in production.
///
/// [update-ca-certificates(8)]: https://manpages.debian.org/trixie/ca-certificates/update-ca-certificates.8.en.html
pub fn bundle(package: &Tree) -> Result<Tree, GenerateError> {
    let mut bundle = Vec::new();
    for (_, certificate) in certificates(package)? {
        bundle.extend_from_slice(certificate);
        if certificate.last().is_some_and(|last| *last != b'\n') {
            bundle.push(b'\n');
        }
    }
    let mut tree = Tree::new();
    tree.insert(ImagePath::parse(BUNDLE)?, Entry::file(bundle, package.newest()));
    Ok(tree)
}

/// The certificates of a package by their paths below its directory, `mozilla/ISRG_Root_X1.crt`, in order.
pub(super) fn certificates(package: &Tree) -> Result<Vec<(&str, &[u8])>, GenerateError> {
    let mut certificates: Vec<(&str, &[u8])> = package
        .iter()
        .filter_map(|(path, _)| {
            let name = path.strip_prefix(CERTIFICATES).filter(|name| name.ends_with(".crt"))?;
            Some((name, content(package, path)?))
        })
        .collect();
    if certificates.is_empty() {
        return Err(GenerateError::NoCertificates { directory: CERTIFICATES });
    }
    certificates.sort_unstable_by_key(|(name, _)| *name);
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    fn package(certificates: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::new();
        for (name, content) in certificates {
            tree.insert(
                path(&format!("/usr/share/ca-certificates/{name}")),
                Entry::file(content.to_string(), 7),
            );
        }
        tree
    }

    fn text(tree: &Tree) -> &str {
        std::str::from_utf8(content(tree, &path(BUNDLE)).unwrap()).unwrap()
    }

    #[test]
    fn certificates_stand_in_the_order_of_the_bytes_of_their_paths() {
        let package =
            package(&[("m/b.crt", "b\n"), ("m/B.crt", "B\n"), ("m/é.crt", "é\n"), ("m-x/a.crt", "m-x\n")]);
        assert_eq!(text(&bundle(&package).unwrap()), "m-x\nB\nb\né\n");
    }

    #[test]
    fn a_last_line_is_ended_and_nothing_else_is_touched() {
        let package = package(&[("a.crt", "a\r\n"), ("b.crt", ""), ("c.crt", "c"), ("d.crt", "d\n\n")]);
        assert_eq!(text(&bundle(&package).unwrap()), "a\r\nc\nd\n\n");
    }

    #[test]
    fn only_files_with_the_suffix_count() {
        let mut package = package(&[("a.crt", "a\n"), ("b.pem", "b\n"), ("c.crt/README", "c\n")]);
        package.insert(path("/usr/share/ca-certificates/d.crt"), Entry::symlink("a.crt", 7));
        package.insert(path("/usr/share/doc/ca-certificates/e.crt"), Entry::file("e\n", 7));
        let hard_link =
            Entry { node: Node::HardLink(path("/usr/share/ca-certificates/a.crt")), ..Entry::file("", 7) };
        package.insert(path("/usr/share/ca-certificates/z.crt"), hard_link);
        assert_eq!(text(&bundle(&package).unwrap()), "a\na\n");
    }

    #[test]
    fn the_bundle_is_as_new_as_the_package() {
        let mut package = package(&[("a.crt", "a\n")]);
        package.insert(path("/usr/share/doc/ca-certificates/copyright"), Entry::file("", 9));
        let tree = bundle(&package).unwrap();
        assert_eq!(tree.get(&path(BUNDLE)), Some(&Entry::file("a\n", 9)));
    }

    #[test]
    fn a_package_without_certificates_is_refused() {
        let error = bundle(&package(&[("README", "")])).unwrap_err();
        assert_eq!(error, GenerateError::NoCertificates { directory: CERTIFICATES });
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "compares with the host's own bundle"
    )]
    fn the_bundle_of_a_debian_host_is_reproduced() {
        let read = || -> std::io::Result<(Tree, Vec<u8>)> {
            let mut tree = Tree::new();
            let listed = std::fs::read_to_string("/etc/ca-certificates.conf")?;
            for name in listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                if name.starts_with('!') {
                    return Err(std::io::Error::other(format!("{name}: the host distrusts a certificate")));
                }
                let file = format!("/{CERTIFICATES}/{name}");
                tree.insert(path(&file), Entry::file(std::fs::read(&file)?, 0));
            }
            let local = std::fs::read_dir("/usr/local/share/ca-certificates").into_iter().flatten().count();
            if local > 0 {
                return Err(std::io::Error::other("the host has certificates of its own"));
            }
            Ok((tree, std::fs::read(BUNDLE)?))
        };
        match read() {
            Ok((package, expected)) => assert_eq!(text(&bundle(&package).unwrap()).as_bytes(), expected),
            Err(why) => eprintln!("skipped: this host has no pristine {BUNDLE}: {why}"),
        }
    }
}
