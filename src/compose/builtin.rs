//! The helpers that templates may use.
//!
//! Handlebars brings `if`, `each` and the like; `default`, `upper` and `lower` are ours. Its `log`
//! is left out: a template does not write people's data to the log.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, ScopedJson, html_escape, no_escape,
};
use serde_json::Value;

/// How a helper is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `{{#if x}}…{{/if}}`.
    Block,
    /// `{{upper x}}`, also within other tags: `{{#if (len x)}}`.
    Value,
    /// Either.
    Both,
}

/// Every helper: its name, its form, how many values it needs.
pub(super) const HELPERS: &[(&str, Form, usize)] = &[
    ("if", Form::Block, 1),
    ("unless", Form::Block, 1),
    ("each", Form::Block, 1),
    ("with", Form::Block, 1),
    ("raw", Form::Block, 0),
    ("lookup", Form::Value, 2),
    ("len", Form::Value, 1),
    ("eq", Form::Both, 2),
    ("ne", Form::Both, 2),
    ("gt", Form::Both, 2),
    ("gte", Form::Both, 2),
    ("lt", Form::Both, 2),
    ("lte", Form::Both, 2),
    ("and", Form::Both, 1),
    ("or", Form::Both, 1),
    ("not", Form::Both, 1),
    ("default", Form::Value, 2),
    ("upper", Form::Value, 1),
    ("lower", Form::Value, 1),
];

/// A registry for plain text (`html` false: nothing is escaped) or for HTML.
pub(super) fn registry(html: bool) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(if html { html_escape } else { no_escape });
    registry.unregister_helper("log");
    registry.register_helper("default", Box::new(DefaultHelper));
    registry.register_helper("upper", Box::new(CaseHelper(|text| text.to_uppercase())));
    registry.register_helper("lower", Box::new(CaseHelper(|text| text.to_lowercase())));
    registry
}

fn value<'a, 'rc>(
    helper: &'a Helper<'rc>,
    at: usize,
    name: &'static str,
) -> Result<&'a PathAndJson<'rc>, RenderError> {
    helper
        .param(at)
        .ok_or_else(|| RenderErrorReason::ParamNotFoundForIndex(name, at).into())
}

/// `{{default first_name "there"}}`: the second value where the first is absent or empty.
struct DefaultHelper;

impl HelperDef for DefaultHelper {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let wanted = value(helper, 0, "default")?;
        let instead = value(helper, 1, "default")?;
        let empty = match wanted.value() {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        let chosen = if empty { instead } else { wanted };
        if chosen.is_value_missing() {
            return Err(RenderError::strict_error(chosen.relative_path()));
        }
        Ok(ScopedJson::Derived(chosen.value().clone()))
    }
}

/// `{{upper name}}` and `{{lower name}}`, by the rules of Unicode.
struct CaseHelper(fn(&str) -> String);

impl HelperDef for CaseHelper {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let text = value(helper, 0, "upper or lower")?;
        if text.is_value_missing() {
            return Err(RenderError::strict_error(text.relative_path()));
        }
        Ok(ScopedJson::Derived(Value::String((self.0)(&text.render()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_helpers_is_what_the_registry_has() {
        let registry = registry(true);
        let unknown = |name: &str| {
            let text = format!("{{{{#if ({name} 1 2)}}}}{{{{/if}}}}");
            registry
                .render_template(&text, &())
                .is_err_and(|error| matches!(error.reason(), RenderErrorReason::HelperNotFound(_)))
        };
        for (name, _, _) in HELPERS {
            assert!(!unknown(name), "{name}");
        }
        assert!(unknown("log"));
    }
}
