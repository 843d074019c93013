//! `make demo` and `make demo-broken` do what they promise and leave nothing behind, also after Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::fleet::process;

/// A running demonstration, with its own directory for temporary files.
struct Demo {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    said: String,
    tmp: tempfile::TempDir,
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let tmp = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("scripts/demo")
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            // The programs that the tests were built with already exist.
            .env("OPS_DEMO_PROFILE", "debug")
            .env_remove("RUSTC_BOOTSTRAP")
            .env("TMPDIR", tmp.path())
            .env_remove("XDG_RUNTIME_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // As at a terminal, Ctrl-C reaches the whole process group.
            .process_group(0)
            .spawn()
            .expect("scripts/demo runs");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self {
            child,
            stdout,
            said: String::new(),
            tmp,
        }
    }

    /// Reads until this text is printed.
    fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.stdout.read_line(&mut self.said).expect("a line");
            assert!(
                read > 0,
                "it exited without printing {text:?}:\n{}",
                self.said
            );
        }
    }

    /// Sends Ctrl-C.
    fn interrupt(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).expect("it runs");
    }

    /// Waits for the end. Returns the exit code and all output.
    fn end(mut self) -> (Option<i32>, String) {
        self.stdout
            .read_to_string(&mut self.said)
            .expect("its output");
        let code = self.child.wait().expect("it can be waited for").code();
        let left: Vec<_> = std::fs::read_dir(self.tmp.path())
            .expect("the directory")
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}\n{}", self.said);
        let running = process::with_variable_like("OPS_FLEET", &below(self.tmp.path()));
        assert!(
            running.is_empty(),
            "still running: {running:?}\n{}",
            self.said
        );
        (code, self.said)
    }
}

fn below(dir: &Path) -> String {
    format!("{}/", dir.display())
}

#[test]
fn both_demonstrations_work_at_the_same_time() {
    let (good, broken) = (Demo::start(&[]), Demo::start(&["broken"]));
    let (code, said) = good.end();
    assert!(said.contains(" requests, 0 failed\n"), "{said}");
    assert!(
        said.contains("every host is healthy and runs 1.1.0"),
        "{said}"
    );
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = broken.end();
    assert!(said.contains(" requests, 0 failed\n"), "{said}");
    assert!(said.contains("ok      ops ended with 6"), "{said}");
    let put_back = "rolled back: app1, app2; untouched: app3, app4";
    assert!(said.contains(put_back), "{said}");
    assert!(
        said.contains("every host is healthy and runs 1.0.0"),
        "{said}"
    );
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn an_interrupted_demonstration_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.wait_for("playbooks/rolling-update.rhai");
    demo.interrupt();
    let (code, said) = demo.end();
    assert_eq!(code, Some(130), "{said}");
}
