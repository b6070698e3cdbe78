//! Keys that say where a secret comes from.
//!
//! A value is never repeated here, neither in a message nor in a label, and no name that is not
//! one of ours: the text that problems are drawn from is masked already, and nothing else quotes
//! it. What looks like the name of an environment variable is repeated.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use zeroize::Zeroizing;

use super::key::{self, Kind};
use super::problem::Problem;
use super::section::{self, Section, Value};
use super::suggest;
use crate::secret::{Concern, Secret, SecretError};

const FORMS: [&str; 4] = ["credential", "file", "command", "env"];

/// The secret that a key refers to. Whether it can be had is looked at too, and is nobody's reason
/// to stop: the account is down until it can.
pub(super) fn read(section: &Section<'_>, key: &str) -> Option<Secret> {
    let value = section.value(key)?;
    match value.get_ref() {
        DeValue::String(text) => literal(section, key, text),
        DeValue::Table(table) => {
            let (secret, source) = reference(section, key, value, table)?;
            if let Some(problem) = inspect(section, key, &secret, source) {
                section.report(problem.key(section.path(key)));
            }
            Some(secret)
        }
        _ => None,
    }
}

/// The secrets of a list that a key holds: each a table that says where one comes from.
pub(super) fn read_all(section: &Section<'_>, key: &str) -> Vec<Secret> {
    let all = section.value(key).and_then(|it| it.get_ref().as_array());
    let all = all.into_iter().flatten();
    let read = all.filter_map(|value| {
        let table = value.get_ref().as_table()?;
        let (secret, source) = reference(section, key, value, table)?;
        if let Some(problem) = inspect(section, key, &secret, source) {
            section.report(problem.key(section.path(key)));
        }
        Some(secret)
    });
    read.collect()
}

/// A key that signs mail is made, and not typed.
fn of_dkim(section: &Section<'_>, key: &str) -> bool {
    key == "key" && section.kind() == "dkim"
}

/// The command that makes the file of a secret.
fn how_to_make(section: &Section<'_>, key: &str) -> String {
    match key {
        _ if of_dkim(section, key) => {
            format!("make one with `postroom account dkim {}`", section.name)
        }
        "key" => {
            "create it with `openssl rand -hex 32 | postroom secret set unsubscribe` (writes it \
                  so that only the service can read it)"
                .to_owned()
        }
        _ => format!(
            "create it with `postroom secret set {}` (asks, and writes it so that only the service \
             can read it)",
            name_of(section)
        ),
    }
}

/// The name that a secret of this section goes by.
fn name_of<'d>(section: &Section<'d>) -> &'d str {
    match section.name {
        "" => section.kind(),
        name => name,
    }
}

fn literal(section: &Section<'_>, key: &str, text: &str) -> Option<Secret> {
    let variable = text
        .strip_prefix('$')
        .map(|name| name.trim_matches(['{', '}']));
    if let Some(name) = variable.filter(|name| is_variable(name)) {
        let message = "environment variables are not filled into texts";
        let place = section.value_place(key, "this would be taken literally");
        let help = format!("write `{key} = {{ env = \"{name}\" }}`");
        section.report(
            Problem::error("interpolation", message, place)
                .help(help)
                .key(section.path(key)),
        );
        return None;
    }
    let help = format!(
        "write it into a file of its own, mode 0640, and here \
         `{key} = {{ file = \"secrets/{}{}\" }}`",
        name_of(section),
        if of_dkim(section, key) { ".dkim" } else { "" },
    );
    let problem = match section.doc.readable_by_all {
        Some(mode) => {
            let message = format!(
                "every user on this machine can read the {key} of {}",
                section.title()
            );
            let label = format!("this file has mode {mode:04o}");
            Problem::error("secret-exposed", message, section.value_place(key, label))
        }
        None => {
            let message = format!("the {key} of {} stands in the file itself", section.title());
            Problem::warning("secret-literal", message, section.value_place(key, ""))
        }
    };
    let problem = if text.trim().is_empty() {
        let message = format!("the {key} of {} is empty", section.title());
        Problem::error("secret-missing", message, section.value_place(key, ""))
    } else {
        problem
    };
    section.report(problem.help(help).key(section.path(key)));
    Some(Secret::Literal(Zeroizing::new(text.to_owned())))
}

