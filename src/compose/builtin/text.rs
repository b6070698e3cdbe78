//! Texts: their case, their length, what stands in for them, and the forms that other formats want.

use handlebars::RenderError;
use icu_properties::CodePointMapData;
use icu_properties::props::GraphemeClusterBreak as Break;
use serde_json::Value;

use super::call::{Call, whole};
use super::stage;
use crate::compose::format;

/// `{{default first_name "there"}}`: the second value where the first is absent or empty.
pub(super) fn default(call: &Call<'_>) -> Result<Value, RenderError> {
    let is_empty = match call.raw(0)?.value() {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    };
    let chosen = call.value(usize::from(is_empty))?;
    Ok(chosen.clone())
}

/// `{{upper name}}`, by the rules of Unicode and, for the dotted i, of the language.
pub(super) fn upper(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    let text = match has_dotless_i(call)? && text.contains('i') {
        true => text.replace('i', "İ").to_uppercase(),
        false => text.to_uppercase(),
    };
    Ok(Value::String(text))
}

/// `{{lower name}}`.
pub(super) fn lower(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    let text = match has_dotless_i(call)? && text.contains(['I', 'İ']) {
        true => text.replace('I', "ı").replace('İ', "i").to_lowercase(),
        false => text.to_lowercase(),
    };
    Ok(Value::String(text))
}

fn has_dotless_i(call: &Call<'_>) -> Result<bool, RenderError> {
    let speech = stage::speech(call.locale()?);
    Ok(matches!(speech.language(), "tr" | "az"))
}

/// `{{capitalize name}}`: only the first letter changes.
pub(super) fn capitalize(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    let mut rest = text.chars();
    let first: String = match rest.next() {
        Some('i') if has_dotless_i(call)? => "İ".to_owned(),
        Some(first) => first.to_uppercase().collect(),
        None => String::new(),
    };
    Ok(Value::String(first + rest.as_str()))
}

/// `{{plain_text bio}}`: what HTML says, without its elements.
pub(super) fn plain_text(call: &Call<'_>) -> Result<Value, RenderError> {
    let html = call.text(0)?;
    Ok(Value::String(format::plain_text(&html)))
}

/// `{{trim name}}`: without white space at both ends.
pub(super) fn trim(call: &Call<'_>) -> Result<Value, RenderError> {
    Ok(Value::from(call.text(0)?.trim()))
}

/// `{{replace phone "+" "00"}}`: each time that it occurs.
pub(super) fn replace(call: &Call<'_>) -> Result<Value, RenderError> {
    let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if old.is_empty() {
        return Err(call.unfit(1, "a text to look for is needed"));
    }
    stage::spend_on(&new)?;
    stage::spend((text.matches(&*old).count() * new.len() / 64) as u64)?;
    Ok(Value::String(text.replace(&*old, &new)))
}

/// `{{concat first " " last}}`: one text of all values.
pub(super) fn concat(call: &Call<'_>) -> Result<Value, RenderError> {
    let texts: Result<Vec<_>, _> = (0..call.count()).map(|at| call.text(at)).collect();
    Ok(Value::String(texts?.concat()))
}

/// `{{truncate note 80}}`: at most so many characters, the last of them `…` if any is left out.
/// It ends after a word where one ends in its second half.
pub(super) fn truncate(call: &Call<'_>) -> Result<Value, RenderError> {
    let most = whole(call.value(1)?).and_then(|most| usize::try_from(most).ok());
    let most = most.filter(|most| *most > 0);
    let most = most.ok_or_else(|| call.unfit(1, "a whole number above 0 is needed"))?;
    let text = call.text(0)?;
    let text = text.trim_end();
    if text.len() <= most {
        return Ok(Value::from(text));
    }
    let starts: Vec<usize> = boundaries(text).take(most + 1).collect();
    if starts.len() <= most {
        return Ok(Value::from(text));
    }
    let kept = &text[..starts[most - 1]];
    let in_word = !text[kept.len()..].starts_with(char::is_whitespace);
    let word_end = kept.rfind(char::is_whitespace).filter(|_| in_word);
    let kept = match word_end {
        Some(end) if end * 2 >= kept.len() => &kept[..end],
        _ => kept,
    };
    let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
    Ok(Value::String(format!("{kept}…")))
}

/// Where characters begin as a reader sees them: no accent, no joined sign and no half of a flag
/// is cut off. The main rules of Unicode's grapheme clusters (UAX 29), those that mail meets.
fn boundaries(text: &str) -> impl Iterator<Item = usize> + '_ {
    let kinds = CodePointMapData::<Break>::new();
    let (mut before, mut flags) = (None, 0);
    text.char_indices().filter_map(move |(at, c)| {
        let kind = if c.is_ascii() && c != '\n' {
            Break::Other
        } else {
            kinds.get(c)
        };
        let joins = match (before, kind) {
            (None, _) => false,
            (_, Break::Extend | Break::ZWJ | Break::SpacingMark) => true,
            (Some(Break::CR), Break::LF) | (Some(Break::Prepend | Break::ZWJ), _) => true,
            (Some(Break::L), Break::L | Break::V | Break::LV | Break::LVT) => true,
            (Some(Break::LV | Break::V), Break::V | Break::T) => true,
            (Some(Break::LVT | Break::T), Break::T) => true,
            (Some(Break::RegionalIndicator), Break::RegionalIndicator) => flags % 2 == 1,
            _ => false,
        };
        flags = if kind == Break::RegionalIndicator {
            flags + 1
        } else {
            0
        };
        before = Some(kind);
        (!joins).then_some(at)
    })
}

/// `{{json orders}}`: the value as JSON, on one line.
pub(super) fn json(call: &Call<'_>) -> Result<Value, RenderError> {
    Ok(Value::String(call.value(0)?.to_string()))
}

/// A value as it is.
pub(super) fn as_text(call: &Call<'_>) -> Result<Value, RenderError> {
    Ok(Value::from(call.text(0)?))
}

/// `{{csv note}}`: a cell of a CSV file (RFC 4180), in quotes where it needs them.
pub(super) fn csv(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    if text.contains([',', ';', '"', '\t', '\r', '\n']) || text.trim() != text {
        return Ok(Value::String(format!("\"{}\"", text.replace('"', "\"\""))));
    }
    Ok(Value::from(text))
}
