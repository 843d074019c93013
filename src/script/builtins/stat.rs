//! `h.stat`: information about a path on a host.

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::declare;
use super::host::{HostValue, end_unknown, known};
use crate::declare::{function, options};
use crate::model::{Failure, FailureKind};
use crate::run::ask;
use crate::script::error::{argument, throw};
use crate::script::frame::Frame;
use crate::script::options::Options;
use crate::shell::quote_str;
use crate::task::{Answer, Query};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

options! {
    struct StatOptions {
        /// with `true`, also compute the SHA-256 of the file; default `false`
        hash: Option<bool>,
    }
}

function! {
    /// Returns a map that describes what is at a path on the host. It also reads in check mode.
    ///
    /// | key | value |
    /// |---|---|
    /// | `exists` | whether the path exists; if not, the other keys are `()` |
    /// | `kind` | `"file"`, `"directory"`, `"link"` or `"other"` (a device, a socket, a pipe) |
    /// | `mode` | permission bits as a string: `"0644"` |
    /// | `owner`, `group` | the name, or the number as a string if it has no name |
    /// | `uid`, `gid` | the number |
    /// | `size` | in bytes; for a directory or a link, the number that the file system reports |
    /// | `mtime` | when the content was last changed, in seconds since 1970 |
    /// | `target` | the target of a symbolic link, as stored in the link |
    /// | `hash` | with `#{ hash: true }`: the SHA-256 of the file, or of a link's target, in hex, else `()` |
    ///
    /// A symbolic link is not followed, except for `hash`. `hash` is `()` if the path does not lead to a file
    /// that the user may read. In check mode, the rest of the host's closure is *unknown* if an earlier task
    /// would change what is at the path.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     let s = h.stat("/etc/shop/env", #{ hash: true });
    ///     if s.exists && s.mode != "0640" { log::warn(`${h.name}: its mode is ${s.mode}`); }
    /// });
    /// ```
    pub(crate) STAT = stat(StatOptions) {
        (host: Host, path: String) -> Map,
        (host: Host, path: String, options: Map) -> Map,
    }
}

pub(super) fn register(engine: &mut Engine) {
    declare(&STAT, 0).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, path: &str| {
            stat(&context, host, path, Map::new())
        },
    );
    declare(&STAT, 1).register_into_engine(
        engine,
        |context: NativeCallContext, host: &mut HostValue, path: &str, options: Map| {
            stat(&context, host, path, options)
        },
    );
}

/// The keys in the order of the manual page.
const KEYS: [&str; 10] = [
    "kind", "mode", "owner", "group", "uid", "gid", "size", "mtime", "target", "hash",
];

fn stat(
    context: &NativeCallContext<'_>,
    host: &HostValue,
    path: &str,
    options: Map,
) -> Result<Map> {
    let frame = Frame::acting(context, "stat")?;
    let options = Options::<StatOptions>::read(&STAT, options, context)?;
    let hash = options.hash.unwrap_or(false);
    if !path.starts_with('/') || path.contains('\0') {
        return Err(argument(
            context,
            format!("`{path}` is not an absolute path"),
        ));
    }
    known(context, &frame, host)?;
    let outlook = host.0.history().outlook();
    let place = Query::Path(path.to_owned());
    if let Some(reason) = outlook.alters(&place) {
        return Err(end_unknown(context, &frame, host, &reason));
    }
    let query = Query::Script {
        script: script(path, hash),
        reads: Vec::new(),
    };
    let answers =
        ask(&host.0, frame.cancel(), vec![query]).map_err(|failure| throw(failure, context))?;
    let failed = |why: &str| {
        let failure = Failure::new(
            FailureKind::Failed,
            format!("failed to read the status of {path}: {why}"),
        );
        throw(failure.on(host.0.name()), context)
    };
    match answers.into_iter().next() {
        Some((_, Answer::Table(rows))) => match rows.iter().find(|(key, _)| key == "error") {
            Some((_, why)) => Err(failed(why)),
            None => match outlook.may_bring(&place).filter(|_| rows.is_empty()) {
                Some(reason) => Err(end_unknown(context, &frame, host, &reason)),
                None => Ok(map(&rows)),
            },
        },
        Some((_, Answer::Unknowable(why))) => Err(failed(&why)),
        _ => Err(failed("the host did not answer")),
    }
}

