//! The end of the output of a step, for a message.

use crate::model::Secrets;
use crate::shell::StepReply;

/// The maximum number of lines and bytes of output in a message.
const LINES: usize = 20;
const BYTES: usize = 4096;

/// Returns the last lines of stderr, or of stdout if stderr is empty. `None` if both are. Secrets are
/// removed before anything is cut off.
pub(super) fn tail(step: &StepReply, secrets: &Secrets) -> Option<String> {
    let stderr = step.stderr.text();
    let text = if stderr.trim().is_empty() {
        step.stdout.text()
    } else {
        stderr
    };
    last_lines(&secrets.scrub(&text))
}

fn last_lines(text: &str) -> Option<String> {
    let text = text.trim_end();
    let from = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| text.len() - at <= BYTES)?;
    let lines: Vec<&str> = text[from..].lines().collect();
    let first = lines.len().saturating_sub(LINES);
    Some(lines[first..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        assert_eq!(last_lines(""), None);
        assert_eq!(last_lines("a\nb\n\n").as_deref(), Some("a\nb"));
        let long: String = (0..100).map(|line| format!("{line}\n")).collect();
        let kept = last_lines(&long).expect("some");
        assert!(kept.starts_with("80\n") && kept.ends_with("\n99"));
        assert_eq!(
            last_lines(&"é".repeat(9000)).map(|kept| kept.len()),
            Some(BYTES)
        );
    }
}
