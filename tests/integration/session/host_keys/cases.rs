//! What is compared. `taken` is what the `ssh` of OpenSSH 9.2 does; where a newer one refuses, `ops` refuses.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Host::{Certified, CertifiedRsa, Own, Plain, Rsa, Three, Usual};
use super::{Case, case};

const NEW: &str = "StrictHostKeyChecking=accept-new";
const NO: &str = "StrictHostKeyChecking=no";
const ASK: &str = "StrictHostKeyChecking=ask";
const YES: &str = "StrictHostKeyChecking=yes";
const ALIAS: &str = "HostKeyAlias=web1";
const RSA_FIRST: &str = "HostKeyAlgorithms=rsa-sha2-512,ssh-ed25519";

pub(crate) fn all() -> Vec<Case> {
    [
        names(),
        markers(),
        strictness(),
        settings(),
        addresses(),
        algorithms(),
        certificates(),
        lists(),
    ]
    .concat()
}

#[rustfmt::skip]
fn names() -> Vec<Case> {
    vec![
        case("known", Plain, "{name} {key}", &[], true),
        case("unknown", Plain, "", &[], false),
        case("another host's", Plain, "[127.0.0.1]:{port} {key}", &[], false),
        case("known by address, whatever the port", Plain, "{address} {key}", &[], true),
        case("known at another port", Plain, "[{address}]:1 {key}", &[], false),
        case("hashed", Plain, "{hashed {name}} {key}", &[], true),
        case("hashed, without the port", Plain, "{hashed {address}} {key}", &[], true),
        case("hashed, changed", Plain, "{hashed {name}} {other}", &[], false),
        case("hashed with a damaged salt", Plain, "|1|AAAA|{hashed {name}} {key}", &[], false),
        case("a list of names", Plain, "a,{name},b {key}", &[], true),
        case("a list with blanks", Plain, "a, {name} {key}", &[], false),
        case("a star", Plain, "[127.*]:* {key}", &[], true),
        case("a star without the port", Plain, "127.* {key}", &[], true),
        case("question marks", Plain, "127.?*.?*.?* {key}", &[], true),
        case("negated", Plain, "!{name},[127.*]:* {key}", &[], false),
        case("negated, behind", Plain, "[127.*]:*,!{name} {key}", &[], false),
        case("negated without the port only", Plain, "[127.*]:*,!{address} {key}", &[], true),
        case("nothing but negation", Plain, "!web9 {key}", &[], false),
        case("a star within hashed names is no star", Plain, "|1|* {key}", &[], false),
        case("alias", Plain, "web1 {key}", &[ALIAS], true),
        case("alias in capitals", Plain, "web1 {key}", &["HostKeyAlias=WEB1"], true),
        case("capitals in the file", Plain, "WEB1 {key}", &[ALIAS], true),
        case("alias, but known by name", Plain, "{name} {key}\n{address} {key}", &[ALIAS], false),
        case("alias has no port", Plain, "[web1]:{port} {key}", &[ALIAS], false),
        case("hashed alias", Plain, "{hashed web1} {key}", &[ALIAS], true),
        case("port 22", Usual, "{usual} {key}", &[], true),
        case("port 22 in brackets", Usual, "[{usual}]:22 {key}", &[], false),
        case("port 22, new", Usual, "", &[NEW], true),
        case("a name that is too long", Plain, &format!("{},{{name}} {{key}}", "a".repeat(1023)), &[], false),
        case("a long name", Plain, &format!("{},{{name}} {{key}}", "a".repeat(1022)), &[], true),
    ]
}