fn is_variable(name: &str) -> bool {
    let mut letters = name.bytes();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_uppercase() || first == b'_')
        && letters.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn reference<'d>(
    section: &Section<'d>,
    key: &str,
    value: &'d Value<'d>,
    table: &'d DeTable<'d>,
) -> Option<(Secret, &'d Value<'d>)> {
    let keep = table.get_key_value("keep");
    let (mut sources, others): (Vec<_>, Vec<_>) = table
        .iter()
        .filter(|(form, _)| form.get_ref() != "keep")
        .partition(|(form, _)| FORMS.contains(&form.get_ref().as_ref()));
    sources.sort_by_key(|(form, _)| form.span().start);
    for (form, _) in &others {
        section.report(no_source(section, key, form).key(section.path(key)));
    }
    let report = |code, message, place| {
        section.report(Problem::error(code, message, place).key(section.path(key)));
    };
    let (form, source) = match sources.as_slice() {
        [only] => *only,
        [] if others.is_empty() => {
            let place = section
                .doc
                .place(value.span(), format!("write one of {}", wants()));
            let message = format!("the {key} of {} comes from nowhere", section.title());
            report("missing-key", message, place);
            return None;
        }
        [] => return None,
        [(one, _), (two, _), ..] => {
            let message = format!("the {key} of {} comes from two places", section.title());
            let first = section.doc.place(one.span(), "one");
            let problem = Problem::error("only-one-of", message, first);
            let problem = problem.and(section.doc.place(two.span(), "two"));
            section.report(problem.key(section.path(key)));
            return None;
        }
    };
    if let Some(problem) = filled_in(section, key, form.get_ref(), source) {
        section.report(problem);
        return None;
    }
    let mut secret = secret_from(section, form.get_ref(), source);
    if let Some((word, value)) = keep {
        match &mut secret {
            Some(Secret::Command { keep, .. }) => *keep = how_long(section, key, value),
            Some(_) => section.report(kept_in_vain(section, key, form, word)),
            None => {}
        }
    }
    if secret.is_none() {
        let wants = match form.get_ref().as_ref() {
            "command" => "a program and its arguments, [\"pass\", \"show\", \"relay\"]",
            "credential" => "a name in quotes, without slashes",
            _ => "a text in quotes",
        };
        let message = format!("`{}` wants {wants}", form.get_ref());
        report("wrong-type", message, section.doc.place(source.span(), ""));
    }
    Some((secret?, source))
}

/// `{ env = "${RELAY}" }`: the name of a variable stands there, not its value.
fn filled_in(section: &Section<'_>, key: &str, form: &str, source: &Value<'_>) -> Option<Problem> {
    let written = source.get_ref().as_str()?.strip_prefix('$')?;
    let name = written.trim_matches(['{', '}']);
    if form != "env" || !is_variable(name) {
        return None;
    }
    let label = format!("write env = \"{name}\"");
    let place = section.doc.place(source.span(), label);
    let message = "`env` wants the name of the variable alone";
    Some(Problem::error("interpolation", message, place).key(section.path(key)))
}

/// A key in the braces that is none of the four forms.
fn no_source(section: &Section<'_>, key: &str, form: &Spanned<DeString<'_>>) -> Problem {
    let place = section.doc.place(form.span(), "");
    let message = format!("a {key} does not come from there");
    Problem::error("unknown-key", message, place)
        .suggest(suggest::nearest(form.get_ref(), FORMS))
        .help(format!("write one of {}", wants()))
}

/// `keep`, which stands beside a command.
fn how_long(section: &Section<'_>, key: &str, value: &Value<'_>) -> Option<Duration> {
    let Some(text) = section::text_of(value) else {
        let place = section.doc.place(value.span(), "");
        let message = "`keep` wants a duration in quotes, like \"50m\"";
        section.report(Problem::error("wrong-type", message, place).key(section.path(key)));
        return None;
    };
    section.span_in(&format!("{key}.keep"), &text)
}

