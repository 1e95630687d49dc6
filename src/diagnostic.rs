//! What is wrong with a text that a person wrote, shown where it stands.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde::de::DeserializeOwned;
use toml::Spanned;
use url::Url;

/// A text and the name under which people know it, its path as a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub path: String,
    pub text: String,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    source: Arc<Source>,
    span: Range<usize>,
}

/// What is wrong, where, and what would be right. Its [`Display`](fmt::Display) is the whole report with a
/// snippet of the text, in colours that `anstream` takes away where they cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    title: String,
    location: Location,
    label: String,
    /// Another place that has to do with it, and how.
    beside: Option<Box<(Location, String)>>,
    help: Option<String>,
}

impl Source {
    #[must_use]
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// The line of a byte, from 1.
    #[must_use]
    pub fn line(&self, byte: usize) -> usize {
        1 + self.text[..byte].matches('\n').count()
    }
}

/// Reads a TOML text into the type that describes its shape. A text with a login in it, be it in a comment, is refused:
/// definitions are attached to the images that are built from them.
pub fn parse<T: DeserializeOwned>(source: &Arc<Source>) -> Result<T, Diagnostic> {
    if let Some(login) = login(&source.text) {
        let hint = "put it into `auth.conf` of apt or into `~/.netrc`, and the URL here without it";
        let diagnostic = Location::at(source, login).error("a login stands in a URL", "anyone can read this");
        return Err(diagnostic.help(hint));
    }
    toml::from_str(&source.text).map_err(|error| {
        let location = Location { source: source.clone(), span: error.span().unwrap_or(0..0) };
        let message = error.message().trim();
        match unknown_name(message) {
            Some((what, found, expected)) => {
                let help = match nearest(found, expected.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("known here: {}", expected.join(", ")),
                };
                location.error(format!("unknown {what} `{found}`"), format!("unknown {what}")).help(help)
            }
            None => {
                let (title, rest) = message.split_once('\n').unwrap_or((message, ""));
                let (title, help) = reworded(title);
                let diagnostic = location.error(title, rest.replace('\n', ", "));
                Diagnostic { help: help.map(str::to_owned), ..diagnostic }
            }
        }
    })
}

/// What serde says of Rust's types, for people who write TOML; with a hint where there is one.
fn reworded(message: &str) -> (String, Option<&'static str>) {
    if let Some(key) = message.strip_prefix("missing field ") {
        return (format!("the key {key} is missing"), None);
    }
    if let Some(url) = message.strip_prefix("relative URL without a base: ") {
        return (format!("{url} is no URL"), Some("write it whole, as in `https://example.org/debian`"));
    }
    let help = match message.rsplit_once("expected ") {
        Some((_, "a sequence")) => Some("a list stands in brackets: `[\"one\", \"two\"]`"),
        Some((_, "a string")) => Some("a text stands in quotes: `\"text\"`"),
        _ => None,
    };
    (
        message
            .replace("expected a sequence", "expected a list")
            .replace("expected a map", "expected a table"),
        help,
    )
}

/// Takes apart serde's "unknown field `x`, expected one of `a`, `b`", which has no other form.
fn unknown_name(message: &str) -> Option<(&'static str, &str, Vec<&str>)> {
    let (what, rest) = match message.strip_prefix("unknown field ") {
        Some(rest) => ("key", rest),
        None => ("value", message.strip_prefix("unknown variant ")?),
    };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    Some((what, quoted.next()?, quoted.collect()))
}

/// The candidate that a person most likely meant, if one is near.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().min(candidate.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

impl Location {
    #[must_use]
    pub fn of<T>(source: &Arc<Source>, value: &Spanned<T>) -> Self {
        Self { source: source.clone(), span: value.span() }
    }

    /// A part of a text, by bytes; what lies beyond its end is cut off.
    #[must_use]
    pub fn at(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = source.text.len();
        Self { source: source.clone(), span: span.start.min(end)..span.end.min(end) }
    }

    /// The beginning of a text, for what is wrong with it as a whole.
    #[must_use]
    pub fn start(source: &Arc<Source>) -> Self {
        Self { source: source.clone(), span: 0..0 }
    }

    fn shown(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(&self.source.text).path(&self.source.path)
    }

