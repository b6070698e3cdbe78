//! Codes of problems with values.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "wrong-type",
        "A value is of another kind than the key wants: a number in quotes, a text without.",
        r#"port = "465""#,
        "Write it as the message says: texts in quotes, numbers, true and false without, lists in \
         [brackets].",
    ),
    code(
        "bad-choice",
        "A value is none of the words that may stand there.",
        r#"tls = "ssl""#,
        "Write one of the words that the message lists.",
    ),
    code(
        "out-of-range",
        "A number is too small or too large.",
        "port = 70000",
        "Write one within the range that the message says.",
    ),
    code(
        "bad-value",
        "A text cannot stand there.",
        r#"separator = "and""#,
        "The message says what may; `postroom explain` with the key's name gives an example.",
    ),
    code(
        "empty-list",
        "A list is empty where at least one thing must stand.",
        "to = []",
        "Write at least one, or take the key out.",
    ),
    code(
        "bad-duration",
        "A text is not a duration.",
        r#"jitter  = "5"       # of what?
expires = "1M"      # a month has no fixed length"#,
        "Whole numbers with units: \"90s\", \"5m\", \"1h30m\", \"2d\", \"1w\", \"250ms\".",
    ),
    code(
        "bad-rate",
        "A text is not a rate.",
        r#"rate = "100 per hour""#,
        "A count, a slash and a time: \"100/hour\", \"2/second\", \"100/10s\"; with a burst, \
         \"100/minute burst 10\". Several in a list all hold.",
    ),
    code(
        "bad-share",
        "A text is not a share.",
        "max_change = 0.5",
        "Percent in quotes: \"50%\".",
    ),
    code(
        "bad-address",
        "A text is not a mail address.",
        r#"inline = ["Ada Lovelace"]"#,
        "Write \"ada@example.org\", or \"Ada Lovelace <ada@example.org>\".",
    ),
    code(
        "bad-domain",
        "A text is not a domain, or its dots have no quotes.",
        "[account.main.domain.gmail.com]",
        "Write [account.main.domain.\"gmail.com\"]: one domain, no wildcard.",
    ),
    code(
        "bad-host",
        "A text is not the name of a server.",
        r#"host = "smtp.example.org:587""#,
        "The name alone; the port has a key of its own.",
    ),
    code(
        "bad-certificates",
        "The file of `ca` cannot be used.",
        r#"ca = "ca.pem""#,
        "It must be readable and hold certificates as PEM: \"-----BEGIN CERTIFICATE-----\".",
    ),
    code(
        "bad-rule",
        "A rule says something about refusals that cannot be.",
        r#"[[account.main.rule]]
reply = "250"      # no refusal
then  = "later""#,
        "A reply is a code from 4 or 5 on (\"551\", \"55\", \"551 5.7.1\"). Only what is said to \
         RCPT may suppress an address, and 421 is about the session, never final for a mail.",
    ),
    code(
        "unreached-rule",
        "A rule is never reached, since one before it fits all that it fits.",
        r#"[[account.main.rule]]
reply = "5"
[[account.main.rule]]
reply = "551""#,
        "Put the narrower rule first.",
    ),
    code(
        "no-command",
        "A program is not there, or may not be run.",
        r#"command = ["page ops"]      # no shell takes it apart"#,
        "A list of the program and its arguments: [\"page\", \"ops\"]. With a slash in it the \
         program is looked for from the file's folder on, without one in PATH.",
    ),
    code(
        "port-tls",
        "The port means another kind of TLS than is written.",
        r#"port = 587
tls  = "implicit""#,
        "Port 465 goes with \"implicit\", 587 and 25 with \"starttls\". A server that really \
         differs has odd_port = true.",
    ),
    code(
        "plaintext-password",
        "A password or token would travel unencrypted.",
        r#"tls  = "none"
user = "postroom""#,
        "Use tls = \"starttls\", or drop `user` if the relay trusts this host.",
    ),
    code(
        "not-aligned",
        "A schedule may send mail from one domain through an account of another.",
        r#"via = ["main", "relay"]      # whose `from` are at different domains"#,
        "Let the second server send for the first one's domain (SPF) and sign for it (DKIM), or \
         such mail is refused or taken for junk. From stays the first account's, whoever carries \
         the mail.",
    ),
    code(
        "bad-mail-header",
        "A template adds a header that it cannot add.",
        r#"headers = { Reply-To = "help@example.org" }"#,
        "Names begin with X-, and have at most 50 letters, digits and hyphens; a value is one \
         line. What others stand for has a key of its own: `reply_to`, `list_id`, `class`, \
         `feedback_id`, [unsubscribe].",
    ),
    code(
        "bad-unsubscribe",
        "Something in [unsubscribe] cannot be used.",
        r#"url = "http://example.org/leave""#,
        "`url` is https with {{token}} in its path or after the ?, `mailto` an address alone, \
         `key` 16 bytes at least. `postroom explain unsubscribe` has an example.",
    ),
    code(
        "no-unsubscribe",
        "Readers of bulk mail could not leave it, or a template shows a link that there is not.",
        r#"class = "bulk"      # and no {{unsubscribe_url}} in body.html"#,
        "Write [unsubscribe], and {{unsubscribe_url}} into each body, or into a layout that all of \
         them have. Gmail and Yahoo refuse bulk mail without it, and laws forbid it.",
    ),
    code(
        "no-postal-address",
        "Bulk mail does not say where its sender can be found.",
        r#"class = "bulk"      # and no {{postal_address}} in body.html"#,
        "Write `postal_address` into the account, and {{postal_address}} into each body, or into a \
         layout that all of them have: CAN-SPAM and other laws ask for it.",
    ),
];
