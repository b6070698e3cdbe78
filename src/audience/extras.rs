//! Fields that come from the configuration and not from the source of a list.

use serde_json::{Map, Value};

use crate::audience::List;

/// What every person of a list has besides their own fields.
pub(super) struct Extras {
    /// The same for everybody, whatever else they have.
    pub(super) fixed: Map<String, Value>,
    defaults: Map<String, Value>,
    optional: Vec<String>,
}

impl Extras {
    pub(super) fn of(list: &List) -> Self {
        Self {
            fixed: list.fields.clone(),
            defaults: list.defaults.clone(),
            optional: list.optional.clone(),
        }
    }

    /// The names of the fields that it adds: those that everybody has, then those of whoever lacks
    /// them.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        let missing = self.defaults.keys().chain(&self.optional);
        self.fixed.keys().chain(missing)
    }

    /// Whether a column may be missing.
    pub(super) fn can_fill(&self, column: &str) -> bool {
        self.fill(column).is_some()
    }

    /// What a blank cell of this column counts as: its default, else "" where it is optional. A
    /// blank field of any other column is absent.
    pub(super) fn fill(&self, column: &str) -> Option<Value> {
        let is_optional = || self.optional.iter().any(|it| it == column);
        let default = self.defaults.get(column).cloned();
        default.or_else(|| is_optional().then(|| Value::from("")))
    }

    /// Adds what somebody's fields lack.
    pub(super) fn complete(&self, fields: &mut Map<String, Value>) {
        for (name, value) in &self.fixed {
            fields.insert(name.clone(), value.clone());
        }
        for column in self.defaults.keys().chain(&self.optional) {
            if !fields.contains_key(column)
                && let Some(value) = self.fill(column)
            {
                fields.insert(column.clone(), value);
            }
        }
    }
}
