//! Time zones by their name in tzdb. What is no place is refused: an abbreviation or an offset is
//! right for half a year at most where clocks change, and often stands for several countries.

use std::cmp::Reverse;

use jiff::tz::{self, TimeZone};

/// Why a name is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ZoneError {
    /// One sentence that quotes the name.
    pub message: String,
    /// The zone that was most likely meant.
    pub suggestion: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

/// Abbreviations of one time kept all year, and a city that people who write them may mean. tzdb
/// has some of these names; that does not make them less of a trap.
const WITHOUT_SUMMER: [(&str, &str); 20] = [
    ("PST", "America/Los_Angeles"),
    ("MST", "America/Denver"),
    ("CST", "America/Chicago"),
    ("EST", "America/New_York"),
    ("AKST", "America/Anchorage"),
    ("HST", "Pacific/Honolulu"),
    ("BRT", "America/Sao_Paulo"),
    ("GMT", "Europe/London"),
    ("GMT0", "Europe/London"),
    ("Greenwich", "Europe/London"),
    ("MSK", "Europe/Moscow"),
    ("GST", "Asia/Dubai"),
    ("IST", "Asia/Kolkata"),
    ("SGT", "Asia/Singapore"),
    ("HKT", "Asia/Hong_Kong"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("AEST", "Australia/Sydney"),
    ("NZST", "Pacific/Auckland"),
    ("SAST", "Africa/Johannesburg"),
];

/// The same for summer times, and for names that stand for both times of a year.
const WITH_SUMMER: [(&str, &str); 18] = [
    ("PDT", "America/Los_Angeles"),
    ("PST8PDT", "America/Los_Angeles"),
    ("MDT", "America/Denver"),
    ("MST7MDT", "America/Denver"),
    ("CDT", "America/Chicago"),
    ("CST6CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("EST5EDT", "America/New_York"),
    ("BST", "Europe/London"),
    ("WET", "Europe/Lisbon"),
    ("WEST", "Europe/Lisbon"),
    ("CET", "Europe/Berlin"),
    ("CEST", "Europe/Berlin"),
    ("MET", "Europe/Berlin"),
    ("EET", "Europe/Athens"),
    ("EEST", "Europe/Athens"),
    ("AEDT", "Australia/Sydney"),
    ("NZDT", "Pacific/Auckland"),
];

/// Cities that people name and tzdb does not, and the city whose clocks they share.
const SHARING: [(&str, &str); 60] = [
    ("Beijing", "Asia/Shanghai"),
    ("Peking", "Asia/Shanghai"),
    ("Shenzhen", "Asia/Shanghai"),
    ("Guangzhou", "Asia/Shanghai"),
    ("Canton", "Asia/Shanghai"),
    ("Chengdu", "Asia/Shanghai"),
    ("Hangzhou", "Asia/Shanghai"),
    ("Nanjing", "Asia/Shanghai"),
    ("Wuhan", "Asia/Shanghai"),
    ("Tianjin", "Asia/Shanghai"),
    ("Xian", "Asia/Shanghai"),
    ("Suzhou", "Asia/Shanghai"),
    ("Mumbai", "Asia/Kolkata"),
    ("Bombay", "Asia/Kolkata"),
    ("Delhi", "Asia/Kolkata"),
    ("New_Delhi", "Asia/Kolkata"),
    ("Bangalore", "Asia/Kolkata"),
    ("Bengaluru", "Asia/Kolkata"),
    ("Chennai", "Asia/Kolkata"),
    ("Hyderabad", "Asia/Kolkata"),
    ("Pune", "Asia/Kolkata"),
    ("Osaka", "Asia/Tokyo"),
    ("Kyoto", "Asia/Tokyo"),
    ("Hanoi", "Asia/Ho_Chi_Minh"),
    ("Abu_Dhabi", "Asia/Dubai"),
    ("Islamabad", "Asia/Karachi"),
    ("Lahore", "Asia/Karachi"),
    ("Munich", "Europe/Berlin"),
    ("Frankfurt", "Europe/Berlin"),
    ("Hamburg", "Europe/Berlin"),
    ("Cologne", "Europe/Berlin"),
    ("Stuttgart", "Europe/Berlin"),
    ("Geneva", "Europe/Zurich"),
    ("Bern", "Europe/Zurich"),
    ("Basel", "Europe/Zurich"),
    ("Milan", "Europe/Rome"),
    ("Turin", "Europe/Rome"),
    ("Naples", "Europe/Rome"),
    ("Barcelona", "Europe/Madrid"),
    ("Lyon", "Europe/Paris"),
    ("Marseille", "Europe/Paris"),
    ("Manchester", "Europe/London"),
    ("Edinburgh", "Europe/London"),
    ("St_Petersburg", "Europe/Moscow"),
    ("Saint_Petersburg", "Europe/Moscow"),
    ("San_Francisco", "America/Los_Angeles"),
    ("Seattle", "America/Los_Angeles"),
    ("San_Diego", "America/Los_Angeles"),
    ("Las_Vegas", "America/Los_Angeles"),
    ("Washington", "America/New_York"),
    ("Boston", "America/New_York"),
    ("Philadelphia", "America/New_York"),
    ("Atlanta", "America/New_York"),
    ("Miami", "America/New_York"),
    ("Houston", "America/Chicago"),
    ("Dallas", "America/Chicago"),
    ("Austin", "America/Chicago"),
    ("Ottawa", "America/Toronto"),
    ("Brasilia", "America/Sao_Paulo"),
    ("Rio_de_Janeiro", "America/Sao_Paulo"),
];

/// Entries of a zoneinfo directory that are not zones to live in.
const NOT_ZONES: [&str; 3] = ["Factory", "localtime", "posixrules"];

/// No name in tzdb is longer, and none is looked for that is like one.
const LONGEST: usize = 40;

/// Where the day begins first: no place is further ahead of UTC.
#[must_use]
pub fn first_zone() -> TimeZone {
    TimeZone::fixed(tz::offset(14))
}

/// The time zone with this name in tzdb, in any case (`Europe/Berlin`), or `UTC`.
///
/// # Errors
/// The name is unknown, or no place: an abbreviation (`PST`), an offset (`UTC+2`), `local`.
pub fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    if let Some(city) = city_of(&WITHOUT_SUMMER, name) {
        return Err(no_place(name, ", and has no summer time", city));
    }
    if let Some(city) = city_of(&WITH_SUMMER, name) {
        return Err(no_place(name, "", city));
    }
    if ["local", "localtime", "system"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
    {
        return Err(no_place(
            name,
            ", and not every machine agrees where it is",
            "Europe/Berlin",
        ));
    }
    if is_offset(name) {
        return Err(no_place(
            name,
            " but an offset, and has no summer time",
            "Europe/Berlin",
        ));
    }
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name().is_some_and(is_zone) => Ok(zone),
        _ => Err(unknown(name)),
    }
}

fn city_of(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, city)| *city)
}

