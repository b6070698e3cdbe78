//! A file that is made for each reader from a template in the folder of the mail's own.
//!
//! Values are escaped as its kind needs it. In CSV (RFC 4180) a value is put in quotes where it has
//! to be, so that a cell is one tag without quotes of its own; and a text that a spreadsheet would
//! take for a formula gets an apostrophe before it, numbers and what three braces show excepted. In
//! JSON (RFC 8259) a value is escaped to stand between quotes, and what comes out must be JSON. In
//! iCalendar (RFC 5545) a value is escaped as TEXT, and lines are folded.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::builtin::Escaping;
use super::fault::{RenderFault, TemplateFault};
use super::given::Given;
use super::language::Language;
use super::line::{bare, part};
use super::naming;
use super::reading::{Reader, bad_name, is_plain_name, missing_template};
use super::source::{Part, Source};
use super::survey::Variable;
use super::tags;
use super::template::Template;

/// A template of a file.
#[derive(Debug, PartialEq)]
pub struct Generated {
    template: Template,
    kind: Kind,
    is_common: bool,
}

/// What can be made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Csv,
    Json,
    Calendar,
    Text,
    Html,
}

impl Kind {
    fn of(file: &str) -> Option<Self> {
        let (_, extension) = file.rsplit_once('.')?;
        match extension {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ics" => Some(Self::Calendar),
            "txt" => Some(Self::Text),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

impl Generated {
    /// Reads the file of this name in the folder of a template, whose partials it may use. It is in
    /// this language.
    ///
    /// # Errors
    ///
    /// Every fault there is, ordered by file and place.
    pub fn read(
        templates_dir: &Path,
        language: &Language,
        name: &str,
        file: &str,
    ) -> Result<Self, Vec<TemplateFault>> {
        let relative = format!("{name}/{file}");
        let fault = |code, message: String| TemplateFault::of_file(code, &relative, message);
        if Kind::of(file).is_none() {
            let message = format!("`{}` cannot be made from a template", file.escape_debug());
            let fault = fault("bad-value", message);
            let help = "a file is made as .csv, .json, .ics, .txt or .html";
            return Err(vec![fault.help(help)]);
        }
        let (found, partials) = beside(templates_dir, name, file)?;
        let Some(part) = found else {
            let message = format!("template `{name}` has no {file}");
            let fault = fault("missing-body", message);
            let help = format!("write it to templates/{relative}");
            return Err(vec![fault.help(help)]);
        };
        let mut source = bare(name, placeholder());
        source.partials = partials;
        source.language.clone_from(language);
        Self::compile(Self::placed(source, part))
    }

    /// Compiles what [`Generated::source`] gave.
    ///
    /// # Errors
    ///
    /// As [`Template::compile`].
    pub fn compile(source: Source) -> Result<Self, Vec<TemplateFault>> {
        let body = source.text.as_ref().or(source.html.as_ref());
        let kind = body.and_then(|it| Kind::of(&it.file));
        let kind = kind.unwrap_or(Kind::Text);
        let mut template = Template::compile(source)?;
        match kind {
            Kind::Csv => template.escape_plain(csv, Some(Escaping::Csv)),
            Kind::Json => template.escape_plain(json, Some(Escaping::Json)),
            Kind::Calendar => template.escape_plain(calendar, None),
            Kind::Text | Kind::Html => {}
        }
        let mut made = Self {
            template,
            kind,
            is_common: false,
        };
        made.is_common = made.shows_nobody();
        Ok(made)
    }

    fn placed(mut source: Source, body: Part) -> Source {
        match Kind::of(&body.file) {
            Some(Kind::Html) => source.html = Some(body),
            _ => source.text = Some(body),
        }
        source
    }

    /// Its texts, to be frozen.
    #[must_use]
    pub fn source(&self) -> &Source {
        self.template.source()
    }

    /// The name of the file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let file = &self.body().file;
        file.rsplit_once('/').map_or(file, |(_, name)| name)
    }

    fn body(&self) -> &Part {
        let Source { text, html, .. } = self.source();
        let body = text.as_ref().or(html.as_ref());
        body.expect("it is compiled with a body")
    }

    /// As a template, whose variables are the fields that it uses.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The fields that it uses.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        self.template.variables()
    }

    /// Whether it says the same to everybody.
    pub(super) fn is_common(&self) -> bool {
        self.is_common
    }

    fn shows_nobody(&self) -> bool {
        let texts = std::iter::once(self.body()).chain(self.source().partials.values());
        let about_reader = |text: &str| {
            let own = ["unsubscribe_url", "text_language", "text_direction"];
            own.iter().any(|name| text.contains(name)) || shows_a_row(text)
        };
        self.variables().iter().all(|it| it.name == "data")
            && !texts.into_iter().any(|part| about_reader(&part.content))
    }

    /// What it is for one person.
    ///
    /// # Errors
    ///
    /// As for the bodies of a mail; and JSON must be JSON.
    pub fn render(
        &self,
        fields: &Map<String, Value>,
        given: &Given,
    ) -> Result<Vec<u8>, RenderFault> {
        let rendered = self.template.render_given(fields, given);
        let rendered = rendered.map_err(|fault| RenderFault {
            problem: fault.problem.replace("the body", "the file"),
            ..fault
        })?;
        let text = rendered.text.or(rendered.html).unwrap_or_default();
        match self.kind {
            // Without its mark, spreadsheets take it for text in a code page.
            Kind::Csv if !text.is_ascii() => Ok(format!("\u{feff}{text}").into_bytes()),
            Kind::Json => self.is_json(&text).map(|()| text.into_bytes()),
            Kind::Calendar => Ok(folded(&text).into_bytes()),
            _ => Ok(text.into_bytes()),
        }
    }

    fn is_json(&self, text: &str) -> Result<(), RenderFault> {
        let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text);
        parsed.map(drop).map_err(|error| RenderFault {
            template: self.template.name().to_owned(),
            file: self.body().file.clone(),
            at: None,
            variable: None,
            problem: format!(
                "what comes out for this person is no JSON (from line {}, column {} of it)",
                error.line(),
                error.column()
            ),
        })
    }
}

