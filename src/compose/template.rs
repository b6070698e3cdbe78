//! A template ready to be rendered, and how it is made from its texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use handlebars::Handlebars;
use handlebars::template::{HelperTemplate, Template as Ast, TemplateElement};

use super::builtin;
use super::fault::TemplateFault;
use super::source::{Part, Source};
use super::survey::{Variable, survey};
use super::syntax::{Sheet, partial_names};
use super::values::Pool;

/// A template whose texts are parsed and checked. Rendering one that compiled can fail only for
/// what a person's fields hold or lack.
pub struct Template {
    pub(super) source: Source,
    pub(super) variables: Vec<Variable>,
    /// Fields that a `{{#each}}` repeats for, and no text shows.
    pub(super) repeated: BTreeSet<String>,
    pub(super) plain: Handlebars<'static>,
    pub(super) html: Handlebars<'static>,
    pub(super) subject: Ast,
    pub(super) text_body: Option<Body>,
    pub(super) html_body: Option<Body>,
    pub(super) pool: Pool,
}

/// A body, and what the layout puts around it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) page: Ast,
    pub(super) layout: Option<(Ast, Ast)>,
}

impl Template {
    /// Parses the texts, and finds what would fail while rendering: unknown helpers and partials,
    /// partials that include each other without end, a layout without a place for the body.
    ///
    /// # Errors
    ///
    /// Every fault there is, ordered by file and place. Where a text cannot be parsed, only such
    /// faults: what is wrong beyond them cannot be known yet.
    pub fn compile(mut source: Source) -> Result<Self, Vec<TemplateFault>> {
        let mut plain = Texts::parse(&source, false);
        let mut html = Texts::parse(&source, true);
        let mut faults: Vec<TemplateFault> = plain
            .faults
            .drain(..)
            .chain(html.faults.drain(..))
            .collect();
        let mut variables = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        if faults.is_empty() {
            for texts in [&plain, &html] {
                let names = source.partials.keys().filter_map(|it| it.rsplit_once('.'));
                let names = names.filter(|(_, ext)| *ext == texts.ext);
                let names: Vec<&str> = names.map(|(name, _)| name).collect();
                let found = survey(&texts.roots(), &texts.partials, (&names, texts.ext));
                let own = found.variables.into_iter();
                variables.extend(own.filter(|it| !super::given::GIVEN.contains(&&*it.name)));
                repeated.extend(found.repeated);
                faults.extend(found.faults);
            }
        }
        if !faults.is_empty() {
            faults.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
            faults.dedup();
            return Err(faults);
        }
        let is_shown = |name: &String| {
            variables
                .iter()
                .any(|it: &Variable| it.shown && it.name == *name)
        };
        repeated.retain(|name| !is_shown(name));
        let used = |name: &String, _: &mut Part| plain.includes(name) || html.includes(name);
        source.partials.retain(used);
        let (plain, subject, text_body) = plain.finish();
        let (html, _, html_body) = html.finish();
        let subject = subject.expect("the plain texts begin with the subject");
        Ok(Self {
            source,
            variables: variables.into_iter().collect(),
            repeated,
            plain,
            html,
            subject,
            text_body,
            html_body,
            pool: Pool::default(),
        })
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The texts it was made from, without the partials that it does not use. Compiling a copy of
    /// them gives a template that renders the same bytes.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How many bytes of HTML it has before anything is filled in.
    #[must_use]
    pub fn html_len(&self) -> usize {
        let Source {
            html, layout_html, ..
        } = &self.source;
        html.iter()
            .chain(layout_html)
            .map(|part| part.content.len())
            .sum()
    }

    /// Every use of a field of the list, also in branches that may not run, ordered by place.
    /// Names that mean something inner (`{{#each items}}{{title}}{{/each}}`) are not among them.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source.name).finish()
    }
}

/// The texts of one kind, plain or HTML, while they are being compiled.
struct Texts {
    html: bool,
    ext: &'static str,
    subject: Option<Sheet>,
    body: Option<Sheet>,
    /// The layout, and its parts before and after the body.
    layout: Option<(Sheet, Ast, Ast)>,
    partials: BTreeMap<String, Sheet>,
    faults: Vec<TemplateFault>,
}

