//! Languages of texts and of readers, by their tags (BCP 47).
//!
//! Which languages there are, in which script each is written and so which way it runs is what
//! CLDR says: nothing of it is listed here.

use std::collections::HashSet;
use std::fmt;

use icu_locale::subtags::Script;
use icu_locale::{
    LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleDirectionality, LocaleExpander,
    TransformResult,
};
use serde::{Deserialize, Serialize};

const EXPANDER: LocaleExpander = LocaleExpander::new_extended();

/// A language that exists, perhaps with a script or a region: `de`, `pt-BR`, `zh-Hant`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(LanguageIdentifier);

impl Language {
    /// The language that `tag` names, in any case, with `-` or `_` between its parts.
    ///
    /// # Errors
    ///
    /// It is no tag, or nobody speaks the language of that name.
    pub fn parse(tag: &str) -> Result<Self, NoLanguage> {
        let unknown = || NoLanguage::new(tag);
        let locale = LanguageIdentifier::try_from_locale_bytes(tag.replace('_', "-").as_bytes());
        let mut locale = Locale::from(locale.map_err(|_| unknown())?);
        LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
        let language = Self(locale.id);
        match language.exists() {
            true => Ok(language),
            false => Err(unknown()),
        }
    }

    /// What a person's field says of their language, if it says anything: `de_AT.UTF-8` is `de-AT`.
    pub(super) fn of_reader(said: &str) -> Option<Self> {
        let tag = said.split(['.', '@', ',', ';']).next()?;
        Self::parse(tag.trim()).ok()
    }

    /// English, which texts are in that say nothing else.
    #[must_use]
    pub fn english() -> Self {
        Self::parse("en").expect("English exists")
    }

    fn exists(&self) -> bool {
        let mut alone = LanguageIdentifier::from(self.0.language);
        !self.0.language.is_unknown() && EXPANDER.maximize(&mut alone) == TransformResult::Modified
    }

    /// The tags under which texts for readers of this language may stand, the nearest first: the
    /// whole tag, then without its last parts (RFC 4647 section 3.4). A script that goes without
    /// saying may be written or not: `zh-TW` is `zh-Hant-TW`.
    pub(super) fn lookup(&self) -> Vec<Self> {
        let LanguageIdentifier {
            language,
            script,
            region,
            ..
        } = self.0;
        let unsaid = self.unsaid_script();
        let otherwise = match script {
            None => Some(unsaid),
            Some(_) if script == unsaid => Some(None),
            Some(_) => None,
        };
        let with = |script, region| {
            let mut id = LanguageIdentifier::from(language);
            (id.script, id.region) = (script, region);
            Self(id)
        };
        let mut tags = vec![self.clone(), with(script, region)];
        tags.extend(otherwise.map(|script| with(script, region)));
        tags.extend([with(self.script(), None), with(None, None)]);
        let mut seen = HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        tags
    }

    /// The script it is written in.
    fn script(&self) -> Option<Script> {
        self.0.script.or_else(|| self.unsaid_script())
    }

    /// The script that goes without saying.
    fn unsaid_script(&self) -> Option<Script> {
        let mut whole = self.0.clone();
        whole.script = None;
        EXPANDER.get_likely_script(&whole)
    }

