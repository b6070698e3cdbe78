//! The one table of keys.
//!
//! What may stand in the file, of which kind it is, what holds if it is left out and what it means:
//! the validator reads it here, and so will everything else that speaks about keys. Keys that the
//! design has and this version has not are listed too, so that whoever writes one is told so
//! instead of being asked about a typing mistake.

use super::choice::{
    Addresses, BadRows, Empty, LogFormat, OnUncertain, Overlap, SaidTo, Tls, Treatment,
};
use super::{dsn, provider};
use crate::calendar::OnHoliday;

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its tables and its name: `account.*.port`; the star is a name that a person chose.
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds if the key is left out, as one would write it; empty if nothing does.
    pub default: &'static str,
    /// What it means: one sentence.
    pub doc: &'static str,
}

/// What may stand as a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// One or several of some words.
    Choices(&'static [&'static str]),
    /// One of the known providers.
    Provider,
    /// A file or folder, relative to the file that names it.
    Path,
    /// A time zone of the IANA database.
    Zone,
    /// A crontab expression.
    Cron,
    /// One local date and time, or several.
    Instants,
    /// A local date, or a date and time.
    Bound,
    /// Dates, and calendar files of dates.
    Days,
    /// Hours of the day on days of the week, or several.
    Hours,
    /// A duration that may be nothing.
    Duration,
    /// A duration longer than nothing.
    Span,
    /// Several durations, each longer than nothing.
    Spans,
    /// One rate, or several that all hold.
    Rates,
    /// A duration, or the word `never`.
    SpanOrNever,
    /// A mailbox: `Name <address>` or an address.
    Mailbox,
    /// A name, or several.
    Names,
    /// Several texts.
    Texts,
    /// The people of a list.
    People,
    /// Where a credential comes from.
    Secret,
    /// A name, or `false`.
    NameOrFalse,
    /// A character.
    Separator,
    /// The name of a text encoding.
    Encoding,
    /// A share in percent.
    Share,
    /// A whole number from the first on, or a table.
    CountOrTable(u64),
    /// A table.
    Table,
    /// Tables, each under a name that a person chose.
    Tables,
    /// Tables in an order, without names.
    TableList,
    /// In the design, not in this version.
    Planned,
}

impl Key {
    /// The name alone, without its tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The tables it stands in: `account.*`, or nothing for the top of the file.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(table, _)| table)
    }
}

/// The keys of a table, `account.*` for example.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.table() == table)
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        doc,
    }
}

const fn planned(path: &'static str, doc: &'static str) -> Key {
    key(path, Kind::Planned, "", doc)
}

use Kind::{
    Bound, Choice, Choices, Count, CountOrTable, Cron, Days, Duration, Encoding, Flag, Hours,
    Instants, Mailbox, NameOrFalse, Names, Path, People, Provider, Rates, Secret, Separator, Share,
    Span, SpanOrNever, Spans, Text, Texts, Zone,
};

