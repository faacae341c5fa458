/// The candidate most like what was written, if one is like enough to be what was meant.
///
/// ```
/// assert_eq!(prokura_model::did_you_mean("veiwer", ["owner", "viewer"]), Some("viewer"));
/// assert_eq!(prokura_model::did_you_mean("folder", ["owner", "viewer"]), None);
/// ```
#[must_use]
pub fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Longer names are not typing mistakes of one another, and comparing is quadratic in their length.
    const COMPARED_CHARACTERS_MAX: usize = 128;
    /// A suggestion is a courtesy: in a huge schema it is not worth a long search.
    const COMPARED_CANDIDATES_MAX: usize = 1_000;
    let length = written.chars().count();
    if length > COMPARED_CHARACTERS_MAX {
        return None;
    }
    let far = length / 3 + 1;
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) < far)
        .take(COMPARED_CANDIDATES_MAX)
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(distance, _)| (1..far.min(length)).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What there is, for a message: the first few, in backticks.
pub(crate) fn listed<T: std::fmt::Display>(entries: impl ExactSizeIterator<Item = T>) -> String {
    const LISTED_MAX: usize = 10;
    let more = entries.len().saturating_sub(LISTED_MAX);
    let mut text = entries.take(LISTED_MAX).map(|entry| format!("`{entry}`")).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// How many characters must be put in, taken out, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut left_previous = None;
    for (line, left_character) in left.chars().enumerate() {
        let mut next = vec![line + 1];
        let mut right_previous = None;
        for (column, &right_character) in right.iter().enumerate() {
            let cell = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut least = (cell(&row, column) + usize::from(left_character != right_character))
                .min(cell(&row, column + 1) + 1)
                .min(cell(&next, column) + 1);
            if left_previous == Some(right_character) && right_previous == Some(left_character) {
                least = least.min(cell(&before, column.saturating_sub(1)) + 1);
            }
            next.push(least);
            right_previous = Some(right_character);
        }
        before = std::mem::replace(&mut row, next);
        left_previous = Some(left_character);
    }
    row.last().copied().unwrap_or(0)
}
