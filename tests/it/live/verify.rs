//! Images of the committed definitions and locks, verified by whoever has nothing but a registry.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{KEPT, copy, distro};
use crate::forgery::Forgery;
use crate::layout::Layout;
use crate::registry::DockerRegistry;
use crate::run::{Said, World};
use crate::sign::make_keys;

/// The least of the catalog with a library in it.
const IMAGE: &str = "base-nossl-debian13:latest-amd64";

/// A world with the host's apt settings, the store that is kept, and nothing else.
fn empty() -> World {
    let world = World::new();
    let store = Path::new(KEPT).join("store");
    fs::create_dir_all(&store).unwrap();
    for (folder, target) in [("apt", Path::new("/etc/apt")), ("store", &store)] {
        fs::remove_dir_all(world.path(folder)).unwrap();
        symlink(target, world.path(folder)).unwrap();
    }
    world
}

/// What is said of an image, the registry by another name.
fn verify(world: &World, registry: &DockerRegistry, repository: &str) -> Said {
    let reference = format!("{}/{repository}/{IMAGE}", registry.host());
    let said = distro(world, &["verify", &reference, "--key", "a.pub"]);
    Said { stdout: said.stdout.replace(registry.host(), "[REGISTRY]"), ..said }
}

#[test]
fn whoever_has_a_registry_and_a_key_verifies_an_image_and_finds_a_byte_that_was_changed() {
    let maker = empty();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["images", "lock"] {
        copy(&repository.join(folder), &maker.path(folder));
    }
    distro(&maker, &["build", "base-nossl-debian13:latest", "--arch", "amd64"]).success();
    make_keys(&maker);
    distro(&maker, &["sign", "--key", "a"]).success();
    let directory = tempfile::Builder::new().prefix("verify-").tempdir().unwrap();
    let registry = DockerRegistry::start(directory.path(), "");
    let push = |to: &str| distro(&maker, &["push", "--all", &format!("{}/{to}", registry.host())]).success();
    push("base");

    let user = empty();
    fs::copy(maker.path("a.pub"), user.path("a.pub")).unwrap();
    let said = verify(&user, &registry, "base");
    assert_eq!(said.status, Some(0), "{said}");
    assert!(said.stderr.contains("Verified 1 of 1 manifest"), "{said}");

    let image = Layout::read(&maker.path("out")).image(IMAGE);
    let layers = image.history();
    let libc = layers.iter().position(|made_from| made_from.starts_with("libc6 ")).unwrap();
    Forgery::new(&maker).edit_layer(IMAGE, libc, |archive| {
        let text = b"GNU C Library (Debian GLIBC";
        let at = archive.windows(text.len()).position(|window| window == text).unwrap();
        archive[at] = b'g';
    });
    push("forged");
    let said = verify(&user, &registry, "forged");
    assert_eq!(said.status, Some(3), "{said}");
    let layer = format!("layer {} ({})", libc + 1, layers[libc]);
    let finding = format!("{layer}: /usr/lib/x86_64-linux-gnu/libc.so.6: content is sha256:");
    let findings = [&*finding, "signature by this key is not there", "its md5sums do not vouch for"];
    for finding in findings {
        assert!(said.stdout.contains(finding), "{finding} in {said}");
    }
}
