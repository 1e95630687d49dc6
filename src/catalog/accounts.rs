//! The users and groups of a catalog's images, as [passwd(5)] and [group(5)] know them.
//!
//! [passwd(5)]: https://manpages.debian.org/trixie/passwd/passwd.5.en.html
//! [group(5)]: https://manpages.debian.org/trixie/passwd/group.5.en.html

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::text_form;
use crate::tree::ImagePath;

/// The name of a user or group, by the rule of [useradd(8)]: `[a-z_][a-z0-9_-]*[$]?`, at most 32
/// characters.
///
/// [useradd(8)]: https://manpages.debian.org/trixie/passwd/useradd.8.en.html#CAVEATS
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(Box<str>);

/// What passwd(5) says of a user in words: text without `:` and control characters.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gecos(Box<str>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: AccountName,
    pub uid: u32,
    /// The primary group, which is one of [`Accounts::groups`].
    pub gid: u32,
    pub gecos: Gecos,
    /// Made for the user, unless it is [`NO_HOME`] or the root.
    pub home: ImagePath,
    pub shell: ImagePath,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: AccountName,
    pub gid: u32,
    /// Users that have the group besides their primary one.
    pub members: BTreeSet<AccountName>,
}

/// Users and groups, in the order in which they are defined. Names and ids are unique; the primary group of every user and
/// every member of a group are among them; no two users share a home that is made for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

/// The home of users that have none, [policy §9.2.3]: a path that must not exist.
///
/// [policy §9.2.3]: https://www.debian.org/doc/debian-policy/ch-opersys.html#non-existent-home-directories
pub const NO_HOME: &str = "/nonexistent";

/// Ids that mean "none" to system calls, in 16 and 32 bits, [policy §9.2.2].
///
/// [policy §9.2.2]: https://www.debian.org/doc/debian-policy/ch-opersys.html#uid-and-gid-classes
const RESERVED_IDS: [u32; 2] = [65_535, u32::MAX];

/// Whose a file is, by the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    #[error("there is no user `{0}`")]
    NoUser(String),
    #[error("there is no group `{0}`")]
    NoGroup(String),
    #[error("{0} is no id: it means \"none\" to system calls, or is too large")]
    NoId(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    #[error(
        "`{0}` is not an account name: up to 32 of a-z, 0-9, `_` and `-`, beginning with a letter or `_`"
    )]
    Name(String),
    #[error("`{0}` cannot be the description of a user: it has a `:` or a control character")]
    Gecos(String),
    #[error("two users have the name `{0}`: rename or remove one")]
    SameUserName(AccountName),
    #[error("two groups have the name `{0}`: rename or remove one")]
    SameGroupName(AccountName),
    #[error("users `{0}` and `{1}` both have the uid {2}: give one of them another")]
    SameUid(AccountName, AccountName, u32),
    #[error("groups `{0}` and `{1}` both have the gid {2}: give one of them another")]
    SameGid(AccountName, AccountName, u32),
    #[error("`{0}` has the id {1}, which means \"none\" to system calls: choose another")]
    ReservedId(AccountName, u32),
    #[error("user `{user}` has the primary group {gid}, and no group has this gid: add the group")]
    NoPrimaryGroup { user: AccountName, gid: u32 },
    #[error("group `{group}` has the member `{member}`, and no user has this name: add the user")]
    NoMember { group: AccountName, member: AccountName },
    #[error("the {field} of user `{user}` cannot be {path}: a `:` ends a field of passwd(5)")]
    Colon { user: AccountName, field: &'static str, path: ImagePath },
    #[error("users `{0}` and `{1}` both have the home {2}, which one user owns: give one of them another")]
    SameHome(AccountName, AccountName, ImagePath),
}

impl AccountsError {
    /// The account to show it at.
    #[must_use]
    pub fn account(&self) -> Option<&AccountName> {
        match self {
            Self::Name(_) | Self::Gecos(_) => None,
            Self::SameUserName(name)
            | Self::SameGroupName(name)
            | Self::SameUid(_, name, _)
            | Self::SameGid(_, name, _)
            | Self::ReservedId(name, _)
            | Self::NoPrimaryGroup { user: name, .. }
            | Self::NoMember { group: name, .. }
            | Self::Colon { user: name, .. }
            | Self::SameHome(_, name, _) => Some(name),
        }
    }

    /// The account that came before, where two contradict each other.
    #[must_use]
    pub fn other(&self) -> Option<&AccountName> {
        match self {
            Self::SameUserName(name)
            | Self::SameGroupName(name)
            | Self::SameUid(name, ..)
            | Self::SameGid(name, ..)
            | Self::SameHome(name, ..) => Some(name),
            _ => None,
        }
    }

    /// Whether these are groups, rather than users.
    #[must_use]
    pub fn is_of_group(&self) -> bool {
        matches!(self, Self::SameGroupName(_) | Self::SameGid(..) | Self::NoMember { .. })
    }
}

