use super::*;

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

fn hard_link(target: &str) -> Entry {
    Entry { node: Node::HardLink(path(target)), ..Entry::file("", 0) }
}

#[test]
fn the_first_path_of_a_group_of_hard_links_holds_the_file() {
    let file = Entry::file("abc", 7).with_mode(0o4755);
    let entries = [("/b", file.clone()), ("/a", hard_link("/b")), ("/c/d", hard_link("/b"))];
    let tree = Tree::from_entries(entries.map(|(text, entry)| (path(text), entry)).into()).unwrap();
    assert_eq!(tree.get(&path("/a")), Some(&file));
    for text in ["/b", "/c/d"] {
        assert_eq!(
            tree.get(&path(text)).unwrap(),
            &Entry { node: Node::HardLink(path("/a")), ..file.clone() }
        );
        assert_eq!(tree.file(&path(text)).unwrap(), "abc");
    }
}

#[test]
fn entries_that_make_no_tree_are_refused() {
    let error = |entries: [(&str, Entry); 2]| {
        Tree::from_entries(entries.map(|(text, entry)| (path(text), entry)).into()).unwrap_err().to_string()
    };
    assert_eq!(
        error([("/a", Entry::symlink("b", 0)), ("/a/b/c", Entry::file("", 0))]),
        "`/a/b/c` lies below `/a`, which is no directory"
    );
    for other in [Entry::directory(0), Entry::symlink("x", 0), hard_link("/b")] {
        assert_eq!(
            error([("/a", hard_link("/b")), ("/b", other)]).split_once(" is ").unwrap().1.split(',').next(),
            Some("a hard link to `/b`")
        );
    }
}

#[test]
fn missing_parents_are_added_with_the_time_of_their_first_member() {
    let entries = [("/a/b/c", Entry::file("", 5)), ("/a/d", Entry::file("", 9))];
    let tree = Tree::from_entries(entries.map(|(text, entry)| (path(text), entry)).into()).unwrap();
    assert_eq!(tree.len(), 5);
    assert_eq!(tree.get(&path("/a")), Some(&Entry::directory(5)));
}
