//! Rendering a template for one person.
//!
//! A message either comes out whole or not at all: an absent field, a list where text is wanted, a
//! control character in the subject and an output without end are faults of that person's row.

use std::io;

use handlebars::template::Template as Ast;
use handlebars::{Handlebars, Output, Renderable};
use serde_json::{Map, Value};

use super::blame;
use super::builtin::stage;
use super::edition::{Body, Edition, Text};
use super::enclosure::Enclosure;
use super::fault::RenderFault;
use super::format;
use super::given::Given;
use super::source::Part;
use super::template::Template;
use super::values::{Values, present};

/// No part of a message is longer, in bytes.
const LONGEST: usize = 8 << 20;
/// No subject is longer, in bytes, and no header that a template adds: readers show a hundred
/// characters.
const LONGEST_LINE: usize = 4096;

/// What a template says to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, without a control character, not empty.
    pub subject: String,
    /// The plain text, with line ends as the template has them.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
    /// The language of the texts, as a tag.
    pub language: String,
    /// Headers that the template adds, with their values as text; one that is empty is none.
    pub headers: Vec<(String, String)>,
    /// The images of the template that the HTML shows, each once.
    pub images: Vec<Enclosure>,
}

impl Template {
    /// Renders the subject and the bodies with the fields of one person, and nothing given.
    ///
    /// # Errors
    ///
    /// [`RenderFault`] where a field is absent or unfit, or a part comes out empty or too long.
    pub fn render(&self, fields: &Map<String, Value>) -> Result<Rendered, RenderFault> {
        self.render_given(fields, &Given::default())
    }

    /// Renders the subject and the bodies with the fields of one person and what is given. A given
    /// value counts where the person has a field of its name.
    ///
    /// # Errors
    ///
    /// As [`Template::render`].
    pub fn render_given(
        &self,
        fields: &Map<String, Value>,
        given: &Given,
    ) -> Result<Rendered, RenderFault> {
        let task = self.task(fields, given)?;
        let subject = task.subject()?;
        let text = task.body(false, Page::kept);
        let html = task.body(true, Page::kept);
        let kept = |page: Option<Page>| page.and_then(|page| page.kept);
        let (text, html) = (kept(text?), kept(html?).map(|html| task.styled(html)));
        Ok(Rendered {
            subject,
            images: html.as_deref().map_or_else(Vec::new, |it| task.images(it)),
            text,
            html,
            language: task.edition.language.to_string(),
            headers: task.headers()?,
        })
    }

    /// Renders into nothing: whether [`Template::render`] would succeed, at less cost.
    ///
    /// # Errors
    ///
    /// The same [`RenderFault`]s.
    pub fn check(&self, fields: &Map<String, Value>) -> Result<(), RenderFault> {
        self.check_given(fields, &Given::default())
    }

    /// Whether [`Template::render_given`] would succeed.
    ///
    /// # Errors
    ///
    /// The same [`RenderFault`]s.
    pub fn check_given(
        &self,
        fields: &Map<String, Value>,
        given: &Given,
    ) -> Result<(), RenderFault> {
        let task = self.task(fields, given)?;
        task.subject()?;
        task.headers()?;
        task.body(false, Page::counted)?;
        task.body(true, Page::counted)?;
        Ok(())
    }

    fn task(&self, fields: &Map<String, Value>, given: &Given) -> Result<Task<'_>, RenderFault> {
        let (edition, language) = self.chosen(fields);
        let locale = given.locale.clone();
        let given = &Given {
            locale: locale.or_else(|| Some(language.to_string())),
            ..given.clone()
        };
        stage::set(given);
        let mut present = present(fields);
        // Who goes through all values of a row is shown no others.
        let is_used = |name: &str| self.given().iter().any(|it| it.name == name);
        for (name, value) in [
            ("text_language", language.to_string()),
            ("text_direction", language.direction().to_owned()),
        ] {
            if is_used(name) {
                present.insert(name.to_owned(), Value::String(value));
            }
        }
        for name in &self.repeated {
            // What may be blank is no list then, but a list of nothing.
            if let Some(value) = present.get_mut(name)
                && value.as_str().is_some_and(|text| text.trim().is_empty())
            {
                *value = Value::Array(Vec::new());
            }
        }
        let values = Values::new(&self.pool, present, given);
        let task = Task {
            template: self,
            edition,
            values,
        };
        for variable in self.all_variables().filter(|variable| variable.shown) {
            let (name, file) = (&variable.name, &variable.file);
            let problem = match task.values.named().get(name) {
                _ if !edition.files.contains(file) => continue,
                Some(Value::Array(_)) => {
                    format!("the field `{name}` is a list: write {{{{#each {name}}}}}")
                }
                Some(Value::Object(_)) => {
                    format!("the field `{name}` is a group: write {{{{{name}.…}}}} for one of it")
                }
                _ => continue,
            };
            let at = Some((variable.line, variable.column));
            return Err(task.fault(file, at, Some(name.clone()), problem));
        }
        Ok(task)
    }
}

/// One message while it is rendered.
pub(super) struct Task<'a> {
    pub(super) template: &'a Template,
    pub(super) edition: &'a Edition,
    pub(super) values: Values<'a>,
}

