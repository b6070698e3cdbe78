//! Which fields of the list a template uses, and where.

use super::{compile, template};

/// `name line:column` of every variable of a text body.
fn used(text: &str) -> Vec<String> {
    let template = template(text, "<p>Hi</p>");
    let shown = |v: &postroom::compose::Variable| format!("{} {}:{}", v.name, v.line, v.column);
    template.variables().iter().map(shown).collect()
}

#[test]
fn every_use_is_found_also_in_branches_that_do_not_run() {
    assert_eq!(
        used("Hi {{first_name}},\n  {{{ last }}}"),
        ["first_name 1:6", "last 2:7"]
    );
    assert_eq!(
        used("{{#if a}}{{b}}{{else if (eq c 1)}}{{d}}{{else}}{{e}}{{/if}}{{f}}"),
        ["a 1:7", "b 1:12", "c 1:29", "d 1:37", "e 1:50", "f 1:62"]
    );
    assert_eq!(
        used("{{#unless (or x (not y))}}{{/unless}}{{default z \"z\"}}{{upper (lower w)}}"),
        ["x 1:15", "y 1:22", "z 1:48", "w 1:70"]
    );
    assert_eq!(
        used("{{#if a}}1{{else if b}}{{#if c}}{{else if d}}{{/if}}{{else if e}}{{/if}}"),
        ["a 1:7", "b 1:21", "c 1:30", "d 1:43", "e 1:63"]
    );
    assert_eq!(
        used("{{!-- {{no}} --}}{{! {{no }}\\{{no}} {{{{raw}}}}{{no}}{{{{/raw}}}}").len(),
        0
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    assert_eq!(
        used("{{姓名}} {{[First Name]}}"),
        ["姓名 1:3", "First Name 1:10"]
    );
    assert_eq!(
        used("{{this.a}}{{./b}}{{@root.c}}{{address.city}}{{[a.b]}}"),
        ["a 1:3", "b 1:13", "c 1:20", "address 1:31", "a.b 1:47"]
    );
    assert_eq!(used("{{[len]}}{{this.raw}}"), ["len 1:3", "raw 1:12"]);
    assert_eq!(used("{{a}}{{a}} {{default a a}}").len(), 4);
}

#[test]
fn names_of_items_and_of_blocks_are_not_fields() {
    assert_eq!(
        used(
            "{{#each items}}{{title}} {{this.x}} {{@index}} {{../a}} {{@root.b}}\
             {{else}}{{c}}{{/each}}"
        ),
        ["items 1:9", "a 1:50", "b 1:59", "c 1:78"]
    );
    assert_eq!(
        used("{{#each items as |it at|}}{{it.x}} {{at}} {{#if it}}{{y}}{{/if}}{{/each}}"),
        ["items 1:9"]
    );
    assert_eq!(
        used("{{#with address}}{{city}}{{../name}}{{/with}}{{#with this}}{{b}}{{/with}}"),
        ["address 1:9", "name 1:28", "b 1:62"]
    );
    assert_eq!(
        used("{{#each a}}{{#each this}}{{../../x}}{{../y}}{{/each}}{{/each}}"),
        ["a 1:9", "x 1:28"]
    );
}

#[test]
fn a_partial_is_read_from_each_place_that_includes_it() {
    let found = compile(&[
        ("t/subject.txt", "{{> who}}"),
        (
            "t/body.txt",
            "{{> who title=role}}{{#each items}}{{> row}}{{/each}}{{> who address}}\
             {{#> card}}{{inner}}{{/card}}",
        ),
        ("t/body.html", "{{> who}}"),
        ("partials/who.txt", "{{title}} {{name}}"),
        ("partials/who.html", "<b>{{名}}</b>"),
        ("partials/row.txt", "{{price}} {{@root.currency}}"),
        ("partials/card.txt", "[{{> @partial-block}}]{{owner}}"),
        ("layout.html", "{{{body}}} {{postal}}"),
    ]);
    let template = found.expect("it compiles");
    let shown: Vec<String> = template
        .variables()
        .iter()
        .map(|v| {
            format!(
                "{}:{}:{}+{} {}",
                v.file, v.line, v.column, v.span_len, v.name
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "layout.html:1:14+6 postal",
            "partials/card.txt:1:25+5 owner",
            "partials/row.txt:1:13+14 currency",
            "partials/who.html:1:6+1 名",
            "partials/who.txt:1:3+5 title",
            "partials/who.txt:1:13+4 name",
            "t/body.txt:1:15+4 role",
            "t/body.txt:1:29+5 items",
            "t/body.txt:1:62+7 address",
            "t/body.txt:1:84+5 inner",
        ]
    );
}
