//! `distro sbom`: what images are made of, in the formats that auditors and scanners read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use distro::catalog::{Catalog, Image};
use distro::debian::Architecture;
use distro::effects::files;
use distro::effects::pull::Attached;
use distro::sbom::{Files, Format, Missing, Subject, merged, missing};

use super::assembly::{Assembly, Order, assemble};
use super::choice::Images;
use super::{Workspace, select_one};
use crate::cli::{SbomArgs, SbomFormat};
use crate::report::failure::Advice;
use crate::report::table::table;
use crate::report::warn;

/// What becomes of the documents.
enum Purpose<'a> {
    Print(&'a str),
    Write(&'a Path),
    Merge,
    TellMissing,
}

pub fn run(workspace: &Workspace, args: &SbomArgs) -> anyhow::Result<ExitCode> {
    if let Some(image) = args.images.iter().find(|image| image.starts_with("docker://")) {
        return published(workspace, args, image);
    }
    let catalog = workspace.catalog()?;
    let architectures = workspace.architectures(&args.arch)?;
    let purpose = purpose(args)?;
    let images = match purpose {
        Purpose::Print(image) => vec![one(&catalog, image, &architectures)?.name.to_string()],
        Purpose::Write(_) | Purpose::Merge | Purpose::TellMissing => args.images.clone(),
    };
    let order = Order {
        images: &images,
        release: None,
        architectures: &architectures,
        network: &args.network,
        offline: args.offline,
        jobs: None,
    };
    let files = if args.files { Files::Listed } else { Files::Unlisted };
    let format = Format::from(args.format);
    let mut code = ExitCode::SUCCESS;
    assemble(workspace, &catalog, order, |assembly| {
        let subjects = subjects(assembly);
        match purpose {
            Purpose::Print(_) => {
                subjects.iter().for_each(|subject| anstream::print!("{}", format.render(subject, files)));
            }
            Purpose::Write(directory) => {
                for subject in &subjects {
                    let path = directory.join(format.file_name(&subject.reference()));
                    files::write_atomically(&path, format.render(subject, files).as_bytes())?;
                }
            }
            Purpose::Merge => anstream::print!("{}", merged(&subjects, files).unwrap_or_default()),
            Purpose::TellMissing => code = tell_missing(&subjects),
        }
        Ok(())
    })?;
    Ok(code)
}

/// Prints the SBOM that is attached to an image in a registry, as it is.
fn published(workspace: &Workspace, args: &SbomArgs, image: &str) -> anyhow::Result<ExitCode> {
    if args.images.len() > 1 || args.merge || args.print_missing || args.files || args.out.is_some() {
        let error =
            anyhow::anyhow!("`{image}` is in a registry, from where an SBOM is printed as it was published");
        let hint = "name that image alone, with no options but --arch and --format";
        return Err(Advice::new(error, hint).into());
    }
    let wanted = match args.arch.as_slice() {
        [] => workspace.wanted(None)?,
        [architecture] if *architecture != Architecture::all() => workspace.wanted(Some(architecture))?,
        _ => return Err(of_one_architecture("name one by `--arch`")),
    };
    let images = Images {
        workspace,
        out: Path::new("out"),
        offline: args.offline,
        plain_http: args.plain_http,
        network: &args.network,
    };
    let media_type = Format::from(args.format).media_type();
    let Attached { text, artifact, among } = images.attached(&image.parse()?, &wanted, media_type)?;
    if among > 1 {
        warn(&format!(
            "{among} SBOMs of the type `{media_type}` are attached to `{image}`: this is the first that the registry \
             lists, `docker://{artifact}`; `distro verify` tells which of them a rebuild gives"
        ));
    }
    anstream::print!("{}", String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}

fn of_one_architecture(hint: &'static str) -> anyhow::Error {
    Advice::new(anyhow::anyhow!("an SBOM is of one architecture"), hint).into()
}

fn purpose(args: &SbomArgs) -> anyhow::Result<Purpose<'_>> {
    match (&args.out, args.images.as_slice()) {
        _ if args.merge && args.format != SbomFormat::Spdx23 => {
            let error = anyhow::anyhow!("only documents of SPDX 2.3 are merged");
            Err(Advice::new(error, "leave out `--format`, or write a file for each image by `--out`").into())
        }
        _ if args.merge => Ok(Purpose::Merge),
        _ if args.print_missing => Ok(Purpose::TellMissing),
        (Some(directory), _) => Ok(Purpose::Write(directory)),
        (None, [image]) => Ok(Purpose::Print(image)),
        (None, _) => {
            let error = anyhow::anyhow!("an SBOM is of one image, and these are several");
            let hint = "write a file for each by `--out DIR`, or one for all by `--merge`";
            Err(Advice::new(error, hint).into())
        }
    }
}

fn one<'a>(catalog: &'a Catalog, image: &str, architectures: &[Architecture]) -> anyhow::Result<&'a Image> {
    match architectures {
        [architecture] => select_one(catalog, image, architecture),
        _ => Err(of_one_architecture("name one by `--arch`, or write a file for each by `--out DIR`")),
    }
}

fn subjects<'a>(assembly: &'a Assembly<'_>) -> Vec<Subject<'a>> {
    let built = assembly.built.iter().zip(assembly.verdicts);
    built.map(|((target, built), verdicts)| Subject::of(target.locked, built, verdicts)).collect()
}

/// Elements that lack the same in several images are told once.
fn tell_missing(subjects: &[Subject<'_>]) -> ExitCode {
    let mut holders: BTreeMap<Missing, usize> = BTreeMap::new();
    for found in subjects.iter().flat_map(missing) {
        *holders.entry(found).or_default() += 1;
    }
    if holders.is_empty() {
        return ExitCode::SUCCESS;
    }
    let rows = holders.into_iter().map(|(Missing { element, field, wanted_by }, images)| {
        [element, field.to_owned(), wanted_by.to_owned(), images.to_string()]
    });
    anstream::print!("{}", table(["ELEMENT", "MISSING", "WANTED BY", "IMAGES"], &[3], rows));
    ExitCode::FAILURE
}

impl From<SbomFormat> for Format {
    fn from(format: SbomFormat) -> Self {
        match format {
            SbomFormat::Spdx23 => Self::Spdx23,
            SbomFormat::Spdx30 => Self::Spdx30,
            SbomFormat::CycloneDx16 => Self::CycloneDx16,
        }
    }
}
