//! Codes of problems with secrets.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "secret-missing",
        "A secret cannot be had from where it is said to be.",
        r#"password = { file = "secrets/relay" }"#,
        "Write the file, mode 0640; or pass the credential: LoadCredential= in the unit. The \
         account waits for it, and nothing else does.",
    ),
    code(
        "secret-exposed",
        "Everybody on this machine can read a secret.",
        "-rw-r--r-- root root secrets/relay",
        "chmod 640 the file and give it to the group of the service.",
    ),
    code(
        "secret-literal",
        "A secret stands in the configuration itself.",
        r#"password = "hunter2""#,
        "Write it into a file of its own: password = { file = \"secrets/main\" }. This file gets \
         copied, mailed and shown.",
    ),
    code(
        "secret-env",
        "A secret comes from the environment.",
        r#"password = { env = "SMTP_PASSWORD" }"#,
        "It works. Whoever may look into /proc sees it, and so does every child process: a file \
         or a credential is safer.",
    ),
    code(
        "bad-dkim-key",
        "What a `dkim` key is read from is no key to sign with.",
        r#"dkim = { selector = "pr1", key = { file = "secrets/public.pem" } }"#,
        "Name the private key, in PEM and without a passphrase: RSA of 2048 bits or more, or \
         Ed25519. `postroom account dkim NAME` makes both. Nothing of the account is sent until \
         then, as nothing leaves unsigned that was to be signed.",
    ),
    code(
        "dkim-unaligned",
        "A signature is of another domain than the mail's `from`.",
        r#"dkim = { selector = "pr1", domain = "example.com", key = { file = "secrets/pr1" } }"#,
        "Take `domain` out, or write that of `from` or one above it: DMARC counts no other \
         signature.",
    ),
    code(
        "interpolation",
        "A text looks as if a variable was to be filled in, which nobody does.",
        r#"password = "${SMTP_PASSWORD}""#,
        "Write password = { env = \"SMTP_PASSWORD\" }.",
    ),
];
