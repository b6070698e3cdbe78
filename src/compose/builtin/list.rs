//! Lists: `list`, `join`, `split`, `first`, `last` and `len`.

use handlebars::RenderError;
use serde_json::Value;

use super::call::Call;
use super::speech::Conjunction;
use super::stage;

const CONJUNCTIONS: &[(&str, Conjunction)] = &[("and", Conjunction::And), ("or", Conjunction::Or)];

/// `{{list names}}`: Ada, Bo and Cyn.
pub(super) fn list(call: &Call<'_>) -> Result<Value, RenderError> {
    let items = call.texts(0)?;
    let last = call.word(None, "type", CONJUNCTIONS)?;
    let speech = stage::speech(call.locale()?);
    Ok(Value::String(
        speech.list(&items, last.unwrap_or(Conjunction::And)),
    ))
}

/// `{{join tags ", "}}`.
pub(super) fn join(call: &Call<'_>) -> Result<Value, RenderError> {
    let separator = call.text(1)?;
    Ok(Value::String(call.texts(0)?.join(&separator)))
}

/// `{{#each (split tags ";")}}`: a list of the parts that are not blank.
pub(super) fn split(call: &Call<'_>) -> Result<Value, RenderError> {
    let (text, separator) = (call.text(0)?, call.text(1)?);
    if separator.is_empty() {
        return Err(call.unfit(1, "a text to split at is needed"));
    }
    let parts = text.split(&*separator).map(str::trim);
    let parts: Vec<Value> = parts.filter(|it| !it.is_empty()).map(Value::from).collect();
    stage::spend(parts.len() as u64)?;
    Ok(Value::Array(parts))
}

/// `{{first orders}}`.
pub(super) fn first(call: &Call<'_>) -> Result<Value, RenderError> {
    one(call, call.list(0)?.first())
}

/// `{{last orders}}`.
pub(super) fn last(call: &Call<'_>) -> Result<Value, RenderError> {
    one(call, call.list(0)?.last())
}

fn one(call: &Call<'_>, item: Option<&Value>) -> Result<Value, RenderError> {
    let item = item.filter(|it| !it.is_null());
    item.cloned().ok_or_else(|| call.unfit(0, "it has no item"))
}

/// `{{len orders}}`: items of a list or group, characters of a text.
pub(super) fn len(call: &Call<'_>) -> Result<Value, RenderError> {
    Ok(Value::from(match call.value(0)? {
        Value::Array(list) => list.len(),
        Value::Object(group) => group.len(),
        Value::String(text) => {
            stage::spend_on(text)?;
            text.chars().count()
        }
        _ => return Err(call.unfit(0, "a list or a text is needed")),
    }))
}
