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
use super::fault::RenderFault;
use super::given::Given;
use super::source::Part;
use super::template::{Body, Template};
use super::values::{Values, present};

/// No part of a message is longer, in bytes.
const LONGEST: usize = 8 << 20;
/// No subject is longer, in bytes: readers show a hundred characters.
const LONGEST_SUBJECT: usize = 4096;

/// What a template says to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, without a control character, not empty.
    pub subject: String,
    /// The plain text, with line ends as the template has them.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
    /// Headers that the template adds, with their values as text.
    pub headers: Vec<(String, String)>,
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
        let values = self.values(fields, given)?;
        stage::set(given);
        let subject = self.subject(&values)?;
        let text = self.body(self.text_body.as_ref(), false, &values, Page::kept);
        let html = self.body(self.html_body.as_ref(), true, &values, Page::kept);
        let kept = |page: Option<Page>| page.and_then(|page| page.kept);
        Ok(Rendered {
            subject,
            text: kept(text?),
            html: kept(html?),
            headers: Vec::new(),
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
        let values = self.values(fields, given)?;
        stage::set(given);
        self.subject(&values)?;
        self.body(self.text_body.as_ref(), false, &values, Page::counted)?;
        self.body(self.html_body.as_ref(), true, &values, Page::counted)?;
        Ok(())
    }

    fn values(
        &self,
        fields: &Map<String, Value>,
        given: &Given,
    ) -> Result<Values<'_>, RenderFault> {
        let mut present = present(fields);
        for name in &self.repeated {
            // What may be blank is no list then, but a list of nothing.
            if let Some(value) = present.get_mut(name)
                && value.as_str().is_some_and(|text| text.trim().is_empty())
            {
                *value = Value::Array(Vec::new());
            }
        }
        let values = Values::new(&self.pool, present, given);
        for variable in self.variables.iter().filter(|variable| variable.shown) {
            let (name, file) = (&variable.name, &variable.file);
            let problem = match values.named().get(name) {
                Some(Value::Array(_)) => {
                    format!("the field `{name}` is a list: write {{{{#each {name}}}}}")
                }
                Some(Value::Object(_)) => {
                    format!("the field `{name}` is a group: write {{{{{name}.…}}}} for one of it")
                }
                _ => continue,
            };
            let at = Some((variable.line, variable.column));
            return Err(self.fault(file, at, Some(name.clone()), problem));
        }
        Ok(values)
    }

    fn subject(&self, values: &Values<'_>) -> Result<String, RenderFault> {
        let part = &self.source.subject;
        let mut page = Page::kept(LONGEST_SUBJECT);
        self.write(&self.plain, &self.subject, part, values, &mut page)?;
        let subject = page.kept.unwrap_or_default().trim().to_owned();
        let problem = if subject.is_empty() {
            "the subject is empty"
        } else if subject.contains(['\r', '\n']) {
            "the subject has a line break in it; a value may have brought it"
        } else if subject.contains(char::is_control) {
            "the subject has a control character in it; a value may have brought it"
        } else {
            return Ok(subject);
        };
        let culprit = self.variables.iter().find(|variable| {
            let value = values.named().get(&variable.name).and_then(Value::as_str);
            variable.file == part.file && value.is_some_and(|text| text.contains(char::is_control))
        });
        let at = culprit.map(|variable| (variable.line, variable.column));
        let name = culprit.map(|variable| variable.name.clone());
        Err(self.fault(&part.file, at, name, problem.to_owned()))
    }

    fn body(
        &self,
        body: Option<&Body>,
        html: bool,
        values: &Values<'_>,
        page: impl Fn(usize) -> Page,
    ) -> Result<Option<Page>, RenderFault> {
        let (registry, part, layout) = if html {
            (&self.html, &self.source.html, &self.source.layout_html)
        } else {
            (&self.plain, &self.source.text, &self.source.layout_text)
        };
        let (Some(body), Some(part)) = (body, part) else {
            return Ok(None);
        };
        let mut page = page(LONGEST);
        let around = body.layout.as_ref().zip(layout.as_ref());
        if let Some(((before, _), layout)) = around {
            self.write(registry, before, layout, values, &mut page)?;
        }
        page.blank = true;
        self.write(registry, &body.page, part, values, &mut page)?;
        if page.blank {
            return Err(self.fault(&part.file, None, None, "the body is empty".to_owned()));
        }
        if let Some(((_, after), layout)) = around {
            page.drop_line_end();
            self.write(registry, after, layout, values, &mut page)?;
        }
        Ok(Some(page))
    }

    fn write(
        &self,
        registry: &Handlebars<'static>,
        ast: &Ast,
        part: &Part,
        values: &Values<'_>,
        page: &mut Page,
    ) -> Result<(), RenderFault> {
        ast.render(registry, values.context(), &mut values.state(), page)
            .map_err(|error| blame::explain(self, &error, part, values.named()))
    }

    fn fault(
        &self,
        file: &str,
        at: Option<(usize, usize)>,
        variable: Option<String>,
        problem: String,
    ) -> RenderFault {
        let (template, file) = (self.source.name.clone(), file.to_owned());
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
