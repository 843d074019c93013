//! A digest of a loaded inventory: whether a later attempt of a run works on the same one.
//!
//! It is over what was loaded and not over the files, which an executable inventory does not have. Where a
//! variable is written makes no difference, and neither does the order of keys.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::inventory::Inventory;
use crate::model::Vars;

impl Inventory {
    /// SHA-256 of hosts, groups, variables and `--limit`, in hexadecimal digits. Variables count as they are
    /// written: encrypted ones are not decrypted for it.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut all = Content::default();
        // Hosts of the same groups share their layers.
        let mut layers: HashMap<*const Vars, [u8; 32]> = HashMap::new();
        for group in self.groups() {
            all.text("group", &group.name);
            group
                .children
                .iter()
                .for_each(|child| all.text("child", child));
        }
        for host in self.hosts() {
            all.text("host", &host.name);
            all.0.update([u8::from(self.within_limit(host))]);
            host.groups.iter().for_each(|group| all.text("in", group));
            for layer in &host.layers {
                let digest = layers
                    .entry(Arc::as_ptr(layer))
                    .or_insert_with(|| of_vars(layer));
                all.0.update(*digest);
            }
        }
        let mut text = String::new();
        for byte in all.0.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

fn of_vars(vars: &Vars) -> [u8; 32] {
    let mut content = Content::default();
    let mut sorted: Vec<_> = vars.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    for (name, var) in sorted {
        content.text("var", name);
        content.value(&var.value);
    }
    content.0.finalize().into()
}

/// Content that is digested. Every part says its kind and its length, so no two are the same bytes.
#[derive(Default)]
struct Content(Sha256);

impl Content {
    fn text(&mut self, kind: &str, text: &str) {
        for part in [kind, text] {
            self.0.update(part.len().to_be_bytes());
            self.0.update(part);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text("string", text),
            Value::Array(values) => {
                self.text("list", &values.len().to_string());
                for value in values {
                    self.value(value);
                }
            }
            Value::Object(fields) => {
                self.text("map", &fields.len().to_string());
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_unstable_by_key(|(name, _)| *name);
                for (name, value) in sorted {
                    self.text("key", name);
                    self.value(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.text("scalar", &value.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::{Sources, load};

    fn digest(name: &str, text: &str, limit: Option<&str>) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        let sources = Sources {
            paths: vec![path],
            ..Sources::default()
        };
        let inventory = load(&sources).expect("an inventory");
        let limited = limit.map(|limit| inventory.limited(limit).expect("a host"));
        limited.unwrap_or(inventory).digest()
    }

    #[test]
    fn says_whether_an_inventory_is_the_same() {
        let of = |text: &str| digest("hosts.ini", text, None);
        let one = of("[web]\nweb1 port=1 name=a\nweb2\n");
        assert_eq!(one.len(), 64);
        // Elsewhere, and with the variables in another order.
        assert_eq!(one, of("# a comment\n[web]\nweb1 name=a port=1\nweb2\n"));
        for other in [
            "[web]\nweb1 port=1 name=b\nweb2\n",
            "[web]\nweb2\nweb1 port=1 name=a\n",
            "[web]\nweb1 port=1 name=a\nweb2\n[db]\nweb1\n",
            "[web]\nweb1 port=1 name=a\nweb2 port=1\n",
            "[web]\nweb1 port=1 name=a\n",
        ] {
            assert_ne!(one, of(other), "{other}");
        }
        let limited = digest(
            "hosts.ini",
            "[web]\nweb1 port=1 name=a\nweb2\n",
            Some("web1"),
        );
        assert_ne!(one, limited);
    }
}
