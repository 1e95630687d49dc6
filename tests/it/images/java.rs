//! What Java's packages have their maintainer scripts make.

use rcgen::{CertificateParams, KeyPair};

use crate::archive::Package;
use crate::desk::assert_refused;
use crate::workshop::Workshop;

/// A version of Java with these programs, of which there are others in its list.
fn openjdk(version: &str, package: &str, programs: &[&str]) -> Package {
    let home = format!("/usr/lib/jvm/java-{version}-openjdk-amd64");
    let package = Package::new(&format!("openjdk-{version}-{package}"), "1.0-1");
    programs
        .iter()
        .fold(package, |package, program| package.executable(&format!("{home}/bin/{program}"), *program))
}

fn runtime(version: &str) -> Package {
    let home = format!("/usr/lib/jvm/java-{version}-openjdk-amd64");
    let list = format!(
        "name=java-{version}-openjdk-amd64\nalias=java-1.{version}.0\npriority={version}11\nsection=main\n\n\
         hl java {home}/bin/java\njdkhl javac {home}/bin/javac\njdk jconsole {home}/bin/jconsole\n"
    );
    openjdk(version, "jre-headless", &["java"]).file(&format!("/usr/lib/jvm/.java-1.{version}.0.jinfo"), list)
}

fn links(shop: &Workshop, image: &str) -> Vec<String> {
    let tree = shop.out().image(image).tree();
    tree.into_iter()
        .filter(|line| line.starts_with("/usr/bin/") || line.starts_with("/etc/fonts/conf.d/"))
        .collect()
}

#[test]
fn the_programs_of_java_are_linked_and_those_that_a_tag_adds_too() {
    let shop = Workshop::of_one_image([runtime("21"), openjdk("21", "jdk-headless", &["javac"])]);
    shop.append("catalog.toml", "[tag.debug]\nuser = \"root\"\n");
    shop.world.catalog(
        "one.toml",
        "[image.java]\ndescription = \"Java\"\npackages = [\"openjdk-21-jre-headless\"]\n\
         generate = [\"java-alternatives\"]\n\
         [image.java.tag.debug]\npackages = [\"openjdk-21-jdk-headless\"]\n",
    );
    shop.lock().build(&[]).success();
    let java = "/usr/bin/java link /usr/lib/jvm/java-21-openjdk-amd64/bin/java";
    let javac = "/usr/bin/javac link /usr/lib/jvm/java-21-openjdk-amd64/bin/javac";
    assert_eq!(links(&shop, "java-debian13:latest-amd64"), [java]);
    assert_eq!(links(&shop, "java-debian13:debug-amd64"), [java, javac]);
}

#[test]
fn an_image_without_java_has_no_programs_to_link() {
    let shop = Workshop::of_one_image([Package::new("hello", "1.0-1")]);
    shop.append("one.toml", "generate = [\"java-alternatives\"]\n");
    assert_refused(
        &shop.lock().build(&[]),
        r#"
error: could not build one-debian13:latest for amd64
  the step `java-alternatives` reads a package of Debian's Java, which the image does not hold: name it among its packages
"#,
    );
}

#[test]
fn fontconfig_has_the_links_of_its_postinst() {
    let package = ["10-hinting-slight.conf", "70-no-bitmaps-except-emoji.conf", "70-no-bitmaps.conf"]
        .into_iter()
        .fold(Package::new("fontconfig-config", "2.15.0-2"), |package, name| {
            package.file(&format!("/usr/share/fontconfig/conf.avail/{name}"), "<fontconfig/>")
        });
    let shop = Workshop::of_one_image([package]);
    shop.append("one.toml", "generate = [\"fontconfig\"]\n");
    shop.lock().build(&[]).success();
    let expected = ["10-hinting-slight.conf", "70-no-bitmaps-except-emoji.conf"]
        .map(|name| format!("/etc/fonts/conf.d/{name} link /usr/share/fontconfig/conf.avail/{name}"));
    assert_eq!(links(&shop, "one-debian13:latest-amd64"), expected);
}

#[test]
fn a_trust_store_is_made_of_the_certificates_that_the_bundle_is_made_of() {
    let certificate = CertificateParams::new([]).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let package = Package::new("ca-certificates", "20250419")
        .arch("all")
        .file("/usr/share/ca-certificates/mozilla/One_(CA).crt", certificate.pem());
    let shop = Workshop::of_one_image([package]);
    shop.append("one.toml", "generate = [\"ca-certificates\", \"java-cacerts\"]\n");
    shop.lock().build(&[]).success();
    let image = shop.out().image("one-debian13:latest-amd64");
    let store = image.bytes("/etc/ssl/certs/java/cacerts");
    let holds = |part: &[u8]| store.windows(part.len()).any(|window| window == part);
    assert!(holds(b"debian:one_=ca=.pem") && holds(certificate.der()));
}

#[test]
fn what_is_no_certificate_is_named() {
    let package = Package::new("ca-certificates", "20250419")
        .arch("all")
        .file("/usr/share/ca-certificates/mozilla/Broken.crt", "not a certificate\n");
    let shop = Workshop::of_one_image([package]);
    shop.append("one.toml", "generate = [\"java-cacerts\"]\n");
    assert_refused(
        &shop.lock().build(&[]),
        r#"
error: could not build one-debian13:latest for amd64
  the certificate mozilla/Broken.crt is no PEM text: no items found
"#,
    );
}
