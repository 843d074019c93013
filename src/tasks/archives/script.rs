//! The shell script that downloads, checks, unpacks and renames.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::source::{Compression, Form, Source};
use crate::shell::quote_str;
use crate::tasks::fs::HostPath;

/// A file in the directory that records which archive it was unpacked from.
pub(super) const STAMP: &str = ".unpacked";

/// Where the archive is stored temporarily.
pub(super) fn body(path: &HostPath) -> HostPath {
    path.beside("archive")
}

/// Where a compressed archive is stored temporarily.
pub(super) fn packed(path: &HostPath) -> HostPath {
    path.beside("packed")
}

/// Everything that the script of one change needs.
pub(super) struct Script<'a> {
    pub path: &'a HostPath,
    pub source: &'a Source,
    pub form: &'a Form,
    pub sha256: &'a str,
    pub links: &'a BTreeMap<String, String>,
    pub owner: Option<String>,
    /// Of the directory itself.
    pub mode: u32,
    pub stamp: &'a str,
    /// There is a directory to replace.
    pub replaces: bool,
}

impl Script<'_> {
    pub(crate) fn render(&self) -> String {
        let mut text = format!(
            "umask 022\nops_path={}\nops_archive={}\nops_tree={}\n",
            self.path.quoted(),
            body(self.path).quoted(),
            self.path.beside("tree").quoted(),
        );
        let compressed = matches!(self.source, Source::Local(local) if local.compressed.is_some());
        if compressed {
            let _ = writeln!(text, "ops_packed={}", packed(self.path).quoted());
        }
        text.push_str(
            "trap 'rm -rf \"$ops_tree\" \"$ops_archive\" ${ops_packed:+\"$ops_packed\"}' EXIT\n\
             trap 'exit 1' HUP INT TERM\n\
             clear_away \"$ops_tree\"\n",
        );
        if let Source::Address(address) = self.source {
            text.push_str("clear_away \"$ops_archive\"\n");
            // The address may contain a token. Passing it in a configuration on standard input keeps it out
            // of the process list.
            let _ = writeln!(
                text,
                "fetch_to \"$ops_archive\" {} {}",
                quote_str(address),
                quote_str(&format!("url = \"{address}\"")),
            );
        }
        if compressed {
            text.push_str("inflate_file \"$ops_packed\" \"$ops_archive\"\n");
        }
        let _ = writeln!(text, "expect_archive \"$ops_archive\" {}", self.sha256);
        text.push_str("mkdir \"$ops_tree\"\n");
        self.fill(&mut text);
        for (name, target) in self.links {
            if let Some((above, _)) = name.rsplit_once('/') {
                let _ = writeln!(text, "mkdir -p \"$ops_tree\"/{}", quote_str(above));
            }
            let name = quote_str(name);
            let _ = writeln!(
                text,
                "clear_away \"$ops_tree\"/{name}\nln -s -- {} \"$ops_tree\"/{name}",
                quote_str(target)
            );
        }
        let _ = writeln!(
            text,
            "rm -f \"$ops_tree\"/{STAMP}\nprintf %s {} >\"$ops_tree\"/{STAMP}",
            quote_str(self.stamp)
        );
        if let Some(owner) = &self.owner {
            let _ = writeln!(text, "chown -Rh {owner} \"$ops_tree\"");
        }
        let _ = writeln!(text, "chmod {:05o} \"$ops_tree\"", self.mode);
        if self.replaces {
            text.push_str(
                "keep_away \"$ops_path\"\n\
                 mv \"$ops_tree\" \"$ops_path\" || { bring_back \"$ops_path\"; exit 1; }\n",
            );
        } else {
            // `mv` would move the tree into a directory that appeared in the meantime.
            text.push_str(
                "if [ -e \"$ops_path\" ] || [ -h \"$ops_path\" ]; then echo \"$ops_path appeared in the \
                 meantime\" >&2; exit 1; fi\n\
                 mv \"$ops_tree\" \"$ops_path\"\n",
            );
        }
        text.push_str("rm -f \"$ops_archive\" ${ops_packed:+\"$ops_packed\"}\ntrap - EXIT");
        text
    }

    fn fill(&self, text: &mut String) {
        match self.form {
            Form::File { name, mode } => {
                let name = quote_str(name);
                let _ = writeln!(
                    text,
                    "mv \"$ops_archive\" \"$ops_tree\"/{name}\nchmod {mode:05o} \"$ops_tree\"/{name}"
                );
            }
            Form::Tar { compression, strip } => {
                let strip = match strip {
                    0 => String::new(),
                    strip => format!(" --strip-components={strip}"),
                };
                let tar = |more: &str, from: &str| {
                    format!("tar -x{more}of {from} -C \"$ops_tree\" --no-same-permissions{strip}")
                };
                let line = match compression {
                    None => tar("", "\"$ops_archive\""),
                    Some(Compression::Gzip) => tar("z", "\"$ops_archive\""),
                    Some(Compression::Bzip2) => tar("j", "\"$ops_archive\""),
                    Some(Compression::Xz) => tar("J", "\"$ops_archive\""),
                    // BusyBox's tar does not support zstd.
                    Some(Compression::Zstd) => {
                        format!(
                            "need_program zstd\nzstd -dcq \"$ops_archive\" | {}",
                            tar("", "-")
                        )
                    }
                };
                let _ = writeln!(text, "need_program tar\n{line}");
            }
        }
    }
}
