use super::super::{Entry, Tree};
use super::*;

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

fn listing(files: &[&str]) -> Listing {
    let mut tree = Tree::new();
    for file in files {
        match file.split_once(" -> ") {
            Some((link, target)) => tree.insert(path(link), Entry::symlink(target, 1)),
            None if file.ends_with('/') => tree.insert(path(file), Entry::directory(1)),
            None => tree.insert(path(file), Entry::file("abc", 1)),
        }
    }
    tree.listing()
}

fn conflicts(a: &Listing, b: &Listing, replaces: impl Fn(&&str, &&str) -> bool) -> Vec<String> {
    let mut union = Union::new();
    assert_eq!(union.add(&"a", a, &replaces), []);
    union.add(&"b", b, replaces).iter().map(ToString::to_string).collect()
}

#[test]
fn directories_are_shared_and_files_are_not() {
    let conflicts =
        conflicts(&listing(&["/usr/bin/x"]), &listing(&["/usr/bin/x", "/usr/bin/y"]), |_, _| false);
    assert_eq!(
        conflicts,
        ["`/usr/bin/x` is a file of `a` and a file of `b`; leave one of the two out of the image, \
          or drop the path from one of them with a filter"]
    );
}

#[test]
fn an_entry_below_the_link_of_another_is_a_conflict_at_the_link() {
    let conflicts = conflicts(&listing(&["/x -> usr/x"]), &listing(&["/x/y/z"]), |_, _| true);
    assert_eq!(
        conflicts,
        ["`/x` is a symbolic link of `a` and a directory of `b`; leave one of the two out of the image, \
          or drop the path from one of them with a filter"]
    );
}

#[test]
fn directories_have_to_agree_on_mode_and_owner_but_not_on_time() {
    let directory = |mode, mtime| {
        let mut tree = Tree::new();
        tree.insert(ImagePath::default(), Entry::directory(mtime));
        tree.insert(path("/tmp"), Entry::directory(mtime).with_mode(mode));
        tree.listing()
    };
    assert_eq!(conflicts(&directory(0o755, 1), &directory(0o755, 2), |_, _| false), [""; 0]);
    assert_eq!(
        conflicts(&directory(0o1777, 1), &directory(0o755, 1), |_, _| false),
        ["the directory `/tmp` has mode 1777 and owner 0:0 in `a` and mode 0755 and owner 0:0 in `b`; \
          they have to agree, or the order of layers would decide"]
    );
}

#[test]
fn who_replaces_wins_whoever_comes_first() {
    let (a, b) = (listing(&["/f"]), listing(&["/f"]));
    for order in [[("a", &a), ("b", &b)], [("b", &b), ("a", &a)]] {
        let mut union = Union::new();
        for (owner, listing) in &order {
            assert_eq!(union.add(owner, listing, |&later, &earlier| (later, earlier) == ("b", "a")), []);
        }
        assert_eq!(*union.get(&path("/f")).unwrap().owner, "b");
        let [replaced] = union.replaced() else { panic!("{:?}", union.replaced()) };
        assert_eq!((*replaced.winner, *replaced.loser), ("b", "a"));
    }
}

#[test]
fn a_path_resolves_across_owners() {
    let libstdcxx = listing(&["/usr/share/doc/libstdc++6 -> gcc-14-base"]);
    let gcc = listing(&[
        "/usr/share/doc/gcc-14-base/copyright",
        "/abs -> /usr/share",
        "/loop -> loop",
        "/up -> ../../usr",
    ]);
    let mut union = Union::new();
    assert_eq!(union.add(&"libstdc++6", &libstdcxx, |_, _| false), []);
    assert_eq!(union.add(&"gcc-14-base", &gcc, |_, _| false), []);
    for text in [
        "/usr/share/doc/libstdc++6/copyright",
        "/abs/doc/libstdc++6/copyright",
        "/up/share/doc/gcc-14-base/copyright",
    ] {
        let claim = union.resolve(&path(text)).unwrap();
        assert_eq!(claim.listed.path, path("/usr/share/doc/gcc-14-base/copyright"));
        assert_eq!(*claim.owner, "gcc-14-base");
    }
    let error = |text| union.resolve(&path(text)).unwrap_err().to_string();
    assert_eq!(error("/abs/nothing"), "`/abs/nothing` leads to `/usr/share/nothing`, which does not exist");
    assert_eq!(error("/loop"), "`/loop` leads through more than 40 symbolic links");
    assert_eq!(
        error("/usr/share/doc/gcc-14-base/copyright/x"),
        "`/usr/share/doc/gcc-14-base/copyright/x` leads through `/usr/share/doc/gcc-14-base/copyright`, which is no directory"
    );
    assert_eq!(union.resolve(&path("/up")).unwrap().listed.path, path("/usr"));
}
