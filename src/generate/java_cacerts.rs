//! The trust store of Java, `/etc/ssl/certs/java/cacerts`, to which Debian's packages link that of every version.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha1::{Digest as _, Sha1};

use crate::tree::{Entry, ImagePath, Tree};

use super::{GenerateError, cacerts};

pub const RECIPE: &str = "java-cacerts/1";

/// Where the `lib/security/cacerts` of Debian's OpenJDK packages leads.
pub const STORE: &str = "/etc/ssl/certs/java/cacerts";

/// What Java takes for the password of a trust store where nothing is said. It guards against damage only: the
/// store holds nothing secret.
const PASSWORD: &str = "changeit";

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;

/// The trust store that `ca-certificates-java` makes of a fresh installation of the `ca-certificates` package,
/// 0644 root, as new as the newest entry of the package, which is also the time of each certificate in it.
///
/// It is a store of the [type JKS], which Java reads whatever the type it is told. Certificates stand in the order
/// of their aliases (Java's own have none).
///
/// # Errors
/// [`GenerateError::NoCertificates`] where the tree holds none, [`GenerateError::Certificate`] where one is no PEM
/// text, [`GenerateError::Keystore`] where one does not fit the format.
///
/// [type JKS]: https://github.com/openjdk/jdk/blob/jdk-21-ga/src/java.base/share/classes/sun/security/provider/JavaKeyStore.java
pub fn store(package: &Tree) -> Result<Tree, GenerateError> {
    let mut certificates = BTreeMap::new();
    for (name, text) in cacerts::certificates(package)? {
        let certificate = CertificateDer::from_pem_slice(text)
            .map_err(|error| GenerateError::Certificate { name: name.to_owned(), why: error.to_string() })?;
        certificates.insert(alias(name), certificate);
    }
    let milliseconds = package.newest().saturating_mul(1000);
    let mut store = Vec::new();
    store.extend(MAGIC.to_be_bytes());
    store.extend(VERSION.to_be_bytes());
    store.extend(u32::try_from(certificates.len()).unwrap_or(u32::MAX).to_be_bytes());
    for (alias, certificate) in certificates {
        let too_long = |_| GenerateError::Keystore { name: alias.clone() };
        let length = u32::try_from(certificate.len()).map_err(too_long)?;
        store.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        store.extend(utf(&alias).ok_or_else(|| GenerateError::Keystore { name: alias.clone() })?);
        store.extend(milliseconds.to_be_bytes());
        store.extend(b"\0\x05X.509");
        store.extend(length.to_be_bytes());
        store.extend_from_slice(&certificate);
    }
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let seal = Sha1::new().chain_update(password).chain_update("Mighty Aphrodite").chain_update(&store);
    store.extend(seal.finalize());

    let mut tree = Tree::new();
    tree.insert(ImagePath::parse(STORE)?, Entry::file(store, package.newest()));
    Ok(tree)
}

/// `debian:` and the name of the link that update-ca-certificates(8) makes to a certificate, in small letters as
/// the type JKS has all aliases.
fn alias(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".crt");
    let name = name.replace([' ', ','], "_").replace(['(', ')'], "=");
    format!("debian:{}.pem", name.to_lowercase())
}

