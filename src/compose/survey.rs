//! Reading a parsed template as its author meant it: which fields it uses, and what would fail.
//!
//! Strict rendering finds a missing field only where the tag that uses it is really rendered, and
//! `{{#if missing}}` never. So the syntax tree is walked, branches that may not run included.
//! Partials are walked from each place that includes them, since a name in one means a field of
//! the list or of something inner (`{{#each items}}`) depending on that place. Two partials that
//! include each other would overflow the stack at rendering and end the process: they are refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, Template as Ast, TemplateElement,
};

use super::builtin::{Form, HELPERS};
use super::fault::{TemplateFault, nearest};
use super::scope::{Scope, parse_path};
use super::syntax::Sheet;
use super::tags::{self, Kind};

/// Blocks and partials within each other go no deeper.
const DEEPEST: usize = 80;
/// Tags that one text may come to when its partials are put in place. Partials that include
/// others twice, which include others twice, would otherwise take for ever to render nothing.
const LARGEST: usize = 100_000;

/// A use of a field of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable {
    /// The file, relative to the templates directory.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, in characters counted from 1.
    pub column: usize,
    /// Characters that the name takes in the file, with its brackets or path.
    pub span_len: usize,
    /// The field's name: for `{{address.city}}` it is `address`.
    pub name: String,
    /// Whether the field itself is shown as text, so that it must not be a list or a group.
    pub(super) shown: bool,
    /// Whether it goes into HTML as it is, as in `{{{bio}}}`.
    pub unescaped: bool,
}

/// What was found in the texts of one kind, plain or HTML.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Fields that a `{{#each}}` repeats for.
    pub(super) repeated: BTreeSet<String>,
    pub(super) variables: BTreeSet<Variable>,
    pub(super) faults: Vec<TemplateFault>,
}

/// Walks `roots`, and the partials that they include. `names` are those of all partials of this
/// kind, which has the extension `ext`.
pub(super) fn survey(
    roots: &[(&Sheet, &Ast)],
    partials: &BTreeMap<String, Rc<Sheet>>,
    (names, ext): (&[&str], &str),
) -> Findings {
    let mut survey = Survey {
        partials,
        names,
        ext,
        found: Findings::default(),
        stack: Vec::new(),
        unescaped: false,
        steps: 0,
    };
    for (sheet, ast) in roots {
        survey.steps = 0;
        survey.text(ast, &mut Reader { sheet, cursor: 0 }, &mut Scope::of_row());
        if survey.steps > LARGEST {
            let message = format!("with its partials, this comes to more than {LARGEST} tags");
            survey.fault(sheet.fault("too-large", 0..0, message));
        }
    }
    survey.found
}

struct Survey<'a> {
    partials: &'a BTreeMap<String, Rc<Sheet>>,
    names: &'a [&'a str],
    ext: &'a str,
    found: Findings,
    /// The partials being walked, outermost first.
    stack: Vec<String>,
    /// Whether the tag being walked has three braces, in HTML.
    unescaped: bool,
    steps: usize,
}

/// A text being walked. The cursor only moves forward, so it also finds the places of tags that
/// handlebars gives none for (`{{else if x}}`).
struct Reader<'a> {
    sheet: &'a Sheet,
    cursor: usize,
}

impl Reader<'_> {
    fn enter(&mut self, place: Option<(usize, usize)>) -> Range<usize> {
        let tag = match place {
            Some((line, column)) => {
                self.sheet
                    .tag_at(tags::offset(self.sheet.content(), line, column.max(1)))
            }
            None => self.sheet.tags.iter().find(|tag| {
                tag.range.start >= self.cursor && tag.kind == Kind::Else { chained: true }
            }),
        };
        let range = tag.map_or(self.cursor..self.cursor, |tag| tag.range.clone());
        self.cursor = range.start;
        range
    }

    /// Where `word` stands in a tag: after the last word found, if it is there.
    fn find(&mut self, tag: &Range<usize>, word: &str) -> Range<usize> {
        let rest = self.cursor.clamp(tag.start, tag.end)..tag.end;
        let found = tags::find_word(self.sheet.content(), rest, word)
            .or_else(|| tags::find_word(self.sheet.content(), tag.clone(), word));
        if let Some(found) = &found {
            self.cursor = found.end;
        }
        found.unwrap_or_else(|| tag.clone())
    }
}

