//! Debian's releases, as far as the tracker may speak of them.

/// The codename of a stable release by its version, which is all that an image says: `13`. As in
/// [distro-info-data](https://salsa.debian.org/debian/distro-info-data/-/blob/main/debian.csv).
#[must_use]
pub fn codename(version: &str) -> Option<&'static str> {
    Some(match version {
        "10" => "buster",
        "11" => "bullseye",
        "12" => "bookworm",
        "13" => "trixie",
        "14" => "forky",
        "15" => "duke",
        _ => return None,
    })
}