/// Every key, in the order in which one would write them.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("config_version", Count(1, u64::MAX), "1",
        "The version of this file's meaning; defaults never change within one."),
    key("include", Texts, "",
        "The same as daemon.include, at the top of the file."),

    key("daemon", Kind::Table, "",
        "What holds for the whole of postroom."),
    key("account", Kind::Tables, "",
        "Accounts: how mail leaves."),
    key("list", Kind::Tables, "",
        "Lists: who gets it."),
    key("template", Kind::Tables, "",
        "Templates, where they differ from their folders."),
    key("schedule", Kind::Tables, "",
        "Schedules: what goes to whom, and when."),

    key("daemon.timezone", Zone, "UTC",
        "The time zone of schedules that name no other."),
    key("daemon.state", Path, "",
        "The directory of the outbox; if left out, where systemd or the user keeps state."),
    key("daemon.socket", Path, "",
        "The control socket; if left out, in the runtime directory or beside the state."),
    key("daemon.log", Choice(LogFormat::WORDS), "auto",
        "How log lines are written."),
    key("daemon.addresses", Choice(Addresses::WORDS), "masked",
        "How recipients' addresses appear in logs."),
    key("daemon.keep", Span, "90d",
        "How long finished runs keep servers' words and template fields; their rows stay twice as long."),
    key("daemon.rate", Rates, "",
        "How fast all accounts together may send; every one of several holds."),
    key("daemon.include", Texts, "",
        "Further files with accounts, lists, templates and schedules, like [\"conf.d/*.toml\"]."),
    planned("daemon.metrics", "Where /metrics, /healthz and /readyz are served."),
    key("daemon.alert", Kind::Table, "",
        "Who is told when something needs a person, once for each cause and hour."),
    key("daemon.alert.to", Names, "",
        "By mail: the address, or several."),
    key("daemon.alert.via", Text, "",
        "The account that the mail goes through."),
    key("daemon.alert.command", Texts, "",
        "A program that reads the alert on its standard input."),
    key("daemon.alert.timeout", Span, "1m",
        "How long the program may take."),
    planned("daemon.store", "A PostgreSQL database for several daemons."),

    key("account.*.provider", Provider, "",
        "A mail provider whose host, port, tls and limits are known."),
    key("account.*.region", Text, "",
        "Where the account is, for providers with a server for each region: ses, mailgun, …"),
    key("account.*.host", Text, "",
        "The submission server."),
    key("account.*.port", Count(1, 65_535), "465, or 587 with starttls, or 25 without TLS",
        "Its port."),
    key("account.*.tls", Choice(Tls::WORDS), "implicit",
        "How the session is encrypted."),
    key("account.*.odd_port", Flag, "false",
        "The server really speaks this kind of TLS on a port that means another."),
    key("account.*.ca", Path, "",
        "A PEM file of certificates to trust besides the system's."),
    key("account.*.user", Text, "",
        "The name to log in with; without it there is no login."),
    key("account.*.password", Secret, "",
        "Where the password comes from."),
    key("account.*.token", Secret, "",
        "Where an OAuth2 access token comes from, in place of a password."),
    key("account.*.from", Mailbox, "user, if that is an address",
        "The sender of every mail."),
    key("account.*.reply_to", Mailbox, "",
        "Where answers go."),
    key("account.*.rate", Rates, "",
        "How fast the server may be used, as in \"100/minute\" or \"100/minute burst 10\"; every one \
         of several holds."),
    key("account.*.connections", Count(1, 100), "3",
        "How many sessions at once."),
    key("account.*.messages_per_connection", Count(1, 1_000_000), "100",
        "A session is renewed after so many mails."),
    key("account.*.connection_age", Span, "5m",
        "A session is renewed at this age."),
    key("account.*.connection_idle", Span, "9s",
        "A session without work says goodbye after this time."),
    key("account.*.chaining", Flag, "true",
        "Send the next envelope with the body where the server offers PIPELINING."),
    key("account.*.dsn", Choices(dsn::WORDS), "",
        "Which delivery notices to ask the server for; without it, none are asked for or against."),
    key("account.*.retry", Spans, "[\"1m\", \"5m\", \"15m\", \"30m\", \"1h\", \"2h\", \"4h\"]",
        "The waits after temporary failures; the last repeats until the mail expires."),
    key("account.*.hello", Text, "this machine's name",
        "The name given in EHLO."),
    key("account.*.rule", Kind::TableList, "",
        "What the server's refusals mean where it differs from others; the first that fits holds."),
    key("account.*.rule.reply", Text, "any refusal",
        "The refusals that are meant: a code, its first digits, or both codes like \"551 5.7.1\"."),
    key("account.*.rule.text", Text, "any text",
        "Words that the refusal contains, in any case."),
    key("account.*.rule.at", Choice(SaidTo::WORDS), "any of them",
        "What it answers: MAIL FROM, RCPT TO, DATA, or the end of the message."),
    key("account.*.rule.then", Choice(Treatment::WORDS), "",
        "What follows: for this mail, for the address, for the account or for the connection."),
    key("account.*.domain", Kind::Tables, "",
        "What holds besides for recipients of one domain, as in [account.main.domain.\"gmail.com\"]."),
    key("account.*.domain.*.rate", Rates, "",
        "How fast this account may send to the domain; the account's own rate holds too."),
    key("account.*.domain.*.connections", Count(1, 100), "as many as the account has",
        "How many mails to the domain may be under way at once."),
    planned("account.*.oauth", "OAuth2 flows."),
    planned("account.*.dkim", "Sign outgoing mail."),

    key("list.*.inline", People, "",
        "The people themselves: \"Name <address>\", or tables with an `email` and other fields."),
    key("list.*.csv", Path, "",
        "A CSV file with a header; each column is a template field."),
    key("list.*.address_column", Text, "email",
        "The column that holds the addresses."),
    key("list.*.name_column", Text, "name, if there is one",
        "The column that holds the names to write before the addresses."),
    key("list.*.optional", Texts, "[]",
        "Columns that may be blank or missing."),
    key("list.*.encoding", Encoding, "UTF-8, or as its byte order mark says",
        "The encoding of the file, \"gb18030\" for example."),
    key("list.*.separator", Separator, "guessed from the header",
        "The character between the fields of the CSV file."),
    planned("list.*.json", "A JSON file of people."),
    planned("list.*.rows", "Where in the JSON the people are."),
    planned("list.*.command", "A program that prints CSV or JSON."),
    planned("list.*.timeout", "How long the list's source may take."),
    planned("list.*.sql", "A query for the people."),
    planned("list.*.database", "The database that the query goes to."),
    planned("list.*.url", "A CSV or JSON document on the web."),
    planned("list.*.max_age", "An older file is not sent to."),
    planned("list.*.max_change", "How far the list may shrink or grow from one run to the next."),

    key("template.*.layout", NameOrFalse, "layout",
        "The layout in templates/ that the bodies are set into; false for none."),
    planned("template.*.subject", "The subject, instead of subject.txt."),
    planned("template.*.markdown", "One Markdown source for text and HTML."),
    planned("template.*.attachments", "Files sent along."),
    planned("template.*.data", "Values for every mail of a run."),

    key("schedule.*.send", Text, "",
        "The template: a folder in templates/."),
    key("schedule.*.to", Names, "",
        "The list, or several."),
    key("schedule.*.via", Names, "",
        "The account; further ones carry its mail while those before them cannot."),
    key("schedule.*.cron", Cron, "",
        "When, as in crontab: minute, hour, day of month, month, day of week."),
    key("schedule.*.on", Instants, "",
        "When, as one date and time or several."),
    key("schedule.*.every", Span, "",
        "When, as a distance from `starts`; whole days keep the time of day."),
    key("schedule.*.starts", Bound, "",
        "The first day, or the first moment; what was planned before does not count."),
    key("schedule.*.ends", Bound, "",
        "The last day, or the last moment; what was planned after does not count."),
    key("schedule.*.timezone", Zone, "daemon.timezone",
        "The time zone of all these times, and of the mails' dates."),
    key("schedule.*.holidays", Days, "",
        "Days without a run: dates, days of every year (\"12-25\"), and .ics files."),
    key("schedule.*.on_holiday", Choice(OnHoliday::WORDS), "skip",
        "What becomes of a run that is planned for a holiday; before and after are business days."),
    key("schedule.*.jitter", Span, "",
        "Start up to so much later, always the same on this machine."),
    key("schedule.*.between", Hours, "",
        "When mail may leave; outside these hours a run pauses, and it goes on inside."),
    key("schedule.*.when", Kind::Table, "",
        "Whether a run is opened at all when it is due."),
    key("schedule.*.when.command", Texts, "",
        "A program: a run is opened if it prints something, and skipped if it prints nothing."),
    key("schedule.*.when.timeout", Span, "1m",
        "How long the program may take."),
    key("schedule.*.retry", Spans, "the account's",
        "The waits after temporary failures; the last repeats until the mail expires."),
    key("schedule.*.expires", Span, "24h",
        "Mail that could not be sent for so long is not sent any more."),
    key("schedule.*.rate", Rates, "",
        "How fast this schedule may send; the account's rate holds too."),
    key("schedule.*.max_recipients", Count(1, u64::MAX), "",
        "A fuse: a run with more people is refused."),
    key("schedule.*.max_change", Share, "",
        "A fuse: a run whose people are more or fewer than the last run's by more than this is refused."),
    key("schedule.*.canary", CountOrTable(1), "",
        "So many people first; the others get theirs when all of these were accepted."),
    key("schedule.*.canary.people", Count(1, u64::MAX), "",
        "How many are first."),
    key("schedule.*.canary.wait", Duration, "0s",
        "How long after the last of them the others still wait."),
    key("schedule.*.catch_up", SpanOrNever, "1h",
        "How late one run missed while the daemon was down may still be started."),
    key("schedule.*.overlap", Choice(Overlap::WORDS), "queue",
        "What happens to a run that is due while an earlier one is still being sent."),
    key("schedule.*.on_uncertain", Choice(OnUncertain::WORDS), "resend",
        "What is done with a mail whose end was not acknowledged."),
    key("schedule.*.resend_after", Duration, "15m",
        "How long such a mail waits before it is sent once more."),
    key("schedule.*.empty", Choice(Empty::WORDS), "fail",
        "What a run without recipients is."),
    key("schedule.*.bad_rows", Choice(BadRows::WORDS), "skip",
        "What is done with rows that cannot be sent to."),
    key("schedule.*.once_per", Names, "",
        "Fields that make a mail the same notice as one of an earlier run, which is not sent again."),
    key("schedule.*.once_for", Span, "for ever",
        "How long such a notice counts after its run was opened."),
    planned("schedule.*.except", "Lists of people who do not get this."),
    planned("schedule.*.report", "The run's result by mail."),
    planned("schedule.*.heartbeat", "A URL that is called when a run ends well."),
    planned("schedule.*.group", "One mail to all instead of one each."),
    planned("schedule.*.cc", "Further recipients, with group = true."),
    planned("schedule.*.bcc", "Hidden recipients, with group = true."),
    planned("schedule.*.reply_to", "Where answers to this schedule's mail go."),
    planned("schedule.*.attachments", "Files sent along."),
    planned("schedule.*.data", "Values for every mail of the run."),
    planned("schedule.*.priority", "Which schedule goes first."),

    planned("suppression", "Who must not get mail."),
    planned("unsubscribe", "One-click unsubscription."),
];

