//! What a user reads of a task in one line.

use crate::model::Secrets;

/// A label of more characters is cut.
const LONGEST: usize = 80;

/// A label as it is shown. Secrets go before the cut, which could leave half of one.
#[must_use]
pub fn label(text: &str, secrets: &Secrets) -> String {
    let text = secrets.scrub(text);
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    if first.chars().count() <= LONGEST && first.len() == text.len() {
        return first.to_owned();
    }
    let first = first.strip_suffix(" ...").unwrap_or(first);
    let cut: String = first.chars().take(LONGEST).collect();
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
        assert_eq!(label(&"é".repeat(100)).chars().count(), LONGEST + 4);
    }
}
