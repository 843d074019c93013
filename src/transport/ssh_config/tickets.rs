//! Whether `GSSAPIAuthentication yes` means something: Debian's and Fedora's `ssh` come with it, most users have no
//! Kerberos.

use std::ffi::OsStr;
use std::path::Path;

use super::local::Local;

/// Where libkrb5 looks first.
const CONFIGURATION: &str = "/etc/krb5.conf";

/// Whether there may be a ticket that `ssh` could log in with. Without a configuration of Kerberos, a named cache or a
/// file where one is by default, there is none.
pub(super) fn may_be_there(local: &Local) -> bool {
    let named = ["KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME"];
    let file = format!("/tmp/krb5cc_{}", local.uid);
    named
        .iter()
        .any(|name| local.environment.contains_key(OsStr::new(name)))
        || Path::new(&file).exists()
        // It may name another cache, and such a one needs no file: a service or the kernel holds it.
        || std::fs::read_to_string(CONFIGURATION).is_ok_and(|text| may_name_a_cache(&text))
}

fn may_name_a_cache(configuration: &str) -> bool {
    configuration.lines().map(str::trim_start).any(|line| {
        [
            "default_ccache_name",
            "default_client_keytab_name",
            "include",
            "module",
        ]
        .iter()
        .any(|word| line.starts_with(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_may_be_named_by_the_environment_or_a_file() {
        let mut local = Local::of_this_process().unwrap();
        local.environment.clear();
        // No user has it, so there is no file.
        local.uid = u32::MAX - 7;
        let without = may_be_there(&local);
        local.environment.insert("KRB5CCNAME".into(), "KCM:".into());
        assert!(may_be_there(&local));
        assert!(may_name_a_cache(
            "[libdefaults]\n  default_ccache_name = KEYRING:x\n"
        ));
        assert!(may_name_a_cache("includedir /etc/krb5.conf.d/\n"));
        assert!(!may_name_a_cache(
            "[libdefaults]\n default_realm = EXAMPLE.COM\n"
        ));
        let configured =
            std::fs::read_to_string(CONFIGURATION).is_ok_and(|text| may_name_a_cache(&text));
        assert_eq!(without, configured);
    }
}
