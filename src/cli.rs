//! The command line.

mod compliance;
mod images;
mod locks;
mod publishing;
mod sources;
mod store;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

pub use compliance::{
    AuditArgs, AuditFormat, FindArgs, LicensesArgs, NoticeFormat, QueryKind, SbomArgs, SbomFormat, VexArgs,
};
pub use images::{
    BuildArgs, ListArgs, MergeArgs, SchemaArgs, SchemaOf, SelectionArgs, TestArgs, TreeArgs, WhyArgs,
};
pub use locks::{DiffArgs, DiffFormat, LockArgs, OutdatedArgs, VendorArgs};
pub use publishing::{
    ArchiveForm, EngineName, ExportArgs, LoadArgs, PushArgs, SignArgs, SignatureForm, SigningArgs,
    UnpackArgs, UnpackLayerArgs, VerifyArgs,
};
pub use sources::{ArchiveArgs, FromArgs, NetworkArgs, TrackerArgs};
pub use store::{GcArgs, StoreArgs, StoreCommand};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Keeps an organisation's base images: definitions → a reviewed lock → deterministic OCI images, with an
/// SBOM each
#[derive(Debug, Parser)]
#[command(name = "distro", version, styles = STYLES, max_term_width = 110, after_help = "\
Examples:
  distro build --renew         lock and build every image for this machine
  distro lock                  renew the locks, to be reviewed and committed
  distro build cc --arch all   build the cc images as locked, for all architectures
  distro tree cc-debian13      what an image holds, and why")]
pub struct Cli {
    #[command(flatten)]
    pub places: Places,
    #[command(subcommand)]
    pub command: Command,
}

