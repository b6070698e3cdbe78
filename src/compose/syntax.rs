//! Parsing one text, and saying what is wrong with it in words.
//!
//! Handlebars explains a syntax error by listing the grammar rules that it tried. Here the first
//! tag that cannot stand on its own is named, then the block that is not closed.

use std::ops::Range;
use std::sync::Arc;

use handlebars::template::{Parameter, Template as Ast, TemplateElement};
use handlebars::{TemplateError, TemplateErrorReason};

use super::fault::TemplateFault;
use super::source::Part;
use super::tags::{self, Kind, Tag};

/// Blocks within blocks go no deeper, and no tag has more brackets: parsing them recurses.
const DEEPEST: usize = 40;

/// A parsed text, with the places of its tags.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) part: Arc<Part>,
    pub(super) tags: Vec<Tag>,
    pub(super) ast: Arc<Ast>,
    /// What it was made of, where it is not as it stands in its file.
    origin: Option<Origin>,
}

/// The text of a file that another was made of.
#[derive(Debug)]
struct Origin {
    text: String,
    tags: Vec<Tag>,
}

impl Sheet {
    pub(super) fn parse(part: &Part) -> Result<Self, Box<TemplateFault>> {
        let text = part.content.as_str();
        let tags = tags::scan(text);
        let draft = Draft {
            file: &part.file,
            text,
            tags: &tags,
        };
        let parsed = draft.check_depth().and_then(|()| {
            Ast::compile_with_name(text, part.file.clone()).map_err(|e| Box::new(draft.explain(&e)))
        });
        let ast = parsed.map_err(|fault| match part.derived {
            true => Box::new(fault.of_whole_file()),
            false => fault,
        })?;
        Ok(Self {
            part: Arc::new(part.clone()),
            tags,
            ast: Arc::new(ast),
            origin: None,
        })
    }

    /// Points at places in `origin`, the text of the file that this one was made of.
    pub(super) fn made_of(self, origin: &Part) -> Self {
        let origin = Origin {
            text: origin.content.clone(),
            tags: tags::scan(&origin.content),
        };
        Self {
            origin: Some(origin),
            ..self
        }
    }

    pub(super) fn content(&self) -> &str {
        &self.part.content
    }

    /// The text that is in the file, and where in it something of this text comes from.
    pub(super) fn in_file(&self, range: Range<usize>) -> (&str, Range<usize>) {
        match &self.origin {
            None => (self.content(), range),
            Some(Origin { text, tags }) => {
                let from = tags::counterpart((self.content(), &self.tags), range, (text, tags));
                (text, from.unwrap_or(0..0))
            }
        }
    }

    /// The tag at or after a byte offset.
    pub(super) fn tag_at(&self, offset: usize) -> Option<&Tag> {
        self.tags
            .get(self.tags.partition_point(|tag| tag.range.end <= offset))
    }

    pub(super) fn fault(
        &self,
        code: &'static str,
        range: Range<usize>,
        message: String,
    ) -> TemplateFault {
        let (text, range) = self.in_file(range);
        fault(code, &self.part.file, text, range, message)
    }
}

/// The partials that a text includes, as they are written.
pub(super) fn partial_names(ast: &Ast) -> Vec<&str> {
    let mut names = Vec::new();
    let mut open = vec![ast];
    while let Some(ast) = open.pop() {
        for element in &ast.elements {
            match element {
                TemplateElement::HelperBlock(block) => {
                    open.extend(block.template.iter().chain(&block.inverse));
                }
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    open.extend(&call.template);
                    if let Parameter::Name(name) = &call.name {
                        names.push(name.as_str());
                    }
                }
                _ => {}
            }
        }
    }
    names
}

fn fault(
    code: &'static str,
    file: &str,
    text: &str,
    range: Range<usize>,
    message: String,
) -> TemplateFault {
    let mut fault = TemplateFault::of_file(code, file, message);
    (fault.line, fault.column) = tags::place(text, range.start);
    let first_line = text[range].lines().next().unwrap_or("");
    fault.span_len = first_line.chars().count();
    fault
}

/// A text that may not parse.
struct Draft<'a> {
    file: &'a str,
    text: &'a str,
    tags: &'a [Tag],
}

