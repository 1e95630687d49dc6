//! [Package URLs](https://github.com/package-url/purl-spec), of the types
//! [`deb`](https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md),
//! [`generic`](https://github.com/package-url/purl-spec/blob/main/types-doc/generic-definition.md) and
//! [`oci`](https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md).

use std::fmt::Write as _;

use url::Url;

use super::{Component, Subject, UpstreamComponent};

/// `pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13&upstream=openssl`. The namespace of a third
/// party's package is the archive, so that nobody holds it against Debian's advisories, and its
/// `repository_url` says where that is.
pub fn deb(component: &Component<'_>, distro_version: &str) -> String {
    let pin = component.pin;
    let mut upstream = encode(pin.source.as_str());
    if pin.source_version != pin.version {
        upstream += &encode(&format!("@{}", pin.source_version));
    }
    let namespace = component.third_party.map_or("debian", |from| from.archive.as_str());
    let repository = component.third_party.and_then(|from| from.url).map_or(String::new(), |url| {
        format!("&repository_url={}", encode(without_credentials(url).trim_end_matches('/')))
    });
    format!(
        "pkg:deb/{namespace}/{}@{}?arch={}&distro=debian-{}{repository}&upstream={upstream}",
        encode(component.name.as_str()),
        encode(pin.version.as_str()),
        pin.architecture,
        encode(distro_version),
    )
}

/// `pkg:generic/node@22.21.0?checksum=sha256%3A…&download_url=https%3A%2F%2F…`
pub fn generic(component: &UpstreamComponent<'_>) -> String {
    let UpstreamComponent { definition, file, .. } = component;
    format!(
        "pkg:generic/{}@{}?checksum={}&download_url={}",
        encode(&definition.software),
        encode(&definition.version),
        encode(&file.sha256.oci()),
        encode(&file.url.to_string()),
    )
}

/// `pkg:oci/cc-debian13@sha256%3A…?arch=amd64&tag=debug`
pub fn oci(subject: &Subject<'_>) -> String {
    format!(
        "pkg:oci/{}@{}?arch={}&tag={}",
        encode(&subject.image.repository()),
        encode(&subject.manifest.0.oci()),
        encode(&subject.platform.architecture),
        encode(subject.image.tag.as_str()),
    )
}

pub(super) fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Only a URL that has no place for them refuses.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// Percent-encodes all but the characters that the specification lets stand.
pub(super) fn encode(text: &str) -> String {
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
    use super::{encode, without_credentials};

    #[test]
    fn what_has_a_meaning_in_a_purl_is_encoded() {
        assert_eq!(encode("libstdc++6"), "libstdc%2B%2B6");
        assert_eq!(encode("1:2.41~rc1-12+b1"), "1%3A2.41~rc1-12%2Bb1");
        assert_eq!(encode("@2.41"), "%402.41");
    }

    #[test]
    fn a_password_stays_out() {
        let url = "https://user:secret@acme.example/debian".parse().unwrap();
        assert_eq!(without_credentials(&url), "https://acme.example/debian");
    }
}
