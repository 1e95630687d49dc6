//! Maintainer scripts, [policy §6], and what of them would matter to an image.
//!
//! An image is what an installation leaves on a system that had nothing before. So only those scripts count that
//! dpkg and debconf run then: `preinst install`, `config configure` and `postinst configure`, with no version
//! that was there before. `prerm` and `postrm` run when a package goes, and none goes.
//!
//! Triggers, [deb-triggers(5)], need no account of their own: one that is activated matters where another package
//! is interested in it, and all that dpkg does then is to run that package's `postinst triggered`. Who accounts
//! for a postinst accounts for its triggers, which are kept with it.
//!
//! Nothing here parses shell. A line is known, by itself, to do nothing on a fresh system, or it is not known;
//! a script with no line of the second kind is harmless. No line that is known begins something that the next
//! lines belong to, such as a here-document, but for `case`, whose parts are known one by one.
//!
//! [policy §6]: https://www.debian.org/doc/debian-policy/ch-maintainerscripts.html
//! [deb-triggers(5)]: https://manpages.debian.org/trixie/dpkg-dev/deb-triggers.5.en.html

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deb::ControlFiles;
use crate::digest::Sha256;

/// Lines that are shown of those that may do something.
const SHOWN_LINES: usize = 3;

/// Of a line that is shown, in characters.
const SHOWN_LENGTH: usize = 90;

/// The scripts that run at a first installation, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScriptName {
    /// Debconf's, [debconf-devel(7)].
    ///
    /// [debconf-devel(7)]: https://manpages.debian.org/trixie/debconf-doc/debconf-devel.7.en.html
    Config,
    Preinst,
    Postinst,
}

/// A script that may do something to a fresh system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintainerScript {
    pub name: ScriptName,
    /// Of the lines that may do something, so that it stays where a comment or debhelper's part changes; of the
    /// whole where it is no text.
    pub sha256: Sha256,
    /// How many of its lines are not known to do nothing; 0 where it is no text.
    pub lines: usize,
    /// The first of them.
    pub shown: Vec<String>,
    /// The triggers on which dpkg runs it again.
    pub triggers: Vec<String>,
}

impl ScriptName {
    const ALL: [Self; 3] = [Self::Config, Self::Preinst, Self::Postinst];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Preinst => "preinst",
            Self::Postinst => "postinst",
        }
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl MaintainerScript {
    /// The scripts of a package that are not harmless.
    #[must_use]
    pub fn of(control: &ControlFiles) -> Vec<Self> {
        let scripts = ScriptName::ALL.into_iter().filter_map(|name| {
            let script = Self::read(name, control.get(name.as_str())?)?;
            let triggers = match name {
                ScriptName::Postinst => control.get("triggers").map(|text| interests(text)),
                ScriptName::Config | ScriptName::Preinst => None,
            };
            Some(Self { triggers: triggers.unwrap_or_default(), ..script })
        });
        scripts.collect()
    }

    /// `None` where the script is harmless.
    fn read(name: ScriptName, script: &[u8]) -> Option<Self> {
        let found = |lines: &[&str], sha256| Self {
            name,
            sha256,
            lines: lines.len(),
            shown: lines.iter().take(SHOWN_LINES).map(|line| shown(line)).collect(),
            triggers: Vec::new(),
        };
        let Some(text) = std::str::from_utf8(script).ok().filter(|text| !text.contains('\0')) else {
            return Some(found(&[], Sha256::of(script)));
        };
        match unknown_lines(text).as_slice() {
            [] => None,
            lines => Some(found(lines, Sha256::of(lines.join("\n").as_bytes()))),
        }
    }
}

/// `postinst, 27 lines; also on the triggers update-ca-certificates`, and the lines below it.
impl fmt::Display for MaintainerScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lines {
            0 => write!(f, "{}, no text", self.name)?,
            1 => write!(f, "{}, 1 line", self.name)?,
            lines => write!(f, "{}, {lines} lines", self.name)?,
        }
        match self.triggers.as_slice() {
            [] => {}
            [trigger] => write!(f, "; also on the trigger {trigger}")?,
            triggers => write!(f, "; also on the triggers {}", triggers.join(", "))?,
        }
        self.shown.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
        if self.lines > self.shown.len() { f.write_str("\n  …") } else { Ok(()) }
    }
}

/// The triggers that the package is interested in.
fn interests(triggers: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(triggers);
    let interest = |line: &str| {
        let (directive, name) = line.split_once(char::is_whitespace)?;
        matches!(directive, "interest" | "interest-await" | "interest-noawait").then(|| shown(name))
    };
    text.lines().filter_map(interest).collect()
}