/// A file, if it is there, and the partials that it may use.
type Beside = (Option<Part>, BTreeMap<String, Part>);

/// A further file of a template's folder.
fn beside(templates_dir: &Path, name: &str, file: &str) -> Result<Beside, Vec<TemplateFault>> {
    if !is_plain_name(file) {
        return Err(vec![bad_name("file", file)]);
    }
    let Ok(root) = templates_dir.canonicalize() else {
        return Err(vec![missing_template(templates_dir, name)]);
    };
    let mut reader = Reader::of(root);
    let found = reader.file(&format!("{name}/{file}"));
    let partials = naming::partials(&mut reader);
    match reader.faults.is_empty() {
        true => Ok((found, partials)),
        false => Err(reader.faults),
    }
}

/// What stands where a mail has its subject.
fn placeholder() -> Part {
    part("", "-")
}

/// Whether a text may show all fields of a row by no name of theirs: `{{#each this}}`,
/// `{{lookup this "name"}}`. Within a loop over something else `this` is something else.
fn shows_a_row(text: &str) -> bool {
    let mut loops: usize = 0;
    for tag in tags::scan(text) {
        let inside = tags::inside(&text[tag.range]);
        let mut words = inside.split(|c: char| c.is_whitespace() || "#&^=|()".contains(c));
        let is_row = |word: &str| match word.trim_start_matches("./") {
            "this" => loops == 0,
            _ => word.starts_with("@root") || word.starts_with(".."),
        };
        if words.any(is_row) {
            return true;
        }
        match tag.kind {
            tags::Kind::Open(word) if word == "each" || word == "with" => loops += 1,
            tags::Kind::Close(word) if word == "each" || word == "with" => {
                loops = loops.saturating_sub(1);
            }
            _ => {}
        }
    }
    false
}

fn csv(value: &str) -> String {
    let begins = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if begins && value.parse::<f64>().is_err() {
        "'"
    } else {
        ""
    };
    let is_bare = !value.contains(['"', ',', ';', '\t', '\r', '\n']) && value.trim() == value;
    match is_bare {
        true => format!("{guard}{value}"),
        false => format!("\"{guard}{}\"", value.replace('"', "\"\"")),
    }
}

