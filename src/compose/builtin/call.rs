//! One call of a helper: its values and options, and what is said where they are unfit.
//!
//! A value that is absent is an error, as everywhere in a template. One of the wrong kind is a
//! fault of the person's row, in words that name the field and show what it holds.

use std::borrow::Cow;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, JsonRender, Output, PathAndJson, RenderContext,
    RenderError, RenderErrorReason, ScopedJson,
};
use serde_json::Value;

use super::stage;

/// What a helper does.
pub(super) type Run = fn(&Call<'_>) -> Result<Value, RenderError>;

/// So much of a value is shown to the person who must correct it.
const SHOWN: usize = 40;

/// A helper of ours.
pub(super) struct Ours {
    pub(super) name: &'static str,
    pub(super) run: Run,
}

impl HelperDef for Ours {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        if helper.params().is_empty() && helper.hash().is_empty() {
            // `{{url}}` alone is the field of that name: many lists have one.
            let field = state.evaluate(context, self.name)?;
            if field.is_missing() {
                return Err(RenderError::strict_error(Some(&self.name.to_owned())));
            }
            return Ok(field);
        }
        stage::spend(1)?;
        let shown = (self.run)(&Call { helper })?;
        if let Value::String(text) = &shown {
            stage::spend_on(text)?;
        }
        Ok(ScopedJson::Derived(shown))
    }
}

/// A helper of ours whose result is shown as it is: it is escaped. A field of its name is not.
pub(super) struct AsIs(pub(super) Ours);

impl HelperDef for AsIs {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.0.call_inner(helper, registry, context, state)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> Result<(), RenderError> {
        let shown = self
            .0
            .call_inner(helper, registry, context, state)?
            .render();
        match helper.params().is_empty() && helper.hash().is_empty() {
            true => out.write(&registry.get_escape_fn()(&shown))?,
            false => out.write(&shown)?,
        }
        Ok(())
    }
}

/// A call, with its values resolved.
pub(super) struct Call<'a> {
    helper: &'a Helper<'a>,
}

