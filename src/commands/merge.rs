//! `distro merge`: the layouts of several machines → one.

use std::path::PathBuf;

use distro::effects::files;
use distro::effects::layout::{LayoutDirectory, LayoutReader};

use crate::cli::MergeArgs;
use crate::report::failure::Advice;
use crate::report::{count, say};

pub fn run(args: &MergeArgs) -> anyhow::Result<()> {
    let open = |path: &PathBuf| {
        if files::is_same(path, &args.out) {
            let error = anyhow::anyhow!("`{}` cannot be merged into itself", path.display());
            return Err(Advice::new(error, "name another directory by `--out`").into());
        }
        let reader = LayoutReader::open(path)?;
        if reader.is_there() {
            return Ok(reader);
        }
        let error = anyhow::anyhow!("`{}` is not an OCI image layout", path.display());
        Err(Advice::new(error, "name directories that `distro build` wrote").into())
    };
    let layouts = args.layouts.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let images = layouts.iter().map(|layout| layout.manifests().count()).sum();
    LayoutDirectory::open(&args.out)?.take_in(&layouts)?;
    let (images, layouts) = (count(images, "image"), count(layouts.len(), "layout"));
    say("Merged", &format!("{images} of {layouts} into {}", args.out.display()));
    Ok(())
}
