//! People written into the configuration itself.

use postroom::audience::{InlineRow, List, Row, Source};
use serde_json::{Map, Value, json};

fn team(rows: &[(&str, Value)]) -> List {
    let row = |(address, fields): &(&str, Value)| InlineRow {
        address: (*address).to_owned(),
        fields: fields.as_object().unwrap().clone(),
    };
    List {
        name: "team".to_owned(),
        source: Source::Inline(rows.iter().map(row).collect()),
        address_column: "email".to_owned(),
        name_column: None,
        max_age: None,
        optional: vec!["plan".to_owned()],
        fields: Map::new(),
        defaults: Map::new(),
        max_change: None,
    }
}

fn rows(list: &List) -> Vec<Row> {
    list.read()
        .unwrap_or_else(|error| panic!("{error}"))
        .map(Result::unwrap)
        .collect()
}

#[test]
fn people_in_the_configuration_are_a_list() {
    let list = team(&[
        ("Ada Lovelace <ada@EXAMPLE.org>", json!({})),
        (
            "bo@example.org",
            json!({ "name": "Bo", "plan": "pro", "seats": 3, "note": " " }),
        ),
    ]);
    assert_eq!(
        list.columns().unwrap(),
        ["email", "name", "plan", "seats", "note"]
    );
    let rows = rows(&list);
    let fields = |place: usize| Value::Object(rows[place].recipient.clone().unwrap().fields);
    assert_eq!(
        fields(0),
        json!({ "email": "ada@example.org", "name": "Ada Lovelace", "plan": "" })
    );
    assert_eq!(
        fields(1),
        json!({ "email": "bo@example.org", "name": "Bo", "plan": "pro", "seats": 3 })
    );
    assert_eq!(
        rows.iter()
            .map(|row| row.place.line_if_known().unwrap())
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn bad_people_in_the_configuration_are_named_by_their_place() {
    let list = team(&[
        ("Ada Lovelace", json!({})),
        ("bo@example.org", json!({ "name": 7 })),
        (
            "cy@example.org",
            json!({ "name": "Cy\r\nBcc: x@example.org" }),
        ),
        ("dy@example.org", json!({ "note": ["a", { "b": "\0" }] })),
        ("ed@example.org", json!({})),
    ]);
    let faults: Vec<_> = rows(&list)
        .into_iter()
        .filter_map(|row| {
            Some((
                row.place.line_if_known().unwrap(),
                row.recipient.err()?.to_string(),
            ))
        })
        .collect();
    let expected = [
        (1, "no @ in the address"),
        (2, "the name is not text"),
        (3, "line break in the name"),
        (4, "NUL character in the field `note`"),
    ];
    assert_eq!(
        faults,
        expected.map(|(place, fault)| (place, fault.to_owned()))
    );
}
