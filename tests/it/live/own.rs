//! The worked example in `docs/own-catalog`, as its README tells people to use it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::container::{Container, compile};
use super::{ARCHITECTURES, KEPT, copy, distro, settle};
use crate::archive::{Archive, Package, Signer};
use crate::layout::Layout;
use crate::run::{Said, World};
use crate::server::Server;

/// The agent tells who it is, and what it can read.
const AGENT: &str = r#"
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>
static int tell(const char *path) {
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) return perror(path), 1;
    while (fgets(line, sizeof line, file)) fputs(line, stdout);
    return fclose(file);
}
int main(void) {
    char here[256];
    printf("%s in %s\n", getpwuid(getuid())->pw_name, getcwd(here, sizeof here));
    return tell("/etc/acme/agent.conf") || tell("/etc/acme/policy/default.json") || tell("/etc/acme/release");
}
"#;

/// The example beside the catalog that it extends, and Acme's archive.
struct Example {
    world: World,
    images: PathBuf,
    archive: Archive,
    server: Server,
}

impl Example {
    fn new() -> Self {
        let world = World::new();
        settle(&world, &Path::new(KEPT).join("store"));
        let example = world.path("docs/own-catalog");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/own-catalog"), &example);
        let agent = world.path("agent");
        compile(&agent, "cc", "c", &[], AGENT);
        let mut archive = Archive::for_architectures(&[]);
        archive.add_suite("acme", "trixie", "stable", &ARCHITECTURES);
        for package in [
            Package::new("acme-agent", "3.1")
                .archs(&ARCHITECTURES)
                .depends("libc6, libacme2")
                .executable("/usr/bin/acme-agent", fs::read(agent).unwrap()),
            Package::new("libacme2", "2.0").archs(&ARCHITECTURES).file("/usr/lib/libacme.so.2", "library"),
            Package::new("tini", "99").archs(&ARCHITECTURES).executable("/usr/bin/tini", "not Debian's"),
        ] {
            package.publish_again(&mut archive, "trixie");
        }
        archive.sign_with("trixie", Signer::ThirdParty);
        let server = Server::new(archive.dir());
        Self { world, images: example.join("images"), archive, server }
    }

    /// Puts the key of Acme's archive where the README says, and its URL in the place of one that does not exist.
    fn with_archive(self) -> Self {
        let catalog = self.images.join("catalog.toml");
        let text = fs::read_to_string(&catalog).unwrap();
        let key = "0123456789ABCDEF0123456789ABCDEF01234567";
        assert!(text.contains(key), "the catalog names another key");
        let mirror = format!(
            "\n[[mirror]]\nfrom = \"https://packages.acme.example/debian\"\nto = \"{}/acme\"\n",
            self.server.url()
        );
        fs::write(catalog, text.replace(key, &Signer::ThirdParty.fingerprint()) + &mirror).unwrap();
        fs::create_dir(self.images.join("keys")).unwrap();
        fs::copy(self.archive.keyring(), self.images.join("keys/acme.asc")).unwrap();
        self
    }

    fn distro(&self, arguments: &[&str]) -> Said {
        distro(&self.world, &[&["--catalog", "docs/own-catalog/images"], arguments].concat())
    }
}

#[test]
fn the_example_of_a_catalog_of_one_s_own_is_locked_built_and_run() {
    let example = Example::new().with_archive();
    example.distro(&["lock", "--allow-expired"]).success();
    let lock = example.world.read("docs/own-catalog/lock/debian13.lock");
    assert!(!example.world.path("docs/own-catalog/lock/debian12.lock").exists());
    let from_acme: Vec<_> = lock.split("\n[[").filter(|table| table.contains("archive = \"acme\"")).collect();
    let names = from_acme.iter().map(|table| table.lines().nth(1).unwrap());
    // The suite, the packages that may be taken from it, and their sources.
    let held = ["name = \"acme-agent\"", "name = \"libacme2\""];
    assert_eq!(names.collect::<Vec<_>>(), [&["name = \"trixie\""][..], &held, &held].concat());

    example.distro(&["lock", "--check", "--allow-expired"]).success();
    example.distro(&["build", "--arch", "all"]).success();
    let out = Layout::read(&example.world.path("out"));
    for architecture in ARCHITECTURES {
        let image = out.image(&format!("acme-app-debian13:latest-{architecture}"));
        let tree = image.tree();
        let own = ["/etc/acme", "/usr/share/acme", "/var/cache/acme", "/var/lib/acme"];
        let is_own = |line: &&String| own.iter().any(|path| line.starts_with(path));
        let release = crate::layout::sha256(format!("debian13 {architecture}\n").as_bytes());
        let expected = [
            "/etc/acme dir 0755 0:0",
            "/etc/acme/agent.conf file 0640 0:10001 5722b234e852",
            "/etc/acme/policy link /usr/share/acme/policy",
            &format!("/etc/acme/release file 0644 0:0 {}", &release[..12]),
            "/usr/share/acme dir 0755 0:0",
            "/usr/share/acme/policy dir 0755 0:0",
            "/usr/share/acme/policy/default.json file 0644 0:0 948c90863d5c",
            "/var/cache/acme dir 0750 10001:10001",
            "/var/lib/acme dir 0755 10001:10001",
        ];
        assert_eq!(tree.iter().filter(is_own).collect::<Vec<_>>(), expected);
    }
    let config = out.image("acme-app-debian13:latest-amd64").config["config"].clone();
    assert_eq!(
        config,
        json!({
            "Cmd": ["/usr/bin/acme-agent"],
            "Entrypoint": ["/usr/bin/tini", "--"],
            "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
            ],
            "ExposedPorts": { "8443/tcp": {} },
            "Labels": { "example.acme.agent": "3.1" },
            "User": "10001",
            "WorkingDir": "/var/lib/acme",
        })
    );

    let container = Container::of(&example.world.path("out"), "acme-app-debian13:latest");
    container.enter(&[]).assert_is(
        r#"
status: 0
----- stdout -----
acme in /var/lib/acme
listen = 8443
state = /var/lib/acme/state.db
{ "allow": ["read"] }
debian13 amd64
----- stderr -----
"#,
    );
}
