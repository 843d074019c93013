//! Which status is a success.

use serde::Deserialize;

/// `200`, `"2xx"`, `"200-299"`, or a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Statuses(Vec<Range>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    from: u16,
    to: u16,
    /// As written in the playbook.
    shown: String,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a status such as 200, \"2xx\" or \"200-299\", or a list of these"
)]
enum Written {
    One(Word),
    Many(Vec<Word>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Number(u16),
    Text(String),
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![Range {
            from: 200,
            to: 299,
            shown: "2xx".to_owned(),
        }])
    }
}

impl Statuses {
    #[must_use]
    pub(crate) fn has(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|range| (range.from..=range.to).contains(&status))
    }

    /// `200 or 2xx`.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|range| range.shown.as_str()).collect();
        words.join(" or ")
    }
}

impl TryFrom<Written> for Statuses {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let words = match written {
            Written::One(word) => vec![word],
            Written::Many(words) => words,
        };
        if words.is_empty() {
            return Err("the list is empty".to_owned());
        }
        words
            .into_iter()
            .map(range)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn range(word: Word) -> Result<Range, String> {
    let shown = match word {
        Word::Number(number) => number.to_string(),
        Word::Text(text) => text.trim().to_owned(),
    };
    let number = |text: &str| text.parse().ok().filter(|n| (100..=599).contains(n));
    let ends: Option<(u16, u16)> = if let Some(class) = shown
        .strip_suffix("xx")
        .or_else(|| shown.strip_suffix("XX"))
    {
        let class: Option<u16> = class.parse().ok();
        class
            .filter(|class| (1..=5).contains(class))
            .map(|class| (class * 100, class * 100 + 99))
    } else if let Some((from, to)) = shown.split_once('-') {
        number(from.trim()).zip(number(to.trim()))
    } else {
        number(&shown).map(|one| (one, one))
    };
    match ends.filter(|(from, to)| from <= to) {
        Some((from, to)) => Ok(Range { from, to, shown }),
        None => Err(format!(
            "invalid status: {shown:?}\nWrite 200, \"2xx\" or \"200-299\"."
        )),
    }
}
