//! One row of a list: a recipient, or the reason why it is none.

use lettre::message::Mailbox;
use serde_json::{Map, Value};

use crate::audience::Place;
use crate::audience::address::{self, AddressFault};
use crate::audience::columns;

/// The name column of a list that does not state one.
pub const NAME: &str = "name";

/// One row, good or bad. Every row of the source comes out as one of these, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub place: Place,
    /// The cell of the address column as it stands in the source, "" where the row has none, or
    /// one that is not text. It may hold anything: mask or escape it before it is shown.
    pub raw_address: String,
    pub recipient: Result<Recipient, RowFault>,
}

/// Somebody who can be mailed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    /// The display name comes from the name column, else from the address cell.
    pub mailbox: Mailbox,
    /// Equal for two spellings of the same address: domain and local part in lower case, the domain
    /// as its A-label.
    pub key: String,
    /// What templates may use, by column. The address column holds the bare address as it is
    /// mailed, the name column the display name, any other cell its text untouched, or its value of
    /// JSON with its type. A blank cell is absent, unless it has a default, or its column is
    /// optional: then it is "". A default of the name column is no display name.
    pub fields: Map<String, Value>,
}

/// Why a row cannot be mailed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RowFault {
    #[error("{found} field{}, the header has {expected}", if *.found == 1 { "" } else { "s" })]
    Fields { found: usize, expected: usize },
    #[error(transparent)]
    Address(#[from] AddressFault),
    #[error("it is not an object with keys and values")]
    NotAnObject,
    #[error("the address is not text")]
    AddressNotText,
    #[error("the name is not text")]
    NameNotText,
    #[error("the key `{}` is there twice", columns::named(.0))]
    Twice(String),
    #[error("NUL character in the field `{}`", columns::named(.0))]
    Nul(String),
}

impl Recipient {
    /// Of an address, a name and fields that are what they should be.
    #[must_use]
    pub fn new(mailbox: Mailbox, fields: Map<String, Value>) -> Self {
        Self {
            key: address::key(&mailbox.email),
            mailbox,
            fields,
        }
    }
}

/// The mailbox of an address cell; a name of its own column goes before the one in that cell.
pub(super) fn named(address: &str, name: &str) -> Result<Mailbox, AddressFault> {
    let mut mailbox = address::mailbox(address)?;
    if let Some(name) = address::display_name(name)? {
        mailbox.name = Some(name);
    }
    Ok(mailbox)
}

/// Sets a field from a cell; a cell of white space only is blank, and counts as what fills it.
pub(super) fn put(fields: &mut Map<String, Value>, column: &str, cell: &str, fill: Option<&Value>) {
    let blank = cell.trim().is_empty();
    let value = match fill {
        _ if !blank => Value::from(cell),
        Some(fill) => fill.clone(),
        None => return,
    };
    fields.insert(column.to_owned(), value);
}