impl Texts {
    fn parse(source: &Source, html: bool) -> Self {
        let ext = if html { "html" } else { "txt" };
        let (subject, body, layout) = if html {
            (None, &source.html, &source.layout_html)
        } else {
            (Some(&source.subject), &source.text, &source.layout_text)
        };
        let mut faults = Vec::new();
        let mut parse = |part: &Part| Sheet::parse(part).map_err(|fault| faults.push(*fault)).ok();
        let subject = subject.and_then(&mut parse);
        let body = body.as_ref().and_then(&mut parse);
        let layout = layout
            .as_ref()
            .filter(|_| body.is_some())
            .and_then(&mut parse);
        let layout = layout.and_then(|sheet| match split(&sheet, html) {
            Ok((before, after)) => Some((sheet, before, after)),
            Err(fault) => {
                faults.push(*fault);
                None
            }
        });
        let partials = BTreeMap::new();
        let mut texts = Self {
            html,
            ext,
            subject,
            body,
            layout,
            partials,
            faults,
        };
        texts.parse_partials(source);
        texts
    }

    /// Parses those partials that are used, by the texts or by other partials.
    fn parse_partials(&mut self, source: &Source) {
        let mut wanted: Vec<String> = Vec::new();
        for (_, ast) in self.roots() {
            wanted.extend(partial_names(ast).into_iter().map(str::to_owned));
        }
        while let Some(name) = wanted.pop() {
            let Some(part) = source.partials.get(&format!("{name}.{}", self.ext)) else {
                continue;
            };
            if self.partials.contains_key(&name) {
                continue;
            }
            match Sheet::parse(part) {
                Ok(sheet) => {
                    wanted.extend(partial_names(&sheet.ast).into_iter().map(str::to_owned));
                    self.partials.insert(name, sheet);
                }
                Err(fault) if self.faults.contains(&fault) => {}
                Err(fault) => self.faults.push(*fault),
            }
        }
    }

    fn roots(&self) -> Vec<(&Sheet, &Ast)> {
        let whole = [&self.subject, &self.body].into_iter().flatten();
        let layout = self.layout.iter();
        whole
            .map(|sheet| (sheet, &sheet.ast))
            .chain(layout.flat_map(|(sheet, before, after)| [(sheet, before), (sheet, after)]))
            .collect()
    }

    fn includes(&self, file_name: &str) -> bool {
        let name = file_name
            .strip_suffix(self.ext)
            .and_then(|name| name.strip_suffix('.'));
        name.is_some_and(|name| self.partials.contains_key(name))
    }

    fn finish(self) -> (Handlebars<'static>, Option<Ast>, Option<Body>) {
        let mut registry = builtin::registry(self.html);
        for (name, sheet) in self.partials {
            registry.register_template(&name, sheet.ast);
        }
        let layout = self.layout.map(|(_, before, after)| (before, after));
        let body = self.body.map(|sheet| Body {
            page: sheet.ast,
            layout,
        });
        (registry, self.subject.map(|sheet| sheet.ast), body)
    }
}

/// The parts of a layout before and after `{{{body}}}`, which must stand in it once and outside of
/// any block. So the body is written between them as it is, not handed over as a value.
fn split(layout: &Sheet, html: bool) -> Result<(Ast, Ast), Box<TemplateFault>> {
    let slot = |element: &TemplateElement| match element {
        TemplateElement::HtmlExpression(call) => is_body(call),
        TemplateElement::Expression(call) => is_body(call),
        _ => false,
    };
    let slots: Vec<usize> = (0..layout.ast.elements.len())
        .filter(|at| slot(&layout.ast.elements[*at]))
        .collect();
    let written = if html { "{{{body}}}" } else { "{{body}}" };
    let fault = |at: Option<usize>, message: String| {
        let place = at
            .and_then(|at| layout.ast.mapping.get(at))
            .and_then(|place| {
                layout.tag_at(super::tags::offset(&layout.text, place.0, place.1.max(1)))
            });
        let range = place.map_or(0..0, |tag| tag.range.clone());
        Box::new(layout.fault("layout-body", range, message))
    };
    match slots[..] {
        [at] if html && matches!(layout.ast.elements[at], TemplateElement::Expression(_)) => {
            let message = "this would show the body's tags as text".to_owned();
            Err(Box::new(fault(Some(at), message).label("write {{{body}}}")))
        }
        [at] => {
            let (mut before, mut after) = (layout.ast.clone(), layout.ast.clone());
            before.elements.truncate(at);
            before.mapping.truncate(at);
            after.elements.drain(..=at);
            after.mapping.drain(..=at);
            Ok((before, after))
        }
        [] => {
            let message = format!("the layout has no {written}: the body would be lost");
            let help = format!("write {written} where the body goes, outside of any block");
            Err(Box::new(fault(None, message).help(help)))
        }
        [_, second, ..] => {
            let message = format!("the layout has {written} twice");
            Err(Box::new(
                fault(Some(second), message).label("keep only one"),
            ))
        }
    }
}

fn is_body(call: &HelperTemplate) -> bool {
    call.params.is_empty() && call.hash.is_empty() && call.name.as_name() == Some("body")
}
