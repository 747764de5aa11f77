//! Spelling: which known word a mistyped one was meant to be, and how known words are listed.

/// The candidate that `word` was most likely meant to be, if one is close.
pub(super) fn nearest<'n>(
    word: &str,
    candidates: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let tolerance = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let folded = (word.to_lowercase(), candidate.to_lowercase());
            (strsim::damerau_levenshtein(&folded.0, &folded.1), candidate)
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names as they are listed in a sentence.
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
