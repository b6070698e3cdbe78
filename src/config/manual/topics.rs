//! What is worth a page and is neither a key nor a code.

use super::layout::{paragraph, two_columns};
use crate::compose::HELPERS;
use crate::config::provider::{PROVIDERS, Provider, Servers};

/// A page of the manual.
#[derive(Debug)]
pub struct Topic {
    /// The words that it is found by, the first of which is its name.
    pub names: &'static [&'static str],
    /// What it is about, in one line.
    pub about: &'static str,
    page: fn() -> String,
}

impl Topic {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        (self.page)()
    }
}

/// Every topic.
pub static TOPICS: &[Topic] = &[
    Topic {
        names: &["provider", "providers"],
        about: "What `provider` fills in, and what to know about each.",
        page: providers,
    },
    Topic {
        names: &["helpers", "helper"],
        about: "What templates can do, with examples.",
        page: helpers,
    },
    Topic {
        names: &["languages", "language", "texts"],
        about: "Which files a template is made of, and who reads which language.",
        page: languages,
    },
    Topic {
        names: &["secrets", "secret"],
        about: "Where passwords and tokens come from.",
        page: secrets,
    },
    Topic {
        names: &["unsubscribe", "token", "tokens"],
        about: "How readers leave, and how a program checks a link.",
        page: leaving,
    },
    Topic {
        names: &["durations", "duration", "rates"],
        about: "How durations, rates and shares are written.",
        page: amounts,
    },
];

fn providers() -> String {
    let mut text = paragraph(
        "An account with a `provider` needs no host, port or tls; what is written wins over the \
         preset. Taken from the providers' own pages, and not tried there.",
        0,
    );
    for provider in PROVIDERS {
        text.push('\n');
        text.push_str(&format!("{}\n", provider.name));
        text.push_str(&two_columns(&facts(provider), 2));
        text.push_str(&paragraph(&format!("{}.", provider.password_hint), 2));
        let more = [provider.token_hint, provider.own_certificate];
        for hint in more.into_iter().flatten() {
            text.push_str(&paragraph(&format!("{hint}."), 2));
        }
    }
    text
}

/// What a preset fills in, as one would write it.
fn facts(provider: &Provider) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |key: &str, value: String| facts.push((key.to_owned(), value));
    match &provider.servers {
        Servers::One(host) => fact("host", (*host).to_owned()),
        Servers::Regions { usual, all } => {
            let regions = all.iter().map(|(region, _)| *region);
            let regions = regions.collect::<Vec<_>>().join(", ");
            let usual = usual.map_or("one must be written".to_owned(), |it| {
                format!("\"{it}\" if left out")
            });
            fact("region", format!("{regions}; {usual}"));
        }
    }
    fact("port", provider.port.to_string());
    fact("tls", format!("\"{}\"", provider.tls));
    if let Some(count) = provider.connections {
        fact("connections", count.to_string());
    }
    if let Some(count) = provider.messages_per_connection {
        fact("messages_per_connection", count.to_string());
    }
    if let Some(rate) = provider.rate {
        fact("rate", format!("\"{rate}\""));
    }
    facts
}

fn helpers() -> String {
    let text = "Handlebars: {{first_name}} shows a field, {{[First Name]}} one whose name has a \
                space, {{> footer}} the partial templates/partials/footer. In HTML, what a field \
                holds is escaped. To Ada, whose plan is \"pro\", with three seats and two orders:";
    let examples = HELPERS
        .iter()
        .map(|it| (it.example.to_owned(), it.shows.to_owned()));
    let examples: Vec<_> = examples.collect();
    let rows = HELPERS
        .iter()
        .map(|it| (it.name.to_owned(), it.says.to_owned()));
    let rows: Vec<_> = rows.collect();
    [
        paragraph(text, 0),
        two_columns(&examples, 2),
        paragraph(HOW_HELPERS_SPEAK, 0),
        two_columns(&rows, 2),
    ]
    .join("\n")
}

fn languages() -> String {
    let rows = two_columns(&owned(TEXTS), 2);
    HOW_TEXTS_ARE_CHOSEN
        .iter()
        .fold(rows, |text, it| text + "\n" + &paragraph(it, 0))
}

fn secrets() -> String {
    two_columns(&owned(SECRETS), 0) + "\n" + &paragraph(HOW_SECRETS_ARE_READ, 0)
}

fn leaving() -> String {
    let text = HOW_READERS_LEAVE.iter().map(|it| paragraph(it, 0) + "\n");
    let indented = CHECK_A_TOKEN.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    });
    text.chain(indented).collect()
}

fn amounts() -> String {
    two_columns(&owned(AMOUNTS), 0)
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let rows = rows.iter();
    rows.map(|(form, means)| ((*form).to_owned(), (*means).to_owned()))
        .collect()
}

const HOW_HELPERS_SPEAK: &str = "Days, numbers, amounts, plurals and lists are written as readers \
    of the mail's language are used to (Unicode's CLDR); locale=\"de\" asks for another. A value \
    of the wrong kind is never shown as a blank: that person gets no mail, and is reported. A \
    field that has a helper's name is still shown by {{date}} or {{url}} alone. {{run_date}} is \
    the day of the run. What each helper shows, and takes:";

