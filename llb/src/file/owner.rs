//! Owners of files, by number or by name.

use buildkit_proto::pb;

use crate::node::Inputs;
use crate::{Error, Output};

/// A user and a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    user: Option<User>,
    group: Option<User>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq)]
pub enum User {
    /// By number.
    Id(u32),
    /// By name, looked up in `/etc/passwd` or `/etc/group` of the tree that the operation starts
    /// on. A name that is not there means 0: the daemon says nothing.
    Name(String),
    /// By name, looked up in another tree.
    NameIn(String, Output),
}

impl Owner {
    /// A user; its group is the one of the same number, or the one that `/etc/passwd` gives to the
    /// name.
    pub fn user(user: User) -> Self {
        Self { user: Some(user), group: None }
    }

    /// Only a group; the user stays.
    pub fn group(group: User) -> Self {
        Self { user: None, group: Some(group) }
    }

    /// A user and another group.
    #[must_use]
    pub fn with_group(mut self, group: User) -> Self {
        self.group = Some(group);
        self
    }

    /// A user and a group by number.
    pub fn ids(uid: u32, gid: u32) -> Self {
        Self::user(User::Id(uid)).with_group(User::Id(gid))
    }

    pub(super) fn lower(self, base: i64, inputs: &mut Inputs) -> Result<pb::ChownOpt, Error> {
        let mut lower = |user: Option<User>| user.map(|user| user.lower(base, inputs)).transpose();
        Ok(pb::ChownOpt { user: lower(self.user)?, group: lower(self.group)? })
    }
}

impl User {
    fn lower(self, base: i64, inputs: &mut Inputs) -> Result<pb::UserOpt, Error> {
        let (name, input) = match self {
            Self::Id(id) => {
                return Ok(pb::UserOpt { user: Some(pb::user_opt::User::ById(id)) });
            }
            Self::Name(name) if base == Inputs::NONE => return Err(Error::NameOnScratch { name }),
            Self::Name(name) => (name, base),
            Self::NameIn(name, tree) => (name, inputs.add(&tree)),
        };
        Ok(pb::UserOpt { user: Some(pb::user_opt::User::ByName(pb::NamedUserOpt { name, input })) })
    }
}
