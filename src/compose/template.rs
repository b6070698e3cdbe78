//! A template ready to be rendered.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::builtin::{self, Escaping};
use super::compile::compile;
use super::edition::Edition;
use super::fault::TemplateFault;
use super::given::GIVEN;
use super::language::Language;
use super::source::{Part, Source};
use super::survey::Variable;
use super::values::Pool;

/// The field that names a reader's language where no other is said to.
const LANGUAGE: &str = "language";

/// A template whose texts are parsed and checked. Rendering one that compiled can fail only for
/// what a person's fields hold or lack.
pub struct Template {
    pub(super) source: Source,
    /// That of the texts without a language is the first.
    editions: Vec<Edition>,
    by_language: HashMap<Language, usize>,
    variables: Vec<Variable>,
    given: Vec<Variable>,
    /// Fields that a `{{#each}}` repeats for, and no text shows.
    pub(super) repeated: BTreeSet<String>,
    pub(super) pool: Pool,
}

impl Template {
    /// Parses the texts of all languages, and finds what would fail while rendering: unknown
    /// helpers and partials, partials that include each other without end, a layout without a
    /// place for the body.
    ///
    /// # Errors
    ///
    /// Every fault there is, ordered by file and place. Where a text cannot be parsed, only such
    /// faults: what is wrong beyond them cannot be known yet.
    pub fn compile(mut source: Source) -> Result<Self, Vec<TemplateFault>> {
        let compiled = compile(&source)?;
        let mut found = compiled.found;
        let shown: BTreeSet<&String> = {
            let shown = found.variables.iter().filter(|it| it.shown);
            shown.map(|it| &it.name).collect()
        };
        found.repeated.retain(|name| !shown.contains(name));
        source
            .partials
            .retain(|name, _| compiled.partials.contains(name));
        let is_given = |it: &Variable| GIVEN.contains(&it.name.as_str());
        let (given, variables) = found.variables.into_iter().partition(is_given);
        let editions = compiled.editions;
        let others = editions.iter().enumerate().skip(1);
        Ok(Self {
            source,
            by_language: others.map(|(at, it)| (it.language.clone(), at)).collect(),
            editions,
            variables,
            given,
            repeated: found.repeated,
            pool: Pool::default(),
        })
    }

    /// Makes its plain texts escape what is filled into them.
    pub(super) fn escape_plain(&mut self, escape: fn(&str) -> String, kind: Option<Escaping>) {
        for edition in &mut self.editions {
            let registry = Arc::make_mut(&mut edition.plain_registry);
            registry.register_escape_fn(escape);
            if let Some(kind) = kind {
                builtin::once_escaped(registry, kind);
            }
        }
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

    /// How many bytes its images hold in memory, about: as they are, and encoded.
    #[must_use]
    pub fn weight(&self) -> usize {
        let images = self.source.images.values();
        images.map(|image| image.bytes().len() * 7 / 3).sum()
    }

    /// How many bytes of HTML it has before anything is filled in, in the language in which it is
    /// longest.
    #[must_use]
    pub fn html_len(&self) -> usize {
        self.longest_html().map_or(0, |(length, _)| length)
    }

    /// The HTML body of the language in which the HTML is longest, and how many bytes it has with
    /// its layout before anything is filled in.
    #[must_use]
    pub fn longest_html(&self) -> Option<(usize, &Part)> {
        let bodies = self.editions.iter().filter_map(|it| {
            let body = it.html.as_ref()?;
            Some((it.html_len(), &*body.page.part))
        });
        bodies.max_by_key(|(length, _)| *length)
    }

    /// What there is of it for readers of each language; that of the texts whose names have no
    /// language is the first.
    #[must_use]
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// What a person with these fields gets to read: the nearest to the language that a field of
    /// theirs names, or the texts without a language.
    #[must_use]
    pub fn edition(&self, fields: &Map<String, Value>) -> &Edition {
        self.chosen(fields).0
    }

    /// The person's edition, and the language that it is in as the person calls it: who reads
    /// `de-AT` reads texts in `de` as their own.
    pub(super) fn chosen(&self, fields: &Map<String, Value>) -> (&Edition, Language) {
        let field = self.source.language_field.as_deref().unwrap_or(LANGUAGE);
        let said = fields.get(field).and_then(Value::as_str);
        let reader = said.and_then(Language::of_reader);
        let nearest = reader.as_ref().and_then(|reader| {
            let tags = reader.lookup();
            tags.iter().find_map(|tag| self.by_language.get(tag))
        });
        let edition = &self.editions[nearest.copied().unwrap_or(0)];
        let own = reader.filter(|reader| edition.language.is_of(reader));
        (edition, own.unwrap_or_else(|| edition.language.clone()))
    }

    /// Every use of a field of the list, also in branches that may not run, ordered by place.
    /// Names that mean something inner (`{{#each items}}{{title}}{{/each}}`) are not among them,
    /// nor are those of [`GIVEN`]. The texts of all languages count.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Every use of a name of [`GIVEN`], ordered by place.
    #[must_use]
    pub fn given(&self) -> &[Variable] {
        &self.given
    }

    pub(super) fn all_variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().chain(&self.given)
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
