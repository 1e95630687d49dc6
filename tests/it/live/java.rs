//! Java: it compiles in the debug images, and runs in the others.

use std::fs;

use distro::generate::java_cacerts;
use distro::tree::{Entry, ImagePath, Node, Tree};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::container::Container;

/// Encodings, the trust store of a program that names none, and text in an image where there is no display.
const HELLO: &str = r#"
import java.awt.*;
import java.awt.image.BufferedImage;
import java.nio.charset.Charset;
import java.security.KeyStore;
import javax.net.ssl.*;
import javax.print.PrintServiceLookup;
import javax.sound.sampled.AudioSystem;

public class Hello {
    public static void main(String[] arguments) throws Exception {
        System.out.println(Charset.defaultCharset() + " " + System.getProperty("sun.jnu.encoding"));
        System.out.println("Grüße, " + arguments[0]);
        System.out.println(System.getenv("JAVA_VERSION").equals(System.getProperty("java.version")));

        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init((KeyStore) null);
        X509TrustManager manager = (X509TrustManager) trust.getTrustManagers()[0];
        System.out.println(manager.getAcceptedIssuers().length + " authorities");

        for (String family : new String[] {Font.SANS_SERIF, Font.SERIF, Font.MONOSPACED}) {
            BufferedImage image = new BufferedImage(200, 50, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setFont(new Font(family, Font.PLAIN, 24));
            graphics.drawString("office", 5, 30);
            int drawn = 0;
            for (int pixel : image.getRGB(0, 0, 200, 50, null, 0, 200)) {
                if ((pixel & 0xffffff) != 0) drawn++;
            }
            System.out.println(family + " " + (drawn > 100));
        }

        // Without their libraries, which the definition leaves out.
        int mixers = AudioSystem.getMixerInfo().length;
        int printers = PrintServiceLookup.lookupPrintServices(null, null).length;
        System.out.println(mixers + " mixers, " + printers + " printers");
    }
}
"#;

/// A client that trusts whom Java trusts, and a server in the same process.
const TLS: &str = r#"
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import javax.net.ssl.*;

public class Tls {
    public static void main(String[] arguments) throws Exception {
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        try (InputStream chain = new FileInputStream("/chain.pem")) {
            java.security.cert.Certificate[] all =
                certificates.generateCertificates(chain).toArray(new java.security.cert.Certificate[0]);
            PrivateKey key = KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Paths.get("/key.der"))));
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("server", key, new char[0], all);
            KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
            keys.init(store, new char[0]);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0);
            Thread serving = new Thread(() -> {
                try (SSLSocket client = (SSLSocket) server.accept()) {
                    client.getOutputStream().write("trusted\n".getBytes());
                } catch (IOException refused) {
                }
            });
            serving.start();
            try (SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket("localhost", server.getLocalPort())) {
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                System.out.println(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine());
            } catch (SSLHandshakeException refused) {
                System.out.println("refused");
            }
            serving.join();
        }
    }
}
"#;

/// The debug image with a program that its JDK has compiled, and the plain one for a user, with it as `/app.jar`.
fn compiled(image: &str, class: &str, source: &str) -> (Container, Container) {
    let debug = Container::new(&format!("{image}:debug"));
    fs::write(debug.root().join(format!("{class}.java")), source).unwrap();
    debug.run(&["/usr/bin/javac", "-d", "/classes", &format!("/{class}.java")]).success();
    let main = format!("--main-class={class}");
    debug.run(&["/usr/bin/jar", "--create", "--file=/app.jar", &main, "-C", "/classes", "."]).success();
    let plain = Container::new(&format!("{image}:nonroot"));
    fs::copy(debug.root().join("app.jar"), plain.root().join("app.jar")).unwrap();
    (debug, plain)
}

#[test]
fn a_jar_that_the_debug_image_compiled_runs_by_the_entrypoint() {
    for image in ["java17-debian12", "java21-debian13", "java25-debian13"] {
        let (debug, plain) = compiled(image, "Hello", HELLO);
        let bundle = fs::read_to_string(plain.root().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
        let authorities = bundle.matches("-----BEGIN CERTIFICATE-----").count();
        let expected = format!(
            "UTF-8 UTF-8\nGrüße, Δelta\ntrue\n{authorities} authorities\nSansSerif true\nSerif true\n\
             Monospaced true\n0 mixers, 0 printers\n"
        );
        assert_eq!(plain.enter(&["/app.jar", "Δelta"]).success().stdout, expected, "{image}");
        assert_keytool_lists(&plain, authorities);
        assert_links_lead_somewhere(&plain, "keytool");
        assert_links_lead_somewhere(&debug, "javac");
    }
}

/// It checks the seal of the trust store too.
#[track_caller]
fn assert_keytool_lists(container: &Container, authorities: usize) {
    let list = |password| container.run(&["/usr/bin/keytool", "-list", "-cacerts", "-storepass", password]);
    let said = list("changeit").success();
    assert_eq!(said.stdout.matches("trustedCertEntry").count(), authorities, "{said}");
    let said = list("another");
    assert_ne!(said.status, Some(0), "{said}");
}

/// The links of the programs, of which this is one, and of fontconfig.
#[track_caller]
fn assert_links_lead_somewhere(container: &Container, program: &str) {
    let root = container.root();
    assert!(fs::symlink_metadata(root.join("usr/bin").join(program)).is_ok(), "there is no {program}");
    for directory in ["usr/bin", "etc/fonts/conf.d"] {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(target) = fs::read_link(&path) else { continue };
            let target = match target.strip_prefix("/") {
                Ok(below) => root.join(below),
                Err(_) => root.join(directory).join(&target),
            };
            assert!(target.exists(), "{} -> {}", path.display(), target.display());
        }
    }
}

#[test]
fn a_tls_client_trusts_a_chain_under_an_authority_of_the_store_and_no_other() {
    let of_authority = || {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let mut name = of_authority();
    name.distinguished_name.push(rcgen::DnType::CommonName, "Root");
    let root = CertifiedIssuer::self_signed(name, KeyPair::generate().unwrap()).unwrap();
    let mut name = of_authority();
    name.distinguished_name.push(rcgen::DnType::CommonName, "Between");
    let between = CertifiedIssuer::signed_by(name, KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &between).unwrap();

    let (_, container) = compiled("java21-debian13", "Tls", TLS);
    fs::write(container.root().join("chain.pem"), server.pem() + &between.pem()).unwrap();
    fs::write(container.root().join("key.der"), key.serialize_der()).unwrap();
    let run = || container.run(&["/usr/bin/java", "-jar", "/app.jar"]).success().stdout;
    assert_eq!(run(), "refused\n");

    let mut package = Tree::new();
    let path: ImagePath = "/usr/share/ca-certificates/test/Root.crt".parse().unwrap();
    package.insert(path, Entry::file(root.pem(), 0));
    let tree = java_cacerts::store(&package).unwrap();
    let Some(Node::File(store)) = tree.get(&java_cacerts::STORE.parse().unwrap()).map(|entry| &entry.node)
    else {
        panic!("there is no store in {tree:?}")
    };
    fs::write(container.root().join(&java_cacerts::STORE[1..]), store).unwrap();
    assert_eq!(run(), "trusted\n");
}
