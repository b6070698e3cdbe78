//! Fields and defaults that come from the configuration.

use postroom::audience::List;
use serde_json::{Map, Value, json};

use super::Csv;
use super::json::people;

fn fields(list: &mut List, fields: Value) {
    list.fields = fields.as_object().unwrap().clone();
}

fn defaults(list: &mut List, defaults: Value) {
    list.defaults = defaults.as_object().unwrap().clone();
}

/// The fields of everybody on the list.
fn read(list: &Csv) -> Vec<Value> {
    let people = list.people().into_iter();
    people.map(|person| Value::Object(person.fields)).collect()
}

/// The same people as CSV and as JSON.
fn both(csv: &str, json: &str) -> [Csv; 2] {
    [Csv::new(csv), people(json)]
}

#[test]
fn a_field_for_all_is_there_with_its_type_and_a_default_where_there_is_none() {
    let lists = both(
        "email,plan,title\na@example.org,pro,Dr\nb@example.org, ,\n",
        r#"[{"email": "a@example.org", "plan": "pro", "title": "Dr"},
            {"email": "b@example.org", "plan": null, "title": " "}]"#,
    );
    for list in lists {
        let list = list.with(|list| {
            fields(
                list,
                json!({ "team": "ops", "seats": 3, "tags": ["x", true] }),
            );
            defaults(list, json!({ "plan": "free", "city": { "name": "Rome" } }));
            list.optional = vec!["title".to_owned(), "note".to_owned()];
        });
        let all = json!({ "team": "ops", "seats": 3, "tags": ["x", true],
            "city": { "name": "Rome" }, "note": "" });
        let with = |own: Value| {
            let both: Map<_, _> = [own, all.clone()]
                .into_iter()
                .flat_map(|it| it.as_object().unwrap().clone())
                .collect();
            Value::Object(both)
        };
        let expected = [
            with(json!({ "email": "a@example.org", "plan": "pro", "title": "Dr" })),
            with(json!({ "email": "b@example.org", "plan": "free", "title": "" })),
        ];
        assert_eq!(read(&list), expected);
        assert_eq!(
            list.list.columns().unwrap(),
            [
                "email", "plan", "title", "team", "seats", "tags", "city", "note"
            ]
        );
    }
}

#[test]
fn a_default_name_is_for_templates_and_never_for_the_header() {
    let lists = both(
        "email,name\na@example.org,\nBo <b@example.org>,\n",
        r#"[{"email": "a@example.org"}, {"email": "Bo <b@example.org>", "name": ""}]"#,
    );
    for list in lists {
        let list = list.with(|list| defaults(list, json!({ "name": "colleague" })));
        let people = list.people();
        let names = people.iter().map(|it| it.mailbox.name.as_deref());
        assert_eq!(names.collect::<Vec<_>>(), [None, Some("Bo")]);
        let fields = people.iter().map(|it| &it.fields["name"]);
        assert_eq!(fields.collect::<Vec<_>>(), ["colleague", "Bo"]);
    }
    let csv = "email\na@example.org\nBo <b@example.org>\n";
    let without = Csv::new(csv).with(|list| defaults(list, json!({ "name": "you" })));
    let named = read(&without).into_iter().map(|it| it["name"].clone());
    assert_eq!(named.collect::<Vec<_>>(), ["you", "Bo"]);
}

#[test]
fn a_name_for_all_is_for_templates_and_leaves_the_header_alone() {
    let lists = both(
        "email\nBo <b@example.org>\n",
        r#"[{"email": "Bo <b@example.org>"}]"#,
    );
    for list in lists {
        let list = list.with(|list| fields(list, json!({ "name": "team" })));
        let bo = &list.people()[0];
        assert_eq!(bo.mailbox.name.as_deref(), Some("Bo"));
        assert_eq!(bo.fields["name"], "team");
    }
}

#[test]
fn a_column_that_is_also_a_field_for_all_refuses_the_list() {
    let lists = both(
        "email,team\na@example.org,\n",
        "[{\"email\": \"a@example.org\"},\n{\"email\": \"b@example.org\", \"team\": null}]",
    );
    for (list, line) in lists.into_iter().zip([1, 2]) {
        let list = list.with(|list| fields(list, json!({ "team": "ops" })));
        let error = list.error();
        assert_eq!((error.code(), error.line), ("fixed-column", Some(line)));
        assert_eq!(
            error.message,
            "the column `team` is one of the list's `fields` too"
        );
    }
}
