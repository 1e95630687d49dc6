//! Python, Node.js and the shell of busybox, as programs in these languages meet them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::container::Container;
use super::programs::RELEASES;
use super::{KEPT, distro, live, need, settle, tool};
use crate::archive::{Archive, DATE, Signer};
use crate::layout::sha256;
use crate::run::World;
use crate::server::{self, Server};

/// Tells which modules of the standard library cannot be imported.
const IMPORTS: &str = r"
import importlib, sys, warnings
warnings.simplefilter('ignore')
for name in sorted(sys.stdlib_module_names - {'antigravity', 'this'}):
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name)
";

const PYTHON: &str = r#"
import bz2, ctypes, datetime, hashlib, lzma, socket, sqlite3, ssl, sys, threading, zlib, zoneinfo
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain('/server.pem', '/server.key')
listening = socket.create_server(('127.0.0.1', 0))
def serve():
    with server.wrap_socket(listening.accept()[0], server_side=True) as connection:
        connection.sendall(b'trusted')
threading.Thread(target=serve).start()
trust = ssl.create_default_context()
with socket.create_connection(listening.getsockname()) as plain:
    with trust.wrap_socket(plain, server_hostname='127.0.0.1') as connection:
        print(connection.recv(9).decode(), trust.cert_store_stats()['x509_ca'] > 100)
print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()[0])
print([len(of.decompress(of.compress(bytes(999)))) for of in (bz2, lzma, zlib)], ctypes.CDLL(None).abs(-7))
print(datetime.datetime.fromtimestamp(1751371200, zoneinfo.ZoneInfo('Europe/Berlin')).strftime('%H:%M %Z'))
print(hashlib.sha3_256(b'').hexdigest()[:8], sys.getfilesystemencoding(), sys.stdout.encoding, 'grün')
print(sys.argv)
"#;

/// A module that imports one of the older kind; what Debian's build has outside of its binary is in use.
const NODE: &str = r#"
import fs from "node:fs";
import http from "node:http";
import tls from "node:tls";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { answer } from "./answer.cjs";
console.log(answer);
const date = new Intl.DateTimeFormat("de", { dateStyle: "full", timeStyle: "short", timeZone: "Europe/Berlin" });
console.log(date.format(1751371200000), new Intl.NumberFormat("de").format(1234567.5));
const [message] = await once(new Worker(new URL("worker.mjs", import.meta.url)), "message");
console.log(message);
const plain = http.createServer((request, response) => response.end("fetched")).listen(0, "127.0.0.1");
await once(plain, "listening");
console.log(await (await fetch(`http://127.0.0.1:${plain.address().port}/`)).text());
plain.close();
plain.closeAllConnections();
const [cert, key] = ["/server.pem", "/server.key"].map((path) => fs.readFileSync(path));
const secure = tls.createServer({ cert, key }, (socket) => socket.end("trusted")).listen(0, "127.0.0.1");
await once(secure, "listening");
const [data] = await once(tls.connect({ port: secure.address().port, host: "127.0.0.1" }), "data");
console.log(data.toString());
secure.close();
"#;

const NODE_SAYS: &str = "\
42
Dienstag, 1. Juli 2025 um 14:00 1.234.567,5
from the worker
fetched
trusted
";

/// Puts a server's certificate and its key into an image, which trusts the authority of it.
fn make_trust(container: &Container) {
    let bundle = container.root().join("etc/ssl/certs/ca-certificates.crt");
    let authorities = fs::read_to_string(&bundle).unwrap() + &server::certificate();
    fs::write(bundle, authorities).unwrap();
    let (certificate, key) = server::certificate_and_key();
    container.write("server.pem", &certificate);
    container.write("server.key", &key);
}

/// Runs [`NODE`] by the entrypoint.
fn run_node(container: &Container, options: &[&str]) -> String {
    make_trust(container);
    container.write("app/answer.cjs", "exports.answer = 42;");
    container.write(
        "app/worker.mjs",
        "import { parentPort } from 'node:worker_threads'; parentPort.postMessage('from the worker');",
    );
    container.write("app/main.mjs", NODE);
    container.enter(&[options, &["/app/main.mjs"]].concat()).success().stdout
}

#[test]
fn every_module_of_python_can_be_imported_but_those_that_images_go_without() {
    // images/python3.toml says why.
    let without = ["_gdbm", "_tkinter", "ensurepip", "idlelib", "tkinter", "turtle", "turtledemo"];
    let of_other_systems = ["_overlapped", "_scproxy", "_winapi", "msvcrt", "nt", "winreg", "winsound"];
    for (release, more_of_other_systems) in
        [("debian12", ["_msi", "msilib"]), ("debian13", ["_ios_support", "_wmi"])]
    {
        let mut expected = [&without[..], &of_other_systems, &more_of_other_systems].concat();
        expected.sort_unstable();
        let container = Container::new(&format!("python3-{release}:latest"));
        let said = container.enter(&["-c", IMPORTS]).success().stdout;
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{release}");
    }
}

#[test]
fn python_runs_programs() {
    for (release, version) in [("debian12", "3.11"), ("debian13", "3.13")] {
        let container = Container::new(&format!("python3-{release}:nonroot"));
        make_trust(&container);
        container.write("app/main.py", PYTHON);
        let said = container.enter(&["/app/main.py", "one"]).success();
        assert_eq!(
            said.stdout,
            "trusted True\n42\n[999, 999, 999] 7\n14:00 CEST\n\
             a7ffc6f8 utf-8 utf-8 grün\n['/app/main.py', 'one']\n"
        );
        assert_eq!(container.list("usr/bin"), ["python", "python3", &format!("python{version}")]);
        assert_eq!(container.process()["args"][0], format!("/usr/bin/python{version}"));
        for name in ["python", "python3"] {
            let said = container.run(&[&format!("/usr/bin/{name}"), "--version"]).success().stdout;
            assert!(said.starts_with(&format!("Python {version}.")), "{said}");
        }
    }
}

