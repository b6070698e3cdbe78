//! What holds for every expression, zone and instant.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp, civil};
use postroom::calendar::{Calendar, Cron, When};
use proptest::prelude::*;

use super::reference::{self, Hours, Told, ZONES};
use super::zone;

/// A field as text, and the values it stands for, made together.
#[derive(Clone, Debug)]
struct Made {
    text: String,
    values: HashSet<i8>,
    starred: bool,
}

fn field(low: i8, high: i8) -> impl Strategy<Value = Made> {
    let count = high - low + 1;
    let star = (1..count).prop_map(move |step| Made {
        text: if step == 1 {
            "*".to_owned()
        } else {
            format!("*/{step}")
        },
        values: (low..=high).step_by(step as usize).collect(),
        starred: true,
    });
    let item = (low..=high, 0..count, 1..=4i8).prop_map(move |(from, length, step)| {
        // Only weekdays may run through their end.
        let length = if high == 6 {
            length
        } else {
            length.min(high - from)
        };
        let to = low + (from - low + length) % count;
        let step = step.min(length.max(1));
        let values = (0..=length)
            .step_by(step as usize)
            .map(|n| low + (from - low + n) % count);
        let text = match (length, step) {
            (0, _) => format!("{from}"),
            (_, 1) => format!("{from}-{to}"),
            _ => format!("{from}-{to}/{step}"),
        };
        (text, values.collect::<HashSet<i8>>())
    });
    let list = prop::collection::vec(item, 1..3).prop_map(|items| Made {
        text: items
            .iter()
            .map(|(text, _)| text.as_str())
            .collect::<Vec<_>>()
            .join(","),
        values: items.into_iter().flat_map(|(_, values)| values).collect(),
        starred: false,
    });
    prop_oneof![1 => Just(Made { text: "*".into(), values: (low..=high).collect(), starred: true }),
        1 => star, 2 => list]
}

prop_compose! {
    /// An expression, and its meaning put together from its fields', not by reading the text.
    fn expression()(
        minute in field(0, 59),
        hour in field(0, 23),
        day in field(1, 31),
        month in field(1, 12),
        weekday in field(0, 6),
    ) -> Told {
        let fields = [&minute, &hour, &day, &month, &weekday];
        let expression = fields.map(|field| field.text.as_str()).join(" ");
        let hours = match hour.values.len() {
            24 => Hours::All,
            _ if hour.starred => Hours::Stepped,
            _ => Hours::Fixed,
        };
        let matches = move |wall: civil::DateTime| {
            let on_day = day.values.contains(&wall.day());
            let on_weekday = weekday.values.contains(&wall.weekday().to_sunday_zero_offset());
            let days = if day.starred || weekday.starred {
                on_day && on_weekday
            } else {
                on_day || on_weekday
            };
            days && minute.values.contains(&wall.minute())
                && hour.values.contains(&wall.hour())
                && month.values.contains(&wall.month())
        };
        Told { expression, matches: Box::new(matches), hours }
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.expression)
    }
}

prop_compose! {
    /// A zone, and an instant near one of its clock changes as often as not.
    fn somewhere()(
        (name, from_year, _) in prop::sample::select(&ZONES[..]),
        minutes in 0..3 * 366 * 24 * 60i64,
        close in any::<bool>(),
        before in 0..2 * 24 * 60i64,
    ) -> (&'static str, Timestamp) {
        let start = civil::date(from_year, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        let anywhere = start.timestamp() + SignedDuration::from_mins(minutes);
        let zone = zone(name).unwrap();
        let change = zone.following(anywhere).next().map(|change| change.timestamp());
        let at = match change {
            Some(change) if close => change - SignedDuration::from_mins(before),
            _ => anywhere,
        };
        // tzdb's tables end, without a change, in the middle of a minute of 2038.
        let at = at.round(jiff::Unit::Minute).unwrap();
        (name, at)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn occurrences_are_later_in_order_unique_and_the_same_after_any_restart(
        told in expression(),
        (name, from) in somewhere(),
        odd_nanoseconds in 0..2_000_000_000i64,
        restarts in prop::collection::vec(0.0..1.0f64, 8),
    ) {
        // Combinations such as day 31 in February are refused; there is nothing to try.
        let Ok(cron) = told.expression.parse::<Cron>() else { return Ok(()) };
        let calendar = Calendar::new(When::Cron(cron), zone(name).unwrap());
        let from = from + SignedDuration::from_nanos(odd_nanoseconds);
        let found: Vec<_> = calendar.after(from).take(40).collect();
        prop_assert!(!found.is_empty());
        prop_assert!(found[0].at > from);
        prop_assert!(found.windows(2).all(|pair| pair[0].at < pair[1].at));
        let keys: HashSet<_> = found.iter().map(|occurrence| &occurrence.key).collect();
        prop_assert_eq!(keys.len(), found.len());
        let last = found[found.len() - 1].at;
        for share in restarts {
            let now = from + (last.duration_since(from)).mul_f64(share);
            let expected = found.iter().find(|occurrence| occurrence.at > now);
            prop_assert_eq!(calendar.next_after(now), expected.cloned());
        }
    }

    #[test]
    fn a_day_and_a_half_agrees_with_looking_at_the_clock_each_minute(
        told in expression(),
        (name, from) in somewhere(),
    ) {
        if told.expression.parse::<Cron>().is_err() {
            return Ok(());
        }
        let zone = zone(name).unwrap();
        // A fixed time's turn depends on whether the clock has shown it before: begin where the
        // last fold is over.
        let from = from - SignedDuration::from_hours(30);
        let readings = reference::readings(&zone, from, 66 * 60);
        let begin = 30 * 60;
        let begin_at = readings[begin].0;
        let mut expected = reference::expected(&told, &readings);
        expected.retain(|at| *at > begin_at);
        let computed = reference::computed(&told, &zone, &readings[begin..]);
        let differs = reference::first_difference(&computed, &expected);
        prop_assert_eq!(differs, None, "computed and expected, in {} from {}", name, begin_at);
    }

    #[test]
    fn no_text_makes_the_parser_stumble(
        text in prop_oneof![
            any::<String>(),
            "[-*/,0-9LW#?@ a-zé]{0,20}",
            "([-*/,0-9]{1,4} ){4}[-*/,0-9L#A-Za-z]{1,5}",
        ],
    ) {
        match text.parse::<Cron>() {
            Ok(cron) => prop_assert_eq!(&cron.to_string(), &text),
            Err(fault) => {
                prop_assert!(text.get(fault.span.clone()).is_some(), "{:?}", fault.span);
                prop_assert!(!fault.message.is_empty());
            }
        }
        let _ = postroom::calendar::parse_civil(&text);
        let _ = zone(&text);
    }
}
