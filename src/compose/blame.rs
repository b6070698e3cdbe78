//! Which field of a person made rendering fail, and where it stands in the template.
//!
//! Handlebars knows the tag, and sometimes the path. The rest is found here from the fields'
//! values, so that a person reads the name of a column and not of an error.

use std::ops::Range;

use handlebars::{RenderError, RenderErrorReason};
use serde_json::{Map, Value};

use super::builtin;
use super::fault::RenderFault;
use super::given::GIVEN;
use super::render::Task;
use super::scope::parse_path;
use super::source::Part;
use super::tags::{self, Kind, Tag};
use super::template::Template;

type Fields = Map<String, Value>;

/// Puts a rendering error into words. `part` is the text that was being rendered, and whether it
/// is HTML.
pub(super) fn explain(
    task: &Task<'_>,
    error: &RenderError,
    (part, html): (&Part, bool),
) -> RenderFault {
    let (template, fields) = (task.template, task.values.named());
    let source = template.source();
    let file = error.template_name.as_deref().unwrap_or(&part.file);
    let part = match file == part.file {
        true => part,
        false => source.partial(file, html).unwrap_or(part),
    };
    let at = error.line_no.zip(error.column_no);
    let scene = match source.part(file).filter(|_| part.derived) {
        Some(origin) => Scene::of(origin, at.and_then(|at| place_in(origin, part, at))),
        None => Scene::of(part, at),
    };
    let fault = |at, variable, problem| RenderFault {
        template: template.name().to_owned(),
        file: part.file.clone(),
        at,
        variable,
        problem,
    };
    if let Some(found) = builtin::found(error.reason()) {
        let name = found.name.as_deref();
        let at = name.map_or(scene.at, |name| scene.place_of(name));
        return fault(at, found.name.clone(), found.problem.clone());
    }
    match error.reason() {
        RenderErrorReason::IOError(refused) => fault(scene.at, None, refused.to_string()),
        RenderErrorReason::MissingVariable(Some(path)) => {
            let parsed = parse_path(path);
            let name = parsed
                .first
                .filter(|_| parsed.is_whole)
                .unwrap_or(path)
                .to_owned();
            let problem = if scene.goes_into() && fields.get(&name).is_some_and(|v| !v.is_null()) {
                format!("the field `{name}` is neither a list nor a group")
            } else if is_of_an_item(template, fields, &name) {
                format!("`{name}` is missing in what the block around it goes through")
            } else {
                is_empty(&name)
            };
            fault(scene.place_of(path), Some(name), problem)
        }
        _ => match scene.absent_field(template, fields) {
            Some((name, at)) => fault(Some(at), Some(name.to_owned()), is_empty(name)),
            None => {
                let tag = scene
                    .tags
                    .first()
                    .map_or("this tag", |tag| &scene.text[tag.range.clone()]);
                let problem = format!("{tag} cannot be shown with this person's values");
                fault(scene.at, None, problem)
            }
        },
    }
}

/// Where in the text that `made` was made of the tag stands that is at a place of `made`.
fn place_in(origin: &Part, made: &Part, (line, column): (usize, usize)) -> Option<(usize, usize)> {
    let (text, origin) = (made.content.as_str(), origin.content.as_str());
    let start = tags::offset(text, line, column.max(1));
    let made_tags = tags::scan(text);
    // Handlebars' place may be one within the tag, or that of the white space before it.
    let start = made_tags
        .iter()
        .find(|tag| tag.range.end > start)?
        .range
        .start;
    let origin_tags = tags::scan(origin);
    let place = tags::counterpart((text, &made_tags), start..start, (origin, &origin_tags))?;
    Some(tags::place(origin, place.start))
}

fn is_empty(name: &str) -> String {
    if GIVEN.contains(&name) {
        return format!("`{name}` is not known in this message");
    }
    if name.starts_with("data.") {
        return format!("`{name}` is not in the data of this run");
    }
    format!("the field `{name}` is empty for this person")
}

/// Whether a name is no column: it stands in an `each` or a `with`, and is looked for there.
fn is_of_an_item(template: &Template, fields: &Fields, name: &str) -> bool {
    let is_variable = template.all_variables().any(|it| it.name == name);
    !is_variable && !name.contains('.') && !fields.contains_key(name) && !GIVEN.contains(&name)
}

/// The tag that failed, in its text.
struct Scene<'a> {
    file: &'a str,
    text: &'a str,
    at: Option<(usize, usize)>,
    /// The tag, and the `{{else if …}}` tags after it: handlebars gives the place of the first tag
    /// of a chain for all of it.
    tags: Vec<Tag>,
}

impl<'a> Scene<'a> {
    fn of(part: &'a Part, at: Option<(usize, usize)>) -> Self {
        let (file, text) = (part.file.as_str(), part.content.as_str());
        let mut tags = tags::scan(text);
        match at {
            Some((line, column)) => {
                let start = tags::offset(text, line, column.max(1));
                tags.retain(|tag| tag.range.end > start);
                let mut first = true;
                tags.retain(|tag| {
                    std::mem::take(&mut first) || tag.kind == Kind::Else { chained: true }
                });
            }
            None => tags.clear(),
        }
        Self {
            file,
            text,
            at,
            tags,
        }
    }

    /// Whether the tag wants a list or a group.
    fn goes_into(&self) -> bool {
        let kind = self.tags.first().map(|tag| &tag.kind);
        matches!(kind, Some(Kind::Open(word)) if word == "each" || word == "with")
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.tags.iter().map(|tag| tag.range.clone())
    }

    fn place_of(&self, path: &str) -> Option<(usize, usize)> {
        let word = self
            .ranges()
            .find_map(|range| tags::find_word(self.text, range, path));
        word.map(|word| tags::place(self.text, word.start))
            .or(self.at)
    }

    /// The first field in the tag that this person lacks.
    fn absent_field<'t>(
        &self,
        template: &'t Template,
        fields: &Fields,
    ) -> Option<(&'t str, (usize, usize))> {
        let absent = |name: &str| fields.get(name).is_none_or(Value::is_null);
        let lacking: Vec<_> = template
            .all_variables()
            .filter(|variable| variable.file == self.file && absent(&variable.name))
            .map(|variable| (variable.name.as_str(), (variable.line, variable.column)))
            .collect();
        self.ranges().find_map(|range| {
            let within = |(line, column)| range.contains(&tags::offset(self.text, line, column));
            lacking.iter().find(|(_, at)| within(*at)).copied()
        })
    }
}
