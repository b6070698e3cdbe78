//! Codes of problems with servers: what is known of providers, and what `check --connect` finds.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "account-fails",
        "An account does not work.",
        "postroom check --connect",
        "The message says at which step: the name, the connection, TLS or the login. `postroom \
         account test` shows the whole conversation.",
    ),
    code(
        "certificate-ends",
        "The certificate of an account's server is about to expire.",
        "postroom check --connect",
        "Its owner has to renew it. When it is over, no mail leaves through that server.",
    ),
    code(
        "wrong-proof",
        "A provider takes another kind of proof than the account has.",
        r#"provider = "office365"
password = { file = "secrets/m365" }"#,
        "Write `token` in place of `password`, or the other way round, as the message says.",
    ),
    code(
        "foreign-sender",
        "A provider would not let the sender stand: it is not the address of who logs in.",
        r#"provider = "gmail"
user     = "ada@gmail.com"
from     = "news@example.org""#,
        "Send from the address that logs in, and write `reply_to` for the other; or set the other \
         up at the provider as an address of that account.",
    ),
    code(
        "misleading-name",
        "The name before an address has another address in it.",
        r#"from = '"ceo@example.com" <news@example.org>'"#,
        "Write a name without an address, as in \"Example News <news@example.org>\". Many readers \
         show the name alone, which is how frauds are made, so filters count it against a mail.",
    ),
    code(
        "foreign-server",
        "An account has a provider, and a server that is not one of the provider's.",
        r#"provider = "gmail"
host     = "smtp.example.org""#,
        "Take `host` out for the provider's server, or `provider` for your own.",
    ),
];
