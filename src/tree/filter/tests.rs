use super::super::Entry;
use super::*;

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

fn tree(files: &[&str]) -> Tree {
    let mut tree = Tree::new();
    for file in files {
        match file.split_once(" -> ") {
            Some((link, target)) => tree.insert(path(link), Entry::symlink(target, 1)),
            None if file.ends_with('/') => tree.insert(path(file), Entry::directory(1)),
            None => tree.insert(path(file), Entry::file("ten bytes!", 1)),
        }
    }
    tree
}

fn hard_link(tree: &mut Tree, link: &str, target: &str) {
    tree.insert(path(link), Entry { node: Node::HardLink(path(target)), ..Entry::file("", 1) });
}

fn filter(drop: &[&str], keep: &[&str]) -> Filter {
    let owned = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>();
    Filter::new(&owned(drop), &owned(keep)).unwrap()
}

fn paths(filtered: &Filtered) -> Vec<String> {
    filtered.tree.iter().map(|(path, _)| path.to_string()).collect()
}

fn figures(filtered: &Filtered) -> Vec<(u64, u64)> {
    filtered.dropped.iter().map(|dropped| (dropped.files, dropped.bytes)).collect()
}

#[test]
fn what_a_pattern_drops_is_counted_for_it() {
    let tree =
        tree(&["/usr/share/man/man1/a.gz", "/usr/share/man/b", "/usr/share/locale/de/c", "/usr/bin/d"]);
    let filtered = filter(&["/usr/share/man/**", "/usr/share/locale", "/nothing"], &[]).apply(tree);
    assert_eq!(paths(&filtered), ["/", "/usr", "/usr/bin", "/usr/bin/d"]);
    assert_eq!(figures(&filtered), [(2, 20), (1, 10), (0, 0)]);
    assert_eq!(filtered.dropped[1].pattern, "/usr/share/locale");
}

#[test]
fn what_is_to_be_kept_stays_with_its_directories() {
    let tree = tree(&["/l/C/a", "/l/C/sub/b", "/l/de/a", "/l/kept/"]);
    let filtered = filter(&["/l/**"], &["/l/C", "/l/kept"]).apply(tree);
    assert_eq!(paths(&filtered), ["/", "/l", "/l/C", "/l/C/a", "/l/C/sub", "/l/C/sub/b", "/l/kept"]);
}

#[test]
fn a_directory_that_was_empty_before_stays() {
    let filtered = filter(&["/var/x/*"], &[]).apply(tree(&["/var/cache/", "/var/x/file"]));
    assert_eq!(paths(&filtered), ["/", "/var", "/var/cache"]);
}

#[test]
fn a_star_stops_at_a_slash() {
    let filtered = filter(&["/a/*.gz"], &[]).apply(tree(&["/a/x.gz", "/a/b/y.gz"]));
    assert_eq!(paths(&filtered), ["/", "/a", "/a/b", "/a/b/y.gz"]);
}

#[test]
fn copyright_stays_and_still_leads_to_a_file() {
    let files = [
        "/usr/share/doc/a/copyright",
        "/usr/share/doc/a/changelog.gz",
        "/usr/share/doc/b -> gcc-14-base",
        "/usr/share/doc/c/copyright -> ../../licences/c -> ignored",
        "/usr/share/doc/d/copyright -> LICENCE",
        "/usr/share/doc/d/LICENCE",
        "/usr/share/doc/d/README",
        "/usr/share/doc/e/deeper/copyright",
    ];
    let filtered = filter(&["/usr/share/doc/**"], &[]).apply(tree(&files));
    assert_eq!(
        paths(&filtered)[4..],
        [
            "/usr/share/doc/a",
            "/usr/share/doc/a/copyright",
            "/usr/share/doc/b",
            "/usr/share/doc/c",
            "/usr/share/doc/c/copyright",
            "/usr/share/doc/d",
            "/usr/share/doc/d/LICENCE",
            "/usr/share/doc/d/copyright",
        ]
    );
    assert_eq!(figures(&filtered), [(3, 30)]);
}

#[test]
fn the_next_hard_link_becomes_the_file_where_the_first_is_dropped() {
    let mut tree = tree(&["/a/file"]);
    hard_link(&mut tree, "/a/link", "/a/file");
    hard_link(&mut tree, "/b/one", "/a/file");
    hard_link(&mut tree, "/b/two", "/a/file");
    let filtered = filter(&["/a"], &[]).apply(tree);
    assert_eq!(filtered.tree.get(&path("/b/one")).unwrap().node, Node::File("ten bytes!".into()));
    assert_eq!(filtered.tree.get(&path("/b/two")).unwrap().node, Node::HardLink(path("/b/one")));
    assert_eq!(figures(&filtered), [(2, 0)]);
}

#[test]
fn a_whole_group_of_hard_links_counts_its_content_once() {
    let mut tree = tree(&["/a/file"]);
    hard_link(&mut tree, "/a/link", "/a/file");
    let filtered = filter(&["/a/**"], &[]).apply(tree);
    assert_eq!(figures(&filtered), [(2, 10)]);
    assert_eq!(paths(&filtered), ["/"]);
}

#[test]
fn a_pattern_that_cannot_match_is_refused() {
    let error = |pattern: &str| Filter::new(&[pattern.to_owned()], &[]).unwrap_err().to_string();
    assert_eq!(error("usr/**"), "`usr/**` matches no path of an image: it must begin with `/`");
    assert_eq!(error("/usr/[a"), "`/usr/[a` is not a pattern of paths");
}