#[rustfmt::skip]
fn markers() -> Vec<Case> {
    vec![
        case("comment", Plain, "# {name} {key}", &[], false),
        case("blanks before", Plain, " \t {name} \t {key} amy@home", &[], true),
        case("CR LF", Plain, "{name} {key}\r\n", &[], true),
        case("CR LF and a comment", Plain, "web9 {other}\r\n{name} {key} x\r\n", &[], true),
        case("no line end", Plain, "web9 {other}\n{name} {key}", &[], true),
        case("damaged lines before", Plain, "{name}\n{name} ssh-ed25519\n{name} ssh-ed25519 AAAA\n@x {name} {key}\n{name} {key}", &[], true),
        case("a damaged line is none", Plain, "{name} ssh-ed25519 AAAA", &[NEW], true),
        case("a key of no known kind is none", Plain, "{name} ssh-new AAAAB3NzaC1uZXc=", &[NEW], true),
        case("the name of another kind", Plain, "{name} ssh-rsa {key}", &[], false),
        case("an RSA key of the first protocol", Plain, "{name} 1024 35 123456789", &[NEW], true),
        case("revoked", Plain, "@revoked {name} {key}", &[], false),
        case("revoked and known", Plain, "{name} {key}\n@revoked {name} {key}", &[], false),
        case("revoked for all", Plain, "{name} {key}\n@revoked * {key}", &[], false),
        case("revoked for all at all ports", Plain, "{name} {key}\n@revoked [*]:* {key}", &[], false),
        case("revoked by hashed name", Plain, "{name} {key}\n@revoked {hashed {name}} {key}", &[], false),
        case("revoked in the other file", Plain, "{name} {key}", &[], false).global("@revoked {name} {key}"),
        case("another is revoked", Plain, "{name} {key}\n@revoked {name} {other}", &[], true),
        case("revoked for another", Plain, "{name} {key}\n@revoked web9 {key}", &[], true),
        case("revoked, new ones are taken", Plain, "@revoked {name} {key}", &[NEW], false),
        case("revoked, all are taken", Plain, "{name} {key}\n@revoked {name} {key}", &[NO], true).ops_refuses(),
        case("revoked without the port, new ones are taken", Plain, "@revoked {address} {key}", &[NEW], true).ops_refuses(),
        case("revoked with a tab", Plain, "{name} {key}\n@revoked\t{name} {key}", &[], true).ops_refuses(),
        case("revoked as a certificate", Plain, "{name} {key}\n@revoked {name} {certificate}", &[], false),
        case("two markers", Plain, "@cert-authority @cert-authority {name} {key}", &[], false),
        case("an authority is no host", Plain, "@cert-authority {name} {key}", &[], false),
        case("a certificate is no key", Plain, "{name} {certificate}", &[], false),
        case("a certificate is another key", Plain, "{name} {certificate}", &[NEW], false),
    ]
}

#[rustfmt::skip]
fn strictness() -> Vec<Case> {
    vec![
        case("ask, known", Plain, "{name} {key}", &[ASK], true),
        case("ask, unknown", Plain, "", &[ASK], false),
        case("ask, changed", Plain, "{name} {other}", &[ASK], false),
        case("yes, unknown", Plain, "", &[YES], false),
        case("yes, changed", Plain, "{name} {other}", &[YES], false),
        case("yes, one of two", Plain, "{name} {other}\n{name} {key}", &[YES], true),
        case("another kind is known", Plain, "{name} {rsa}", &[YES], false),
        case("another kind is known, new ones are taken", Plain, "{name} {rsa}", &[NEW], false),
        case("another kind is known, all are taken", Plain, "{name} {rsa}", &[NO], true),
        case("new", Plain, "", &[NEW], true),
        case("new, behind others", Plain, "web9 {other}\n", &[NEW], true),
        case("new, behind a line without an end", Plain, "web9 {other}", &[NEW], true),
        case("new, alias", Plain, "", &[NEW, ALIAS], true),
        case("new, hashed", Plain, "", &[NEW, "HashKnownHosts=yes"], true),
        case("new, but changed", Plain, "{name} {other}", &[NEW], false),
        case("new, but changed without the port", Plain, "{address} {other}", &[NEW], true),
        case("new, known without the port", Plain, "{address} {key}", &[NEW], true),
        case("new, known by all", Plain, "{name} {key}", &[NEW], true),
        case("no, new", Plain, "", &[NO], true),
        case("no, changed", Plain, "{name} {other}", &[NO], true),
        case("no, changed and hashed", Plain, "{hashed {name}} {other}", &[NO, "HashKnownHosts=yes"], true),
        case("off, changed", Plain, "{name} {other}", &["StrictHostKeyChecking=off"], true),
        case("localhost is trusted", Plain, "", &["NoHostAuthenticationForLocalhost=yes"], true),
        case("localhost is trusted, and changed", Plain, "{name} {other}", &["NoHostAuthenticationForLocalhost=yes"], true),
        case("localhost is trusted, but has an alias", Plain, "", &["NoHostAuthenticationForLocalhost=yes", ALIAS], false),
        case("localhost is trusted, but revoked", Plain, "", &["NoHostAuthenticationForLocalhost=yes", "RevokedHostKeys={keys}/key.pub"], false),
        case("by address, of this machine", Plain, "{name} {key}\n", &["CheckHostIP=yes"], true),
        case("by address, of this machine, changed", Plain, "web1 {key}\n{name} {other}", &["CheckHostIP=yes", ALIAS], true),
    ]
}

