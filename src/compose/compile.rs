//! From the texts of all languages to what can be rendered.
//!
//! Forty languages mostly share their layout and their partials. So each text is parsed once, and
//! walked once with each set of partials that it is used with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use handlebars::Handlebars;
use handlebars::template::{HelperTemplate, Template as Ast, TemplateElement};

use super::builtin;
use super::edition::{Body, Edition, Layout, Text};
use super::fault::TemplateFault;
use super::finish::finish;
use super::gallery::Stock;
use super::language::Language;
use super::naming;
use super::source::{Part, Source};
use super::survey::{Findings, survey};
use super::syntax::{Sheet, partial_names};
use super::tags;

/// Every edition, that of the texts without a language first; what was found in the texts, and the
/// partials that they use.
pub(super) struct Compiled {
    pub(super) editions: Vec<Edition>,
    pub(super) found: Findings,
    pub(super) partials: BTreeSet<String>,
}

/// Parses and checks the texts of all languages.
///
/// # Errors
///
/// Every fault there is, ordered by file and place.
pub(super) fn compile(source: &Source) -> Result<Compiled, Vec<TemplateFault>> {
    let mut desk = Desk {
        source,
        sheets: HashMap::new(),
        layouts: HashMap::new(),
        sets: Vec::new(),
        faults: Vec::new(),
    };
    let drafts: Vec<Option<Draft>> = source.tags().map(|tag| desk.draft(tag)).collect();
    let mut found = Findings::default();
    if desk.faults.is_empty() {
        for set in &desk.sets {
            let roots: Vec<(&Sheet, &Ast)> = set
                .roots
                .iter()
                .map(|(sheet, ast)| (&**sheet, &**ast))
                .collect();
            let names: Vec<&str> = set.files.keys().map(String::as_str).collect();
            let of_set = survey(&roots, &set.partials, (&names, set.ext));
            found.variables.extend(of_set.variables);
            found.repeated.extend(of_set.repeated);
            found.faults.extend(of_set.faults);
        }
    }
    let mut faults = std::mem::take(&mut found.faults);
    faults.append(&mut desk.faults);
    if !faults.is_empty() {
        faults.sort_by(TemplateFault::by_place);
        faults.dedup();
        return Err(faults);
    }
    let registries: Vec<Arc<Handlebars<'static>>> = desk.sets.iter().map(Set::registry).collect();
    let stock = Stock::of(source);
    let drafts = drafts.into_iter();
    let editions = drafts.map(|draft| {
        let draft = draft.expect("a text without a fault was drafted");
        desk.edition(draft, &registries, &stock)
    });
    let editions = editions.collect();
    let partials = desk.sets.iter().flat_map(|set| {
        let used = set
            .files
            .iter()
            .filter(|(name, _)| set.partials.contains_key(*name));
        used.map(|(_, key)| (*key).to_owned())
    });
    Ok(Compiled {
        editions,
        found,
        partials: partials.collect(),
    })
}

/// One language while it is being compiled.
struct Draft {
    tag: String,
    subject: Rc<Sheet>,
    /// The sets of partials of its plain texts and of its HTML.
    sets: [usize; 2],
    bodies: [Option<ParsedBody>; 2],
    headers: Vec<(String, Rc<Sheet>)>,
}

/// A text, and what is around it.
type ParsedBody = (Rc<Sheet>, Option<Arc<Layout>>);

/// Texts of one kind that are used with the same partials.
struct Set<'s> {
    html: bool,
    ext: &'static str,
    /// All partials there are for them: by name, which of the source.
    files: BTreeMap<String, &'s str>,
    /// Those that are used.
    partials: BTreeMap<String, Rc<Sheet>>,
    roots: Vec<(Rc<Sheet>, Arc<Ast>)>,
}

struct Desk<'s> {
    source: &'s Source,
    /// By their files and contents, as a file's text and one made of it may both be used.
    sheets: HashMap<(&'s str, &'s str), Option<Rc<Sheet>>>,
    /// By the same, and whether it is for HTML.
    layouts: HashMap<(&'s str, &'s str, bool), Option<ParsedLayout>>,
    sets: Vec<Set<'s>>,
    faults: Vec<TemplateFault>,
}

