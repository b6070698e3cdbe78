//! Numbers: `number`, `percent`, `plural`, and exact arithmetic with them.
//!
//! A number is its decimal digits, as the list or the data has them, from beginning to end: no
//! binary fraction shows its tail. Where digits are cut off, a half is rounded away from zero, as
//! on an invoice.

use fixed_decimal::{Decimal, Sign, SignedRoundingMode, UnsignedRoundingMode};
use handlebars::RenderError;
use icu_plurals::PluralCategory;
use serde_json::{Number, Value};

use super::call::Call;
use super::speech::Speech;
use super::stage;

/// No number has more digits before or after its point: more are no amount, and would fill a page.
const MOST_DIGITS: i16 = 30;
/// What a number must look like.
const WANTED: &str = "write a number as 1234.50";

/// `{{number total}}`, `{{number total digits=2}}`.
pub(super) fn number(call: &Call<'_>) -> Result<Value, RenderError> {
    let number = rounded(call, decimal(call, 0)?, None)?;
    let speech = stage::speech(call.locale()?);
    Ok(Value::String(speech.decimal(&number)))
}

/// `{{percent share}}`: of 0.25 it makes 25%.
pub(super) fn percent(call: &Call<'_>) -> Result<Value, RenderError> {
    let hundredfold = shifted(decimal(call, 0)?, 2);
    let number = rounded(call, trimmed(hundredfold), None)?;
    let speech = stage::speech(call.locale()?);
    let pattern = match speech.language() {
        "de" | "fr" if matches!(speech.region(), "CH" | "LI") => "#%",
        "tr" => "%#",
        "eu" => "%\u{a0}#",
        "ar" => "#\u{200e}%\u{200e}",
        "es" if !matches!(speech.region(), "" | "ES") => "#%",
        "ca" | "cs" | "da" | "de" | "es" | "fi" | "fr" | "hr" | "lt" | "nb" | "nn" | "no"
        | "ro" | "ru" | "sk" | "sl" | "sv" => "#\u{a0}%",
        _ => "#%",
    };
    let (minus, digits) = signed(&speech, number);
    Ok(Value::String(minus + &pattern.replace('#', &digits)))
}

/// The minus of a number, or nothing, and its digits, as the language writes them.
pub(super) fn signed(speech: &Speech, mut number: Decimal) -> (String, String) {
    let whole = speech.decimal(&number);
    number.sign = Sign::None;
    let digits = speech.decimal(&number);
    let minus = whole.strip_suffix(digits.as_str()).unwrap_or_default();
    (minus.to_owned(), digits)
}

/// `{{plural count one="# file" other="# files"}}`: `#` is the number.
pub(super) fn plural(call: &Call<'_>) -> Result<Value, RenderError> {
    let count = decimal(call, 0)?;
    let speech = stage::speech(call.locale()?);
    let form = match speech.category(&count) {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    };
    // "No files" is said of nothing in every language, whether or not it has a form for that.
    let exact = if count.absolute.is_zero() {
        "zero"
    } else {
        form
    };
    let mut text = None;
    for form in [exact, form, "other"] {
        if text.is_none() {
            text = call.option_text(form)?;
        }
    }
    let needed =
        || call.fault("`other` is needed, for all numbers without a form of their own".to_owned());
    let text = text.ok_or_else(needed)?;
    Ok(Value::String(text.replace('#', &speech.decimal(&count))))
}

/// The number at `at`.
pub(super) fn decimal(call: &Call<'_>, at: usize) -> Result<Decimal, RenderError> {
    let unfit = || call.unfit(at, WANTED);
    let parsed = match call.value(at)? {
        Value::String(text) => {
            let text = text.trim();
            let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
            if text.is_empty() || !text.bytes().all(plain) {
                return Err(unfit());
            }
            Decimal::try_from_str(text)
        }
        // JSON has no whole numbers apart: 3.0 is 3.
        Value::Number(number) => {
            Decimal::try_from_str(&number.to_string().replace("e+", "e")).map(trimmed)
        }
        _ => return Err(unfit()),
    };
    let parsed = parsed.map_err(|_| unfit())?;
    let digits = parsed.absolute.magnitude_range();
    if *digits.end() >= MOST_DIGITS || *digits.start() < -MOST_DIGITS {
        return Err(call.unfit(at, "it has too many digits"));
    }
    Ok(parsed)
}

/// With as many digits after the point as the call asks for, or else as `usual` says.
pub(super) fn rounded(
    call: &Call<'_>,
    number: Decimal,
    usual: Option<i16>,
) -> Result<Decimal, RenderError> {
    let asked = call.option_count("digits", 20)?;
    let digits = asked.and_then(|digits| i16::try_from(digits).ok());
    let Some(digits) = digits.or(usual) else {
        return Ok(number);
    };
    let half_away = SignedRoundingMode::Unsigned(UnsignedRoundingMode::HalfExpand);
    let mut number = number.rounded_with_mode(-digits, half_away);
    number.absolute.pad_end(-digits);
    if number.absolute.is_zero() {
        number.sign = Sign::None;
    }
    Ok(number)
}

fn trimmed(mut number: Decimal) -> Decimal {
    number.absolute.trim_end();
    number.absolute.trim_start();
    number
}

/// `{{add a b}}`.
pub(super) fn add(call: &Call<'_>) -> Result<Value, RenderError> {
    reckoned(call, |(a, b), scale| Some((a.checked_add(b)?, scale)))
}

/// `{{subtract a b}}`.
pub(super) fn subtract(call: &Call<'_>) -> Result<Value, RenderError> {
    reckoned(call, |(a, b), scale| Some((a.checked_sub(b)?, scale)))
}

/// `{{multiply a b}}`.
pub(super) fn multiply(call: &Call<'_>) -> Result<Value, RenderError> {
    reckoned(call, |(a, b), scale| {
        Some((a.checked_mul(b)?, scale.checked_mul(2)?))
    })
}

/// Works on two whole numbers that count units of ten to the minus of the scale, and says in which
/// scale the result is; nothing where it has too many digits.
type Work = fn((i128, i128), i16) -> Option<(i128, i16)>;

/// Works on the call's two numbers, exactly.
fn reckoned(call: &Call<'_>, work: Work) -> Result<Value, RenderError> {
    let (a, b) = (decimal(call, 0)?, decimal(call, 1)?);
    let lowest = |number: &Decimal| -*number.absolute.magnitude_range().start();
    let scale = lowest(&a).max(lowest(&b)).max(0);
    let whole = |number: Decimal| {
        trimmed(shifted(number, scale))
            .to_string()
            .parse::<i128>()
            .ok()
    };
    let result = whole(a).zip(whole(b)).and_then(|pair| work(pair, scale));
    let (result, scale) = result.ok_or_else(|| call.unfit(0, "the result has too many digits"))?;
    Ok(shown(trimmed(shifted(Decimal::from(result), -scale))))
}

fn shifted(mut number: Decimal, by: i16) -> Decimal {
    number.absolute.multiply_pow10(by);
    number
}

/// As a number where JSON has it exactly, so that `gt` can compare it; else as text.
fn shown(number: Decimal) -> Value {
    let text = number.to_string();
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    let float = text.parse().ok().and_then(Number::from_f64);
    match float {
        Some(float) if float.to_string() == text => Value::Number(float),
        _ => Value::String(text),
    }
}
