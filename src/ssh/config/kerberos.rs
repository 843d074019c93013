//! Whether `GSSAPIAuthentication yes` has an effect: Debian and Fedora set it for all hosts, but most users
//! do not have a Kerberos ticket.

use std::ffi::OsStr;
use std::path::Path;

use super::local::Local;

/// The first file that libkrb5 reads.
const CONFIGURATION: &str = "/etc/krb5.conf";

/// Whether there may be a ticket that `ssh` could log in with. There is none without a Kerberos
/// configuration, a named cache or a file in the default location.
pub(super) fn may_have_ticket(local: &Local) -> bool {
    let named = ["KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME"];
    let file = format!("/tmp/krb5cc_{}", local.uid);
    named
        .iter()
        .any(|name| local.environment.contains_key(OsStr::new(name)))
        || Path::new(&file).exists()
        // The configuration may name another cache that is not a file: in a service or in the kernel.
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
    fn the_environment_or_a_file_may_name_a_cache() {
        let mut local = Local::of_this_process().unwrap();
        local.environment.clear();
        // No user has this id, so the file does not exist.
        local.uid = u32::MAX - 7;
        let without = may_have_ticket(&local);
        local.environment.insert("KRB5CCNAME".into(), "KCM:".into());
        assert!(may_have_ticket(&local));
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
