//! The headers that programs on the way read: what kind of mail it is, how it is unsubscribed
//! from, and what the template adds.

use super::header;
use super::manner::{Class, Manner};
use super::message::ComposeFault;

/// RFC 5322 section 2.1.1, without the line end.
const LONGEST_LINE: usize = 998;
/// Written elsewhere, or by those who carry the message; or they would send it to somebody.
const TAKEN: [&str; 21] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Message-ID",
    "X-Postroom-Id",
    "MIME-Version",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Precedence",
    "Feedback-ID",
    "Return-Path",
    "Return-Receipt-To",
    "Disposition-Notification-To",
    "Errors-To",
    "Received",
    "DKIM-Signature",
];
/// The same for all names that begin so.
const TAKEN_STARTS: [&str; 4] = ["Content-", "List-", "Resent-", "ARC-"];

/// Writes what the class of a message asks for: that nobody's out-of-office reply comes back (RFC
/// 3834 section 5; Exchange reads a header of its own), and, of the same to many, that it is that.
pub(super) fn class(out: &mut String, class: Class) {
    match class {
        Class::Notice => header::plain(out, "Auto-Submitted", "auto-generated"),
        Class::Bulk => header::plain(out, "Precedence", "bulk"),
    }
    header::plain(out, "X-Auto-Response-Suppress", "All");
}

/// Writes List-Id (RFC 2919), List-Unsubscribe (RFC 2369), List-Unsubscribe-Post (RFC 8058) and
/// Feedback-ID, each where there is something to say.
///
/// # Errors
///
/// A value that cannot stand in its header.
pub(super) fn list(
    out: &mut String,
    manner: &Manner,
    url: Option<&str>,
    mail: Option<(&str, &str)>,
) -> Result<(), ComposeFault> {
    if let Some(id) = &manner.list_id {
        let id = bracketed("List-Id", id)?;
        header::plain(out, "List-Id", &id);
    }
    unsubscribe(out, url, mail)?;
    if let Some(id) = &manner.feedback_id {
        let fit = |b: u8| b.is_ascii_graphic() || b == b' ';
        if id.trim().is_empty() || id.len() > LONGEST_LINE / 2 || !id.bytes().all(fit) {
            return Err(unfit("Feedback-ID", id));
        }
        header::plain(out, "Feedback-ID", id.trim());
    }
    Ok(())
}

