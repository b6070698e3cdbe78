//! Streams the rows of a list: cells in, recipients out.

use std::iter::Enumerate;
use std::vec::IntoIter;

use csv::StringRecord;
use serde_json::{Map, Value};

use crate::audience::command::{self, Form};
use crate::audience::error::{FileFault, Header, ListError, Located, MissingColumn, Origin};
use crate::audience::extras::Extras;
use crate::audience::file::ListFile;
use crate::audience::inline;
use crate::audience::json::JsonRows;
use crate::audience::object::Objects;
use crate::audience::particulars::Particulars;
use crate::audience::row::{NAME, Recipient, Row, RowFault, named, put};
use crate::audience::separator::Separator;
use crate::audience::stream::Stream;
use crate::audience::table::Table;
use crate::audience::text::Text;
use crate::audience::{Care, InlineRow, List, Place, RowsPath, Source};

/// The rows of one reading of a list. After an error there are no more.
pub struct Rows {
    /// What the fields are called, see [`List::columns`].
    columns: Vec<String>,
    /// Whether the source says what its columns are.
    tells_columns: bool,
    particulars: Option<Particulars>,
    source: Open,
}

enum Open {
    Inline {
        people: Box<Objects>,
        rows: Enumerate<IntoIter<InlineRow>>,
    },
    Csv(Box<Csv>),
    Json(Box<JsonRows>),
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
            Source::Json(file) => {
                let text = ListFile::open(&file.path, list.max_age, care)
                    .and_then(|open| Ok(Text::new(Stream::File(open), file.encoding)?));
                Self::json(list, file.path.clone().into(), text, file.rows.as_ref())
            }
            Source::Command(output) => {
                let origin = Origin::Command(output.program.name().to_owned());
                match command::open(output) {
                    Ok((text, Form::Csv)) => Self::csv(list, origin, Ok(text), output.separator),
                    Ok((text, Form::Json)) => {
                        Self::json(list, origin, Ok(text), output.rows.as_ref())
                    }
                    Err(found) => Err(found.fault.of_list(&list.name, origin, found.line)),
                }
            }
        }
    }

    /// The fields a template may use, as [`List::columns`] gives them, of this very reading.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the columns are known: a list of nobody that has no header cannot tell them.
    #[must_use]
    pub fn tells_columns(&self) -> bool {
        self.tells_columns
    }

    /// How it is read, if that is from a text.
    #[must_use]
    pub fn particulars(&self) -> Option<&Particulars> {
        self.particulars.as_ref()
    }

    fn inline(list: &List, rows: Vec<InlineRow>) -> Self {
        let people = Objects::of(list);
        Self {
            columns: inline::columns(&people, &rows),
            tells_columns: !rows.is_empty(),
            particulars: None,
            source: Open::Inline {
                people: Box::new(people),
                rows: rows.into_iter().enumerate(),
            },
        }
    }

    fn csv(
        list: &List,
        origin: Origin,
        text: Result<Text<Stream>, Located>,
        separator: Option<Separator>,
    ) -> Result<Self, ListError> {
        let fail = |fault: FileFault, line| fault.of_list(&list.name, origin.clone(), line);
        let text = text.map_err(|found| fail(found.fault, found.line))?;
        let mut particulars = Particulars::of(&text, origin.path());
        let table = Table::open(text, separator);
        let table = table.map_err(|found| fail(found.fault, found.line))?;
        particulars.separator = table.header.separator;
        let roles = Roles::assign(list, &table.header)
            .map_err(|fault| fail(fault, Some(table.header_line)))?;
        let missing = roles.missing.iter().map(|(column, _)| column);
        let columns = table.header.columns.iter().chain(missing);
        let columns = columns.cloned().collect();
        let csv = Csv {
            list: list.name.clone(),
            origin,
            table,
            roles,
        };
        Ok(Self {
            columns,
            tells_columns: true,
            particulars: Some(particulars),
            source: Open::Csv(Box::new(csv)),
        })
    }

    fn json(
        list: &List,
        origin: Origin,
        text: Result<Text<Stream>, Located>,
        rows: Option<&RowsPath>,
    ) -> Result<Self, ListError> {
        let text_read = text.as_ref().ok();
        let particulars = text_read.map(|text| Particulars::of(text, origin.path()));
        let rows = JsonRows::open(list, origin, text, rows)?;
        Ok(Self {
            columns: rows.columns.clone(),
            tells_columns: rows.tells_columns,
            particulars,
            source: Open::Json(Box::new(rows)),
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
                return Some(Ok(inline::row(people, place as u64 + 1, row)));
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
            Open::Json(rows) => match rows.next() {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => None,
                Err(fault) => Some(fault),
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
    /// The field that a display name from the address cell fills, where no column does.
    name_field: Option<String>,
    /// For each column of the file, what a blank cell of it counts as.
    fills: Vec<Option<Value>>,
    /// Columns that the file does not have, and what they are for everybody.
    missing: Map<String, Value>,
}

impl Roles {
    fn assign(list: &List, header: &Header) -> Result<Self, FileFault> {
        let place = |wanted: &str| header.columns.iter().position(|column| column == wanted);
        let missing = |wanted: &str, key| missing_column(wanted, key, header);
        let extras = Extras::of(list);
        let address = place(&list.address_column)
            .ok_or_else(|| missing(&list.address_column, "address_column"))?;
        let name = match &list.name_column {
            None => place(NAME),
            Some(stated) if extras.can_fill(stated) => place(stated),
            Some(stated) => Some(place(stated).ok_or_else(|| missing(stated, "name_column"))?),
        };
        let both = extras.fixed.keys().find(|column| place(column).is_some());
        if let Some(both) = both {
            return Err(FileFault::FixedColumn(both.clone()));
        }
        let fills = header.columns.iter().map(|column| extras.fill(column));
        let name_field = list.name_column.as_deref().unwrap_or(NAME);
        let is_free = name.is_none() && !extras.fixed.contains_key(name_field);
        let mut missing = Map::new();
        extras.complete(&mut missing);
        missing.retain(|column, _| place(column).is_none());
        Ok(Self {
            address,
            name,
            name_field: is_free.then(|| name_field.to_owned()),
            fills: fills.collect(),
            missing,
        })
    }

    fn row(&self, columns: &[String], line: u64, cells: &StringRecord) -> Row {
        let raw_address = cells.get(self.address).unwrap_or_default().to_owned();
        Row {
            place: Place::line(line),
            raw_address,
            recipient: self.recipient(columns, cells),
        }
    }

    fn recipient(&self, columns: &[String], cells: &StringRecord) -> Result<Recipient, RowFault> {
        let (found, expected) = (cells.len(), self.fills.len());
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
            put(&mut fields, column, cell, self.fills[place].as_ref());
        }
        for (column, value) in &self.missing {
            fields.insert(column.clone(), value.clone());
        }
        if let (Some(field), Some(name)) = (&self.name_field, &mailbox.name) {
            put(&mut fields, field, name, None);
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
        hint: other_separator(wanted, header),
        header: header.clone(),
    }))
}

/// What probably separates a header that seems to be one column.
fn other_separator(wanted: &str, header: &Header) -> Option<String> {
    let [only] = &header.columns[..] else {
        return None;
    };
    let splits = |mark: &char| only.split(*mark).any(|it| it.trim() == wanted);
    let likely = [':', '^', '~', '#', '/', '*'].into_iter();
    let mark = likely.clone().find(splits).or_else(|| {
        let mut there = likely.filter(|mark| only.contains(*mark));
        there.next()
    })?;
    Some(format!(
        "do its cells have `{mark}` between them? separator = \"{mark}\""
    ))
}

/// The column that is written almost alike, or that says "mail" in another way.
pub(super) fn nearest(wanted: &str, columns: &[String]) -> Option<String> {
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