type ParsedLayout = (Rc<Sheet>, Arc<Layout>);

impl<'s> Desk<'s> {
    /// Parses the texts of one language. If a text has a fault, nothing may come back.
    fn draft(&mut self, tag: &str) -> Option<Draft> {
        let said = self.source.said(tag);
        let sets = [false, true].map(|html| self.set(tag, html));
        let subject = self.sheet(said.subject);
        if let Some(sheet) = &subject {
            self.add(sets[0], sheet, &sheet.ast);
        }
        let plain = self.body(said.text, said.layout_text, sets[0]);
        let html = self.body(said.html, said.layout_html, sets[1]);
        let headers = self.headers(sets[0]);
        for set in sets {
            self.parse_partials(set);
        }
        Some(Draft {
            tag: tag.to_owned(),
            subject: subject?,
            sets,
            bodies: [plain, html],
            headers,
        })
    }

    fn headers(&mut self, set: usize) -> Vec<(String, Rc<Sheet>)> {
        let mut headers = Vec::new();
        for (name, part) in &self.source.headers {
            if let Some(sheet) = self.sheet(part) {
                self.add(set, &sheet, &sheet.ast);
                headers.push((name.clone(), sheet));
            }
        }
        headers
    }

    fn body(
        &mut self,
        body: Option<&'s Part>,
        layout: Option<&'s Part>,
        set: usize,
    ) -> Option<ParsedBody> {
        let sheet = self.sheet(body?)?;
        self.add(set, &sheet, &sheet.ast);
        let layout = layout.and_then(|part| self.layout(part, self.sets[set].html));
        let layout = layout.map(|(sheet, layout)| {
            self.add(set, &sheet, &layout.before);
            self.add(set, &sheet, &layout.after);
            layout
        });
        Some((sheet, layout))
    }

    fn add(&mut self, set: usize, sheet: &Rc<Sheet>, ast: &Arc<Ast>) {
        let roots = &mut self.sets[set].roots;
        if !roots.iter().any(|(_, known)| Arc::ptr_eq(known, ast)) {
            roots.push((Rc::clone(sheet), Arc::clone(ast)));
        }
    }

    fn sheet(&mut self, part: &'s Part) -> Option<Rc<Sheet>> {
        let key = (part.file.as_str(), part.content.as_str());
        if let Some(known) = self.sheets.get(&key) {
            return known.clone();
        }
        let origin = part.derived.then(|| self.source.part(&part.file)).flatten();
        let sheet = match Sheet::parse(part) {
            Ok(sheet) => Some(Rc::new(match origin {
                Some(origin) => sheet.made_of(origin),
                None => sheet,
            })),
            Err(fault) => {
                self.faults.push(*fault);
                None
            }
        };
        self.sheets.insert(key, sheet.clone());
        sheet
    }

    fn layout(&mut self, part: &'s Part, html: bool) -> Option<ParsedLayout> {
        let key = (part.file.as_str(), part.content.as_str(), html);
        if let Some(known) = self.layouts.get(&key) {
            return known.clone();
        }
        let layout = self
            .sheet(part)
            .and_then(|sheet| match split(&sheet, html) {
                Ok((before, after)) => {
                    let layout = Layout {
                        part: Arc::clone(&sheet.part),
                        before: Arc::new(before),
                        after: Arc::new(after),
                    };
                    Some((sheet, Arc::new(layout)))
                }
                Err(fault) => {
                    self.faults.push(*fault);
                    None
                }
            });
        self.layouts.insert(key, layout.clone());
        layout
    }

    /// The set of partials for a language's plain texts or its HTML.
    fn set(&mut self, tag: &str, html: bool) -> usize {
        let ext = if html { "html" } else { "txt" };
        let chosen = self.source.chosen_partials(tag).into_iter();
        let files: BTreeMap<String, &str> = chosen
            .filter_map(|(name, key)| {
                let name = name.strip_suffix(ext)?.strip_suffix('.')?;
                Some((name.to_owned(), key))
            })
            .collect();
        let known = self
            .sets
            .iter()
            .position(|it| it.html == html && it.files == files);
        known.unwrap_or_else(|| {
            self.sets.push(Set {
                html,
                ext,
                files,
                partials: BTreeMap::new(),
                roots: Vec::new(),
            });
            self.sets.len() - 1
        })
    }

