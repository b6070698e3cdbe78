//! Amounts of money: `{{currency total "EUR"}}`.
//!
//! icu has no stable formatter for currencies. So where the sign goes is said here, for the
//! languages that most mail is written in, as CLDR 48 has it; elsewhere it stands in front. A
//! currency whose sign could mean another one in that place is named by its ISO 4217 code.

use std::borrow::Cow;

use handlebars::RenderError;
use serde_json::Value;

use super::call::Call;
use super::number::{decimal, rounded, signed};
use super::speech::Speech;
use super::stage;

/// `{{currency total "EUR"}}`: with as many decimals as the currency has.
pub(super) fn currency(call: &Call<'_>) -> Result<Value, RenderError> {
    let code = call.text(1)?.trim().to_ascii_uppercase();
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(call.unfit(1, "a code of ISO 4217 is needed, such as EUR"));
    }
    let amount = rounded(call, decimal(call, 0)?, Some(decimals(&code)))?;
    let speech = stage::speech(call.locale()?);
    let (minus, number) = signed(&speech, amount);
    let number = separated(&speech, number);
    Ok(Value::String(written(&speech, &code, &number, &minus)))
}

/// An amount has other separators than a number there: CLDR's `currencyGroup`, `currencyDecimal`.
fn separated(speech: &Speech, number: String) -> String {
    match (speech.language(), speech.region()) {
        ("de", "AT") => number.replace('\u{a0}', "."),
        ("fr", "CH") => number.replace(',', "."),
        _ => number,
    }
}

fn written(speech: &Speech, code: &str, number: &str, minus: &str) -> String {
    let pattern = pattern(speech.language(), speech.region());
    let (positive, negative) = pattern.split_once(';').unwrap_or((pattern, ""));
    let pattern = match (minus, negative) {
        ("", _) => Cow::Borrowed(positive),
        // The minus goes before all of it, but after a mark of direction.
        (minus, "") => match positive.chars().next().filter(|c| is_mark(*c)) {
            Some(mark) => Cow::Owned(positive.replacen(mark, &format!("{mark}{minus}"), 1)),
            None => Cow::Owned(format!("{minus}{positive}")),
        },
        (minus, negative) => Cow::Owned(negative.replace('-', minus)),
    };
    let symbol = symbol(code, speech.language(), speech.region());
    // Letters do not touch digits: CHF 12.00, but €12.00.
    let gap = pattern.contains("¤#") && symbol.ends_with(char::is_alphabetic);
    let symbol = if gap {
        format!("{symbol}\u{a0}")
    } else {
        symbol.to_owned()
    };
    pattern.replace('#', number).replace('¤', &symbol)
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}')
}

/// Digits after the point, as ISO 4217 has them.
fn decimals(code: &str) -> i16 {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Where sign and number go; after a semicolon, where the minus goes if not in front of all.
fn pattern(language: &str, region: &str) -> &'static str {
    match (language, region) {
        ("de" | "en" | "it", "CH") | ("de", "LI") => "¤\u{a0}#;¤-#",
        ("de" | "en", "AT") | ("pt", "" | "BR") => "¤\u{a0}#",
        ("nl", _) => "¤\u{a0}#;¤\u{a0}-#",
        ("es", "" | "ES") => "#\u{a0}¤",
        ("ar", _) => "\u{200f}#\u{a0}¤",
        ("fa", _) => "\u{200e}¤\u{a0}#",
        ("he", _) => "\u{200f}#\u{a0}\u{200f}¤",
        ("bn", _) => "#¤",
        (
            "bg" | "ca" | "cs" | "da" | "de" | "el" | "et" | "eu" | "fi" | "fr" | "hr" | "hu"
            | "it" | "lt" | "lv" | "nb" | "nn" | "no" | "pl" | "pt" | "ro" | "ru" | "sk" | "sl"
            | "sr" | "sv" | "uk" | "vi",
            _,
        ) => "#\u{a0}¤",
        _ => "¤#",
    }
}

/// The sign that readers of a language know a currency by, or its code.
fn symbol<'a>(code: &'a str, language: &str, region: &str) -> &'a str {
    let is_at_home = matches!(
        (code, region),
        ("CAD", "CA")
            | ("AUD", "AU")
            | ("NZD", "NZ")
            | ("MXN", "MX")
            | ("SGD", "SG")
            | ("TWD", "TW")
            | ("ARS", "AR")
            | ("CLP", "CL")
            | ("COP", "CO")
    );
    match (code, language) {
        _ if is_at_home => "$",
        (
            "USD",
            "en" | "de" | "fi" | "el" | "tr" | "ru" | "he" | "hi" | "ja" | "sl" | "et" | "lv",
        ) if !matches!(region, "CA" | "AU" | "NZ" | "SG" | "ZA" | "IE" | "GB") => "$",
        ("USD", "es") if region == "US" => "$",
        ("USD", "fr") if region != "CA" => "$US",
        (
            "USD",
            "pl" | "it" | "hu" | "ro" | "uk" | "sk" | "hr" | "lt" | "ca" | "nb" | "nn" | "no",
        ) => code,
        ("USD", _) => "US$",
        ("JPY", "ja") => "￥",
        ("JPY", "zh") if !matches!(region, "TW" | "HK" | "MO") => "JP¥",
        ("CNY", "zh") if !matches!(region, "TW" | "HK" | "MO") => "¥",
        ("CNY", "ja") => "元",
        ("CZK", "cs" | "sk") => "Kč",
        ("DKK", "da") => "kr.",
        ("HUF", "hu") => "Ft",
        ("IDR", "id") => "Rp",
        ("MYR", "ms") => "RM",
        ("NOK", "nb" | "nn" | "no") | ("SEK", "sv") => "kr",
        ("PLN", "pl") => "zł",
        ("RUB", "ru") => "₽",
        ("THB", "th") => "฿",
        ("TRY", "tr") => "₺",
        ("UAH", "uk" | "ru") => "₴",
        ("EUR", _) => "€",
        ("GBP", _) => "£",
        ("ILS", _) => "₪",
        ("INR", _) => "₹",
        ("JPY", _) => "¥",
        ("KRW", _) => "₩",
        ("PHP", _) => "₱",
        ("VND", _) => "₫",
        ("AUD", _) => "A$",
        ("BRL", _) => "R$",
        ("CAD", _) => "CA$",
        ("CNY", _) => "CN¥",
        ("HKD", _) => "HK$",
        ("MXN", _) => "MX$",
        ("NZD", _) => "NZ$",
        ("TWD", _) => "NT$",
        _ => code,
    }
}