impl Draft<'_> {
    fn fault(&self, range: Range<usize>, message: String) -> TemplateFault {
        fault("template-syntax", self.file, self.text, range, message)
    }

    fn tag_text(&self, tag: &Tag) -> &str {
        &self.text[tag.range.clone()]
    }

    fn check_depth(&self) -> Result<(), Box<TemplateFault>> {
        let mut blocks: usize = 0;
        for tag in self.tags {
            match tag.kind {
                Kind::Open(_) => blocks += 1,
                Kind::Close(_) => blocks = blocks.saturating_sub(1),
                _ => {}
            }
            let brackets = match tag.kind {
                Kind::Verbatim => 0,
                _ => self
                    .tag_text(tag)
                    .bytes()
                    .filter(|b| b"([{".contains(b))
                    .count(),
            };
            if blocks > DEEPEST || brackets > DEEPEST {
                let message = format!("this goes more than {DEEPEST} levels deep");
                let mut fault = self.fault(tag.range.clone(), message);
                fault.code = "too-deep";
                let help = "move the inner part into a partial, or make it simpler";
                return Err(Box::new(fault.help(help)));
            }
        }
        Ok(())
    }

    fn explain(&self, error: &TemplateError) -> TemplateFault {
        self.unclosed_tag()
            .or_else(|| self.unreadable_tag())
            .or_else(|| self.unbalanced_block())
            .unwrap_or_else(|| {
                let (line, column) = error.pos().unwrap_or((1, 1));
                let at = tags::offset(self.text, line, column.max(1));
                let end = self.text[at..]
                    .find('\n')
                    .map_or(self.text.len(), |end| at + end);
                let value = match error.reason() {
                    TemplateErrorReason::InvalidParam(value) => format!("`{value}`"),
                    _ => "this".to_owned(),
                };
                self.fault(at..end, format!("{value} cannot be understood"))
            })
    }

    fn unclosed_tag(&self) -> Option<TemplateFault> {
        let tag = self.tags.iter().find(|tag| tag.kind == Kind::Unclosed)?;
        let braces = if self.tag_text(tag).starts_with("{{{") {
            "}}}"
        } else {
            "}}"
        };
        let message = "these braces are never closed".to_owned();
        Some(
            self.fault(tag.range.clone(), message)
                .label(format!("no {braces} follows")),
        )
    }

    /// The first tag that is wrong whatever stands around it.
    fn unreadable_tag(&self) -> Option<TemplateFault> {
        let wrong = |tag: &&Tag| {
            let text = self.tag_text(tag);
            let alone = match &tag.kind {
                Kind::Open(word) => format!("{text}{{{{/{word}}}}}"),
                Kind::Else { .. } => format!("{{{{#if a}}}}{text}{{{{/if}}}}"),
                Kind::Close(word) if word.is_empty() => return true,
                Kind::Close(_) | Kind::Unclosed => return false,
                Kind::Verbatim | Kind::Value => text.to_owned(),
            };
            Ast::compile(&alone).is_err()
        };
        let tag = self.tags.iter().find(wrong)?;
        let text = self.tag_text(tag);
        let message = format!(
            "`{}` cannot be understood",
            text.lines().next().unwrap_or(text)
        );
        let fault = self.fault(tag.range.clone(), message);
        Some(match advice(tags::inside(text)) {
            Some(advice) => fault.help(advice),
            None => fault,
        })
    }

    /// The first block that is closed by another's word, or by none, or was never opened.
    fn unbalanced_block(&self) -> Option<TemplateFault> {
        let mut open: Vec<(&Tag, &str)> = Vec::new();
        for tag in self.tags {
            match &tag.kind {
                Kind::Open(word) => open.push((tag, word)),
                Kind::Close(word) => match open.pop() {
                    Some((_, opened)) if opened == word => {}
                    Some((at, opened)) => return Some(self.crossed(tag, word, at, opened)),
                    None => {
                        let message = format!("{{{{/{word}}}}} closes nothing");
                        let label = format!("no {{{{#{word}}}}} is open here");
                        return Some(self.fault(tag.range.clone(), message).label(label));
                    }
                },
                Kind::Else { .. } if open.is_empty() => {
                    let message = format!("{} stands outside of any block", self.tag_text(tag));
                    let label = "no {{#if}} is open here";
                    return Some(self.fault(tag.range.clone(), message).label(label));
                }
                _ => {}
            }
        }
        let (tag, word) = open.pop()?;
        let message = format!("{{{{#{word}}}}} is never closed");
        let label = format!("no {{{{/{word}}}}} follows");
        Some(self.fault(tag.range.clone(), message).label(label))
    }

    fn crossed(&self, tag: &Tag, word: &str, opened_at: &Tag, opened: &str) -> TemplateFault {
        let message = format!("{{{{#{opened}}}}} is closed by {{{{/{word}}}}}");
        let label = format!("expected {{{{/{opened}}}}}");
        let mut fault = self.fault(tag.range.clone(), message).label(label);
        let (line, column) = tags::place(self.text, opened_at.range.start);
        let length = self.tag_text(opened_at).chars().count();
        fault.second = Some((line, column, length, "opened here".to_owned()));
        fault
    }
}

/// What people who know other template languages, or none, tend to write.
fn advice(inside: &str) -> Option<&'static str> {
    let has = |text: &str| inside.contains(text);
    if inside.is_empty() {
        Some("write the name of a field between the braces")
    } else if has("==") || has("!=") || has("&&") || has("||") || has("<") {
        Some("compare with a helper: {{#if (eq plan \"pro\")}}; also ne, gt, lt, and, or, not")
    } else if has("|") {
        Some("a helper stands before its value: {{upper name}}")
    } else if inside.matches('(').count() != inside.matches(')').count() {
        Some("an opening bracket has no closing one, or the other way round")
    } else if inside.matches(['"', '\'']).count() % 2 == 1 {
        Some("a quotation mark is missing")
    } else {
        None
    }
}
