//! A catalog that several machines build, each a part, and that is one layout in the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::layout::Layout;
use crate::workshop::Workshop;

/// All files of a layout, byte for byte.
fn bytes(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for folder in ["", "blobs/sha256", "sbom"] {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
                all.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

/// What a machine makes that has nothing but the catalog and its locks.
fn part(workshop: &Workshop, shard: &str, out: &str) -> Vec<String> {
    fs::remove_dir_all(workshop.world.path("store")).unwrap();
    workshop.world.distro(&["build", "--arch", "all", "--shard", shard, "--out", out]).success();
    Layout::read(&workshop.world.path(out)).names().into_iter().map(str::to_owned).collect()
}

#[test]
fn the_union_of_all_shards_is_what_one_build_makes() {
    let workshop = Workshop::new();
    workshop.lock();
    let parts = ["part-1", "part-2", "part-3"];
    let names: Vec<_> = ["1/3", "2/3", "3/3"]
        .into_iter()
        .zip(parts)
        .map(|(shard, out)| part(&workshop, shard, out))
        .collect();
    assert!(names.iter().all(|names| !names.is_empty()), "{names:?}");
    workshop.world.distro(&["build", "--arch", "all", "--out", "whole"]).success();
    let whole = Layout::read(&workshop.world.path("whole"));
    assert_eq!(names.iter().map(Vec::len).sum::<usize>(), whole.names().len());

    let merged = workshop.world.distro(&[&["merge", "--out", "merged"], &parts[..]].concat());
    merged.assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
     Merged 18 images of 3 layouts into merged
"#,
    );
    Layout::read(&workshop.world.path("merged"));
    assert_eq!(bytes(&workshop.world.path("merged")), bytes(&workshop.world.path("whole")));
    // Once more changes nothing, and parts come one by one too.
    for one in parts {
        workshop.world.distro(&["merge", one, "--out", "one-by-one"]).success();
        workshop.world.distro(&["merge", one, "--out", "merged"]).success();
    }
    assert_eq!(bytes(&workshop.world.path("one-by-one")), bytes(&workshop.world.path("whole")));
    assert_eq!(bytes(&workshop.world.path("merged")), bytes(&workshop.world.path("whole")));
}

#[test]
fn a_shard_without_images_is_an_empty_layout() {
    let workshop = Workshop::new();
    workshop.lock();
    workshop.build(&["cc", "--shard", "1/2", "--out", "one"]).success();
    workshop.build(&["cc", "--shard", "2/2", "--out", "none"]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
      Built nothing: there are fewer repositories of images than shards, and 2/2 has none
"#,
    );
    workshop.world.distro(&["merge", "none", "one"]).success();
    workshop.build(&["cc", "--out", "whole"]).success();
    assert_eq!(bytes(&workshop.world.path("out")), bytes(&workshop.world.path("whole")));
}

#[test]
fn a_shard_that_is_none_is_refused() {
    let workshop = Workshop::new();
    workshop.build(&["--shard", "4/3"]).assert_is(
        r#"
status: 2
----- stdout -----
----- stderr -----
error: invalid value '4/3' for '--shard <NUMBER/COUNT>': write which one, and of how many: `3/8`

For more information, try '--help'.
"#,
    );
    let said = workshop.build(&["--shard", "1/3", "--renew"]);
    let refused = "error: the argument '--shard <NUMBER/COUNT>' cannot be used with '--renew'";
    assert!(said.status == Some(2) && said.stderr.starts_with(refused), "{said}");
}

#[test]
fn layouts_that_do_not_fit_together_are_refused_and_nothing_is_changed() {
    let workshop = Workshop::new();
    workshop.lock().build(&["--out", "one"]).success();
    workshop.edit("base.toml", "For C++", "For programs in C++");
    workshop.lock().build(&["cc", "--out", "two"]).success();
    workshop.world.distro(&["merge", "one", "two"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: `one` and `two` have different images of the name `cc-debian13:debug`: build both from the same locks
"#,
    );
    workshop.world.distro(&["merge", "one", "nowhere"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: `nowhere` is not an OCI image layout
hint: name directories that `distro build` wrote
"#,
    );
    workshop.world.distro(&["merge", "one", "--out", "one"]).assert_is(
        r#"
status: 1
----- stdout -----
----- stderr -----
error: `one` cannot be merged into itself
hint: name another directory by `--out`
"#,
    );
    assert!(!workshop.world.path("out/index.json").exists());
    let whole = bytes(&workshop.world.path("one"));
    let damaged =
        whole.keys().find(|name| name.starts_with("blobs") && whole[*name].starts_with(b"\x1f\x8b"));
    fs::write(workshop.world.path("one").join(damaged.unwrap()), "rotten").unwrap();
    let said = workshop.world.distro(&["merge", "one"]);
    assert!(
        said.status == Some(1) && said.stderr.contains("is damaged in each layout that has it"),
        "{said}"
    );
    assert!(!workshop.world.path("out/index.json").exists());
}
