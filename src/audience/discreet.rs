//! What a program said when it failed, without the addresses and the passwords in it.
//!
//! It is generous: what follows a word that sounds like a secret, and a `=` or `:`, is masked up to
//! the next blank, or the end of its quotes. A secret that nothing announces is not found.

use super::address::mask;

/// Parts of words that announce a secret, in small letters.
const SECRETS: [&str; 12] = [
    "passw",
    "passphrase",
    "passcode",
    "kennwort",
    "secret",
    "token",
    "credential",
    "authori",
    "apikey",
    "accesskey",
    "密码",
    "口令",
];
/// The same, where they are all of a word.
const WHOLE: [&str; 6] = ["auth", "key", "pass", "pgpass", "pw", "pwd"];
/// What may stand between `Authorization:` and the secret.
const SCHEMES: [&str; 2] = ["basic", "bearer"];
const MASKED: &str = "***";

/// What the next word is.
#[derive(Clone, Copy)]
enum Next {
    Plain,
    /// A sign that a secret follows, if it is one: the word before sounds so.
    Named,
    /// A secret, or a sign before it.
    Secret,
    /// A secret up to this quote.
    Until(char),
}

/// The same text without addresses and passwords.
pub(super) fn masked(said: &str) -> String {
    let mut next = Next::Plain;
    let words = said.split(' ').map(|word| {
        let (shown, then) = after(next, word);
        next = then;
        shown
    });
    words.collect::<Vec<_>>().join(" ")
}

fn after(next: Next, word: &str) -> (String, Next) {
    match next {
        Next::Until(quote) if word.contains(quote) => (MASKED.to_owned(), Next::Plain),
        Next::Until(quote) => (MASKED.to_owned(), Next::Until(quote)),
        Next::Secret => hidden(word),
        Next::Named if matches!(word, "=" | ":") => (word.to_owned(), Next::Secret),
        Next::Plain | Next::Named => {
            let mut signs = word.match_indices([':', '=']);
            let sign = signs.find(|(at, _)| announces(&word[..*at]));
            if let Some((at, _)) = sign {
                let (name, value) = word.split_at(at + 1);
                let (shown, then) = hidden(value);
                return ([name, &shown].concat(), then);
            }
            let then = match (announces(word), word.starts_with('-')) {
                (true, true) => Next::Secret, // of `--password hunter2`
                (true, false) => Next::Named, // of `password = hunter2`
                (false, _) => Next::Plain,
            };
            match word.contains('@') {
                true => (mask(word), then),
                false => (word.to_owned(), then),
            }
        }
    }
}

/// A value that is a secret.
fn hidden(value: &str) -> (String, Next) {
    let is_scheme = SCHEMES.iter().any(|it| value.eq_ignore_ascii_case(it));
    if matches!(value, "" | "=" | ":") || is_scheme {
        return (value.to_owned(), Next::Secret);
    }
    let mut letters = value.chars();
    let quote = letters.next().filter(|it| matches!(it, '"' | '\''));
    let then = match quote {
        Some(quote) if !letters.as_str().contains(quote) => Next::Until(quote),
        _ => Next::Plain,
    };
    (MASKED.to_owned(), then)
}

/// Whether the last name of this sounds like that of a secret.
fn announces(text: &str) -> bool {
    let name = text.trim_end_matches(['"', '\'']);
    let mut names = name.rsplit(|it: char| !it.is_alphanumeric() && !"_-.".contains(it));
    let name = names.next().unwrap_or_default().to_lowercase();
    let mut parts = name.split(['_', '-', '.']);
    let joined = name.replace(['_', '-', '.'], "");
    SECRETS.iter().any(|it| joined.contains(it)) || parts.any(|it| WHOLE.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn no_password_is_told() {
        for said in [
            "psql: password=hunter2 for bob@example.org",
            "password: hunter2",
            "password = hunter2",
            "Password='hunter2 hunter2' rejected",
            "curl --password hunter2 failed",
            "--token=hunter2",
            "Authorization: Bearer hunter2",
            "{\"api_key\":\"hunter2\"}",
            "host=db,pwd=hunter2",
            "DB_PASSWORD=hun@hunter2",
            "https://db/x?user=a&access_token=hunter2",
            "postgres://me:hunter2@db",
            "…password=hunter2",
            "密码:hunter2",
        ] {
            assert!(
                !masked(said).contains("hunter2"),
                "{said}: {}",
                masked(said)
            );
        }
    }

    #[test]
    fn other_words_stay() {
        for said in [
            "password authentication failed for user \"me\"",
            "KeyError: 'x' at line 12",
            "cannot connect: host=db port=5432",
            "a  b = c",
            "…956 / “passage”: closed",
            "密: é…",
        ] {
            assert_eq!(masked(said), said);
        }
        assert_eq!(masked("password=hunter2 for x"), "password=*** for x");
    }
}
