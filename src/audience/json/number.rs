//! Whether a number of a JSON file stays the number that it is.
//!
//! Whole numbers are held in 64 bits, others as IEEE 754 doubles (RFC 8259, section 6). What does
//! not fit there comes out with other digits, or not at all: an account number of twenty digits, an
//! amount in fractions of a cent, 1e400. Such a number is taken as text, digit for digit as it is
//! written, which is what a template shows of it.

use serde_json::Number;

/// Any number with so many characters, and no exponent, is held as it is.
const SURE: usize = 15;

/// Whether the number, when it is held and written again, is the same.
pub(super) fn is_exact(written: &[u8]) -> bool {
    let has_exponent = written.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if written.len() <= SURE && !has_exponent {
        return true;
    }
    let held: Option<Number> = serde_json::from_slice(written).ok();
    let held = held.map(|number| number.to_string());
    held.is_some_and(|held| {
        let written = Decimal::of(&String::from_utf8_lossy(written));
        written.is_some() && written == Decimal::of(&held)
    })
}

/// A sign, digits without zeros at either end, and the power of ten of the last.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    /// `None` where its exponent is beyond all that can be held.
    fn of(number: &str) -> Option<Self> {
        let negative = number.starts_with('-');
        let number = number.trim_start_matches('-');
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let without_end = digits.trim_end_matches('0');
        if without_end.is_empty() {
            return Some(Self {
                negative,
                digits: String::new(),
                power: 0,
            });
        }
        let exponent: i64 = exponent.parse().ok()?;
        let shift = digits.len() as i64 - without_end.len() as i64 - fraction.len() as i64;
        Some(Self {
            negative,
            digits: without_end.to_owned(),
            power: exponent.checked_add(shift)?,
        })
    }
}
