//! Values of definitions that are filled in: `{{ release.codename }}`, `{{ package("libc6").version }}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use toml::Spanned;

use super::diagnostic::{Diagnostic, Location, Source};
use super::name::{ImageName, ReleaseName};
use super::{Platform, Release};
use crate::debian::Architecture;

/// A [Jinja] template that stands in a definition. Its syntax has been checked.
///
/// [Jinja]: https://docs.rs/minijinja/3/minijinja/syntax/
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    location: Location,
}

/// What templates can speak of.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    pub release: (&'a ReleaseName, &'a Release),
    /// `None` where a value is the same for all flavours.
    pub image: Option<&'a ImageName>,
    pub architecture: Option<(&'a Architecture, &'a Platform)>,
    /// Locked packages of the image: name → version. `None` before there is a lock.
    pub packages: Option<BTreeMap<String, String>>,
    /// The environment variables set so far.
    pub environment: &'a BTreeMap<String, String>,
}

impl Template {
    pub fn new(source: &Arc<Source>, text: &Spanned<String>) -> Result<Self, Diagnostic> {
        let template = Self { text: text.get_ref().clone(), location: Location::of(source, text) };
        Environment::new().template_from_str(&template.text).map_err(|error| template.diagnostic(&error))?;
        Ok(template)
    }

    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    pub fn render(&self, scope: &Scope<'_>) -> Result<String, Diagnostic> {
        if !self.text.contains("{{") && !self.text.contains("{%") {
            return Ok(self.text.clone());
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        if let Some(packages) = scope.packages.clone() {
            environment.add_function("package", move |name: String| match packages.get(&name) {
                Some(version) => Ok(context! { name, version }),
                None => Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("the image does not hold the package `{name}`"),
                )),
            });
        }
        environment
            .template_from_str(&self.text)
            .and_then(|template| template.render(scope.values()))
            .map_err(|error| self.diagnostic(&error))
    }

    fn diagnostic(&self, error: &Error) -> Diagnostic {
        let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let diagnostic = self.location.error("this template cannot be filled in", message);
        match error.kind() {
            ErrorKind::UndefinedError | ErrorKind::UnknownFunction => diagnostic.help(
                "templates know release.{name, codename, version}, arch.{debian, os, architecture, variant}, \
                 image.{family, tag}, environment.NAME and, outside `packages`, package(\"name\").version",
            ),
            _ => diagnostic,
        }
    }
}

impl Scope<'_> {
    fn values(&self) -> Value {
        let arch = self.architecture.map(|(name, platform)| {
            context! {
                debian => name.as_str(),
                os => &platform.os,
                architecture => &platform.architecture,
                variant => platform.variant.as_deref().unwrap_or_default(),
            }
        });
        let image =
            self.image.map(|name| context! { family => name.family.as_str(), tag => name.tag.as_str() });
        let (name, Release { codename, version, .. }) = self.release;
        let release = context! { name => name.as_str(), codename, version };
        context! { release, arch, image, environment => self.environment }
    }
}