#[rustfmt::skip]
fn settings() -> Vec<Case> {
    vec![
        case("the second file", Plain, "", &["UserKnownHostsFile={dir}/known {dir}/global"], true).global("{name} {key}"),
        case("the second of all", Plain, "web9 {key}", &[], true).global("{name} {key}"),
        case("changed in the second", Plain, "{name} {key}", &[], true).global("{name} {other}"),
        case("changed in the second, new ones are taken", Plain, "", &[NEW], false).global("{name} {other}"),
        case("new, into the first of two", Plain, "", &[NEW, "UserKnownHostsFile={dir}/known {dir}/global"], true),
        case("no file", Plain, "", &["UserKnownHostsFile=none"], false),
        case("no file, new ones are taken", Plain, "", &[NEW, "UserKnownHostsFile=none"], false),
        case("no file, all are taken", Plain, "", &[NO, "UserKnownHostsFile=none"], false),
        case("no file of the user's", Plain, "", &["UserKnownHostsFile=none"], true).global("{name} {key}"),
        case("the null device", Plain, "", &["UserKnownHostsFile=/dev/null"], false),
        case("the null device, new ones are taken", Plain, "", &[NEW, "UserKnownHostsFile=/dev/null"], true),
        case("the null device, all are taken", Plain, "", &[NO, "UserKnownHostsFile=/dev/null"], true),
        case("a file that does not exist", Plain, "", &["UserKnownHostsFile={dir}/nothing"], false),
        case("a directory instead of a file", Plain, "", &["UserKnownHostsFile={dir}"], false),
        case("a directory instead of a file, new ones are taken", Plain, "", &[NEW, "UserKnownHostsFile={dir}"], true),
        case("no directory for a file, new ones are taken", Plain, "", &[NEW, "UserKnownHostsFile={dir}/no/known"], true),
        case("a file that cannot be read", Plain, "{name} {key}", &[], rustix::process::geteuid().is_root()).prepare(|dir| mode(&dir.join("known"), 0o000)),
        case("a file that cannot be written, new ones are taken", Plain, "web9 {key}", &[NEW], true).prepare(|dir| mode(&dir.join("known"), 0o400)),
    ]
}

