//! What a message shows besides the fields of a row: the data of the run, and given names.

use std::sync::Arc;

use postroom::compose::{Given, Template};
use serde_json::{Value, json};

use super::{compile, fields, template};

fn given(data: Value) -> Given {
    Given {
        data: Some(Arc::new(data)),
        ..Given::default()
    }
}

fn said(template: &Template, row: Value, given: &Given) -> Result<String, String> {
    let fields = fields(row);
    let rendered = template.render_given(&fields, given);
    assert_eq!(
        rendered.as_ref().err(),
        template.check_given(&fields, given).as_ref().err(),
        "check says what render says"
    );
    let rendered = rendered.map_err(|fault| fault.to_string())?;
    Ok(rendered.text.expect("there is a text"))
}

fn text(body: &str, row: Value, given: &Given) -> Result<String, String> {
    said(&template(body, "<p>Hi</p>"), row, given)
}

#[test]
fn the_data_of_the_run_is_shown_beside_the_fields() {
    let data = given(json!({
        "title": "Sales",
        "rows": [{ "team": "A", "sum": 3 }, { "team": "B", "sum": 5 }],
        "none": null,
    }));
    let row = json!({ "name": "Ada", "team": "B" });
    let table = [
        ("{{name}}: {{data.title}}", "Ada: Sales"),
        ("{{@root/data.title}} {{@root.name}}", "Sales Ada"),
        (
            "{{#each data.rows}}{{#if (eq team ../team)}}{{sum}} {{data.title}}{{/if}}{{/each}}",
            "5 Sales",
        ),
        ("{{#with data}}{{title}} {{../name}}{{/with}}", "Sales Ada"),
        ("{{#each data.rows as |it|}}{{it.sum}}{{name}}{{/each}}", ""),
        ("{{default data.none \"nothing\"}}", "nothing"),
        ("{{#each this}}{{@key}} {{/each}}", "name team "),
        ("{{lookup data.rows.1 \"sum\"}}{{len data.rows}}", "52"),
    ];
    for (body, expected) in table {
        let shown = text(body, row.clone(), &data);
        match expected {
            "" => assert!(shown.is_err(), "{body}: {shown:?}"),
            expected => assert_eq!(shown.as_deref(), Ok(expected), "{body}"),
        }
    }
}

#[test]
fn partials_and_layouts_see_the_data_too() {
    let template = compile(&[
        ("t/subject.txt", "{{data.title}} for {{name}}"),
        (
            "t/body.txt",
            "{{> rows}}{{#each data.rows}}{{> row}}{{/each}}",
        ),
        (
            "layout.txt",
            "{{> head who=name}}.\n{{body}}\n{{data.title}}",
        ),
        ("partials/head.txt", "{{data.title}}/{{who}}/{{name}}"),
        (
            "partials/rows.txt",
            "{{#each data.rows}}{{sum}}{{../name}},{{/each}}",
        ),
        ("partials/row.txt", "{{sum}}{{data.title}};"),
    ])
    .expect("it compiles");
    let data = given(json!({ "title": "S", "rows": [{ "sum": 3 }, { "sum": 5 }] }));
    let shown = said(&template, json!({ "name": "Ada" }), &data);
    assert_eq!(shown.as_deref(), Ok("S/Ada/Ada.\n3Ada,5Ada,3S;5S;\nS"));
    let rendered = template.render_given(&fields(json!({ "name": "Ada" })), &data);
    assert_eq!(rendered.expect("it renders").subject, "S for Ada");
}

