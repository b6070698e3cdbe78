//! Streams the rows of a list: cells in, recipients out.

use std::iter::Enumerate;
use std::vec::IntoIter;

use csv::StringRecord;
use serde_json::Map;

use crate::audience::command;
use crate::audience::error::{FileFault, Header, ListError, Located, MissingColumn, Origin};
use crate::audience::file::ListFile;
use crate::audience::inline::Inline;
use crate::audience::row::{Recipient, Row, RowFault, named, put};
use crate::audience::separator::Separator;
use crate::audience::stream::Stream;
use crate::audience::table::Table;
use crate::audience::text::Text;
use crate::audience::{Care, InlineRow, List, Source};

/// The name column of a list that does not state one.
pub const NAME: &str = "name";

/// The rows of one reading of a list. After an error there are no more.
pub struct Rows {
    /// What the fields are called, see [`List::columns`].
    columns: Vec<String>,
    source: Open,
}

enum Open {
    Inline {
        people: Inline,
        rows: Enumerate<IntoIter<InlineRow>>,
    },
    Csv(Box<Csv>),
    Done,
}

struct Csv {
    list: String,
    origin: Origin,
    table: Table,
    roles: Roles,
}

impl Rows {
    pub(super) fn open(list: &List, care: &Care) -> Result<Self, ListError> {
        match &list.source {
            Source::Inline(rows) => Ok(Self::inline(list, rows.clone())),
            Source::Csv(file) => {
                let text = ListFile::open(&file.path, list.max_age, care)
                    .and_then(|open| Ok(Text::new(Stream::File(open), file.encoding)?));
                Self::csv(list, file.path.clone().into(), text, file.separator)
            }
            Source::Command(output) => {
                let name = output.program.name().to_owned();
                let text = command::open(output);
                Self::csv(list, Origin::Command(name), text, output.separator)
            }
        }
    }

    /// The fields a template may use, as [`List::columns`] gives them, of this very reading.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    fn inline(list: &List, rows: Vec<InlineRow>) -> Self {
        let people = Inline {
            address_column: list.address_column.clone(),
            name_column: list.name_column.clone().unwrap_or_else(|| NAME.to_owned()),
            optional: list.optional.clone(),
        };
        let columns = people.columns(&rows);
        let rows = rows.into_iter().enumerate();
        Self {
            columns,
            source: Open::Inline { people, rows },
        }
    }

    fn csv(
        list: &List,
        origin: Origin,
        text: Result<Text<Stream>, Located>,
        separator: Option<Separator>,
    ) -> Result<Self, ListError> {
        let fail = |fault: FileFault, line| fault.of_list(&list.name, origin.clone(), line);
        let table = text.and_then(|text| Table::open(text, separator));
        let table = table.map_err(|found| fail(found.fault, found.line))?;
        let roles = Roles::assign(list, &table.header)
            .map_err(|fault| fail(fault, Some(table.header_line)))?;
        let columns = [&table.header.columns[..], &roles.missing_optional].concat();
        let csv = Csv {
            list: list.name.clone(),
            origin,
            table,
            roles,
        };
        Ok(Self {
            columns,
            source: Open::Csv(Box::new(csv)),
        })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        let fault = match &mut self.source {
            Open::Done => return None,
            Open::Inline { people, rows } => {
                let (place, row) = rows.next()?;
                return Some(Ok(people.row(place as u64 + 1, row)));
            }
            Open::Csv(csv) => match csv.table.next() {
                Ok(Some((line, cells))) => {
                    return Some(Ok(csv.roles.row(&self.columns, line, cells)));
                }
                Ok(None) => None,
                Err(found) => Some(
                    found
                        .fault
                        .of_list(&csv.list, csv.origin.clone(), found.line),
                ),
            },
        };
        self.source = Open::Done;
        fault.map(Err)
    }
}

/// Which columns of a CSV file play which part.
struct Roles {
    address: usize,
    name: Option<usize>,
    /// The field that a display name from the address cell fills where there is no name column.
    name_field: String,
    /// For each column of the file.
    optional: Vec<bool>,
    missing_optional: Vec<String>,
}

impl Roles {
    fn assign(list: &List, header: &Header) -> Result<Self, FileFault> {
        let place = |wanted: &str| header.columns.iter().position(|column| column == wanted);
        let missing = |wanted: &str, key| missing_column(wanted, key, header);
        let address = place(&list.address_column)
            .ok_or_else(|| missing(&list.address_column, "address_column"))?;
        let name = match &list.name_column {
            None => place(NAME),
            Some(stated) if list.optional.contains(stated) => place(stated),
            Some(stated) => Some(place(stated).ok_or_else(|| missing(stated, "name_column"))?),
        };
        let optional = header
            .columns
            .iter()
            .map(|column| list.optional.contains(column))
            .collect();
        let missing_optional = list
            .optional
            .iter()
            .filter(|column| place(column).is_none())
            .cloned()
            .collect();
        let name_field = list.name_column.clone().unwrap_or_else(|| NAME.to_owned());
        Ok(Self {
            address,
            name,
            name_field,
            optional,
            missing_optional,
        })
    }

    fn row(&self, columns: &[String], line: u64, cells: &StringRecord) -> Row {
        let raw_address = cells.get(self.address).unwrap_or_default().to_owned();
        Row {
            line,
            raw_address,
            recipient: self.recipient(columns, cells),
        }
    }

    fn recipient(&self, columns: &[String], cells: &StringRecord) -> Result<Recipient, RowFault> {
        let (found, expected) = (cells.len(), self.optional.len());
        if found != expected {
            return Err(RowFault::Fields { found, expected });
        }
        let name = self.name.map_or("", |name| &cells[name]);
        let mailbox = named(&cells[self.address], name)?;
        let mut fields = Map::with_capacity(columns.len());
        for (place, (column, cell)) in columns.iter().zip(cells).enumerate() {
            let cell = if place == self.address {
                mailbox.email.as_ref()
            } else if Some(place) == self.name {
                mailbox.name.as_deref().unwrap_or_default()
            } else {
                cell
            };
            put(&mut fields, column, cell, self.optional[place]);
        }
        for column in &self.missing_optional {
            put(&mut fields, column, "", true);
        }
        if let (None, Some(name)) = (self.name, &mailbox.name) {
            put(&mut fields, &self.name_field, name, false);
        }
        Ok(Recipient::new(mailbox, fields))
    }
}

fn missing_column(wanted: &str, key: &'static str, header: &Header) -> FileFault {
    // A header is not masked in messages and logs, a row of people must be.
    if header.columns.iter().any(|column| column.contains('@')) {
        return FileFault::NoHeader;
    }
    FileFault::MissingColumn(Box::new(MissingColumn {
        wanted: wanted.to_owned(),
        key,
        suggestion: nearest(wanted, &header.columns),
        header: header.clone(),
    }))
}

/// The column that is written almost alike, or that says "mail" in another way.
fn nearest(wanted: &str, columns: &[String]) -> Option<String> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|one| one.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(wanted);
    let reach = (wanted.chars().count() / 3).max(1);
    let alike = columns
        .iter()
        .map(|column| (strsim::damerau_levenshtein(&plain(column), &wanted), column))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance);
    let says_mail = |column: &&String| {
        let column = plain(column);
        ["mail", "邮箱", "邮件", "郵箱", "郵件"]
            .iter()
            .any(|word| column.contains(word))
    };
    let near = alike.map(|(_, column)| column);
    near.or_else(|| {
        columns
            .iter()
            .find(says_mail)
            .filter(|_| wanted.contains("mail"))
    })
    .cloned()
}
