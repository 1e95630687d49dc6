//! Tags that never move: `{{ tag }}-{{ created | date }}`.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use super::reference::{InvalidReference, Tag};
use super::shipment::Shipment;

/// A [Jinja] template of a tag. Its syntax has been checked.
///
/// [Jinja]: https://docs.rs/minijinja/3/minijinja/syntax/
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagTemplate(String);

#[derive(Debug, thiserror::Error)]
pub enum TagTemplateError {
    #[error(
        "the tag template `{text}` cannot be filled in: {why}; it knows image.{{family, release, tag}}, tag, created, \
         digest, and the filters date and short"
    )]
    Template { text: String, why: String },
    #[error("the tag template `{text}` makes no tag for {image}")]
    Tag { text: String, image: String, source: InvalidReference },
}

impl FromStr for TagTemplate {
    type Err = TagTemplateError;

    fn from_str(text: &str) -> Result<Self, TagTemplateError> {
        let template = Self(text.to_owned());
        environment().template_from_str(text).map_err(|error| template.failed(&error))?;
        Ok(template)
    }
}

impl TagTemplate {
    /// The tag of an image.
    pub fn render(&self, shipment: &Shipment<'_>) -> Result<Tag, TagTemplateError> {
        let Shipment { name, created, index, .. } = shipment;
        let values = context! {
            image => context! {
                family => name.family.as_str(),
                release => name.release.as_str(),
                tag => name.tag.as_str(),
            },
            tag => name.tag.as_str(),
            created => created.map(|time| time.to_string()),
            digest => index.digest.to_string(),
        };
        let text = environment()
            .template_from_str(&self.0)
            .and_then(|template| template.render(values))
            .map_err(|error| self.failed(&error))?;
        text.parse().map_err(|source| TagTemplateError::Tag {
            text: self.0.clone(),
            image: name.to_string(),
            source,
        })
    }

    fn failed(&self, error: &Error) -> TagTemplateError {
        let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        TagTemplateError::Template { text: self.0.clone(), why }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("date", date);
    environment.add_filter("short", |digest: String| digest.chars().take(12).collect::<String>());
    environment
}

/// A time as `20261121`, or by another [format].
///
/// [format]: https://docs.rs/jiff/0.2/jiff/fmt/strtime/index.html#conversion-specifications
fn date(time: String, format: Option<String>) -> Result<String, Error> {
    let invalid = |why: String| Error::new(ErrorKind::InvalidOperation, why);
    let time: Timestamp = time.parse().map_err(|_| invalid(format!("`{time}` is no time")))?;
    strtime::format(format.as_deref().unwrap_or("%Y%m%d"), time).map_err(|error| invalid(error.to_string()))
}
