//! The manual page postroom.toml(5), in roff with the macros of man(7).

use super::topics::{AMOUNTS, HOW_SECRETS_ARE_READ, SECRETS};
use super::{heading, kind, path_within, tables};
use crate::config::key::{Key, keys_of};

const BEFORE: &str = r#".SH NAME
postroom.toml \- the configuration of postroom
.SH DESCRIPTION
.B postroom
sends scheduled mail as this file says: an
.I account
sends, a
.I list
names people, a
.I template
says what, and a
.I schedule
says when, to whom and via which account.
The file is TOML (https://toml.io).
.B postroom check
says what is wrong in it,
.B postroom config schema
prints its JSON Schema for editors, and
.B postroom explain
says the same as this page.
Nothing in it is filled in from the environment, and a relative path starts where the file that
names it is.
.PP
It is looked for as
.IR ./postroom.toml ,
.I ~/.config/postroom/postroom.toml
and
.IR /etc/postroom/postroom.toml ,
unless
.B \-\-config
or
.B POSTROOM_CONFIG
says otherwise.
"#;

const AFTER: &str = r#".SH FILES
.TP
.I templates/<name>/
A template: subject.txt, body.txt, body.html or body.md, beside the main file;
in another language subject.de.txt, body.de.html and so on.
.TP
.I templates/partials/
What templates include by {{> name}}.
.TP
.I conf.d/*.toml
Further files, where
.B include
names them: they add accounts, lists, templates and schedules, and override nothing.
.SH EXIT STATUS
.B postroom check
ends with 0 where nothing is wrong, with 78 where the configuration is, and with 65 where only a
list, a secret or another file that it names is.
.SH SEE ALSO
.BR systemd.exec (5)
for credentials,
.BR crontab (5)
for times.
"#;

/// The page.
#[must_use]
pub fn man_page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page =
        format!(".TH POSTROOM.TOML 5 \"\" \"postroom {version}\" \"File formats\"\n.nh\n.ad l\n");
    page.push_str(BEFORE);
    page.push_str(".SH KEYS\n.SS At the top of the file\n");
    entries(&mut page, "");
    for table in tables() {
        page.push_str(&format!(
            ".SS {}\n{}\n",
            text(&heading(table)),
            text(table.doc)
        ));
        entries(&mut page, &path_within(table));
    }
    page.push_str(".SH DURATIONS AND RATES\n");
    forms(&mut page, AMOUNTS);
    page.push_str(".SH SECRETS\n");
    forms(&mut page, SECRETS);
    page.push_str(&format!(".PP\n{}\n", text(HOW_SECRETS_ARE_READ)));
    page + AFTER
}

/// The keys of a table, each with what there is to know about it.
fn entries(page: &mut String, table: &str) {
    for key in keys_of(table).filter(|key| key.is_built() && !key.is_table()) {
        page.push_str(&format!(
            ".TP\n.B {}\n{}\n",
            text(key.name()),
            text(key.doc)
        ));
        page.push_str(&format!("Wants {}.\n", text(&kind(key))));
        page.push_str(&remarks(key));
        let example = text(key.example);
        page.push_str(&format!(
            ".br\nExample: \\fB{} = {example}\\fR\n",
            text(key.name())
        ));
    }
}

fn remarks(key: &Key) -> String {
    let mut remarks = String::new();
    let mut say = |remark: String| remarks.push_str(&format!("{}\n", text(&remark)));
    if key.required {
        say("It must be there.".to_owned());
    } else if !key.default.is_empty() {
        say(format!("If left out: {}.", key.default));
    }
    if !key.formerly.is_empty() {
        say(format!("Formerly {}.", key.formerly.join(", ")));
    }
    if key.restart {
        say("A change needs a restart.".to_owned());
    }
    remarks
}

/// Ways to write something, and what they mean.
fn forms(page: &mut String, forms: &[(&str, &str)]) {
    for (form, means) in forms {
        page.push_str(&format!(".TP\n.B {}\n{}.\n", text(form), text(means)));
    }
}

/// Text that roff takes for nothing but text.
fn text(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let escaped = escaped.replace('"', "\\(dq").replace('\'', "\\(aq");
    match escaped.strip_prefix('.') {
        Some(rest) => format!("\\&.{rest}"),
        None => escaped,
    }
}
