//! What the client lends to a process: secrets as files, and its SSH agents.

use buildkit_proto::pb;

use crate::node::Inputs;

/// Who may use a secret or a socket.
#[derive(Clone, Debug)]
struct Grant {
    dest: String,
    id: String,
    uid: u32,
    gid: u32,
    mode: u32,
    optional: bool,
}

macro_rules! grant_setters {
    () => {
        pub(super) fn dest(&self) -> &str {
            &self.0.dest
        }

        /// Its user. Absent: 0.
        pub fn uid(mut self, uid: u32) -> Self {
            self.0.uid = uid;
            self
        }

        /// Its group. Absent: 0.
        pub fn gid(mut self, gid: u32) -> Self {
            self.0.gid = gid;
            self
        }

        /// Its permissions.
        pub fn mode(mut self, mode: u32) -> Self {
            self.0.mode = mode;
            self
        }

        /// A client that does not have it is no error: there is no mount then.
        pub fn optional(mut self) -> Self {
            self.0.optional = true;
            self
        }
    };
}

/// A secret as a file. It is in no layer and no cache key.
#[derive(Clone, Debug)]
#[must_use]
pub struct Secret(Grant);

impl Secret {
    /// The secret `id` as the file `dest`, readable by its owner (mode 0400).
    pub fn new(dest: impl Into<String>, id: impl Into<String>) -> Self {
        Self(Grant { dest: dest.into(), id: id.into(), uid: 0, gid: 0, mode: 0o400, optional: false })
    }

    grant_setters!();

    pub(super) fn into_pb(self) -> pb::Mount {
        let Self(grant) = self;
        pb::Mount {
            input: Inputs::NONE,
            dest: grant.dest,
            output: Inputs::NONE,
            mount_type: pb::MountType::Secret.into(),
            secret_opt: Some(pb::SecretOpt {
                id: grant.id,
                uid: grant.uid,
                gid: grant.gid,
                mode: grant.mode,
                optional: grant.optional,
            }),
            ..Default::default()
        }
    }
}

/// The socket of an SSH agent of the client.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ssh(Grant);

impl Ssh {
    /// The client's default agent as the socket `dest` (mode 0600). `SSH_AUTH_SOCK` is for the
    /// caller to set.
    pub fn new(dest: impl Into<String>) -> Self {
        Self(Grant { dest: dest.into(), id: String::new(), uid: 0, gid: 0, mode: 0o600, optional: false })
    }

    /// Another agent.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0.id = id.into();
        self
    }

    grant_setters!();

    pub(super) fn into_pb(self) -> pb::Mount {
        let Self(grant) = self;
        pb::Mount {
            input: Inputs::NONE,
            dest: grant.dest,
            output: Inputs::NONE,
            mount_type: pb::MountType::Ssh.into(),
            ssh_opt: Some(pb::SshOpt {
                id: grant.id,
                uid: grant.uid,
                gid: grant.gid,
                mode: grant.mode,
                optional: grant.optional,
            }),
            ..Default::default()
        }
    }
}