impl Survey<'_> {
    fn text(&mut self, ast: &Ast, reader: &mut Reader<'_>, scope: &mut Scope) {
        for (at, element) in ast.elements.iter().enumerate() {
            self.steps += 1;
            if self.steps > LARGEST {
                return;
            }
            let tag = match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => continue,
                _ => reader.enter(ast.mapping.get(at).map(|place| (place.0, place.1))),
            };
            match element {
                TemplateElement::Expression(call) => self.value(call, &tag, reader, scope),
                TemplateElement::HtmlExpression(call) => {
                    self.unescaped = self.ext == "html";
                    self.value(call, &tag, reader, scope);
                    self.unescaped = false;
                }
                TemplateElement::HelperBlock(call) => self.block(call, &tag, reader, scope),
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    self.partial(call, &tag, reader, scope);
                }
                _ => {
                    let message = "partials cannot be defined within a template".to_owned();
                    let help = format!("write it to templates/partials/NAME.{}", self.ext);
                    self.fault(
                        reader
                            .sheet
                            .fault("not-supported", tag.clone(), message)
                            .help(help),
                    );
                }
            }
            reader.cursor = reader.cursor.max(tag.end);
        }
    }

    /// `{{name}}`, or `{{helper value …}}`.
    fn value(
        &mut self,
        call: &HelperTemplate,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        if !call.params.is_empty() || !call.hash.is_empty() {
            return self.call(call, Form::Value, tag, reader, scope);
        }
        match (&call.name, call.name.as_name()) {
            (_, Some(raw)) if HELPERS.iter().any(|it| it.name == raw && it.hides_field()) => {
                let place = reader.find(tag, raw);
                let message = format!("`{raw}` is a helper's name: {{{{{raw}}}}} shows no field");
                let help = format!("for a field of that name write {{{{[{raw}]}}}}");
                self.fault(
                    reader
                        .sheet
                        .fault("reserved-name", place, message)
                        .help(help),
                );
            }
            (_, Some(raw)) => self.variable(raw, true, tag, reader, scope),
            (parameter, None) => self.parameter(parameter, tag, reader, scope),
        }
    }

    fn block(
        &mut self,
        call: &HelperTemplate,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        self.call(call, Form::Block, tag, reader, scope);
        reader.cursor = tag.end;
        let over = call.params.first().and_then(Parameter::as_name);
        let names = block_params(call.block_param.as_ref());
        let name = call.name.as_name().unwrap_or_default();
        if name == "each" && scope.is_shuffled(over) {
            let message = "the order of these values would change from message to message";
            let fault = reader
                .sheet
                .fault("not-supported", tag.clone(), message.to_owned());
            self.fault(fault.help("give the partial one list instead, and repeat for that"));
        }
        if name == "each"
            && let Some(path) = over.map(parse_path).filter(|path| path.is_whole)
            && let Some(field) = scope.field(&path)
        {
            self.found.repeated.insert(field.to_owned());
        }
        match name {
            "each" => scope.push_other(names),
            "with" => scope.push_with(over, names),
            _ => {}
        }
        if let Some(body) = &call.template {
            self.nested(body, reader, scope);
        }
        if matches!(name, "each" | "with") {
            scope.pop();
        }
        if let Some(inverse) = &call.inverse {
            self.nested(inverse, reader, scope);
        }
    }

    fn nested(&mut self, ast: &Ast, reader: &mut Reader<'_>, scope: &mut Scope) {
        scope.depth += 1;
        if scope.depth > DEEPEST {
            let message = format!("blocks and partials go more than {DEEPEST} levels deep here");
            let place = reader.cursor..reader.cursor;
            self.fault(reader.sheet.fault("too-deep", place, message));
        } else {
            self.text(ast, reader, scope);
        }
        scope.depth -= 1;
    }

    /// A helper with its values, as a block or not.
    fn call(
        &mut self,
        call: &HelperTemplate,
        form: Form,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        let name = call.name.as_name().unwrap_or_default();
        let place = reader.find(tag, name);
        if let Some(fault) = wrong_call(name, form, call, reader.sheet, place) {
            self.fault(fault);
        }
        self.parameters(&call.params, &call.hash, tag, reader, scope);
    }

    fn parameters(
        &mut self,
        params: &[Parameter],
        hash: &HashMap<String, Parameter>,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        // A hash has no order of its own; take one that is the same in every process.
        let hash: BTreeMap<_, _> = hash.iter().collect();
        for parameter in params.iter().chain(hash.into_values()) {
            self.parameter(parameter, tag, reader, scope);
        }
    }

    fn parameter(
        &mut self,
        parameter: &Parameter,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        match parameter {
            Parameter::Path(_) | Parameter::Name(_) => {
                let raw = parameter.as_name().unwrap_or_default();
                self.variable(raw, false, tag, reader, scope);
            }
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(call) = inner.as_element() {
                    self.call(call, Form::Value, tag, reader, scope);
                }
            }
            _ => {}
        }
    }

    fn variable(
        &mut self,
        raw: &str,
        shown: bool,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &Scope,
    ) {
        let place = reader.find(tag, raw);
        let path = parse_path(raw);
        let Some(name) = scope.field(&path) else {
            return;
        };
        let (text, place) = reader.sheet.in_file(place);
        let (line, column) = tags::place(text, place.start);
        let variable = Variable {
            file: reader.sheet.part.file.clone(),
            line,
            column,
            span_len: text[place].chars().count(),
            name: name.to_owned(),
            shown: shown && path.is_whole,
            unescaped: self.unescaped,
        };
        self.found.variables.insert(variable);
    }

    fn partial(
        &mut self,
        call: &DecoratorTemplate,
        tag: &Range<usize>,
        reader: &mut Reader<'_>,
        scope: &mut Scope,
    ) {
        let name = call.name.as_name().unwrap_or_default().to_owned();
        let place = reader.find(tag, &name);
        self.parameters(&call.params, &call.hash, tag, reader, scope);
        let with_block = scope.in_partial_block;
        if name == "@partial-block" {
            if !with_block && call.template.is_none() {
                let message = "{{> @partial-block}} stands where no block was given".to_owned();
                let help = "include this partial as a block: {{#> name}}…{{/name}}";
                self.fault(
                    reader
                        .sheet
                        .fault("unknown-partial", place, message)
                        .help(help),
                );
            }
            return call
                .template
                .iter()
                .for_each(|fallback| self.nested(fallback, reader, scope));
        }
        let names = call.hash.keys().cloned().collect();
        scope.push_partial(call.params.first().and_then(Parameter::as_name), names);
        if let Some(content) = &call.template {
            reader.cursor = tag.end;
            self.nested(content, reader, scope);
        }
        match self.partial_fault(&name, reader.sheet, place) {
            Some(fault) => self.fault(fault),
            None => {
                let sheet = &self.partials[&name];
                self.stack.push(name);
                scope.in_partial_block = call.template.is_some();
                self.nested(&sheet.ast, &mut Reader { sheet, cursor: 0 }, scope);
                self.stack.pop();
            }
        }
        scope.in_partial_block = with_block;
        scope.pop();
    }

    fn partial_fault(
        &self,
        name: &str,
        sheet: &Sheet,
        place: Range<usize>,
    ) -> Option<TemplateFault> {
        let ext = self.ext;
        if name.is_empty() {
            let message = "the name of a partial must be written out".to_owned();
            let help = "choose with {{#if}}: {{#if vip}}{{> vip}}{{else}}{{> plain}}{{/if}}";
            return Some(sheet.fault("not-supported", place, message).help(help));
        }
        if !name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        {
            let message = format!("`{name}` is not a name for a partial");
            let help = format!(
                "{{{{> footer}}}} includes templates/partials/footer.{ext}: no path, no quotes"
            );
            return Some(sheet.fault("partial-name", place, message).help(help));
        }
        if let Some(from) = self.stack.iter().position(|open| open == name) {
            let circle = [&self.stack[from..], &[name.to_owned()]]
                .concat()
                .join(" -> ");
            let message = format!("partials include each other without end: {circle}");
            return Some(sheet.fault("partial-cycle", place, message));
        }
        if self.partials.contains_key(name) {
            return None;
        }
        let message = format!("there is no partial `{name}`");
        let fault = sheet.fault("unknown-partial", place, message);
        Some(match nearest(name, self.names.iter().copied()) {
            Some(near) => fault.label(format!("did you mean `{near}`?")),
            None => fault.help(format!("write it to templates/partials/{name}.{ext}")),
        })
    }

    fn fault(&mut self, fault: TemplateFault) {
        if !self.found.faults.contains(&fault) {
            self.found.faults.push(fault);
        }
    }
}

