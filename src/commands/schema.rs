//! `distro schema`: the JSON Schemas of definitions, policies and locks.

use distro::audit::PolicyFile;
use distro::catalog::file::{CatalogFile, FamilyFile};
use distro::license::file::LicensesFile;
use distro::lock::LockFile;

use crate::cli::{SchemaArgs, SchemaOf};

pub fn run(args: &SchemaArgs) -> anyhow::Result<()> {
    let schema = match args.file {
        SchemaOf::Catalog => schemars::schema_for!(CatalogFile),
        SchemaOf::Family => schemars::schema_for!(FamilyFile),
        SchemaOf::Policy => schemars::schema_for!(PolicyFile),
        SchemaOf::Licenses => schemars::schema_for!(LicensesFile),
        SchemaOf::Lock => schemars::schema_for!(LockFile),
    };
    anstream::println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
