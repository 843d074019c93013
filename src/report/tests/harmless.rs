//! Text from hosts and playbooks never controls the terminal.

use proptest::prelude::*;

use super::story::{Page, Story, tell};
use crate::model::{Diff, Failure, FailureKind, LogLevel, Outcome, Position};
use crate::report::{Plain, Settings, clean, clean_line, diagnostic, in_one_line};

#[test]
fn ordinary_text_is_unchanged() {
    assert_eq!(clean("a\tb\nc é 日本"), "a\tb\nc é 日本");
    assert_eq!(clean("dos\r\nline\r"), "dos\nline");
    assert_eq!(clean("50%\r60%"), "50%\\r60%");
    assert_eq!(clean_line("a\nb"), "a\\nb");
    assert_eq!(in_one_line("a\r\n\n  b\x07\n"), "a; b\\x07");
    assert_eq!(
        clean("\u{1b}]0;title\u{7}\u{9b}\u{202e}"),
        "\\x1b]0;title\\x07\\u{9b}\\u{202e}"
    );
}

proptest! {
    #![proptest_config(crate::generation::config(64, file!()))]

    #[test]
    fn no_text_from_anywhere_controls_the_terminal(
        text in any::<String>(),
        line in 0..5usize,
        column in 0..9usize,
        source in proptest::option::of(any::<String>()),
    ) {
        let mut failure = Failure::new(FailureKind::Failed, text.clone()).hint(text.clone()).on(text.clone());
        failure.at = Some(Position { file: text.clone(), line, column });
        failure.command = Some(text.clone());
        failure.stderr = Some(text.clone());
        failure.task = Some(text.clone());
        failure.source_line = source;
        failure.trace = vec![(text.clone(), Position { file: text.clone(), line, column })];
        let drawn = diagnostic::render(&failure, Some(&text), false);
        let diff = vec![Diff::Text { path: text.clone(), before: text.clone(), after: String::new() }];
        let story = Story::of(1, false)
            .starts(&text)
            .task_with(&text, &text, Outcome::Changed, diff, Some(&text))
            .log(Some(&text), LogLevel::Info, &text)
            .fails(&text, &failure)
            .finished(3, Some(failure));
        let page = Page::default();
        let settings = Settings { verbose: 2, diff: true, ..Settings::default() };
        tell(&mut Plain::new(settings, Box::new(page.clone()), Box::new(page.clone())), &story.events);
        for c in drawn.chars().chain(page.text().chars()) {
            prop_assert!(c == '\n' || c == '\t' || !c.is_control(), "{c:?}");
        }
    }
}
