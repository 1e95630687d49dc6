use super::*;

fn tar(members: &[(&str, tar::EntryType, &str, u32)]) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, content, mode) in members {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mtime(7);
        let content: &[u8] = match kind {
            tar::EntryType::Regular => content.as_bytes(),
            tar::EntryType::Symlink | tar::EntryType::Link => {
                header.set_link_name(content).unwrap();
                &[]
            }
            _ => &[],
        };
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    }
    builder.into_inner().unwrap().into()
}

fn placed(members: &[(&str, tar::EntryType, &str, u32)], strip: usize) -> Result<Vec<String>, String> {
    let placement = Placement { strip, to: "/opt/app".parse().unwrap() };
    let tree = unpack(&tar(members), Compression::None, &placement).map_err(|error| error.to_string())?;
    let line = |(path, entry): (&ImagePath, &Entry)| {
        let kind = match &entry.node {
            Node::Directory => "dir".to_owned(),
            Node::File(content) => String::from_utf8_lossy(content).into_owned(),
            Node::Symlink(target) => format!("-> {target}"),
            Node::HardLink(target) => format!("= {target}"),
        };
        format!("{path} {:o} {}:{} {kind}", entry.mode, entry.uid, entry.gid)
    };
    Ok(tree.iter().map(line).collect())
}

use tar::EntryType::{Directory, Link, Regular, Symlink};

#[test]
fn members_are_root_s_below_their_directory_without_rights_to_lend() {
    let members = [
        ("app-1/", Directory, "", 0o775),
        ("app-1/bin/", Directory, "", 0o2775),
        ("app-1/bin/app", Regular, "program", 0o6775),
        ("app-1/bin/run", Symlink, "app", 0o777),
        ("app-1/bin/same", Link, "app-1/bin/app", 0o644),
        ("pax_notes", Regular, "at the top", 0o666),
    ];
    assert_eq!(
        placed(&members, 1).unwrap(),
        [
            "/ 755 0:0 dir",
            "/opt 755 0:0 dir",
            "/opt/app 755 0:0 dir",
            "/opt/app/bin 755 0:0 dir",
            "/opt/app/bin/app 755 0:0 program",
            "/opt/app/bin/run 777 0:0 -> app",
            "/opt/app/bin/same 755 0:0 = /opt/app/bin/app",
        ]
    );
    assert_eq!(placed(&members, 0).unwrap().last().unwrap(), "/opt/app/pax_notes 644 0:0 at the top");
}

#[test]
fn members_that_would_be_one_are_refused() {
    let members = [("a/x", Regular, "1", 0o644), ("b/x", Regular, "2", 0o644)];
    assert_eq!(
        placed(&members, 1).unwrap_err(),
        "both `/a/x` and `/b/x` would be `/opt/app/x` without their first 1 directories"
    );
    let directories = [("a/x/", Directory, "", 0o755), ("b/x/", Directory, "", 0o755)];
    assert_eq!(placed(&directories, 1).unwrap().last().unwrap(), "/opt/app/x 755 0:0 dir");
}

#[test]
fn a_hard_link_to_what_is_taken_off_is_refused() {
    let members = [("file", Regular, "1", 0o644), ("z/link", Link, "file", 0o644)];
    assert_eq!(
        placed(&members, 1).unwrap_err(),
        "`/z/link` is a hard link to `/file`, which lies in no deeper directory than are taken off"
    );
}

#[test]
fn a_bomb_is_refused() {
    let placement = Placement { strip: 0, to: ImagePath::default() };
    let bomb = zstd::bulk::compress(&vec![0; 80 << 20], 1).unwrap();
    let error = unpack(&bomb.into(), Compression::Zstd, &placement).unwrap_err().to_string();
    assert!(error.starts_with("it unpacks to more than"), "{error}");
}