#[test]
fn the_node_of_debian_runs_programs() {
    for (release, version) in [("debian12", "18"), ("debian13", "20")] {
        let container = Container::new(&format!("nodejs{version}-{release}:nonroot"));
        assert_eq!(run_node(&container, &[]), NODE_SAYS, "{version}");
        assert_eq!(container.list("usr/bin"), ["node", "nodejs"]);
        assert_eq!(container.process()["args"][0], "/nodejs/bin/node");
        let said = container.run(&["/usr/bin/node", "--version"]).success().stdout;
        assert!(said.starts_with(&format!("v{version}.")), "{said}");
    }
}

#[test]
fn busybox_is_a_shell_with_its_commands() {
    for release in RELEASES {
        let container = Container::new(&format!("busybox-{release}:latest"));
        container.write("app", "#!/bin/sh\necho $0 $(id -un) $(echo b a | tr ' ' '\\n' | sort)\n");
        let said = container.run(&["sh", "-c", "chmod +x /app && exec env /app"]).success();
        assert_eq!(said.stdout, "/app root a b\n", "{release}");
        assert_eq!(container.process()["args"], serde_json::json!(["sh"]));
        assert!(container.list("usr/bin").contains(&"wget".to_owned()));
    }
}

/// A version of Node.js 22 that the npm registry has for both architectures.
const NODE_22: &str = "22.23.3";

/// The tarball of nodejs.org for an architecture, made of the files of the npm package `node-linux-ARCH`. It is
/// kept.
fn node_tarball(architecture: &str) -> PathBuf {
    need("npm", "npm");
    let directory = Path::new(KEPT).join("nodejs.org").join(format!("v{NODE_22}"));
    let tarball = directory.join(format!("node-v{NODE_22}-linux-{architecture}.tar.xz"));
    if !tarball.exists() {
        fs::create_dir_all(&directory).unwrap();
        let work = tempfile::tempdir_in(&directory).unwrap();
        let package = format!("node-linux-{architecture}@{NODE_22}");
        let path = work.path().to_str().unwrap();
        let packed = tool("npm", "npm", &["pack", "--silent", "--pack-destination", path, &package]);
        tool("tar", "tar", &["-C", path, "-xzf", work.path().join(packed.trim()).to_str().unwrap()]);
        // These would be too much: a tarball of nodejs.org has npm too.
        let module = work.path().join("package/lib/node_modules/npm");
        fs::create_dir_all(&module).unwrap();
        fs::write(module.join("package.json"), "{}").unwrap();
        let (made, named) =
            (work.path().join("made"), format!("s,^package,node-v{NODE_22}-linux-{architecture},"));
        let into = ["-cf", made.to_str().unwrap(), "-I", "xz -0 -T0", "--owner=1000", "--group=1000"];
        tool("tar", "tar", &[&["-C", path, "--transform", &named], &into[..], &["package"]].concat());
        fs::rename(made, &tarball).unwrap();
    }
    tarball
}

#[test]
fn the_node_of_its_own_project_is_locked_by_its_signature_and_runs_programs() {
    live(); // for its hold on the store
    let mut checksums = String::new();
    for architecture in ["x64", "arm64"] {
        let tarball = node_tarball(architecture);
        let name = tarball.file_name().unwrap().to_str().unwrap();
        writeln!(checksums, "{}  {name}", sha256(&fs::read(&tarball).unwrap())).unwrap();
    }
    let upstream = Path::new(KEPT).join("nodejs.org");
    let signed = Signer::ThirdParty.clear_sign(&checksums, DATE);
    fs::write(upstream.join(format!("v{NODE_22}/SHASUMS256.txt.asc")), signed).unwrap();
    let server = Server::new(&upstream);

    let world = World::new();
    settle(&world, &Path::new(KEPT).join("store"));
    fs::copy(Archive::new().keyring(), world.path("images/keys/test.asc")).unwrap();
    let rewriting =
        format!("\n[[mirror]]\nfrom = \"https://nodejs.org/dist/\"\nto = \"{}/\"\n", server.url());
    world.catalog("catalog.toml", &(world.read("images/catalog.toml") + &rewriting));
    let definition = world.read("images/nodejs-upstream.toml");
    let keys = format!("checksums.keys = [\n  \"{}\",", Signer::ThirdParty.fingerprint());
    let definition = definition.replace("checksums.keys = [", &keys);
    let line = definition.lines().find(|line| line.starts_with("version = \"22.")).unwrap();
    let definition = definition.replace(line, &format!("version = \"{NODE_22}\""));
    world.catalog("nodejs-upstream.toml", &definition);

    let said = distro(&world, &["lock", "--release", "debian13"]).success();
    let without = said.stderr.lines().filter(|line| line.contains("cannot be locked without"));
    assert!(without.clone().count() <= 1 && without.clone().all(|line| !line.contains("nodejs22")), "{said}");
    distro(&world, &["build", "nodejs22-debian13", "--arch", "amd64", "--arch", "arm64"]).success();
    let container = Container::of(&world.path("out"), "nodejs22-debian13:nonroot");
    assert_eq!(run_node(&container, &["--use-openssl-ca"]), NODE_SAYS);
    assert_eq!(container.list("nodejs"), ["LICENSE", "bin"]);
    assert_eq!(container.list("nodejs/bin"), ["node"]);
    let said = container.run(&["/usr/bin/node", "--version"]).success();
    assert_eq!(said.stdout, format!("v{NODE_22}\n"));
}
