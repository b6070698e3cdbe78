//! Log lines: the message reads alone, the fields are for searching.
//!
//! Text on a terminal, logfmt elsewhere, JSON on request. Under the journal the time is left out
//! and the level is a `<n>` prefix (sd-daemon(3)), which the journal takes for the priority. No
//! value can forge a line: control characters are escaped.

use std::fmt;
use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;
use crate::config::LogFormat;

/// Writes the log to standard error from now on. `POSTROOM_LOG` chooses levels (`debug`,
/// `postroom::smtp=trace`).
pub fn start(format: LogFormat, clock: Clock) {
    start_at(format, clock, "info");
}

/// The same for a command that tells a person itself what happens: only errors.
pub fn start_quiet(format: LogFormat, clock: Clock) {
    start_at(format, clock, "error");
}

fn start_at(format: LogFormat, clock: Clock, level: &str) {
    let terminal = std::io::stderr().is_terminal();
    let style = match format {
        LogFormat::Json => Form::Json,
        LogFormat::Text => Form::Text,
        LogFormat::Logfmt => Form::Logfmt,
        LogFormat::Auto if terminal => Form::Text,
        LogFormat::Auto => Form::Logfmt,
    };
    let lines = Lines {
        form: style,
        colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        journal: std::env::var_os("JOURNAL_STREAM").is_some() && !terminal,
        clock,
    };
    let filter = EnvFilter::try_from_env("POSTROOM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false) // a closed log must not take the daemon along
        .event_format(lines)
        .try_init();
    drop(started); // a second start, in a test, keeps the first
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Logfmt,
    Json,
}

struct Lines {
    form: Form,
    colour: bool,
    journal: bool,
    clock: Clock,
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: Vec<(&'static str, serde_json::Value)>,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, serde_json::Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl Parts {
    fn put(&mut self, field: &Field, value: serde_json::Value) {
        if field.name() == "message" {
            let text = value.as_str().unwrap_or_default();
            self.message = text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
        } else if !field.name().starts_with("log.") {
            self.fields.push((field.name(), value));
        }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let level = *event.metadata().level();
        if self.journal {
            write!(out, "<{}>", priority(level))?;
        }
        match self.form {
            Form::Text => self.text(&mut out, level, &parts)?,
            Form::Logfmt => self.logfmt(&mut out, level, &parts)?,
            Form::Json => self.json(&mut out, level, &parts)?,
        }
        writeln!(out)
    }
}

impl Lines {
    fn text(&self, out: &mut Writer<'_>, level: Level, parts: &Parts) -> fmt::Result {
        let style = match level {
            _ if !self.colour => Style::new(),
            Level::ERROR => AnsiColor::Red.on_default().bold(),
            Level::WARN => AnsiColor::Yellow.on_default(),
            Level::INFO => Style::new(),
            _ => Style::new().dimmed(),
        };
        if !self.journal {
            write!(out, "{} ", self.clock.now().strftime("%H:%M:%S"))?;
        }
        let word = match level {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => "",
        };
        write!(out, "{style}{word}{}{style:#}", parts.message)
    }

    fn logfmt(&self, out: &mut Writer<'_>, level: Level, parts: &Parts) -> fmt::Result {
        if !self.journal {
            write!(
                out,
                "ts={} ",
                self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            )?;
        }
        write!(out, "level={} msg=", level.as_str().to_ascii_lowercase())?;
        quoted(out, &parts.message)?;
        for (name, value) in &parts.fields {
            write!(out, " {name}=")?;
            match value.as_str() {
                Some(text) => quoted(out, text)?,
                None => write!(out, "{value}")?,
            }
        }
        Ok(())
    }

    fn json(&self, out: &mut Writer<'_>, level: Level, parts: &Parts) -> fmt::Result {
        let mut line = serde_json::Map::new();
        let ts = self
            .clock
            .now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string();
        line.insert("ts".to_owned(), ts.into());
        line.insert(
            "level".to_owned(),
            level.as_str().to_ascii_lowercase().into(),
        );
        line.insert("msg".to_owned(), parts.message.clone().into());
        for (name, value) in &parts.fields {
            line.insert((*name).to_owned(), value.clone());
        }
        write!(out, "{}", serde_json::Value::Object(line))
    }
}

/// A value in quotes where it needs them; nothing in it can end the line or the quotes.
fn quoted(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || "-_.:/@*+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return out.write_str(text);
    }
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c.is_control() => write!(out, "{}", c.escape_default())?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// syslog's numbers.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
