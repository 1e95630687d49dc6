//! Where people get a package: a URL that stays what it is while the package does.

use url::Url;

use super::purl::{encode, without_credentials};
use crate::catalog::Archive;
use crate::debian::{PackageName, Version};

/// Binary or source, as the snapshot service sorts what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Binary,
    Source,
}

/// The page of the snapshot service that has all files of a version, or the file on a third party's own server.
///
/// The service has one page for a version whatever the time at which it is asked: `…/package/glibc/2.41-12/` and
/// `…/binary/libc6/2.41-12/`.
pub fn location(
    archive: &Archive,
    form: Form,
    (name, version): (&PackageName, &Version),
    path: Option<&str>,
) -> Option<String> {
    let snapshot = archive.snapshot.as_ref().filter(|_| !archive.is_third_party());
    let service = snapshot.and_then(|url| url.as_str().trim_end_matches('/').rsplit_once("/archive/"));
    match service {
        Some((service, _)) => {
            let form = if form == Form::Source { "package" } else { "binary" };
            Some(format!("{service}/{form}/{}/{}/", encode(name.as_str()), encode(version.as_str())))
        }
        None => {
            let own: &Url = archive.mirrors.first().filter(|_| archive.is_third_party())?;
            Some(format!("{}/{}", without_credentials(own).trim_end_matches('/'), path?))
        }
    }
}
