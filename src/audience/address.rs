//! One cell of text to one mailbox, or the reason why not.
//!
//! What passes is safe to put into a header and into RCPT TO: one address of legal length, its
//! domain in ASCII, and a name without line breaks or other control characters. Refused rather than
//! mended: everything that could be read as a second address.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use lettre::Address;
use lettre::message::Mailbox;

use super::local_part;

/// RFC 5321, section 4.5.3.1.3, less the angle brackets of a path, in octets.
const ADDRESS_MAX: usize = 254;
/// Of our own choosing, in characters: a longer name is a cell of another column.
const NAME_MAX: usize = 255;

/// Why a text is not one address that can be mailed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressFault {
    #[error("the address is empty")]
    Empty,
    #[error("no @ in the address")]
    NoAt,
    #[error("a full-width @ (U+FF20) in the address")]
    FullWidthAt,
    #[error("more than one @ in the address")]
    SeveralAt,
    #[error("two addresses in one cell")]
    TwoAddresses,
    #[error("the angle brackets are not of the form: Name <address>")]
    Brackets,
    #[error("line break in the {0}")]
    LineBreak(Part),
    #[error("control character {1} in the {0}")]
    Control(Part, CodePoint),
    #[error("invisible character {1} in the {0}")]
    Invisible(Part, CodePoint),
    #[error("a space in the address")]
    Space,
    #[error("nothing before the @")]
    NoLocalPart,
    #[error("`{0}` cannot stand before the @ of an address")]
    Character(char),
    #[error("`{0}` before the @ only looks like `{1}`: type that instead")]
    LookAlike(char, String),
    #[error("the mark {0} before the @ stands on no letter")]
    LooseMark(CodePoint),
    #[error("unknown character {0} in the address")]
    Unknown(CodePoint),
    #[error("a dot at the start or the end of the part before the @, or two in a row")]
    Dots,
    #[error("the address is malformed")]
    Malformed,
    #[error("the part before the @ has {0} bytes, 64 are allowed")]
    LocalPartTooLong(usize),
    #[error("the address has {0} bytes, 254 are allowed")]
    TooLong(usize),
    #[error("nothing after the @")]
    NoDomain,
    #[error("the domain has no dot")]
    NoDot,
    #[error("the domain ends with a dot")]
    TrailingDot,
    #[error("an IP address as domain is written in brackets: [192.0.2.1] or [IPv6:2001:db8::1]")]
    IpAddress,
    #[error("the domain is not one that can exist")]
    Domain,
    #[error("the name has more than 255 characters")]
    NameTooLong,
}

/// The two halves of a mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    Address,
    Name,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "address",
            Self::Name => "name",
        })
    }
}

/// A character that cannot be shown, so that its number is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodePoint(pub char);

impl std::fmt::Display for CodePoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))
    }
}

/// Reads `ada@example.org` or `Ada Lovelace <ada@example.org>`. White space around either is
/// dropped; the domain comes out in lower case, an international one as its A-label (RFC 5890).
///
/// The local part is kept as written, in NFC; beyond ASCII it may have letters, digits and marks of
/// any script, and then the server must offer SMTPUTF8. A domain must have a dot, except
/// `localhost`.
pub fn mailbox(text: &str) -> Result<Mailbox, AddressFault> {
    let text = text.trim_matches(blank);
    match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((phrase, inner)) => Ok(Mailbox::new(phrase_name(phrase)?, address(inner)?)),
        None => Ok(Mailbox::new(None, address(text)?)),
    }
}

/// A display name: any text of up to 255 characters without line breaks, control characters and
/// characters that reorder the text around them; `None` if it is blank. An `@` is let pass: where
/// nobody knows the name, lists repeat the address.
pub(super) fn display_name(text: &str) -> Result<Option<String>, AddressFault> {
    let name = text.trim_matches(blank);
    check_controls(name, Part::Name)?;
    if let Some(mark) = name.chars().find(|one| reorders(*one)) {
        return Err(AddressFault::Invisible(Part::Name, CodePoint(mark)));
    }
    if name.len() > NAME_MAX && name.chars().count() > NAME_MAX {
        return Err(AddressFault::NameTooLong);
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// What is equal for two spellings of one person's address, and only then: the domain as lower-case
/// A-label, the local part in lower case and in NFC. Tags (`ada+news@`) tell addresses apart.
pub fn key(address: &Address) -> String {
    local_part::fold(address.as_ref())
}

/// An address as logs show it: `a***@example.org`. Whatever the text is, no more of it comes out
/// than one character and what can be a domain.
#[must_use]
pub fn mask(address: &str) -> String {
    let address = address.trim_matches(blank);
    let address = match address
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((_, inner)) => inner,
        None => address,
    };
    let first = |text: &str| text.chars().find(|one| one.is_alphanumeric());
    let shown = |first: Option<char>| first.map(String::from).unwrap_or_default() + "***";
    match address.rsplit_once('@') {
        Some((local, domain)) if domain.chars().all(in_domain) => {
            format!("{}@{domain}", shown(first(local)))
        }
        Some((local, _)) => shown(first(local)),
        None => shown(first(address)),
    }
}

fn in_domain(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '.' | '-' | '_' | ':' | '[' | ']')
}

