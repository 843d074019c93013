//! Drawing a failure: what happened, the line of the playbook with a caret, and what helps to fix it.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use super::names::{names, sort};
use super::{clean, clean_line, in_one_line};
use crate::model::{Failure, Position};

/// How many hosts, calls and lines of stderr are shown.
const HOSTS: usize = 20;
const CALLS: usize = 8;
const STDERR: usize = 20;

/// How much of a failed command is shown.
const COMMAND_LINES: usize = 20;
const COMMAND_CHARS: usize = 2000;

/// The width in columns. annotate-snippets cuts source lines to it.
const WIDTH: usize = 140;

/// Draws a failure, with a newline at the end. `source` is the whole text of the file that it points into;
/// without it, the line that the failure carries is shown, or only the position.
#[must_use]
pub fn render(failure: &Failure, source: Option<&str>, colour: bool) -> String {
    let hosts: Vec<&str> = failure.host.as_deref().into_iter().collect();
    render_for(failure, &hosts, source, colour)
}

/// Draws a failure that several hosts share.
#[must_use]
pub fn render_for(failure: &Failure, hosts: &[&str], source: Option<&str>, colour: bool) -> String {
    let title = title(failure);
    let mut group = Level::ERROR
        .primary_title(title.as_str())
        .elements(place(failure, source));
    for note in notes(failure, hosts) {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(hint) = &failure.hint {
        group = group.element(Level::HELP.message(clean(hint).into_owned()));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    let drawn = renderer.render(&[group]);
    let drawn = if failure.at.is_none() {
        without_bar(&drawn)
    } else {
        drawn
    };
    drawn + "\n"
}

/// The drawing without the bar of a source that is not shown.
fn without_bar(drawn: &str) -> String {
    let is_bar = |line: &str| anstream::adapter::strip_str(line).to_string().trim() == "|";
    let lines = drawn.split('\n').enumerate();
    let kept = lines.filter(|(at, line)| *at != 1 || !is_bar(line));
    kept.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// Draws a warning that is not about a failure, with a newline at the end.
#[must_use]
pub fn render_warning(message: &str, hint: Option<&str>, colour: bool) -> String {
    let title = clean_line(message.trim_end());
    let mut group = annotate_snippets::Group::with_title(Level::WARNING.primary_title(&*title));
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(clean(hint).into_owned()));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    without_bar(&renderer.render(&[group])) + "\n"
}

/// Draws several failures, with an empty line between them.
#[must_use]
pub fn render_all<'f>(
    failures: impl IntoIterator<Item = (&'f Failure, Option<&'f str>)>,
    colour: bool,
) -> String {
    let drawn: Vec<String> = failures
        .into_iter()
        .map(|(failure, source)| render(failure, source, colour))
        .collect();
    drawn.join("\n")
}

fn title(failure: &Failure) -> String {
    let message = in_one_line(&failure.message);
    match &failure.task {
        Some(task) => format!("{}: {message}", clean_line(task)),
        None => message,
    }
}

/// The source line with its caret, or only the position if the line is not known.
fn place(failure: &Failure, source: Option<&str>) -> Vec<Element<'static>> {
    let Some(at) = &failure.at else {
        return Vec::new();
    };
    let path = clean_line(&at.file).into_owned();
    let line = source
        .and_then(|text| text.lines().nth(at.line.checked_sub(1)?))
        .or(failure.source_line.as_deref());
    let Some(line) = line else {
        return vec![
            Origin::path(path)
                .line(at.line)
                .char_column(at.column)
                .into(),
        ];
    };
    let (line, span) = marked(line, at);
    let annotation = AnnotationKind::Primary.span(span);
    vec![
        Snippet::source(line)
            .path(path)
            .line_start(at.line)
            .fold(false)
            .annotation(annotation)
            .into(),
    ]
}

