//! One line from the client becomes a [`Command`], or the reply that refuses it.
//!
//! Strict on purpose: what some servers forgive (a space after the colon, an address without
//! angle brackets, a parameter that was not offered) is refused in words, so that a client's fault
//! shows here and not at a provider. The order of commands is the session's business.

use std::iter::repeat_n;

use lettre::Address;

/// Longest path with its angle brackets (RFC 5321, section 4.5.3.1.3).
const PATH_MAX: usize = 256;

/// Longest domain that EHLO may name (RFC 5321, section 4.5.3.1.2).
const DOMAIN_MAX: usize = 255;

/// RFC 6531, section 3.3.
const BEYOND_ASCII: &str = "500 5.5.2 Commands are ASCII, but for an address in UTF-8";

/// A command that is well formed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    Mail(Mail),
    /// The recipient's address.
    Rcpt(String),
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    Starttls,
    Auth(Mechanism, Option<String>),
}

/// What MAIL FROM carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    /// Empty for the null sender `<>`.
    pub(super) sender: String,
    /// The size the client announces, in octets (RFC 1870).
    pub(super) size: Option<u64>,
    /// Whether addresses and header may be in UTF-8 (RFC 6531, section 3.4).
    pub(super) smtputf8: bool,
    /// Whether any parameter was given: they need EHLO.
    pub(super) extended: bool,
}

/// The ways to log in that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Two prompts; never standardised, and still everywhere.
    Login,
    /// Google's and Microsoft's own, for tokens.
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
}

/// Parses a line without its CRLF. The error is the reply to give.
pub(super) fn parse(line: &[u8]) -> Result<Command, &'static str> {
    let line = printable(line)?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_end_matches(' ');
    let verb = verb.to_ascii_uppercase();
    if !line.is_ascii() && !matches!(verb.as_str(), "MAIL" | "RCPT") {
        return Err(BEYOND_ASCII);
    }
    match verb.as_str() {
        "EHLO" => domain(rest).map(Command::Ehlo),
        "HELO" => domain(rest).map(Command::Helo),
        "MAIL" => mail(rest).map(Command::Mail),
        "RCPT" => rcpt(rest).map(Command::Rcpt),
        "DATA" => alone(rest, Command::Data),
        "RSET" => alone(rest, Command::Rset),
        "QUIT" => alone(rest, Command::Quit),
        "STARTTLS" => alone(rest, Command::Starttls),
        "AUTH" => auth(rest),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err("501 5.5.4 Write VRFY and a name"),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" | "BDAT" | "TURN" | "ETRN" => Err("502 5.5.1 This command is not offered"),
        _ => Err("500 5.5.1 No such command"),
    }
}

fn printable(line: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| BEYOND_ASCII)?;
    if text.chars().any(char::is_control) {
        return Err("500 5.5.2 A control character in a command");
    }
    Ok(text)
}

fn alone(rest: &str, command: Command) -> Result<Command, &'static str> {
    if rest.is_empty() {
        Ok(command)
    } else {
        Err("501 5.5.4 This command stands alone")
    }
}

fn domain(rest: &str) -> Result<String, &'static str> {
    if rest.is_empty() || rest.contains(' ') || rest.len() > DOMAIN_MAX {
        return Err("501 5.5.4 Name yourself: one domain or [address] after the command");
    }
    Ok(rest.to_owned())
}

fn mail(rest: &str) -> Result<Mail, &'static str> {
    const USAGE: &str = "501 5.5.4 Write MAIL FROM:<address>, with no space after the colon";
    let (sender, parameters) = path(rest, "FROM:").ok_or(USAGE)?;
    let mut mail = Mail {
        sender: sender.to_owned(),
        ..Mail::default()
    };
    if !sender.is_empty() && !is_address(sender) {
        return Err("501 5.1.7 The sender is not an address");
    }
    if !parameters.is_ascii() {
        return Err(BEYOND_ASCII);
    }
    for parameter in parameters.split_ascii_whitespace() {
        mail.extended = true;
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (
            keyword.to_ascii_uppercase().as_str(),
            value.to_ascii_uppercase().as_str(),
        ) {
            ("SIZE", digits) => mail.size = Some(size(digits)?),
            ("SMTPUTF8", "") if !parameter.contains('=') => mail.smtputf8 = true,
            ("BODY", "7BIT" | "8BITMIME") => {}
            ("BODY", _) => return Err("501 5.5.4 BODY is 7BIT or 8BITMIME"),
            ("AUTH", value) if !value.is_empty() => {}
            _ => return Err("555 5.5.4 This parameter of MAIL is not offered"),
        }
    }
    Ok(mail)
}

/// RFC 1870 allows twenty digits, which is more than 64 bits hold: what does not fit is too large
/// in any case.
fn size(digits: &str) -> Result<u64, &'static str> {
    let valid = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !valid {
        return Err("501 5.5.4 SIZE is a number of octets");
    }
    Ok(digits.parse().unwrap_or(u64::MAX))
}

fn rcpt(rest: &str) -> Result<String, &'static str> {
    const USAGE: &str = "501 5.5.4 Write RCPT TO:<address>, with no space after the colon";
    let (recipient, parameters) = path(rest, "TO:").ok_or(USAGE)?;
    if !recipient.eq_ignore_ascii_case("postmaster") && !is_address(recipient) {
        return Err("501 5.1.3 The recipient is not an address");
    }
    if !parameters.is_empty() {
        return Err("555 5.5.4 No parameter of RCPT is offered");
    }
    Ok(recipient.to_owned())
}