fn json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// RFC 5545 section 3.3.11.
fn calendar(value: &str) -> String {
    let value = value.replace("\r\n", "\n").replace('\r', "\n");
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            c if c.is_control() && c != '\t' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Lines of at most 75 octets that end with CRLF; no character is split (RFC 5545 section 3.1).
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    for line in text.lines() {
        let mut length = 0;
        for c in line.chars() {
            if length + c.len_utf8() > 75 {
                out.push_str("\r\n ");
                length = 1;
            }
            out.push(c);
            length += c.len_utf8();
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(file: &str, text: &str) -> Generated {
        let source = bare("news", placeholder());
        let source = Generated::placed(source, part(&format!("news/{file}"), text));
        Generated::compile(source).expect("it compiles")
    }

    fn made(file: &str, text: &str, fields: &Value) -> String {
        let fields = fields.as_object().cloned().unwrap_or_default();
        let bytes = generated(file, text).render(&fields, &Given::default());
        String::from_utf8(bytes.expect("it renders")).expect("it is UTF-8")
    }

    #[test]
    fn each_kind_escapes_values_as_it_must() {
        let fields = serde_json::json!({
            "name": "Ada, \"the\" First; \\ <b>",
            "sum": -12.5, "note": "=1+1", "phone": "+49 30 1",
        });
        let row = "{{name}},{{sum}},{{note}},{{phone}}\n";
        assert_eq!(
            made("a.csv", row, &fields),
            "\"Ada, \"\"the\"\" First; \\ <b>\",-12.5,'=1+1,'+49 30 1\n"
        );
        let json = made("a.json", r#"{"n": "{{name}}", "s": {{sum}}}"#, &fields);
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(json, serde_json::json!({ "n": fields["name"], "s": -12.5 }));
        assert_eq!(
            made("a.ics", "SUMMARY:{{name}}\n", &fields),
            "SUMMARY:Ada\\, \"the\" First\\; \\\\ <b>\r\n"
        );
        assert_eq!(
            made("a.html", "{{name}}", &fields),
            "Ada, &quot;the&quot; First; \\ &lt;b&gt;"
        );
        assert_eq!(made("a.txt", "{{name}}", &fields), fields["name"]);
    }

    #[test]
    fn a_helper_that_escapes_does_so_once() {
        let fields = serde_json::json!({
            "name": "Tea; \"green\"", "note": "=1+1", "orders": ["a", "b\"c"], "json": "q\"",
        });
        assert_eq!(
            made(
                "a.csv",
                "{{csv name}},{{csv note}},{{upper (csv name)}}\n",
                &fields
            ),
            "\"Tea; \"\"green\"\"\",'=1+1,\"TEA; \"\"GREEN\"\"\"\n"
        );
        let text = r#"{"o": {{json orders}}, "n": {{json name}}, "own": "{{json}}"}"#;
        let json: Value = serde_json::from_str(&made("a.json", text, &fields)).expect("JSON");
        let expected = serde_json::json!({
            "o": fields["orders"], "n": fields["name"], "own": fields["json"],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_csv_with_other_letters_says_that_it_is_utf_8() {
        let fields = serde_json::json!({ "name": "张伟" });
        assert_eq!(made("a.csv", "{{name}}\n", &fields), "\u{feff}张伟\n");
    }

    #[test]
    fn what_is_no_json_is_refused_and_says_where() {
        let fields = serde_json::json!({ "n": "x" });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let fault = generated("a.json", "{\"n\": {{n}}}").render(&fields, &Given::default());
        let fault = fault.expect_err("it is no JSON").to_string();
        assert!(fault.contains("a.json"), "{fault}");
        assert!(fault.contains("line 1, column 7"), "{fault}");
    }

    #[test]
    fn lines_of_a_calendar_are_folded_between_characters() {
        let fields = serde_json::json!({ "name": "é".repeat(100) });
        let text = made("a.ics", "SUMMARY:{{name}}\nEND:X\n", &fields);
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        let unfolded = text.replace("\r\n ", "");
        assert_eq!(
            unfolded,
            format!("SUMMARY:{}\r\nEND:X\r\n", "é".repeat(100))
        );
    }

    #[test]
    fn what_names_no_field_is_the_same_for_everybody() {
        assert!(generated("a.csv", "{{data.total}}\n").is_common());
        assert!(!generated("a.csv", "{{name}}\n").is_common());
        assert!(!generated("a.txt", "{{unsubscribe_url}}\n").is_common());
        let total = "{{#each data.rows}}{{this}},{{this.sum}}\n{{/each}}";
        assert!(generated("a.csv", total).is_common());
    }

    #[test]
    fn what_goes_through_a_whole_row_is_not_the_same_for_everybody() {
        for text in [
            "{{#each this}}{{@key}}={{this}};{{/each}}",
            "{{#if data.on}}{{#each ./this}}{{this}}{{/each}}{{/if}}",
            "{{#with this}}{{#each this}}{{this}}{{/each}}{{/with}}",
            "{{lookup this \"name\"}}",
            "{{upper (lookup this \"name\")}}",
            "{{#each data.rows}}{{/each}}{{lookup this \"name\"}}",
            "{{#each data.rows}}{{lookup @root \"name\"}}{{/each}}",
        ] {
            assert!(!generated("a.csv", text).is_common(), "{text}");
        }
    }
}
