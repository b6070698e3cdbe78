//! "Did you mean …?"

use strsim::damerau_levenshtein;

/// What somebody who wrote `written` most likely meant, if any of `known` is near enough: within a
/// third of its length, so that a guess is rarely wrong.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = written.to_lowercase().replace('-', "_");
    let limit = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| {
            (
                damerau_levenshtein(&folded, &name.to_lowercase().replace('-', "_")),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= limit && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_a_stranger_none() {
        let known = ["from", "host", "port", "reply_to", "address_column"];
        assert_eq!(nearest("form", known), Some("from"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("Reply-To", known), Some("reply_to"));
        assert_eq!(nearest("adress_collumn", known), Some("address_column"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
