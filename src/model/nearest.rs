//! Did-you-mean for names that are not there.

/// `Did you mean ...?` for a name that is not there.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // A very long name is no typo, and the distance to it costs its length times that of every other.
    if wanted.len() > 256 {
        return None;
    }
    let lower = wanted.to_lowercase();
    known
        .into_iter()
        .filter(|name| name.len() <= 256)
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| format!("Did you mean `{name}`?"))
}
