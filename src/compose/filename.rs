//! The names of the files that a message carries.
//!
//! A name may come from a list or from a folder of the sender's; the reader's system is to save
//! the file where its user says, under a name that shows what it is. So [`sanitized`] leaves no
//! way to another folder, nothing that hides the ending, and no name that a system reads as
//! something else. Whether a kind of file should be sent at all is not asked here.

/// What file systems take (NAME_MAX), with room for the ` (1)` that a program adds.
const LONGEST: usize = 240;
/// What still is an ending and not a part of the name, in bytes with its dot.
const LONGEST_ENDING: usize = 16;
/// The name for readers that know no other alphabet.
const LONGEST_ASCII: usize = 60;
/// A line of a header, short of the semicolon.
const LINE: usize = 76;

/// The name as it may be saved. One that is fit stays as it is.
pub(super) fn sanitized(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| match c {
            '/' | '\\' | ':' => '_',
            '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    // A leading dot hides a file, and Windows drops dots and spaces at the end.
    let kept = shortened(kept.trim_matches(is_idle), LONGEST);
    if kept.is_empty() {
        "attachment".to_owned()
    } else if is_device(&kept) {
        format!("_{kept}")
    } else {
        kept
    }
}

/// What turns the direction of writing (so that `exe.fdp` is read as `pdf.exe`), and marks that
/// have neither width nor meaning.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// At most so many bytes, the ending among them.
fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |at| &name[at..]);
    let ending = if ending.len() <= LONGEST_ENDING {
        ending
    } else {
        ""
    };
    let stem = &name[..name.floor_char_boundary(longest - ending.len())];
    stem.trim_end_matches(is_idle).to_owned() + ending
}

/// What no name begins or ends with.
fn is_idle(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Windows opens these whatever folder they are in and whatever ending they have.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let numbered = |device: &str| {
        stem.split_at_checked(3).is_some_and(|(start, number)| {
            start.eq_ignore_ascii_case(device)
                && matches!(number.chars().next(), Some('0'..='9' | '¹' | '²' | '³'))
                && number.chars().count() == 1
        })
    };
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
        .into_iter()
        .any(is)
        || ["com", "lpt"].into_iter().any(numbered)
}

/// Writes `; filename="…"` after Content-Disposition: quoted where it is short and plain, else by
/// RFC 2231, in as many pieces as it takes.
///
/// There is no plain `filename` beside one by RFC 2231: readers that know the latter take the
/// first one or the plain one, and Python calls it a defect. Readers that do not know it look at
/// the name in Content-Type: see [`ascii`].
pub(super) fn parameter(out: &mut String, name: &str) {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b" !#$&()+,-.;=@[]^_`{}~".contains(&b);
    // `=?` would be decoded by some.
    if name.bytes().all(is_plain) && name.len() + " filename=\"\"".len() <= LINE {
        out.push_str(";\r\n filename=\"");
        out.push_str(name);
        out.push('"');
        return;
    }
    let encoded = percent_encoded(name);
    let whole = " filename*=utf-8''";
    if whole.len() + encoded.len() <= LINE {
        out.push_str(";\r\n");
        out.push_str(whole);
        out.push_str(&encoded);
        return;
    }
    let mut rest = encoded.as_str();
    let mut section = 0;
    while !rest.is_empty() {
        let start = format!(
            " filename*{section}*={}",
            if section == 0 { "utf-8''" } else { "" }
        );
        let piece = piece(rest, LINE - start.len());
        out.push_str(";\r\n");
        out.push_str(&start);
        out.push_str(piece);
        rest = &rest[piece.len()..];
        section += 1;
    }
}

/// As much as there is room for, without a half character: one of 4 bytes takes 12.
fn piece(encoded: &str, room: usize) -> &str {
    if encoded.len() <= room {
        return encoded;
    }
    let begins = |at: &usize| {
        let rest = &encoded.as_bytes()[*at..];
        // Not within `%XX`, and not before a byte that continues a character (%80 to %BF).
        let within = (1..3).any(|back| encoded.as_bytes()[at - back] == b'%');
        let continues = rest[0] == b'%' && matches!(rest[1], b'8' | b'9' | b'A' | b'B');
        !(within || continues)
    };
    let end = (room - 14..=room).rev().find(begins);
    &encoded[..end.expect("a character begins every 12 bytes")]
}

