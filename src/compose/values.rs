//! The values that a template is rendered with: one person's fields, and what is given for all.
//!
//! Handlebars wants to own them as one tree, and copies all that stands beside a name when it
//! includes a partial. So the data of a run, which may be large, stands apart from the fields, is
//! found under `data` from everywhere, and moves from message to message without being copied.

use std::sync::{Arc, Mutex, PoisonError};

use handlebars::{BlockContext, BlockParamHolder, Context, RenderContext};
use serde_json::{Map, Value};

use super::given::Given;

/// The name of the run's data.
pub(super) const DATA: &str = "data";
/// Where the fields stand once more, without the data. No path can name it by mistake.
const ROW: &str = "";
/// As many copies are kept; more are made where more threads render at once.
const KEPT: usize = 64;

/// Copies of a run's data that no rendering uses now, each with what it is a copy of.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<(Arc<Value>, Value)>>);

impl Pool {
    fn take(&self, data: &Arc<Value>) -> Value {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, _)| Arc::ptr_eq(of, data));
        let copy = kept.pop();
        drop(kept);
        copy.map_or_else(|| without_nulls(data), |(_, copy)| copy)
    }

    fn put_back(&self, data: Arc<Value>, copy: Value) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push((data, copy));
        }
    }
}

/// The values for one message.
pub(super) struct Values<'a> {
    context: Context,
    lent: Option<(&'a Pool, Arc<Value>)>,
}

impl<'a> Values<'a> {
    /// Of a given name and a field of the same name the given one counts.
    pub(super) fn new(pool: &'a Pool, mut fields: Map<String, Value>, given: &Given) -> Self {
        for (name, text) in given.texts() {
            fields.insert(name.to_owned(), Value::String(text.clone()));
        }
        let Some(data) = &given.data else {
            let context = Context::from(Value::Object(fields));
            return Self {
                context,
                lent: None,
            };
        };
        fields.shift_remove(DATA);
        let mut all = fields.clone();
        all.insert(ROW.to_owned(), Value::Object(fields));
        all.insert(DATA.to_owned(), pool.take(data));
        Self {
            context: Context::from(Value::Object(all)),
            lent: Some((pool, Arc::clone(data))),
        }
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// The values by name.
    pub(super) fn named(&self) -> &Map<String, Value> {
        let all = self.context.data().as_object();
        all.expect("values are made as an object")
    }

    /// A state to render with, in which a name means a field, and `data` what is given.
    pub(super) fn state<'reg: 'rc, 'rc>(&self) -> RenderContext<'reg, 'rc> {
        let mut state = RenderContext::new(None);
        if self.lent.is_some() {
            let data = BlockParamHolder::path(vec![DATA.to_owned()]);
            let outermost = state.block_mut();
            let outermost = outermost.expect("handlebars begins with a block");
            outermost.set_block_param(DATA, data);
            let mut row = BlockContext::new();
            row.base_path_mut().push(ROW.to_owned());
            state.push_block(row);
        }
        state
    }
}

impl Drop for Values<'_> {
    fn drop(&mut self) {
        let Some((pool, data)) = self.lent.take() else {
            return;
        };
        let all = self.context.data_mut().as_object_mut();
        if let Some(copy) = all.and_then(|all| all.swap_remove(DATA)) {
            pool.put_back(data, copy);
        }
    }
}

/// A null is the absence of a value; handlebars would show it as an empty text.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(group) => Value::Object(present(group)),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// The fields that are no nulls, without those that stand deeper.
pub(super) fn present(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), without_nulls(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_data_of_a_run_is_copied_once_for_each_that_renders_at_the_same_time() {
        let pool = Pool::default();
        let data = Arc::new(json!({ "rows": ["a", null], "none": null }));
        let given = Given {
            data: Some(Arc::clone(&data)),
            ..Given::default()
        };
        let place = |values: &Values<'_>| values.named()[DATA]["rows"].as_array().unwrap().as_ptr();
        let first = Values::new(&pool, Map::new(), &given);
        assert_eq!(first.named()[DATA], json!({ "rows": ["a", null] }));
        let copy = place(&first);
        let second = Values::new(&pool, Map::new(), &given);
        assert_ne!(place(&second), copy);
        drop(first);
        let third = Values::new(&pool, Map::new(), &given);
        assert_eq!(place(&third), copy, "the copy of the first is taken up");
        drop((second, third));
        assert_eq!(pool.0.lock().unwrap().len(), 2);

        let other = Given {
            data: Some(Arc::new(json!({ "rows": [] }))),
            ..Given::default()
        };
        let values = Values::new(&pool, Map::new(), &other);
        assert_eq!(values.named()[DATA], json!({ "rows": [] }));
        assert_eq!(pool.0.lock().unwrap().len(), 0, "of an older run none stay");
    }
}