    /// Parses those partials that are used, by the texts or by other partials.
    fn parse_partials(&mut self, set: usize) {
        let roots = &self.sets[set].roots;
        let names = roots.iter().flat_map(|(_, ast)| partial_names(ast));
        let mut wanted: Vec<String> = names.map(str::to_owned).collect();
        while let Some(name) = wanted.pop() {
            if self.sets[set].partials.contains_key(&name) {
                continue;
            }
            let Some(key) = self.sets[set].files.get(&name).copied() else {
                continue;
            };
            self.check_names(&name, self.sets[set].ext);
            if let Some(sheet) = self.sheet(&self.source.partials[key]) {
                wanted.extend(partial_names(&sheet.ast).into_iter().map(str::to_owned));
                self.sets[set].partials.insert(name, sheet);
            }
        }
    }

    /// Reports a partial beside one that is used whose name has no language where one should be.
    fn check_names(&mut self, name: &str, ext: &str) {
        let partials = self.source.partials.iter();
        let strays = partials.filter_map(|(key, part)| naming::stray_partial(key, part, name, ext));
        for stray in strays {
            if !self.faults.contains(&stray) {
                self.faults.push(stray);
            }
        }
    }

    fn edition(
        &self,
        draft: Draft,
        registries: &[Arc<Handlebars<'static>>],
        stock: &Stock<'_>,
    ) -> Edition {
        let mut files = BTreeSet::from([draft.subject.part.file.clone()]);
        for (body, layout) in draft.bodies.iter().flatten() {
            files.insert(body.part.file.clone());
            files.extend(layout.iter().map(|it| it.part.file.clone()));
        }
        for set in draft.sets {
            let partials = self.sets[set].partials.values();
            files.extend(partials.map(|it| it.part.file.clone()));
        }
        let headers = draft.headers.into_iter();
        let headers: Vec<_> = headers.map(|(name, it)| (name, it.text())).collect();
        files.extend(headers.iter().map(|(_, it)| it.part.file.clone()));
        let [text, html] = draft.bodies.map(|body| {
            let (sheet, layout) = body?;
            let page = sheet.text();
            Some(Body { page, layout })
        });
        let partials = &self.sets[draft.sets[1]].partials;
        let html_of = html.as_ref();
        let finish = html_of.map(|html| finish(html, partials, stock));
        let [plain_registry, html_registry] = draft.sets.map(|set| Arc::clone(&registries[set]));
        let language = Language::parse(&draft.tag).ok();
        Edition {
            language: language.unwrap_or_else(|| self.source.language.clone()),
            tag: draft.tag,
            subject: draft.subject.text(),
            text,
            html,
            finish: finish.unwrap_or_default(),
            headers,
            plain_registry,
            html_registry,
            files,
        }
    }
}

impl Set<'_> {
    fn registry(&self) -> Arc<Handlebars<'static>> {
        let mut registry = builtin::registry(self.html);
        for (name, sheet) in &self.partials {
            registry.register_template(name, Ast::clone(&sheet.ast));
        }
        Arc::new(registry)
    }
}

impl Sheet {
    fn text(&self) -> Text {
        Text {
            part: Arc::clone(&self.part),
            ast: Arc::clone(&self.ast),
        }
    }
}

/// The parts of a layout before and after `{{{body}}}`, which must stand in it once and outside of
/// any block. So the body is written between them as it is, not handed over as a value.
pub(super) fn split(layout: &Sheet, html: bool) -> Result<(Ast, Ast), Box<TemplateFault>> {
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
                layout.tag_at(tags::offset(layout.content(), place.0, place.1.max(1)))
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
            let (mut before, mut after) = (Ast::clone(&layout.ast), Ast::clone(&layout.ast));
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
