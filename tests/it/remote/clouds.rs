//! A store that many machines share, in a bucket of a cloud: of servers that others wrote, and of ones that refuse.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{Fleet, OURS, READER};
use crate::daemon::Daemon;
use crate::desk::assert_refused;
use crate::run::{Said, World};
use crate::server::{Fault, Response, Server};
use crate::validators::validator;

/// The account of every emulator of Azure, and its key, which is no secret.
/// <https://learn.microsoft.com/en-us/azure/storage/common/storage-connect-azurite#well-known-storage-account-and-key>
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

#[derive(Debug, Clone, Copy)]
enum Cloud {
    S3,
    Google,
    Azure,
}

const CLOUDS: [Cloud; 3] = [Cloud::S3, Cloud::Google, Cloud::Azure];

impl Cloud {
    fn url(self, bucket: &str) -> String {
        let scheme = match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        };
        format!("{scheme}://{bucket}/some/cache")
    }

    /// What people set who have a login and use an endpoint of their own.
    fn environment(self, world: &World, endpoint: &str) -> BTreeMap<&'static str, String> {
        let variables = match self {
            Self::S3 => [
                ("AWS_ACCESS_KEY_ID", "test".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
                ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ],
            Self::Google => [
                ("GOOGLE_APPLICATION_CREDENTIALS", service_account(world)),
                ("GOOGLE_BASE_URL", endpoint.to_owned()),
                ("GCE_METADATA_HOST", NOBODY.to_owned()),
            ],
            Self::Azure => [
                ("AZURE_STORAGE_ACCOUNT", ACCOUNT.to_owned()),
                ("AZURE_STORAGE_KEY", ACCOUNT_KEY.to_owned()),
                ("AZURE_STORAGE_ENDPOINT", format!("{endpoint}/{ACCOUNT}")),
            ],
        };
        BTreeMap::from(variables)
    }
}

