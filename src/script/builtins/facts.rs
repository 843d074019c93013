//! `h.facts` and `h.mounts`: what a host tells of itself.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare_getter;
use super::host::{HostValue, known, read};
use crate::script::convert::from_json;
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

const FACTS: &str = "\
What the host tells of itself when ops connects: a map. A fact is empty, or `()` for a number, where the host does not tell. Connects.

- `os`: `\"debian\"`; `os_like`: `[\"debian\"]` on Ubuntu; `os_version`: `\"12\"`; `os_codename`: `\"bookworm\"`; `os_name`: `\"Debian GNU/Linux 12 (bookworm)\"`
- `architecture`: `\"x86_64\"`; `kernel`: `\"Linux\"`; `kernel_version`: `\"6.1.0-28-amd64\"`
- `init`: `\"systemd\"`, `\"openrc\"`, ...; `package_manager`: `\"apt\"`, `\"dnf\"`, `\"apk\"`, ...
- `virtualization`: a container (`\"docker\"`, `\"podman\"`, `\"lxc\"`) or a virtual machine (`\"qemu\"`, which is KVM too, `\"vmware\"`, `\"hyperv\"`, `\"amazon\"`, ...); empty for hardware
- `memory`: bytes; `cores`: processors that are on line
- `hostname`; `addresses`: those that are not of loopback
- `user`, `uid`: who commands run as; `state_dir`: where ops keeps its state

What is mounted is asked for when it is needed: `h.mounts`. For anything else there is `h.run(..., #{ reads: true })`.

```rhai
each(hosts(\"all\"), |h| {
    if h.facts.os == \"debian\" { log::info(`${h.name} runs ${h.facts.os_codename}`); }
});
```";

const MOUNTS: &str = "\
The file systems that are mounted on the host now, in the order of `/proc/self/mounts`: maps with `source`, `path`, `type` and `options`, an array. Reads in check
mode too.

```rhai
each(hosts(\"db\"), |h| {
    let data = h.mounts.filter(|mount| mount.path == \"/srv\");
    if data.is_empty() { fail(\"/srv is no file system of its own\"); }
});
```";

pub(super) fn register(engine: &mut Engine) {
    declare_getter("facts", &["host: Host", "Map"], FACTS).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue| facts(&context, host),
    );
    declare_getter("mounts", &["host: Host", "Array"], MOUNTS).register_into_engine(
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
    let facts =
        serde_json::to_value(facts).map_err(|error| argument(context, error.to_string()))?;
    Ok(from_json(&facts))
}

/// The file systems of the host.
fn mounts(context: &NativeCallContext<'_>, host: &HostValue) -> Result<Array> {
    let text = read(context, host, "/proc/self/mounts", Map::new())?;
    let text = text.into_immutable_string().unwrap_or_default();
    Ok(text.lines().filter_map(mount).map(Dynamic::from).collect())
}

/// A line of `/proc/self/mounts` (proc(5)): words, with what would end one written in octal.
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
