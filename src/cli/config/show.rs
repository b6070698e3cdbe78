//! `postroom config show`

use std::path::Path;

use serde_json::{Value, json};

use super::super::exit::{self, Exit};
use super::super::out::Out;
use super::super::{Cli, Trouble, load, out};
use crate::config::{self, Config, Origin, Problem, Setting, ShownLine, key, show};

/// A list that would be longer than this gets a line for each of its values.
const WIDE: usize = 90;
/// Where the origins stand, if the values leave room.
const MARGIN: usize = 48;

#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// Say where each value comes from: file and line, the provider, or the default
    #[arg(long)]
    origin: bool,
    /// Put signs in the place of names, addresses and hosts, to show it to others
    #[arg(long)]
    redacted: bool,
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let config = match args.redacted {
        true => load_redacted(cli)?,
        false => load(cli)?.config,
    };
    let shown = show(&config, args.redacted);
    let main = config.path.as_path();
    if out.json {
        let values = shown.lines.iter().filter_map(|line| match line {
            ShownLine::Header(_) => None,
            ShownLine::Value(setting) => Some(to_json(setting, args, main)),
        });
        out.value(&json!({ "values": values.collect::<Vec<_>>() }));
        return Ok(exit::DONE);
    }
    let mut lines = Vec::new();
    for line in &shown.lines {
        match line {
            ShownLine::Header(heading) => {
                if !lines.is_empty() {
                    lines.push(String::new());
                }
                lines.push(out::bold(heading));
            }
            ShownLine::Value(setting) => lines.push(line_of(setting, args, main)),
        }
    }
    out.lines(&lines);
    Ok(exit::DONE)
}

/// The configuration. Where it does not load, neither its lines nor the words about them may be
/// shown to others, as both name what is in it: only which faults there are, and where.
fn load_redacted(cli: &Cli) -> Result<Config, Trouble> {
    let path = config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    let problems = match config::load(&path) {
        Ok(loaded) => return Ok(loaded.config),
        Err(problems) => problems,
    };
    let mut text = "this configuration does not load, so no value of it can be shown. What is \
                    wrong with it, without names:\n"
        .to_owned();
    for fault in problems.iter().map(|it| fault(it, problems.path())) {
        text += &format!("  {fault}\n");
    }
    text += "`postroom check` says it in full, with lines of the file: not for others to see";
    Err(Trouble::new(Exit::of_configuration(&path), text))
}

/// `postroom.toml:12:3: error[wrong-type] schedule.*.cron`
fn fault(problem: &Problem, main: &Path) -> String {
    let place = problem.place();
    let at = place.file.position(place.span.start);
    let path = place.file.path();
    let file = match path == main {
        true => path.file_name().unwrap_or_default().to_string_lossy(),
        false => "included".into(),
    };
    let key = problem.key.as_deref().and_then(key::of_written);
    let key = key.map(|key| format!(" {}", key.path)).unwrap_or_default();
    let (line, column) = (at.line, at.column);
    let severity = problem.severity.word();
    format!("{file}:{line}:{column}: {severity}[{}]{key}", problem.code)
}

fn line_of(setting: &Setting, args: &Args, main: &Path) -> String {
    let mark = if setting.follows { "# " } else { "" };
    let line = format!("{mark}{} = {}", setting.name, spread(&setting.text));
    if !args.origin {
        return line;
    }
    let origin = out::dim(&format!("# {}", origin(&setting.origin, args, main)));
    let (first, rest) = line.split_once('\n').unwrap_or((&line, ""));
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("\n{rest}")
    };
    format!("{first:MARGIN$}  {origin}{rest}")
}

/// A list that is too long for a line gets several.
fn spread(text: &str) -> String {
    let Ok(toml::Value::Array(all)) = text.parse() else {
        return text.to_owned();
    };
    if text.len() <= WIDE {
        return text.to_owned();
    }
    let all = all.iter().map(|it| format!("  {it},\n"));
    format!("[\n{}]", all.collect::<String>())
}

fn origin(origin: &Origin, args: &Args, main: &Path) -> String {
    match origin {
        Origin::File { path, line } => format!("{}:{line}", file(path, args, main)),
        Origin::Provider(name) => format!("provider {name}"),
        Origin::Default => "default".to_owned(),
    }
}

/// The file from the main one's folder; nobody may see the names of the others.
fn file(path: &Path, args: &Args, main: &Path) -> String {
    if args.redacted && path != main {
        return "included".to_owned();
    }
    let folder = main.parent().unwrap_or(Path::new("/"));
    let relative = path.strip_prefix(folder).unwrap_or(path);
    relative.display().to_string()
}

fn to_json(setting: &Setting, args: &Args, main: &Path) -> Value {
    let value = match setting.text.strip_prefix('‹') {
        Some(secret) => json!({ "secret": secret.trim_end_matches('›') }),
        None => setting.text.parse().map_or(Value::Null, plain),
    };
    let origin = match &setting.origin {
        Origin::File { path, line } => {
            json!({ "from": "file", "file": file(path, args, main), "line": line })
        }
        Origin::Provider(name) => json!({ "from": "provider", "provider": name }),
        Origin::Default => json!({ "from": "default" }),
    };
    json!({ "key": setting.key, "value": value, "origin": origin })
}

/// TOML has dates, JSON does not.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => Value::from(date.to_string()),
        toml::Value::Array(all) => all.into_iter().map(plain).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, plain(v))).collect(),
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(flag) => Value::from(flag),
    }
}