#[rustfmt::skip]
fn addresses() -> Vec<Case> {
    const BY_ADDRESS: &str = "CheckHostIP=yes";
    let address = "[{own}]:{port}";
    let both = format!("web1 {{key}}\n{address} {{key}}\n");
    let other = format!("web1 {{key}}\n{address} {{other}}\n");
    vec![
        case("by address, both known", Own, &both, &[ALIAS, BY_ADDRESS], true),
        case("by address, the name known", Own, "web1 {key}\n", &[ALIAS, BY_ADDRESS], true),
        case("by address, the name known, hashed", Own, "web1 {key}\n", &[ALIAS, BY_ADDRESS, "HashKnownHosts=yes"], true),
        case("by address, another's", Own, &other, &[ALIAS, BY_ADDRESS], false),
        case("by address, another's, new ones are taken", Own, &other, &[ALIAS, BY_ADDRESS, NEW], false),
        case("by address, another's, all are taken", Own, &other, &[ALIAS, BY_ADDRESS, NO], true),
        case("by address, another's, but not asked for", Own, &other, &[ALIAS], true),
        case("by address, of its own alone", Own, &format!("{address} {{key}}\n"), &[ALIAS, BY_ADDRESS], false),
        case("by address, of its own alone, new ones are taken", Own, &format!("{address} {{key}}\n"), &[ALIAS, BY_ADDRESS, NEW], true),
        case("by address, new", Own, "", &[ALIAS, BY_ADDRESS, NEW], true),
        case("by address, new and hashed", Own, "", &[ALIAS, BY_ADDRESS, NEW, "HashKnownHosts=yes"], true),
        case("by address, new, the address another's", Own, &format!("{address} {{other}}\n"), &[ALIAS, BY_ADDRESS, NEW], false).keeps_otherwise(),
        case("by address, changed", Own, &format!("web1 {{other}}\n{address} {{key}}\n"), &[ALIAS, BY_ADDRESS], false),
        case("by address, changed, all are taken", Own, &format!("web1 {{other}}\n{address} {{key}}\n"), &[ALIAS, BY_ADDRESS, NO], true),
        case("by address, revoked there", Own, &format!("web1 {{key}}\n@revoked {address} {{key}}\n"), &[ALIAS, BY_ADDRESS], true).ops_refuses(),
        case("by address, which is the name", Own, "", &[BY_ADDRESS, NEW], true).keeps_otherwise(),
        case("by address, without the port", Own, "{own} {other}\n[{own}]:{port} {key}\n", &[BY_ADDRESS], true),
        case("by address, localhost is trusted", Own, "", &["NoHostAuthenticationForLocalhost=yes"], false),
    ]
}

#[rustfmt::skip]
fn algorithms() -> Vec<Case> {
    vec![
        case("of three the RSA key is known", Three, "{name} {rsa}", &[], true),
        case("of three the ECDSA key is known", Three, "{name} {ecdsa}", &[], true),
        case("of three the RSA key is known, hashed", Three, "{hashed {name}} {rsa}", &[], true),
        case("of three the RSA key is known, without the port", Three, "{address} {rsa}", &[], false),
        case("of three the RSA key has changed", Three, "{name} {other_rsa}", &[], false),
        case("of three the RSA key has changed, the other is known", Three, "{name} {other_rsa}\n{name} {key}", &[], true),
        case("of three, new", Three, "", &[NEW], true),
        case("RSA is wanted, ED25519 is known", Three, "{name} {key}", &[RSA_FIRST], false),
        case("RSA is wanted and known", Three, "{name} {rsa}", &[RSA_FIRST], true),
        case("RSA is wanted, new", Three, "", &[RSA_FIRST, NEW], true),
        case("ECDSA alone", Three, "{name} {ecdsa}", &["HostKeyAlgorithms=ecdsa-sha2-nistp256"], true),
        case("a host without what is wanted", Plain, "{name} {key}", &["HostKeyAlgorithms=rsa-sha2-512"], false),
        case("RSA", Rsa, "{name} {rsa}", &[], true),
        case("RSA, in the name of its signature", Rsa, "{name} rsa-sha2-512 {rsa body}", &[], true),
        case("RSA, revoked", Rsa, "{name} {rsa}\n@revoked {name} {rsa}", &[], false),
        case("RSA, SHA-256", Rsa, "{name} {rsa}", &["HostKeyAlgorithms=rsa-sha2-256"], true),
        case("RSA, SHA-1", Rsa, "{name} {rsa}", &["HostKeyAlgorithms=ssh-rsa"], false),
        case("RSA, too short", Rsa, "{name} {rsa}", &["RequiredRSASize=3072"], false),
        case("RSA, long enough", Rsa, "{name} {rsa}", &["RequiredRSASize=2048"], true),
        case("RSA, too short, all are taken", Rsa, "{name} {rsa}", &["RequiredRSASize=3072", NO], false),
    ]
}