/// The lines of a script that are not known to do nothing; all of them where it is no shell script.
fn unknown_lines(script: &str) -> Vec<&str> {
    let is_shell = script.split('\n').next().is_some_and(is_shell);
    let mut helper = None;
    let mut complained = false;
    let mut unknown = Vec::new();
    for line in script.split('\n').map(|line| line.trim_matches([' ', '\t'])) {
        if let Some(name) = line.strip_prefix("# Automatically added by ") {
            helper = name.split('/').next();
        } else if line == "# End automatically added section" {
            helper = None;
        }
        let known = line.is_empty()
            || line.starts_with('#')
            || (is_shell
                && (does_nothing(line)
                    || does_nothing_new(line)
                    || helper.is_some_and(|helper| is_seen_to(helper, line))
                    || complains(line)
                    || (complained && line == "exit 1")));
        if !known {
            unknown.push(line);
        }
        complained = complains(line);
    }
    unknown
}

fn is_shell(first: &str) -> bool {
    let mut words = first.strip_prefix("#!").unwrap_or_default().split_whitespace();
    let shell = matches!(words.next(), Some("/bin/sh" | "/bin/dash" | "/bin/bash"));
    shell && words.all(|option| matches!(option, "-e" | "-eu" | "-u"))
}

/// Options of the shell, its end, and cases with nothing in them.
fn does_nothing(line: &str) -> bool {
    matches!(
        line,
        ":" | "true" | "exit 0" | "set -e" | "set -u" | "set -eu" | "case \"$1\" in" | ";;" | "esac"
    ) || line.strip_suffix(')').is_some_and(|pattern| pattern.split('|').all(|word| is_action(word.trim())))
}

/// What scripts are called with, [policy §6.5].
///
/// [policy §6.5]: https://www.debian.org/doc/debian-policy/ch-maintainerscripts.html#summary-of-ways-maintainer-scripts-are-called
fn is_action(word: &str) -> bool {
    let actions = ["install", "upgrade", "configure", "reconfigure", "triggered", "*"];
    actions.contains(&word)
        || matches!(word, "abort-install" | "abort-upgrade" | "abort-remove" | "abort-deconfigure")
}

/// What `dh_make`'s templates say of an action that is none; `exit 1` follows.
fn complains(line: &str) -> bool {
    let said = line.strip_prefix("echo \"").and_then(|rest| rest.strip_suffix("\" >&2"));
    said.and_then(|said| said.split_once(" called with unknown argument ")).is_some_and(
        |(script, argument)| {
            matches!(script, "config" | "preinst" | "postinst" | "$0")
                && matches!(argument, "\\`$1'" | "'$1'")
        },
    )
}

/// What [dpkg-maintscript-helper(1)] does, it does where an older version was there before.
///
/// [dpkg-maintscript-helper(1)]: https://manpages.debian.org/trixie/dpkg/dpkg-maintscript-helper.1.en.html
fn does_nothing_new(line: &str) -> bool {
    let arguments =
        line.strip_prefix("dpkg-maintscript-helper ").and_then(|rest| rest.strip_suffix(" -- \"$@\""));
    arguments.is_some_and(|arguments| {
        let verb = arguments.split(' ').next().unwrap_or_default();
        matches!(verb, "rm_conffile" | "mv_conffile" | "symlink_to_dir" | "dir_to_symlink")
            && !arguments.contains(['$', '`', ';', '&', '|', '<', '>', '(', ')', '#', '"', '\''])
    })
}

/// What debhelper's programs add, and an image has or needs not.
fn is_seen_to(helper: &str, line: &str) -> bool {
    match helper {
        // The loader finds libraries without its cache, which the step `ld-so-cache` writes.
        "dh_makeshlibs" => matches!(line, "if [ \"$1\" = \"configure\" ]; then" | "ldconfig" | "fi"),
        // Python compiles what it imports.
        "dh_python3" => {
            let compiles = |program: &str| {
                let arguments =
                    line.strip_prefix(program).map(|rest| rest.strip_suffix(" || true").unwrap_or(rest));
                arguments.is_some_and(|rest| {
                    rest.starts_with(" -p ") && !rest.contains(['$', '`', ';', '&', '|', '<', '>'])
                })
            };
            let asks = line.strip_prefix("if ").and_then(|rest| rest.strip_suffix(" >/dev/null 2>&1; then"));
            let asks = asks.is_some_and(|asks| {
                matches!(
                    asks,
                    "which py3compile"
                        | "which pypy3compile"
                        | "command -v py3compile"
                        | "command -v pypy3compile"
                )
            });
            line == "fi" || asks || compiles("py3compile") || compiles("pypy3compile")
        }
        _ => false,
    }
}