fn kept_in_vain(
    section: &Section<'_>,
    key: &str,
    form: &Spanned<DeString<'_>>,
    word: &Spanned<DeString<'_>>,
) -> Problem {
    let form = form.get_ref();
    let message = format!("`keep` means nothing beside `{form}`");
    let place = section.doc.place(word.span(), "take it out");
    Problem::error("no-effect", message, place)
        .note("it is read whenever it is needed; only what a command printed can be kept")
        .key(section.path(key))
}

fn wants() -> String {
    key::wants(Kind::Secret)
}

fn secret_from(section: &Section<'_>, form: &str, source: &Value<'_>) -> Option<Secret> {
    let text = || source.get_ref().as_str().filter(|text| !text.is_empty());
    match form {
        "file" => Some(Secret::File(section.doc.resolve(text()?))),
        "env" => Some(Secret::Env(text()?.to_owned())),
        // A credential is a file's name in systemd's directory, never a path out of it.
        "credential" => {
            let name = text().filter(|name| !name.contains('/') && *name != "..")?;
            Some(Secret::Credential(name.to_owned()))
        }
        _ => {
            let words = source.get_ref().as_array()?.iter();
            let mut argv: Vec<String> = words
                .map(|word| word.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()?;
            let program = argv.first_mut().filter(|program| !program.is_empty())?;
            if program.contains('/') {
                *program = section.doc.resolve(program).to_string_lossy().into_owned();
            }
            let keep = None;
            Some(Secret::Command { argv, keep })
        }
    }
}

fn inspect(
    section: &Section<'_>,
    key: &str,
    secret: &Secret,
    source: &Value<'_>,
) -> Option<Problem> {
    let title = section.title();
    let span = source
        .get_ref()
        .as_array()
        .and_then(|words| words.first())
        .unwrap_or(source)
        .span();
    let place = |label: String| section.doc.place(span.clone(), label);
    let exposed = format!("every user on this machine can read the {key} of {title}");
    let problem = match secret.inspect() {
        Ok(None) => return None,
        Ok(Some(Concern::Environment)) => {
            let message = format!("the {key} of {title} is visible in the environment");
            Problem::warning("secret-env", message, place(String::new()))
                .note("whoever may look into /proc sees it, and so does every child process")
        }
        Ok(Some(Concern::Exposed { mode })) => {
            Problem::warning("secret-exposed", exposed, place(format!("mode {mode:04o}")))
                .note("accepted here, where containers mount their secrets")
        }
        Err(SecretError::Exposed { path, mode }) => {
            let path = path.display();
            Problem::error("secret-exposed", exposed, place(format!("mode {mode:04o}")))
                .help(format!("run `chmod 640 {path} && chgrp postroom {path}`"))
        }
        Err(SecretError::File { path, error }) => {
            let why = super::files::reason(&path, &error);
            let message = format!("the {key} of {title} cannot be read: {why}");
            Problem::error("secret-missing", message, place(path.display().to_string()))
                .note("relative paths start at the directory of the file that names them")
                .help(how_to_make(section, key))
        }
        Err(SecretError::NoCredential(name)) => {
            let message = format!("systemd passed no credential called `{name}`");
            let label = "not in $CREDENTIALS_DIRECTORY".to_owned();
            Problem::error("secret-missing", message, place(label))
                .note("credentials are read when the service starts; only the service sees them")
                .help(format!(
                    "`systemctl edit postroom` and add \
                     LoadCredential={name}:/etc/postroom/secrets/{name}"
                ))
        }
        Err(SecretError::NoVariable(name)) => {
            let message = format!("the environment variable `{name}` is not set");
            Problem::error("secret-missing", message, place(String::new()))
        }
        Err(other) => Problem::error("secret-missing", other.to_string(), place(String::new())),
    };
    let outside = std::env::var_os("CREDENTIALS_DIRECTORY").is_none();
    Some(match secret {
        Secret::Credential(_) if outside => problem.of_service(),
        _ => problem.of_data(),
    })
}
