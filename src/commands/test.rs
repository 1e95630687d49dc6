//! `distro test`: built images and what is expected of them → verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use distro::catalog::name::ReleaseName;
use distro::catalog::{Catalog, Image, Selection};
use distro::debian::Architecture;
use distro::diagnostic::Source;
use distro::effects::containers::{Containers, ContainersError, Options};
use distro::effects::layout::{LayoutError, LayoutReader};
use distro::effects::progress::Progress as _;
use distro::effects::tester::{Built, Target, Tester, TesterError};
use distro::effects::{definitions, files};
use distro::lock::Lock;
use distro::structure::{Outcome, TestFile, file};

use super::{Workspace, locked, select_some};
use crate::cli::{Format, TestArgs};
use crate::report::failure::{self, Advice};
use crate::report::progress::Bars;
use crate::report::test::{Tally, Tested};
use crate::report::{count, say, test, warn};

/// What a shell tells of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

pub fn run(workspace: &Workspace, args: &TestArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let catalog = workspace.catalog()?;
    let architectures = workspace.architectures(&args.selection.arch)?;
    let selection = Selection {
        images: &args.selection.images,
        release: args.selection.release.as_deref(),
        architectures: &architectures,
    };
    let selected = select_some(&catalog, &selection)?;
    let locks = locks(workspace, &selected)?;
    let selected = locked(&catalog, selected, locks.values(), &args.selection.images)?;
    let files = test_files(args, &selected)?;
    let layout = LayoutReader::open(&args.out)?;
    let built = built(args, &layout, &selected, &locks, &files)?;

    let threads = args.jobs.map_or(0, std::num::NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let tested = pool.install(|| test_all(workspace, args, &catalog, &layout, &built));
    let tested = match tested {
        Err(TesterError::Containers(error @ ContainersError::Interrupted)) => {
            failure::print(&error.into());
            return Ok(ExitCode::from(INTERRUPTED));
        }
        tested => tested.map_err(advise)?,
    };
    report(args, &tested, began.elapsed())
}

/// The locks of the images, where there are any: a test does without.
fn locks<'a>(
    workspace: &Workspace,
    selected: &[(&'a Image, Vec<Architecture>)],
) -> anyhow::Result<BTreeMap<&'a ReleaseName, Lock>> {
    let releases: BTreeSet<_> = selected.iter().map(|(image, _)| &image.name.release).collect();
    let mut locks = BTreeMap::new();
    for release in releases {
        if let Some(lock) = definitions::lock(&workspace.lock_directory(), release)? {
            locks.insert(release, lock);
        }
    }
    Ok(locks)
}

/// The files of tests that the images have, or those that are named in their place.
fn test_files(
    args: &TestArgs,
    selected: &[(&Image, Vec<Architecture>)],
) -> anyhow::Result<BTreeMap<PathBuf, TestFile>> {
    let of_images = || selected.iter().flat_map(|(image, _)| &image.tests).collect::<BTreeSet<_>>();
    let paths = if args.config.is_empty() { of_images() } else { args.config.iter().collect() };
    let read = |path: &PathBuf| {
        let source = Source::new(path.display().to_string(), files::read_text(path)?);
        Ok((path.clone(), file::parse(&source)?))
    };
    paths.into_iter().map(read).collect()
}

/// The images as the layout has them, with a word on those that it has from another lock.
fn built<'a>(
    args: &'a TestArgs,
    layout: &LayoutReader,
    selected: &'a [(&'a Image, Vec<Architecture>)],
    locks: &BTreeMap<&ReleaseName, Lock>,
    files: &'a BTreeMap<PathBuf, TestFile>,
) -> anyhow::Result<Vec<Built<'a>>> {
    let mut built = Vec::new();
    let mut outdated = Vec::new();
    for (image, architectures) in selected {
        let lock = locks.get(&image.name.release);
        let inherited = args.config.is_empty();
        let paths = if inherited { &image.tests } else { &args.config };
        for architecture in architectures {
            let files = paths.iter().filter_map(|path| files.get(path)).collect();
            let target = Target { image, architecture, files, inherited };
            let stored =
                layout.image(&target.reference()).map_err(|error| advise_to_build(error, &target))?;
            let differs =
                lock.and_then(|lock| lock.differs_from(&image.name, architecture, &stored.made_from));
            outdated.extend(differs.map(|differs| format!("{}: {differs}", target.reference())));
            built.push(Built { target, stored });
        }
    }
    if let Some(first) = outdated.first() {
        let images = count(outdated.len(), "image");
        warn(&format!("{images} not built from this lock; `distro build` does it\n  {first}"));
    }
    Ok(built)
}

