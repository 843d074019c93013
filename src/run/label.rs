//! The one-line label of a task that users read.

use crate::model::Secrets;

/// Longer labels are cut to this number of characters.
const MAX_CHARACTERS: usize = 80;

/// Returns a label as it is shown. Secrets are removed before the cut, which could leave part of one.
#[must_use]
pub fn label(text: &str, secrets: &Secrets) -> String {
    let text = secrets.scrub(text);
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    if first.chars().count() <= MAX_CHARACTERS && first.len() == text.len() {
        return first.to_owned();
    }
    let first = first.strip_suffix(" ...").unwrap_or(first);
    let cut: String = first.chars().take(MAX_CHARACTERS).collect();
    format!("{} ...", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_short_line_without_half_a_secret() {
        let secrets = Secrets::new();
        secrets
            .add("correct-horse-battery", "a password")
            .expect("long enough");
        let label = |text: &str| label(text, &secrets);
        assert_eq!(label("run true"), "run true");
        assert_eq!(label("run one\ntwo"), "run one ...");
        let long = format!("run {} correct-horse-battery", "x".repeat(60));
        assert!(!label(&long).contains("correct"), "{}", label(&long));
        assert_eq!(label(&"é".repeat(100)).chars().count(), MAX_CHARACTERS + 4);
    }
}