    /// Whether who reads the other reads texts in this one as their own.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.0.language == other.0.language && self.script() == other.script()
    }

    /// Whether it is the same language, in whatever script.
    pub(super) fn is_kin_of(&self, other: &Self) -> bool {
        self.0.language == other.0.language
    }

    /// `ltr`, or `rtl` where lines run from right to left.
    #[must_use]
    pub fn direction(&self) -> &'static str {
        match LocaleDirectionality::new_extended().is_right_to_left(&self.0) {
            true => "rtl",
            false => "ltr",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Language {
    type Error = NoLanguage;

    fn try_from(tag: String) -> Result<Self, NoLanguage> {
        Self::parse(&tag)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.to_string()
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::english()
    }
}

/// A text that is not the tag of a language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{tag}` is not the tag of a language", tag = .tag.escape_debug())]
pub struct NoLanguage {
    tag: String,
    /// The language that was meant, if it was named by its country: `zh` for `cn`.
    pub near: Option<String>,
}

impl NoLanguage {
    fn new(tag: &str) -> Self {
        let mut spoken = LanguageIdentifier::UNKNOWN;
        spoken.region = tag.parse().ok();
        EXPANDER.maximize(&mut spoken);
        let near = spoken.region.is_some() && !spoken.language.is_unknown();
        Self {
            tag: tag.to_owned(),
            near: near.then(|| spoken.language.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).expect(tag)
    }

    #[test]
    fn a_tag_is_read_in_any_case_and_written_in_one() {
        let read = |tag: &str| language(tag).to_string();
        assert_eq!(read("de"), "de");
        assert_eq!(read("DE_at"), "de-AT");
        assert_eq!(read("zh-hant-tw"), "zh-Hant-TW");
        assert_eq!(read("es-419"), "es-419");
        assert_eq!(read("ger"), "de");
        assert_eq!(read("tpi"), "tpi");
        let reader = |said: &str| Language::of_reader(said).map(|it| it.to_string());
        assert_eq!(reader(" de_AT.UTF-8 ").as_deref(), Some("de-AT"));
        assert_eq!(reader("fr-CH, fr;q=0.9").as_deref(), Some("fr-CH"));
        for nonsense in [
            "",
            "Deutsch bitte",
            "xx",
            "und",
            "1",
            "<b>",
            "-",
            "no language",
        ] {
            assert_eq!(reader(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_country_for_a_language_is_understood_but_not_taken() {
        let near = |tag: &str| Language::parse(tag).expect_err(tag).near;
        assert_eq!(near("cn").as_deref(), Some("zh"));
        assert_eq!(near("jp").as_deref(), Some("ja"));
        assert_eq!(near("cz").as_deref(), Some("cs"));
        assert_eq!(near("foo"), None);
        assert_eq!(near("Backup"), None);
        assert_eq!(near(""), None);
    }

    #[test]
    fn texts_are_looked_up_from_the_whole_tag_to_the_language_alone() {
        let tags = |tag: &str| {
            let tags = language(tag).lookup();
            tags.iter().map(Language::to_string).collect::<Vec<_>>()
        };
        assert_eq!(tags("de"), ["de", "de-Latn"]);
        assert_eq!(tags("de-AT"), ["de-AT", "de-Latn-AT", "de-Latn", "de"]);
        assert_eq!(tags("zh-TW"), ["zh-TW", "zh-Hant-TW", "zh-Hant", "zh"]);
        assert_eq!(tags("zh-Hant-TW"), ["zh-Hant-TW", "zh-TW", "zh-Hant", "zh"]);
        assert_eq!(tags("zh-Hans-CN"), ["zh-Hans-CN", "zh-CN", "zh-Hans", "zh"]);
        assert_eq!(tags("sr-Latn"), ["sr-Latn", "sr"]);
    }

    #[test]
    fn texts_in_another_script_are_of_the_same_language_and_not_as_one_s_own() {
        let (own, other) = (language("zh-TW"), language("zh"));
        assert!(own.is_kin_of(&other) && !own.is_of(&other));
        assert!(language("zh-SG").is_of(&other));
        assert!(language("de-AT").is_of(&language("de")));
        assert!(!language("nl").is_kin_of(&language("de")));
    }

    #[test]
    fn a_script_says_which_way_lines_run() {
        for tag in [
            "ar", "he", "fa-IR", "ur", "yi", "pa-PK", "az-Arab", "ks", "dv", "ckb",
        ] {
            assert_eq!(language(tag).direction(), "rtl", "{tag}");
        }
        for tag in ["en", "de-AT", "zh", "pa", "az", "tr", "hi", "ar-Latn"] {
            assert_eq!(language(tag).direction(), "ltr", "{tag}");
        }
    }
}
