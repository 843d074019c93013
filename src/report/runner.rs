//! The runner of GitHub Actions, which acts on what a step prints: a line that begins with `::`, and `##[`
//! anywhere. Texts of hosts and playbooks must not command it.

use std::borrow::Cow;

/// Whether this is a step of GitHub Actions, the runner of which acts on what is printed.
#[must_use]
pub fn is_step() -> bool {
    is_true("GITHUB_ACTIONS")
}

/// The text with everything escaped that the runner would act on.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let margin = line.len() - line.trim_start().len();
        let (margin, rest) = line.split_at(margin);
        out.push_str(margin);
        match rest.strip_prefix("::") {
            Some(rest) => {
                out.push_str("\\x3a:");
                out.push_str(&rest.replace("##[", "#\\x23["));
            }
            None => out.push_str(&rest.replace("##[", "#\\x23[")),
        }
    }
    out
}

/// Equal JSON that the runner does not act on. A line of JSON never begins with `::`, and `##[` occurs only
/// in strings.
#[must_use]
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    if json.contains("##[") {
        Cow::Owned(json.replace("##[", "#\\u0023["))
    } else {
        Cow::Borrowed(json)
    }
}

/// Whether a CI system has set this variable to `true`, as they do to name themselves.
pub(super) fn is_true(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_texts_are_escaped() {
        for (text, shown) in [
            ("plain :: text\n", "plain :: text\n"),
            ("::error::x\n", "\\x3a:error::x\n"),
            (
                "a\n \t\u{a0}::stop-commands::t\nb",
                "a\n \t\u{a0}\\x3a:stop-commands::t\nb",
            ),
            ("| ##[add-mask]x ##[b]\n", "| #\\x23[add-mask]x #\\x23[b]\n"),
            (":::set-env::\n", "\\x3a::set-env::\n"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn harmless_json_is_equal_and_has_no_commands() {
        for text in ["##[error]x", "a\n::error::x ###[##[", "\\##[b]#", "plain"] {
            let json = serde_json::to_string_pretty(&serde_json::json!({ text: [text] }))
                .expect("texts can be written");
            let harmless = harmless_json(&json);
            assert!(!harmless.contains("##["), "{harmless}");
            let is_command = |line: &str| line.trim_start().starts_with("::");
            assert!(!harmless.lines().any(is_command), "{harmless}");
            let read: serde_json::Value = serde_json::from_str(&harmless).expect("it is JSON");
            assert_eq!(read, serde_json::json!({ text: [text] }));
        }
    }
}
