//! Counting different addresses, for 8 bytes a row.

use crate::outbox::Kept;

/// The addresses of one list after another. Some of them count: of an address that is there
/// several times, one that counts is enough.
#[derive(Default)]
pub(super) struct Distinct {
    /// [`Kept::fingerprint`] of each address, its last bit saying whether it counts. Of five
    /// million addresses two share 63 bits in one reading of half a million.
    marks: Vec<i64>,
    /// Where the list begins that is being read.
    begun: usize,
}

const COUNTS: i64 = 1;

impl Distinct {
    pub(super) fn add(&mut self, key: &str, counts: bool) {
        let mark = Kept::fingerprint(key) & !COUNTS;
        self.marks.push(mark | i64::from(counts));
    }

    /// How many were added, less what was found to be there twice.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// Ends a list: how many different addresses it has, whether they count or not.
    pub(super) fn end_list(&mut self) -> u64 {
        self.settle(self.begun);
        let people = self.marks.len() - self.begun;
        self.begun = self.marks.len();
        people as u64
    }

    /// How many different addresses count, in all lists.
    pub(super) fn count(&mut self) -> u64 {
        self.settle(0);
        self.begun = self.marks.len();
        self.marks.iter().filter(|mark| *mark & COUNTS != 0).count() as u64
    }

    /// How many that count are not among `others`, and how many of `others` are not among them.
    /// The others are fingerprints in ascending order, and they were counted before.
    pub(super) fn compare(&self, others: impl Iterator<Item = i64>) -> (u64, u64) {
        let mut here = (self.marks.iter().filter(|mark| *mark & COUNTS != 0)).peekable();
        let (mut only_here, mut only_there) = (0, 0);
        for other in others.map(|it| it | COUNTS) {
            while here.next_if(|mark| **mark < other).is_some() {
                only_here += 1;
            }
            if here.next_if_eq(&&other).is_none() {
                only_there += 1;
            }
        }
        (only_here + here.count() as u64, only_there)
    }

    /// Makes an address that was counted count no longer, if it is there, by its fingerprint.
    pub(super) fn leave_out(&mut self, fingerprint: i64) {
        let found = (self.marks).binary_search_by_key(&(fingerprint | COUNTS), |it| it | COUNTS);
        if let Ok(place) = found {
            self.marks[place] &= !COUNTS;
        }
    }

    /// Sorts what was added from a place on, and leaves each address once.
    fn settle(&mut self, from: usize) {
        self.marks[from..].sort_unstable();
        let mut end = from;
        for at in from..self.marks.len() {
            let mark = self.marks[at];
            // One that counts comes after one that does not.
            if end > from && self.marks[end - 1] | COUNTS == mark | COUNTS {
                end -= 1;
            }
            self.marks[end] = mark;
            end += 1;
        }
        self.marks.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_once_in_each_list_and_once_in_all() {
        let mut people = Distinct::default();
        for key in ["a", "b", "a", "c"] {
            people.add(key, true);
        }
        assert_eq!(people.end_list(), 3);
        for key in ["c", "d"] {
            people.add(key, true);
        }
        assert_eq!((people.end_list(), people.count()), (2, 4));
        assert_eq!((people.end_list(), people.len()), (0, 4));
    }

    #[test]
    fn one_row_that_counts_is_enough() {
        let mut people = Distinct::default();
        for (key, counts) in [
            ("a", false),
            ("a", true),
            ("b", false),
            ("c", true),
            ("c", false),
        ] {
            people.add(key, counts);
        }
        assert_eq!((people.end_list(), people.count()), (3, 2));
    }

    #[test]
    fn who_came_and_who_went_is_told_by_their_fingerprints() {
        let mut people = Distinct::default();
        for key in ["a", "b", "c"] {
            people.add(key, true);
        }
        people.add("suppressed", false);
        people.count();
        let mut before = ["b", "c", "d", "e", "f"].map(Kept::fingerprint);
        before.sort_unstable();
        assert_eq!(people.compare(before.into_iter()), (1, 3));
        assert_eq!(people.compare([].into_iter()), (3, 0));
        people.leave_out(Kept::fingerprint("a"));
        people.leave_out(Kept::fingerprint("nobody"));
        assert_eq!(people.compare(before.into_iter()), (0, 3));
        assert_eq!(Distinct::default().compare(before.into_iter()), (0, 5));
    }
}
