//! `/etc/passwd`, `/etc/group` and the homes of users.

use std::fmt::Write as _;

use crate::catalog::accounts::{Accounts, User};
use crate::tree::{Entry, ImagePath, Tree};

use super::GenerateError;

pub const RECIPE: &str = "accounts/1";

/// The account files and homes of an image, all with the time given (seconds since the epoch).
///
/// There is no `/etc/shadow`, as there is none in distroless: nobody logs in, and the `x` in the
/// field of the password, which points there, then matches no password at all ([passwd(5)]).
///
/// [passwd(5)]: https://manpages.debian.org/trixie/passwd/passwd.5.en.html
pub fn files(accounts: &Accounts, mtime: u64) -> Result<Tree, GenerateError> {
    let mut tree = Tree::new();
    for user in accounts.users() {
        if let Some(home) = user.made_home() {
            let entry = Entry::directory(mtime).with_mode(home_mode(user)).with_owner(user.uid, user.gid);
            tree.insert(home.clone(), entry);
        }
    }
    tree.insert(ImagePath::parse("/etc/group")?, Entry::file(group(accounts), mtime));
    tree.insert(ImagePath::parse("/etc/passwd")?, Entry::file(passwd(accounts), mtime));
    Ok(tree)
}

/// Root's home is root's alone. Another user's is open to read: OpenShift runs an image under a random
/// uid in group 0, for which a closed home, being the working directory, stops the container from
/// starting ([distroless #718]). There is nothing secret in the home of an image that everyone can pull.
///
/// [distroless #718]: https://github.com/GoogleContainerTools/distroless/issues/718
fn home_mode(user: &User) -> u32 {
    if user.uid == 0 { 0o700 } else { 0o755 }
}

fn passwd(accounts: &Accounts) -> String {
    accounts.users().fold(String::new(), |mut text, user| {
        let User { name, uid, gid, gecos, home, shell } = user;
        let _ = writeln!(text, "{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}");
        text
    })
}

fn group(accounts: &Accounts) -> String {
    accounts.groups().fold(String::new(), |mut text, group| {
        let members: Vec<&str> = group.members.iter().map(|member| member.as_str()).collect();
        let _ = writeln!(text, "{}:x:{}:{}", group.name, group.gid, members.join(","));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::accounts::{Group, NO_HOME};
    use crate::generate::content;
    use crate::tree::Node;

    fn catalog() -> Accounts {
        let user = |name: &str, id, home: &str| User {
            name: name.parse().unwrap(),
            uid: id,
            gid: id,
            gecos: name.parse().unwrap(),
            home: home.parse().unwrap(),
            shell: "/sbin/nologin".parse().unwrap(),
        };
        let group = |(name, gid): (&str, u32)| {
            let members = (name == "staff").then(|| ["nonroot", "nobody"].map(|name| name.parse().unwrap()));
            Group { name: name.parse().unwrap(), gid, members: members.into_iter().flatten().collect() }
        };
        let groups =
            [("root", 0), ("nobody", 65_534), ("tty", 5), ("staff", 50), ("nonroot", 65_532)].map(group);
        let users = vec![
            user("root", 0, "/root"),
            user("nobody", 65_534, NO_HOME),
            user("nonroot", 65_532, "/home/nonroot"),
        ];
        Accounts::new(users, groups.to_vec()).unwrap()
    }

    fn text<'a>(tree: &'a Tree, path: &str) -> &'a str {
        std::str::from_utf8(content(tree, &path.parse().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_files_name_every_account_as_it_is_defined() {
        let tree = files(&catalog(), 0).unwrap();
        assert_eq!(
            text(&tree, "/etc/passwd"),
            "root:x:0:0:root:/root:/sbin/nologin\n\
             nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
             nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
        );
        assert_eq!(
            text(&tree, "/etc/group"),
            "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:nobody,nonroot\nnonroot:x:65532:\n"
        );
    }

    #[test]
    fn homes_belong_to_their_users_and_nobody_has_none() {
        let tree = files(&catalog(), 3).unwrap();
        let lines: Vec<String> = tree
            .iter()
            .map(|(path, Entry { node, mode, uid, gid, mtime, .. })| {
                let kind = if *node == Node::Directory { "dir" } else { "file" };
                format!("{path}: {kind} {mode:04o} {uid}:{gid} {mtime}")
            })
            .collect();
        assert_eq!(
            lines,
            [
                "/: dir 0755 0:0 3",
                "/etc: dir 0755 0:0 3",
                "/etc/group: file 0644 0:0 3",
                "/etc/passwd: file 0644 0:0 3",
                "/home: dir 0755 0:0 3",
                "/home/nonroot: dir 0755 65532:65532 3",
                "/root: dir 0700 0:0 3",
            ]
        );
    }
}
