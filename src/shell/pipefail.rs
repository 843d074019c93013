//! Runs a script so that a pipe fails if any of its commands fails.

use super::quote_str;

/// Returns `text` for a shell that supports `pipefail`: the host's `sh` if it does (BusyBox, and shells
/// that follow POSIX.1-2024), else bash. If neither does, nothing is run: the script exits with a code that
/// is not in `ok`, and prints why.
#[must_use]
pub fn pipefail(text: &str, ok: &[u8]) -> String {
    let code = (1..=125).rev().find(|code| !ok.contains(code)).unwrap_or(1);
    let quoted = quote_str(text);
    format!(
        "if (set -o pipefail) 2>/dev/null; then set -o pipefail; eval {quoted}\n\
         elif command -v bash >/dev/null; then exec bash -o pipefail -c {quoted}\n\
         else printf '%s\\n' {} >&2; exit {code}; fi",
        quote_str(REFUSAL)
    )
}

const REFUSAL: &str = "`pipefail` needs bash or an sh that supports `set -o pipefail`, \
    and this host has neither.\n\
    Install bash, or write to a file first and compress that.";

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The exit code and what was printed, in a shell with this `PATH`.
    fn ran(shell: &[&str], text: &str, path: Option<&str>) -> (Option<i32>, String) {
        let mut command = Command::new(shell[0]);
        command
            .args(&shell[1..])
            .args(["-c", &pipefail(text, &[0, 125])]);
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let output = command.output().expect("a shell runs");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    #[test]
    fn a_pipe_fails_if_any_of_its_commands_fails() {
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let (code, _) = ran(shell, "false | cat", None);
            assert_eq!(code, Some(1), "{shell:?}");
            let (code, said) = ran(shell, "x='it is'; printf '%s\\n' \"$x\" | cat", None);
            assert_eq!((code, said.as_str()), (Some(0), "it is\n"), "{shell:?}");
            let (code, _) = ran(shell, "true | false | true", None);
            assert_eq!(code, Some(1), "{shell:?}");
        }
    }

    #[test]
    fn runs_nothing_without_a_shell_that_supports_it() {
        let empty = tempfile::tempdir().expect("a directory");
        let path = empty.path().to_string_lossy();
        let (code, said) = ran(&["/bin/dash"], "echo ran", Some(&path));
        assert_eq!(code, Some(124));
        assert_eq!(said, format!("{REFUSAL}\n"));
    }
}
