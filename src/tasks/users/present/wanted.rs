//! The desired state of a user.

use crate::declare::options;
use crate::tasks::accounts::AccountName;
use crate::tasks::fs::{HostPath, Mode};

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub(crate) struct Options {
        /// the user id
        pub(super) uid: Option<u32>,
        /// the name of the primary group; it is added if it is missing
        pub(super) group: Option<AccountName>,
        /// the id of the primary group, if it is added
        pub(super) gid: Option<u32>,
        /// the supplementary groups, which must exist; the user leaves groups that are not listed
        pub(super) groups: Option<Vec<AccountName>>,
        /// if `true`, the user stays in groups that are not listed
        pub(super) append_groups: bool,
        /// the home directory
        pub(super) home: Option<HostPath>,
        /// whether a missing home directory is created; default `true` for a new user that is not a system
        /// user
        pub(super) create_home: Option<bool>,
        /// permission bits of a home directory that is created; default `"0755"`
        pub(super) home_mode: Option<Mode>,
        /// the login shell
        pub(super) shell: Option<HostPath>,
        /// the full name
        pub(super) comment: Option<String>,
        /// whether a new user gets an id from the system range
        pub(super) system: bool,
        /// the hashed password in the format of crypt(5); `"!"` for none. It is not shown
        pub(super) password_hash: Option<String>,
        /// the SSH keys that may log in as the user: the complete content of the file
        pub(super) authorized_keys: Option<Vec<String>>,
        /// if `true`, keys that are not listed stay
        pub(super) append_keys: bool,
    }
}

/// The desired state: a user exists.
pub(crate) struct Present {
    pub(super) name: AccountName,
    pub(super) options: Options,
}
