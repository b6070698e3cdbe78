//! Rows of a run that bring nobody a mail, told in one way wherever a run is told of.

use super::forecast::grouped;

/// How many rows, by the reason. Only what is not nothing is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotTo {
    /// They repeat an address.
    pub duplicates: u64,
    /// A list of `except` names the person.
    pub left_out: u64,
    /// The address is suppressed.
    pub suppressed: u64,
    /// They were sent the same notice before, or soon will be.
    pub sent_before: u64,
    /// They cannot be used.
    pub unusable: u64,
}

impl NotTo {
    /// The reasons, for people: `2 repeated addresses`, `12 left out by `except``.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let told = [
            (self.duplicates, " repeated address", " repeated addresses"),
            (
                self.left_out,
                " left out by `except`",
                " left out by `except`",
            ),
            (self.suppressed, " suppressed", " suppressed"),
            (
                self.sent_before,
                " who got the same before (`once_per`)",
                " who got the same before (`once_per`)",
            ),
            (self.unusable, " unusable row", " unusable rows"),
        ];
        let told = told.into_iter().filter(|(rows, ..)| *rows > 0);
        told.map(|(rows, one, many)| {
            format!(
                "{}{}",
                grouped(&rows.to_string()),
                if rows == 1 { one } else { many }
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::NotTo;

    #[test]
    fn only_what_there_is_is_told() {
        assert!(NotTo::default().words().is_empty());
        let some = NotTo {
            duplicates: 1,
            left_out: 12_345,
            unusable: 2,
            ..NotTo::default()
        };
        let told = [
            "1 repeated address",
            "12,345 left out by `except`",
            "2 unusable rows",
        ];
        assert_eq!(some.words(), told);
    }
}
