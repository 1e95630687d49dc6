//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use distro::debian::{Architecture, PackageName, Subject};
use distro::digest::Sha256;
use distro::image::choice::Address;
use distro::image::shard::Shard;
use distro::image::tag_template::TagTemplate;
use distro::retention;
use url::Url;

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

#[derive(Debug, Args)]
pub struct LockArgs {
    /// Only these packages: `libssl3t64`, or all of a source package: `src:openssl` [default: all]
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<Subject>,
    /// Only packages of these images
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// Only these releases
    #[arg(long, value_name = "RELEASE")]
    pub release: Vec<String>,
    /// Only packages of which a security suite has a newer version
    #[arg(long)]
    pub security: bool,
    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write nothing; the exit code says whether the locks are up to date (0), stale (3) or renewable (4)
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
    /// Keep what is locked for architectures that cannot be renewed: a mirror in the middle of an update
    #[arg(long)]
    pub keep_going: bool,
    /// Make no lock: check that keys, InRelease files, indexes and packages still vouch for the one there is
    #[arg(long, conflicts_with_all = ["keep_going", "snapshot", "allow_expired"])]
    pub verify: bool,
    /// With --verify: every .deb has to be at hand too
    #[arg(long = "packages", requires = "verify")]
    pub verify_packages: bool,
    /// With --verify: only these architectures [default: all of the lock]
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',', requires = "verify")]
    pub verify_architectures: Vec<Architecture>,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct OutdatedArgs {
    /// Only packages of these images: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A lock, a directory of locks, a git revision, or an image with its tag [default: HEAD]
    #[arg(value_name = "OLD")]
    pub old: Option<String>,
    /// The same [default: the locks as they are here]
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,
    /// Of images: Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Of images: the directory of the OCI image layout [default: out]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Make no connection: images of registries are refused, and changelogs are read only from packages that the store
    /// has
    #[arg(long)]
    pub offline: bool,
    /// Speak to registries without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// How the archive is read when a lock is made.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Read the archive as the snapshot service has it at a time, as in 20261118T000000Z
    #[arg(long, value_name = "TIME")]
    pub snapshot: Option<String>,
    /// Accept a suite whose InRelease file is past its Valid-Until: a mirror that is frozen on purpose
    #[arg(long)]
    pub allow_expired: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Give up on a server that is silent for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u64,
    /// Try so often again after a failure that may pass
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub retries: u32,
    /// Trust the authorities of this file too, certificates in PEM, to know servers by
    #[arg(long, value_name = "FILE")]
    pub ca_certificates: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VendorArgs {
    /// The folder, which is made where there is none
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// Remove what an earlier run wrote and these images do not need
    #[arg(long)]
    pub prune: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Read every layer that the layout has, and write anew what is damaged
    #[arg(long)]
    pub check: bool,
    /// Renew the locks first
    #[arg(long, conflicts_with = "offline")]
    pub renew: bool,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Threads that convert packages [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Only one part of so many: `3/8`; the same on every machine with the same locks
    #[arg(long, value_name = "NUMBER/COUNT", conflicts_with = "renew")]
    pub shard: Option<Shard>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub archive: ArchiveArgs,
}

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The directories of the OCI image layouts
    #[arg(value_name = "DIR", required = true)]
    pub layouts: Vec<PathBuf>,
    /// The directory of the OCI image layout that they come into
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Test by these files, in place of those that the definitions name
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// The OCI runtime [default: crun, runc or youki, the first that is installed]
    #[arg(long, value_name = "PROGRAM")]
    pub runtime: Option<String>,
    /// Give up on a command that takes longer
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub timeout: std::num::NonZeroU64,
    /// Images that are tested at a time [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]; or images in registries:
    /// `docker://registry.example.org/base/cc-debian13:debug`
    #[arg(value_name = "IMAGE", conflicts_with_all = ["all", "layout", "sbom"])]
    pub images: Vec<String>,
    /// Every image of the catalog, as where none is named
    #[arg(long, conflicts_with_all = ["layout", "sbom"])]
    pub all: bool,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["layout", "sbom"])]
    pub release: Option<String>,
    /// Debian's name of an architecture, or `all` [default: those that were built]
    #[arg(long, value_name = "ARCH", value_delimiter = ',', conflicts_with_all = ["layout", "sbom"])]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout, with SBOMs
    #[arg(long, value_name = "DIR", default_value = "out", conflicts_with_all = ["layout", "sbom"])]
    pub out: PathBuf,
    /// All images of this layout, whichever catalog they are of
    #[arg(long, value_name = "DIR", conflicts_with = "sbom")]
    pub layout: Option<PathBuf>,
    /// Only these documents, SPDX 2.3 in JSON
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub sbom: Vec<PathBuf>,
    /// The policy [default: `policy.toml` beside the catalog]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Look at documents alone, and leave the layers unread
    #[arg(long)]
    pub no_layers: bool,
    /// Speak to registries without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    pub format: AuditFormat,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("signer").args(["key", "key_helper"])),
    group(ArgGroup::new("signing").args(["key", "key_helper", "form"]).multiple(true).requires("sign"))
)]
pub struct PushArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug`; and last the registry, with what the names of all
    /// repositories there begin with: `registry.example.org/base`
    #[arg(value_name = "IMAGE|REGISTRY/PREFIX", required = true)]
    operands: Vec<String>,
    /// All images that are built
    #[arg(long)]
    pub all: bool,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Tags that never move too, as Jinja: `{{ tag }}-{{ created | date }}` or `{{ tag }}-{{ digest | short }}`
    #[arg(long, value_name = "TEMPLATE")]
    pub tag_template: Vec<TagTemplate>,
    /// Sign the images first, as `distro sign` does, in the layout
    #[arg(long, requires = "signer")]
    pub sign: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Look for everything in the registry, also where tags say that it is there
    #[arg(long)]
    pub force: bool,
    /// Speak to the registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl PushArgs {
    /// The images, and where they go.
    pub fn operands(&self) -> (&[String], &str) {
        self.operands.split_last().map_or((&[], ""), |(destination, images)| (images, destination))
    }
}

/// Where an image comes from.
#[derive(Debug, Args)]
pub struct FromArgs {
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Make no connection: an image of a registry is refused
    #[arg(long)]
    pub offline: bool,
    /// Speak to a registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The file, or `-` for standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    #[arg(long, value_enum, default_value_t = ArchiveForm::Oci)]
    pub format: ArchiveForm,
    /// Debian's name of an architecture [default: all; with --format docker, this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Leave out SBOMs, signatures and attestations: some clients take no archive that has more than one image
    #[arg(long)]
    pub no_referrers: bool,
    /// What the image is called in the archive [default: as in the layout, or in its repository]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArchiveForm {
    Oci,
    Docker,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The program [default: the first that is installed]
    #[arg(long, value_enum)]
    pub with: Option<EngineName>,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// What the image is called there [default: as in the layout, or in its repository]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    Docker,
    Podman,
    Nerdctl,
}

#[derive(Debug, Args)]
pub struct UnpackArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag; of another layout, `oci:DIR:NAME`; or of a
    /// registry, `docker://registry.example.org/base/cc-debian13:debug`
    pub image: Address,
    /// The directory, which is made where there is none, and has to be empty
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Have all files be of whoever runs this, without setuid bits, capabilities and device nodes
    #[arg(long)]
    pub no_owner: bool,
    /// Put the files over what is in the directory
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub from: FromArgs,
}