/// The text before `<address>`: a phrase in quotes, or as people write it.
fn phrase_name(phrase: &str) -> Result<Option<String>, AddressFault> {
    let phrase = phrase.trim_matches(blank);
    if let Some(name) = unquoted(phrase) {
        return display_name(&name);
    }
    if phrase.contains(['<', '>']) {
        return Err(AddressFault::Brackets);
    }
    // "Lovelace, Ada <ada@...>" is one person; "bo@..., Ada <ada@...>" is two.
    if phrase.contains('@') && phrase.contains([',', ';']) {
        return Err(AddressFault::TwoAddresses);
    }
    display_name(phrase)
}

/// The content of one quoted string (RFC 5322, section 3.2.4), if the text is one.
pub(super) fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains(['"', '\\']) {
        return Some(Cow::Borrowed(inner));
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(one) = chars.next() {
        match one {
            '"' => return None,
            '\\' => plain.push(chars.next()?),
            _ => plain.push(one),
        }
    }
    Some(Cow::Owned(plain))
}

fn address(text: &str) -> Result<Address, AddressFault> {
    let text = text.trim_matches(blank);
    check_controls(text, Part::Address)?;
    if text.is_empty() {
        return Err(AddressFault::Empty);
    }
    if text.contains(['<', '>']) {
        return Err(AddressFault::Brackets);
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err(if text.contains('＠') {
            AddressFault::FullWidthAt
        } else {
            AddressFault::NoAt
        });
    };
    let local = local_part::read(local)?;
    let domain = domain_name(domain)?;
    let length = local.len() + 1 + domain.len();
    if length > ADDRESS_MAX {
        return Err(AddressFault::TooLong(length));
    }
    if local.is_ascii() {
        return Address::new(&*local, &*domain).map_err(|_| AddressFault::Malformed);
    }
    // lettre knows no combining marks, so it is asked about the domain only.
    Address::new("x", &*domain).map_err(|_| AddressFault::Malformed)?;
    Ok(Address::new_dangerous(&*local, &*domain))
}

/// A domain as it is in what [`mailbox`] reads: in lower case, an international one as its A-label.
///
/// # Errors
/// If no address can be there.
pub fn domain(text: &str) -> Result<String, AddressFault> {
    domain_name(text).map(Cow::into_owned)
}

fn domain_name(domain: &str) -> Result<Cow<'_, str>, AddressFault> {
    if domain.is_empty() {
        return Err(AddressFault::NoDomain);
    }
    if domain.contains(char::is_whitespace) {
        return Err(AddressFault::Space);
    }
    if let Some(literal) = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return address_literal(literal)
            .map(Cow::Owned)
            .ok_or(AddressFault::IpAddress);
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::VerifyAllowRootDot,
        )
        .map_err(|_| AddressFault::Domain)?;
    match ascii.rsplit_once('.') {
        None if ascii == "localhost" => Ok(ascii),
        None => Err(AddressFault::NoDot),
        Some((_, "")) => Err(AddressFault::TrailingDot),
        Some((_, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(AddressFault::IpAddress)
        }
        Some(_) => Ok(ascii),
    }
}

/// RFC 5321, section 4.1.3, in one spelling.
fn address_literal(literal: &str) -> Option<String> {
    match literal.split_at_checked("IPv6:".len()) {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPv6:") => {
            Some(format!("[IPv6:{}]", rest.parse::<Ipv6Addr>().ok()?))
        }
        _ => Some(format!("[{}]", literal.parse::<Ipv4Addr>().ok()?)),
    }
}

fn check_controls(text: &str, part: Part) -> Result<(), AddressFault> {
    match text.chars().find(|one| forbidden(*one)) {
        None => Ok(()),
        Some('\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') => {
            Err(AddressFault::LineBreak(part))
        }
        Some(one) => Err(AddressFault::Control(part, CodePoint(one))),
    }
}

/// White space that may stand around an address or a name without meaning anything. A line break
/// may not: it is how headers are forged.
fn blank(one: char) -> bool {
    one == '\t' || (one.is_whitespace() && !forbidden(one))
}

fn forbidden(one: char) -> bool {
    one.is_control() || matches!(one, '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides and isolates of the bidirectional algorithm (UAX 9): they make a name read
/// as another. The plain marks, which Arabic and Hebrew names may need, are not among them.
fn reorders(one: char) -> bool {
    matches!(one, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