    #[must_use]
    pub fn error(&self, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        let (title, label) = (title.into(), label.into());
        Diagnostic { title, location: self.clone(), label, beside: None, help: None }
    }

    /// Says that a value cannot be understood, and why if the error has a cause.
    #[must_use]
    pub fn invalid(&self, error: &dyn std::error::Error) -> Diagnostic {
        self.error(error.to_string(), error.source().map(ToString::to_string).unwrap_or_default())
    }

    /// Says that a name stands for nothing, and which one may have been meant.
    #[must_use]
    pub fn unknown<'a>(
        &self,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Diagnostic {
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        self.error(format!("unknown {what} `{name}`"), format!("there is no such {what}")).help(help)
    }
}

impl Diagnostic {
    /// Shows another place too.
    #[must_use]
    pub fn beside(self, location: Location, label: impl Into<String>) -> Self {
        Self { beside: Some(Box::new((location, label.into()))), ..self }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { source, span } = &self.location;
        let primary = AnnotationKind::Primary.span(span.clone());
        let primary = if self.label.is_empty() { primary } else { primary.label(&self.label) };
        let title = Level::ERROR.no_name().primary_title(&self.title);
        let mut report: Group<'_> = match self.beside.as_deref() {
            None => title.element(self.location.shown().annotation(primary)),
            Some((beside, label)) => {
                let context = AnnotationKind::Context.span(beside.span.clone()).label(label);
                match beside.source == *source {
                    true => title.element(self.location.shown().annotations([primary, context])),
                    false => title
                        .element(self.location.shown().annotation(primary))
                        .element(beside.shown().annotation(context)),
                }
            }
        };
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.with_name("hint").message(help));
        }
        f.write_str(&without_logins(&Renderer::styled().render(&[report])))
    }
}

impl std::error::Error for Diagnostic {}

/// A text with `*` for each character between the `://` and the `@` of a URL, so that nothing moves.
fn without_logins(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let (url, further) = after.split_at(after.find(ends_url).unwrap_or(after.len()));
        shown.extend([before, "://"]);
        match url.rsplit_once('@') {
            Some((login, place)) => {
                shown.extend(login.chars().map(|_| '*'));
                shown.extend(["@", place]);
            }
            None => shown.push_str(url),
        }
        rest = further;
    }
    shown + rest
}

/// The first login in a URL of a text. A name alone is one where it is told to a server of HTTP, as tokens are;
/// `ssh://git@example.org` has none.
fn login(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(colon, separator)| {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let begin = text[..colon].trim_end_matches(is_scheme).len();
        let authority = colon + separator.len();
        let end = text[authority..].find(ends_url).map_or(text.len(), |length| authority + length);
        let url = Url::parse(&text[begin..end]).ok()?;
        let has_token = ["http", "https"].contains(&url.scheme()) && !url.username().is_empty();
        let length = text[authority..end].split(['/', '?', '#']).next()?.rfind('@')?;
        (has_token || url.password().is_some()).then_some(authority..authority + length)
    })
}

/// Whether a character is of no URL, as texts write them.
fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_told_from_other_uses_of_its_sign() {
        for (text, found) in [
            ("url = \"https://me:s3cret@example.org/debian\"", Some("me:s3cret")),
            ("# once https://example.org, then http://t0ken@example.org:8080", Some("t0ken")),
            ("ftp://me:a@b@example.org/", Some("me:a@b")),
            ("source = 'ssh://git@example.org/images'", None),
            ("https://example.org/@scope/package", None),
            ("https://example.org/?to=me@example.org", None),
            ("https://example.org/v{{ version }}@x", None),
            ("é://a@b ://a:b@c", None),
        ] {
            assert_eq!(login(text).map(|span| &text[span]), found, "{text}");
        }
    }

    #[test]
    fn a_login_in_a_url_is_not_shown() {
        for (text, shown) in [
            ("no URL @ all", "no URL @ all"),
            ("a = \"http://me:s3/cr@t@host:x/y\" # me@home", "a = \"http://**********@host:x/y\" # me@home"),
            ("`http://é@a`, http://b c@d", "`http://*@a`, http://b c@d"),
            ("://", "://"),
        ] {
            assert_eq!(without_logins(text), shown);
        }
    }
}