/// A line for people: one that writes nothing but itself to their terminal.
fn shown(line: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.trim().chars().map(plain).collect();
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(body: &str) -> Vec<String> {
        unknown_lines(&format!("#!/bin/sh\n{body}")).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_script_of_nothing_but_form_is_harmless() {
        let template = r#"
# postinst script for app
set -e

case "$1" in
    configure|reconfigure)
    ;;

    abort-upgrade|abort-remove|abort-deconfigure)
    ;;

    *)
        echo "postinst called with unknown argument \`$1'" >&2
        exit 1
    ;;
esac

exit 0
"#;
        assert_eq!(unknown(template), Vec::<String>::new());
        assert_eq!(MaintainerScript::read(ScriptName::Postinst, b"#! /bin/sh -e\n:\n"), None);
    }

    #[test]
    fn what_matters_to_upgrades_or_is_done_elsewhere_is_harmless() {
        let sections = r#"
# Automatically added by dh_installdeb/13.24.2
dpkg-maintscript-helper rm_conffile /etc/app.conf 1:4.7-2\~ -- "$@"
dpkg-maintscript-helper dir_to_symlink /usr/share/app/posix ../posix 2022g-1\~ app -- "$@"
# End automatically added section
# Automatically added by dh_makeshlibs/12
if [ "$1" = "configure" ]; then
	ldconfig
fi
# End automatically added section
# Automatically added by dh_python3
if command -v py3compile >/dev/null 2>&1; then
	py3compile -p app /usr/share/app -V 3.11-
fi
if command -v pypy3compile >/dev/null 2>&1; then
	pypy3compile -p app  || true
fi
# End automatically added section
"#;
        assert_eq!(unknown(sections), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_known_is_not_harmless() {
        for line in [
            "adduser --system app",
            "exit 1",
            "ldconfig",
            "exit 0; rm -rf /srv",
            "configure) adduser app ;;",
            "set -e; adduser app",
            "dpkg-maintscript-helper rm_conffile /etc/$(evil) 1 -- \"$@\"",
            "dpkg-maintscript-helper rm_conffile /etc/a 1 # -- \"$@\"",
            "dpkg-maintscript-helper supports rm_conffile",
            "echo \"postinst called with unknown argument `evil`\" >&2",
            "py3compile -p app",
            "cat <<EOF",
            "\u{a0}# no comment",
            "exit 0\r",
        ] {
            assert_eq!(unknown(&format!("{line}\n")), [line]);
        }
        let section = "# Automatically added by dh_installsystemd/13\nsystemctl daemon-reload\n\
                       # End automatically added section\n";
        assert_eq!(unknown(section), ["systemctl daemon-reload"]);
        let after =
            "# Automatically added by dh_makeshlibs/13\n# End automatically added section\nldconfig\n";
        assert_eq!(unknown(after), ["ldconfig"]);
        let python = "# Automatically added by dh_python3\npy3compile -p app; evil\n";
        assert_eq!(unknown(python), ["py3compile -p app; evil"]);
    }

    #[test]
    fn what_is_no_shell_script_is_not_harmless() {
        assert_eq!(unknown_lines("#!/usr/bin/perl\n# perl\nexit 0\n"), ["exit 0"]);
        assert_eq!(unknown_lines("exit 0\n"), ["exit 0"]);
        let program = MaintainerScript::read(ScriptName::Preinst, b"\x7fELF\0\xff").unwrap();
        assert_eq!(program.to_string(), "preinst, no text");
    }

    #[test]
    fn a_script_is_shown_by_its_first_lines_and_its_triggers() {
        let text = "#!/bin/sh\nset -e\na\tb \u{1b}[31m\nc\nd\ne\n";
        let script = MaintainerScript::read(ScriptName::Postinst, text.as_bytes()).unwrap();
        let triggers =
            b"# a comment\ninterest update-a\ninterest-noawait /usr/share/b\nactivate-noawait ldconfig\n";
        let script = MaintainerScript { triggers: interests(triggers), ..script };
        assert_eq!(
            script.to_string(),
            "postinst, 4 lines; also on the triggers update-a, /usr/share/b\n  a b  [31m\n  c\n  d\n  …"
        );
        let long =
            MaintainerScript::read(ScriptName::Config, format!("#!/bin/sh\n{}", "x".repeat(200)).as_bytes());
        assert_eq!(long.unwrap().to_string(), format!("config, 1 line\n  {}…", "x".repeat(90)));
    }
}
