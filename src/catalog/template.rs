//! Values of definitions that are filled in: `{{ release.codename }}`, `{{ package("libc6").version }}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use toml::Spanned;

use super::name::{ImageName, ReleaseName};
use super::{Platform, Release};
use crate::debian::{Architecture, Version};
use crate::diagnostic::{Diagnostic, Location, Source};

/// A [Jinja] template that stands in a definition. Its syntax has been checked.
///
/// [Jinja]: https://docs.rs/minijinja/3/minijinja/syntax/
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    location: Location,
    /// What `{{ version }}` stands for, in the definition of an image with versions.
    version: Option<String>,
}

/// What templates can speak of.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    pub release: (&'a ReleaseName, &'a Release),
    /// `None` where a value is the same for all flavours.
    pub image: Option<&'a ImageName>,
    pub architecture: Option<(&'a Architecture, &'a Platform)>,
    /// `None` before there is a lock.
    pub held: Option<Held>,
    /// The environment variables set so far.
    pub environment: &'a BTreeMap<String, String>,
}

/// What an image holds as it is locked: name → version.
#[derive(Debug, Clone)]
pub struct Held {
    pub packages: BTreeMap<String, Version>,
    pub tarballs: BTreeMap<String, String>,
}

/// What templates of an upstream tarball can speak of.
#[derive(Debug, Clone)]
pub struct Upstream<'a> {
    pub version: &'a str,
    /// Debian's name and upstream's; `None` where a value is the same for all architectures.
    pub architecture: Option<(&'a Architecture, &'a str)>,
}

/// The words that templates of a kind can use.
pub trait Vocabulary {
    fn values(&self) -> Value;
    fn add_functions(&self, environment: &mut Environment<'_>);
    /// For people who used another word.
    fn known(&self) -> &'static str;
}

impl Template {
    pub fn new(source: &Arc<Source>, text: &Spanned<String>) -> Result<Self, Diagnostic> {
        let template =
            Self { text: text.get_ref().clone(), location: Location::of(source, text), version: None };
        Environment::new().template_from_str(&template.text).map_err(|error| template.diagnostic(&error))?;
        Ok(template)
    }

    /// The template as it stands in the definition of one version of an image; descendants of that image
    /// fill it in with the same version.
    #[must_use]
    pub fn of_version(self, version: Option<&str>) -> Self {
        Self { version: version.map(str::to_owned), ..self }
    }

    pub fn render(&self, scope: &impl Vocabulary) -> Result<String, Diagnostic> {
        if !self.text.contains("{{") && !self.text.contains("{%") {
            return Ok(self.text.clone());
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A text file ends in a newline, which Jinja would take away.
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|error| self.diagnostic(&error))?);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        scope.add_functions(&mut environment);
        environment
            .template_from_str(&self.text)
            .and_then(|template| template.render(self.values(scope)))
            .map_err(|error| match error.kind() {
                ErrorKind::UndefinedError | ErrorKind::UnknownFunction => {
                    self.diagnostic(&error).help(scope.known())
                }
                _ => self.diagnostic(&error),
            })
    }

    fn values(&self, scope: &impl Vocabulary) -> Value {
        match &self.version {
            Some(version) => context! { version, ..scope.values() },
            None => scope.values(),
        }
    }

    fn diagnostic(&self, error: &Error) -> Diagnostic {
        let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        self.location.error("this template cannot be filled in", message)
    }
}

impl Vocabulary for Scope<'_> {
    fn add_functions(&self, environment: &mut Environment<'_>) {
        let lacks = |what: &str, name: &str| {
            let detail = format!("the image does not hold the {what} `{name}`");
            Error::new(ErrorKind::InvalidOperation, detail)
        };
        if let Some(Held { packages, tarballs }) = self.held.clone() {
            environment.add_function("package", move |name: String| {
                let version = packages.get(&name).ok_or_else(|| lacks("package", &name))?;
                Ok(context! { name, version => version.as_str(), upstream => version.upstream() })
            });
            environment.add_function("tarball", move |name: String| {
                let version = tarballs.get(&name).ok_or_else(|| lacks("tarball", &name))?;
                Ok(context! { name, version })
            });
        }
    }

    fn known(&self) -> &'static str {
        "templates know release.{name, codename, version}, arch.{debian, os, architecture, variant}, \
         image.{family, tag}, environment.NAME, version in an image with versions and, outside `packages`, \
         package(\"name\").{version, upstream} and tarball(\"name\").version"
    }

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

impl Vocabulary for Upstream<'_> {
    fn values(&self) -> Value {
        let arch =
            self.architecture.map(|(debian, upstream)| context! { debian => debian.as_str(), upstream });
        context! { version => self.version, arch }
    }

    fn add_functions(&self, _: &mut Environment<'_>) {}

    fn known(&self) -> &'static str {
        match self.architecture {
            Some(_) => "templates know version and arch.{debian, upstream} here",
            None => "templates know version here, and no architecture: one file is for all of them",
        }
    }
}
