//! The schemas in `schemas/`, by which editors complete and check what people write.

use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use crate::desk::{BASE, CATALOG, Desk};
use crate::run::World;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a directory of the repository with an extension; none where there is no directory.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(directory)).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// Of which a file is: `catalog`, `family`, `licenses`, `lock` or `policy`.
fn kind(path: &Path) -> &'static str {
    match (path.extension(), path.file_stem()) {
        (Some(extension), _) if extension == "lock" => "lock",
        (_, Some(stem)) if stem == "catalog" => "catalog",
        (_, Some(stem)) if stem == "licenses" => "licenses",
        (_, Some(stem)) if stem == "policy" => "policy",
        _ => "family",
    }
}

struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn of(kind: &str) -> Self {
        let text = fs::read_to_string(repository().join(format!("schemas/{kind}.json"))).unwrap();
        let url = format!("https://schemas.example/{kind}.json");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(&url, serde_json::from_str(&text).unwrap()).unwrap();
        let index = compiler.compile(&url, &mut schemas).unwrap();
        Self(schemas, index)
    }

    fn check(&self, toml: &str) -> Result<(), String> {
        let value: Value = toml::from_str(toml).unwrap();
        self.0.validate(&value, self.1).map_err(|error| error.to_string())
    }
}

#[test]
fn the_schemas_of_the_repository_are_those_of_the_program() {
    for kind in ["catalog", "family", "licenses", "lock", "policy"] {
        let printed = World::new().distro(&["schema", kind]).success();
        let path = format!("schemas/{kind}.json");
        let kept = fs::read_to_string(repository().join(&path)).unwrap_or_default();
        assert!(kept == printed.stdout, "{path} is out of date: distro schema {kind} > {path}");
    }
}

#[test]
fn every_definition_and_lock_of_the_repository_fits_its_schema_and_names_it() {
    let definitions = files("images", "toml");
    assert!(definitions.iter().any(|path| kind(path) == "catalog"), "{definitions:?}");
    assert!(definitions.iter().any(|path| kind(path) == "family"), "{definitions:?}");
    let examples = files("docs/own-catalog/images", "toml");
    assert_eq!(examples.len(), 2, "{examples:?}");
    for path in definitions.into_iter().chain(examples).chain(files("lock", "lock")) {
        let (text, kind) = (fs::read_to_string(&path).unwrap(), kind(&path));
        let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap_or_default();
        let named = path.parent().unwrap().join(named).canonicalize().unwrap_or_default();
        let schema = repository().join(format!("schemas/{kind}.json"));
        assert_eq!(named, schema, "{} does not name its schema", path.display());
        Schema::of(kind).check(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn the_program_s_own_tables_of_licenses_fit_their_schema() {
    let (tables, schema) = (files("src/license", "toml"), Schema::of("licenses"));
    assert_eq!(tables.len(), 3, "{tables:?}");
    for path in tables {
        let text = fs::read_to_string(&path).unwrap();
        schema.check(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    schema.check("[[text]]\nsha256 = \"\"\n").unwrap_err();
    schema.check("[[licence]]\n").unwrap_err();
}

#[test]
fn a_new_lock_fits_its_schema() {
    let desk = Desk::new().locked();
    Schema::of("lock").check(&desk.world.read("lock/debian13.lock")).unwrap();
}

#[test]
fn a_schema_refuses_what_the_program_refuses() {
    let (catalog, family) = (Schema::of("catalog"), Schema::of("family"));
    catalog.check(CATALOG).unwrap();
    family.check(BASE).unwrap();
    for (from, to) in
        [("gid = 0\nhome", "gid = \"0\"\nhome"), ("codename", "code-name"), ("name = ", "nmae = ")]
    {
        catalog.check(&CATALOG.replacen(from, to, 1)).unwrap_err();
    }
    for (from, to) in [("packages", "packges"), ("[\"libc6\"]", "\"libc6\""), ("description", "#")] {
        family.check(&BASE.replacen(from, to, 1)).unwrap_err();
    }
    family.check("[image.one]\ndescription = \"One\"\ngenerate = [\"acounts\"]\n").unwrap_err();
}
