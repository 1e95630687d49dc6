//! Programs as users build them, in the images that are made for them.

use super::container::Container;

pub const RELEASES: [&str; 2] = ["debian12", "debian13"];

/// Accounts and time zones, as glibc finds them.
const C: &str = r#"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(void) {
    struct passwd *me = getpwuid(getuid());
    time_t noon = 1751371200;
    char berlin[32];
    setenv("TZ", "Europe/Berlin", 1);
    strftime(berlin, sizeof berlin, "%H:%M %Z", localtime(&noon));
    printf("%s %s %s\n", me ? me->pw_name : "no account", getenv("HOME"), berlin);
    return 0;
}
"#;

const CXX: &str = r#"
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <omp.h>
int main() {
    std::string caught;
    std::thread thread([&] {
        try { throw std::runtime_error("caught"); } catch (const std::exception &error) { caught = error.what(); }
    });
    thread.join();
    int sum = 0;
    #pragma omp parallel for reduction(+ : sum) num_threads(3)
    for (int i = 1; i <= 100; i++) sum += i;
    std::cout << caught << ' ' << sum << std::endl;
}
"#;

/// Declares what it uses of OpenSSL, so that no headers are needed.
const OPENSSL: &str = r#"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    void *ssl = dlopen("libssl.so.3", RTLD_NOW), *crypto = dlopen("libcrypto.so.3", RTLD_NOW);
    if (!ssl || !crypto) return puts(dlerror()), 1;
    void *(*method)(void) = dlsym(ssl, "TLS_client_method"), *(*context)(void *) = dlsym(ssl, "SSL_CTX_new");
    int (*trust)(void *) = dlsym(ssl, "SSL_CTX_set_default_verify_paths");
    void *(*store)(void *) = dlsym(ssl, "SSL_CTX_get_cert_store"), *(*all)(void *) = dlsym(crypto, "X509_STORE_get1_all_certs");
    int (*count)(void *) = dlsym(crypto, "OPENSSL_sk_num");
    void *tls = context(method());
    if (trust(tls) != 1) return puts("no trust"), 1;
    printf("%s\n", count(all(store(tls))) > 100 ? "trusts" : "trusts nobody");
    return 0;
}
"#;

#[test]
fn a_static_program_runs_in_static() {
    for release in RELEASES {
        let container = Container::new(&format!("static-{release}:nonroot"));
        container.compile("cc", "c", &["-static"], C);
        let said = container.run(&["/app"]).success();
        assert_eq!(said.stdout, "nonroot /home/nonroot 14:00 CEST\n", "{release}");
    }
}

#[test]
fn a_static_program_runs_in_certs_without_time_zones() {
    for release in RELEASES {
        let container = Container::new(&format!("certs-{release}:nonroot"));
        container.compile("cc", "c", &["-static"], C);
        let said = container.run(&["/app"]).success();
        assert_eq!(said.stdout, "nonroot /home/nonroot 12:00 Europe\n", "{release}");
    }
}

#[test]
fn a_dynamically_linked_c_program_runs_in_base() {
    for release in RELEASES {
        for image in ["base-nossl", "base", "cc"] {
            let container = Container::new(&format!("{image}-{release}:latest"));
            container.compile("cc", "c", &[], C);
            assert_eq!(
                container.run(&["/app"]).success().stdout,
                "root /root 14:00 CEST\n",
                "{image}-{release}"
            );
        }
    }
}

#[test]
fn a_program_with_openssl_trusts_the_certificates_of_base() {
    for release in RELEASES {
        let container = Container::new(&format!("base-{release}:nonroot"));
        container.compile("cc", "c", &["-ldl"], OPENSSL);
        assert_eq!(container.run(&["/app"]).success().stdout, "trusts\n", "{release}");
    }
}

#[test]
fn a_cxx_program_with_exceptions_threads_and_openmp_runs_in_cc() {
    let compiler = super::tool("g++", "g++", &["-dumpversion"]);
    let compiler: u32 = compiler.trim().split('.').next().unwrap().parse().unwrap();
    for (release, newest) in [("debian12", 12), ("debian13", 14)] {
        if compiler > newest {
            eprintln!("left out {release}: its libstdc++ is older than this host's g++ {compiler}");
            continue;
        }
        let container = Container::new(&format!("cc-{release}:latest"));
        container.compile("g++", "c++", &["-fopenmp", "-pthread"], CXX);
        assert_eq!(container.run(&["/app"]).success().stdout, "caught 5050\n", "{release}");
    }
}