#[derive(Debug, Args)]
pub struct UnpackLayerArgs {
    pub digest: Sha256,
    pub blob: PathBuf,
    pub directory: PathBuf,
}

#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag, and several with --out, --merge or --print-missing;
    /// or one of a registry, `docker://registry.example.org/base/cc-debian13:debug`
    #[arg(value_name = "IMAGE", required_unless_present = "all")]
    pub images: Vec<String>,
    /// Every image of the catalog
    #[arg(long, conflicts_with = "images")]
    pub all: bool,
    /// Debian's name of an architecture, or `all` [default: this machine's]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    #[arg(long, value_enum, default_value_t = SbomFormat::Spdx23)]
    pub format: SbomFormat,
    /// Name every file, with its digests
    #[arg(long)]
    pub files: bool,
    /// Write one document for all images, in which a package is once (SPDX 2.3)
    #[arg(long)]
    pub merge: bool,
    /// Print the fields that stay open, and who asks for them, in place of a document
    #[arg(long, conflicts_with_all = ["merge", "out", "files"])]
    pub print_missing: bool,
    /// Write a file for each image into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "merge")]
    pub out: Option<PathBuf>,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Speak to a registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SbomFormat {
    #[value(name = "spdx-2.3")]
    Spdx23,
    #[value(name = "spdx-3.0")]
    Spdx30,
    #[value(name = "cyclonedx-1.6")]
    CycloneDx16,
}

