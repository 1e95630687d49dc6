//! Structure tests run on the images of a layout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;

use super::containers::{Containers, ContainersError, Ended};
use super::layout::{LayoutError, LayoutReader, StoredImage};
use crate::catalog::{Catalog, Image};
use crate::debian::Architecture;
use crate::digest::Sha256;
use crate::generate::GenerateError;
use crate::structure::baseline::{ACCOUNT_FILES, Subject};
use crate::structure::judge::reason;
use crate::structure::process::{Configuration, Identity, Process, expand};
use crate::structure::{
    CommandTest, FileContentTest, Finding, LicenseTest, MetadataTest, Outcome, TestFile, Verdict,
};
use crate::tree::{ImagePath, Listing, Stack};

/// Where verdicts come from that no file asks for.
const BUILT_IN: &str = "built in";

/// Where the verdict on metadata comes from that several files speak of.
const DEFINITIONS: &str = "definitions";

#[derive(Debug, thiserror::Error)]
pub enum TesterError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Containers(#[from] ContainersError),
    #[error(transparent)]
    Generate(#[from] GenerateError),
}

/// An image of one architecture, and the files that test it.
pub struct Target<'a> {
    pub image: &'a Image,
    pub architecture: &'a Architecture,
    pub files: Vec<&'a TestFile>,
    /// Whether a file is a word of the image's definitions: then what the nearest one says of metadata counts, and not
    /// what its ancestors say.
    pub inherited: bool,
}

/// An image as the layout has it.
pub struct Built<'a> {
    pub target: Target<'a>,
    pub stored: StoredImage,
}

pub struct Tester<'a> {
    catalog: &'a Catalog,
    layout: &'a LayoutReader,
    /// `None` where no test runs a command.
    containers: Option<&'a Containers>,
    listings: BTreeMap<Sha256, Listing>,
}

impl Target<'_> {
    /// As the layout names it: `cc-debian13:debug-amd64`.
    #[must_use]
    pub fn reference(&self) -> String {
        self.image.name.on(self.architecture)
    }
}

