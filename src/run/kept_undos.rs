//! What a host has of the undos of a run: see [`kept_undo`](super::kept_undo).

use std::collections::HashMap;

use crate::shell::{End, Reply, Request};

use super::kept_undo::{KeptUndo, directory};

/// A larger file is not asked for.
const LARGEST: usize = 1 << 20;

/// How many runs a host keeps. With so many others, what it had of this one may have been removed: see
/// `forget_old`.
const RUNS: usize = 10;

/// What a host has of the undos of a run, for one user.
#[derive(Debug, Default)]
pub(super) struct KeptUndos {
    /// `+`, or `-` once one could not be written.
    state: Option<String>,
    by_change: HashMap<String, Found>,
}

/// What there is for a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Kept(KeptUndo),
    /// It is undone, but its `undo_last` did not run.
    UndoneButLast(KeptUndo),
    Undone,
    TooLarge,
    Damaged,
    Missing,
}

impl KeptUndos {
    /// What a host answers to [`question`]. `None`: the answer is incomplete.
    pub(super) fn of_reply(reply: Reply) -> Option<Self> {
        let probe = reply.probe.filter(|probe| probe.end == End::Code(0))?;
        if probe.stdout.elided() > 0 {
            return None;
        }
        Self::parse(&probe.stdout.text())
    }

    /// Parses what [`question`] prints. `None`: it is incomplete.
    fn parse(printed: &str) -> Option<Self> {
        let mut kept = Self::default();
        let mut rest = printed;
        loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            match line.split_once(' ').unwrap_or((line, "")) {
                ("all", "") => return Some(kept),
                ("state", state) => kept.state = Some(state.to_owned()),
                ("file", name) => {
                    let (text, after) = rest.split_once("\nend\n")?;
                    rest = after;
                    kept.by_change.insert(name.to_owned(), Found::parse(text));
                }
                _ => return None,
            }
        }
    }

    pub(super) fn of(&self, change: &str) -> &Found {
        self.by_change.get(change).unwrap_or(&Found::Missing)
    }

    /// Whether a change without a file did not begin.
    pub(super) fn is_whole(&self) -> bool {
        self.state.as_deref().is_none_or(|state| state == "+")
    }
}

impl Found {
    fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::Undone;
        }
        if text.len() > LARGEST {
            return Self::TooLarge;
        }
        // A line that is not whole was being written.
        let Some(line) = text.strip_suffix('\n') else {
            return Self::Damaged;
        };
        let (state, json) = line.split_at_checked(1).unwrap_or_default();
        match (state, serde_json::from_str(json)) {
            ("+", Ok(undo)) => Self::Kept(undo),
            ("-", Ok(undo)) => Self::UndoneButLast(undo),
            _ => Self::Damaged,
        }
    }
}

/// Asks for all of them, as one user.
pub(super) fn question(run: &str) -> Request {
    Request::probe(script(run))
}

fn script(run: &str) -> String {
    format!(
        "if cd \"$ops_state/{directory}\" 2>/dev/null; then\n\
         ops_x=-; if read -r ops_x <changes; then :; fi 2>/dev/null; echo \"state $ops_x\"\n\
         for ops_f in *.undo; do\n\
         if [ -e \"$ops_f\" ]; then\n\
         printf 'file %s\\n' \"${{ops_f%.undo}}\"\n\
         if [ -s \"$ops_f\" ]; then head -c {most} \"$ops_f\" || exit; fi; printf '\\nend\\n'\n\
         fi\ndone\n\
         elif [ -d \"$ops_state\" ] && ! [ -w \"$ops_state\" ]; then echo 'state -'\n\
         else\n\
         set -- \"$ops_state\"/kept/*\n\
         if [ $# -ge {runs} ]; then echo 'state -'; fi\nfi\necho all\n",
        directory = directory(run),
        most = LARGEST + 1,
        runs = RUNS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::kept_undo::{end_undo, note_run};

    fn undo(script: &str) -> KeptUndo {
        KeptUndo {
            undo: Some(script.to_owned()),
            ..KeptUndo::default()
        }
    }

    #[test]
    fn a_file_says_what_is_left_to_undo() {
        let printed = "state +\nfile 001-000001-a\n+{\"undo\":\"rm /x\"}\n\nend\n\
                       file 001-000002-b\n-{\"undo\":\"true\",\"undo_last\":\"restart\"}\n\nend\n\
                       file 001-000003-c\n\nend\nfile 001-000004-d\n+{\"undo\":\"rm \nend\n\
                       file 001-000005-e\n+{\"undo\":\"rm \n\nend\nall\n";
        let kept = KeptUndos::parse(printed).expect("it is whole");
        assert!(kept.is_whole());
        let last = KeptUndo {
            undo_last: Some("restart".to_owned()),
            ..undo("true")
        };
        for (name, found) in [
            ("001-000001-a", Found::Kept(undo("rm /x"))),
            ("001-000002-b", Found::UndoneButLast(last)),
            ("001-000003-c", Found::Undone),
            ("001-000004-d", Found::Damaged),
            ("001-000005-e", Found::Damaged),
            ("001-000006-f", Found::Missing),
        ] {
            assert_eq!(*kept.of(name), found, "{name}");
        }
    }

    #[test]
    fn an_incomplete_answer_is_refused() {
        for printed in ["", "state +\n", "state +\nfile a\n+{}\n", "what\nall\n"] {
            assert!(KeptUndos::parse(printed).is_none(), "{printed}");
        }
        assert!(
            !KeptUndos::parse("state -\nall\n")
                .expect("whole")
                .is_whole()
        );
        assert!(KeptUndos::parse("all\n").expect("whole").is_whole());
    }

    /// What a shell writes is what is read.
    #[test]
    fn a_host_keeps_and_tells() {
        let dir = tempfile::tempdir().expect("a directory");
        let large = "x".repeat(LARGEST);
        let user = KeptUndo {
            undo_last: Some("it's \"quoted\"\n\tand café \\n".to_owned()),
            ..undo("printf '%s\\n' a'b")
        };
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let state = dir.path().join(shell[0]);
            let note = |undo: &KeptUndo, name: &str| {
                String::from_utf8(undo.note("r", name)).expect("text")
            };
            let line = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            let program = [
                line(note_run("r")),
                note(&user, "1"),
                note(&user, "2"),
                note(&user, "3"),
                note(&undo(&large), "4"),
                line(end_undo("r", "2", true)),
                line(end_undo("r", "3", false)),
                "umask".to_owned(),
                script("r"),
            ];
            let own = crate::task::functions([&b"note_run note_undo end_undo"[..]]);
            let own: String = own.iter().map(|function| function.body).collect();
            let program = format!(
                "ops_state={}\numask 022\n{own}{}",
                state.display(),
                program.join("\n")
            );
            let file = dir.path().join("program");
            std::fs::write(&file, program).expect("it is written");
            let output = std::process::Command::new(shell[0])
                .args(&shell[1..])
                .arg(&file)
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell:?}");
            let printed = String::from_utf8(output.stdout).expect("text");
            let printed = printed.strip_prefix("0022\n").expect("the umask is kept");
            let kept = KeptUndos::parse(printed).expect("it is whole");
            assert!(kept.is_whole());
            assert_eq!(*kept.of("1"), Found::Kept(user.clone()), "{shell:?}");
            assert_eq!(*kept.of("2"), Found::UndoneButLast(user.clone()));
            assert_eq!(*kept.of("3"), Found::Undone);
            assert_eq!(*kept.of("4"), Found::TooLarge);
        }
    }
}
