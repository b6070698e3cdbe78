//! A person as an object of named values: one written into the configuration, or a row of JSON.

use serde_json::{Map, Value};

use crate::audience::List;
use crate::audience::address;
use crate::audience::extras::Extras;
use crate::audience::row::{NAME, Recipient, RowFault, named, put};

/// How such people are read.
pub(super) struct Objects {
    pub(super) address_column: String,
    pub(super) name_column: String,
    pub(super) extras: Extras,
}

impl Objects {
    pub(super) fn of(list: &List) -> Self {
        Self {
            address_column: list.address_column.clone(),
            name_column: list.name_column.clone().unwrap_or_else(|| NAME.to_owned()),
            extras: Extras::of(list),
        }
    }

    /// The keys of these people, and what a template may use besides.
    pub(super) fn columns<'a>(
        &'a self,
        keys: impl Iterator<Item = &'a String>,
        mut addresses: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let has_name =
            |address: &str| address::mailbox(address).is_ok_and(|mailbox| mailbox.name.is_some());
        let name = addresses.any(has_name).then_some(&self.name_column);
        let mut columns = Map::new();
        for column in keys.chain(name).chain(self.extras.names()) {
            columns.insert(column.clone(), Value::Null);
        }
        columns.into_iter().map(|(column, _)| column).collect()
    }

    /// Null and white space are no value.
    pub(super) fn recipient(
        &self,
        address: &str,
        mut fields: Map<String, Value>,
    ) -> Result<Recipient, RowFault> {
        let nul = fields
            .iter()
            .find(|(key, value)| key.contains('\0') || has_nul(value));
        if let Some((column, _)) = nul {
            return Err(RowFault::Nul(column.replace('\0', "\u{fffd}")));
        }
        let name = match fields.get(&self.name_column) {
            None | Some(Value::Null) => "",
            Some(Value::String(name)) => name,
            Some(_) => return Err(RowFault::NameNotText),
        };
        let mailbox = named(address, name)?;
        put(
            &mut fields,
            &self.address_column,
            mailbox.email.as_ref(),
            None,
        );
        if let Some(name) = &mailbox.name {
            put(&mut fields, &self.name_column, name, None);
        }
        fields.retain(|_, value| !is_blank(value));
        self.extras.complete(&mut fields);
        Ok(Recipient::new(mailbox, fields))
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
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