#[rustfmt::skip]
fn certificates() -> Vec<Case> {
    let ca = "@cert-authority {name} {ca}\n";
    let good = Certified("good");
    vec![
        case("certified", good, ca, &[], true),
        case("certified by one of many names", good, "@cert-authority web9,[127.*]:* {ca}", &[], true),
        case("certified, the authority known without the port", good, "@cert-authority 127.* {ca}", &[], true),
        case("certified, hashed", good, "@cert-authority {hashed {name}} {ca}", &[], true),
        case("certified, the authority in the other file", good, "", &[], true).global(ca),
        case("certified, the authority is another's", good, "@cert-authority web9 {ca}", &[], false),
        case("certified by another", good, "@cert-authority {name} {other_ca}", &[], false),
        case("certified by another, the key known", good, "@cert-authority {name} {other_ca}\n{name} {key}", &[], true),
        case("certified by another, new ones are taken", good, "@cert-authority {name} {other_ca}", &[NEW], true),
        case("certified by one of two", good, "@cert-authority {name} {other_ca}\n@cert-authority {name} {ca}", &[], true),
        case("certified, no authority is known", good, "", &[], false),
        case("certified, no authority is known, new ones are taken", good, "", &[NEW], true),
        case("certified, no authority is known, the key is", good, "{name} {key}", &[], true),
        case("certified, the authority is no authority", good, "{name} {ca}", &[], false),
        case("certified, and another key known", good, "@cert-authority {name} {ca}\n{name} {other}", &[], true),
        case("certified, with a tab", good, "@cert-authority\t{name} {ca}", &[], false),
        case("expired", Certified("expired"), ca, &[], false),
        case("expired, the key known", Certified("expired"), "@cert-authority {name} {ca}\n{name} {key}", &[], true),
        case("expired, new ones are taken", Certified("expired"), ca, &[NEW], true),
        case("expired, another key known", Certified("expired"), "@cert-authority {name} {ca}\n{name} {other}", &[NEW], false),
        case("not valid yet", Certified("future"), ca, &[], false),
        case("for another host", Certified("elsewhere"), ca, &[], false),
        case("for another host, all are taken", Certified("elsewhere"), ca, &[NO], true),
        case("for any host", Certified("everywhere"), ca, &[], false).by_version(),
        case("for a pattern", Certified("pattern"), ca, &[], false).by_version(),
        case("for the alias", Certified("alias"), "@cert-authority web1 {ca}", &[ALIAS], true),
        case("not for the alias", good, "@cert-authority web1 {ca}", &[ALIAS], false),
        case("for the alias, but without it", Certified("alias"), ca, &[], false),
        case("with a critical option", Certified("critical"), ca, &[], false),
        case("the authority revoked", good, "@cert-authority {name} {ca}\n@revoked {name} {ca}", &[], false),
        case("the authority revoked, new ones are taken", good, "@cert-authority {name} {ca}\n@revoked {name} {ca}", &[NEW], false),
        case("the authority revoked, the key known", good, "@cert-authority {name} {ca}\n@revoked {name} {ca}\n{name} {key}", &[], false),
        case("the certified key revoked", good, "@cert-authority {name} {ca}\n@revoked {name} {key}", &[], false),
        case("the authority in a list", good, ca, &["RevokedHostKeys={keys}/ca.pub"], false),
        case("signed with SHA-1", Certified("rsa_sha1"), "@cert-authority {name} {rsa_ca}", &[], false),
        case("signed with SHA-2", Certified("rsa_sha2"), "@cert-authority {name} {rsa_ca}", &[], true),
        case("signed with what is not wanted", Certified("rsa_sha2"), "@cert-authority {name} {rsa_ca}", &["CASignatureAlgorithms=ssh-ed25519"], false),
        case("an RSA key certified", CertifiedRsa("good"), ca, &[], true),
        case("an RSA key certified, and too short", CertifiedRsa("good"), ca, &["RequiredRSASize=3072"], false),
        case("certificates are not wanted", good, ca, &["HostKeyAlgorithms=ssh-ed25519"], false),
        case("nothing but certificates is wanted", good, ca, &["HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com"], true),
        case("nothing but certificates is wanted, the key known", good, "{name} {key}", &["HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com"], true).ops_refuses(),
    ]
}

