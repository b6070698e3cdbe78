//! What comes out of good CSV files.

use postroom::audience::Separator;
use serde_json::{Value, json};

use super::{Csv, file};

fn fields(csv: &Csv) -> Vec<Value> {
    csv.people()
        .into_iter()
        .map(|person| Value::Object(person.fields))
        .collect()
}

#[test]
fn every_column_is_a_field() {
    let csv = Csv::new("email,first_name,plan\nada@example.org,Ada,pro\nbo@example.org, Bo ,\n");
    assert_eq!(csv.list.columns().unwrap(), ["email", "first_name", "plan"]);
    assert_eq!(
        fields(&csv),
        [
            json!({ "email": "ada@example.org", "first_name": "Ada", "plan": "pro" }),
            // A cell is kept with its white space; a blank one leaves no field.
            json!({ "email": "bo@example.org", "first_name": " Bo " }),
        ]
    );
}

#[test]
fn a_blank_or_missing_optional_column_is_an_empty_field() {
    let csv = Csv::new("email,company\nada@example.org,\nbo@example.org,  \n")
        .with(|list| list.optional = vec!["company".to_owned(), "title".to_owned()]);
    assert_eq!(csv.list.columns().unwrap(), ["email", "company", "title"]);
    for person in fields(&csv) {
        assert_eq!(
            (&person["company"], &person["title"]),
            (&json!(""), &json!(""))
        );
    }
}

#[test]
fn the_address_field_is_the_address_as_it_is_mailed() {
    let csv = Csv::new("email\nAda Lovelace <Ada@BÜCHER.example>\n");
    let person = &csv.people()[0];
    assert_eq!(person.fields["email"], "Ada@xn--bcher-kva.example");
    assert_eq!(person.mailbox.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(
        csv.rows()[0].raw_address,
        "Ada Lovelace <Ada@BÜCHER.example>"
    );
}

#[test]
fn the_display_name_comes_from_its_column_else_from_the_address() {
    let text = "email,name,Full Name\nX <ada@example.org>, Ada ,Ada King\nBo <bo@example.org>,,\n";
    for (stated, ada) in [(None, "Ada"), (Some("Full Name"), "Ada King")] {
        let csv = Csv::new(text).with(|list| list.name_column = stated.map(str::to_owned));
        let people = csv.people();
        let name = |place: usize| people[place].mailbox.name.as_deref();
        assert_eq!((name(0), name(1)), (Some(ada), Some("Bo")));
        let field = stated.unwrap_or("name");
        assert_eq!(
            (&people[0].fields[field], &people[1].fields[field]),
            (&json!(ada), &json!("Bo"))
        );
    }
}

#[test]
fn an_optional_name_column_may_be_missing() {
    let csv = Csv::new("email\nAda <ada@example.org>\nbo@example.org\n").with(|list| {
        list.name_column = Some("who".to_owned());
        list.optional = vec!["who".to_owned()];
    });
    assert_eq!(
        fields(&csv)[0],
        json!({ "email": "ada@example.org", "who": "Ada" })
    );
    assert_eq!(
        fields(&csv)[1],
        json!({ "email": "bo@example.org", "who": "" })
    );
}

#[test]
fn the_separator_is_found_in_the_header_or_stated() {
    for (text, separator) in [
        ("email,plan\nada@example.org,a;b;c\n", ","),
        ("email;plan\nada@example.org;a,b,c\n", ";"),
        ("email\tplan\nada@example.org\ta,b\n", "tab"),
        ("email|plan\nada@example.org|a,b\n", "|"),
        ("\r\n\nemail;\"a,b,c,d\";plan\nada@example.org;x;a\n", ";"),
    ] {
        let csv = Csv::new(text);
        assert!(
            csv.people()[0].fields.contains_key("plan"),
            "{separator}: {text}"
        );
    }
    let csv = Csv::new("email^a,b\nada@example.org^1,2\n")
        .with(|list| file(list).separator = Some("^".parse().unwrap()));
    assert_eq!(csv.people()[0].fields["a,b"], "1,2");
    assert!("\t".parse::<Separator>().is_ok());
    for nonsense in ["", "\"", "\n", "ab", "x", "7", " ", "；", "\0", "\r"] {
        assert!(nonsense.parse::<Separator>().is_err(), "{nonsense:?}");
    }
}

#[test]
fn a_list_of_one_column_needs_no_separator() {
    assert_eq!(
        Csv::new("email\nada@example.org\nbo@example.org")
            .people()
            .len(),
        2
    );
}

#[test]
fn quoted_cells_hold_separators_line_breaks_and_quotes() {
    let csv = Csv::new(
        "email,name,note\r\n\
         ada@example.org,\"Lovelace, Ada\",\"first\r\nsecond\"\r\n\
         bo@example.org,\"Bo \"\"B\"\" O\",5\" pipe\r\n",
    );
    let people = csv.people();
    assert_eq!(people[0].mailbox.name.as_deref(), Some("Lovelace, Ada"));
    assert_eq!(people[0].fields["note"], "first\r\nsecond");
    assert_eq!(people[1].mailbox.name.as_deref(), Some("Bo \"B\" O"));
    assert_eq!(people[1].fields["note"], "5\" pipe");
}

#[test]
fn a_row_knows_the_line_it_begins_on() {
    let text = "email,note\r\n\
                a@example.org,\"1\r\n2\r\n3\"\r\n\
                \r\n\
                b@example.org,x\r\n\
                c@example.org,\"\n\n\"\r\n\
                d@example.org,\"quote \"\" \r\n\"\r\n\
                e@example.org,end";
    let expected = [2, 6, 7, 10, 12];
    let unix = text.replace("\r\n", "\n");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (gb18030, _, _) = encoding_rs::GB18030.encode(text);
    for csv in [
        Csv::new(text),
        Csv::new(unix),
        Csv::new([b"\xff\xfe", &utf16[..]].concat()),
        Csv::new(utf16).encoded("utf-16le"),
        Csv::new(gb18030).encoded("gb18030"),
    ] {
        let lines: Vec<u64> = csv
            .rows()
            .iter()
            .map(|row| row.place.line_if_known().unwrap())
            .collect();
        assert_eq!(lines, expected);
    }
}

#[test]
fn the_first_line_of_excel_says_the_separator_and_names_no_column() {
    for (text, lines) in [
        ("sep=|\nemail|a,b;c,d\nada@example.org|x\n", [3]),
        ("SEP=,\r\n\r\nemail,a;b;c\r\nada@example.org,x\r\n", [4]),
        // It says no more than that, or it is a name like any other.
        ("sep=x,email\n,ada@example.org\n", [2]),
    ] {
        let rows = Csv::new(text).rows();
        let people = rows.iter().filter(|row| row.recipient.is_ok());
        let told: Vec<_> = people
            .map(|row| row.place.line_if_known().unwrap())
            .collect();
        assert_eq!(told, lines, "{text}");
    }
}

#[test]
fn a_byte_order_mark_tells_the_encoding_and_beats_a_stated_one() {
    // Quotes at the very start count only if the mark is gone.
    let text = "\"na\r\rme\";email\nОльга 张三 😀;ada@example.org\n";
    let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        [b"\xff\xfe", &le[..]].concat(),
        [b"\xfe\xff", &be[..]].concat(),
    ] {
        for csv in [Csv::new(&bytes), Csv::new(&bytes).encoded("gb18030")] {
            let row = &csv.rows()[0];
            let person = row.recipient.as_ref().unwrap();
            assert_eq!(
                (row.place.line_if_known().unwrap(), &person.fields["na me"]),
                (2, &json!("Ольга 张三 😀"))
            );
        }
    }
}