fn block_params(given: Option<&BlockParam>) -> Vec<String> {
    let name = |parameter: &Parameter| parameter.as_name().map(str::to_owned);
    match given {
        Some(BlockParam::Single(one)) => name(one).into_iter().collect(),
        Some(BlockParam::Pair((one, two))) => name(one).into_iter().chain(name(two)).collect(),
        _ => Vec::new(),
    }
}

fn wrong_call(
    name: &str,
    form: Form,
    call: &HelperTemplate,
    sheet: &Sheet,
    place: Range<usize>,
) -> Option<TemplateFault> {
    let Some(known) = HELPERS.iter().find(|known| known.name == name) else {
        return Some(unknown_helper(name, form, call, sheet, place));
    };
    if known.form != Form::Both && known.form != form {
        let message = match form {
            Form::Block => format!("`{name}` is not a block"),
            _ => format!("`{name}` is a block"),
        };
        let label = match form {
            Form::Block => format!("write {{{{{name} …}}}} without the #"),
            _ => format!("write {{{{#{name} …}}}}…{{{{/{name}}}}}"),
        };
        return Some(sheet.fault("helper-form", place, message).label(label));
    }
    let given = call.params.len();
    if given < known.values {
        let values = ["no value", "a value", "two values", "three values"];
        let counts = ["none is given", "one is given", "two are given"];
        let message = format!("`{name}` needs {}", values[known.values]);
        let fault = sheet.fault("helper-values", place, message);
        return Some(fault.label(counts[given]));
    }
    let (word, message) = known.excess(call)?;
    let tag = sheet.tag_at(place.start).map(|tag| tag.range.clone());
    let extra = tag.and_then(|tag| tags::find_word(&sheet.part.content, tag, &word));
    let label = "nothing is done with this";
    let fault = sheet.fault("helper-values", extra.unwrap_or(place), message);
    Some(fault.label(label))
}

