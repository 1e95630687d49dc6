//! `distro licenses`: what has to be handed on with an image.

use distro::effects::builder::Target;
use distro::image::built::{BuiltImage, Verdicts};
use distro::license::notice::{Licensed, Notice, Notices};

use super::assembly::{Assembly, Order, assemble};
use super::{Workspace, select_one};
use crate::cli::{LicensesArgs, NoticeFormat};
use crate::report::failure::Advice;
use crate::report::licenses::{self, Unread};

pub fn run(workspace: &Workspace, args: &LicensesArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
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
        for ((target, built), verdicts) in assembly.built.iter().zip(assembly.verdicts) {
            let notice = notice(assembly, target, built, verdicts)?;
            match args.format {
                NoticeFormat::Json => anstream::println!("{}", serde_json::to_string_pretty(&notice)?),
                NoticeFormat::Text => {
                    let title =
                        format!("Licences of {} ({})", target.locked.image.name, target.locked.platform());
                    anstream::print!("{}", licenses::text(&title, &notice));
                }
            }
        }
        Ok(())
    })
}

fn notice(
    assembly: &Assembly<'_>,
    target: &Target<'_>,
    built: &BuiltImage,
    verdicts: &Verdicts,
) -> anyhow::Result<Notice> {
    let unreviewed = Unread::of([verdicts]);
    if !unreviewed.is_empty() {
        let error =
            anyhow::anyhow!("could not tell the licences of {}: {unreviewed}", target.locked.image.name);
        return Err(Advice::new(error, unreviewed.hint()).into());
    }
    let files = assembly.copyright;
    let common = files.common_licenses(built)?;
    let mut notices = Notices::new(files.licenses, &common);
    for wanted in target.packages() {
        let (name, pin) = (wanted.name, wanted.pin);
        let (Some(Ok(licensing)), Some(copyright)) =
            (verdicts.packages.get(name).map(AsRef::as_ref), built.copyright.get(name))
        else {
            continue;
        };
        notices.add(&Licensed {
            name: name.as_str(),
            version: pin.version.to_string(),
            source: Some(pin.built_from().to_string()),
            licensing,
            copyright: &files.text(*copyright)?,
        });
    }
    for wanted in target.tarballs() {
        let (name, definition) = (wanted.name, wanted.definition);
        if let Some(licensing) = verdicts.tarballs.get(name) {
            let texts = files.texts_of(name, built)?;
            notices.add_upstream(&definition.software, &definition.version, licensing, texts);
        }
    }
    Ok(notices.finish())
}