#[test]
fn a_list_of_a_chinese_spreadsheet_is_read() {
    let (bytes, _, _) = encoding_rs::GB18030.encode("邮箱,姓名\r\nzhang@example.org,张三丰\r\n");
    let csv = Csv::new(bytes).encoded("gb18030").with(|list| {
        list.address_column = "邮箱".to_owned();
        list.name_column = Some("姓名".to_owned());
    });
    assert_eq!(csv.people()[0].mailbox.name.as_deref(), Some("张三丰"));
}

#[test]
fn white_space_in_column_names_does_not_count() {
    let csv = Csv::new(" email ,\"First\nName\"\nada@example.org,Ada\n");
    assert_eq!(csv.list.columns().unwrap(), ["email", "First Name"]);
}

#[test]
fn a_header_alone_is_a_list_of_nobody() {
    for text in ["email,name", "email,name\r\n", "email,name\n\n\n"] {
        assert_eq!(Csv::new(text).rows().len(), 0);
    }
}

#[test]
fn a_bad_row_among_good_ones_says_its_line_and_reason() {
    let csv = Csv::new(
        "email;first_name;plan\nada@example.org;Ada;pro\nada(at)example.org;Ada;pro\n\
         bo@example.org;Bo\ncy@example.org;Cy;pro;x\n\"dy\r\nBcc: x@example.org\";Dy;a\n;;\n\
         ed@example.org;Ed;pro\n",
    );
    let faults: Vec<(u64, String, String)> = csv
        .rows()
        .into_iter()
        .filter_map(|row| {
            Some((
                row.place.line_if_known().unwrap(),
                row.raw_address,
                row.recipient.err()?.to_string(),
            ))
        })
        .collect();
    let expected = [
        (3, "ada(at)example.org", "no @ in the address"),
        (4, "bo@example.org", "2 fields, the header has 3"),
        (5, "cy@example.org", "4 fields, the header has 3"),
        (6, "dy\r\nBcc: x@example.org", "line break in the address"),
        (8, "", "the address is empty"),
    ];
    let expected = expected.map(|(line, raw, fault)| (line, raw.to_owned(), fault.to_owned()));
    assert_eq!(faults, expected);
    assert_eq!(csv.rows().len(), 7);
}

#[test]
fn a_name_that_would_forge_a_header_makes_the_row_bad() {
    let csv = Csv::new("email,name\nada@example.org,\"Ada\nBcc: eve@example.org\"\n");
    assert_eq!(
        csv.rows()[0].recipient.clone().unwrap_err().to_string(),
        "line break in the name"
    );
}

#[test]
fn a_link_to_a_file_is_followed_and_a_replaced_file_is_read_to_its_end() {
    let csv = Csv::new(format!("email\n{}", "ada@example.org\n".repeat(20_000)));
    let link = csv.folder.path().join("link.csv");
    std::os::unix::fs::symlink(csv.path(), &link).unwrap();
    let mut rows = super::list(&link)
        .read()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(rows.next().unwrap().is_ok());
    let newer = csv.folder.path().join("newer.csv");
    std::fs::write(&newer, "email\nbo@example.org\n").unwrap();
    std::fs::rename(newer, csv.path()).unwrap();
    assert_eq!(rows.filter(Result::is_ok).count(), 19_999);
}
