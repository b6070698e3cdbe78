//! What holds where nothing is written.
//!
//! The table of keys has the defaults. Only what depends on other keys is asked of the
//! configuration as it was understood.

use super::Origin;
use super::value::quoted;
use crate::audience::Source;
use crate::config::key::Key;
use crate::config::{Account, Config, Provider};

/// A key that is not written, and where.
pub(super) struct Place<'a> {
    pub(super) config: &'a Config,
    pub(super) key: &'static Key,
    /// Of the outermost table, if it has a name.
    pub(super) name: &'a str,
    /// Whether another key of the same table is written.
    pub(super) has: &'a dyn Fn(&str) -> bool,
}

/// What holds, and who says so.
pub(super) struct Effective {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// It cannot be written beside what is written.
    pub(super) follows: bool,
}

/// What holds for a key that is not written; nothing if nothing does.
pub(super) fn of(place: &Place<'_>) -> Option<Effective> {
    if is_idle(place) {
        return None;
    }
    let understood = match place.key.table() {
        "daemon" => of_daemon(place),
        "account.*" => of_account(place),
        "schedule.*" => of_schedule(place),
        _ => None,
    };
    understood.or_else(|| {
        let text = place.key.default_value()?.to_string();
        Some(by_default(text))
    })
}

fn by_default(text: String) -> Effective {
    Effective {
        text,
        origin: Origin::Default,
        follows: false,
    }
}

/// Whether the default means nothing here.
fn is_idle(place: &Place<'_>) -> bool {
    let schedule = place.config.schedules.get(place.name);
    match place.key.path {
        "schedule.*.overlap" => schedule.is_some_and(|it| it.readers.is_some()),
        "schedule.*.on_holiday" => !(place.has)("holidays"),
        "daemon.alert.timeout"
        | "list.*.timeout"
        | "template.*.data.timeout"
        | "schedule.*.data.timeout" => !(place.has)("command"),
        // A layout that nobody named need not be there.
        "template.*.layout" => {
            let template = place.config.templates.get(place.name);
            template.is_none_or(|it| {
                it.source().layout_text.is_none() && it.source().layout_html.is_none()
            })
        }
        "list.*.address_column" => {
            let list = place.config.lists.get(place.name);
            list.is_none_or(|it| matches!(it.source, Source::Inline(_)))
        }
        _ => false,
    }
}

fn of_daemon(place: &Place<'_>) -> Option<Effective> {
    let daemon = &place.config.daemon;
    let path = match place.key.name() {
        "state" => &daemon.state,
        "socket" => &daemon.socket,
        _ => return None,
    };
    Some(by_default(quoted(&path.to_string_lossy())))
}

fn of_account(place: &Place<'_>) -> Option<Effective> {
    let account = place.config.accounts.get(place.name)?;
    let key = place.key.name();
    let text = match key {
        "host" => quoted(&account.host),
        "port" => account.port.to_string(),
        "tls" => quoted(&account.tls.to_string()),
        "connections" => account.connections.to_string(),
        "messages_per_connection" => account.messages_per_connection.to_string(),
        "rate" if !account.rate.is_empty() => {
            let rates = account.rate.iter().map(|it| quoted(&it.to_string()));
            format!("[{}]", rates.collect::<Vec<_>>().join(", "))
        }
        "from" => quoted(&account.sender.from.to_string()),
        _ => return None,
    };
    let named = (place.has)("provider")
        .then_some(account.provider)
        .flatten();
    let origin = match named {
        Some(it) if is_from(it, key, account) => Origin::Provider(it.name),
        _ => Origin::Default,
    };
    // A region chooses the host, and says nothing beside one that is written.
    let follows = key == "host" && ((place.has)("region") || needs_certificate(named));
    Some(Effective {
        text,
        origin,
        follows,
    })
}

fn needs_certificate(provider: Option<&Provider>) -> bool {
    provider.is_some_and(|it| it.own_certificate.is_some())
}

/// Whether it is the provider that says so.
fn is_from(preset: &Provider, key: &str, account: &Account) -> bool {
    match key {
        "host" => true,
        "port" => preset.port == account.port && preset.tls == account.tls,
        "tls" => preset.tls == account.tls,
        "connections" => preset.connections.is_some(),
        "messages_per_connection" => preset.messages_per_connection.is_some(),
        "rate" => preset.rate.is_some(),
        _ => false,
    }
}

fn of_schedule(place: &Place<'_>) -> Option<Effective> {
    let schedule = place.config.schedules.get(place.name)?;
    match place.key.name() {
        "timezone" => Some(by_default(quoted(schedule.zone.iana_name()?))),
        _ => None,
    }
}