/// Its length and the text in [modified UTF-8]; `None` where it is longer than 65535 bytes.
///
/// [modified UTF-8]: https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/io/DataInput.html#modified-utf-8
fn utf(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for unit in text.encode_utf16() {
        let [high, low] = unit.to_be_bytes();
        match unit {
            0x0001..0x0080 => bytes.push(low),
            0x0000 | 0x0080..0x0800 => bytes.extend([0xC0 | high << 2 | low >> 6, 0x80 | low & 0x3F]),
            0x0800.. => {
                bytes.extend([0xE0 | high >> 4, 0x80 | (high & 0x0F) << 2 | low >> 6, 0x80 | low & 0x3F])
            }
        }
    }
    let length = u16::try_from(bytes.len()).ok()?;
    Some([&length.to_be_bytes()[..], &bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::content;

    /// A certificate of three bytes, `ABC`, as PEM.
    const ABC: &str = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";

    fn package(certificates: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::new();
        for (name, text) in certificates {
            let path = ImagePath::parse(&format!("/usr/share/ca-certificates/{name}")).unwrap();
            tree.insert(path, Entry::file((*text).to_owned(), 7));
        }
        tree
    }

    fn stored(tree: &Tree) -> &[u8] {
        content(tree, &ImagePath::parse(STORE).unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_stands_under_its_name_with_the_time_of_the_package() {
        let tree = store(&package(&[("mozilla/An_A.crt", ABC)])).unwrap();
        let expected = b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\x0fdebian:an_a.pem\
            \0\0\0\0\0\0\x1b\x58\0\x05X.509\0\0\0\x03ABC";
        let (body, seal) = stored(&tree).split_at(expected.len());
        assert_eq!(body, expected);
        assert_eq!(seal.len(), 20);
    }

    #[test]
    fn aliases_are_those_of_update_ca_certificates_in_small_letters() {
        assert_eq!(
            alias("mozilla/NetLock_Arany_=Class_Gold=_Főtanúsítvány.crt"),
            "debian:netlock_arany_=class_gold=_főtanúsítvány.pem"
        );
        assert_eq!(alias("A, B (C).crt"), "debian:a__b_=c=.pem");
    }

    #[test]
    fn text_is_written_as_java_writes_it() {
        assert_eq!(utf("aő\0€").unwrap(), b"\0\x08a\xc5\x91\xc0\x80\xe2\x82\xac");
        assert_eq!(utf("😀").unwrap(), b"\0\x06\xed\xa0\xbd\xed\xb8\x80");
        assert_eq!(utf(&"a".repeat(65_536)), None);
    }

    #[test]
    fn certificates_stand_in_the_order_of_their_aliases_once_each() {
        let first = store(&package(&[("a/X.crt", ABC), ("b/W.crt", ABC), ("c/x.crt", ABC)])).unwrap();
        let second = store(&package(&[("X.crt", ABC), ("W.crt", ABC)])).unwrap();
        assert_eq!(stored(&first), stored(&second));
    }

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        let error = store(&package(&[("mozilla/A.crt", "no certificate\n")])).unwrap_err();
        assert_eq!(error.to_string(), "the certificate mozilla/A.crt is no PEM text: no items found");
        assert_eq!(
            store(&package(&[])).unwrap_err().to_string().split(':').next(),
            Some("no certificate (`*.crt`) below /usr/share/ca-certificates in the package")
        );
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "compares with the store that this host's ca-certificates-java made"
    )]
    fn the_trust_store_of_a_debian_host_holds_the_same() {
        /// Alias → certificate.
        fn entries(store: &[u8]) -> BTreeMap<String, Vec<u8>> {
            fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
                let (taken, left) = rest.split_at(length);
                *rest = left;
                taken
            }
            fn number(rest: &mut &[u8], length: usize) -> usize {
                take(rest, length).iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
            }
            let mut rest = &store[8..];
            let count = number(&mut rest, 4);
            let entry = |_| {
                assert_eq!(number(&mut rest, 4), 2);
                let length = number(&mut rest, 2);
                let alias = String::from_utf8(take(&mut rest, length).to_vec()).unwrap();
                take(&mut rest, 8);
                let length = number(&mut rest, 2);
                assert_eq!(take(&mut rest, length), b"X.509");
                let length = number(&mut rest, 4);
                (alias, take(&mut rest, length).to_vec())
            };
            (0..count).map(entry).collect()
        }
        let read = || -> std::io::Result<(Tree, Vec<u8>)> {
            let mut certificates = Vec::new();
            for name in std::fs::read_to_string("/etc/ca-certificates.conf")?.lines() {
                if !name.is_empty() && !name.starts_with(['#', '!']) {
                    let text = std::fs::read_to_string(format!("/usr/share/ca-certificates/{name}"))?;
                    certificates.push((name.to_owned(), text));
                }
            }
            let certificates: Vec<_> =
                certificates.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            Ok((package(&certificates), std::fs::read(STORE)?))
        };
        match read() {
            Ok((package, host)) if host.starts_with(&MAGIC.to_be_bytes()) => {
                let (mut host, ours) = (entries(&host), entries(stored(&store(&package).unwrap())));
                // It may have certificates of its own besides.
                host.retain(|alias, _| ours.contains_key(alias));
                assert!(ours.len() > 100 && ours == host, "{:?} {:?}", ours.keys(), host.keys());
            }
            Ok(_) => eprintln!("skipped: this host's {STORE} is of another type"),
            Err(why) => eprintln!("skipped: this host has no {STORE}: {why}"),
        }
    }
}
