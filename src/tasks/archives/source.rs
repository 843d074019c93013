//! Where an archive comes from, and its format.

use std::sync::Arc;

use crate::declare::ArgumentError;
use crate::shell::Payload;
use crate::tasks::fs::Artifact;
use crate::tasks::surroundings::Surroundings;

/// Where an archive comes from.
pub(super) enum Source {
    /// The host downloads it.
    Address(String),
    Local(Local),
}

/// A file or directory on the controller.
pub(super) struct Local {
    /// As written in the playbook.
    path: String,
    artifact: Arc<Artifact>,
    /// What is sent to hosts.
    pub(super) compressed: Option<Payload>,
}

impl std::ops::Deref for Local {
    type Target = Artifact;

    fn deref(&self) -> &Artifact {
        &self.artifact
    }
}

impl Source {
    pub(crate) fn of(
        archive: &str,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
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

    /// Sends the file compressed, if that makes it smaller.
    pub(crate) fn compress(&mut self, archive: &str) -> Result<(), ArgumentError> {
        let Self::Local(local) = self else {
            let message = "the host downloads the archive itself, so it cannot be compressed";
            return Err(ArgumentError::option("compress", message));
        };
        local.compressed = local.artifact.compressed().map_err(|reason| {
            ArgumentError::option("compress", format!("cannot compress `{archive}`: {reason}"))
        })?;
        Ok(())
    }

    /// The last component, without the query and the fragment of a URL.
    pub(crate) fn name(&self) -> &str {
        let path = match self {
            Self::Address(address) => address.split(['?', '#']).next().unwrap_or_default(),
            Self::Local(local) => &local.path,
        };
        let path = path.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// An address that can also be written into a curl configuration unchanged.
fn address(text: &str) -> Result<String, ArgumentError> {
    let known = ["http://", "https://"];
    let refused = |message: &str| Err(ArgumentError::parameter(1, message));
    if !known.iter().any(|scheme| text.starts_with(scheme)) {
        return refused("a URL must start with `https://` or `http://`");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"\\".contains(c)) {
        return refused(
            "the URL contains a space, a quote or a backslash: percent-encode it, for example as `%20`",
        );
    }
    Ok(text.to_owned())
}

/// What to do with the bytes.
pub(super) enum Form {
    Tar {
        /// How it is compressed.
        compression: Option<Compression>,
        strip: u32,
    },
    /// The file is stored in the directory under this name.
    File { name: String, mode: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// The formats accepted by the option, and the file names that imply them.
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
    pub(crate) fn of(
        archive: &str,
        source: &Source,
        format: Option<String>,
        file: Option<String>,
        strip: u32,
    ) -> Result<Self, ArgumentError> {
        let packed = matches!(source, Source::Local(local) if local.packed);
        let refused = |key: &str, message: &str| Err(ArgumentError::option(key, message));
        match (&format, &file) {
            (Some(_), Some(_)) => return refused("file", "cannot be combined with `format`"),
            (Some(_), _) if packed => return refused("format", "does not apply to a directory"),
            (_, Some(_)) if packed => return refused("file", "does not apply to a directory"),
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
                ArgumentError::option("format", format!("unknown format `{format}`"))
                    .hint(format!("The formats are {}.", names.join(", ")))
            };
            return known
                .map(|(.., compression)| tar(*compression))
                .ok_or_else(error);
        }
        let name = source.name();
        let implied = FORMATS
            .iter()
            .find(|(_, ends, _)| ends.iter().any(|end| name.ends_with(end)));
        if let (Some((.., compression)), None) = (implied, &file) {
            return Ok(tar(*compression));
        }
        if strip > 0 {
            return refused("strip", "applies only to archives");
        }
        if file.is_none()
            && std::path::Path::new(name)
                .extension()
                .is_some_and(|e| e == "zip")
        {
            let error = ArgumentError::parameter(1, format!("`{archive}` is a zip archive"));
            return Err(error
                .hint("Convert it to a tar file, or use `file: \"NAME\"` to copy it as it is."));
        }
        let name = file.unwrap_or_else(|| name.to_owned());
        if matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']) {
            return refused("file", "must be a file name without a directory");
        }
        let executable = match source {
            Source::Local(local) => local.executable,
            Source::Address(_) => true,
        };
        let mode = if executable { 0o755 } else { 0o644 };
        Ok(Self::File { name, mode })
    }

    /// What is done, for the diff.
    pub(crate) fn describe(&self, source: &Source) -> String {
        let from = source.name();
        match self {
            Self::Tar { .. } => format!("unpacks {from}"),
            Self::File { name, .. } if name == from => format!("adds {from}"),
            Self::File { name, .. } => format!("adds {from} as {name}"),
        }
    }
}