#[rustfmt::skip]
fn lists() -> Vec<Case> {
    let listed = |file: &str| format!("RevokedHostKeys={file}");
    let krl = |name: &str| listed(&format!("{{keys}}/{name}.krl"));
    let known = "{name} {key}";
    let ca = "@cert-authority {name} {ca}\n";
    let good = Certified("good");
    vec![
        case("in a list", Plain, known, &[&listed("{keys}/key.pub")], false),
        case("in a list, all are taken", Plain, known, &[&listed("{keys}/key.pub"), NO], false),
        case("not in the list", Plain, known, &[&listed("{keys}/other.pub")], true),
        case("an empty list", Plain, known, &[&listed("/dev/null")], true),
        case("no list there", Plain, known, &[&listed("{dir}/nothing")], false),
        case("no list there, all are taken", Plain, known, &[&listed("{dir}/nothing"), NO], false),
        case("a damaged list", Plain, known, &[&listed("{dir}/global")], false).global("{other}\nnonsense\n"),
        case("a list with comments", Plain, known, &[&listed("{dir}/global")], true).global("# x\n\n {other} y\n"),
        case("a list with CR LF", Plain, known, &[&listed("{dir}/global")], true).global("{other}\r\n{rsa} x\r\n"),
        case("a list with an empty line of CR LF", Plain, known, &[&listed("{dir}/global")], false).global("{other}\r\n\r\n"),
        case("a certificate in the list", Plain, known, &[&listed("{dir}/global")], false).global("{certificate}\n"),
        case("a revocation list, the key", Plain, known, &[&krl("key")], false),
        case("a revocation list, the key's fingerprint", Plain, known, &[&krl("sha256")], false),
        case("a revocation list, the key's old fingerprint", Plain, known, &[&krl("sha1")], false),
        case("a revocation list, another key", Plain, known, &[&krl("other")], true),
        case("a revocation list, damaged", Plain, known, &[&krl("damaged")], false),
        case("a revocation list, the serial number", good, ca, &[&krl("serial")], false),
        case("a revocation list, a range", good, ca, &[&krl("range")], false),
        case("a revocation list, many serial numbers", good, ca, &[&krl("bitmap")], false),
        case("a revocation list, other serial numbers", good, ca, &[&krl("other_serial")], true),
        case("a revocation list, the name", good, ca, &[&krl("id")], false),
        case("a revocation list, the authority", good, ca, &[&krl("ca")], false),
        case("a revocation list, the serial number, the key is known", good, "@cert-authority {name} {ca}\n{name} {key}", &[&krl("serial")], false),
    ]
}

/// Key revocation lists by name, and what they are made of.
pub(crate) const REVOCATION_LISTS: &[(&str, &str)] = &[
    ("key", "key: {key}"),
    ("sha256", "sha256: {key}"),
    ("sha1", "sha1: {key}"),
    ("other", "key: {other}\nsha256: {rsa}"),
    ("serial", "serial: 7"),
    ("range", "serial: 2-900"),
    (
        "bitmap",
        "serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\nserial: 12\nserial: 14",
    ),
    ("other_serial", "serial: 6\nserial: 8-900"),
    ("id", "id: id-good"),
    ("ca", "key: {ca}"),
];

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