fn test_all(
    workspace: &Workspace,
    args: &TestArgs,
    catalog: &Catalog,
    layout: &LayoutReader,
    images: &[Built<'_>],
) -> Result<Vec<Tested>, TesterError> {
    let runs_commands = |built: &&Built<'_>| built.target.files.iter().any(|file| !file.commands.is_empty());
    let architectures: BTreeSet<_> =
        images.iter().filter(runs_commands).map(|built| built.target.architecture.clone()).collect();
    let containers = match architectures.is_empty() {
        true => None,
        false => Some(Containers::open(Options {
            runtime: args.runtime.as_deref(),
            timeout: Duration::from_secs(args.timeout.get()),
            program: &workspace.host.program,
            directory: &args.out,
            machine: workspace.host.architecture.as_ref(),
            architectures,
        })?),
    };
    let tester = Tester::new(catalog, layout, containers.as_ref(), images)?;
    let bars = Bars::new();
    let testing = bars.count("Testing", images.len());
    let test = |built: &Built<'_>| {
        let began = Instant::now();
        let mut task = testing.begin(&built.target.reference(), None);
        let verdicts = tester.test(built)?;
        task.advance(1);
        Ok(Tested {
            image: built.target.image.name.to_string(),
            architecture: built.target.architecture.to_string(),
            verdicts,
            took: began.elapsed(),
        })
    };
    images.par_iter().map(test).collect()
}

fn advise_to_build(error: LayoutError, target: &Target<'_>) -> anyhow::Error {
    match error {
        LayoutError::NoImage { .. } => {
            let hint =
                format!("`distro build {} --arch {}` builds it", target.image.name, target.architecture);
            Advice::new(error, hint).into()
        }
        error => error.into(),
    }
}

fn advise(error: TesterError) -> anyhow::Error {
    let hint = match &error {
        TesterError::Containers(ContainersError::NoRuntime) => "apt-get install crun",
        TesterError::Containers(ContainersError::Runtime(..)) => {
            "name another by --runtime, or apt-get install crun"
        }
        TesterError::Containers(ContainersError::Program(..)) => "apt-get install util-linux",
        TesterError::Containers(ContainersError::Namespace(_)) => {
            "run as root; or apt-get install uidmap, and give the user ids in /etc/subuid and /etc/subgid"
        }
        _ => return error.into(),
    };
    Advice::new(error, hint).into()
}

fn report(args: &TestArgs, tested: &[Tested], took: Duration) -> anyhow::Result<ExitCode> {
    match args.format {
        Format::Table => anstream::print!("{}", test::text(tested)),
        Format::Json => anstream::println!("{}", serde_json::to_string_pretty(&test::json(tested))?),
    }
    if let Some(path) = &args.junit {
        files::write_atomically(path, test::junit(tested, took)?.as_bytes())?;
    }
    for (why, number) in skipped(tested) {
        warn(&format!("{} skipped: {why}", count(number, "test")));
    }
    let tally = Tally::of(tested.iter().flat_map(|tested| &tested.verdicts));
    let images = count(tested.len(), "image");
    let tests = format!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    say("Tested", &format!("{images}: {tests}"));
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why tests were skipped, and how many for each reason.
fn skipped(tested: &[Tested]) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for verdict in tested.iter().flat_map(|tested| &tested.verdicts) {
        if let Outcome::Skipped(why) = &verdict.outcome {
            *reasons.entry(why.as_str()).or_default() += 1;
        }
    }
    reasons
}