impl User {
    /// The home that is to be made for the user.
    #[must_use]
    pub fn made_home(&self) -> Option<&ImagePath> {
        let none = self.home.is_root() || Some(self.home.relative()) == NO_HOME.strip_prefix('/');
        (!none).then_some(&self.home)
    }
}

impl Accounts {
    /// # Errors
    /// The first invariant of [`Accounts`] that does not hold, with the accounts that break it.
    pub fn new(users: Vec<User>, groups: Vec<Group>) -> Result<Self, AccountsError> {
        let mut accounts = Self::default();
        for group in groups {
            accounts.add_group(group)?;
        }
        for user in users {
            accounts.add_user(user)?;
        }
        for group in &accounts.groups {
            let unknown = |member: &&AccountName| accounts.user(member.as_str()).is_none();
            if let Some(member) = group.members.iter().find(unknown) {
                return Err(AccountsError::NoMember { group: group.name.clone(), member: member.clone() });
            }
        }
        Ok(accounts)
    }

    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.iter()
    }

    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users().find(|user| user.name.as_str() == name)
    }

    /// The owner that a person writes as `user`, `user:group`, `uid` or `uid:gid`. A user alone stands for the
    /// user's primary group too, and a uid alone for the group of the same number, as in `COPY --chown`.
    pub fn owner(&self, text: &str) -> Result<Owner, OwnerError> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let (uid, primary) = match id(user)? {
            Some(uid) => (uid, uid),
            None => {
                let known = self.user(user).ok_or_else(|| OwnerError::NoUser(user.to_owned()))?;
                (known.uid, known.gid)
            }
        };
        let Some(group) = group else { return Ok(Owner { uid, gid: primary }) };
        let known = || self.groups().find(|known| known.name.as_str() == group).map(|known| known.gid);
        let gid = id(group)?.or_else(known).ok_or_else(|| OwnerError::NoGroup(group.to_owned()))?;
        Ok(Owner { uid, gid })
    }

    fn add_group(&mut self, group: Group) -> Result<(), AccountsError> {
        if RESERVED_IDS.contains(&group.gid) {
            return Err(AccountsError::ReservedId(group.name, group.gid));
        }
        if self.groups().any(|other| other.name == group.name) {
            return Err(AccountsError::SameGroupName(group.name));
        }
        if let Some(other) = self.groups().find(|other| other.gid == group.gid) {
            return Err(AccountsError::SameGid(other.name.clone(), group.name, group.gid));
        }
        self.groups.push(group);
        Ok(())
    }

    fn add_user(&mut self, user: User) -> Result<(), AccountsError> {
        if RESERVED_IDS.contains(&user.uid) {
            return Err(AccountsError::ReservedId(user.name, user.uid));
        }
        if self.user(user.name.as_str()).is_some() {
            return Err(AccountsError::SameUserName(user.name));
        }
        if let Some(other) = self.users().find(|other| other.uid == user.uid) {
            return Err(AccountsError::SameUid(other.name.clone(), user.name, user.uid));
        }
        if self.groups().all(|group| group.gid != user.gid) {
            return Err(AccountsError::NoPrimaryGroup { user: user.name, gid: user.gid });
        }
        for (field, path) in [("home", &user.home), ("shell", &user.shell)] {
            if path.relative().contains(':') {
                return Err(AccountsError::Colon { user: user.name, field, path: path.clone() });
            }
        }
        if let Some(home) = user.made_home()
            && let Some(other) = self.users().find(|other| other.made_home() == Some(home))
        {
            return Err(AccountsError::SameHome(other.name.clone(), user.name.clone(), home.clone()));
        }
        self.users.push(user);
        Ok(())
    }
}

/// The id that a text of digits is; `None` for a name.
fn id(text: &str) -> Result<Option<u32>, OwnerError> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(None);
    }
    let id = text.parse().ok().filter(|id| !RESERVED_IDS.contains(id));
    id.map(Some).ok_or_else(|| OwnerError::NoId(text.to_owned()))
}

impl AccountName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = AccountsError;

    fn from_str(name: &str) -> Result<Self, AccountsError> {
        let stem = name.strip_suffix('$').unwrap_or(name);
        let first = |c: u8| c.is_ascii_lowercase() || c == b'_';
        let valid = name.len() <= 32
            && stem.bytes().next().is_some_and(first)
            && stem.bytes().all(|c| first(c) || c.is_ascii_digit() || c == b'-');
        if !valid {
            return Err(AccountsError::Name(name.chars().take(80).collect()));
        }
        Ok(Self(name.into()))
    }
}

impl FromStr for Gecos {
    type Err = AccountsError;

    fn from_str(text: &str) -> Result<Self, AccountsError> {
        if text.contains(|c: char| c == ':' || c.is_control()) {
            return Err(AccountsError::Gecos(text.chars().take(80).collect()));
        }
        Ok(Self(text.into()))
    }
}

text_form!(AccountName, Gecos);

#[cfg(test)]
mod tests;