/// Where things are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Places")]
pub struct Places {
    /// The directory of catalog.toml and the family files
    #[arg(long, global = true, value_name = "DIR", default_value = "images")]
    pub catalog: PathBuf,
    /// The directory of the locks [default: `lock` beside the catalog]
    #[arg(long, global = true, value_name = "DIR")]
    pub lock_dir: Option<PathBuf>,
    /// The store of packages and layers [default: $XDG_CACHE_HOME/distro]
    #[arg(long, global = true, value_name = "DIR", env = "DISTRO_STORE")]
    pub store: Option<PathBuf>,
    /// A folder that `distro vendor` filled, which locked builds read before they ask any server
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR", env = "DISTRO_VENDOR")]
    pub vendor: Option<PathBuf>,
    /// A store that many machines share: `s3://bucket/prefix`, `gs://…`, `az://…`, `oci://registry/repository`,
    /// `file:///directory`, `https://…`; logins of clouds are read from their variables: `AWS_…`, `GOOGLE_…`, `AZURE_…`
    #[arg(long, global = true, hide_short_help = true, value_name = "URL", env = "DISTRO_REMOTE_STORE")]
    pub remote_store: Option<Url>,
    /// Add nothing to the remote store
    #[arg(long, global = true, hide_short_help = true, env = "DISTRO_REMOTE_STORE_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub remote_store_read_only: bool,
    /// Speak to the registry of the remote store without encryption, as is done to one on this machine
    #[arg(long, global = true, hide_short_help = true, env = "DISTRO_REMOTE_STORE_PLAIN_HTTP", value_parser = FalseyValueParser::new())]
    pub remote_store_plain_http: bool,
    /// Sign layers for the remote store by this private key, and take those that it signed: a file, or `env://VARIABLE`
    #[arg(long, global = true, hide_short_help = true, value_name = "KEY", env = "DISTRO_CACHE_KEY")]
    pub cache_key: Option<String>,
    /// Take layers of the remote store that this public key signed: a file, or `env://VARIABLE`
    #[arg(long, global = true, hide_short_help = true, value_name = "KEY", env = "DISTRO_CACHE_PUBLIC_KEY")]
    pub cache_public_key: Option<String>,
    /// The host's apt configuration: the mirrors that it uses, their logins and proxies
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR", default_value = "/etc/apt")]
    pub apt_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Resolve every image against the archive and write the locks
    ///
    /// Packages, --image and --security narrow what is renewed. What is not asked for stays at its locked
    /// version, unless a package that is renewed cannot be installed beside it.
    #[command(after_help = "\
Exit codes:
  0  done; with --check, the locks fit the definitions and are up to date
  1  an error
  3  with --check: a lock does not fit the definitions, or there is none
  4  with --check: the archive has something newer

Examples:
  distro lock                                every release
  distro lock --release debian13             one release
  distro lock libssl3t64 src:glibc           one package and all of a source, and what they force
  distro lock --security                     only what the security suites have newer versions of
  distro lock --image cc-debian13 --dry-run  what a renewal of one image's packages would change
  distro lock --check                        for CI: writes nothing, and says by its exit code
  distro lock --snapshot 20261118T000000Z    as the archive was at that time
  distro lock --verify                       check signatures and digests again, offline")]
    Lock(LockArgs),
    /// List the packages that a renewal of the locks would change
    #[command(after_help = "\
Examples:
  distro outdated
  distro outdated cc-debian13 --format json | jq '.[] | select(.security)'")]
    Outdated(OutdatedArgs),
    /// Show what differs between two states of the locks, and the CVEs that it fixes; or between two images
    ///
    /// A file or a directory is of locks; another name with a colon is an image, as no git revision has one; any other
    /// name is a git revision. Images are compared by configuration, packages, layers and files, but for times.
    #[command(after_help = "\
Examples:
  distro diff                            the locks here, against those of the last commit
  distro diff main                       against those of a branch
  distro diff v1.0 v1.1                  one revision against another
  distro diff old.lock new.lock          two files, or two directories
  distro diff main --format markdown     for the body of a pull request
  distro diff cc-debian13:latest cc-debian13:debug                 two images, down to their files
  distro diff oci:old:cc-debian13:debug oci:out:cc-debian13:debug  of two layouts
  distro diff docker://registry.example.org/base/cc-debian13:debug cc-debian13:debug
                                         what was published, against what was built since")]
    Diff(DiffArgs),
    /// Build images from the locks into an OCI image layout
    #[command(after_help = "\
Examples:
  distro build                        every image, for this machine's architecture
  distro build --renew                the same, with new locks
  distro build cc-debian13:debug      one image
  distro build cc static --arch all   two families, for all their architectures
  distro build --arch all --shard 1/8 an eighth of the catalog, for `distro merge`
  skopeo copy oci:out:cc-debian13:latest docker-daemon:cc:latest")]
    Build(BuildArgs),
    /// Make the layouts of several machines one
    ///
    /// The images of all layouts come into one, with their SBOMs and all that refers to them. What that one has under
    /// other names stays. Layouts that have different images of one name are refused.
    #[command(after_help = "\
Example, the parts of a catalog that three machines build:
  distro build --arch all --shard 1/3 --out part-1    on the first; 2/3 and 3/3 on the others
  distro merge part-1 part-2 part-3                   then, what one machine would have built")]
    Merge(MergeArgs),
    /// Hold built images against what is expected of them
    ///
    /// Each image is tested by the files that its definitions name, in the format of container-structure-test
    /// (YAML, `schemaVersion: 2.0.0`), and by checks that are built in. A command runs in a fresh container
    /// without a network, also where its architecture has to be emulated (qemu-user).
    #[command(after_help = "\
Exit codes:
  0  all tests passed
  1  a test failed, or an error

Examples:
  distro test                                every image, for this machine's architecture
  distro test cc-debian13:debug --arch arm64 one image, emulated where this machine is another
  distro test --junit tests.xml              for CI
  distro test my-app --config app.yaml       tests of one's own in place of those of the definitions")]
    Test(TestArgs),
    /// Hold images against a policy: what their SBOMs say, what their layers hold
    ///
    /// Each image is audited by its SBOM and its layers, which have to agree to the last file. What an
    /// organisation asks besides stands in `policy.toml` beside `catalog.toml`: licences, packages, fields of SBOMs,
    /// shells, users, ages, ends of support, vulnerabilities; and what it waives, why, and until when. What cannot be
    /// told for want of data is a finding. Vulnerabilities are looked for where --tracker names the Debian security
    /// tracker's data. No connection is made but to a tracker or a registry that is named.
    #[command(after_help = "\
Exit codes:
  0  nothing worse than a note
  1  an error: the audit was not made
  3  findings that no waiver covers

Examples:
  distro audit                                 every image of the catalog that was built
  distro audit cc java21 --arch amd64          two families, one architecture
  distro audit --tracker debian                and vulnerabilities, by the tracker's own server
  distro audit --format html > audit.html      for whoever asks; also markdown, sarif, json
  distro audit --layout theirs --policy ours.toml   a layout that somebody else built
  distro audit docker://registry.example.org/base/cc-debian13:debug
  distro audit --sbom received/*.spdx.json     documents alone")]
    Audit(AuditArgs),
    /// Write all that locked builds need into a folder
    ///
    /// The signed files that vouch for packages and their sources are among it, for `distro lock --verify`. Source
    /// packages themselves are not: no build reads them.
    #[command(after_help = "\
Examples:
  distro vendor vendor --arch all           every image, for all architectures
  distro vendor vendor cc --prune           one family, and nothing else
  distro build --offline --vendor vendor    build from it, without a connection")]
    Vendor(VendorArgs),
    /// Send built images to a registry, with all their tags and what refers to them
    ///
    /// Each image goes to the repository of its name, below the prefix: `cc-debian13:debug` becomes
    /// `registry.example.org/base/cc-debian13:debug`, and `…:debug-amd64` for each architecture. What the registry has
    /// is not sent again, and tags are set when all else is there. Logins are those of docker and podman.
    #[command(
        override_usage = "distro push [OPTIONS] [IMAGE]... <REGISTRY/PREFIX>",
        after_help = "\
Examples:
  distro push --all registry.example.org/base                   all images that are built
  distro push cc static-debian13:debug registry.example.org     some
  distro push --all --dry-run registry.example.org/base         say what would be sent
  distro push --all --sign --key distro.key registry.example.org/base
                                                                signed first, as by `distro sign`
  distro push --all localhost:5000                              on this machine, unencrypted
  distro push --all --tag-template '{{ tag }}-{{ created | date }}' registry.example.org/base
                                                                and tags that stay: debug-20261121"
    )]
    Push(PushArgs),
    /// Write an image into one file: an OCI archive, or one for `docker load`
    ///
    /// An OCI archive has the image with all its architectures, or one, and what refers to it: SBOMs, signatures.
    /// `--format docker` is for one architecture, and has what `docker load`, `podman load`, `nerdctl load` and `skopeo
    /// copy docker-archive:` read, of before OCI and after. The same image makes the same bytes.
    #[command(after_help = "\
Examples:
  distro export cc-debian13:debug -o cc.oci.tar        skopeo copy oci-archive:cc.oci.tar …
  distro export cc --no-referrers -o cc.oci.tar        podman load -i cc.oci.tar
  distro export cc --arch arm64 --format docker -o cc.tar
  distro export cc --format docker -o - | ssh host docker load
  distro export oci:theirs:app --name app:1 -o app.tar   of another layout, under another name
  distro export docker://registry.example.org/base/cc-debian13:debug -o cc.oci.tar")]
    Export(ExportArgs),
    /// Load an image into docker, podman or nerdctl
    ///
    /// Prints the names that the image has there. As all of them load one architecture, this machine's is taken where
    /// no other is asked for.
    #[command(after_help = "\
Examples:
  distro load cc-debian13:debug
  distro load java21 --with podman --name java:test
  distro load docker://registry.example.org/base/cc-debian13:debug
  docker run --rm \"$(distro load cc-debian13:debug)\"")]
    Load(LoadArgs),
    /// Unpack the files of an image into a directory
    ///
    /// Files have the owners, modes, times and capabilities of the image, for which one has to be root. No symbolic
    /// link of an image leads out of the directory. Of an image in a registry, what the store has is not fetched.
    #[command(after_help = "\
Examples:
  distro unpack cc-debian13:debug root
  distro unpack cc --arch arm64 --no-owner root     as another user than root
  distro unpack oci:theirs:app root                 an image of another layout
  distro unpack docker://registry.example.org/base/cc-debian13:debug root
                                                    of a registry")]
    Unpack(UnpackArgs),
    /// Unpack one layer, for `distro test`, which runs this inside a user namespace
    #[command(hide = true)]
    UnpackLayer(UnpackLayerArgs),
    /// Print the SBOM of an image, made from the lock as `distro build` makes it
    ///
    /// Of an image in a registry, the SBOM is printed that was published with it, as it is; `distro verify` tells
    /// whether it is true.
    #[command(after_help = "\
Exit codes:
  0  done; with --print-missing, every field that somebody asks for is there
  1  an error; with --print-missing, a field is missing

Examples:
  distro sbom cc-debian13:debug --arch arm64 > cc.spdx.json
  distro sbom cc --format spdx-3.0 --files --out sboms    a file for each image of a family
  distro sbom --all --merge > catalog.spdx.json           one document for the whole catalog
  distro sbom --all --print-missing                       what nobody could fill in
  distro sbom docker://registry.example.org/base/cc-debian13:debug --arch amd64
                                                          what was published with an image")]
    Sbom(SbomArgs),
    /// Print what an image's packages may be used under, and all licence texts, once each
    ///
    /// Works from the lock and the store, as `distro build` does. A text that nobody has reviewed is an error that
    /// says how to review it.
    #[command(after_help = "\
Examples:
  distro licenses java21-debian13 > NOTICE
  distro licenses cc --arch arm64 --format json | jq -r '.packages[] | .name + \": \" + .license'")]
    Licenses(LicensesArgs),
    /// Tell which images hold a package, a file, a licence or a vulnerability
    ///
    /// Packages and vulnerabilities are looked up in the locks, files in the layers that the store has, licences in
    /// the SBOMs of built images. What could not be looked into is named.
    #[command(after_help = "\
Exit codes:
  0  found; a vulnerability: an image has it
  1  an error
  3  not found
  4  not found, but some images could not be looked into

Examples:
  distro find libssl3t64                    the images that hold a package
  distro find 'libssl3t64 (<< 3.5.4)'       older than a version, as Debian writes dependencies
  distro find src:glibc                     all of a source package, also built into others
  distro find '/usr/lib/**/libcrypto.so.*'  a file
  distro find GPL-3.0-only                  a licence
  distro find CVE-2025-9230 --tracker debian")]
    Find(FindArgs),
    /// Write what is known of the vulnerabilities of built images, as OpenVEX
    ///
    /// What the Debian security tracker says counts, and before it the statements of the catalog (`[[vex]]`).
    #[command(after_help = "\
Examples:
  distro vex cc-debian13:debug --tracker debian     print the document of one image
  distro vex --all --tracker tracker.json --to vex  a file for each image and architecture
  distro vex --all --tracker debian --attach        documents that `distro push` sends too
  grype registry.example/cc-debian13:debug --vex vex/cc-debian13_debug-amd64.openvex.json")]
    Vex(VexArgs),
    /// Sign built images, and what is said of them
    ///
    /// Each manifest and index of the images gets a signature, and signed attestations of its provenance and SBOMs,
    /// in the layout, from where `distro push` takes them along. Cosign verifies them by the public key
    /// (`--insecure-ignore-tlog`, as nothing is told to a public log). What the key has signed is not signed again.
    #[command(after_help = "\
Keys are ECDSA on P-256 or Ed25519, in PKCS #8 (PEM) or as cosign encrypts them, with the password
in COSIGN_PASSWORD:
  cosign generate-key-pair
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out distro.key
  openssl pkey -in distro.key -pubout -out distro.pub

A key helper is a command for sh(1) that reads what is to be signed on its standard input and
writes the signature to its standard output: for P-256 one of the SHA-256 of its input, in DER or as
two numbers of 32 bytes (PKCS #11), for Ed25519 one of the input itself; as bytes, or in base64.

Examples:
  distro sign --key distro.key                           every image of the layout
  distro sign cc --key env://SIGNING_KEY --form both     one family, also for cosign before 3
  distro sign --public-key kms.pub --key-helper 'openssl dgst -sha256 -binary |
    aws kms sign --key-id alias/images --signing-algorithm ECDSA_SHA_256 --message-type DIGEST \\
      --message fileb:///dev/stdin --output text --query Signature'")]
    Sign(SignArgs),
    /// Show what the store holds, and what of it the locks here name
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "\
Examples:
  distro store
  distro store verify      read everything, and remove what is damaged
  distro gc --keep-locked  remove what no lock names"
    )]
    Store(StoreArgs),
    /// Remove what is not needed from the store
    ///
    /// What older versions of this program kept always goes. Of all else, what was not used for long, or longest, goes
    /// by --older-than and --max-size. With --keep-locked, what the locks here name stays, and without another rule
    /// nothing else does. Waits for the runs that use the store.
    #[command(after_help = "\
