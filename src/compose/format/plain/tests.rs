//! What people read of HTML who read none.

use super::*;
use proptest::prelude::*;

/// The text of some HTML, and what it shows with these values.
fn shown(html: &str, values: serde_json::Value) -> String {
    let text = plain(html);
    let registry = crate::compose::builtin::registry(false);
    let shown = registry.render_template(&text, &values);
    shown.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn plain(html: &str) -> String {
    derive(html, &Shapes::new(), false)
}

#[test]
fn paragraphs_are_apart_and_lines_are_not_wrapped() {
    let html = "<h1>A</h1>\n<p>one\n  two&nbsp;&amp; three</p><p>four<br>five<br></p><hr>six";
    assert_eq!(
        plain(html),
        "A\n\none two & three\n\nfour\nfive\n\n---\n\nsix\n"
    );
}

#[test]
fn links_show_where_they_lead_unless_they_say_it() {
    let html = r##"<a href="{{url}}?a=1&amp;b=2">Pay</a>,
        <a href='https://x.org/'>x.org</a>, <a href=mailto:ada@x.org?subject=Hi>Ada</a>,
        <a href=tel:+1>+1</a>, <a href=#a>Up</a>, <a href=https://y.org><img alt=Logo></a>
        <a {{#if u}}href={{u}}{{/if}}>more</a>"##;
    assert_eq!(
        plain(html),
        "Pay <{{url}}?a=1&b=2>, x.org, Ada <ada@x.org>, +1, Up, \
         Logo <https://y.org> more{{#if u}} <{{u}}>{{/if}}\n"
    );
}

#[test]
fn what_nobody_sees_is_no_text() {
    let html = "<head><title>T</title><style>p{}</style></head><body>\
        <div style='Display : none'><div>{{#if a}}{{b}}{{/if}}</div>x</div><p hidden>y\
        <p>Hi<!-- {{c}} --> <span aria-hidden=true>*</span><img src={{d}} alt=''>";
    assert_eq!(plain(html), "Hi\n");
}

#[test]
fn rows_are_lines_and_cells_with_paragraphs_are_not() {
    let html = "<table><tr><th>A</th><th>B</th></tr>\
        {{#each rows}}<tr><td>{{a}}<td>{{b}}</tr>{{/each}}</table>\
        <table><tr><td><p>x</p></td><td>&nbsp;</td><td>y</td></tr></table>";
    let values = serde_json::json!({"rows": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]});
    assert_eq!(shown(html, values), "A  B\n1  2\n3  4\n\nx\n\ny\n");
}

#[test]
fn lists_are_marked_and_numbered_where_the_numbers_are_known() {
    let html = "<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul>\
        <ol start=3><li>d<li>e</ol><ol>{{#each f}}<li>{{this}}</li>{{/each}}</ol><p>g</p>";
    let text = |f: &[&str]| shown(html, serde_json::json!({ "f": f }));
    let before = "- a\n  - b\n- c\n\n3. d\n4. e\n\n";
    assert_eq!(text(&["x", "y"]), format!("{before}- x\n- y\n\ng\n"));
    assert_eq!(text(&[]), format!("{before}g\n"));
}

#[test]
fn empty_lines_do_not_pile_up_whatever_is_shown() {
    let html = "<p>a</p> {{#if x}} <p>b</p> {{/if}}
        {{#if y}}<p>c</p>{{else}} <div>d</div>{{/if}}
        <p>{{#if x}}Dr {{/if}}e{{#if y}} f{{/if}}, {{#each z}}<b>{{this}}</b> {{/each}}g</p>
        {{#if x}}<p>h</p>{{/if}} {{#unless y}}<ul><li>i</li></ul>{{/unless}} ";
    let text =
        |x: bool, y: bool, z: &[u8]| shown(html, serde_json::json!({"x": x, "y": y, "z": z}));
    assert_eq!(
        text(true, true, &[1, 2]),
        "a\n\nb\n\nc\n\nDr e f, 1 2 g\n\nh\n"
    );
    assert_eq!(text(false, false, &[]), "a\n\nd\n\ne, g\n\n- i\n");
    assert_eq!(
        text(true, false, &[]),
        "a\n\nb\n\nd\n\nDr e, g\n\nh\n\n- i\n"
    );
    assert_eq!(text(false, true, &[]), "a\n\nc\n\ne f, g\n");
}

#[test]
fn chinese_gets_no_spaces_from_line_breaks() {
    let html = "<p>\u{4f60}\u{597d}\n \u{4e16}\u{754c} and\n\u{4e16}</p>";
    let text = "\u{4f60}\u{597d}\u{4e16}\u{754c} and \u{4e16}\n";
    assert_eq!(plain(html), text);
}

#[test]
fn html_of_a_value_is_shown_as_text() {
    let html = "<p>{{{a}}}</p>{{& b}}{{{lookup c 0}}}";
    let values = serde_json::json!({
        "a": "<b>x</b> {{y}}",
        "b": "<p>z</p>",
        "c": ["1 &lt; 2"],
    });
    assert_eq!(shown(html, values), "x {{y}}\n\nz1 < 2\n");
}

#[test]
fn braces_and_backslashes_of_the_text_make_no_tags() {
    let html = r"&#123;{x}} \{{no}} C:\<b>{{a}}</b> {{{{raw}}}}{{b}}{{{{/raw}}}}";
    let text = "{{x}} {{no}} C:\\1 {{b}}\n";
    assert_eq!(shown(html, serde_json::json!({"a": 1})), text);
}

const PIECES: [&str; 13] = [
    "<p>",
    "</p>",
    "<table><tr><td>",
    "</td></tr></table>",
    "<ul><li>",
    "</li></ul>",
    "<br>",
    " text\n",
    "{{v}}",
    "<a href=\"{{h}}\">go</a>",
    "<i class=\"{{c}}\">",
    "{{#if x}}<p>{{w}}</p>{{else}}{{o}}{{/if}}",
    "<ul>{{#each y}}<li>{{this}}</li>{{/each}}</ul>",
];

proptest! {
    #[test]
    fn any_text_becomes_text(html in "[<>a-z/={}#&;\"' \n\\\\!-]{0,200}|\\PC{0,80}") {
        let _ = plain(&html);
        let _ = of_value(&html);
    }

    #[test]
    fn every_tag_comes_out_once_and_in_order(
        picked in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
    ) {
        let mut html = String::new();
        for (number, piece) in picked.iter().enumerate() {
            html.push_str(&piece.replace("{{v", &format!("{{{{v{number}")));
        }
        let tags = |text: &str| {
            let tags = tags::scan(text).into_iter().map(|tag| text[tag.range].to_owned());
            tags.filter(|tag| tag != "{{c}}").collect::<Vec<_>>()
        };
        let text = plain(&html);
        let written = without_last(&text);
        prop_assert_eq!(tags(&written), tags(&html), "{}", text);
        prop_assert!(handlebars::Template::compile(&text).is_ok(), "{}", text);
        for x in [true, false] {
            let values = serde_json::json!({
                "x": x, "y": if x { vec![1, 2] } else { vec![] },
                "w": "w", "o": "o", "h": "h",
            });
            let mut values = values;
            for number in 0..picked.len() {
                values[format!("v{number}")] = "v".into();
            }
            let shown = shown(&html, values);
            prop_assert!(!shown.trim().contains("\n\n\n"), "{}\n{}", text, shown);
        }
    }
}

/// The text without what is added at the end of loops.
fn without_last(text: &str) -> String {
    ["\n\n", "\n", ""]
        .iter()
        .fold(text.to_owned(), |text, inner| {
            let added = format!("{{{{#if @last}}}}{inner}\n{{{{/if}}}}");
            text.replace(&added, "")
        })
}
