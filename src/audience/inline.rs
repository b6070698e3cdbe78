//! People written into the configuration itself: the rows of a list that needs no file.

use serde_json::{Map, Value};

use crate::audience::InlineRow;
use crate::audience::address;
use crate::audience::row::{Recipient, Row, RowFault, named, put};

/// How the people written into a configuration are read.
pub(super) struct Inline {
    pub(super) address_column: String,
    pub(super) name_column: String,
    pub(super) optional: Vec<String>,
}

impl Inline {
    pub(super) fn columns(&self, rows: &[InlineRow]) -> Vec<String> {
        let named = |row: &InlineRow| {
            address::mailbox(&row.address).is_ok_and(|mailbox| mailbox.name.is_some())
        };
        let name = rows.iter().any(named).then_some(&self.name_column);
        let fields = rows.iter().flat_map(|row| row.fields.keys());
        let mut columns = vec![self.address_column.clone()];
        for column in name.into_iter().chain(fields).chain(&self.optional) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    pub(super) fn row(&self, line: u64, row: InlineRow) -> Row {
        let InlineRow { address, fields } = row;
        let recipient = self.recipient(&address, fields);
        Row {
            line,
            raw_address: address,
            recipient,
        }
    }

    fn recipient(
        &self,
        address: &str,
        mut fields: Map<String, Value>,
    ) -> Result<Recipient, RowFault> {
        if let Some((column, _)) = fields.iter().find(|(_, value)| has_nul(value)) {
            return Err(RowFault::Nul(column.clone()));
        }
        let name = match fields.get(&self.name_column) {
            None => "",
            Some(Value::String(name)) => name,
            Some(_) => return Err(RowFault::NameNotText),
        };
        let mailbox = named(address, name)?;
        put(
            &mut fields,
            &self.address_column,
            mailbox.email.as_ref(),
            false,
        );
        if let Some(name) = &mailbox.name {
            put(&mut fields, &self.name_column, name, false);
        }
        let blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        fields.retain(|_, value| !blank(value));
        for column in &self.optional {
            if !fields.contains_key(column) {
                put(&mut fields, column, "", true);
            }
        }
        Ok(Recipient::new(mailbox, fields))
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
