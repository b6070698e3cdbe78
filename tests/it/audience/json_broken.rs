//! JSON files that are refused as a whole, and what is said of them.

use serde_json::{Value, json};

use super::Csv;
use super::json::people;

fn assert_said(list: &Csv, words: &str) {
    let said = list.said();
    let start = "list `people`: people.json";
    assert!(said.starts_with(start), "{said}");
    assert!(said[start.len()..].contains(words), "{words}\n{said}");
}

#[test]
fn what_is_not_json_is_refused_with_its_line_and_what_to_do() {
    for (content, words) in [
        (
            "",
            ": the file is empty: it has not even a pair of brackets; was its export",
        ),
        (" \r\n\n", ": the file is empty"),
        (
            "email,name\n",
            ":1: it is no list in JSON: that begins with [ or with {; is it the",
        ),
        ("\n\"a@example.org\"", ":2: it is no list in JSON"),
        (
            "[\n{\"email\": \"a@example.org\"},\n]",
            ":3: a value must stand here, and not `]`; JSON has no comma after the last one",
        ),
        (
            "[{\"email\": \"a@example.org\",}]",
            ":1: a key in double quotes must stand here, and not `}`; JSON has no comma",
        ),
        ("[,]", ":1: a value must stand here, and not `,`"),
        (
            "[{\"a\":1}\n{\"a\":2}]",
            ":2: `,` or `]` must stand here, and not `{`; is a comma missing",
        ),
        (
            "[\n// people\n]",
            ":2: a value must stand here, and not `/`; JSON has no comments",
        ),
        (
            "[{'email': 1}]",
            ":1: a key in double quotes must stand here, and not `'`; JSON has double quotes only",
        ),
        (
            "[NaN]",
            ":1: a value must stand here, and not `N`; JSON has no NaN and no Infinity",
        ),
        (
            "[-Infinity]",
            ":1: a digit must stand here, and not `I`; JSON has no NaN",
        ),
        (
            "[True]",
            ":1: a value must stand here, and not `T`; JSON writes true, false",
        ),
        (
            "[trux]",
            ":1: `true`, `false` or `null` must stand here, and not `x`",
        ),
        ("[01]", ":1: `,` or `]` must stand here, and not `1`"),
        ("[+1]", ":1: a value must stand here, and not `+`"),
        ("[.5]", "and not `.`"),
        ("[1.]", ":1: a digit must stand here"),
        ("[1e]", ":1: a digit must stand here"),
        (
            "[é]",
            ":1: a value must stand here; was the file written by hand?",
        ),
        ("[{\"a\" 1}]", ":1: `:` must stand here, and not `1`"),
        (
            "[\"a\nb\"]",
            ":1: a text has a line break or a control character in it",
        ),
        (
            "[\"a\tb\"]",
            ":1: a text has a line break or a control character in it",
        ),
        (
            "[\n\"\\x\"]",
            ":2: a backslash in a text is followed by what JSON does not know",
        ),
        ("[\"\\u12g4\"]", ":1: a backslash in a text"),
        (
            "[\n\n\"\\ud83d\"]",
            ":3: a text has one half of a surrogate pair (\\ud800 to \\udfff)",
        ),
        (
            "[\"\\ude00\\ud83d\"]",
            ":1: a text has one half of a surrogate pair",
        ),
        (
            "[\"\\ud83d\\n\"]",
            ":1: a text has one half of a surrogate pair",
        ),
        (
            "[\"\\ud83d\\u0041\"]",
            ":1: a text has one half of a surrogate pair",
        ),
        (
            "[]\n[]",
            ":2: something follows the end of the document; a file of one object a line",
        ),
        ("[]\n,", ":2: something follows the end"),
        (
            "{\"a\":1},\n{\"a\":2}",
            ":1: something follows the object on this line; write each on a",
        ),
        (
            "{\"a\":1}\n{\"a\":2}{\"a\":3}",
            ":2: something follows the object on this line",
        ),
        (
            "{\"a\":1}\n{\"a\":\n2}",
            ":2: the object that begins here does not end on its line; was it cut off?",
        ),
        ("{\"a\":1}\n]", ":2: a value must stand here, and not `]`"),
        ("[{\"a\": \"\u{0}\"}]", ":1: this line has a NUL byte"),
    ] {
        assert_said(&people(content), words);
    }
    let deep = |depth| format!("\n{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_said(
        &people(deep(102)),
        ":2: brackets stand in brackets, more than 100 deep; is it",
    );
    assert_eq!(people(deep(101)).rows().len(), 1);
    assert_said(&people(b"[\n\"\xff\"]"), ":2: this line is not UTF-8 text");
}