impl<'a> Tester<'a> {
    /// Reads what the layers of the images hold.
    pub fn new(
        catalog: &'a Catalog,
        layout: &'a LayoutReader,
        containers: Option<&'a Containers>,
        images: &[Built<'_>],
    ) -> Result<Self, TesterError> {
        let digests: BTreeSet<_> = images.iter().flat_map(|built| &built.stored.layers).copied().collect();
        let listings = digests
            .into_par_iter()
            .map(|digest| Ok((digest, layout.layer(digest)?.listing())))
            .collect::<Result<_, LayoutError>>()?;
        Ok(Self { catalog, layout, containers, listings })
    }

    /// Runs all tests of an image, in the order of their kinds and files.
    ///
    /// # Errors
    /// Where an image cannot be read, or no container can be run at all. A test that does not hold is a verdict.
    pub fn test(&self, Built { target, stored }: &Built<'_>) -> Result<Vec<Verdict>, TesterError> {
        let stack = Stack::new(stored.layers.iter().filter_map(|digest| self.listings.get(digest)));
        let config = Configuration::from(&stored.configuration);
        let mut account_files = BTreeMap::new();
        for path in ACCOUNT_FILES {
            if let Ok(text) = self.content(stored, &stack, path)? {
                account_files.insert(path, text);
            }
        }
        let run = Run {
            tester: self,
            target,
            stored,
            stack: &stack,
            config: &config,
            account_files: &account_files,
        };
        run.all()
    }

    /// The text of a file, or why there is none.
    fn content(
        &self,
        stored: &StoredImage,
        stack: &Stack<'_>,
        path: &str,
    ) -> Result<Result<String, String>, LayoutError> {
        let found = ImagePath::parse(path).map_err(|error| error.to_string());
        let found = found.and_then(|path| stack.resolve(&path).map_err(|error| reason(&error)));
        let found = match found {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let tree = self.layout.layer(stored.layers[found.layer])?;
        let content = tree.file(&found.listed.path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(content.ok_or_else(|| format!("`{}` is a directory", found.listed.path)))
    }
}

/// The tests of one image on their way.
struct Run<'a> {
    tester: &'a Tester<'a>,
    target: &'a Target<'a>,
    stored: &'a StoredImage,
    stack: &'a Stack<'a>,
    config: &'a Configuration,
    account_files: &'a BTreeMap<&'static str, String>,
}

impl Run<'_> {
    fn all(&self) -> Result<Vec<Verdict>, TesterError> {
        let mut verdicts = self.baseline()?;
        for file in &self.target.files {
            for test in &file.existence {
                let judge = || Ok(test.judge(self.stack, &self.config.environment).into());
                verdicts.push(verdict(&file.path, &test.name, judge)?);
            }
            for test in &file.contents {
                verdicts.push(verdict(&file.path, &test.name, || self.content(test))?);
            }
            for test in &file.licenses {
                verdicts.push(verdict(&file.path, "licences", || self.licenses(test))?);
            }
        }
        verdicts.extend(self.metadata());
        for file in &self.target.files {
            for test in &file.commands {
                verdicts.push(verdict(&file.path, &test.name, || self.command(file, test))?);
            }
        }
        Ok(verdicts)
    }

    fn baseline(&self) -> Result<Vec<Verdict>, TesterError> {
        let began = Instant::now();
        let subject = Subject {
            image: self.target.image,
            accounts: &self.tester.catalog.accounts,
            stack: self.stack,
            made_from: &self.stored.made_from,
            config: self.config,
            account_files: self.account_files,
        };
        let checks = subject.judge()?;
        let took = began.elapsed() / u32::try_from(checks.len()).unwrap_or(1).max(1);
        let verdict = |(name, outcome): (&str, _)| Verdict {
            source: BUILT_IN.into(),
            name: name.into(),
            outcome,
            took,
        };
        Ok(checks.into_iter().map(verdict).collect())
    }

    fn content(&self, test: &FileContentTest) -> Result<Outcome, TesterError> {
        let path = expand(&test.path, &self.config.environment);
        Ok(match self.tester.content(self.stored, self.stack, &path)? {
            Ok(content) => test.judge(&content).into(),
            Err(why) => unreadable(&path, why),
        })
    }

    fn licenses(&self, test: &LicenseTest) -> Result<Outcome, TesterError> {
        let mut findings = Vec::new();
        for path in test.paths(self.stack) {
            match self.tester.content(self.stored, self.stack, &path)? {
                Ok(content) => findings.extend(LicenseTest::judge(&path, &content)),
                Err(why) => findings.push(Finding::new(format!("`{path}` can be read"), why)),
            }
        }
        Ok(findings.into())
    }

    fn metadata(&self) -> Vec<Verdict> {
        let tests =
            self.target.files.iter().filter_map(|file| Some((file.path.as_str(), file.metadata.clone()?)));
        let tests: Vec<(&str, MetadataTest)> = match self.target.inherited {
            true => tests
                .reduce(|(_, far), (_, near)| (DEFINITIONS, far.overridden_by(near)))
                .into_iter()
                .collect(),
            false => tests.collect(),
        };
        let judged = tests.into_iter().map(|(source, test)| {
            let began = Instant::now();
            let outcome = test.judge(self.config).into();
            Verdict { source: source.to_owned(), name: "metadata".into(), outcome, took: began.elapsed() }
        });
        judged.collect()
    }

    fn command(&self, file: &TestFile, test: &CommandTest) -> Result<Outcome, TesterError> {
        let Some(containers) = self.tester.containers else {
            return Ok(Outcome::Skipped("there are no containers".to_owned()));
        };
        if let Some(obstacle) = containers.obstacle(self.target.architecture) {
            return Ok(Outcome::Skipped(obstacle.to_owned()));
        }
        let user = file.options.user.as_deref().unwrap_or(&self.config.user);
        let [passwd, group] =
            ACCOUNT_FILES.map(|path| self.account_files.get(path).map_or("", String::as_str));
        let identity = match Identity::new(user, passwd, group) {
            Ok(identity) => identity,
            Err(error) => return Ok(not_started(error.to_string())),
        };
        if !containers.has_user(identity.uid) {
            let uid = identity.uid;
            return Ok(Outcome::Skipped(format!(
                "the user id {uid} is none of those that subuid(5) lends: run as root"
            )));
        }
        let mut environment = self.config.environment.clone();
        for (name, value) in file.environment.iter().chain(&test.environment) {
            environment.insert(name.clone(), expand(value, &self.config.environment));
        }
        let process = |arguments: Vec<String>| Process {
            arguments,
            environment: environment.clone(),
            working_directory: &self.config.working_directory,
            identity: &identity,
            options: &file.options,
        };
        let setup: Vec<_> = test.setup.iter().cloned().map(process).collect();
        let command = test.command.iter().map(|word| expand(word, &environment)).collect();
        let layers = self.stored.layers.iter().map(|digest| (*digest, self.tester.layout.blob(*digest)));
        let layers: Vec<(Sha256, PathBuf)> = layers.collect();
        Ok(match containers.run(&layers, &setup, &process(command))? {
            Ended::Ran(ran) => test.judge(&ran).into(),
            Ended::TimedOut => {
                vec![Finding::new("the command ends", "it was killed when its time was over")].into()
            }
            Ended::NotStarted(why) => not_started(why),
        })
    }
}

fn not_started(why: String) -> Outcome {
    vec![Finding::new("the command starts", why)].into()
}

fn unreadable(path: &str, why: String) -> Outcome {
    vec![Finding::new(format!("`{path}` can be read"), why)].into()
}

fn verdict(
    source: &str,
    name: &str,
    judge: impl FnOnce() -> Result<Outcome, TesterError>,
) -> Result<Verdict, TesterError> {
    let began = Instant::now();
    let outcome = judge()?;
    Ok(Verdict { source: source.to_owned(), name: name.to_owned(), outcome, took: began.elapsed() })
}
