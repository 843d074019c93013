//! The first lines of a run.

use std::fmt::Write as _;

use super::{Piece, View, out};
use crate::model::Event;
use crate::report::clean_line;
use crate::report::health_table::HealthTable;
use crate::report::quantity::count;
use crate::report::style::{BOLD, DIM};

impl View {
    pub(super) fn run_started(&mut self, event: &Event) -> Vec<Piece> {
        let Some(start) = event.kind.start() else {
            return Vec::new();
        };
        let (playbook, hosts) = (start.playbook, start.hosts);
        self.check = start.check;
        self.exec = playbook == "exec";
        self.health_table = HealthTable::of(playbook);
        self.started = Some(event.ts);
        let mut text = clean_line(playbook).into_owned();
        if hosts > 0 {
            let _ = write!(text, ", {}", count(hosts as u64, "host"));
        }
        if start.check {
            text.push_str(", check mode");
        }
        if start.attempt > 1 {
            let _ = write!(text, ", resumed, attempt {}", start.attempt);
        }
        text = self.settings.paint(BOLD, &text);
        let run = format!(" (run {})", clean_line(&event.run));
        text.push_str(&self.settings.paint(DIM, &run));
        for (name, value) in start.params {
            let _ = write!(text, "\n  {} = {}", clean_line(name), clean_line(value));
        }
        out(text)
    }
}
