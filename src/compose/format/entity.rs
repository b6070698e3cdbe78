//! The entities of HTML, as characters.

/// The text with its entities decoded. What is none, or none that matters in a mail, stays.
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match one(rest) {
            Some((decoded, length)) => {
                out.push(decoded);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The entity that a text begins with, and its length.
fn one(text: &str) -> Option<(char, usize)> {
    let name_end = text[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '#')? + 1;
    let closed = text[name_end..].starts_with(';');
    let name = &text[1..name_end];
    let decoded = match name.strip_prefix('#') {
        Some(number) => numeric(number)?,
        // `&copy=1` in a URL is no entity.
        None if !closed => return None,
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((decoded, name_end + usize::from(closed)))
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // Numbers of Windows-1252, which browsers read as such.
    let code = match code {
        0x80..=0x9f => encoding_rs::WINDOWS_1252
            .decode_without_bom_handling(&[u8::try_from(code).ok()?])
            .0
            .chars()
            .next()?,
        _ => char::from_u32(code)?,
    };
    (code != '\0').then_some(code)
}

#[rustfmt::skip]
const NAMED: &[(&str, char)] = &[
    ("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", '\u{a0}'),
    ("AMP", '&'), ("LT", '<'), ("GT", '>'), ("QUOT", '"'), ("lbrace", '{'), ("lcub", '{'),
    ("rbrace", '}'), ("rcub", '}'), ("lbrack", '['), ("lsqb", '['), ("rbrack", ']'), ("rsqb", ']'),
    ("lpar", '('), ("rpar", ')'), ("num", '#'), ("percnt", '%'), ("plus", '+'), ("equals", '='),
    ("excl", '!'), ("quest", '?'), ("comma", ','), ("period", '.'), ("colon", ':'), ("semi", ';'),
    ("sol", '/'), ("bsol", '\\'), ("lowbar", '_'), ("ast", '*'), ("commat", '@'), ("dollar", '$'),
    ("vert", '|'), ("verbar", '|'), ("grave", '`'), ("Hat", '^'), ("Tab", '\t'), ("NewLine", '\n'),
    ("iexcl", '¡'), ("cent", '¢'), ("pound", '£'), ("curren", '¤'), ("yen", '¥'), ("brvbar", '¦'),
    ("sect", '§'), ("uml", '¨'), ("copy", '©'), ("COPY", '©'), ("ordf", 'ª'), ("laquo", '«'),
    ("not", '¬'), ("shy", '\u{ad}'), ("reg", '®'), ("REG", '®'), ("macr", '¯'), ("deg", '°'),
    ("plusmn", '±'), ("sup2", '²'), ("sup3", '³'), ("acute", '´'), ("micro", 'µ'), ("para", '¶'),
    ("middot", '·'), ("cedil", '¸'), ("sup1", '¹'), ("ordm", 'º'), ("raquo", '»'), ("frac14", '¼'),
    ("frac12", '½'), ("frac34", '¾'), ("iquest", '¿'), ("times", '×'), ("divide", '÷'),
    ("Agrave", 'À'), ("Aacute", 'Á'), ("Acirc", 'Â'), ("Atilde", 'Ã'), ("Auml", 'Ä'), ("Aring", 'Å'),
    ("AElig", 'Æ'), ("Ccedil", 'Ç'), ("Egrave", 'È'), ("Eacute", 'É'), ("Ecirc", 'Ê'), ("Euml", 'Ë'),
    ("Igrave", 'Ì'), ("Iacute", 'Í'), ("Icirc", 'Î'), ("Iuml", 'Ï'), ("ETH", 'Ð'), ("Ntilde", 'Ñ'),
    ("Ograve", 'Ò'), ("Oacute", 'Ó'), ("Ocirc", 'Ô'), ("Otilde", 'Õ'), ("Ouml", 'Ö'), ("Oslash", 'Ø'),
    ("Ugrave", 'Ù'), ("Uacute", 'Ú'), ("Ucirc", 'Û'), ("Uuml", 'Ü'), ("Yacute", 'Ý'), ("THORN", 'Þ'),
    ("szlig", 'ß'), ("agrave", 'à'), ("aacute", 'á'), ("acirc", 'â'), ("atilde", 'ã'), ("auml", 'ä'),
    ("aring", 'å'), ("aelig", 'æ'), ("ccedil", 'ç'), ("egrave", 'è'), ("eacute", 'é'), ("ecirc", 'ê'),
    ("euml", 'ë'), ("igrave", 'ì'), ("iacute", 'í'), ("icirc", 'î'), ("iuml", 'ï'), ("eth", 'ð'),
    ("ntilde", 'ñ'), ("ograve", 'ò'), ("oacute", 'ó'), ("ocirc", 'ô'), ("otilde", 'õ'), ("ouml", 'ö'),
    ("oslash", 'ø'), ("ugrave", 'ù'), ("uacute", 'ú'), ("ucirc", 'û'), ("uuml", 'ü'), ("yacute", 'ý'),
    ("thorn", 'þ'), ("yuml", 'ÿ'), ("OElig", 'Œ'), ("oelig", 'œ'), ("Scaron", 'Š'), ("scaron", 'š'),
    ("Yuml", 'Ÿ'), ("fnof", 'ƒ'), ("circ", 'ˆ'), ("tilde", '˜'), ("Zcaron", 'Ž'), ("zcaron", 'ž'),
    ("ensp", '\u{2002}'), ("emsp", '\u{2003}'), ("thinsp", '\u{2009}'), ("hairsp", '\u{200a}'),
    ("zwnj", '\u{200c}'), ("zwj", '\u{200d}'), ("lrm", '\u{200e}'), ("rlm", '\u{200f}'),
    ("numsp", '\u{2007}'), ("ZeroWidthSpace", '\u{200b}'), ("NoBreak", '\u{2060}'),
    ("hyphen", '‐'), ("dash", '‐'), ("ndash", '–'), ("mdash", '—'), ("horbar", '―'), ("lsquo", '‘'),
    ("rsquo", '’'), ("sbquo", '‚'), ("ldquo", '“'), ("rdquo", '”'), ("bdquo", '„'), ("dagger", '†'),
    ("Dagger", '‡'), ("bull", '•'), ("bullet", '•'), ("hellip", '…'), ("mldr", '…'), ("permil", '‰'),
    ("prime", '′'), ("Prime", '″'), ("lsaquo", '‹'), ("rsaquo", '›'), ("oline", '‾'), ("frasl", '⁄'),
    ("euro", '€'), ("trade", '™'), ("TRADE", '™'), ("numero", '№'), ("larr", '←'), ("uarr", '↑'),
    ("rarr", '→'), ("darr", '↓'), ("harr", '↔'), ("lArr", '⇐'), ("rArr", '⇒'), ("hArr", '⇔'),
    ("minus", '−'), ("lowast", '∗'), ("radic", '√'), ("infin", '∞'), ("cap", '∩'), ("cup", '∪'),
    ("asymp", '≈'), ("ne", '≠'), ("equiv", '≡'), ("le", '≤'), ("ge", '≥'), ("sum", '∑'),
    ("alpha", 'α'), ("beta", 'β'), ("gamma", 'γ'), ("delta", 'δ'), ("Delta", 'Δ'), ("lambda", 'λ'),
    ("mu", 'μ'), ("pi", 'π'), ("sigma", 'σ'), ("omega", 'ω'), ("Omega", 'Ω'), ("star", '☆'),
    ("starf", '★'), ("phone", '☎'), ("check", '✓'), ("checkmark", '✓'), ("cross", '✗'), ("spades", '♠'),
    ("clubs", '♣'), ("hearts", '♥'), ("diams", '♦'), ("loz", '◊'), ("inodot", 'ı'), ("Amacr", 'Ā'),
    ("amacr", 'ā'), ("Cacute", 'Ć'), ("cacute", 'ć'), ("Ccaron", 'Č'), ("ccaron", 'č'), ("Dcaron", 'Ď'),
    ("dcaron", 'ď'), ("eogon", 'ę'), ("Eogon", 'Ę'), ("aogon", 'ą'), ("Aogon", 'Ą'), ("ecaron", 'ě'),
    ("Ecaron", 'Ě'), ("gbreve", 'ğ'), ("Gbreve", 'Ğ'), ("Idot", 'İ'), ("Lstrok", 'Ł'), ("lstrok", 'ł'),
    ("nacute", 'ń'), ("Nacute", 'Ń'), ("ncaron", 'ň'), ("odblac", 'ő'), ("Odblac", 'Ő'), ("rcaron", 'ř'),
    ("Rcaron", 'Ř'), ("sacute", 'ś'), ("Sacute", 'Ś'), ("scedil", 'ş'), ("Scedil", 'Ş'), ("tcaron", 'ť'),
    ("uring", 'ů'), ("Uring", 'Ů'), ("udblac", 'ű'), ("Udblac", 'Ű'), ("zacute", 'ź'), ("Zacute", 'Ź'),
    ("zdot", 'ż'), ("Zdot", 'Ż'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_their_characters_and_others_stay() {
        assert_eq!(decode("&lt;&amp;&#8364;&#x20AC;&#150;&hellip;"), "<&€€–…");
        assert_eq!(
            decode("a & b &copy=1 &nosuch; &#xD800; &"),
            "a & b &copy=1 &nosuch; &#xD800; &"
        );
    }
}
