//! A user as the playbook wants it.

use crate::declare::options;
use crate::tasks::accounts::AccountName;
use crate::tasks::fs::{HostPath, Mode};

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub struct Options {
        /// the number of the user
        pub(super) uid: Option<u32>,
        /// the primary group by its name; it is added if it is missing
        pub(super) group: Option<AccountName>,
        /// the number of the primary group, if it is added
        pub(super) gid: Option<u32>,
        /// the other groups; the user leaves those that are not named. They must be there
        pub(super) groups: Option<Vec<AccountName>>,
        /// the user stays in groups that are not named
        pub(super) append_groups: bool,
        /// the home directory
        pub(super) home: Option<HostPath>,
        /// whether it is made if it is missing, `true` for a new user that is none of the system's
        pub(super) create_home: Option<bool>,
        /// permission bits of a home directory that is made, `"0755"` if not given
        pub(super) home_mode: Option<Mode>,
        /// the login shell
        pub(super) shell: Option<HostPath>,
        /// the full name
        pub(super) comment: Option<String>,
        /// whether a new user gets a number of the system's range
        pub(super) system: bool,
        /// the hashed password as crypt(5) writes it; `"!"` for none. It is not shown
        pub(super) password_hash: Option<String>,
        /// the ssh keys that let the user in: all of them, as the file will hold them
        pub(super) authorized_keys: Option<Vec<String>>,
        /// keys that are not named stay
        pub(super) append_keys: bool,
    }
}

/// A user that is to be there.
pub struct Present {
    pub(super) name: AccountName,
    pub(super) options: Options,
}
