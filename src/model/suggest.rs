//! "Did you mean": the known name that is nearest to an unknown one.

/// Longer names (in bytes) are not compared.
const LONGEST: usize = 256;

/// The nearest candidate, if it is near enough to be a typing mistake.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A very long name is not a typing mistake, and computing its distance is expensive.
    if name.len() > LONGEST {
        return None;
    }
    let length = name.chars().count();
    // For one or two letters, every other name of that length would be near.
    let allowed = if length < 3 {
        0
    } else {
        (length / 3).clamp(1, 3)
    };
    let folded = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&folded, &known);
            let is_start = length >= 3 && known.starts_with(&folded);
            (distance <= allowed || is_start).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The same as a sentence: ``Did you mean `each`?``
#[must_use]
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|near| format!("Did you mean `{near}`?"))
}

/// A list of names for a message: `` `a`, `b` ``.
#[must_use]
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["each", "hosts", "files::template", "mode"];
        assert_eq!(nearest("hots", known), Some("hosts"));
        assert_eq!(nearest("Each", known), Some("each"));
        assert_eq!(nearest("files::tempalte", known), Some("files::template"));
        assert_eq!(nearest("temp", ["template", "x"]), Some("template"));
        assert_eq!(nearest("f", ["E", "h"]), None);
        assert_eq!(nearest("deploy", known), None);
        assert_eq!(nearest("hosts", ["hosts"]), None);
        assert_eq!(nearest(&"x".repeat(300), ["x"]), None);
    }
}