#[test]
fn a_document_is_asked_where_its_people_are() {
    let rows = "[{\"email\": \"a@example.org\"}]";
    let pretty = format!("{{\n \"meta\": {{\"tags\": []}},\n \"data\": {{\"people\": {rows}}}\n}}");
    assert_said(
        &people(&pretty),
        ":1: the object that begins here has several lines: it is a document, not a person; say \
         where its people are: rows = \"meta.tags\" or rows = \"data.people\"",
    );
    assert_said(
        &people("{\n\"a\": 1}"),
        "say where its people are: rows = \"data.people\"",
    );
    assert_said(
        &people(format!("\n{{\n\"people\": {rows}}}")),
        ":2: the object that begins here has several lines",
    );
    let line = format!("{{\"data\": {{\"people\": {rows}}}}}\n");
    assert_said(
        &people(&line),
        ": no column is called `email`; if this is one document and not one object a line, say \
         where its people are: rows = \"data.people\"",
    );
    let large = format!("{{\"data\": [{}1]}}", "1, ".repeat(600_000));
    assert_said(
        &people(large),
        ":1: the value that begins here is larger than 1 MiB; is it the right file? if this is \
         one document, `rows` says where",
    );
}

#[test]
fn rows_that_lead_nowhere_are_told_with_what_is_there() {
    let document = concat!(
        "{\"meta\": {\"n\": 1},\n\"data\":\n",
        "{\"People\": [], \"x@example.org\": 1},\n\"none\": null}"
    );
    for (rows, words) in [
        (
            "people",
            ":1: the document has no `people`; its keys there: meta, data, none",
        ),
        (
            "daat.People",
            ":1: the document has no `daat`; did you mean rows = \"data\"? its keys",
        ),
        (
            "data.people",
            ":3: the document has no `data.people`; did you mean rows = \"data.People\"? its \
             keys there: People",
        ),
        (
            "data",
            ":3: `data` is an object, not an array of people; say where its people are: rows = \
             \"data.People\"",
        ),
        ("none.people", ":4: `none` is null, not an object; say"),
        (
            "meta.n",
            ":1: `meta.n` is a number, not an array of people; say",
        ),
        (
            "data.People.x",
            ":3: `data.People` is an array, not an object; say where its people are: rows = \
             \"data.People\"",
        ),
    ] {
        assert_said(&people(document).at(rows), words);
    }
    assert_said(
        &people("\n[]").at("data.people"),
        ":2: `rows` is \"data.people\", and the document is itself an array; take out `rows`",
    );
    assert_said(
        &people("{}").at("a"),
        ":1: the document has no `a`; there are no keys at all",
    );
    assert_said(
        &people("{\"a\": []}\n{\"a\": []}").at("a"),
        ":2: something follows the end",
    );
    for twice in [
        "{\"a\": {\"b\": []},\n\"c\": 1, \"a\": {\"b\": []}}",
        "{\"a\": {\"b\": []},\n\"c\": 1, \"\\u0061\": 1}",
    ] {
        assert_said(
            &people(twice).at("a.b"),
            ":2: the document has `a` a second time; nobody can tell which",
        );
    }
    let inner = "{\"a\": {\"b\": [],\n\"b\": 1}, \"b\": 1}";
    assert_said(
        &people(inner).at("a.b"),
        ":2: the document has `a.b` a second time",
    );
}

#[test]
fn a_path_is_keys_with_dots_between_them() {
    for wrong in [
        "", ".", "a.", ".a", "a..b", "$.a", "/a/b", "a[0]", "a[*]", "a.*", "a\n",
    ] {
        let parsed = wrong.parse::<postroom::audience::RowsPath>();
        assert!(parsed.is_err(), "{wrong}");
    }
    for right in ["a", "data.people", "our people.名单"] {
        let parsed: postroom::audience::RowsPath = right.parse().unwrap();
        assert_eq!(parsed.to_string(), right);
    }
}

