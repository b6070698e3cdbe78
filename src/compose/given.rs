//! What a template can show besides the fields of a list.

use std::sync::Arc;

use serde_json::Value;

/// Values under names of their own, which stand for one run or one message whatever the list says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// `{{data.…}}`: the values of the run.
    pub data: Option<Arc<Value>>,
    /// `{{unsubscribe_url}}`.
    pub unsubscribe_url: Option<String>,
    /// `{{postal_address}}`.
    pub postal_address: Option<String>,
}
