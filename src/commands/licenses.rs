//! `distro licenses`: what has to be handed on with an image.

use distro::effects::builder::Target;
use distro::effects::definitions;
use distro::effects::licensing::CopyrightFiles;
use distro::image::built::BuiltImage;
use distro::license::Licenses;
use distro::license::notice::{Licensed, Notice, Notices};

use super::assembly::{Order, assemble};
use super::{Workspace, select_one};
use crate::cli::{LicensesArgs, NoticeFormat};
use crate::report::failure::Advice;
use crate::report::licenses::{self, Unread};

pub fn run(workspace: &Workspace, args: &LicensesArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let licenses = definitions::licenses(&workspace.places.catalog)?;
    let architecture = args.arch.clone().map_or_else(|| workspace.machine(), Ok)?;
    let image = select_one(&catalog, &args.image, &architecture)?;
    let order = Order {
        images: &[image.name.to_string()],
        release: None,
        architectures: &[architecture],
        network: &args.network,
        offline: args.offline,
        jobs: None,
    };
    assemble(workspace, &catalog, order, |assembly| {
        let files = CopyrightFiles::new(assembly.builder.layers.store, &licenses);
        for (target, built) in assembly.built {
            let notice = notice(&licenses, &files, target, built)?;
            match args.format {
                NoticeFormat::Json => anstream::println!("{}", serde_json::to_string_pretty(&notice)?),
                NoticeFormat::Text => {
                    let title = format!("Licenses of {} ({})", target.image.name, target.platform);
                    anstream::print!("{}", licenses::text(&title, &notice));
                }
            }
        }
        Ok(())
    })
}

fn notice(
    known: &Licenses,
    files: &CopyrightFiles<'_>,
    target: &Target<'_>,
    built: &BuiltImage,
) -> anyhow::Result<Notice> {
    let verdicts = files.of_image(target, built)?;
    let unreviewed = Unread::of(verdicts.values().filter_map(|verdict| verdict.as_ref().as_ref().err()));
    if !unreviewed.is_empty() {
        let error = anyhow::anyhow!("could not tell the licenses of {}: {unreviewed}", target.image.name);
        return Err(Advice::new(error, unreviewed.hint()).into());
    }
    let common = files.common_licenses(built)?;
    let mut notices = Notices::new(known, &common);
    for wanted in target.packages() {
        let (name, pin) = (wanted.name, wanted.pin);
        let (Some(Ok(licensing)), Some(copyright)) =
            (verdicts.get(name).map(AsRef::as_ref), built.copyright.get(name))
        else {
            continue;
        };
        notices.add(&Licensed {
            name: name.as_str(),
            version: pin.version.to_string(),
            source: Some(format!("{} {}", pin.source, pin.source_version)),
            licensing,
            copyright: &files.text(*copyright)?,
        });
    }
    for wanted in target.tarballs() {
        let definition = wanted.definition;
        let texts = files.texts_of(wanted.name, built)?;
        notices.add_upstream(&definition.software, &definition.version, &definition.license, texts);
    }
    Ok(notices.finish())
}
