//! `h.facts`, `h.addresses` and `h.mounts`: facts about a host.

use std::net::IpAddr;

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare_getter;
use super::host::{HostValue, known, read};
use crate::declare::function;
use crate::run::ask;
use crate::script::convert::from_json;
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;
use crate::task::{Answer, Query};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// The facts that the host reports when ops connects, as a map. A fact that the host does not report is
    /// empty, or `()` if it is a number. Reading it connects to the host.
    ///
    /// - `os`: `"debian"`; `os_like`: `["debian"]` on Ubuntu; `os_version`: `"12"`; `os_codename`:
    ///   `"bookworm"`; `os_name`: `"Debian GNU/Linux 12 (bookworm)"`
    /// - `architecture`: `"x86_64"`; `kernel`: `"Linux"`; `kernel_version`: `"6.1.0-28-amd64"`
    /// - `init`: `"systemd"`, `"openrc"`, ...; `package_manager`: `"apt"`, `"dnf"`, `"apk"`, ...
    /// - `virtualization`: a container (`"docker"`, `"podman"`, `"lxc"`) or a virtual machine (`"qemu"`,
    ///   which is KVM too, `"vmware"`, `"hyperv"`, `"amazon"`, ...); empty for hardware
    /// - `memory`: bytes; `cores`: processors that are online
    /// - `hostname`; `user`, `uid`: the user that commands run as; `state_dir`: where ops stores its state
    ///
    /// `h.addresses` and `h.mounts` are separate: they are read only if a playbook uses them. For anything
    /// else, use `h.run(..., #{ reads: true })`.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     if h.facts.os == "debian" { log::info(`${h.name} runs ${h.facts.os_codename}`); }
    /// });
    /// ```
    FACTS = facts {
        (host: Host) -> Map,
    }
}

function! {
    /// The current IPv4 and IPv6 addresses of the host, except loopback, as an array of strings. They are
    /// read with `ip`, or with `hostname -I` if `ip` is not installed. The array is empty if neither is
    /// installed. It also reads in check mode. It costs a round trip.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     let inside = h.addresses.filter(|address| address.starts_with("10."));
    ///     log::info(`${h.name}: ${inside}`);
    /// });
    /// ```
    ADDRESSES = addresses {
        (host: Host) -> Array,
    }
}

/// Lines `FAMILY=ADDRESS/LENGTH`.
const LIST_ADDRESSES: &str = "\
if command -v ip >/dev/null 2>&1; then ip -o addr | \
while read -r n link family address rest; do echo \"$family=$address\"; done
else for address in $(hostname -I); do echo \"inet=$address\"; done; fi";

function! {
    /// The file systems that are currently mounted on the host, as an array of maps with `source`, `path`,
    /// `type` and `options`, in the order of `/proc/self/mounts`. It also reads in check mode.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| {
    ///     let data = h.mounts.filter(|mount| mount.path == "/srv");
    ///     if data.is_empty() { fail("/srv is not a separate file system"); }
    /// });
    /// ```
    MOUNTS = mounts {
        (host: Host) -> Array,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare_getter(&FACTS).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue| facts(&context, host),
    );
    declare_getter(&ADDRESSES).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue| addresses(&context, host),
    );
    declare_getter(&MOUNTS).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue| mounts(&context, host),
    );
}

fn facts(context: &NativeCallContext<'_>, host: &HostValue) -> Result<Dynamic> {
    let frame = Frame::acting(context, "facts")?;
    known(context, &frame, host)?;
    let facts = host
        .0
        .facts(frame.cancel())
        .map_err(|failure| throw(failure, context))?;
    let mut facts =
        serde_json::to_value(facts).map_err(|error| argument(context, error.to_string()))?;
    if let Some(facts) = facts.as_object_mut() {
        facts.remove("addresses");
    }
    Ok(from_json(&facts))
}

fn addresses(context: &NativeCallContext<'_>, host: &HostValue) -> Result<Array> {
    let frame = Frame::acting(context, "addresses")?;
    known(context, &frame, host)?;
    let list = Query::Script {
        script: LIST_ADDRESSES.to_owned(),
        reads: Vec::new(),
    };
    let answers =
        ask(&host.0, frame.cancel(), vec![list]).map_err(|failure| throw(failure, context))?;
    let rows = answers.iter().filter_map(|(_, answer)| match answer {
        Answer::Table(rows) => Some(rows),
        _ => None,
    });
    Ok(rows
        .flatten()
        .filter_map(|(family, address)| address_of(family, address))
        .map(Dynamic::from)
        .collect())
}

/// The address in a line of `ip`, without the length of its prefix; `None` for a loopback address.
fn address_of(family: &str, address: &str) -> Option<String> {
    let address = matches!(family, "inet" | "inet6").then(|| address.split('/').next())??;
    let parsed: IpAddr = address.parse().ok()?;
    (!parsed.is_loopback()).then(|| address.to_owned())
}

/// The mounted file systems of the host.
fn mounts(context: &NativeCallContext<'_>, host: &HostValue) -> Result<Array> {
    let text = read(context, host, "/proc/self/mounts", Map::new())?;
    let text = text.into_immutable_string().unwrap_or_default();
    Ok(text.lines().filter_map(mount).map(Dynamic::from).collect())
}

/// A line of `/proc/self/mounts` (proc(5)): words, in which whitespace and backslashes are escaped in octal.
fn mount(line: &str) -> Option<Map> {
    let mut words = line.split(' ').map(|word| {
        let octal = [
            ("\\040", " "),
            ("\\011", "\t"),
            ("\\012", "\n"),
            ("\\134", "\\"),
        ];
        octal.iter().fold(word.to_owned(), |word, (code, plain)| {
            word.replace(code, plain)
        })
    });
    let mut next = || words.next().map(Dynamic::from);
    let (source, path, kind) = (next()?, next()?, next()?);
    let options = words.next()?;
    let options: Array = options
        .split(',')
        .map(|option| Dynamic::from(option.to_owned()))
        .collect();
    Some(Map::from([
        ("source".into(), source),
        ("path".into(), path),
        ("type".into(), kind),
        ("options".into(), options.into()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn skips_loopback_and_other_address_families() {
        let all = [
            ("inet", "127.0.0.1/8"),
            ("inet6", "::1/128"),
            ("inet", "10.0.0.7/24"),
            ("inet6", "fe80::1/64"),
            ("inet", "10.0.0.8"),
            ("link/ether", "02:42:ac:11:00:02"),
            ("<BROADCAST,UP>", "mtu"),
        ];
        let kept: Vec<_> = all.iter().filter_map(|(f, a)| address_of(f, a)).collect();
        assert_eq!(kept, ["10.0.0.7", "fe80::1", "10.0.0.8"]);
    }
}