/// A script that prints a row for each key, and nothing if the path does not exist.
fn script(path: &str, hash: bool) -> String {
    let path = quote_str(path);
    let hash = if hash {
        "if [ -f \"$1\" ] && [ -r \"$1\" ]; then h=$(sha256sum <\"$1\") \
         && printf 'hash=%s\\n' \"${h%% *}\"; fi\n"
    } else {
        ""
    };
    format!(
        "set -- {path}\n\
         if [ -e \"$1\" ] || [ -h \"$1\" ]; then\n\
         command -v stat >/dev/null || echo error=the host has no stat command\n\
         stat -c 'bits=%f\nowner=%U\ngroup=%G\nuid=%u\ngid=%g\nsize=%s\nmtime=%Y' -- \"$1\"\n\
         if [ -h \"$1\" ]; then printf 'target=%s\\n' \"$(readlink \"$1\")\"; fi\n\
         {hash}\
         else\n\
         p=$1; while p=${{p%/*}}; [ -n \"$p\" ] && ! [ -e \"$p\" ]; do :; done; p=${{p:-/}}\n\
         if [ -d \"$p\" ] && ! [ -x \"$p\" ]; then echo \"error=this user may not access $p\"; fi\n\
         fi\n"
    )
}

fn map(rows: &[(String, String)]) -> Map {
    let mut map = Map::new();
    map.insert("exists".into(), (!rows.is_empty()).into());
    for key in KEYS {
        map.insert(key.into(), Dynamic::UNIT);
    }
    for (key, value) in rows {
        match key.as_str() {
            "bits" => {
                let bits = u32::from_str_radix(value, 16).unwrap_or_default();
                let kind = match bits & 0o170_000 {
                    0o100_000 => "file",
                    0o040_000 => "directory",
                    0o120_000 => "link",
                    _ => "other",
                };
                map.insert("kind".into(), kind.into());
                map.insert("mode".into(), format!("{:04o}", bits & 0o7777).into());
            }
            "uid" | "gid" | "size" | "mtime" => {
                let number = value.parse::<i64>().map_or(Dynamic::UNIT, Dynamic::from);
                map.insert(key.as_str().into(), number);
            }
            _ => {
                map.insert(key.as_str().into(), value.clone().into());
            }
        }
    }
    // An id without a name.
    for (name, id) in [("owner", "uid"), ("group", "gid")] {
        let is_unknown = map.get(name).is_some_and(|name| {
            (name.read_lock::<rhai::ImmutableString>()).is_some_and(|name| *name == "UNKNOWN")
        });
        if is_unknown {
            let id = map.get(id).map(ToString::to_string).unwrap_or_default();
            map.insert(name.into(), id.into());
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of the script for a path, as the playbook sees it.
    fn looked(path: &std::path::Path, hash: bool) -> Map {
        let output = std::process::Command::new("sh")
            .args(["-c", &script(&path.to_string_lossy(), hash)])
            .output()
            .expect("sh runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = text.lines().filter_map(|line| line.split_once('='));
        let rows: Vec<_> = rows.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        map(&rows)
    }

    fn shown(map: &Map, key: &str) -> String {
        map.get(key).map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn describes_a_file_a_link_and_a_directory() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("it's = a file");
        std::fs::write(&file, "abc").expect("it is written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4750))
            .expect("it is set");
        let link = dir.path().join("link");
        symlink("it's = a file", &link).expect("it is created");

        let seen = looked(&file, true);
        assert_eq!(shown(&seen, "exists"), "true");
        assert_eq!(shown(&seen, "kind"), "file");
        assert_eq!(shown(&seen, "mode"), "4750");
        assert_eq!(shown(&seen, "size"), "3");
        assert!(
            shown(&seen, "mtime")
                .parse::<i64>()
                .is_ok_and(|time| time > 0)
        );
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(shown(&seen, "hash"), sum);
        assert_eq!(shown(&looked(&file, false), "hash"), "");

        let seen = looked(&link, true);
        assert_eq!(shown(&seen, "kind"), "link");
        assert_eq!(shown(&seen, "target"), "it's = a file");
        assert_eq!(shown(&seen, "hash"), sum);
        assert_eq!(shown(&looked(dir.path(), true), "kind"), "directory");
        let gone = looked(&dir.path().join("gone/x"), true);
        assert_eq!(
            (shown(&gone, "exists"), shown(&gone, "kind")),
            ("false".to_owned(), String::new())
        );
    }
}
