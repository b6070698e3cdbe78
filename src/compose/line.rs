//! A line of text with fields in it: the path or the name of a file that goes along.

use serde_json::{Map, Value};

use super::fault::TemplateFault;
use super::given::Given;
use super::source::{Part, Source};
use super::survey::Variable;
use super::template::Template;

/// A line that is the same for everybody, or has fields in it.
#[derive(Debug, PartialEq)]
pub struct Line {
    template: Template,
}

impl Line {
    /// Parses it, as a template is parsed.
    ///
    /// # Errors
    ///
    /// What is wrong with its tags.
    pub fn compile(written: &str) -> Result<Self, Vec<TemplateFault>> {
        let template = Template::compile(bare("", part("", written)))?;
        Ok(Self { template })
    }

    /// As it is written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.template.source().subject.content
    }

    /// The fields that it uses.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        self.template.variables()
    }

    /// What it says to one person. A field that is shown in it is not empty.
    ///
    /// # Errors
    ///
    /// What is wrong with a field, in a person's words.
    pub fn fill(&self, fields: &Map<String, Value>, given: &Given) -> Result<String, String> {
        for variable in self.variables() {
            let name = &variable.name;
            let text = fields.get(name).and_then(Value::as_str);
            if text.is_some_and(|text| variable.shown && text.trim().is_empty()) {
                return Err(format!("the field `{name}` is empty for this person"));
            }
            if text.is_some_and(|text| text.contains(char::is_control)) {
                return Err(format!("the field `{name}` has a control character in it"));
            }
        }
        let rendered = self.template.render_given(fields, given);
        match rendered {
            Ok(rendered) => Ok(rendered.subject),
            Err(fault) => Err(fault.problem.replace("the subject", "it")),
        }
    }
}

/// The texts of something that is no mail.
pub(super) fn bare(name: &str, subject: Part) -> Source {
    Source {
        subject,
        text: None,
        ..Source::of_texts(name, "", "")
    }
}

pub(super) fn part(file: &str, content: &str) -> Part {
    Part {
        file: file.to_owned(),
        content: content.to_owned(),
        derived: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_line_is_filled_and_its_empty_fields_are_told() {
        let line = Line::compile("{{year}}/{{invoice}}.pdf").expect("it parses");
        let given = Given::default();
        let fill = |value| line.fill(&fields(value), &given);
        let ada = serde_json::json!({ "year": 2026, "invoice": "发票-7" });
        assert_eq!(fill(ada).as_deref(), Ok("2026/发票-7.pdf"));
        let blank = serde_json::json!({ "year": 2026, "invoice": " " });
        let empty = Err("the field `invoice` is empty for this person".to_owned());
        assert_eq!(fill(blank), empty);
        assert_eq!(fill(serde_json::json!({ "year": 2026 })), empty);
        let broken = serde_json::json!({ "year": 2026, "invoice": "7\u{0}" });
        let control = "the field `invoice` has a control character in it".to_owned();
        assert_eq!(fill(broken), Err(control));
    }
}