/// Names that other programs use for what we call otherwise, and ours.
pub(super) fn foreign(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().replace('-', "_").as_str() {
        "username" | "login" | "user_name" | "smtp_user" | "auth_user" => "user",
        "server" | "hostname" | "smtp_host" | "smtp_server" | "smarthost" | "relayhost" => "host",
        "smtp_port" => "port",
        "access_token" | "oauth_token" | "bearer" => "token",
        "passwd" | "pass" | "pwd" | "smtp_password" | "smtp_pass" => "password",
        "sender" | "mail_from" | "from_address" => "from",
        "reply" | "replyto" => "reply_to",
        "helo" | "ehlo" | "helo_name" => "hello",
        "encryption" | "security" => "tls",
        "max_messages" | "max_messages_per_connection" | "messages" => "messages_per_connection",
        "idle_timeout" | "keepalive" | "keep_alive" => "connection_idle",
        "max_age" | "connection_lifetime" => "connection_age",
        "notify" | "delivery_status" => "dsn",
        "max_connections" | "concurrency" | "pool_size" | "workers" => "connections",
        "rate_limit" | "throttle" | "limit" | "burst" => "rate",
        "ca_file" | "cafile" | "ca_cert" | "tls_ca" => "ca",
        "service" => "provider",
        "schedule" | "crontab" | "at" => "cron",
        "date" | "datetime" | "send_at" => "on",
        "interval" | "period" => "every",
        "start" | "start_at" | "not_before" | "begins" => "starts",
        "end" | "end_at" | "until" => "ends",
        "holiday" | "except_dates" | "exclude_dates" | "blackout" => "holidays",
        "splay" | "random_delay" | "randomized_delay" => "jitter",
        "window" | "send_window" | "business_hours" | "quiet_hours" => "between",
        "tz" | "time_zone" => "timezone",
        "template" => "send",
        "list" | "lists" | "recipients" | "recipient" | "audience" => "to",
        "account" | "using" | "fallback" | "failover" | "backup" => "via",
        "file" | "path" => "csv",
        "members" | "people" | "addresses" | "emails" => "inline",
        "delimiter" | "sep" => "separator",
        "charset" => "encoding",
        "email_column" | "email" => "address_column",
        "retries" | "backoff" => "retry",
        "code" | "codes" | "status" => "reply",
        "contains" | "match" | "message" | "words" => "text",
        "stage" | "phase" | "command" => "at",
        "action" | "do" | "treat" => "then",
        "ttl" | "expire" | "expiry" => "expires",
        "state_dir" | "data_dir" | "state_directory" => "state",
        "accounts" | "smtp" | "transport" => "account",
        "audiences" => "list",
        "jobs" | "job" | "schedules" | "notifications" => "schedule",
        "templates" => "template",
        "global" | "settings" | "general" => "daemon",
        _ => return None,
    })
}

