//! `postroom config show`

use std::path::Path;

use serde_json::{Value, json};

use super::super::exit::{self, Exit};
use super::super::out::Out;
use super::super::{Trouble, out};
use crate::config::{Config, Origin, Setting, ShownLine, show};

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

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let shown = show(config, args.redacted);
    let folder = config.path.parent().unwrap_or(Path::new("/"));
    if out.json {
        let values = shown.lines.iter().filter_map(|line| match line {
            ShownLine::Header(_) => None,
            ShownLine::Value(setting) => Some(to_json(setting, args, folder)),
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
            ShownLine::Value(setting) => lines.push(line_of(setting, args, folder)),
        }
    }
    out.lines(&lines);
    Ok(exit::DONE)
}

fn line_of(setting: &Setting, args: &Args, folder: &Path) -> String {
    let mark = if setting.follows { "# " } else { "" };
    let line = format!("{mark}{} = {}", setting.name, spread(&setting.text));
    if !args.origin {
        return line;
    }
    let origin = out::dim(&format!("# {}", origin(&setting.origin, args, folder)));
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

fn origin(origin: &Origin, args: &Args, folder: &Path) -> String {
    match origin {
        Origin::File { path, line } => format!("{}:{line}", file(path, args, folder)),
        Origin::Provider(name) => format!("provider {name}"),
        Origin::Default => "default".to_owned(),
    }
}

/// The file from the main one's folder; its name alone where nobody may see the others.
fn file(path: &Path, args: &Args, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let shown = match relative.file_name() {
        Some(_) if args.redacted && relative.components().count() > 1 => Path::new("included"),
        _ => relative,
    };
    shown.display().to_string()
}

fn to_json(setting: &Setting, args: &Args, folder: &Path) -> Value {
    let value = match setting.text.strip_prefix('‹') {
        Some(secret) => json!({ "secret": secret.trim_end_matches('›') }),
        None => setting.text.parse().map_or(Value::Null, plain),
    };
    let origin = match &setting.origin {
        Origin::File { path, line } => {
            json!({ "from": "file", "file": file(path, args, folder), "line": line })
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