fn no_place(name: &str, why: &str, city: &str) -> ZoneError {
    ZoneError {
        message: format!("`{name}` is not a place{why}"),
        suggestion: None,
        help: Some(format!("name a city: `timezone = \"{city}\"`")),
    }
}

/// `+02:00`, `UTC+2`, `GMT-5`.
fn is_offset(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let rest = ["UTC", "GMT"]
        .iter()
        .find_map(|prefix| upper.strip_prefix(prefix));
    let rest = rest.unwrap_or(&upper);
    rest.strip_prefix(['+', '-', '\u{2212}'])
        .is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_zone(name: &str) -> bool {
    !NOT_ZONES.contains(&name)
}

fn unknown(name: &str) -> ZoneError {
    if name.trim().is_empty() {
        return ZoneError {
            message: "the time zone is empty".to_owned(),
            suggestion: None,
            help: Some("name a city: `timezone = \"Europe/Berlin\"`".to_owned()),
        };
    }
    let suggestion = sharing(name).or_else(|| closest(name));
    let help = match suggestion {
        Some(_) => None,
        None => Some("`timedatectl list-timezones` lists them all".to_owned()),
    };
    ZoneError {
        message: format!("no time zone is called `{name}`"),
        suggestion,
        help,
    }
}

/// The zone of a city that has none of its own name.
fn sharing(name: &str) -> Option<String> {
    let asked = folded(name);
    let city = asked.rsplit('/').next()?;
    city_of(&SHARING, city).map(str::to_owned)
}

/// The zone spelt most alike; among equals the one that is in use (`Europe/Kyiv`, not `Kiev`).
fn closest(name: &str) -> Option<String> {
    let asked = folded(name);
    let length = asked.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).max(1);
    let near: Vec<(usize, String)> = tz::db()
        .available()
        .map(|candidate| candidate.as_str().to_owned())
        .filter(|candidate| is_zone(candidate) && !is_abbreviation(candidate))
        .map(|candidate| (distance(&asked, &folded(&candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    let least = near.iter().map(|(distance, _)| *distance).min()?;
    near.into_iter()
        .filter(|(distance, _)| *distance == least)
        .map(|(_, candidate)| candidate)
        .min_by_key(|candidate| {
            let in_use = TimeZone::get(candidate).is_ok_and(|zone| zone.is_primary());
            (Reverse(in_use), candidate.clone())
        })
}

fn is_abbreviation(name: &str) -> bool {
    city_of(&WITHOUT_SUMMER, name).is_some() || city_of(&WITH_SUMMER, name).is_some()
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "_")
}

/// How far `asked` is from a zone's name, or from its city alone if it names no region.
fn distance(asked: &str, candidate: &str) -> usize {
    let city = match candidate.rsplit_once('/') {
        Some((_, city)) if !asked.contains('/') => city,
        _ => candidate,
    };
    strsim::damerau_levenshtein(asked, city)
}
