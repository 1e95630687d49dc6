//! A new release is one table in catalog.toml: Debian testing, as it is today.

use std::path::Path;

use super::{KEPT, distro, live, rows, settle};
use crate::run::World;

/// Signed by the keys of the two releases before it.
const FORKY: &str = r#"
[release.debian14]
codename = "forky"
version = "14"
architectures = ["amd64"]
sources = [{ archive = "debian", suites = ["forky"] }]
keys = [
  "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
  "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
  "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
  "4D64FEC119C2029067D6E791F8D2585B8783D481",
]
"#;

#[test]
fn a_new_release_is_one_table() {
    live(); // for its hold on the store
    let world = World::new();
    settle(&world, &Path::new(KEPT).join("store"));
    let catalog = world.read("images/catalog.toml");
    world.catalog("catalog.toml", &(catalog + FORKY));
    // Mirrors may keep a testing suite past its Valid-Until.
    distro(&world, &["lock", "--release", "debian14", "--allow-expired"]).success();
    let build =
        ["build", "--release", "debian14", "--arch", "all", "--format", "json", "static", "base", "cc"];
    let built = rows(&distro(&world, &build).success());
    assert_eq!(built.len(), 12, "{built:#?}");
    let tree = distro(&world, &["tree", "cc-debian14", "--arch", "amd64"]).success().stdout;
    assert!(tree.starts_with("cc-debian14:latest (amd64)\n") && tree.contains("libstdc++6 "), "{tree}");
}
