use super::*;

/// A member with any name, type and content, as no honest tar(1) would write it.
fn member(name: &[u8], kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = ::tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.as_ustar_mut().unwrap().typeflag = [kind];
    header.set_mode(0o100_644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(7);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut member = [header.as_bytes().as_slice(), content].concat();
    member.resize(member.len().next_multiple_of(BLOCK), 0);
    member
}

fn file(name: &str) -> Vec<u8> {
    member(name.as_bytes(), b'0', "", b"abc")
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let record = |(key, value): &(&str, &[u8])| {
        let rest = key.len() + value.len() + 3;
        let len = if rest + 2 < 100 { rest + 2 } else { rest + 3 };
        [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
    };
    member(b"PaxHeaders", b'x', "", &records.iter().flat_map(record).collect::<Vec<u8>>())
}

fn read(members: &[Vec<u8>]) -> Result<Tree, TarError> {
    Tree::from_tar(&[members.concat(), vec![0; 2 * BLOCK]].concat().into())
}

fn error(members: &[Vec<u8>]) -> String {
    let error = read(members).unwrap_err();
    std::error::Error::source(&error).map_or(error.to_string(), |cause| format!("{error}: {cause}"))
}

fn path(text: &str) -> ImagePath {
    text.parse().unwrap()
}

#[test]
fn members_become_entries_with_their_metadata() {
    let tree = read(&[member(b"./", b'5', "", b""), file("./a"), member(b"./b", b'2', "a", b"")]).unwrap();
    assert_eq!(tree.len(), 3);
    assert_eq!(tree.get(&path("/a")), Some(&Entry::file("abc", 7)));
    assert_eq!(tree.get(&path("/b")).unwrap().node, Node::Symlink("a".into()));
}

#[test]
fn names_that_leave_the_root_or_are_no_text_are_refused() {
    for name in ["../x", "a/../../x", "a//b", "./../x", "a\nb"] {
        assert!(error(&[file(name)]).starts_with("the member at byte 0 has an unusable name: "), "{name}");
    }
    assert_eq!(
        error(&[member(b"a\xff", b'0', "", b"")]),
        "the header at byte 0 has a name that is not UTF-8"
    );
    assert_eq!(error(&[file("a/")]), "`/a` is a file with the name of a directory");
}

#[test]
fn types_that_no_package_needs_are_refused() {
    for (kind, what) in [
        (b'3', "is a character device"),
        (b'4', "is a block device"),
        (b'6', "is a FIFO"),
        (b'S', "is a sparse file"),
        (b'7', "is of an unknown type"),
        (b'V', "is of an unknown type"),
    ] {
        assert_eq!(error(&[member(b"dev/x", kind, "", b"")]), format!("`/dev/x` {what}"));
    }
}

#[test]
fn an_entry_below_a_link_or_a_file_is_refused_in_any_order() {
    let link = member(b"a", b'2', "/etc", b"");
    for above in [link, file("a")] {
        for members in [[above.clone(), file("a/b")], [file("a/b"), above]] {
            assert_eq!(error(&members), "`/a/b` lies below `/a`, which is no directory");
        }
    }
    assert_eq!(error(&[file("a"), file("./a")]), "`/a` is in the archive twice");
}

#[test]
fn hard_links_lead_to_an_earlier_file() {
    let link = |name: &str, target| member(name.as_bytes(), b'1', target, b"");
    let tree = read(&[file("m"), link("z", "./m"), link("a", "z")]).unwrap();
    assert_eq!(tree.get(&path("/a")).unwrap().node, Node::File("abc".into()));
    for later in ["/m", "/z"] {
        assert_eq!(tree.get(&path(later)).unwrap().node, Node::HardLink(path("/a")));
    }
    let directory = member(b"d", b'5', "", b"");
    for members in [[link("a", "m"), file("m")], [directory, link("a", "d")], [file("m"), link("a", "../m")]]
    {
        assert!(matches!(read(&members), Err(TarError::HardLink { .. })));
    }
    let with_content = member(b"z", b'1', "m", b"abc");
    assert_eq!(error(&[file("m"), with_content]), "`/z` is no file, and yet has content");
}

#[test]
fn gnu_and_pax_extensions_speak_for_the_next_member() {
    let long = format!("{}/x", "d".repeat(200));
    let gnu = [member(b"././@LongLink", b'L', "", long.as_bytes()), file("short")];
    let posix = [pax(&[("path", long.as_bytes()), ("comment", b"a\nb")]), file("short")];
    for members in [gnu.concat(), posix.concat()] {
        let tree = read(&[members, file("short")]).unwrap();
        assert!(tree.get(&path(&long)).is_some() && tree.get(&path("/short")).is_some());
    }
    let tree = read(&[pax(&[("uid", b"5000000"), ("mtime", b"8589934592.25")]), file("a")]).unwrap();
    let entry = tree.get(&path("/a")).unwrap();
    assert_eq!((entry.uid, entry.mtime), (5_000_000, 8_589_934_592));
    let comment = member(b"pax_global_header", b'g', "", b"13 comment=x\n");
    assert_eq!(read(&[comment, file("a")]).unwrap().len(), 2);
}

#[test]
fn extensions_that_cannot_be_trusted_are_refused() {
    let twice = [pax(&[("path", b"x")]), member(b"L", b'L', "", b"y"), file("a")];
    assert_eq!(error(&twice), "the header at byte 1024 says the same thing twice of the next member");
    assert!(error(&[pax(&[("GNU.sparse.major", b"1")]), file("a")]).ends_with("is of a sparse file"));
    assert!(error(&[pax(&[("mtime", b"-1")]), file("a")]).ends_with("has a time that is not one since 1970"));
    assert!(error(&[pax(&[("uid", b"4294967296")]), file("a")]).ends_with("of more than 32 bits"));
    assert!(error(&[pax(&[("path", b"x")])]).starts_with("the archive ends in the middle"));
    for records in ["5 a=b\n", "99 a=b\n", "x a=b\n", "7 a=b\n", "0 a=b\n", "3 =\n"] {
        let members = [member(b"P", b'x', "", records.as_bytes()), file("a")];
        assert_eq!(error(&members), "the header at byte 0 has a malformed PAX record", "{records:?}");
    }
}

#[test]
fn extended_attributes_do_not_vanish_in_silence() {
    let capability = b"\x01\0\0\x02\x20\0\0\n\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(
        error(&[pax(&[("SCHILY.xattr.security.capability", capability)]), file("bin/ping")]),
        "`/bin/ping` has the extended attribute `security.capability`, which dpkg does not unpack either; \
         capabilities are given by definitions"
    );
}

#[test]
fn an_archive_that_is_cut_short_or_lies_about_sizes_is_refused() {
    let archive = Bytes::from([file("a"), file("b"), vec![0; BLOCK]].concat());
    assert_eq!(Tree::from_tar(&archive).unwrap().len(), 3);
    for end in 0..archive.len() {
        assert!(matches!(Tree::from_tar(&archive.slice(..end)), Err(TarError::Truncated { .. })), "{end}");
    }
    for size in ["1000000", "77777777777"] {
        let mut lying = file("a");
        lying[124..136].fill(0);
        lying[124..124 + size.len()].copy_from_slice(size.as_bytes());
        assert_eq!(error(&[lying.clone()]), "the header at byte 0 has a wrong checksum");
        lying[148..156].fill(b' ');
        let sum: u32 = lying[..BLOCK].iter().map(|&byte| u32::from(byte)).sum();
        lying[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(error(&[lying]).starts_with("the archive ends in the middle"));
    }
    let huge = [pax(&[("size", b"18446744073709551615")]), file("a")];
    assert!(error(&huge).starts_with("the archive ends in the middle"));
}

#[test]
fn paths_that_imply_directories_without_end_are_refused() {
    let deep = |name: usize| pax(&[("path", format!("{name}/{}x", "d/".repeat(300)).as_bytes())]);
    let members: Vec<Vec<u8>> = (0..300).flat_map(|name| [deep(name), file("x")]).collect();
    assert_eq!(read(&members), Err(TarError::ImpliedDirectories));
}
