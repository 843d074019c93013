//! The live reporter on a terminal in memory.

use std::io;
use std::time::Duration;

use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};

use super::story::{Page, Story, apt_failure, scrubbed, tell};
use crate::model::{Emission, Kind, Outcome, Reporter as _};
use crate::report::{Live, Plain, Settings};

const ROWS: u16 = 20;

/// What scrolls goes through the same terminal as what is drawn.
struct Through(InMemoryTerm);

impl io::Write for Through {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .write_str(&String::from_utf8_lossy(bytes).replace('\n', "\r\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn live(settings: Settings) -> (InMemoryTerm, Live) {
    let term = InMemoryTerm::new(ROWS, 80);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    let out = || Box::new(Through(term.clone()));
    let live = Live::new(settings, target, Box::new(|| (ROWS, 80)), out(), out());
    (term, live)
}

fn connecting(mut story: Story, hosts: usize) -> Story {
    for number in 0..hosts {
        story = story.starts(&format!("web{number}"));
    }
    story
}

#[test]
fn every_active_host_has_a_line() {
    let (term, mut live) = live(Settings::default());
    let story = connecting(Story::of(3, false), 3)
        .then(
            Emission::new(Kind::TaskStarted)
                .host("web1")
                .task("files::file /etc/motd"),
        )
        .then(
            Emission::new(Kind::HostConnecting {
                user: None,
                attempt: 2,
                reason: Some("connection refused\nfor now".to_owned()),
            })
            .host("web2"),
        );
    story
        .events
        .iter()
        .for_each(|event| live.event(&scrubbed(event)));
    live.tick();
    insta::assert_snapshot!(term.contents());
    live.pause();
    assert!(
        !term.contents().contains("starting"),
        "a pause leaves only what scrolled:\n{}",
        term.contents()
    );
    live.resume();
    assert!(term.contents().contains("starting"));
    drop(live);
    assert!(
        !term.contents().contains("starting"),
        "the end leaves a clean terminal"
    );
}

#[test]
fn ten_thousand_hosts_do_not_flood_the_terminal() {
    let (term, mut live) = live(Settings::default());
    let mut story = connecting(Story::of(10_000, false).each(10_000), 10_000);
    story
        .events
        .iter()
        .for_each(|event| live.event(&scrubbed(event)));
    live.tick();
    let screen = term.contents();
    assert!(screen.lines().count() <= usize::from(ROWS), "{screen}");
    assert!(screen.contains("... and 9985 hosts more"), "{screen}");
    assert!(screen.contains("0 of 10000 hosts done"), "{screen}");
    let told = story.events.len();
    for number in 0..10_000 {
        let host = format!("web{number}");
        story = story
            .task(&host, "files::file /etc/motd", Outcome::Unchanged)
            .ends_well(&host);
    }
    tell(&mut live, &story.finished(0, None).events[told..]);
    let screen = term.contents();
    assert!(screen.lines().count() < 8, "{screen}");
    assert!(screen.contains("10000 unchanged"), "{screen}");
}

#[test]
fn the_log_is_what_plain_writes() {
    let story = connecting(Story::of(2, false).each(2), 2)
        .task("web0", "files::file /etc/motd", Outcome::Changed)
        .fails("web1", &apt_failure())
        .ends_well("web0")
        .finished(3, None);
    let (live_page, plain_page) = (Page::default(), Page::default());
    let page = || Box::new(live_page.clone());
    let target = ProgressDrawTarget::hidden();
    tell(
        &mut Live::new(
            Settings::default(),
            target,
            Box::new(|| (20, 80)),
            page(),
            page(),
        ),
        &story.events,
    );
    let page = || Box::new(plain_page.clone());
    tell(
        &mut Plain::new(Settings::default(), page(), page()),
        &story.events,
    );
    assert_eq!(live_page.text(), plain_page.text());
}

#[test]
fn a_tiny_terminal_and_a_long_name_work() {
    let term = InMemoryTerm::new(2, 10);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    let page = || Box::new(Page::default());
    let mut live = Live::new(
        Settings::default(),
        target,
        Box::new(|| (2, 10)),
        page(),
        page(),
    );
    let story = Story::of(2, false).starts(&"日本".repeat(50)).starts("b");
    story
        .events
        .iter()
        .for_each(|event| live.event(&scrubbed(event)));
    live.tick();
    assert!(
        term.contents()
            .lines()
            .all(|line| line.chars().count() <= 10),
        "{}",
        term.contents()
    );
}

#[test]
fn events_in_quick_succession_are_drawn_together() {
    let page = Page::default();
    let out = || Box::new(page.clone());
    let mut live = Live::new(
        Settings::default(),
        ProgressDrawTarget::hidden(),
        Box::new(|| (20, 80)),
        out(),
        out(),
    );
    live.tick();
    let story = Story::of(1, false).task("web1", "files::file /etc/motd", Outcome::Changed);
    let began = std::time::Instant::now();
    for event in &story.events {
        live.event(&scrubbed(event));
        live.tick();
    }
    // On a machine too busy to do this in time nothing is shown about the rate.
    if began.elapsed() < Duration::from_millis(50) {
        assert_eq!(page.text(), "");
    }
    live.finish();
    assert!(page.text().contains("changed"));
}
