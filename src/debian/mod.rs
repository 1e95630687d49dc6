//! Formats as Debian's manuals define them, one file each.

pub mod apt_conf;
pub mod archive_path;
pub mod auth_conf;
pub mod changelog;
pub mod compression;
pub mod control;
pub mod copyright;
pub mod deb;
pub mod maintainer_script;
pub mod name;
pub mod packages;
pub mod pattern;
pub mod preferences;
pub mod relation;
pub mod release;
pub mod signed;
pub mod sources_list;
pub mod version;

pub use apt_conf::AptConf;
pub use archive_path::{ArchivePath, InvalidArchivePath};
pub use auth_conf::{AuthConf, Login};
pub use changelog::{ChangelogEntry, Cve};
pub use compression::{Compression, UnpackError};
pub use maintainer_script::{MaintainerScript, ScriptName};
pub use name::{Architecture, InvalidName, PackageName};
pub use packages::{InvalidIndex, InvalidStanza, MultiArch, Package, PackagesIndex, Priority, Source};
pub use pattern::{InvalidPattern, PackagePattern};
pub use preferences::{Preference, Subject, VersionPattern};
pub use relation::{Alternative, Comparison, Constraint, InvalidRelation, Qualifier, Relation, Relations};
pub use release::{Checksum, IndexFile, InvalidRelease, Release};
pub use sources_list::{AptSource, SourceWarning, SourcesList};
pub use version::{InvalidVersion, Version};
