//! The helpers that templates may use.
//!
//! Handlebars brings `if`, `each` and the like; those that know how a reader's language writes days
//! and numbers are ours. Handlebars' `log` is left out: a template does not write people's data to
//! the log. Nothing here asks for the time: the same values are shown alike at each retry.
//!
//! What a helper returns is escaped in HTML like any value: none is a way around that.

mod blocks;
mod call;
mod currency;
mod date;
mod list;
mod number;
mod speech;
pub(super) mod stage;
mod table;
mod text;
mod url;

use handlebars::template::HelperTemplate;
use handlebars::{Handlebars, Helper, PathAndJson, RenderError, RenderErrorReason};
use handlebars::{html_escape, no_escape};

use super::fault::nearest;
pub(super) use call::found;
use call::{AsIs, Ours, Run};
pub use table::HELPERS;

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
    /// A use of it.
    pub example: &'static str,
    /// What that shows to Ada, whose plan is pro, with three seats and two orders.
    pub shows: &'static str,
    /// What it does and which options it takes, in a sentence or two.
    pub says: &'static str,
    /// How it is written.
    pub(super) form: Form,
    /// How many values it needs.
    pub(super) values: usize,
    /// How many values it takes, and which options; none where handlebars does not look.
    takes: Option<(usize, &'static [&'static str])>,
    /// What it does, where it is not handlebars' own.
    run: Option<Run>,
}

impl BuiltIn {
    /// Whether `{{name}}` alone is no field. Ours give way: a list may have a `date` or a `url`.
    pub(super) fn hides_field(&self) -> bool {
        self.run.is_none()
    }

    /// What a call gives too much: the word, and what to say of it.
    pub(super) fn excess(&self, call: &HelperTemplate) -> Option<(String, String)> {
        let (most, options) = self.takes?;
        let name = self.name;
        if call.params.len() > most {
            let values = if most == 1 { "value" } else { "values" };
            let extra = call.params[most].as_name().unwrap_or(name).to_owned();
            return Some((extra, format!("`{name}` takes {most} {values}")));
        }
        // A hash has no order of its own; take the first by name in every process.
        let strange = call
            .hash
            .keys()
            .filter(|key| !options.contains(&key.as_str()));
        let strange = strange.min()?;
        let label = match (nearest(strange, options.iter().copied()), options) {
            (Some(near), _) => format!("`{name}` has no such option; did you mean `{near}`?"),
            (None, []) => format!("`{name}` has no options"),
            (None, _) => format!("`{name}` has no such option: it has {}", options.join(", ")),
        };
        Some((strange.clone(), label))
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
    for BuiltIn { name, run, .. } in HELPERS {
        if let Some(run) = *run {
            registry.register_helper(name, Box::new(Ours { name, run }));
        }
    }
    registry
}

/// In a file whose kind escapes all values by itself, the helper that does so by hand would do it
/// twice.
pub(super) fn once_escaped(registry: &mut Handlebars<'static>, kind: Escaping) {
    match kind {
        Escaping::Csv => {
            let (name, run): (_, Run) = ("csv", text::as_text);
            registry.register_helper(name, Box::new(Ours { name, run }));
        }
        Escaping::Json => {
            let (name, run): (_, Run) = ("json", text::json);
            registry.register_helper(name, Box::new(AsIs(Ours { name, run })));
        }
    }
}

/// The kinds of files that a helper can escape for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaping {
    Csv,
    Json,
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