/// Splits `FROM:<a@b> X=1` into the address and its parameters. A source route is dropped, as
/// RFC 5321, appendix C, has it.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let inner = tail
        .strip_prefix('<')
        .filter(|_| head.eq_ignore_ascii_case(keyword))?;
    let end = closing_bracket(inner)?;
    let (address, parameters) = (&inner[..end], &inner[end + 1..]);
    let spaced = parameters.is_empty() || parameters.starts_with(' ');
    if !spaced || end + 2 > PATH_MAX {
        return None;
    }
    let address = match address.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => address,
    };
    Some((address, parameters))
}

/// Where the path ends: a `>` inside a quoted local part does not count.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        let end = byte == b'>' && !quoted;
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = byte == b'\\' && quoted && !escaped;
        end
    })
}

/// Beyond ASCII any character may stand where a letter may (RFC 6531, section 3.3), and counts in
/// bytes (section 3.1).
fn is_address(text: &str) -> bool {
    let letters = text.chars().flat_map(|one| match one {
        _ if one.is_ascii() => repeat_n(one, 1),
        _ => repeat_n('x', one.len_utf8()),
    });
    letters.collect::<String>().parse::<Address>().is_ok()
}

fn auth(rest: &str) -> Result<Command, &'static str> {
    let mut words = rest.split_ascii_whitespace();
    let name = words.next().ok_or("501 5.5.4 Write AUTH and a mechanism")?;
    let initial = words.next().map(str::to_owned);
    if words.next().is_some() {
        return Err("501 5.5.4 AUTH takes a mechanism and one initial response");
    }
    match name.to_ascii_uppercase().as_str() {
        "PLAIN" => Ok(Command::Auth(Mechanism::Plain, initial)),
        "LOGIN" => Ok(Command::Auth(Mechanism::Login, initial)),
        "XOAUTH2" => Ok(Command::Auth(Mechanism::Xoauth2, initial)),
        "OAUTHBEARER" => Ok(Command::Auth(Mechanism::OauthBearer, initial)),
        _ => Err("504 5.5.4 Only PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER are offered"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail_of(line: &str) -> Result<Mail, &'static str> {
        parse(line.as_bytes()).map(|command| match command {
            Command::Mail(mail) => mail,
            other => panic!("{other:?} instead of MAIL"),
        })
    }

    #[test]
    fn mail_carries_its_sender_and_its_size() {
        let mail = mail_of("mail from:<ada@example.org> SIZE=4096 body=8bitmime").unwrap();
        assert_eq!(
            (mail.sender.as_str(), mail.size),
            ("ada@example.org", Some(4096))
        );
        assert_eq!(mail_of("MAIL FROM:<>").unwrap().sender, "");
        assert_eq!(
            mail_of("MAIL FROM:<a@b.org> SIZE=99999999999999999999")
                .unwrap()
                .size,
            Some(u64::MAX)
        );
    }

    #[test]
    fn a_bracket_in_quotes_does_not_end_the_path() {
        let line = br#"RCPT TO:<"a>b"@example.org>"#;
        assert_eq!(
            parse(line),
            Ok(Command::Rcpt(r#""a>b"@example.org"#.to_owned()))
        );
    }

    #[test]
    fn addresses_may_be_of_any_script() {
        let mail = mail_of("MAIL FROM:<张三@例子.测试> smtputf8").unwrap();
        assert!(mail.smtputf8 && mail.extended);
        assert_eq!(mail.sender, "张三@例子.测试");
        assert!(!mail_of("MAIL FROM:<a@b.org>").unwrap().smtputf8);
        let recipient = "हिन्दी@example.org".to_owned();
        let line = format!("RCPT TO:<{recipient}>");
        assert_eq!(parse(line.as_bytes()), Ok(Command::Rcpt(recipient)));
    }

    #[test]
    fn what_other_servers_forgive_is_refused() {
        for (line, code) in [
            ("MAIL FROM: <a@b.org>", "501"),
            ("MAIL FROM:a@b.org", "501"),
            ("MAIL FROM:<a@b.org>SIZE=1", "501"),
            ("MAIL FROM:<a@b.org> SIZE=", "501"),
            ("MAIL FROM:<a@b.org> SMTPUTF8=1", "555"),
            ("MAIL FROM:<a@b.org> AUTH=ä", "500"),
            ("MAIL FROM:<a b@c.org>", "501"),
            ("RCPT TO:<>", "501"),
            ("RCPT TO:<nobody>", "501"),
            ("RCPT TO:<a@b.org> NOTIFY=NEVER", "555"),
            ("EHLO", "501"),
            ("DATA now", "501"),
            ("AUTH CRAM-MD5", "504"),
            ("RCPT TO:<\u{85}@b.org>", "500"),
            ("RCPT TO:<ä b@b.org>", "501"),
            ("EHLO bücher.example", "500"),
            ("NOOP\0", "500"),
            ("HELLO world", "500"),
        ] {
            let refusal = parse(line.as_bytes()).expect_err(line);
            assert!(refusal.starts_with(code), "{line}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(
            verb in "(MAIL FROM:|RCPT TO:|AUTH |EHLO |)",
            rest in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = parse(&[verb.as_bytes(), &rest].concat());
        }
    }
}