/// RFC 2231 section 7: what is no `attribute-char` is encoded.
fn percent_encoded(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

/// The name in letters that every reader knows, for the parameter `name` of Content-Type.
pub(super) fn ascii(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " !#$&()+,-.;@[]^_`{}~".contains(c);
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if is_plain(c) {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    let ending = out.rfind('.').unwrap_or(out.len());
    if !out[..ending].bytes().any(|b| b.is_ascii_alphanumeric()) {
        out.replace_range(..ending, "attachment");
    }
    shortened(&out, LONGEST_ASCII)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_name_stays_as_it_is() {
        for name in [
            "report.pdf",
            "每周 报告 (2).xlsx",
            "Was nun?.txt",
            "a\"b\".csv",
            "d'été.ics",
            "👩‍👩‍👧.png",
            "हिन्दी.txt",
            "console.log",
            "com10.txt",
            "no ending",
            "x.tar.gz",
        ] {
            assert_eq!(sanitized(name), name);
        }
    }

    #[test]
    fn a_name_leads_nowhere_and_hides_nothing() {
        for (name, saved) in [
            ("../../etc/shadow", "_.._etc_shadow"),
            ("C:\\Windows\\x.dll", "C__Windows_x.dll"),
            (".bashrc", "bashrc"),
            ("a\r\nBcc: x", "a  Bcc_ x"),
            ("a\0b\u{1b}\u{85}\u{2028}c", "a b   c"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("\u{feff}\u{2066}x\u{2069}.txt\u{200b}", "x.txt"),
            ("virus.exe. . ", "virus.exe"),
            ("NUL", "_NUL"),
            ("con.txt", "_con.txt"),
            ("Com1 .log", "_Com1 .log"),
            ("lpt².txt", "_lpt².txt"),
            ("", "attachment"),
            ("...", "attachment"),
            ("\r\n", "attachment"),
        ] {
            assert_eq!(sanitized(name), saved, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = sanitized(&("x".repeat(300) + ".pdf"));
        assert_eq!(long, "x".repeat(236) + ".pdf");
        let chinese = sanitized(&("报".repeat(300) + ".pdf"));
        assert_eq!(chinese, "报".repeat(78) + ".pdf");
        assert_eq!(
            sanitized(&("a.".to_owned() + &"x".repeat(300))).len(),
            LONGEST
        );
    }

    #[test]
    fn a_name_in_ascii_says_what_can_be_said() {
        assert_eq!(ascii("report.pdf"), "report.pdf");
        assert_eq!(ascii("Übersicht für Zoë.pdf"), "_bersicht f_r Zo_.pdf");
        assert_eq!(ascii("每周报告.pdf"), "attachment.pdf");
        assert_eq!(ascii("每周报告"), "attachment");
        assert_eq!(ascii("a\"b\\c%d.txt"), "a_b_c_d.txt");
        assert_eq!(ascii(&("x".repeat(100) + ".tar")), "x".repeat(56) + ".tar");
    }

    #[test]
    fn a_parameter_is_quoted_encoded_or_in_pieces() {
        let written = |name: &str| {
            let mut out = String::new();
            parameter(&mut out, name);
            out
        };
        assert_eq!(written("a b.pdf"), ";\r\n filename=\"a b.pdf\"");
        assert_eq!(
            written("ü \".pdf"),
            ";\r\n filename*=utf-8''%C3%BC%20%22.pdf"
        );
        let long = written(&("👩é".repeat(20) + ".pdf"));
        let lines: Vec<&str> = long.split(";\r\n").skip(1).collect();
        assert!(
            lines.len() > 2 && lines.iter().all(|line| line.len() <= LINE),
            "{long}"
        );
        assert!(
            lines[0].starts_with(" filename*0*=utf-8''%F0%9F%91%A9%C3%A9%F0"),
            "{long}"
        );
        assert!(
            lines[1].starts_with(" filename*1*=%F0") || lines[1].starts_with(" filename*1*=%C3")
        );
    }
}