/// Some relays unfold the header or fold it anew, and break signatures and links with that, so it
/// is in one line where that may be, and never folded within the brackets.
fn unsubscribe(
    out: &mut String,
    url: Option<&str>,
    mail: Option<(&str, &str)>,
) -> Result<(), ComposeFault> {
    const NAME: &str = "List-Unsubscribe";
    let url = url.map(|url| bracketed(NAME, url)).transpose()?;
    let mail = mail
        .map(|(address, subject)| {
            let subject = percent_encoded(subject);
            bracketed(NAME, &format!("mailto:{address}?subject={subject}"))
        })
        .transpose()?;
    let one_click = url.as_ref().is_some_and(|url| is_https(url));
    let value = match (url, mail) {
        (Some(url), Some(mail)) => {
            let whole = NAME.len() + url.len() + mail.len() + ": , ".len();
            let between = if whole > LONGEST_LINE { ",\r\n " } else { ", " };
            url + between + &mail
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Ok(()),
    };
    header::plain(out, NAME, &value);
    if one_click {
        header::plain(out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    }
    Ok(())
}

fn is_https(bracketed: &str) -> bool {
    let scheme = bracketed.get(1..).and_then(|url| url.get(..8));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// `<value>`, on a line that it fits on with its name.
fn bracketed(name: &'static str, value: &str) -> Result<String, ComposeFault> {
    let fit = |b: u8| b.is_ascii_graphic() && !b"<>".contains(&b);
    let line = name.len() + value.len() + ": <>,".len();
    if value.is_empty() || line > LONGEST_LINE || !value.bytes().all(fit) {
        return Err(unfit(name, value));
    }
    Ok(format!("<{value}>"))
}

fn unfit(name: &str, value: &str) -> ComposeFault {
    let shown: String = value.chars().take(100).collect();
    ComposeFault::Header(
        name.to_owned(),
        format!("it cannot say `{}`", shown.escape_debug()),
    )
}

/// A value within a `mailto:` (RFC 6068 section 2).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Writes the headers that a template adds. One without a value is left out.
///
/// # Errors
///
/// A name that is none or is taken, or a control character in a value.
pub(super) fn added(out: &mut String, headers: &[(String, String)]) -> Result<(), ComposeFault> {
    for (name, value) in headers {
        let refused = |why: &str| {
            let name = name.escape_debug().to_string();
            Err(ComposeFault::Header(name, why.to_owned()))
        };
        if let Some(why) = fault_of_name(name) {
            return refused(why);
        }
        let value = value.trim_matches(' ');
        if value.contains(char::is_control) {
            return refused("its value has a control character in it, such as a line break");
        }
        if !value.is_empty() {
            header::added(out, name, value);
        }
    }
    Ok(())
}

/// Why a template cannot add a header of this name.
#[must_use]
pub fn fault_of_name(name: &str) -> Option<&'static str> {
    // RFC 5322 section 3.6.8.
    let fit = |b: u8| b.is_ascii_graphic() && b != b':';
    if name.is_empty() || name.len() > header::LONGEST_NAME || !name.bytes().all(fit) {
        return Some("a header's name is letters, digits and hyphens, at most 50");
    }
    let is = |taken: &&str| name.eq_ignore_ascii_case(taken);
    let begins = |start: &&str| {
        let own = name.get(..start.len());
        own.is_some_and(|own| own.eq_ignore_ascii_case(start))
    };
    let is_taken = TAKEN.iter().any(is) || TAKEN_STARTS.iter().any(begins);
    is_taken.then_some("postroom or a server on the way writes this one itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(url: Option<&str>, mail: Option<(&str, &str)>) -> Result<String, ComposeFault> {
        let mut out = String::new();
        list(&mut out, &Manner::default(), url, mail)?;
        Ok(out)
    }

    #[test]
    fn one_click_needs_https() {
        assert_eq!(
            listed(
                Some("https://x.example/u?t=a,b"),
                Some(("u@x.example", "a b+c"))
            )
            .as_deref(),
            Ok("List-Unsubscribe: <https://x.example/u?t=a,b>, \
                 <mailto:u@x.example?subject=a%20b%2Bc>\r\n\
                 List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        );
        let plain = listed(Some("http://x.example/u"), None);
        assert_eq!(
            plain.as_deref(),
            Ok("List-Unsubscribe: <http://x.example/u>\r\n")
        );
        let mail = listed(None, Some(("u@x.example", "t")));
        assert_eq!(
            mail.as_deref(),
            Ok("List-Unsubscribe: <mailto:u@x.example?subject=t>\r\n")
        );
        assert_eq!(listed(None, None).as_deref(), Ok(""));
    }

    #[test]
    fn what_unsubscribes_is_folded_between_its_brackets_and_only_where_it_must() {
        let url = |length: usize| format!("https://x.example/{}", "u".repeat(length - 18));
        let mail = Some(("u@x.example", "t"));
        let written = listed(Some(&url(900)), mail).expect("it fits");
        assert!(!written.contains("\r\n "), "{written}");
        let written = listed(Some(&url(975)), mail).expect("it fits");
        assert!(written.contains(">,\r\n <mailto:"), "{written}");
        assert!(
            written.lines().all(|line| line.len() <= LONGEST_LINE),
            "{written}"
        );
        for url in [
            &url(978),
            "https://x/ y",
            "https://x/\r\nBcc: y",
            "https://x/>y",
            "",
            "ü",
        ] {
            assert!(
                matches!(listed(Some(url), None), Err(ComposeFault::Header(..))),
                "{url}"
            );
        }
    }
}
