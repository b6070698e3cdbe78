//! The helpers that templates may use.
//!
//! Handlebars brings `if`, `each` and the like; `default`, `upper` and `lower` are ours. Its `log`
//! is left out: a template does not write people's data to the log.

mod blocks;
pub(super) mod stage;

use std::error::Error;

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

/// A helper that templates may use.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub(super) form: Form,
    /// How many values it needs.
    pub(super) values: usize,
    /// A use of it.
    pub example: &'static str,
    /// What that shows to Ada, whose plan is pro, with three seats and two orders.
    pub shows: &'static str,
}

/// Every helper.
#[rustfmt::skip]
pub static HELPERS: &[BuiltIn] = &[
    helper("if", Form::Block, 1, "{{#if plan}}On {{plan}}.{{else}}No plan.{{/if}}", "On pro."),
    helper("unless", Form::Block, 1, "{{#unless is_paid}}Please pay.{{/unless}}", "Please pay."),
    helper("each", Form::Block, 1, "{{#each orders}}{{this}}; {{/each}}", "tea; ink; "),
    helper("with", Form::Block, 1, "{{#with address}}{{city}}{{/with}}", "London"),
    helper("raw", Form::Block, 0, "{{{{raw}}}}{{as it is}}{{{{/raw}}}}", "{{as it is}}"),
    helper("lookup", Form::Value, 2, "{{lookup orders 0}}", "tea"),
    helper("len", Form::Value, 1, "{{len orders}}", "2"),
    helper("eq", Form::Both, 2, r#"{{#if (eq plan "pro")}}yes{{/if}}"#, "yes"),
    helper("ne", Form::Both, 2, r#"{{#if (ne plan "free")}}yes{{/if}}"#, "yes"),
    helper("gt", Form::Both, 2, "{{#if (gt seats 2)}}yes{{/if}}", "yes"),
    helper("gte", Form::Both, 2, "{{#if (gte seats 3)}}yes{{/if}}", "yes"),
    helper("lt", Form::Both, 2, "{{#if (lt seats 5)}}yes{{/if}}", "yes"),
    helper("lte", Form::Both, 2, "{{#if (lte seats 3)}}yes{{/if}}", "yes"),
    helper("and", Form::Both, 1, "{{#if (and plan seats)}}both{{/if}}", "both"),
    helper("or", Form::Both, 1, "{{#if (or is_paid seats)}}one{{/if}}", "one"),
    helper("not", Form::Both, 1, "{{#if (not is_paid)}}yes{{/if}}", "yes"),
    helper("default", Form::Value, 2, r#"{{default nickname "friend"}}"#, "friend"),
    helper("upper", Form::Value, 1, "{{upper plan}}", "PRO"),
    helper("lower", Form::Value, 1, "{{lower name}}", "ada"),
];

const fn helper(
    name: &'static str,
    form: Form,
    values: usize,
    example: &'static str,
    shows: &'static str,
) -> BuiltIn {
    BuiltIn {
        name,
        form,
        values,
        example,
        shows,
    }
}

/// A registry for plain text (`html` false: nothing is escaped) or for HTML.
pub(super) fn registry(html: bool) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(if html { html_escape } else { no_escape });
    registry.unregister_helper("log");
    registry.register_helper("if", Box::new(blocks::If { wanted: true }));
    registry.register_helper("unless", Box::new(blocks::If { wanted: false }));
    registry.register_helper("each", Box::new(blocks::Each));
    registry.register_helper("with", Box::new(blocks::With));
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

/// Why a helper cannot do its work with the values of this person: a clause in a person's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HelperFault(String);

fn fault(problem: String) -> RenderError {
    RenderErrorReason::NestedError(Box::new(HelperFault(problem))).into()
}

/// The problem that a helper found, if one did.
pub(super) fn problem(reason: &RenderErrorReason) -> Option<&str> {
    let RenderErrorReason::NestedError(error) = reason else {
        return None;
    };
    let error: &(dyn Error + Send + Sync) = error.as_ref();
    error
        .downcast_ref::<HelperFault>()
        .map(|fault| fault.0.as_str())
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
        for BuiltIn { name, .. } in HELPERS {
            assert!(!unknown(name), "{name}");
        }
        assert!(unknown("log"));
    }

    #[test]
    fn every_example_shows_what_is_said_of_it() {
        let ada = serde_json::json!({
            "name": "Ada",
            "nickname": "",
            "plan": "pro",
            "seats": 3,
            "is_paid": false,
            "orders": ["tea", "ink"],
            "address": { "city": "London" },
        });
        for helper in HELPERS {
            assert!(helper.example.contains(helper.name));
            let shown = registry(false).render_template(helper.example, &ada);
            assert_eq!(shown.as_deref().ok(), Some(helper.shows), "{}", helper.name);
        }
    }
}