fn unknown_helper(
    name: &str,
    form: Form,
    call: &HelperTemplate,
    sheet: &Sheet,
    place: Range<usize>,
) -> TemplateFault {
    let message = format!("no template helper is called `{name}`");
    let fault = sheet.fault("unknown-helper", place, message);
    if form == Form::Block && call.params.is_empty() {
        return fault.help(format!(
            "write {{{{#each {name}}}}} to repeat for a list, {{{{#if {name}}}}} for a condition"
        ));
    }
    let words: Option<Vec<&str>> = call.params.iter().map(Parameter::as_name).collect();
    // No helper begins with a capital letter, as many columns do: `First Name`.
    let near = nearest(name, HELPERS.iter().map(|known| known.name))
        .filter(|_| words.is_none() || !name.starts_with(char::is_uppercase));
    match (near, words) {
        (Some(near), _) => fault.label(format!("did you mean `{near}`?")),
        (None, Some(words)) if form == Form::Value && call.hash.is_empty() => fault.help(format!(
            "for a field whose name has spaces write {{{{[{name} {}]}}}}",
            words.join(" ")
        )),
        (None, _) => {
            let known: Vec<&str> = HELPERS.iter().map(|known| known.name).collect();
            fault.help(format!("there are {}", known.join(", ")))
        }
    }
}