/// The escaped line, and the range of the word at the position in it.
fn marked(line: &str, at: &Position) -> (String, std::ops::Range<usize>) {
    let start = line
        .char_indices()
        .nth(at.column.saturating_sub(1))
        .map_or(line.len(), |(start, _)| start);
    let (before, after) = line.split_at(start);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut len = after.find(|c| !is_word(c)).unwrap_or(after.len());
    // A path such as `files::file` is one word.
    while let Some(next) = after[len..]
        .strip_prefix("::")
        .filter(|next| len > 0 && next.starts_with(is_word))
    {
        len += 2 + next.find(|c| !is_word(c)).unwrap_or(next.len());
    }
    let len = if len == 0 {
        after.chars().next().map_or(0, char::len_utf8)
    } else {
        len
    };
    let (before, word, rest) = (
        clean_line(before),
        clean_line(&after[..len]),
        clean_line(&after[len..]),
    );
    let span = before.len()..before.len() + word.len();
    (format!("{before}{word}{rest}"), span)
}

fn notes(failure: &Failure, hosts: &[&str]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut cleaned: Vec<_> = hosts.iter().map(|host| clean_line(host)).collect();
    sort(&mut cleaned);
    match cleaned.as_slice() {
        [] => {}
        [host] => notes.push(format!("on host {host}")),
        more => notes.push(format!("on {} hosts: {}", more.len(), names(more, HOSTS))),
    }
    if let Some(command) = &failure.command {
        notes.push(format!(
            "the command was: {}",
            indented(&head(&clean(command)))
        ));
    }
    if let Some(code) = failure.code
        && !failure.message.contains(&format!("exit code {code}"))
    {
        notes.push(format!("its exit code was {code}"));
    }
    if let Some(stderr) = failure
        .stderr
        .as_deref()
        .map(str::trim_end)
        .filter(|text| !text.is_empty())
    {
        notes.push(format!(
            "it printed:\n{}",
            tail(&clean(stderr), STDERR).join("\n")
        ));
    }
    for (name, position) in failure.trace.iter().take(CALLS) {
        notes.push(format!(
            "in `{}`, called at {}",
            clean_line(name),
            clean_line(&position.to_string())
        ));
    }
    if failure.trace.len() > CALLS {
        notes.push(format!("and {} more calls", failure.trace.len() - CALLS));
    }
    notes
}

/// The first lines of a command, and how many more there are.
fn head(command: &str) -> String {
    let command = command.trim_end();
    let mut shown = String::new();
    let mut lines = command.lines();
    let mut left = lines.clone().count();
    for line in lines.by_ref().take(COMMAND_LINES) {
        let room = COMMAND_CHARS.saturating_sub(shown.chars().count());
        if line.chars().count() > room {
            shown.extend(line.chars().take(room));
            shown.push_str(" ...");
            left -= 1;
            break;
        }
        shown.push_str(line);
        shown.push('\n');
        left -= 1;
    }
    if left > 0 {
        let plural = if left == 1 { "" } else { "s" };
        shown.truncate(shown.trim_end().len());
        let _ = write!(shown, "\n... {left} more line{plural}");
    }
    shown.trim_end().to_owned()
}

/// A text of several lines begins on a new line.
fn indented(text: &str) -> String {
    let text = text.trim_end();
    if text.contains('\n') {
        format!("\n{text}")
    } else {
        text.to_owned()
    }
}

/// The last lines of a text, and how many are left out before them.
pub(super) fn tail(text: &str, most: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut left_out = lines.len().saturating_sub(most);
    let mut shown = Vec::new();
    if left_out == 1 {
        // Saying so would take as much room as the line.
        left_out = 0;
    } else if left_out > 1 {
        shown.push(format!("... {left_out} lines left out ..."));
    }
    shown.extend(lines[left_out..].iter().map(|line| (*line).to_owned()));
    shown
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_long_command_is_cut() {
        assert_eq!(head("a\nb\n"), "a\nb");
        let script: Vec<String> = (1..=25).map(|line| format!("echo {line}")).collect();
        let shown = head(&script.join("\n"));
        assert!(shown.ends_with("\necho 20\n... 5 more lines"), "{shown}");
        let shown = head(&format!("{}\nb", "x".repeat(3000)));
        assert_eq!(shown, format!("{} ...\n... 1 more line", "x".repeat(2000)));
    }
}
