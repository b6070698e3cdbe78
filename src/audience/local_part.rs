//! What stands before the @ of an address, in any script.
//!
//! Only the server that holds a mailbox knows what its name means (RFC 5321, section 2.3.11), so it
//! is mailed as written, but for needless quotes and the choice between Unicode's spellings of one
//! text: NFC (RFC 6532, section 3.1). Beyond ASCII a name is made of letters, digits and combining
//! marks, as in an identifier of RFC 8264 (section 4.2.1): nothing that cannot be seen, and nothing
//! that only looks like another letter.

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory as Category};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::address::{AddressFault, CodePoint, Part, unquoted};

/// RFC 5321, section 4.5.3.1.1, in octets; RFC 6531, section 3.1, leaves it at that.
const LONGEST: usize = 64;
/// What people type, though Unicode has it for two letters: Armenian, Thai and Lao.
const TYPED: [char; 5] = ['և', 'ำ', 'ຳ', 'ໜ', 'ໝ'];
/// Its category is that of Roman numerals, but it is the digit between 九 and 一.
const IDEOGRAPHIC_ZERO: char = '〇';

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();

/// The local part as it is mailed: "all quoted forms MUST be treated as equivalent", and the
/// shortest sent (RFC 5321, section 4.1.2). Where quotes are needed, it is ASCII.
pub(super) fn read(local: &str) -> Result<Cow<'_, str>, AddressFault> {
    if local.is_empty() {
        return Err(AddressFault::NoLocalPart);
    }
    let local = match unquoted(local) {
        Some(plain) if !local.is_ascii() => international(&plain)?.into(),
        Some(plain) if check_dot_atom(&plain).is_ok() => plain,
        Some(_) => Cow::Borrowed(local),
        None if !local.is_ascii() => international(local)?.into(),
        None => {
            check_dot_atom(local)?;
            Cow::Borrowed(local)
        }
    };
    if local.len() > LONGEST {
        return Err(AddressFault::LocalPartTooLong(local.len()));
    }
    Ok(local)
}

/// The same for all spellings of one text: in upper and lower case, in NFC and NFD.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let folded: String = NFC.normalize(text).chars().map(fold_case).collect();
    NFC.normalize(&folded).into_owned()
}

/// Simple case folding (Unicode, section 5.18), by way of the capital: a Greek word ends with
/// another small sigma. Where a letter would become two, it stays: that would make one of `straße`
/// and `strasse`, which may be two people.
fn fold_case(one: char) -> char {
    fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
        let first = chars.next();
        first.filter(|_| chars.next().is_none())
    }
    if one == 'ı' {
        return one; // its capital is that of another letter
    }
    let capital = single(one.to_uppercase()).unwrap_or(one);
    single(capital.to_lowercase()).unwrap_or(capital)
}

fn international(local: &str) -> Result<String, AddressFault> {
    let beyond_ascii = |one: &char| !one.is_ascii();
    // NFC would make ASCII of these: the Kelvin sign, the Greek question mark.
    if let Some(one) = (local.chars().filter(beyond_ascii))
        .find(|one| NFC.normalize(one.encode_utf8(&mut [0; 4])).is_ascii())
    {
        return Err(fault(one));
    }
    let local = NFC.normalize(local).into_owned();
    if let Some(one) = local
        .chars()
        .filter(beyond_ascii)
        .find(|one| !may_stand(*one))
    {
        return Err(fault(one));
    }
    check_dot_atom(&local)?;
    let mut before = '.';
    for one in local.chars() {
        if is_mark(one) && !(before.is_ascii_alphanumeric() || may_stand(before)) {
            return Err(AddressFault::LooseMark(CodePoint(one)));
        }
        before = one;
    }
    Ok(local)
}

/// RFC 5322, section 3.2.3. Characters beyond ASCII were looked at before.
fn check_dot_atom(local: &str) -> Result<(), AddressFault> {
    let illegal = |one: &char| {
        one.is_ascii() && !one.is_ascii_alphanumeric() && !".!#$%&'*+-/=?^_`{|}~".contains(*one)
    };
    match local.chars().find(illegal) {
        None => {}
        Some(_) if local.contains('@') && local.contains([',', ';', ' ']) => {
            return Err(AddressFault::TwoAddresses);
        }
        Some('@') => return Err(AddressFault::SeveralAt),
        Some(' ') => return Err(AddressFault::Space),
        Some(one) => return Err(AddressFault::Character(one)),
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(AddressFault::Dots);
    }
    Ok(())
}

/// Whether a character beyond ASCII can be mailed before the @: a letter, a digit or a mark (RFC
/// 8264, section 9.1) that is not another one's look-alike (9.17) and not half of an old Korean
/// syllable (9.9).
fn may_stand(one: char) -> bool {
    let jamo =
        matches!(one, '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}');
    (is_letter(one) || one == IDEOGRAPHIC_ZERO)
        && !is_invisible(one)
        && !jamo
        && (TYPED.contains(&one) || is_itself(one))
}

fn is_letter(one: char) -> bool {
    use Category::{
        DecimalNumber, LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter,
        UppercaseLetter,
    };
    let letters = [
        UppercaseLetter,
        LowercaseLetter,
        TitlecaseLetter,
        ModifierLetter,
        OtherLetter,
        DecimalNumber,
    ];
    letters.contains(&category(one)) || is_mark(one)
}

fn is_mark(one: char) -> bool {
    matches!(
        category(one),
        Category::NonspacingMark | Category::SpacingMark
    )
}

fn is_invisible(one: char) -> bool {
    category(one) == Category::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(one)
}

/// Whether it is no other character's full-width, bold, raised or joined form.
fn is_itself(one: char) -> bool {
    let mut bytes = [0; 4];
    let text: &str = one.encode_utf8(&mut bytes);
    NFKC.normalize(text) == NFC.normalize(text)
}

fn category(one: char) -> Category {
    CodePointMapData::<Category>::new().get(one)
}

/// Why a character beyond ASCII is not mailed.
fn fault(one: char) -> AddressFault {
    if one.is_whitespace() {
        return AddressFault::Space;
    }
    if one == '＠' {
        return AddressFault::FullWidthAt;
    }
    if is_invisible(one) {
        return AddressFault::Invisible(Part::Address, CodePoint(one));
    }
    if matches!(category(one), Category::Unassigned | Category::PrivateUse) {
        return AddressFault::Unknown(CodePoint(one));
    }
    let usual = NFKC.normalize(one.encode_utf8(&mut [0; 4])).into_owned();
    let mailed = |one: char| one.is_ascii_alphanumeric() || (!one.is_ascii() && may_stand(one));
    if usual.chars().all(mailed) {
        AddressFault::LookAlike(one, usual)
    } else {
        AddressFault::Character(one)
    }
}
