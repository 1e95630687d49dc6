//! Logins by server: apt's `auth.conf`, [apt_auth.conf(5)], which is also the format of a `.netrc`.
//!
//! [apt_auth.conf(5)]: https://manpages.debian.org/trixie/apt/apt_auth.conf.5

use std::fmt;

use url::Url;

/// The logins of one file. As in apt, the first entry that matches a URL counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthConf {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    machine: Machine,
    login: Login,
}

/// `[protocol://]hostname[:port][/path]`. Without a port it stands for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Machine {
    protocol: Option<String>,
    host: String,
    port: Option<u16>,
    /// What the path of a URL begins with; empty for all paths.
    path: String,
}

/// A user name and a password. Shows neither.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// What a file has for a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    Login(&'a Login),
    /// An entry for the host names no protocol, and so is not for a connection that others can read.
    Withheld,
    Nothing,
}

impl AuthConf {
    /// Reads a file. Like apt, this passes over tokens that it does not know.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        // Entries that are for no host that could be named take up what follows them.
        let mut current: Option<Entry> = None;
        let mut tokens = text.lines().flat_map(tokens);
        while let Some(token) = tokens.next() {
            match token {
                "machine" => {
                    entries.extend(current.take());
                    let machine = tokens.next().and_then(Machine::parse);
                    current = machine.map(|machine| Entry { machine, login: Login::default() });
                }
                // Of a .netrc: for every other server, which is more than anyone should be told.
                "default" => entries.extend(current.take()),
                "login" | "password" => {
                    let value = tokens.next().unwrap_or_default().to_owned();
                    match &mut current {
                        Some(entry) if token == "login" => entry.login.user = value,
                        Some(entry) => entry.login.password = value,
                        None => {}
                    }
                }
                _ => {}
            }
        }
        entries.extend(current);
        Self { entries }
    }

    /// The login for a URL. An entry without a protocol is for `https:` alone.
    #[must_use]
    pub fn find(&self, url: &Url) -> Found<'_> {
        let mut found = Found::Nothing;
        for Entry { machine, login } in self.entries.iter().filter(|entry| entry.machine.is_for(url)) {
            match machine.protocol.as_deref().unwrap_or("https") == url.scheme() {
                true => return Found::Login(login),
                false if machine.protocol.is_none() => found = Found::Withheld,
                false => {}
            }
        }
        found
    }
}

/// The tokens of a line, of which a comment has none.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let line = if line.trim_start().starts_with('#') { "" } else { line };
    line.split_ascii_whitespace()
}

impl Machine {
    fn parse(text: &str) -> Option<Self> {
        let (protocol, rest) = match text.split_once("://") {
            Some((protocol, rest)) => (Some(protocol.to_owned()), rest),
            None => (None, text),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // The colons of `[::1]` are not before a port.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let known = !host.is_empty();
        known.then(|| Self { protocol, host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }

    /// Whether it is for a URL, whatever its protocol.
    fn is_for(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
            && url.path().starts_with(&self.path)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(text: &str, url: &str) -> String {
        match AuthConf::parse(text).find(&Url::parse(url).unwrap()) {
            Found::Login(Login { user, password }) => format!("{user}:{password}"),
            Found::Withheld => "withheld".into(),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_login_is_found_by_host_port_and_path() {
        let text = "
            # machine example.org login commented password out
            machine example.org:8443/deb login ports
            password one
            machine example.org/debian/ login paths password two account x
            machine EXAMPLE.org login hosts password three
            machine [::1]:80 login six password four";
        for (url, login) in [
            ("https://example.org:8443/debian/dists", "ports:one"),
            ("https://example.org/debian/dists", "paths:two"),
            ("https://example.org:9/debian/dists", "paths:two"),
            ("https://example.org/debian", "hosts:three"),
            ("https://example.org/", "hosts:three"),
            ("https://sub.example.org/", "nothing"),
            ("https://example.org.evil.example/", "nothing"),
            ("https://[::1]:80/", "six:four"),
            ("https://[::1]/", "nothing"),
        ] {
            assert_eq!(find(text, url), login, "{url}");
        }
    }

    #[test]
    fn a_login_is_for_encrypted_connections_unless_it_says_otherwise() {
        for (machine, url, login) in [
            ("example.org", "http://example.org/", "withheld"),
            ("http://example.org", "http://example.org/", "me:secret"),
            ("http://example.org", "https://example.org/", "nothing"),
            ("https://example.org", "http://example.org/", "nothing"),
            ("https://example.org", "https://example.org/", "me:secret"),
        ] {
            let text = format!("machine {machine} login me password secret");
            assert_eq!(find(&text, url), login, "{machine} for {url}");
        }
    }

    #[test]
    fn the_default_of_a_netrc_is_nobody_s() {
        let text = "machine a.example login me password secret\ndefault login anonymous password guest";
        assert_eq!(find(text, "https://a.example/"), "me:secret");
        assert_eq!(find(text, "https://b.example/"), "nothing");
    }

    #[test]
    fn nothing_is_shown() {
        let shown = format!("{:?}", AuthConf::parse("machine example.org login jane password s3cret"));
        assert!(shown.contains("example.org") && !shown.contains("jane") && !shown.contains("s3cret"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((machine|login|password|default|http://|[a-z:/\\[\\]#.]{1,5}|\\PC)[ \n]?){0,20}") {
            let _ = AuthConf::parse(&text).find(&Url::parse("https://a/").unwrap());
        }
    }
}