pub(super) const HOW_SECRETS_ARE_READ: &str = "They are read when the daemon starts, and again at \
    each reload. Nothing prints them, and no variable is filled into a text.";

const TEXTS: &[(&str, &str)] = &[
    ("subject.txt", "the subject, or the key `subject`"),
    (
        "body.txt",
        "the plain text; made of the HTML if it is not there",
    ),
    ("body.html", "the HTML"),
    ("body.md", "text and HTML in Markdown, in place of both"),
    ("subject.de.txt", "the subject for who reads German"),
    (
        "body.de.html",
        "the body for them: body.de.txt and body.de.md likewise",
    ),
    ("../layout.de.html", "what is around the German HTML"),
    ("../partials/footer.de.html", "what {{> footer}} is in it"),
];

const HOW_TEXTS_ARE_CHOSEN: &[&str] = &[
    "A reader's language is what their field `language` says, or the field that \
     `template.*.language` names: a tag of BCP 47 such as de, pt-BR or zh-Hant. For de-AT the \
     texts in de-AT are taken, or those in de, or else the ones without a language, as for \
     everybody whose field is empty or names none. Those are in `daemon.language`.",
    "A subject, a layout or a partial that a language lacks comes from the shorter tag and then \
     from the files without one. A body never does: no mail is half in one language and half in \
     another by accident.",
    "{{text_language}} is the language of the mail, and {{text_direction}} is ltr, or rtl for \
     Arabic, Hebrew and others: <html lang=\"{{text_language}}\" dir=\"{{text_direction}}\">.",
];

const HOW_READERS_LEAVE: &[&str] = &[
    "[unsubscribe] names what receives the click: `url` (https, with {{token}} in it), `mailto` or \
     both. The link stands in the header of bulk mail (RFC 8058: one click) and wherever a \
     template writes {{unsubscribe_url}}; a notice has it only where its template does. A mail \
     with `group` has none, and that of a test mail leads nowhere.",
    "What receives the click says `postroom suppress add --token T` on this machine; `--token -` \
     reads T from standard input. It ends with 0, also for one that was used before, and with 65 \
     for one that is no token of this postroom, whatever is wrong with it. Change nothing on GET: \
     mail scanners open every link. Show a button there, and take POST, also one with the body \
     List-Unsubscribe=One-Click.",
    "With `scope = \"schedule\"` somebody leaves the schedule of that name, and gets what others \
     send; a schedule that is renamed is another one, so its readers are told with `suppress \
     export` and `suppress import`. With \"all\" they get no mail at all.",
    "A token does not expire and is the same each time. Before you change `key`, put the old one \
     into `former_keys`: links in mail that was sent are good as long as it stands there.",
    "A token is base64url of: a byte 1; three bytes that name the key; the scope; a byte 0; the \
     address; and the first 16 bytes of HMAC-SHA256 over all before. So a program can check one \
     itself; the key is what stands in the file, without its line end:",
];

/// Given to people as it stands here, and run by a test.
pub const CHECK_A_TOKEN: &str = "\
import base64, hashlib, hmac

def who_leaves_what(token, key):  # key: bytes; an empty scope is all mail
    data = base64.urlsafe_b64decode(token + '=' * (-len(token) % 4))
    said, seal = data[:-16], data[-16:]
    own = hmac.new(key, said, hashlib.sha256).digest()[:16]
    if said[:1] != b'\\x01' or not hmac.compare_digest(own, seal):
        raise ValueError('no token of this postroom')
    scope, _, address = said[4:].decode().partition('\\0')
    return address, scope
";

/// The forms of a secret.
pub(super) const SECRETS: &[(&str, &str)] = &[
    (
        "{ credential = \"relay\" }",
        "a credential that systemd passes: LoadCredential= in the unit",
    ),
    (
        "{ file = \"secrets/relay\" }",
        "a file of its own, mode 0640; one that everybody may read is refused",
    ),
    (
        "{ command = [\"pass\", \"relay\"] }",
        "the first line that a program prints; no shell takes it apart",
    ),
    (
        "{ command = […], keep = \"50m\" }",
        "the same, asked again when it is so old",
    ),
    (
        "{ env = \"SMTP_PASSWORD\" }",
        "a variable of the environment, with a warning",
    ),
    (
        "\"hunter2\"",
        "the text itself, with a warning, and only in a file that others cannot read",
    ),
];

/// How amounts are written.
pub(super) const AMOUNTS: &[(&str, &str)] = &[
    (
        "\"90s\", \"5m\", \"1h30m\", \"2d\"",
        "durations: whole numbers with ms, s, m, h, d or w; a month has no fixed length",
    ),
    (
        "\"100/minute\", \"5/10s\"",
        "rates: a count, a slash and a time",
    ),
    (
        "\"100/minute burst 10\"",
        "the same, and no more than so many at once",
    ),
    (
        "[\"2/second\", \"4000/day\"]",
        "several rates, of which every one holds",
    ),
    ("\"50%\"", "shares"),
];