impl Task<'_> {
    fn subject(&self) -> Result<String, RenderFault> {
        let subject = self.line(&self.edition.subject, "the subject")?;
        if subject.is_empty() {
            let (file, problem) = (&self.edition.subject.part.file, "the subject is empty");
            return Err(self.fault(file, None, None, problem.to_owned()));
        }
        Ok(subject)
    }

    /// Names and values of what the template adds to the message's header. A value may be empty.
    fn headers(&self) -> Result<Vec<(String, String)>, RenderFault> {
        let headers = self.edition.headers.iter();
        let headers = headers.map(|(name, text)| {
            let value = self.line(text, &format!("the header `{name}`"))?;
            Ok((name.clone(), value))
        });
        headers.collect()
    }

    /// A text of one line, without white space around it.
    fn line(&self, Text { part, ast }: &Text, what: &str) -> Result<String, RenderFault> {
        let mut page = Page::kept(LONGEST_LINE);
        let registry = &self.edition.plain_registry;
        self.write((registry, false), ast, part, &mut page)?;
        let line = page.kept.unwrap_or_default().trim().to_owned();
        let found = if line.contains(['\r', '\n']) {
            "line break"
        } else if line.contains(char::is_control) {
            "control character"
        } else {
            return Ok(line);
        };
        let named = self.values.named();
        let culprit = self.template.all_variables().find(|variable| {
            let value = named.get(&variable.name).and_then(Value::as_str);
            variable.file == part.file && value.is_some_and(|text| text.contains(char::is_control))
        });
        let at = culprit.map(|variable| (variable.line, variable.column));
        let name = culprit.map(|variable| variable.name.clone());
        let problem = format!("{what} has a {found} in it; a value may have brought it");
        Err(self.fault(&part.file, at, name, problem))
    }

    /// A message's HTML with its styles, if it could not have them before.
    fn styled(&self, html: String) -> String {
        match self.edition.finish.styles_each {
            true => format::style_message(&html),
            false => html,
        }
    }

    /// The images that a message shows: one may stand in a branch that this reader does not get.
    fn images(&self, html: &str) -> Vec<Enclosure> {
        let images = self.edition.finish.images.iter();
        let shown = images.filter(|image| {
            let id = image.content_id.as_deref();
            id.is_some_and(|id| html.contains(&format!("cid:{id}")))
        });
        shown.cloned().collect()
    }

    fn body(&self, html: bool, page: impl Fn(usize) -> Page) -> Result<Option<Page>, RenderFault> {
        let Edition {
            text, html: marked, ..
        } = self.edition;
        let Some(body) = (if html { marked } else { text }) else {
            return Ok(None);
        };
        let registry = match html {
            true => &self.edition.html_registry,
            false => &self.edition.plain_registry,
        };
        if let Some((finished, of_finished)) = &self.edition.finish.texts
            && html
        {
            return match self.write_body(finished, of_finished, true, page(LONGEST)) {
                Ok(page) => Ok(Some(page)),
                // As the author wrote it, it fails at the place that they know.
                Err(fault) => Err(self
                    .write_body(body, registry, true, Page::counted(LONGEST))
                    .err()
                    .unwrap_or(fault)),
            };
        }
        self.write_body(body, registry, html, page(LONGEST))
            .map(Some)
    }

    fn write_body(
        &self,
        Body { page: text, layout }: &Body,
        registry: &Handlebars<'static>,
        html: bool,
        mut page: Page,
    ) -> Result<Page, RenderFault> {
        if let Some(layout) = layout {
            self.write((registry, html), &layout.before, &layout.part, &mut page)?;
        }
        page.blank = true;
        self.write((registry, html), &text.ast, &text.part, &mut page)?;
        if page.blank {
            return Err(self.fault(&text.part.file, None, None, "the body is empty".to_owned()));
        }
        if let Some(layout) = layout {
            page.drop_line_end();
            self.write((registry, html), &layout.after, &layout.part, &mut page)?;
        }
        Ok(page)
    }

    fn write(
        &self,
        (registry, html): (&Handlebars<'static>, bool),
        ast: &Ast,
        part: &Part,
        page: &mut Page,
    ) -> Result<(), RenderFault> {
        let values = &self.values;
        ast.render(registry, values.context(), &mut values.state(), page)
            .map_err(|error| blame::explain(self, &error, (part, html)))
    }

    fn fault(
        &self,
        file: &str,
        at: Option<(usize, usize)>,
        variable: Option<String>,
        problem: String,
    ) -> RenderFault {
        let (template, file) = (self.template.name().to_owned(), file.to_owned());
        RenderFault {
            template,
            file,
            at,
            variable,
            problem,
        }
    }
}

/// Where a rendered part goes: kept, or only counted.
struct Page {
    kept: Option<String>,
    length: usize,
    limit: usize,
    /// Whether nothing but white space has been written yet.
    blank: bool,
}

impl Page {
    fn kept(limit: usize) -> Self {
        Self {
            kept: Some(String::with_capacity(4096)),
            length: 0,
            limit,
            blank: true,
        }
    }

    fn counted(limit: usize) -> Self {
        Self {
            kept: None,
            length: 0,
            limit,
            blank: true,
        }
    }

    /// Takes back the line break at the end: the layout has its own after the body.
    fn drop_line_end(&mut self) {
        if let Some(kept) = &mut self.kept
            && kept.ends_with('\n')
        {
            kept.pop();
            if kept.ends_with('\r') {
                kept.pop();
            }
        }
    }
}

impl Output for Page {
    fn write(&mut self, piece: &str) -> io::Result<()> {
        self.length += piece.len();
        if self.length > self.limit {
            let limit = self.limit >> 10;
            return Err(io::Error::other(format!(
                "with this, it is longer than {limit} KiB"
            )));
        }
        if memchr::memchr(0, piece.as_bytes()).is_some() {
            return Err(io::Error::other(
                "a value holds a NUL character, which no mail may carry",
            ));
        }
        self.blank = self.blank && piece.trim().is_empty();
        if let Some(kept) = &mut self.kept {
            kept.push_str(piece);
        }
        Ok(())
    }
}
