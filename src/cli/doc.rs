//! `ops doc [NAME]`: the reference of the language.

use std::fmt::Write as _;

use crate::model::suggest::listed;
use crate::model::{Failure, FailureKind};
use crate::report::table;
use crate::script::docs::{self, Page};
use crate::script::prepare::complete_engine;

use super::diagnostics;
use super::program::{DONE, Done, Program};

/// Look up a function, a task, a type or a module of the language
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look up: `each`, `files::template`, `string`, `std/versions`, any word, or Ansible's name for
    /// it. Without it, list everything
    name: Option<String>,
    /// Print the pages as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the pages as Markdown
    #[arg(long)]
    markdown: bool,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
        let all = docs::reference(&complete_engine());
        let Some(name) = &self.name else {
            let text = self.written(&all).unwrap_or_else(|| listing(&all));
            self.print(&text);
            return Ok(DONE);
        };
        let synonym = docs::synonym(name);
        let found = docs::find(&all, name).and_then(|found| {
            let is_meant = docs::meant(name, &found);
            is_meant.then_some(found).ok_or(None)
        });
        // A name that only Ansible has: its pages if there are few, else their names.
        let pages: Vec<Page> = match (&found, synonym) {
            (Ok(found), _) => found.iter().map(|page| (*page).clone()).collect(),
            (Err(_), Some(synonym)) => synonym
                .pages
                .iter()
                .filter_map(|name| all.iter().find(|page| page.name == *name).cloned())
                .collect(),
            (Err(_), None) => docs::search(&all, name).into_iter().cloned().collect(),
        };
        let text = match (self.written(&pages), found, synonym) {
            _ if pages.is_empty() => return Err(vec![self.nothing(&all)]),
            (Some(text), ..) => text,
            (None, Ok(_), Some(synonym)) => {
                let heading = others(name, synonym, &pages);
                let gap = if heading.is_empty() { "" } else { "\n" };
                format!("{heading}{gap}{}", shown(&pages))
            }
            (None, Ok(_), None) => shown(&pages),
            (None, Err(_), Some(synonym)) => {
                let heading = others(name, synonym, &[]);
                match pages.as_slice() {
                    [page] => format!("{heading}\n{}", docs::page(page)),
                    pages => format!("{heading}\n{}", listing(pages)),
                }
            }
            (None, Err(_), None) => {
                format!(
                    "No page is called `{name}`. These mention it:\n\n{}",
                    listing(&pages)
                )
            }
        };
        self.print(&text);
        Ok(DONE)
    }

    fn print(&self, text: &str) {
        if self.json {
            diagnostics::json(text);
        } else {
            diagnostics::out(text);
        }
    }

    /// The pages as JSON or as Markdown, if one of the two is asked for.
    fn written(&self, pages: &[Page]) -> Option<String> {
        if self.json {
            // A page is only text, so it can always be serialised.
            let text = serde_json::to_string_pretty(pages).unwrap_or_default();
            return Some(format!("{text}\n"));
        }
        self.markdown.then(|| docs::markdown(pages))
    }

    fn nothing(&self, all: &[Page]) -> Failure {
        let name = self.name.as_deref().unwrap_or_default();
        let failure = Failure::new(FailureKind::Input, format!("no page is called `{name}`"));
        let hint = docs::find(all, name).err().flatten();
        failure.with_hint(hint.or_else(|| Some("`ops doc` lists all pages.".to_owned())))
    }
}

fn shown(pages: &[Page]) -> String {
    pages.iter().map(docs::page).collect::<Vec<_>>().join("\n")
}

/// What this name is in Ansible, with the pages that are not shown anyway.
fn others(name: &str, synonym: &docs::Synonym, shown: &[Page]) -> String {
    let pages = synonym.pages.iter().copied();
    let pages: Vec<&str> = pages
        .filter(|name| !shown.iter().any(|page| page.name == *name))
        .collect();
    let mut text = String::new();
    if !pages.is_empty() {
        let _ = writeln!(
            text,
            "For what Ansible calls `{name}`, see {}.",
            listed(pages)
        );
    }
    if !synonym.note.is_empty() {
        let _ = writeln!(text, "{}", synonym.note);
    }
    text
}

fn listing(pages: &[Page]) -> String {
    let mut text = String::new();
    for (title, entries) in docs::index(pages) {
        if entries.is_empty() {
            continue;
        }
        let rows: Vec<Vec<String>> = entries
            .into_iter()
            .map(|(name, summary)| vec![format!("  {name}"), summary])
            .collect();
        let _ = writeln!(text, "{title}:\n{}", table::render(&rows));
    }
    text.push_str("`ops doc NAME` shows one of them; `ops doc WORD` searches them.\n");
    text
}
