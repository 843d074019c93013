//! What precedes a task's script: the functions that it uses, and where the step keeps what it replaces.

use crate::shell::{Function, quote_str};

const SOURCE: &str = include_str!("prelude.sh");

/// A task's apply or undo script as a shell runs it, in a subshell of its own: strict, in the C locale,
/// with `$keep`. It may call the functions that [`functions`] returns for it.
///
/// Its standard output becomes the note of the outcome.
///
/// The subshell must not be part of a condition (`if`, `||`): a shell ignores `set -e` in one.
#[must_use]
pub fn script(text: &str, keep: &str) -> String {
    let keep = quote_str(keep);
    format!("set -e\nexport LC_ALL=C\nkeep={keep}\n{text}\n")
}

/// The functions of `prelude.sh` that these scripts name, and those that the functions name in turn. The
/// scripts of a request share them: with a copy for each, a request of fifteen changes would be three times
/// as long.
#[must_use]
pub fn functions<'s>(scripts: impl IntoIterator<Item = &'s [u8]>) -> Vec<Function> {
    let all: Vec<Function> = all().collect();
    let mut wanted = vec![false; all.len()];
    let mut texts: Vec<&[u8]> = scripts.into_iter().collect();
    while let Some(text) = texts.pop() {
        for (function, wanted) in all.iter().zip(&mut wanted) {
            if !*wanted && names(text, function.name) {
                *wanted = true;
                texts.push(function.body.as_bytes());
            }
        }
    }
    let kept = all.into_iter().zip(wanted);
    kept.filter_map(|(function, wanted)| wanted.then_some(function))
        .collect()
}

fn names(text: &[u8], name: &str) -> bool {
    text.windows(name.len()).any(|at| at == name.as_bytes())
}

fn all() -> impl Iterator<Item = Function> {
    SOURCE.split_inclusive("\n}\n").filter_map(|part| {
        let at = part
            .lines()
            .find(|line| line.ends_with("() {"))
            .and_then(|line| part.find(line))?;
        let body = &part[at..];
        let name = body.split("()").next()?;
        Some(Function { name, body })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_only_the_functions_that_are_used() {
        assert_eq!(
            script("true", "/k eep"),
            "set -e\nexport LC_ALL=C\nkeep='/k eep'\ntrue\n"
        );
        let scripts: [&[u8]; 2] = [b"keep_copy /x", b"replace_link a b c"];
        let sent: Vec<_> = functions(scripts).iter().map(|f| f.name).collect();
        assert_eq!(
            sent,
            [
                "failed_at",
                "hint_at",
                "forget_old",
                "own_state",
                "keep_dir",
                "clear_away",
                "keep_copy",
                "replace_link",
                "move_link"
            ]
        );
        assert_eq!(all().count(), SOURCE.matches("() {\n").count());
    }

    #[test]
    fn keeps_ten_runs() {
        let dir = tempfile::tempdir().expect("a directory");
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let kept = dir.path().join(format!("{} kept", shell[0]));
            for run in 10..25 {
                for step in ["a", "b"] {
                    let keep = kept.join(format!("run{run}/{step}"));
                    let text = script(
                        "ops_state=$PWD; keep_dir; : >\"$keep.x\"",
                        &keep.to_string_lossy(),
                    );
                    let own = functions([text.as_bytes()]);
                    let own: String = own.iter().map(|function| function.body).collect();
                    let text = format!("{own}{text}");
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

    /// Only a path that cannot be renamed over is written in place.
    #[test]
    fn nothing_is_written_in_place_after_a_signal() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, new) = (dir.path().join("file"), dir.path().join("new"));
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            std::fs::write(&path, "old").expect("it is written");
            let text = format!(
                "mv() {{ return 143; }}\nbegin_file {new}\nprintf new >{new}\nmove_over {path}",
                new = new.display(),
                path = path.display()
            );
            let own = functions([text.as_bytes()]);
            let own: String = own.iter().map(|function| function.body).collect();
            let output = std::process::Command::new(shell[0])
                .args(&shell[1..])
                .args(["-c", &format!("set -e\n{own}{text}")])
                .output()
                .expect("a shell runs");
            assert!(!output.status.success(), "{shell:?}");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("ended by signal 15"), "{shell:?}: {told}");
            let content = std::fs::read_to_string(&path).expect("it is there");
            assert_eq!(content, "old", "{shell:?}");
            assert!(!new.exists(), "{shell:?}");
        }
    }
}
