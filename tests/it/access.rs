//! Private mirrors: logins, proxies, authorities of one's own, and what must not leak of them.

use std::fs;

use crate::archive::Archive;
use crate::desk::{assert_refused, assert_unobtainable};
use crate::run::Said;
use crate::server::{Fault, Server, Tunnel, certificate};
use crate::workshop::Workshop;

/// `me:s3cret`.
const BASIC: &str = "Basic bWU6czNjcmV0";

/// A shop whose archive is at a server of its own, as a private mirror is; apt's sources name that one.
fn shop(mirror: fn(&Archive) -> Server) -> (Workshop, Server) {
    let mut shop = Workshop::new();
    let mirror = mirror(&shop.archive);
    shop.world.filter(mirror.url(), "[MIRROR]");
    shop.world.write("apt/sources.list.d/fake.sources", &shop.archive.sources(mirror.url()));
    (shop, mirror)
}

fn plain(archive: &Archive) -> Server {
    Server::new(archive.dir())
}

fn secure(archive: &Archive) -> Server {
    Server::secure(archive.dir())
}

fn lock(shop: &Workshop, arguments: &[&str]) -> Said {
    shop.world.distro(&[&["lock", "--retries", "0", "--timeout", "2"], arguments].concat())
}

/// What a server was told of a login.
fn told(server: &Server) -> Vec<Option<String>> {
    let requests = server.take_requests();
    let mut told: Vec<_> =
        requests.iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    told.sort();
    told.dedup();
    told
}

fn host(server: &Server) -> &str {
    server.url().split_once("://").unwrap().1
}

#[test]
fn a_login_of_apt_opens_a_private_mirror() {
    let (shop, mirror) = shop(plain);
    mirror.fail("/**", Fault::Unauthorized(BASIC));
    let login = format!("machine http://{} login me password s3cret\n", host(&mirror));
    shop.world.write("apt/auth.conf.d/mirror.conf", &login);
    lock(&shop, &[]).success();
    shop.build(&["static"]).success();
    assert_eq!(told(&mirror), [Some(BASIC.to_owned())]);
    assert_eq!(told(&shop.server), [None; 0]);
}

#[test]
fn a_login_is_not_told_over_a_connection_that_others_can_read() {
    let (shop, mirror) = shop(plain);
    mirror.fail("/**/InRelease", Fault::Unauthorized(BASIC));
    shop.world.write("apt/auth.conf", "machine 127.0.0.1 login me password s3cret\n");
    let said = lock(&shop, &[]);
    assert_eq!(told(&mirror), [None]);
    assert_unobtainable(
        &said,
        "trixie/InRelease",
        "[MIRROR]/debian/ (host apt sources): the server answered 401 Unauthorized; a login for it is there, but the connection is not encrypted: use `https:`, or name the machine as `http://HOST` in the file that has the login",
    );
}

#[test]
fn a_netrc_opens_a_private_mirror_by_https() {
    let (shop, mirror) = shop(secure);
    mirror.fail("/**", Fault::Unauthorized(BASIC));
    shop.world.write("ca.pem", &certificate());
    let login = "machine 127.0.0.1 login me password s3cret\n";
    shop.world.write("home/.netrc", login);
    lock(&shop, &["--ca-certificates", "ca.pem"]).success();
    assert_eq!(told(&mirror), [Some(BASIC.to_owned())]);

    shop.world.write("home/.netrc", "");
    shop.world.write("elsewhere", login);
    let mut command = shop.world.command(&["build", "--arch", "amd64", "--ca-certificates", "ca.pem"]);
    shop.world.finish(command.env("NETRC", shop.world.path("elsewhere"))).success();
    assert_eq!(told(&mirror), [Some(BASIC.to_owned())]);
}

#[test]
fn an_authority_of_one_s_own_is_trusted_where_it_is_named() {
    let (shop, _mirror) = shop(secure);
    shop.world.write("ca.pem", &certificate());
    let refused = lock(&shop, &[]);
    assert_unobtainable(
        &refused,
        "trixie/InRelease",
        "[MIRROR]/debian/ (host apt sources): nobody vouches for it whom this machine trusts: name the authority's certificate by --ca-certificates, or `Acquire::https::CAInfo` of apt",
    );
    lock(&shop, &["--ca-certificates", "ca.pem"]).success();

    let ca = shop.world.path("ca.pem");
    for setting in ["Acquire::https::CAInfo", "Acquire::https::CAInfo::127.0.0.1"] {
        shop.world.write("apt/apt.conf.d/50ca", &format!("{setting} \"{}\";\n", ca.display()));
        lock(&shop, &[]).success();
    }
    fs::remove_file(shop.world.path("apt/apt.conf.d/50ca")).unwrap();
    let mut command = shop.world.command(&["lock"]);
    shop.world.finish(command.env("SSL_CERT_FILE", ca)).success();
}

