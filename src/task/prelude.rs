//! What stands before a task's script: the functions that it uses, and where the step keeps what it replaces.

use crate::shell::quote_str;

const SOURCE: &str = include_str!("prelude.sh");

/// A task's apply or undo script as a shell is to run it, in a subshell of its own: strict, in the C locale,
/// with `$keep` and the functions of `prelude.sh` that it names.
///
/// What it prints on standard output becomes the note of the outcome.
///
/// The subshell must not stand in a condition (`if`, `||`): a shell ignores `set -e` in one.
#[must_use]
pub fn script(text: &str, keep: &str) -> String {
    let mut wanted = text.to_owned();
    let mut chosen: Vec<&str> = Vec::new();
    // Those that are used come before those that use them.
    let functions: Vec<(&str, &str)> = functions().collect();
    loop {
        let more = functions
            .iter()
            .find(|(name, body)| !chosen.contains(body) && wanted.contains(name));
        let Some((_, body)) = more else { break };
        wanted.push_str(body);
        chosen.push(body);
    }
    format!(
        "set -e\nexport LC_ALL=C\nkeep={}\n{}{text}\n",
        quote_str(keep),
        chosen.concat()
    )
}

/// Each function by its name.
fn functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOURCE.split_inclusive("\n}\n").filter_map(|part| {
        let at = part
            .lines()
            .find(|line| line.ends_with("() {"))
            .and_then(|line| part.find(line))?;
        let body = &part[at..];
        Some((body.split("()").next()?, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_what_is_used_and_no_more() {
        assert_eq!(
            script("true", "/k eep"),
            "set -e\nexport LC_ALL=C\nkeep='/k eep'\ntrue\n"
        );
        let text = script("keep_copy /x", "/keep");
        assert!(text.contains("\nkeep_dir() {\n") && text.contains("\nkeep_copy() {\n"));
        assert!(text.contains("\nclear_away() {\n") && !text.contains("rmdir"));
        assert_eq!(functions().count(), SOURCE.matches("() {\n").count());
    }

    #[test]
    fn ten_runs_are_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let kept = dir.path().join(format!("{} kept", shell[0]));
            for run in 10..25 {
                for step in ["a", "b"] {
                    let keep = kept.join(format!("run{run}/{step}"));
                    let text = script("keep_dir; : >\"$keep.x\"", &keep.to_string_lossy());
                    let status = std::process::Command::new(shell[0])
                        .args(&shell[1..])
                        .args(["-c", &text])
                        .status();
                    assert!(status.is_ok_and(|status| status.success()), "{shell:?}");
                }
            }
            let runs = std::fs::read_dir(&kept).expect("a directory").count();
            assert_eq!(runs, 10, "{shell:?}");
            assert!(kept.join("run24/b.x").exists() && kept.join("run15/a.x").exists());
        }
    }
}