/// A file of a service account, with a key that nobody else knows; its path.
fn service_account(world: &World) -> String {
    let path = world.path("service-account.json");
    if !path.exists() {
        let made = Command::new("openssl").args(["genpkey", "-algorithm", "rsa"]).output().unwrap();
        let account = json!({
            "type": "service_account",
            "client_email": "builder@example.iam.gserviceaccount.com",
            "private_key_id": "1",
            "private_key": String::from_utf8(made.stdout).unwrap(),
        });
        fs::write(&path, account.to_string()).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

/// A server of a cloud that somebody else wrote, with a bucket.
struct Emulator {
    cloud: Cloud,
    server: Daemon,
}

impl Emulator {
    /// Google's XML API is that of S3, <https://docs.cloud.google.com/storage/docs/interoperability>, and the emulators
    /// of Google's own dialect that can be had do not have it; so moto stands in for both.
    #[track_caller]
    fn start(cloud: Cloud) -> Self {
        let server = match cloud {
            Cloud::S3 | Cloud::Google => {
                Daemon::start(Command::new(validator("bin/moto_server")).args(["-H", "127.0.0.1", "-p", "0"]))
            }
            Cloud::Azure => {
                let mut azurite = Command::new(validator("azurite/node_modules/.bin/azurite-blob"));
                azurite.args(["--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry"]);
                Daemon::start(azurite.arg("--skipApiVersionCheck"))
            }
        };
        let emulator = Self { cloud, server };
        emulator.make_bucket();
        emulator
    }

    fn make_bucket(&self) {
        let target = match self.cloud {
            Cloud::S3 | Cloud::Google => "/bucket".to_owned(),
            Cloud::Azure => format!("/{ACCOUNT}/bucket?restype=container&{}", sas("c")),
        };
        let mut server = TcpStream::connect(self.server.address).unwrap();
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {}\r\n", self.server.address);
        write!(server, "{head}Content-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }
}

/// A shared access signature of the account, with these permissions.
/// <https://learn.microsoft.com/en-us/rest/api/storageservices/create-account-sas>
fn sas(permissions: &str) -> String {
    let key: String =
        BASE64_STANDARD.decode(ACCOUNT_KEY).unwrap().iter().map(|b| format!("{b:02x}")).collect();
    let (version, expiry) = ("2018-11-09", "2099-01-01");
    let signed = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{expiry}\n\n\n{version}\n");
    let hmac = ["dgst", "-sha256", "-mac", "HMAC", "-binary", "-macopt", &format!("hexkey:{key}")];
    let mut openssl =
        Command::new("openssl").args(hmac).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    openssl.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
    let signature = BASE64_STANDARD.encode(openssl.wait_with_output().unwrap().stdout);
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv={version}&ss=b&srt=sco&sp={permissions}&se={expiry}&sig={signature}")
}

impl Fleet {
    /// A build on a machine with an empty store, and these variables in its environment.
    #[track_caller]
    fn build_in(&self, environment: &BTreeMap<&str, String>, url: &str, arguments: &[&str]) -> Said {
        let world = &self.workshop.world;
        for folder in ["store", "out"] {
            // A run that was refused made none.
            let _ = fs::remove_dir_all(world.path(folder));
        }
        let shared = ["build", "--arch", "amd64", "--remote-store", url];
        world.finish(world.command(&[&shared, arguments].concat()).envs(environment))
    }

    /// The warnings of a build that is as any other all the same.
    #[track_caller]
    fn warnings(&self, environment: &BTreeMap<&str, String>, url: &str, arguments: &[&str]) -> String {
        let said = self.build_in(environment, url, arguments).success();
        assert_eq!(self.workshop.out().blobs(), self.expected, "{said}");
        said.stderr.lines().filter(|line| line.starts_with("warning")).collect::<Vec<_>>().join("\n")
    }

    /// Machines share a bucket, and find out what is wrong with one.
    fn shares(&self, emulator: &mut Emulator, no_bucket: &str) {
        let environment = emulator.cloud.environment(&self.workshop.world, &emulator.endpoint());
        let (url, elsewhere) = (emulator.cloud.url("bucket"), emulator.cloud.url("elsewhere"));
        assert_eq!(self.warnings(&environment, &url, OURS), "");
        assert!(!self.workshop.asked_for().is_empty());
        assert_eq!(self.warnings(&environment, &url, READER), "");
        assert_eq!(self.workshop.asked_for(), [""; 0], "all came from the bucket");
        let missing = format!(
            "warning: the remote store `{elsewhere}` is left aside: {no_bucket}; make it, or correct the name"
        );
        assert_eq!(self.warnings(&environment, &elsewhere, OURS), missing);
        assert_eq!(self.warnings(&environment, &elsewhere, READER), missing);
        emulator.server.stop();
        let gone =
            format!("warning: the remote store `{url}` is left aside: Connection refused (os error 111)");
        assert_eq!(self.warnings(&environment, &url, OURS), gone);
    }
}

#[test]
fn machines_share_a_bucket_of_s3() {
    let mut moto = Emulator::start(Cloud::S3);
    Fleet::new().shares(
        &mut moto,
        "the server answered 404 Not Found, NoSuchBucket: The specified bucket does not exist",
    );
}

#[test]
fn machines_share_a_bucket_of_google_cloud_storage() {
    let mut moto = Emulator::start(Cloud::Google);
    Fleet::new().shares(
        &mut moto,
        "the server answered 404 Not Found, NoSuchBucket: The specified bucket does not exist",
    );
}

#[test]
fn machines_share_a_container_of_azure() {
    let mut azurite = Emulator::start(Cloud::Azure);
    let fleet = Fleet::new();
    let mut environment = Cloud::Azure.environment(&fleet.workshop.world, &azurite.endpoint());
    environment.insert("AZURE_STORAGE_KEY", BASE64_STANDARD.encode("another key"));
    assert_eq!(
        fleet.warnings(&environment, "abfs://bucket/some/cache/", OURS),
        "warning: the remote store `abfs://bucket/some/cache/` is left aside: the server answered 403 Forbidden, \
         AuthorizationFailure: Server failed to authenticate the request. Make sure the value of the Authorization \
         header is formed correctly including the signature; the login of `AZURE_STORAGE_ACCOUNT`, and \
         `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN` must be known there, and needs the right to read, list and \
         add objects"
    );
    environment.remove("AZURE_STORAGE_KEY");
    environment.insert("AZURE_STORAGE_SAS_TOKEN", sas("r"));
    let url = Cloud::Azure.url("bucket");
    assert_eq!(
        fleet.warnings(&environment, &url, OURS),
        "warning: could not add to the remote store `az://bucket/some/cache`: the server answered 403 Forbidden, \
         AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this \
         permission; the login of `AZURE_STORAGE_ACCOUNT`, and `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN` must \
         be known there, and needs the right to read, list and add objects (with `--remote-store-read-only`, nothing \
         is added)"
    );
    assert_eq!(fleet.warnings(&environment, &url, READER), "");
    environment.insert("AZURE_STORAGE_SAS_TOKEN", sas("rcw"));
    assert_eq!(fleet.warnings(&environment, &url, OURS), "");
    fleet.shares(
        &mut azurite,
        "the server answered 404 Not Found, ContainerNotFound: The specified container does not exist",
    );
}

#[test]
fn a_cloud_that_refuses_is_told_of_in_a_line_and_no_secret_with_it() {
    let fleet = Fleet::new();
    // As moto, Google and Azure write them.
    let bodies = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request \
         signature we calculated does not match the signature you provided. Check your key and signing method.\
         </Message><StringToSign>SECRET</StringToSign><RequestId>7a62c49f</RequestId></Error>",
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access denied.</Message>\
         <Details>builder@example.iam.gserviceaccount.com does not have storage.objects.get access to the Google \
         Cloud Storage object.</Details></Error>",
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>Server \
         failed to authenticate the request.\nRequestId:f5d6\nTime:2026-11-21T00:00:00Z</Message>\
         <AuthenticationErrorDetail>The MAC signature SECRET is not the same.</AuthenticationErrorDetail></Error>",
    ];
    let told = [
        "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check \
         your key and signing method; the login of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
        "AccessDenied: builder@example.iam.gserviceaccount.com does not have storage.objects.get access to the Google \
         Cloud Storage object; the login of `GOOGLE_APPLICATION_CREDENTIALS`",
        "AuthenticationFailed: Server failed to authenticate the request; the login of `AZURE_STORAGE_ACCOUNT`, and \
         `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN`",
    ];
    for ((cloud, body), told) in CLOUDS.into_iter().zip(bodies).zip(told) {
        let server = Server::of(move |_| Response { body: body.into(), ..Response::new(403) });
        let environment = cloud.environment(&fleet.workshop.world, server.url());
        let url = cloud.url("bucket");
        assert_eq!(
            fleet.warnings(&environment, &url, OURS),
            format!(
                "warning: the remote store `{url}` is left aside: the server answered 403 Forbidden, {told} must be \
                 known there, and needs the right to read, list and add objects"
            )
        );
    }
}

#[test]
fn a_cloud_that_goes_away_in_the_middle_is_told_of_once() {
    let fleet = Fleet::new();
    for cloud in CLOUDS {
        let server = Server::of(|_| Response::new(404));
        server.fail("/**", Fault::Silence);
        server.fail_times("/**", Fault::Status(404), 2);
        let environment = cloud.environment(&fleet.workshop.world, server.url());
        let url = cloud.url("bucket");
        assert_eq!(
            fleet.warnings(&environment, &url, OURS),
            format!(
                "warning: the remote store `{url}` is left aside: connection closed before message completed"
            )
        );
    }
}

#[test]
fn what_something_on_the_way_answers_is_told_in_short() {
    let fleet = Fleet::new();
    let server = Server::of(|_| Response::page(403, &format!("Our proxy\n\u{1b}says {}", "no ".repeat(200))));
    let environment = Cloud::S3.environment(&fleet.workshop.world, server.url());
    let told = fleet.warnings(&environment, &Cloud::S3.url("bucket"), READER);
    let start = "warning: the remote store `s3://bucket/some/cache` is left aside: the server answered 403 \
                 Forbidden: <!DOCTYPE html> <html><body><h1>Our proxy says no no ";
    assert!(told.starts_with(start) && told.len() < 600, "{told}");
}

#[test]
fn who_has_no_login_is_told_where_logins_come_from() {
    let fleet = Fleet::new();
    let machines = [
        (Cloud::S3, "AWS_METADATA_ENDPOINT", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        (Cloud::Google, "GCE_METADATA_IP", ["GOOGLE_APPLICATION_CREDENTIALS"; 2]),
        (Cloud::Azure, "IDENTITY_ENDPOINT", ["AZURE_STORAGE_KEY"; 2]),
    ];
    let told = [
        "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` (`aws configure export-credentials --format env` prints \
         those of a profile)",
        "`GOOGLE_APPLICATION_CREDENTIALS` (`gcloud auth application-default login` makes one for this machine)",
        "`AZURE_STORAGE_ACCOUNT`, and `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN` (with \
         `AZURE_USE_AZURE_CLI=true`, that of `az login` serves)",
    ];
    for ((cloud, machine, login), told) in machines.into_iter().zip(told) {
        let mut environment = cloud.environment(&fleet.workshop.world, &format!("http://{NOBODY}"));
        login.iter().for_each(|variable| drop(environment.remove(variable)));
        let nobody =
            if machine.ends_with("ENDPOINT") { format!("http://{NOBODY}") } else { NOBODY.to_owned() };
        environment.insert(machine, nobody);
        let url = cloud.url("bucket");
        assert_eq!(
            fleet.warnings(&environment, &url, OURS),
            format!(
                "warning: the remote store `{url}` is left aside: Connection refused (os error 111); the environment \
                 has no login: set {told}"
            )
        );
    }
}

#[test]
fn a_login_that_cannot_be_one_is_refused() {
    let fleet = Fleet::new();
    let azure = "logins come from `AZURE_STORAGE_ACCOUNT`, and `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN` (with \
                 `AZURE_USE_AZURE_CLI=true`, that of `az login` serves)";
    let refused = |variables: &[(&'static str, &str)], url: &str, why: &str| {
        let environment = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let shown = url.split('?').next().unwrap();
        assert_refused(
            &fleet.build_in(&environment, url, &[]),
            &format!("error: the remote store `{shown}` cannot be used: {why}\n"),
        );
    };
    refused(
        &[("AWS_ACCESS_KEY_ID", "test")],
        "s3://bucket/cache",
        "Missing SecretAccessKey; logins come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` (`aws configure \
         export-credentials --format env` prints those of a profile)",
    );
    refused(
        &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")],
        "gs://bucket/cache",
        "Unable to open service account file from /nowhere: No such file or directory (os error 2); logins come from \
         `GOOGLE_APPLICATION_CREDENTIALS` (`gcloud auth application-default login` makes one for this machine)",
    );
    refused(
        &[("AZURE_STORAGE_KEY", "c2VjcmV0")],
        "az://bucket/cache",
        &format!("Account must be specified; {azure}"),
    );
    refused(
        &[("AZURE_STORAGE_ACCOUNT", "us"), ("AZURE_STORAGE_KEY", "!secret")],
        "az://bucket/cache",
        &format!("Invalid Access Key: Invalid symbol 33, offset 0; {azure}"),
    );
    refused(
        &[],
        "https://us.blob.core.windows.net/bucket?sv=2018-11-09&sig=SECRET",
        "nothing may follow `?` or `#`: a SAS has its place in `AZURE_STORAGE_SAS_TOKEN`",
    );
    let url = "abfss://bucket@example.org/cache";
    refused(&[], url, &format!("URL did not match any known pattern for scheme: {url}; {azure}"));
}

#[test]
fn a_bucket_of_another_region_is_told_with_the_variable_that_names_it() {
    let fleet = Fleet::new();
    let server = Server::of(|_| Response::new(301));
    let environment = Cloud::S3.environment(&fleet.workshop.world, server.url());
    assert_eq!(
        fleet.warnings(&environment, &Cloud::S3.url("bucket"), READER),
        "warning: the remote store `s3://bucket/some/cache` is left aside: Received redirect without LOCATION, this \
         normally indicates an incorrectly configured region; `AWS_REGION` names it"
    );
}