#[derive(Debug, Args)]
pub struct LicensesArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    #[arg(long, value_enum, default_value_t = NoticeFormat::Text)]
    pub format: NoticeFormat,
    /// Make no connection: everything must be in the store
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Where vulnerabilities are known.
#[derive(Debug, Args)]
pub struct TrackerArgs {
    /// The Debian security tracker's JSON: a file, a URL, or `debian` for its own server
    #[arg(long, value_name = "FILE|URL")]
    pub tracker: Option<String>,
    /// Make no connection: the tracker's data are those that an earlier run kept in the store
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct FindArgs {
    /// A package, `src:` and a source package, a package URL, a path, an SPDX licence id, or a CVE; globs too
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Only in these images: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// What the query is, where its shape does not tell
    #[arg(long, value_enum)]
    pub kind: Option<QueryKind>,
    /// Debian's name of an architecture [default: all]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

#[derive(Debug, Args)]
pub struct VexArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug`
    #[arg(value_name = "IMAGE", required_unless_present = "all")]
    pub images: Vec<String>,
    /// Every image of the catalog
    #[arg(long, conflicts_with = "images")]
    pub all: bool,
    /// Debian's name of an architecture, or `all` [default: this machine's; with --all, all]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Write a file for each image and architecture into this directory, instead of one to stdout
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Attach the documents to the images in the layout, in place of earlier ones: push and sign take them along
    #[arg(long)]
    pub attach: bool,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("signer").args(["key", "key_helper"]).required(true)))]
pub struct SignArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all that the layout has]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only images of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Where the images will be published, for clients that compare it with what is signed by `--form classic`
    #[arg(long, value_name = "REGISTRY/PREFIX")]
    pub destination: Option<String>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What signs, and for whom.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// The private key: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A command that signs, for a key that no program sees: PKCS #11, a cloud's KMS
    #[arg(long, value_name = "COMMAND", conflicts_with = "key", requires = "public_key")]
    pub key_helper: Option<String>,
    /// The public key of the helper: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY", requires = "key_helper")]
    pub public_key: Option<String>,
    /// What clients are to find: bundles as referrers (cosign 3), the tags of older ones (podman, skopeo), or both
    #[arg(long, value_enum, default_value_t = SignatureForm::Bundle)]
    pub form: SignatureForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignatureForm {
    Bundle,
    Classic,
    Both,
}

#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    pub command: Option<StoreCommand>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum StoreCommand {
    /// Read everything that the store holds, and remove what is damaged
    #[command(after_help = "\
Exit codes:
  0  all is whole
  1  an error
  3  something was damaged, and is removed; it is made anew when it is needed")]
    Verify,
}

#[derive(Debug, Args)]
pub struct GcArgs {
    /// What was not used for so long: `30d`, `2w`, `12h`
    #[arg(long, value_name = "AGE", value_parser = retention::parse_age)]
    pub older_than: Option<Duration>,
    /// What was not used for longest, until no more than this is left: `20GB`, `500MiB`
    #[arg(long, value_name = "SIZE", value_parser = retention::parse_size)]
    pub max_size: Option<u64>,
    /// Keep what the locks here name, and all that is made from it
    #[arg(long)]
    pub keep_locked: bool,
    /// Keep what the locks of another catalog name, which are beside it
    #[arg(long, value_name = "DIR", requires = "keep_locked")]
    pub keep_catalog: Vec<PathBuf>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Images of the layout (`cc`, `cc-debian13`, `cc-debian13:debug`), or of a registry
    /// (`registry.example.org/base/cc-debian13:debug`)
    #[arg(value_name = "IMAGE|REGISTRY/REF", required = true)]
    pub images: Vec<String>,
    /// The public key that has to have signed them: a file, or `env://VARIABLE`
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Build from the definitions and the lock that are here, in place of those that the images carry
    #[arg(long)]
    pub local: bool,
    /// Debian's name of an architecture [default: all that the images have]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<Architecture>,
    /// The directory of the OCI image layout
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,
    /// Fetch no packages: everything that a rebuild needs must be in the store
    #[arg(long)]
    pub offline: bool,
    /// Threads that convert packages [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Speak to the registry without encryption, as is done to one on this machine
    #[arg(long)]
    pub plain_http: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Images by name: `cc`, `cc-debian13` or `cc-debian13:debug` [default: all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct TreeArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The image: `cc-debian13:debug`; `latest` where it has no tag
    pub image: String,
    /// The package
    pub package: PackageName,
    /// Debian's name of an architecture [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architecture>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[arg(value_enum)]
    pub file: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Table,
    /// For the body of a pull request
    Markdown,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    Table,
    Json,
    /// For the code scanning of forges, SARIF 2.1.0
    Sarif,
    /// For the body of a pull request
    Markdown,
    /// A page of its own
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoticeFormat {
    /// For people, as it is handed on with an image
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Catalog,
    Family,
    Licenses,
    Lock,
    Policy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryKind {
    Package,
    Source,
    File,
    License,
    Vulnerability,
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
