//! What a template is in one language, ready to be rendered.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use handlebars::Handlebars;
use handlebars::template::Template as Ast;

use super::finish::Finish;
use super::language::Language;
use super::source::Part;

/// The texts of a template for readers of one language.
pub struct Edition {
    /// Empty for the texts whose names have no language.
    pub(super) tag: String,
    pub(super) language: Language,
    pub(super) subject: Text,
    pub(super) text: Option<Body>,
    pub(super) html: Option<Body>,
    /// What is done to the HTML before it goes out.
    pub(super) finish: Finish,
    /// The values of headers that are added, by their names.
    pub(super) headers: Vec<(String, Text)>,
    /// With the partials that the subject, the headers and the text include.
    pub(super) plain_registry: Arc<Handlebars<'static>>,
    pub(super) html_registry: Arc<Handlebars<'static>>,
    /// All files that it is made of.
    pub(super) files: BTreeSet<String>,
}

/// A text, parsed.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) part: Arc<Part>,
    pub(super) ast: Arc<Ast>,
}

/// A body, and what the layout puts around it.
pub(super) struct Body {
    pub(super) page: Text,
    pub(super) layout: Option<Arc<Layout>>,
}

/// A layout's texts before and after the body.
pub(super) struct Layout {
    pub(super) part: Arc<Part>,
    pub(super) before: Arc<Ast>,
    pub(super) after: Arc<Ast>,
}

impl Edition {
    /// The language of its texts.
    #[must_use]
    pub fn language(&self) -> &Language {
        &self.language
    }

    /// The part of its files' names that stands for the language; empty where they have none.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// How many bytes of HTML it has before anything is filled in.
    pub(super) fn html_len(&self) -> usize {
        let Some(Body { page, layout }) = &self.html else {
            return 0;
        };
        let layout = layout.as_ref().map_or(0, |it| it.part.content.len());
        page.part.content.len() + layout
    }
}

impl fmt::Debug for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Edition").field(&self.language).finish()
    }
}
