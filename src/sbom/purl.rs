//! [Package URLs](https://github.com/package-url/purl-spec), of the types
//! [`deb`](https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md) and
//! [`oci`](https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md).

use std::fmt::Write as _;

use super::{Component, Subject};

/// `pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13&upstream=openssl`
pub fn deb(component: &Component<'_>, distro_version: &str) -> String {
    let pin = component.pin;
    let mut upstream = encode(pin.source.as_str());
    if pin.source_version != pin.version {
        upstream += &encode(&format!("@{}", pin.source_version));
    }
    format!(
        "pkg:deb/debian/{}@{}?arch={}&distro=debian-{}&upstream={upstream}",
        encode(component.name.as_str()),
        encode(pin.version.as_str()),
        pin.architecture,
        encode(distro_version),
    )
}

/// `pkg:oci/cc-debian13@sha256%3A…?arch=amd64&tag=debug`
pub fn oci(subject: &Subject<'_>) -> String {
    format!(
        "pkg:oci/{}@{}?arch={}&tag={}",
        encode(&subject.image.repository()),
        encode(&subject.manifest.oci()),
        encode(&subject.platform.architecture),
        encode(subject.image.tag.as_str()),
    )
}

/// Percent-encodes all but the characters that the specification lets stand.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn what_has_a_meaning_in_a_purl_is_encoded() {
        assert_eq!(encode("libstdc++6"), "libstdc%2B%2B6");
        assert_eq!(encode("1:2.41~rc1-12+b1"), "1%3A2.41~rc1-12%2Bb1");
        assert_eq!(encode("@2.41"), "%402.41");
    }
}
