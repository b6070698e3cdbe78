//! Links: `url` lets through what may stand in one, `url_encode` makes a part of one.
//!
//! Escaping for HTML keeps a value within its quotes, but `javascript:` needs no quote to be
//! dangerous. So the target of a link that comes from a list is looked at, not only escaped.

use std::fmt::Write;

use handlebars::RenderError;
use serde_json::Value;

use super::call::Call;

/// `{{url link}}`: the link, if it is whole and of a kind that a reader may follow.
pub(super) fn url(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    let text = text.trim();
    let unfit = |wanted: &str| Err(call.unfit(0, wanted));
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return unfit("a link in a mail needs all of its address, from https:// on");
    };
    let rest_is_whole = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let host = rest
                .strip_prefix("//")
                .map(|rest| rest.split(['/', '?', '#']).next());
            host.flatten().is_some_and(|host| !host.is_empty())
        }
        "mailto" | "tel" => !rest.is_empty() && !rest.starts_with('/'),
        _ => return unfit("only links to http, https, mailto and tel may stand in a mail"),
    };
    if !rest_is_whole {
        return unfit("a link in a mail needs all of its address, such as https://example.org/a");
    }
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c);
    if text.contains(is_forbidden) {
        return unfit("a link holds no space, quote, bracket or backslash: write %20 for a space");
    }
    Ok(Value::from(text))
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// `{{url_encode city}}`: all but the unreserved characters (RFC 3986, section 2.3) as `%XX`.
pub(super) fn url_encode(call: &Call<'_>) -> Result<Value, RenderError> {
    let text = call.text(0)?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // a String takes all that is written
        }
    }
    Ok(Value::String(encoded))
}