#[test]
fn the_dynamic_loader_of_base_runs() {
    for (release, version) in [("debian12", "2.36"), ("debian13", "2.41")] {
        let container = Container::new(&format!("base-{release}:latest"));
        let said = container.run(&["/lib64/ld-linux-x86-64.so.2", "--version"]).success();
        let first = said.stdout.lines().next().unwrap();
        assert!(first.starts_with("ld.so (Debian GLIBC ") && first.contains(version), "{first}");
    }
}

#[test]
fn debug_images_enter_a_shell_with_every_applet_on_the_path() {
    for release in RELEASES {
        for family in ["static", "cc"] {
            let container = Container::new(&format!("{family}-{release}:debug"));
            let script = "echo $0; which ls wget; ls -d /etc/passwd; wget --help 2>&1 | grep -c ^Usage; \
                          [ -z \"$(find -L /busybox -type l)\" ] && echo no dangling link";
            let expected = "/busybox/sh\n/busybox/ls\n/busybox/wget\n/etc/passwd\n1\nno dangling link\n";
            assert_eq!(container.enter(&["-c", script]).success().stdout, expected, "{family}-{release}");
        }
    }
}

#[test]
fn nonroot_is_at_home_and_may_write_only_there_and_in_tmp() {
    for release in RELEASES {
        let container = Container::new(&format!("base-{release}:debug-nonroot"));
        let script = "id -u; id -g; pwd; echo $HOME; for place in /home/nonroot /tmp / /etc /usr /busybox; do \
                      touch $place/x 2>/dev/null && echo $place; done; true";
        let expected = "65532\n65532\n/home/nonroot\n/home/nonroot\n/home/nonroot\n/tmp\n";
        assert_eq!(container.enter(&["-c", script]).success().stdout, expected, "{release}");
    }
}

#[test]
fn an_image_without_debug_has_no_shell() {
    for release in RELEASES {
        let container = Container::new(&format!("cc-{release}:latest"));
        for shell in ["/bin/sh", "/bin/bash", "/usr/bin/dash", "/busybox/sh"] {
            assert!(std::fs::symlink_metadata(container.root().join(&shell[1..])).is_err(), "{shell}");
            let said = container.run(&[shell]);
            assert!(said.status != Some(0) && said.stderr.contains("No such file"), "{said}");
        }
        let programs = container.root().join("usr/bin");
        assert_eq!(std::fs::read_dir(programs).unwrap().count(), 0, "{release}: /usr/bin");
    }
}

#[test]
fn the_accounts_are_those_of_the_catalog() {
    for release in RELEASES {
        for tag in ["latest", "debug-nonroot"] {
            let container = Container::new(&format!("static-{release}:{tag}"));
            let read = |path| std::fs::read_to_string(container.root().join(path)).unwrap();
            assert_eq!(
                read("etc/passwd"),
                "root:x:0:0:root:/root:/sbin/nologin\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
                 nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
            );
            assert_eq!(
                read("etc/group"),
                "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n"
            );
        }
    }
}

#[test]
fn the_locale_c_utf_8_is_there_for_whoever_asks() {
    let program = r#"
        #include <langinfo.h>
        #include <locale.h>
        #include <stdio.h>
        int main(void) { return puts(setlocale(LC_ALL, "C.UTF-8") ? nl_langinfo(CODESET) : "no such locale"), 0; }
    "#;
    for release in RELEASES {
        let container = Container::new(&format!("base-nossl-{release}:nonroot"));
        container.compile("cc", "c", &[], program);
        assert_eq!(container.run(&["/app"]).success().stdout, "UTF-8\n", "{release}");
    }
}

#[test]
fn time_zones_have_their_legacy_names_too() {
    let program = r#"
        #include <stdio.h>
        #include <time.h>
        int main(void) {
            time_t noon = 1751371200;
            char text[32];
            strftime(text, sizeof text, "%H:%M %Z", localtime(&noon));
            return puts(text), 0;
        }
    "#;
    for release in RELEASES {
        let container = Container::new(&format!("static-{release}:debug"));
        container.compile("cc", "c", &["-static"], program);
        let said = container.enter(&["-c", "TZ=US/Eastern /app; TZ=Europe/Kiev /app; ls /etc/mime.types"]);
        assert_eq!(said.success().stdout, "08:00 EDT\n15:00 EEST\n/etc/mime.types\n", "{release}");
    }
}
