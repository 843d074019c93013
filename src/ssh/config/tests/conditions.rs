//! Criteria of `Match`. Those that versions of `ssh` interpret differently are left to it.

use super::super::condition::{Asked, Condition, criteria_met};
use super::super::lexer;

fn met(line: &str) -> Result<(bool, bool), String> {
    let words = lexer::split(line)?.unwrap();
    let Condition::Match(criteria) = Condition::parse(words.rest, &words.arguments)? else {
        panic!("{line}");
    };
    let asked = Asked {
        host: "web1.example.com",
        original: "web1",
        user: "amy",
        local_user: "root",
        last: false,
    };
    let mut wants_last = false;
    let met = criteria_met(&criteria, &asked, &mut wants_last, false)?;
    Ok((met, wants_last))
}

#[test]
fn all_criteria_have_to_be_met() {
    for (line, expected) in [
        ("Match all", (true, false)),
        ("Match !all", (false, false)),
        ("Match host web1.*", (true, false)),
        (
            "Match originalhost web1 user amy localuser root",
            (true, false),
        ),
        ("Match originalhost web1 user eve", (false, false)),
        ("Match !user eve", (true, false)),
        ("Match final", (false, true)),
        ("Match canonical", (false, false)),
        ("Match !canonical", (true, false)),
        ("Match user eve exec \"it's never run\"", (false, false)),
        ("Match user eve final", (false, true)),
    ] {
        assert_eq!(met(line), Ok(expected), "{line}");
    }
}

#[test]
fn some_criteria_are_left_to_ssh() {
    for line in [
        "Match exec true",
        "Match user amy exec \"test 1 = 1\"",
        "Match !final",
        "Match tagged x",
        "Match localnetwork 10.0.0.0/8",
        "Match user = amy",
        "Match user 'amy'",
        "Match user a\\my",
        "Match user a\"m\"y",
        "Match user a=b=c",
        "Match version 9",
    ] {
        assert!(met(line).is_err(), "{line}");
    }
    for line in [
        "Match user",
        "Match",
        "Match user #x",
        "Match host a user b all",
    ] {
        assert!(met(line).is_err(), "{line}");
    }
}
