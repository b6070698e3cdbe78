//! People written into the configuration itself: the rows of a list that needs no file.

use crate::audience::object::Objects;
use crate::audience::row::Row;
use crate::audience::{InlineRow, Place};

/// What the fields of these people are called, the address first.
pub(super) fn columns(people: &Objects, rows: &[InlineRow]) -> Vec<String> {
    let fields = rows.iter().flat_map(|row| row.fields.keys());
    let keys = std::iter::once(&people.address_column).chain(fields);
    people.columns(keys, rows.iter().map(|row| row.address.as_str()))
}

/// The person at this place of the list, the first being 1.
pub(super) fn row(people: &Objects, place: u64, row: InlineRow) -> Row {
    let InlineRow { address, fields } = row;
    let recipient = people.recipient(&address, fields);
    Row {
        place: Place::line(place),
        raw_address: address,
        recipient,
    }
}