impl<'a> Call<'a> {
    /// The value at `at`, counted from 0, whether it is there or not.
    pub(super) fn raw(&self, at: usize) -> Result<&'a PathAndJson<'a>, RenderError> {
        let name = "a helper";
        self.helper
            .param(at)
            .ok_or_else(|| RenderErrorReason::ParamNotFoundForIndex(name, at).into())
    }

    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.helper.params().len()
    }

    /// The value at `at`, which must be there.
    pub(super) fn value(&self, at: usize) -> Result<&'a Value, RenderError> {
        present(self.raw(at)?)
    }

    /// The value at `at` as text.
    pub(super) fn text(&self, at: usize) -> Result<Cow<'a, str>, RenderError> {
        let text = match self.value(at)? {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Array(_) | Value::Object(_) => return Err(self.unfit(at, "text is needed")),
            other => Cow::Owned(other.render()),
        };
        stage::spend_on(&text)?;
        Ok(text)
    }

    /// The value at `at` as a list.
    pub(super) fn list(&self, at: usize) -> Result<&'a Vec<Value>, RenderError> {
        match self.value(at)? {
            Value::Array(list) => {
                stage::spend(list.len() as u64)?;
                Ok(list)
            }
            _ => Err(self.unfit(at, "a list is needed")),
        }
    }

    /// The items of the list at `at` as texts, of which there must be one.
    pub(super) fn texts(&self, at: usize) -> Result<Vec<Cow<'a, str>>, RenderError> {
        let list = self.list(at)?;
        if list.is_empty() {
            return Err(self.unfit(at, "it has no item"));
        }
        let text = |item: &'a Value| match item {
            Value::String(text) => Ok(Cow::Borrowed(text.as_str())),
            Value::Number(_) | Value::Bool(_) => Ok(Cow::Owned(item.render())),
            _ => Err(self.unfit(at, "its items must be texts or numbers")),
        };
        list.iter().map(text).collect()
    }

    /// The option `name`, if it is given. It must have a value then.
    pub(super) fn option(&self, name: &str) -> Result<Option<&'a Value>, RenderError> {
        self.helper.hash_get(name).map(present).transpose()
    }

    /// The option `name` as text.
    pub(super) fn option_text(&self, name: &str) -> Result<Option<&'a str>, RenderError> {
        let Some(value) = self.option(name)? else {
            return Ok(None);
        };
        let text = value.as_str();
        let text = text.ok_or_else(|| self.fault(format!("`{name}` must be a text in quotes")))?;
        Ok(Some(text))
    }

    /// The option `name` as a whole number up to `most`.
    pub(super) fn option_count(&self, name: &str, most: u64) -> Result<Option<u64>, RenderError> {
        let Some(value) = self.option(name)? else {
            return Ok(None);
        };
        let count = whole(value).filter(|count| *count <= most);
        let wanted = || self.fault(format!("`{name}` must be a whole number up to {most}"));
        count.map(Some).ok_or_else(wanted)
    }

    /// What is meant by the text at `at` or the option `name`, one of `words`.
    pub(super) fn word<T: Copy>(
        &self,
        at: Option<usize>,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, RenderError> {
        let text = match at {
            Some(at) if at < self.count() => Some(self.text(at)?),
            _ => self.option_text(name)?.map(Cow::Borrowed),
        };
        let Some(text) = text else {
            return Ok(None);
        };
        let word = words.iter().find(|(word, _)| *word == text);
        let known = || words.iter().map(|(word, _)| format!("\"{word}\""));
        word.map(|(_, meant)| Some(*meant)).ok_or_else(|| {
            let known: Vec<_> = known().collect();
            let text = shortened(&text);
            self.fault(format!(
                "\"{text}\" is no {name}: there are {}",
                known.join(", ")
            ))
        })
    }

    /// The locale that the call asks for, if it asks for one.
    pub(super) fn locale(&self) -> Result<Option<&'a str>, RenderError> {
        self.option_text("locale")
    }

    /// A fault of the value at `at`: what it holds, and what is `wanted`.
    pub(super) fn unfit(&self, at: usize, wanted: &str) -> RenderError {
        let Some(param) = self.helper.param(at) else {
            return self.fault(wanted.to_owned());
        };
        let name = param.relative_path().cloned();
        let holds = match param.value() {
            Value::String(text) if text.trim().is_empty() => "is empty".to_owned(),
            Value::String(text) => format!("is \"{}\"", shortened(text)),
            Value::Array(list) if list.is_empty() => "is an empty list".to_owned(),
            Value::Array(_) => "is a list".to_owned(),
            Value::Object(_) => "is a group".to_owned(),
            other => format!("is {other}"),
        };
        let subject = match &name {
            Some(name) => format!("`{name}`"),
            None => "the value".to_owned(),
        };
        let problem = format!(
            "{} cannot show this: {subject} {holds}; {wanted}",
            self.name()
        );
        HelperFault { name, problem }.into()
    }

    /// A fault of the call.
    pub(super) fn fault(&self, problem: String) -> RenderError {
        fault(format!("{} cannot show this: {problem}", self.name()))
    }

    fn name(&self) -> String {
        format!("`{}`", self.helper.name())
    }
}

fn present<'a>(param: &'a PathAndJson<'a>) -> Result<&'a Value, RenderError> {
    if param.is_value_missing() {
        return Err(RenderError::strict_error(param.relative_path()));
    }
    Ok(param.value())
}

/// A whole number, also as the text that a CSV file has.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    }
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace(char::is_control, " ")
}

/// Why a helper cannot do its work with the values of this person.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(in crate::compose) struct HelperFault {
    /// The field or path to blame, where one is.
    pub(in crate::compose) name: Option<String>,
    /// A clause in a person's words.
    pub(in crate::compose) problem: String,
}

impl From<HelperFault> for RenderError {
    fn from(fault: HelperFault) -> Self {
        RenderErrorReason::NestedError(Box::new(fault)).into()
    }
}

pub(super) fn fault(problem: String) -> RenderError {
    let name = None;
    HelperFault { name, problem }.into()
}

/// What a helper found, if one did.
pub(in crate::compose) fn found(reason: &RenderErrorReason) -> Option<&HelperFault> {
    match reason {
        RenderErrorReason::NestedError(error) => error.downcast_ref(),
        _ => None,
    }
}
