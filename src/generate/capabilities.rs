//! What setcap(8) in a postinst would have done: files of a package again, with capabilities.

use std::collections::BTreeMap;

use crate::tree::{Capabilities, Entry, ImagePath, Node, Tree};

pub const RECIPE: &str = "capabilities 1";

/// The files of a package's tree with the capabilities that they are given, and the directories above them; a
/// path that is no file of the package is passed over.
#[must_use]
pub fn capable(tree: &Tree, files: &BTreeMap<&ImagePath, Capabilities>) -> Tree {
    let mut capable = Tree::new();
    for (&path, &capabilities) in files {
        let (Some(entry), Some(content)) = (tree.get(path), tree.file(path)) else { continue };
        let above: Vec<_> = path.ancestors().collect();
        for directory in above.into_iter().rev() {
            if let Some(entry) = tree.get(&directory) {
                capable.insert(directory, entry.clone());
            }
        }
        let file = Entry { node: Node::File(content.clone()), ..entry.clone() };
        capable.insert(path.clone(), file.with_capabilities(capabilities));
    }
    capable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_all_but_its_capabilities_and_so_do_the_directories_above_it() {
        let path = |text: &str| text.parse::<ImagePath>().unwrap();
        let mut tree = Tree::new();
        tree.insert(path("/opt"), Entry::directory(3).with_mode(0o750));
        tree.insert(path("/opt/a"), Entry::file("elf", 7).with_mode(0o755));
        tree.insert(path("/opt/b"), Entry { node: Node::HardLink(path("/opt/a")), ..Entry::file("", 7) });
        let raw = "cap_net_raw=ep".parse().unwrap();
        let files = [path("/opt/b"), path("/opt/none")];
        let capable = capable(&tree, &files.iter().map(|path| (path, raw)).collect());
        let mut expected = tree.clone();
        expected.insert(path("/opt/b"), Entry::file("elf", 7).with_capabilities(raw));
        let expected: Vec<_> = expected.iter().filter(|(at, _)| **at != path("/opt/a")).collect();
        assert_eq!(capable.iter().collect::<Vec<_>>(), expected);
    }
}
