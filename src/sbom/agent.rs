//! Persons and organisations, as the field Maintainer of a control file has them.

use url::Url;

use crate::catalog::tarball::Tarball;

/// Somebody who supplies a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent<'a> {
    pub kind: Kind,
    pub name: &'a str,
    pub email: Option<&'a str>,
    /// Where nobody knows an address: a page on the web.
    pub page: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Organization,
    Person,
}

/// Who makes Debian.
pub const DEBIAN: Agent<'static> = Agent::organization("Debian", Some("debian-devel@lists.debian.org"));

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Person => "Person",
        }
    }
}

impl<'a> Agent<'a> {
    /// Reads `Name <address>`. Debian's maintainers are teams behind a mailing list or persons; both have an
    /// address.
    pub fn maintainer(text: &'a str) -> Option<Self> {
        let (name, address) = text.trim_end().strip_suffix('>')?.split_once('<')?;
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let team =
            domain.starts_with("lists.") || domain.contains("-lists.") || domain.starts_with("tracker.");
        let kind = if team { Kind::Organization } else { Kind::Person };
        Some(Self { kind, name: name.trim().trim_matches('"'), email: Some(address), page: None })
    }

    pub const fn organization(name: &'a str, email: Option<&'a str>) -> Self {
        Self { kind: Kind::Organization, name, email, page: None }
    }

    /// Who publishes a tarball.
    pub fn upstream(definition: &'a Tarball) -> Self {
        let page = definition.homepage.as_ref().map(Url::as_str);
        Self { page, ..Self::organization(&definition.supplier, None) }
    }

    /// As SPDX 2.3 writes it: `Person: Name (address)`.
    pub fn spdx23(&self) -> String {
        let address = self.email.map_or(String::new(), |email| format!(" ({email})"));
        format!("{}: {}{address}", self.kind.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Agent;

    #[test]
    fn a_team_is_known_by_its_mailing_list() {
        for (maintainer, expected) in [
            (
                "GNU Libc Maintainers <debian-glibc@lists.debian.org>",
                "Organization: GNU Libc Maintainers (debian-glibc@lists.debian.org)",
            ),
            ("Santiago Vila <sanvila@debian.org>", "Person: Santiago Vila (sanvila@debian.org)"),
            ("\"A. Person\" <a@example.org>", "Person: A. Person (a@example.org)"),
        ] {
            assert_eq!(Agent::maintainer(maintainer).unwrap().spdx23(), expected);
        }
        assert_eq!(Agent::maintainer("nobody"), None);
    }
}
