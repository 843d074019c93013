//! `ops doc [NAME]`: the reference of the language.

use std::fmt::Write as _;

use crate::model::{Failure, FailureKind};
use crate::report::table;
use crate::script::docs::{self, Page};
use crate::script::prepare::complete_engine;

use super::{DONE, Done, diagnostics};

/// Look up a function, a task or a module of the language
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to look up: `each`, `files::template`, `std/versions`; without it, a list of everything
    name: Option<String>,
    /// Print the pages as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the pages as Markdown
    #[arg(long)]
    markdown: bool,
}

impl Args {
    pub fn run(self) -> Done {
        let all = docs::reference(&complete_engine());
        let pages: Vec<Page> = match &self.name {
            None => all,
            Some(name) => match docs::find(&all, name) {
                Ok(found) => found.into_iter().cloned().collect(),
                Err(hint) => {
                    let failure =
                        Failure::new(FailureKind::Input, format!("there is no page `{name}`"));
                    let all = || Some("`ops doc` lists all there is.".to_owned());
                    return Err(vec![failure.with_hint(hint.or_else(all))]);
                }
            },
        };
        let text = if self.json {
            // A page holds texts only: it can always be written.
            format!(
                "{}\n",
                serde_json::to_string_pretty(&pages).unwrap_or_default()
            )
        } else if self.markdown {
            docs::markdown(&pages)
        } else if self.name.is_none() {
            listing(&pages)
        } else {
            pages.iter().map(docs::page).collect::<Vec<_>>().join("\n")
        };
        diagnostics::out(&text);
        Ok(DONE)
    }
}

fn listing(pages: &[Page]) -> String {
    let mut text = String::new();
    for (title, entries) in docs::index(pages) {
        let rows: Vec<Vec<String>> = entries
            .into_iter()
            .map(|(name, summary)| vec![format!("  {name}"), summary])
            .collect();
        let _ = writeln!(text, "{title}:\n{}", table::render(&rows));
    }
    text.push_str("`ops doc NAME` shows one of them.\n");
    text
}
