//! Did-you-mean for names that are not there.

/// `Did you mean ...?` for a name that is not there.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // A very long name is no typo, and the distance to it costs its length times that of every other.
    if wanted.len() > 256 {
        return None;
    }
    let folded = wanted.to_lowercase();
    // A slip in every third letter, and in one of a short word.
    let most = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|name| name.len() <= 256)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&folded, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| format!("Did you mean `{name}`?"))
}