#[test]
fn a_column_that_no_row_has_is_told_with_what_the_rows_have() {
    let rows = r#"[{"e_mail": "a@example.org", "n": 1, "b@example.org": 1}, {"x": {}}]"#;
    assert_said(
        &people(rows),
        ": no column is called `email`; did you mean address_column = \"e_mail\"? the columns are: \
         e_mail, n, x",
    );
    let named = |name: &str| {
        let name = name.to_owned();
        people(r#"[{"email": "a@example.org"}]"#).with(|list| list.name_column = Some(name))
    };
    assert_said(
        &named("nick"),
        "no column is called `nick`; say which one it is with name_column",
    );
    let optional = named("nick").with(|list| list.optional.push("nick".to_owned()));
    assert_eq!(optional.people()[0].fields["nick"], "");
    let by_default = named("nick").with(|list| {
        list.defaults.insert("nick".to_owned(), json!("you"));
    });
    assert_eq!(by_default.people()[0].fields["nick"], "you");
    let nested = r#"[{"contact": {"email": "a@example.org", "b": {"c": 1}}}]"#;
    for path in ["contact.email", "contact.b.c"] {
        let list = people(nested).with(|list| list.address_column = path.to_owned());
        assert_said(
            &list,
            &format!(
                "no column is called `{path}`; `{path}` leads into an object in \
                 the row, which is not supported"
            ),
        );
    }
    let flat = people(r#"[{"contact.email": "a@example.org"}]"#);
    let flat = flat.with(|list| list.address_column = "contact.email".to_owned());
    assert_eq!(flat.people().len(), 1);
}

/// A document with everything in it, and where its people are.
fn sample() -> (String, Vec<Value>) {
    let people = vec![
        json!({ "email": "a@example.org", "nick": "A\n\"é😀\\", "n": [1, -2.5e-3, {}] }),
        json!({ "email": "b@example.org", "x": { "y": [true, false, null] } }),
    ];
    let rows = serde_json::to_string_pretty(&people).unwrap();
    let document = format!(
        "{{\"head\": [\"\\ud83d\\ude00\", {{\"k\": \"v\"}}], \"d\": {{\"p\": {rows}, \"t\": 1e5}}}}"
    );
    (document, people)
}

#[test]
fn a_file_that_was_cut_off_is_never_a_shorter_list() {
    let (document, people_in_it) = sample();
    let array = serde_json::to_string(&people_in_it).unwrap();
    for (content, rows) in [(&document, Some("d.p")), (&array, None)] {
        let list = |content: &[u8]| match rows {
            Some(rows) => people(content).at(rows),
            None => people(content),
        };
        assert_eq!(list(content.as_bytes()).people().len(), 2);
        for end in 1..content.len() {
            let list = list(&content.as_bytes()[..end]);
            let error = list.error();
            let cut_character = !content.is_char_boundary(end);
            match cut_character {
                true => assert_eq!(error.code(), "bad-encoding"),
                false => {
                    assert_eq!(error.help.as_deref(), Some("was it cut off?"), "{error}");
                    let lines = content[..end].matches('\n').count() as u64 + 1;
                    assert_eq!(error.line, Some(lines), "{error}");
                }
            }
        }
    }
}

/// One object a line has no end but the end of a line.
#[test]
fn one_object_a_line_that_was_cut_off_within_a_line_is_refused() {
    let (_, people_in_it) = sample();
    let lines: Vec<_> = people_in_it.iter().map(Value::to_string).collect();
    let content = format!("{}\n{}\n", lines[0], lines[1]);
    for end in 1..content.len() {
        let list = people(&content.as_bytes()[..end]);
        let is_whole = [lines[0].len(), lines[0].len() + 1, content.len() - 1].contains(&end);
        if is_whole {
            assert_eq!(
                list.people().len(),
                1 + usize::from(end > lines[0].len() + 1)
            );
        } else {
            let error = list.error();
            assert!(
                ["bad-json", "bad-encoding"].contains(&error.code()),
                "{error}"
            );
        }
    }
}

#[test]
fn an_error_behind_the_rows_ends_them() {
    let mut rows: Vec<_> = (0..300)
        .map(|at| json!({ "email": format!("p{at}@example.org") }).to_string())
        .collect();
    rows.push("{]".to_owned());
    let list = people(format!("[{}", rows.join(",\n")));
    let read: Vec<_> = list.list.read().unwrap().collect();
    assert_eq!(read.len(), 301);
    assert!(read[..300].iter().all(Result::is_ok));
    assert_eq!(read[300].as_ref().unwrap_err().line, Some(301));
}
