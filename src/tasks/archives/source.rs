//! What is unpacked, and what form it has.

use std::sync::Arc;

use crate::declare::ArgumentError;
use crate::shell::Payload;
use crate::tasks::fs::Artifact;
use crate::tasks::surroundings::Surroundings;

/// Where an archive comes from.
pub(super) enum Source {
    /// The host fetches it.
    Address(String),
    Local(Local),
}

/// Something on the machine that ops runs on.
pub(super) struct Local {
    /// As the playbook wrote it.
    path: String,
    artifact: Arc<Artifact>,
    /// What is sent in its place.
    pub(super) compressed: Option<Payload>,
}

impl std::ops::Deref for Local {
    type Target = Artifact;

    fn deref(&self) -> &Artifact {
        &self.artifact
    }
}

impl Source {
    pub fn of(archive: &str, surroundings: &dyn Surroundings) -> Result<Self, ArgumentError> {
        let refused = |message: String| ArgumentError::parameter(1, message);
        if archive.is_empty() {
            return Err(refused("the path of the archive is empty".to_owned()));
        }
        if archive.contains("://") {
            return address(archive).map(Self::Address);
        }
        let artifact = surroundings
            .artifact(archive)
            .map_err(|reason| refused(format!("cannot read `{archive}`: {reason}")))?;
        Ok(Self::Local(Local {
            path: archive.to_owned(),
            compressed: None,
            artifact,
        }))
    }

    /// Has it sent compressed, where that makes it smaller.
    pub fn compress(&mut self, archive: &str) -> Result<(), ArgumentError> {
        let Self::Local(local) = self else {
            let message = "the host fetches it as it is there";
            return Err(ArgumentError::option("compress", message));
        };
        local.compressed = local.artifact.compressed().map_err(|reason| {
            ArgumentError::option("compress", format!("cannot compress `{archive}`: {reason}"))
        })?;
        Ok(())
    }

    /// Its last component: of an address without what follows a question mark.
    pub fn name(&self) -> &str {
        let path = match self {
            Self::Address(address) => address.split(['?', '#']).next().unwrap_or_default(),
            Self::Local(local) => &local.path,
        };
        let path = path.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// An address that stands unharmed in a configuration of curl, too.
fn address(text: &str) -> Result<String, ArgumentError> {
    let known = ["http://", "https://"];
    let refused = |message: &str| Err(ArgumentError::parameter(1, message));
    if !known.iter().any(|scheme| text.starts_with(scheme)) {
        return refused("an address starts with `https://` or `http://`");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"\\".contains(c)) {
        return refused("the address holds a blank, a quote or a backslash: write it as `%20`");
    }
    Ok(text.to_owned())
}

/// What is done with the bytes.
pub(super) enum Form {
    Tar {
        /// What it is compressed with.
        compression: Option<Compression>,
        strip: u32,
    },
    /// Put into the directory under this name.
    File { name: String, mode: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// Formats as an option names them, and the names of files that have them.
const FORMATS: [(&str, &[&str], Option<Compression>); 5] = [
    ("tar", &[".tar"], None),
    ("tar.gz", &[".tar.gz", ".tgz"], Some(Compression::Gzip)),
    (
        "tar.bz2",
        &[".tar.bz2", ".tbz2", ".tbz"],
        Some(Compression::Bzip2),
    ),
    ("tar.xz", &[".tar.xz", ".txz"], Some(Compression::Xz)),
    ("tar.zst", &[".tar.zst", ".tzst"], Some(Compression::Zstd)),
];

impl Form {
    pub fn of(
        archive: &str,
        source: &Source,
        format: Option<String>,
        file: Option<String>,
        strip: u32,
    ) -> Result<Self, ArgumentError> {
        let packed = matches!(source, Source::Local(local) if local.packed);
        let refused = |key: &str, message: &str| Err(ArgumentError::option(key, message));
        match (&format, &file) {
            (Some(_), Some(_)) => return refused("file", "it is either a file or an archive"),
            (Some(_), _) if packed => return refused("format", "a directory has none"),
            (_, Some(_)) if packed => return refused("file", "this is a directory"),
            _ => {}
        }
        let tar = |compression| Self::Tar { compression, strip };
        if packed {
            return Ok(tar(None));
        }
        if let Some(format) = format {
            let names: Vec<&str> = FORMATS.iter().map(|(name, ..)| *name).collect();
            let known = FORMATS.iter().find(|(name, ..)| *name == format);
            let error = || {
                ArgumentError::option("format", format!("there is no format `{format}`"))
                    .hint(format!("The formats are {}.", names.join(", ")))
            };
            return known
                .map(|(.., compression)| tar(*compression))
                .ok_or_else(error);
        }
        let name = source.name();
        let told = FORMATS
            .iter()
            .find(|(_, ends, _)| ends.iter().any(|end| name.ends_with(end)));
        if let (Some((.., compression)), None) = (told, &file) {
            return Ok(tar(*compression));
        }
        if strip > 0 {
            return refused(
                "strip",
                "a file that is not an archive has no directories to strip",
            );
        }
        if file.is_none()
            && std::path::Path::new(name)
                .extension()
                .is_some_and(|e| e == "zip")
        {
            let error = ArgumentError::parameter(1, format!("`{archive}` is a zip archive"));
            return Err(error
                .hint("Make a tar file of it, or say `file: \"NAME\"` to put it there as it is."));
        }
        let name = file.unwrap_or_else(|| name.to_owned());
        if matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']) {
            return refused("file", "it is the name of a file, without a directory");
        }
        let executable = match source {
            Source::Local(local) => local.executable,
            Source::Address(_) => true,
        };
        let mode = if executable { 0o755 } else { 0o644 };
        Ok(Self::File { name, mode })
    }

    /// What is done, as a user reads it.
    pub fn told(&self, source: &Source) -> String {
        let from = source.name();
        match self {
            Self::Tar { .. } => format!("unpacks {from}"),
            Self::File { name, .. } if name == from => format!("puts {from} there"),
            Self::File { name, .. } => format!("puts {from} there as {name}"),
        }
    }
}
