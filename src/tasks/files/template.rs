//! `files::template`.

use minijinja::value::merge_maps;
use serde_json::{Map, Value as Json};

use super::file::File;
use crate::declare::{ArgumentError, options};
use crate::model::as_text;
use crate::tasks::entry::task;
use crate::tasks::fs::{Attributes, Content, EntryPath, Landing, Mode, Principal, Validation};
use crate::tasks::surroundings::Surroundings;
use crate::template;

task! {
    /// Ensures the file exists with content rendered from a local template.
    ///
    /// The template is a Jinja2 template as used by Ansible, found beside the playbook; docs/inventory.md
    /// lists its filters and tests. It sees `vars`, the variables of the host, and what templates of an
    /// inventory see (`inventory_hostname`, `groups`, `hostvars`). An undefined name is an error. A run
    /// reads a template once, for all hosts. It is rendered on the controller; the file is then written as
    /// by `files::file`.
    ///
    /// As with Ansible, a first line `#jinja2: trim_blocks: False, lstrip_blocks: True` sets how blocks are
    /// trimmed, and is not written; other settings in it are an error. A byte order mark at the start is
    /// dropped.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::template("/etc/shop/env", "templates/shop.env.j2", #{
    ///         vars: #{ version: "1.4.2" },
    ///         mode: "0640",
    ///     }));
    /// });
    /// ```
    files::template(path: EntryPath, source: String; Options) => render, context
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// a map of variables for the template, which override the host's variables
        #[serde(default)]
        vars: Map<String, Json>,
        /// permission bits, as text: `"0644"`, `"u=rw,go=r"`, `"a+x"`
        mode: Option<Mode>,
        /// the owner, by name or id
        owner: Option<Principal>,
        /// the group, by name or id
        group: Option<Principal>,
        /// if `true`, an existing file keeps its content
        #[serde(default)]
        if_absent: bool,
        /// a command that must accept the new file before it replaces the old one; `%s` stands for its
        /// path, quoted
        validate: Option<String>,
        /// if `true`, no diff is shown, and a new file gets mode 0600
        #[serde(default)]
        secret: bool,
    }
}

fn render(
    path: EntryPath,
    source: String,
    options: Options,
    surroundings: &dyn Surroundings,
) -> Result<File, ArgumentError> {
    let unreadable = |reason: String| {
        ArgumentError::parameter(1, format!("cannot read the template `{source}`: {reason}"))
    };
    let artifact = surroundings.artifact(&source).map_err(unreadable)?;
    let bytes = artifact.content.bytes().filter(|_| !artifact.packed);
    let bytes = bytes.ok_or_else(|| unreadable("it is a directory, or very large".to_owned()))?;
    let text = as_text(bytes).map_err(|error| {
        let message = format!("cannot read the template {}", error.in_file(&source));
        ArgumentError::parameter(1, message).hint(error.hint(&source))
    })?;
    let own = minijinja::Value::from(minijinja::value::Serde(options.vars));
    let skipped = template::header_lines(text);
    // Before the variables are requested: `ops check` has none, but finds errors in the template itself.
    let template = surroundings
        .template(&source, text)
        .map_err(|error| failed(&source, &error, &own, skipped))?;
    let vars = merge_maps([surroundings.vars(), own]);
    let content = template
        .render(&vars)
        .map_err(|error| failed(&source, &error, &vars, skipped))?;
    let landing = Landing {
        path: path.into(),
        attributes: Attributes::new(options.mode, options.owner, options.group),
        validate: options.validate.map(Validation::new).transpose()?,
        secret: options.secret,
        compressed: None,
    };
    let content = Content::new(content.into_bytes());
    File::new("files::template", landing, content, options.if_absent)
}

fn failed(
    source: &str,
    error: &minijinja::Error,
    vars: &minijinja::Value,
    skipped: usize,
) -> ArgumentError {
    let explained = template::explain_with(error, vars);
    let at = explained.line.map_or_else(
        || source.to_owned(),
        |line| format!("{source}:{}", line + skipped),
    );
    let failed = ArgumentError::parameter(1, format!("{at}: {}", explained.message));
    ArgumentError {
        hint: explained.hint,
        ..failed
    }
}
