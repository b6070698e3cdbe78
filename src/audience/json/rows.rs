//! The rows of a JSON file: elements in, recipients out.

use serde_json::{Map, Value};

use super::{Element, Elements, fault};
use crate::audience::error::{FileFault, Header, ListError, Located, MissingColumn, Origin};
use crate::audience::object::Objects;
use crate::audience::row::{Row, RowFault};
use crate::audience::rows::nearest;
use crate::audience::stream::Stream;
use crate::audience::text::Text;
use crate::audience::{List, Place, RowsPath};

pub(in crate::audience) struct JsonRows {
    list: String,
    origin: Origin,
    elements: Elements<Text<Stream>>,
    people: Objects,
    /// The keys of the first rows, then what the configuration adds.
    pub(in crate::audience) columns: Vec<String>,
    /// Whether there were rows with keys.
    pub(in crate::audience) tells_columns: bool,
}

impl JsonRows {
    pub(in crate::audience) fn open(
        list: &List,
        origin: Origin,
        text: Result<Text<Stream>, Located>,
        rows: Option<&RowsPath>,
    ) -> Result<Self, ListError> {
        let opened = text.and_then(|text| {
            let elements = Elements::open(text, rows)?;
            let tells_columns = check_columns(list, &elements)?;
            Ok((elements, tells_columns))
        });
        let (elements, tells_columns) =
            opened.map_err(|found| found.fault.of_list(&list.name, origin.clone(), found.line))?;
        let people = Objects::of(list);
        let addresses = objects(&elements).filter_map(|it| it.get(&list.address_column)?.as_str());
        let columns = people.columns(objects(&elements).flat_map(Map::keys), addresses);
        Ok(Self {
            list: list.name.clone(),
            origin,
            elements,
            people,
            columns,
            tells_columns,
        })
    }

    pub(in crate::audience) fn next(&mut self) -> Result<Option<Row>, ListError> {
        let row = match self.elements.next() {
            Ok(Some(element)) => self.row(element).map(Some),
            Ok(None) => Ok(None),
            Err(found) => Err(found),
        };
        row.map_err(|found| {
            let origin = self.origin.clone();
            found.fault.of_list(&self.list, origin, found.line)
        })
    }

    fn row(&self, element: Element) -> Result<Row, Located> {
        let Element {
            number,
            line,
            value,
        } = element;
        let place = match self.elements.is_lines() {
            true => Place::line(line),
            false => Place::Person {
                person: number,
                line: Some(line),
            },
        };
        let bad = |fault, raw_address| Row {
            place,
            raw_address,
            recipient: Err(fault),
        };
        let fields = match value {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Ok(bad(RowFault::NotAnObject, String::new())),
            Err(fault) => return Ok(bad(fault, String::new())),
        };
        let mut fixed = self.people.extras.fixed.keys();
        if let Some(both) = fixed.find(|name| fields.contains_key(*name)) {
            return Err(FileFault::FixedColumn(both.clone()).at(line));
        }
        let raw_address = match fields.get(&self.people.address_column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(address)) => address.clone(),
            Some(_) => return Ok(bad(RowFault::AddressNotText, String::new())),
        };
        Ok(Row {
            place,
            recipient: self.people.recipient(&raw_address, fields),
            raw_address,
        })
    }
}

/// The first rows that have keys.
fn objects<R: std::io::BufRead>(
    elements: &Elements<R>,
) -> impl Iterator<Item = &Map<String, Value>> {
    let values = elements.ahead().filter_map(|it| it.value.as_ref().ok());
    values.filter_map(Value::as_object)
}

/// Whether there are rows that tell the columns; those that the configuration names must be among
/// them.
fn check_columns<R: std::io::BufRead>(
    list: &List,
    elements: &Elements<R>,
) -> Result<bool, FileFault> {
    let Some(first) = objects(elements).find(|it| !it.is_empty()) else {
        return Ok(false);
    };
    let has = |column: &str| objects(elements).any(|it| it.contains_key(column));
    let fills = |column: &str| {
        list.defaults.contains_key(column) || list.optional.iter().any(|it| it == column)
    };
    let name = list.name_column.as_deref().filter(|it| !fills(it));
    let named = [
        ("address_column", Some(list.address_column.as_str())),
        ("name_column", name),
    ];
    for (key, column) in named {
        let Some(wanted) = column.filter(|it| !has(it)) else {
            continue;
        };
        let mut columns = Vec::new();
        for column in objects(elements).flat_map(Map::keys) {
            if !columns.contains(column) {
                fault::name(&mut columns, column);
            }
        }
        let arrays = &elements.arrays;
        let hint = match key {
            "address_column" if elements.is_lines() && !arrays.is_empty() => {
                let means = fault::where_people_are(arrays);
                Some(format!(
                    "if this is one document and not one object a line, {means}"
                ))
            }
            _ if leads_into(first, wanted) => Some(format!(
                "`{wanted}` leads into an object in the row, which is not supported: {key} is a \
                 key of the row itself"
            )),
            _ => None,
        };
        return Err(FileFault::MissingColumn(Box::new(MissingColumn {
            wanted: wanted.to_owned(),
            key,
            suggestion: nearest(wanted, &columns),
            hint,
            header: Header {
                columns,
                separator: None,
            },
        })));
    }
    Ok(true)
}

/// Whether a name with dots in it is a way into objects of the row.
fn leads_into(row: &Map<String, Value>, name: &str) -> bool {
    let (key, rest) = name.split_once('.').unwrap_or((name, ""));
    match row.get(key) {
        Some(Value::Object(inner)) if !rest.is_empty() => {
            inner.contains_key(rest) || leads_into(inner, rest)
        }
        _ => false,
    }
}
