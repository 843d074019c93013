//! `ops new playbook NAME` and `ops new project NAME`: files to start from. Their texts are in `src/cli/new/`
//! and `playbooks/`; a test runs `ops check` on each of them.

mod templates;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::model::{Failure, FailureKind};

use super::diagnostics;
use super::inventory_args::InventoryArgs;
use super::program::{DONE, Done, Program};
use templates::{Ci, File, From};

/// Create files to start from: a playbook, or a project with an inventory and a playbook
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Create NAME.rhai in the working directory
    Playbook(PlaybookArgs),
    /// Create a directory NAME with an inventory, a playbook and the files that they use
    Project(ProjectArgs),
}

#[derive(Debug, clap::Args)]
struct PlaybookArgs {
    /// Name of the playbook, without `.rhai`
    name: String,
    /// Copy a playbook that comes with ops
    #[arg(long, value_enum, value_name = "PLAYBOOK")]
    from: Option<From>,
}

#[derive(Debug, clap::Args)]
struct ProjectArgs {
    /// Name of the directory
    name: String,
    /// Add a CI job that checks the playbook on every push and runs it on request
    #[arg(long, value_enum, value_name = "SERVICE")]
    ci: Option<Ci>,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
        let report = match self.what {
            What::Playbook(args) => playbook(&args),
            What::Project(args) => project(&args),
        };
        diagnostics::out(&report.map_err(|failure| vec![failure])?);
        Ok(DONE)
    }
}

fn playbook(args: &PlaybookArgs) -> Result<String, Failure> {
    let name = args.name.strip_suffix(".rhai").unwrap_or(&args.name);
    check_name(name)?;
    let mut files = templates::playbook(name, args.from);
    // The playbooks that come with ops name groups: without an inventory they would not pass `ops check`.
    let inventories = InventoryArgs::default().paths(Vec::new());
    if args.from.is_some() && inventories.is_ok_and(|paths| paths.is_empty()) {
        files.push(templates::inventory());
    }
    let written = write(Path::new(""), &files)?;
    let run = match args.from {
        None => (
            format!("ops run {name}.rhai --check --diff"),
            "shows what would change; changes nothing",
        ),
        Some(_) => (
            "ops inventory list".to_owned(),
            "must have the groups web and lb",
        ),
    };
    let next = [
        (
            format!("ops check {name}.rhai"),
            "finds mistakes; contacts no host",
        ),
        (
            format!("ops run {name}.rhai --help"),
            "lists its parameters",
        ),
        run,
        ("ops doc".to_owned(), "lists every function and task"),
    ];
    Ok(format!("{written}\nNext:\n{}", steps(&next)))
}

fn project(args: &ProjectArgs) -> Result<String, Failure> {
    let name = &args.name;
    check_name(name)?;
    let dir = Path::new(name);
    // An empty directory was most likely made for it. The files of another one might be needed.
    let is_taken = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    if is_taken {
        return Err(Failure::new(
            FailureKind::Input,
            format!("{name} exists and is not an empty directory"),
        )
        .hint("Nothing was written. `ops new playbook NAME` adds a playbook to a project."));
    }
    let written = write(dir, &templates::project(name, args.ci))?;
    let run = "ops run deploy.rhai --var owner=$USER --check --diff";
    let next = [
        (format!("cd {name}"), ""),
        (
            "ops check deploy.rhai".to_owned(),
            "finds mistakes; contacts no host",
        ),
        (
            run.to_owned(),
            "shows what would change on this machine; changes nothing",
        ),
        (
            "$EDITOR inventory.toml".to_owned(),
            "to list your own hosts",
        ),
    ];
    Ok(format!("{written}\nNext:\n{}", steps(&next)))
}

/// Commands with what they do, in two columns.
fn steps(steps: &[(String, &str)]) -> String {
    let width = steps
        .iter()
        .map(|(command, _)| command.chars().count())
        .max()
        .unwrap_or(0);
    steps
        .iter()
        .map(|(command, what)| match *what {
            "" => format!("  {command}\n"),
            what => format!("  {command:width$}   # {what}\n"),
        })
        .collect()
}

/// Whether a name works on every file system, and in every shell without quotes.
fn check_name(name: &str) -> Result<(), Failure> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let why = if name.is_empty() {
        "it is empty"
    } else if name.contains('/') {
        "it is a path: change to the directory first"
    } else if name.starts_with(['.', '-']) {
        "it begins with a dot or a dash"
    } else if !name.chars().all(allowed) {
        "only letters, digits, dashes, underscores and dots are allowed"
    } else if name.len() > 100 {
        "it is longer than 100 bytes"
    } else {
        return Ok(());
    };
    Err(Failure::new(
        FailureKind::Input,
        format!("invalid file name `{name}`: {why}"),
    )
    .hint("Nothing was written."))
}

/// Writes all of the files, or none if one of them exists. Returns a line for each file that was written.
fn write(dir: &Path, files: &[File]) -> Result<String, Failure> {
    let mut missing = Vec::new();
    for file in files {
        let path = dir.join(&file.path);
        match fs::read(&path) {
            // A file that several playbooks share may exist from an earlier one.
            Ok(content) if file.shared && content == file.text.as_bytes() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((path, file)),
            _ => {
                let message = format!("{} exists already", path.display());
                return Err(Failure::new(FailureKind::Input, message)
                    .hint("Nothing was written. Choose another name."));
            }
        }
    }
    let mut report = String::new();
    for (path, file) in missing {
        create(&path, &file.text).map_err(|error| {
            let message = format!("failed to write {}: {error}", path.display());
            Failure::new(FailureKind::Input, message)
        })?;
        report.push_str(&format!("wrote {}\n", path.display()));
    }
    Ok(report)
}

fn create(path: &PathBuf, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Does not overwrite a file that was created in the meantime.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_file_names_are_accepted() {
        for good in ["deploy", "rolling-update", "v1.2_x", "größer"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "empty"),
            ("a/b", "path"),
            ("..", "dot"),
            ("-x", "dash"),
            ("a b", "letters"),
            ("a\n", "letters"),
            ("a;b", "letters"),
        ] {
            let failure = check_name(bad).expect_err(bad);
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        assert!(check_name(&"x".repeat(101)).is_err());
    }

    #[test]
    fn all_are_written_or_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = |path: &str, shared| File {
            path: path.to_owned(),
            text: "text\n".to_owned(),
            shared,
        };
        let files = [file("a.rhai", false), file("lib/b.rhai", true)];
        write(dir.path(), &files[1..]).expect("written");
        let report = write(dir.path(), &files).expect("the shared file has the same content");
        assert!(
            report.contains("a.rhai") && !report.contains("b.rhai"),
            "{report}"
        );
        let files = [file("c.rhai", false), file("a.rhai", false)];
        let failure = write(dir.path(), &files).expect_err("a.rhai exists");
        assert!(failure.message.contains("a.rhai"), "{}", failure.message);
        assert!(!dir.path().join("c.rhai").exists());
        fs::write(dir.path().join("lib/b.rhai"), "mine\n").expect("written");
        write(dir.path(), &[file("lib/b.rhai", true)]).expect_err("its content is another one now");
    }
}