Examples:
  distro gc --older-than 30d                  what nobody used for 30 days
  distro gc --keep-locked                     all that building the locks here does not need
  distro gc --keep-locked --keep-catalog ../other/images --older-than 7d
  distro gc --max-size 20GB --dry-run         what would go to make room")]
    Gc(GcArgs),
    /// Build published images again, and compare them to the last byte
    ///
    /// Images come from the layout or from a registry, each with what is attached to it: its provenance names the lock
    /// and the definitions that it was built from, which go with it, so nothing else is needed but packages. Where the
    /// image is not what a rebuild gives, each part that differs is told, and the likely cause. SBOMs have to be those
    /// of the rebuild and to tell of each file of the image. With a key, it has to have signed all that.
    #[command(after_help = "\
Exit codes:
  0  the images hold
  1  an error: they could not be verified
  3  they do not hold

Examples:
  distro verify registry.example.org/base/cc-debian13:debug --key distro.pub
  distro verify cc-debian13 --arch amd64               of the layout, one architecture
  distro verify cc --local                             against the definitions and lock here
  distro verify localhost:5000/cc-debian13 --format json | jq '.[].findings'")]
    Verify(VerifyArgs),
    /// List the images of the catalog
    #[command(
        visible_alias = "ls",
        after_help = "\
Example:
  distro list --format json | jq -r '.[].image'"
    )]
    List(ListArgs),
    /// Show what an image holds, and why
    #[command(after_help = "\
Example:
  distro tree base-debian13 --arch arm64")]
    Tree(TreeArgs),
    /// Tell why an image holds a package: every way that leads to it
    #[command(after_help = "\
Example:
  distro why cc-debian13:debug libc6 --arch arm64")]
    Why(WhyArgs),
    /// Tell why an image does not hold a package
    #[command(after_help = "\
Example:
  distro why-not base-debian13 debconf")]
    WhyNot(WhyArgs),
    /// Print the JSON Schema of a file that people or `distro lock` write
    #[command(after_help = "\
Example:
  distro schema catalog > schemas/catalog.json")]
    Schema(SchemaArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn help_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_fit_a_line() {
        let mut commands = vec![Cli::command()];
        let mut wide = Vec::new();
        while let Some(command) = commands.pop() {
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            wide.extend(examples.lines().filter(|line| line.chars().count() > 100).map(str::to_owned));
            commands.extend(command.get_subcommands().cloned());
        }
        assert_eq!(wide, [""; 0]);
    }
}
