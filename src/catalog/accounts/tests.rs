use super::*;

fn user(name: &str, uid: u32, gid: u32, home: &str) -> User {
    User {
        name: name.parse().unwrap(),
        uid,
        gid,
        gecos: Gecos::default(),
        home: home.parse().unwrap(),
        shell: "/sbin/nologin".parse().unwrap(),
    }
}

fn group(name: &str, gid: u32, members: &[&str]) -> Group {
    let members = members.iter().map(|member| member.parse().unwrap()).collect();
    Group { name: name.parse().unwrap(), gid, members }
}

fn refusal(users: &[User], groups: &[Group]) -> String {
    Accounts::new(users.to_vec(), groups.to_vec()).unwrap_err().to_string()
}

#[test]
fn names_follow_useradd() {
    for name in ["root", "_apt", "systemd-network", "www-data", "host$", "a1", &"a".repeat(32)] {
        assert!(name.parse::<AccountName>().is_ok(), "{name}");
    }
    for name in ["", "$", "-a", "1a", "Root", "a:b", "a\n", "a b", "a.b", "a$b", "ä", &"a".repeat(33)] {
        assert!(name.parse::<AccountName>().is_err(), "{name}");
    }
}

#[test]
fn a_description_is_one_field_of_one_line() {
    for text in ["", "Jörg Müller,Room 1", "nobody"] {
        assert!(text.parse::<Gecos>().is_ok(), "{text}");
    }
    for text in ["a:b", "a\nroot2:x:0:0::/:/bin/sh", "\0"] {
        assert!(text.parse::<Gecos>().is_err(), "{text}");
    }
}

#[test]
fn accounts_are_kept_in_the_order_in_which_they_are_defined() {
    let users = [user("nobody", 65_534, 65_534, NO_HOME), user("root", 0, 0, "/root")];
    let groups = [group("nobody", 65_534, &[]), group("root", 0, &["nobody"])];
    let accounts = Accounts::new(users.to_vec(), groups.to_vec()).unwrap();
    assert_eq!(accounts.users().map(|user| user.uid).collect::<Vec<_>>(), [65_534, 0]);
    assert_eq!(accounts.groups().map(|group| group.gid).collect::<Vec<_>>(), [65_534, 0]);
}

#[test]
fn homes_that_are_shared_by_definition_are_not_made() {
    let accounts = Accounts::new(
        vec![
            user("a", 1, 0, NO_HOME),
            user("b", 2, 0, NO_HOME),
            user("c", 3, 0, "/"),
            user("d", 4, 0, "/"),
            user("e", 5, 0, "/home/e"),
        ],
        vec![group("root", 0, &[])],
    )
    .unwrap();
    let homes: Vec<_> = accounts.users().filter_map(User::made_home).map(ToString::to_string).collect();
    assert_eq!(homes, ["/home/e"]);
}

#[test]
fn accounts_that_contradict_each_other_are_refused() {
    let root = [group("root", 0, &[])];
    assert_eq!(
        refusal(&[user("a", 1, 0, "/a"), user("a", 2, 0, "/b")], &root),
        "two users have the name `a`: rename or remove one"
    );
    assert_eq!(
        refusal(&[user("a", 1, 0, "/a"), user("b", 1, 0, "/b")], &root),
        "users `a` and `b` both have the uid 1: give one of them another"
    );
    assert_eq!(
        refusal(&[user("a", 1, 0, "/a"), user("b", 2, 0, "/a")], &root),
        "users `a` and `b` both have the home /a, which one user owns: give one of them another"
    );
    assert_eq!(
        refusal(&[], &[group("a", 1, &[]), group("a", 2, &[])]),
        "two groups have the name `a`: rename or remove one"
    );
    assert_eq!(
        refusal(&[], &[group("a", 1, &[]), group("b", 1, &[])]),
        "groups `a` and `b` both have the gid 1: give one of them another"
    );
}

#[test]
fn accounts_that_point_nowhere_are_refused() {
    assert_eq!(
        refusal(&[user("a", 1, 7, "/a")], &[]),
        "user `a` has the primary group 7, and no group has this gid: add the group"
    );
    assert_eq!(
        refusal(&[], &[group("g", 1, &["ghost"])]),
        "group `g` has the member `ghost`, and no user has this name: add the user"
    );
}

#[test]
fn fields_that_would_break_the_files_are_refused() {
    let root = [group("root", 0, &[])];
    assert_eq!(
        refusal(&[user("a", 1, 0, "/home/a:b")], &root),
        "the home of user `a` cannot be /home/a:b: a `:` ends a field of passwd(5)"
    );
    for id in RESERVED_IDS {
        let expected = format!("`a` has the id {id}, which means \"none\" to system calls: choose another");
        assert_eq!(refusal(&[user("a", id, 0, "/a")], &root), expected);
        assert_eq!(refusal(&[], &[group("a", id, &[])]), expected);
    }
}

#[test]
fn an_owner_is_written_as_for_chown() {
    let users = [user("root", 0, 0, "/root"), user("app", 10, 20, "/home/app")];
    let accounts =
        Accounts::new(users.to_vec(), vec![group("root", 0, &[]), group("staff", 20, &[])]).unwrap();
    for (text, uid, gid) in
        [("app", 10, 20), ("app:root", 10, 0), ("0:staff", 0, 20), ("7:8", 7, 8), ("10", 10, 10)]
    {
        assert_eq!(accounts.owner(text), Ok(Owner { uid, gid }), "{text}");
    }
    for text in ["", ":", "app:", ":root", "staff", "app:app", "-1", "7:65535", "4294967295", "4294967296"] {
        assert!(accounts.owner(text).is_err(), "{text}");
    }
}
