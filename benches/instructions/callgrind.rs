//! Runs a command under callgrind, and reads what it counted.

use std::path::Path;
use std::process::{Command, Stdio};

/// The number of functions that are kept of a count.
const DEAREST: usize = 10;

/// The instructions that a command took.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    pub total: u64,
    /// Instructions of each function itself, without its callees: the most expensive first.
    pub functions: Vec<(u64, String)>,
}

/// Whether the tools are installed.
pub(crate) fn is_there() -> Result<(), String> {
    for tool in ["valgrind", "callgrind_annotate"] {
        let run = Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if let Err(error) = run {
            return Err(format!(
                "`{tool}` does not start ({error}); it is in Debian's package valgrind"
            ));
        }
    }
    Ok(())
}

impl Count {
    /// Runs it. Its children are not counted.
    pub(crate) fn of(command: &mut Command) -> Self {
        let out = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut valgrind = Command::new("valgrind");
        valgrind
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", out.path().display()))
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null());
        if let Some(dir) = command.get_current_dir() {
            valgrind.current_dir(dir);
        }
        let ran = valgrind.output().expect("valgrind starts");
        assert!(
            ran.status.success(),
            "{command:?} under valgrind: {}\n{}{}",
            ran.status,
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        Self::read(out.path())
    }

    fn read(counted: &Path) -> Self {
        let annotated = Command::new("callgrind_annotate")
            .args(["--threshold=100", "--auto=no"])
            .arg(counted)
            .output()
            .expect("callgrind_annotate starts");
        assert!(
            annotated.status.success(),
            "callgrind_annotate: {}",
            String::from_utf8_lossy(&annotated.stderr)
        );
        let text = String::from_utf8_lossy(&annotated.stdout).into_owned();
        let total = text
            .lines()
            .find(|line| line.ends_with("PROGRAM TOTALS"))
            .and_then(|line| line.split_whitespace().next())
            .and_then(number);
        let functions = text.lines().filter_map(function);
        Self {
            total: total.unwrap_or_else(|| panic!("no total in:\n{text}")),
            functions: merged(functions),
        }
    }

    /// Subtracts another count from the total. The functions stay as they are.
    pub(crate) fn without(self, other: &Self) -> Self {
        Self {
            total: self.total.saturating_sub(other.total),
            ..self
        }
    }

    pub(crate) fn most_expensive(&self) -> impl Iterator<Item = &(u64, String)> {
        self.functions.iter().take(DEAREST)
    }
}

/// `12,345 ( 1.20%)  FILE:NAME [OBJECT]`
fn function(line: &str) -> Option<(u64, String)> {
    let (count, rest) = line.trim_start().split_once(' ')?;
    let count = number(count)?;
    let (_, rest) = rest.split_once(")  ")?;
    // Its object follows in brackets; a type may also contain brackets.
    let name = match rest.rsplit_once(" [") {
        Some((name, _)) if rest.ends_with(']') => name,
        _ => rest,
    };
    if name == "PROGRAM TOTALS" {
        return None;
    }
    // The name of a C++ or Rust function may contain colons, but the file before it does not.
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    Some((count, name.to_owned()))
}

/// A function with lines in several files (because another was inlined into it) is counted as one.
fn merged(functions: impl Iterator<Item = (u64, String)>) -> Vec<(u64, String)> {
    let mut by_name = std::collections::HashMap::<String, u64>::new();
    for (count, name) in functions {
        *by_name.entry(name).or_default() += count;
    }
    let mut all: Vec<_> = by_name
        .into_iter()
        .map(|(name, count)| (count, name))
        .collect();
    all.sort_by(|a, b| b.cmp(a));
    all
}

fn number(text: &str) -> Option<u64> {
    text.replace(',', "").parse().ok()
}