#[test]
fn a_value_that_has_data_of_its_own_keeps_it() {
    let data = given(json!({ "title": "S", "rows": [{ "data": "own" }, { "sum": 5 }] }));
    let row = json!({ "orders": [{ "data": "tea" }, { "n": 2 }], "box": { "data": "ink" } });
    let table = [
        (
            "{{#each data.rows}}{{#if sum}}{{data.title}}{{else}}{{data}}{{/if}};{{/each}}",
            "own;S;",
        ),
        (
            "{{#each orders}}{{#if n}}{{data.title}}{{else}}{{data}}{{/if}};{{/each}}",
            "tea;S;",
        ),
        ("{{#with box}}{{data}}{{/with}}", "ink"),
        (
            "{{#each (lookup data \"rows\")}}{{#if sum}}{{else}}{{data}}{{/if}}{{/each}}",
            "own",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(
            text(body, row.clone(), &data).as_deref(),
            Ok(expected),
            "{body}"
        );
    }
}

#[test]
fn given_names_win_over_columns_and_are_missed_by_name() {
    let row = json!({
        "data": { "title": "column" }, "unsubscribe_url": "column", "postal_address": "column",
        "run_date": "column",
    });
    let body = "{{data.title}} {{unsubscribe_url}} {{postal_address}} {{run_date}}";
    let all = Given {
        data: Some(Arc::new(json!({ "title": "given" }))),
        unsubscribe_url: Some("https://example.org/u".to_owned()),
        postal_address: Some("1 Long Street".to_owned()),
        run_date: Some("2026-11-23".to_owned()),
        ..Given::default()
    };
    assert_eq!(
        text(body, row.clone(), &all).as_deref(),
        Ok("given https://example.org/u 1 Long Street 2026-11-23")
    );
    assert_eq!(
        text(body, row, &Given::default()).as_deref(),
        Ok("column column column column"),
        "where nothing is given, the column of that name is shown"
    );
    let table = [
        (
            "{{unsubscribe_url}}",
            "`unsubscribe_url` is not known in this message",
        ),
        ("{{data.sum}}", "`data.sum` is not in the data of this run"),
        (
            "{{upper data.sum}}",
            "`data.sum` is not in the data of this run",
        ),
        ("{{name}}", "the field `name` is empty for this person"),
        (
            "{{#each data.rows}}{{sum}}{{/each}}",
            "`sum` is missing in what the block around it goes through",
        ),
        (
            "{{#each data.rows}}{{currency sum \"EUR\"}}{{/each}}",
            "`sum` is missing in what the block around it goes through",
        ),
        (
            "{{#each data.rows}}{{../name}}{{/each}}",
            "the field `name` is empty for this person",
        ),
    ];
    for (body, problem) in table {
        let data = given(json!({ "title": "given", "rows": [{ "of": 3 }] }));
        let fault = text(body, json!({}), &data);
        let fault = fault.expect_err("it is missing");
        assert!(fault.ends_with(problem), "{fault}");
    }
}

#[test]
fn a_loop_within_a_loop_over_large_data_is_a_fault_of_the_row() {
    let row = |n: usize| json!({ "rows": vec![0; n] });
    let nested = "x{{#each rows}}{{#each ../rows}}{{/each}}{{/each}}";
    let fault = text(nested, row(100_000), &Given::default()).expect_err("it is endless");
    let problem = "with this, the message goes through more than 4 million tags: loop over less";
    assert_eq!(fault, format!("template `t` (body.txt:1:16): {problem}"));
    let bodies = [
        "x{{#each rows}}{{#each ../rows}}{{#if 0}}{{else}}{{#if 0}}{{/if}}{{/if}}{{/each}}\
         {{/each}}",
        "x{{#each rows}}{{#with ../this}}{{#each rows}}{{/each}}{{/with}}{{/each}}",
        "x{{#each @root.rows}}{{#unless (eq this 1)}}{{#each @root.rows}}{{else}}{{/each}}\
         {{/unless}}{{/each}}",
    ];
    for body in bodies {
        let fault = text(body, row(100_000), &Given::default()).expect_err("it is endless");
        assert!(fault.ends_with(problem), "{fault}");
    }
    let data = given(row(100_000));
    let body = "x{{#each data.rows}}{{#each @root.data.rows}}{{/each}}{{/each}}";
    assert!(text(body, json!({}), &data).is_err());
    let once = "x{{#each rows}}{{#if this}}{{this}}{{/if}}{{/each}}";
    assert_eq!(
        text(once, row(100_000), &Given::default()).as_deref(),
        Ok("x")
    );
    assert_eq!(
        text(nested, row(1_000), &Given::default()).as_deref(),
        Ok("x")
    );
}
