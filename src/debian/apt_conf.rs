//! Settings of apt: `apt.conf` and the files of `apt.conf.d`, [apt.conf(5)].
//!
//! [apt.conf(5)]: https://manpages.debian.org/trixie/apt/apt.conf.5

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Settings by name. Not `Debug`, as a proxy's URL may have a password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AptConf {
    /// By names in lower case: `acquire::http::proxy`.
    values: BTreeMap<String, String>,
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

impl AptConf {
    /// Reads a file, whose settings take the place of those read before. What is no setting of a name to a
    /// value (an element of a list, a `#clear`) is passed over.
    pub fn read(&mut self, text: &str) {
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        for token in Tokens(text.chars().peekable()) {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => scopes.push(words.drain(..).next().unwrap_or_default()),
                Token::Close => {
                    self.set(&scopes, &mut words);
                    scopes.pop();
                }
                Token::End => self.set(&scopes, &mut words),
            }
        }
        self.set(&scopes, &mut words);
    }

    /// The value of a setting, whatever the case of its name: `Acquire::http::Proxy`. An empty one is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_ascii_lowercase()).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn set(&mut self, scopes: &[String], words: &mut Vec<String>) {
        if let [name, value] = words.as_mut_slice() {
            let mut path: Vec<&str> = scopes.iter().map(String::as_str).collect();
            path.push(name);
            self.values.insert(path.join("::").to_ascii_lowercase(), std::mem::take(value));
        }
        words.clear();
    }
}

struct Tokens<'a>(Peekable<Chars<'a>>);

impl Tokens<'_> {
    fn skip_line(&mut self) {
        while self.0.next_if(|c| *c != '\n').is_some() {}
    }

    /// What follows a `/*`.
    fn skip_comment(&mut self) {
        let mut before = ' ';
        for c in self.0.by_ref() {
            if (before, c) == ('*', '/') {
                return;
            }
            before = c;
        }
    }

    /// What follows a quotation mark; at the latest, the line ends it.
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.0.next_if(|c| *c != '\n') {
            if c == '"' {
                break;
            }
            text.push(c);
        }
        text
    }

    fn bare(&mut self, first: char) -> String {
        let mut text = String::from(first);
        let ends = |c: &char| c.is_whitespace() || "{};\"".contains(*c);
        while let Some(c) = self.0.next_if(|c| !ends(c)) {
            text.push(c);
        }
        text
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            return Some(match self.0.next()? {
                c if c.is_whitespace() => continue,
                '{' => Token::Open,
                '}' => Token::Close,
                ';' => Token::End,
                '"' => Token::Word(self.quoted()),
                '#' => {
                    self.skip_line();
                    continue;
                }
                '/' if self.0.next_if_eq(&'/').is_some() => {
                    self.skip_line();
                    continue;
                }
                '/' if self.0.next_if_eq(&'*').is_some() => {
                    self.skip_comment();
                    continue;
                }
                c => Token::Word(self.bare(c)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn conf(text: &str) -> AptConf {
        let mut conf = AptConf::default();
        conf.read(text);
        conf
    }

    #[test]
    fn settings_are_found_however_they_are_nested() {
        let conf = conf(
            r#"
// a comment "with"; signs
# another
#clear Acquire::Languages;
Acquire::http::Proxy "http://proxy.example:3128/"; /* and
a third; */
Acquire { Retries 3; https { Proxy { deb.example.org "DIRECT"; }; CAInfo "/etc/ca.pem"; }; };
Acquire::HTTP { proxy::mirror.example "http://other.example"; }
DPkg::Post-Invoke { "rm -f /var/cache/apt/*.bin || true"; };
Acquire::ftp::Proxy "";
APT::NeverAutoRemove
{
	"^firmware-linux.*";
	"^linux-firmware$"
}
APT::Last "one""#,
        );
        for (name, value) in [
            ("Acquire::http::Proxy", Some("http://proxy.example:3128/")),
            ("acquire::retries", Some("3")),
            ("Acquire::https::Proxy::deb.example.org", Some("DIRECT")),
            ("Acquire::https::CAInfo", Some("/etc/ca.pem")),
            ("Acquire::http::Proxy::mirror.example", Some("http://other.example")),
            ("Acquire::ftp::Proxy", None),
            ("APT::Last", Some("one")),
            ("Acquire", None),
        ] {
            assert_eq!(conf.get(name), value, "{name}");
        }
    }

    #[test]
    fn a_later_file_counts_more() {
        let mut conf = conf("Acquire::http::Proxy \"http://one.example\";");
        conf.read("acquire::HTTP::proxy \"http://two.example\";");
        assert_eq!(conf.get("Acquire::http::Proxy"), Some("http://two.example"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([{};\"/*#\n]|A::b|\\PC){0,40}") {
            let _ = conf(&text).get("A::b");
        }
    }
}