#[test]
fn a_file_without_certificates_is_told() {
    let (shop, _mirror) = shop(secure);
    shop.world.write("ca.pem", "not one\n");
    assert_refused(
        &lock(&shop, &["--ca-certificates", "ca.pem"]),
        r#"
error: the certificates `ca.pem` cannot be used: there is no certificate in it
"#,
    );
    assert_refused(
        &lock(&shop, &["--ca-certificates", "nowhere.pem"]),
        r#"
error: could not read `nowhere.pem`: there is no such file or directory
"#,
    );
}

#[test]
fn a_proxy_of_apt_is_asked_in_place_of_the_server() {
    let (mut shop, proxy) = shop(plain);
    let unknown = "http://packages.invalid";
    shop.world.filter(unknown, "[UNKNOWN]");
    shop.world.write("apt/sources.list.d/fake.sources", &shop.archive.sources(unknown));
    shop.world.write("apt/auth.conf", &format!("machine {} login me password s3cret\n", proxy.url()));
    let setting = format!("Acquire {{ http {{ Proxy \"{}\"; }} }};\n", proxy.url());
    shop.world.write("apt/apt.conf.d/50proxy", &setting);
    lock(&shop, &[]).success();
    let requests = proxy.take_requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.proxied.as_deref(), Some("packages.invalid"));
        assert_eq!(request.header("proxy-authorization"), Some(BASIC));
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_proxy_sees_nothing_of_what_is_said_to_a_secure_server() {
    let (shop, mirror) = shop(secure);
    let proxy = Tunnel::new();
    mirror.fail("/**", Fault::Unauthorized(BASIC));
    shop.world.write("ca.pem", &certificate());
    shop.world.write("apt/auth.conf", "machine 127.0.0.1 login me password s3cret\n");
    // What is set for http counts for https too.
    shop.world.write("apt/apt.conf", &format!("Acquire::http::Proxy \"{}\";\n", proxy.url()));
    lock(&shop, &["--ca-certificates", "ca.pem"]).success();
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    for head in heads {
        assert!(head.starts_with(&format!("CONNECT {} ", host(&mirror))), "{head}");
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
}

#[test]
fn a_host_may_be_reached_without_the_proxy_of_apt_and_the_environment() {
    let (shop, mirror) = shop(plain);
    let nobody = "http://127.0.0.1:1";
    let setting = format!("Acquire::http::Proxy \"{nobody}\";\n");
    shop.world.write("apt/apt.conf", &setting);
    let said = lock(&shop, &[]);
    assert_eq!(said.status, Some(1), "{said}");
    assert_eq!(mirror.take_requests(), []);
    shop.world.write("apt/apt.conf", &format!("{setting}Acquire::http::Proxy::127.0.0.1 \"DIRECT\";\n"));
    let mut command = shop.world.command(&["lock"]);
    shop.world.finish(command.env("http_proxy", nobody)).success();
    let mut command = shop.world.command(&["lock", "--retries", "0"]);
    shop.world.write("apt/apt.conf", &setting);
    shop.world.finish(command.env("no_proxy", "127.0.0.1")).success();
}

#[test]
fn a_proxy_that_is_no_url_is_told() {
    let (shop, _mirror) = shop(plain);
    shop.world.write("apt/apt.conf", "Acquire::http::Proxy \"me:s3cret@proxy:port\";\n");
    assert_unobtainable(
        &lock(&shop, &[]),
        "trixie/InRelease",
        "[MIRROR]/debian/ (host apt sources): HTTP cannot be used as configured: the proxy that apt's configuration names for it: URL scheme is not allowed",
    );
}

#[test]
fn a_redirection_does_not_take_the_login_to_another_server() {
    let (shop, mirror) = shop(plain);
    let login = format!("machine {} login me password s3cret\n", mirror.url());
    shop.world.write("apt/auth.conf", &login);
    lock(&shop, &[]).success();
    shop.server.take_requests();
    mirror.take_requests();
    let elsewhere = format!("{}/debian/pool/main/libc/libc6/libc6_2.41-1_amd64.deb", shop.server.url());
    mirror.fail("/**/libc6_*.deb", Fault::Redirect(elsewhere));
    shop.build(&["base:latest"]).success();
    assert_eq!(told(&mirror), [Some(BASIC.to_owned())]);
    assert_eq!(told(&shop.server), [None]);

    // The same for a login in a URL.
    let url = mirror.url().replace("http://", "http://me:s3cret@");
    shop.world.write("apt/auth.conf", "");
    shop.world.write("apt/sources.list.d/fake.sources", &shop.archive.sources(&url));
    fs::remove_dir_all(shop.world.path("store")).unwrap();
    shop.build(&["base:latest"]).success();
    assert_eq!(told(&mirror), [Some(BASIC.to_owned())]);
    assert_eq!(told(&shop.server), [None]);

    // To another path of the same server, it is told.
    mirror.fail("/debian/**/libc6_*.deb", Fault::Redirect("/elsewhere/libc6.deb".into()));
    let build = shop.world.path("store/blobs");
    fs::remove_dir_all(build).unwrap();
    shop.build(&["base:latest"]);
    let requests = mirror.take_requests();
    let redirected = requests.iter().find(|request| request.path == "/elsewhere/libc6.deb").unwrap();
    assert_eq!(redirected.header("authorization"), Some(BASIC));
}

#[test]
fn a_password_is_nowhere_to_be_seen() {
    let (shop, mirror) = shop(plain);
    let url = mirror.url().replace("http://", "http://me:s3cret@");
    let sources = shop.archive.sources(&url);
    let mut said = String::new();
    let mut note = |run: Said| said.push_str(&run.to_string());
    for with_login in [&|| (sources.clone(), String::new()), &|| {
        (shop.archive.sources(mirror.url()), format!("machine {} login me password s3cret\n", mirror.url()))
    }] as [&dyn Fn() -> (String, String); 2]
    {
        let (sources, login) = with_login();
        fs::remove_dir_all(shop.world.path("store")).unwrap();
        shop.world.write("apt/sources.list.d/fake.sources", &sources);
        shop.world.write("apt/auth.conf", &login);
        for fault in [
            Fault::Status(401),
            Fault::Status(403),
            Fault::Status(503),
            Fault::HtmlPage,
            Fault::Cut(10),
            Fault::Redirect("http://me:s3cret@127.0.0.1:1/".into()),
            Fault::Redirect("ftp://me:s3cret@127.0.0.1/".into()),
            Fault::Redirect("http://me:s3cret@:x/".into()),
        ] {
            mirror.fail("/**", fault);
            note(lock(&shop, &[]));
        }
        mirror.heal();
        note(lock(&shop, &[]).success());
        mirror.fail("/**/*.deb", Fault::Status(401));
        note(shop.build(&["base", "--retries", "0"]));
        note(shop.world.distro(&["vendor", "vendored", "--arch", "amd64", "--retries", "0"]));
        mirror.heal();
        note(shop.build(&["static"]).success());
        note(shop.world.distro(&["vendor", "vendored", "--arch", "amd64"]).success());
        note(shop.world.distro(&["lock", "--verify", "--vendor", "vendored"]));
    }
    for broken in ["deb http://me:s3cret@host:port/ trixie main\n", "deb http://me:s3cret@host/\n"] {
        shop.world.write("apt/sources.list", broken);
        note(lock(&shop, &[]));
    }
    shop.edit(
        "catalog.toml",
        "[archive.debian]\n",
        "[archive.debian]\nmirrors = [\"http://me:s3cret@host:port/\"]\n",
    );
    note(lock(&shop, &[]));
    assert!(!said.contains("s3cret"), "{said}");
    for folder in ["lock", "out", "store", "vendored"] {
        for file in walk(&shop.world.path(folder)) {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{}", file.display());
        }
    }
}

#[test]
fn a_login_has_no_place_in_definitions() {
    let (shop, _mirror) = shop(plain);
    shop.edit(
        "catalog.toml",
        "[archive.debian]\n",
        "[archive.debian]\n# mirrors = [\"https://me:s3cret@mirror.example/debian\"]\n",
    );
    assert_refused(
        &lock(&shop, &[]),
        r#"
error: a login stands in a URL
  --> images/catalog.toml:14:23
   |
14 | # mirrors = ["https://*********@mirror.example/debian"]
   |                       ^^^^^^^^^ anyone can read this
   |
   = hint: put it into `auth.conf` of apt or into `~/.netrc`, and the URL here without it
"#,
    );
}

/// The files below a directory; none where there is no directory.
fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