/// What may stand there, in words that follow "wants".
pub(super) fn wants(kind: Kind) -> String {
    match kind {
        Text | Path | Zone | Cron | Mailbox | Separator | Encoding => "a text in quotes".into(),
        Flag => "true or false".into(),
        Count(..) => "a number".into(),
        Choice(words) => one_of(words),
        Choices(words) => format!("{}, or a list of them", one_of(words)),
        Provider => one_of(&provider::names()),
        Instants => "a date with a time, or a list of them".into(),
        Bound => "a date, or a date with a time".into(),
        Days => "a list of dates and .ics files, like [2026-12-24, \"holidays.ics\"]".into(),
        Hours => "hours in quotes, like \"08:00-18:00 Mon-Fri\", or a list of them".into(),
        Duration | Span => "a duration in quotes, like \"5m\"".into(),
        Spans => "a list of durations, like [\"1m\", \"5m\"]".into(),
        Rates => "a rate in quotes, like \"100/minute\", or a list of them".into(),
        SpanOrNever => "a duration in quotes, like \"6h\", or \"never\"".into(),
        Names => "a name in quotes, or a list of names".into(),
        Texts => "a list of texts, like [\"a\", \"b\"]".into(),
        People => "a list of people, like [\"Ada <ada@example.org>\"]".into(),
        Secret => {
            "{ file = \"…\" }, { credential = \"…\" }, { command = [\"…\"] } or { env = \"…\" }"
                .into()
        }
        NameOrFalse => "a name in quotes, or false".into(),
        Share => "a share in quotes, like \"50%\"".into(),
        CountOrTable(_) => "a number, or a table like { people = 20, wait = \"10m\" }".into(),
        Kind::Table | Kind::Tables => "a table".into(),
        Kind::TableList => "tables, each under a heading in [[two brackets]]".into(),
        Kind::Planned => "nothing yet".into(),
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}
