//! `docs/images.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Row;

/// What the public collection says of its own images, and where.
const PUBLISHED: [(&str, &str, &str); 2] = [
    ("static-debian13:latest", "about 2 MiB", "its README"),
    ("base-debian13:latest", "24 MB unpacked, in 17 layers", "its image"),
];

const HEAD: &str = "\
# The images of the catalog

Written by `cargo bench --bench whole_catalog`, from what the locks of this repository build: the sizes are
those of amd64, in MiB, the layers of all its ancestors counted. The other architectures that have an image are
named beside it. Each image is there in four tags; `nonroot` weighs what `latest` does, and `debug-nonroot` what
`debug` does.

| image | compressed | unpacked | layers | packages | architectures |
|---|--:|--:|--:|--:|---|
";

pub fn of(rows: &[Row]) -> String {
    let mut architectures: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        architectures.entry(&row.image).or_default().insert(&row.architecture);
    }
    let mut text = HEAD.to_owned();
    let shown = |row: &&Row| row.architecture == "amd64" && !row.image.ends_with("nonroot");
    for row in rows.iter().filter(shown) {
        let Row { image, packages, layers, .. } = row;
        let (compressed, unpacked) = (mib(row.compressed), mib(row.unpacked));
        let architectures = architectures[image.as_str()].iter().copied().collect::<Vec<_>>().join(" ");
        writeln!(text, "| `{image}` | {compressed} | {unpacked} | {layers} | {packages} | {architectures} |")
            .unwrap();
    }
    text += "\n## Beside the public collection\n\n| image | here | published | by |\n|---|---|---|---|\n";
    for (image, published, by) in PUBLISHED {
        let row = rows.iter().find(|row| row.image == image && row.architecture == "amd64");
        let Some(Row { compressed, unpacked, layers, .. }) = row else { continue };
        let here = format!("{} MiB, {} MiB unpacked, in {layers} layers", mib(*compressed), mib(*unpacked));
        writeln!(text, "| `{image}` | {here} | {published} | {by} |").unwrap();
    }
    text
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
