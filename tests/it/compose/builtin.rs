//! What the helpers show, in which language, and what is said where a value is unfit.

use jiff::tz::TimeZone;
use postroom::compose::{Given, HELPERS};
use serde_json::{Value, json};

use super::{compile, fields, template};

fn locale(tag: &str) -> Given {
    Given {
        locale: Some(tag.to_owned()),
        ..Given::default()
    }
}

fn shown_given(body: &str, row: Value, given: &Given) -> Result<String, String> {
    let template = template(body, "<p>Hi</p>");
    let rendered = template.render_given(&fields(row), given);
    let text = rendered.map(|rendered| rendered.text.expect("there is a text"));
    text.map_err(|fault| fault.to_string())
}

fn shown(body: &str, row: Value, tag: &str) -> String {
    let shown = shown_given(body, row, &locale(tag)).unwrap_or_else(|fault| fault);
    shown.replace(['\u{a0}', '\u{202f}'], "~")
}

#[test]
fn days_and_times_are_written_by_the_readers_customs() {
    let row = || json!({ "due": "2026-11-03", "at": "2026-11-03T09:05:07" });
    let styles = "{{date due \"short\"}} | {{date due}} | {{date due \"long\"}} | \
                  {{date due style=\"full\"}}";
    let table = [
        (
            "en",
            "11/3/26 | Nov 3, 2026 | November 3, 2026 | Tuesday, November 3, 2026",
        ),
        (
            "en-GB",
            "03/11/2026 | 3 Nov 2026 | 3 November 2026 | Tuesday, 3 November 2026",
        ),
        (
            "de",
            "03.11.26 | 03.11.2026 | 3. November 2026 | Dienstag, 3. November 2026",
        ),
        (
            "fr",
            "03/11/2026 | 3 nov. 2026 | 3 novembre 2026 | mardi 3 novembre 2026",
        ),
        (
            "zh-CN",
            "2026/11/3 | 2026年11月3日 | 2026年11月3日 | 2026年11月3日星期二",
        ),
        (
            "ar",
            "3\u{200f}/11\u{200f}/2026 | 03\u{200f}/11\u{200f}/2026 | 3 نوفمبر 2026 | \
             الثلاثاء، 3 نوفمبر 2026",
        ),
        (
            "he",
            "3.11.2026 | 3 בנוב׳ 2026 | 3 בנובמבר 2026 | יום שלישי, 3 בנובמבר 2026",
        ),
        (
            "pl",
            "03.11.2026 | 3 lis 2026 | 3 listopada 2026 | wtorek, 3 listopada 2026",
        ),
        (
            "ja",
            "2026/11/03 | 2026/11/03 | 2026年11月3日 | 2026年11月3日火曜日",
        ),
        (
            "hi",
            "3/11/26 | 3 नव॰ 2026 | 3 नवंबर, 2026 | मंगलवार, 3 नवंबर, 2026",
        ),
    ];
    for (tag, expected) in table {
        assert_eq!(shown(styles, row(), tag), expected, "{tag}");
    }
    let times = "{{date at \"long\" time=\"short\"}} | {{date at time=\"medium\"}} | {{time at}}";
    let table = [
        (
            "en",
            "November 3, 2026 at 9:05~AM | Nov 3, 2026, 9:05:07~AM | 9:05~AM",
        ),
        (
            "de",
            "3. November 2026 um 09:05 | 03.11.2026, 09:05:07 | 09:05",
        ),
        (
            "fr",
            "3 novembre 2026 à 09:05 | 3 nov. 2026, 09:05:07 | 09:05",
        ),
        (
            "zh-CN",
            "2026年11月3日 09:05 | 2026年11月3日 09:05:07 | 09:05",
        ),
        (
            "pl",
            "3 listopada 2026 09:05 | 3 lis 2026, 09:05:07 | 09:05",
        ),
        ("ja", "2026年11月3日 9:05 | 2026/11/03 9:05:07 | 9:05"),
    ];
    for (tag, expected) in table {
        assert_eq!(shown(times, row(), tag), expected, "{tag}");
    }
}

#[test]
fn a_moment_is_shown_where_the_schedule_is() {
    let berlin = TimeZone::get("Europe/Berlin").expect("it is known");
    let given = Given {
        zone: Some(berlin),
        ..locale("de")
    };
    let shown = |body: &str, at: Value| {
        shown_given(body, json!({ "at": at }), &given).unwrap_or_else(|fault| fault)
    };
    let body = "{{date at \"short\" time=\"short\"}}";
    let table = [
        (json!("2026-11-03T23:30:00Z"), "04.11.26, 00:30"),
        (json!("2026-11-03T23:30:00.5-05:00"), "04.11.26, 05:30"),
        (json!("2026-07-03 23:30:00+02:00"), "03.07.26, 23:30"),
        (
            json!("2026-07-03T23:30:00+09:00[Asia/Tokyo]"),
            "03.07.26, 16:30",
        ),
        (json!("2026-11-03T23:30"), "03.11.26, 23:30"),
        (json!("2026-11-03 23:30:59"), "03.11.26, 23:30"),
        (json!(1_793_745_000), "03.11.26, 23:30"),
        (json!(1_793_745_000.9), "03.11.26, 23:30"),
        (json!("1793745000"), "03.11.26, 23:30"),
    ];
    for (at, expected) in table {
        assert_eq!(shown(body, at.clone()), expected, "{at}");
    }
    let at = || json!("2026-11-03T23:30:00Z");
    assert_eq!(
        shown("{{date at \"long\" zone=\"Asia/Tokyo\"}}", at()),
        "4. November 2026"
    );
    assert_eq!(
        shown("{{date at format=\"%d.%m.%Y %H:%M %Z\"}}", at()),
        "04.11.2026 00:30 CET"
    );
    assert_eq!(
        shown("{{date at \"long\" locale=\"fr\"}}", at()),
        "4 novembre 2026"
    );
    assert_eq!(shown("{{date (add_days at 1)}}", at()), "05.11.2026");
    assert_eq!(
        shown("{{add_days at -1}}", at()),
        "2026-11-03T00:30:00+01:00"
    );
    assert_eq!(
        shown("{{add_days at \"29\"}}", json!("2027-01-31")),
        "2027-03-01"
    );
    assert_eq!(
        shown("{{add_days at 1}}", json!("2026-11-03T09:30")),
        "2026-11-04T09:30:00"
    );
    let utc = shown_given(
        body,
        json!({ "at": "2026-11-03T23:30:00+01:00" }),
        &locale("de"),
    );
    assert_eq!(utc.as_deref(), Ok("03.11.26, 22:30"));
}

#[test]
fn numbers_and_amounts_are_written_by_the_readers_customs() {
    let row = || json!({ "n": "1234567.891", "m": -1234.5 });
    let body = "{{number n}} {{number m digits=2}} {{percent 0.255}} | {{currency n \"EUR\"}} \
                {{currency m \"USD\"}} {{currency m \"JPY\"}} {{currency 5 \"CHF\"}}";
    let table = [
        (
            "en",
            "1,234,567.891 -1,234.50 25.5% | €1,234,567.89 -$1,234.50 -¥1,235 CHF~5.00",
        ),
        (
            "de",
            "1.234.567,891 -1.234,50 25,5~% | 1.234.567,89~€ -1.234,50~$ -1.235~¥ 5,00~CHF",
        ),
        (
            "de-CH",
            "1'234'567.891 -1'234.50 25.5% | €~1'234'567.89 $-1'234.50 ¥-1'235 CHF~5.00",
        ),
        (
            "fr",
            "1~234~567,891 -1~234,50 25,5~% | 1~234~567,89~€ -1~234,50~$US -1~235~¥ 5,00~CHF",
        ),
        (
            "zh-CN",
            "1,234,567.891 -1,234.50 25.5% | €1,234,567.89 -US$1,234.50 -JP¥1,235 CHF~5.00",
        ),
        (
            "ar",
            "1,234,567.891 \u{200e}-1,234.50 25.5\u{200e}%\u{200e} | \u{200f}1,234,567.89~€ \
             \u{200f}\u{200e}-1,234.50~US$ \u{200f}\u{200e}-1,235~¥ \u{200f}5.00~CHF",
        ),
        (
            "he",
            "1,234,567.891 \u{200e}-1,234.50 25.5% | \u{200f}1,234,567.89~\u{200f}€ \
             \u{200f}\u{200e}-1,234.50~\u{200f}$ \u{200f}\u{200e}-1,235~\u{200f}¥ \
             \u{200f}5.00~\u{200f}CHF",
        ),
        (
            "pl",
            "1~234~567,891 -1234,50 25,5% | 1~234~567,89~€ -1234,50~USD -1235~¥ 5,00~CHF",
        ),
        (
            "ja",
            "1,234,567.891 -1,234.50 25.5% | €1,234,567.89 -$1,234.50 -￥1,235 CHF~5.00",
        ),
        (
            "hi",
            "12,34,567.891 -1,234.50 25.5% | €12,34,567.89 -$1,234.50 -¥1,235 CHF~5.00",
        ),
        (
            "nl",
            "1.234.567,891 -1.234,50 25,5% | €~1.234.567,89 US$~-1.234,50 ¥~-1.235 CHF~5,00",
        ),
        (
            "tr",
            "1.234.567,891 -1.234,50 %25,5 | €1.234.567,89 -$1.234,50 -¥1.235 CHF~5,00",
        ),
    ];
    for (tag, expected) in table {
        assert_eq!(shown(body, row(), tag), expected, "{tag}");
    }
    assert_eq!(shown("{{percent m}}", json!({ "m": -0.5 }), "tr"), "-%50");
}

#[test]
fn numbers_are_exact_and_a_half_is_rounded_away_from_zero() {
    let table = [
        ("{{number x}}", json!(0.1), "0.1"),
        ("{{number x}}", json!("1234.50"), "1,234.50"),
        ("{{number x}}", json!(" 007 "), "007"),
        ("{{number x}}", json!(3.0), "3"),
        ("{{number x}}", json!(1e21), "1,000,000,000,000,000,000,000"),
        (
            "{{number x}}",
            json!("12345678901234567890.123"),
            "12,345,678,901,234,567,890.123",
        ),
        ("{{number x digits=0}}", json!("2.5"), "3"),
        ("{{number x digits=0}}", json!("-2.5"), "-3"),
        ("{{number x digits=0}}", json!("-0.4"), "0"),
        ("{{number x digits=2}}", json!(2.675), "2.68"),
        ("{{number x digits=2}}", json!("1.005"), "1.01"),
        ("{{number x digits=3}}", json!(2), "2.000"),
        ("{{percent x}}", json!("0.07"), "7%"),
        ("{{percent x}}", json!(1), "100%"),
        ("{{percent x digits=1}}", json!("0.12345"), "12.3%"),
        ("{{currency x \"eur\"}}", json!("1234.5"), "€1,234.50"),
        ("{{currency x \"KWD\"}}", json!("1.2345"), "KWD~1.235"),
        ("{{currency x \"EUR\" digits=0}}", json!("1234.5"), "€1,235"),
        ("{{add x 0.2}}", json!(0.1), "0.3"),
        ("{{add x 1}}", json!("41"), "42"),
        ("{{subtract x 0.1}}", json!("1234.50"), "1234.4"),
        ("{{multiply x 9.95}}", json!(3), "29.85"),
        (
            "{{multiply x x}}",
            json!("100000000000.5"),
            "10000000000100000000000.25",
        ),
        (
            "{{#if (gt (multiply x 2) 2.5)}}more{{/if}}",
            json!("1.3"),
            "more",
        ),
        (
            "{{#if (subtract x 3)}}left{{else}}none left{{/if}}",
            json!("3.0"),
            "none left",
        ),
    ];
    for (body, x, expected) in table {
        assert_eq!(shown(body, json!({ "x": x }), "en"), expected, "{body} {x}");
    }
}

#[test]
fn plurals_and_lists_follow_the_grammar_of_the_language() {
    let plural = "{{plural n one=\"# one\" two=\"# two\" few=\"# few\" many=\"# many\" \
                  other=\"# other\"}}";
    let table = [
        (
            "en",
            [
                "0 other",
                "1 one",
                "2 other",
                "5 other",
                "11 other",
                "1.5 other",
            ],
        ),
        (
            "fr",
            [
                "0 one", "1 one", "2 other", "5 other", "11 other", "1,5 one",
            ],
        ),
        (
            "pl",
            ["0 many", "1 one", "2 few", "5 many", "11 many", "1,5 other"],
        ),
        (
            "ar",
            ["0 other", "1 one", "2 two", "5 few", "11 many", "1.5 other"],
        ),
        (
            "he",
            [
                "0 other",
                "1 one",
                "2 two",
                "5 other",
                "11 other",
                "1.5 other",
            ],
        ),
        (
            "ja",
            [
                "0 other",
                "1 other",
                "2 other",
                "5 other",
                "11 other",
                "1.5 other",
            ],
        ),
        (
            "hi",
            [
                "0 one",
                "1 one",
                "2 other",
                "5 other",
                "11 other",
                "1.5 other",
            ],
        ),
    ];
    let numbers = [
        json!(0),
        json!(1),
        json!("2"),
        json!(5),
        json!(11),
        json!(1.5),
    ];
    for (tag, expected) in table {
        for (n, expected) in numbers.iter().zip(expected) {
            assert_eq!(shown(plural, json!({ "n": n }), tag), expected, "{tag} {n}");
        }
    }
    let files = "{{plural n zero=\"no files\" one=\"one file\" other=\"# files\"}}";
    assert_eq!(shown(files, json!({ "n": 0 }), "en"), "no files");
    assert_eq!(shown(files, json!({ "n": "1200" }), "en"), "1,200 files");

    let row = || json!({ "names": ["Ada", "Bo", "Cyn"], "two": ["Ada", "Bo"], "one": [7] });
    let body = "{{list names}} | {{list two}} | {{list names type=\"or\"}} | {{list one}}";
    let table = [
        ("en", "Ada, Bo, and Cyn | Ada and Bo | Ada, Bo, or Cyn | 7"),
        ("en-GB", "Ada, Bo and Cyn | Ada and Bo | Ada, Bo or Cyn | 7"),
        ("de", "Ada, Bo und Cyn | Ada und Bo | Ada, Bo oder Cyn | 7"),
        ("fr", "Ada, Bo et Cyn | Ada et Bo | Ada, Bo ou Cyn | 7"),
        ("zh-CN", "Ada、Bo和Cyn | Ada和Bo | Ada、Bo或Cyn | 7"),
        ("ar", "Ada وBo وCyn | Ada وBo | Ada أو Bo أو Cyn | 7"),
        ("pl", "Ada, Bo i Cyn | Ada i Bo | Ada, Bo lub Cyn | 7"),
        ("ja", "Ada、Bo、Cyn | Ada、Bo | Ada、Bo、またはCyn | 7"),
        ("hi", "Ada, Bo और Cyn | Ada और Bo | Ada, Bo या Cyn | 7"),
    ];
    for (tag, expected) in table {
        assert_eq!(shown(body, row(), tag), expected, "{tag}");
    }
}

#[test]
fn a_locale_that_is_unknown_stands_for_the_messages_own_and_that_for_english() {
    let row = || json!({ "d": "2026-11-03", "lang": "tlh", "n": 1234.5 });
    let body = "{{date d \"long\"}} {{number n}}";
    for tag in [
        "",
        "tlh",
        "xx-YY",
        "not a tag",
        "de\0",
        "🙂",
        "en-u-nu-xxxx",
    ] {
        assert_eq!(shown(body, row(), tag), "November 3, 2026 1,234.5", "{tag}");
    }
    for tag in ["de_AT", " DE-at ", "de-Latn-AT", "de-AT-x-own"] {
        assert_eq!(
            shown("{{date d \"long\"}}", row(), tag),
            "3. November 2026",
            "{tag}"
        );
    }
    let body = "{{date d \"long\" locale=lang}} {{date d \"long\" locale=\"pl\"}}";
    assert_eq!(shown(body, row(), "fr"), "3 novembre 2026 3 listopada 2026");
    let message = shown_given("{{date d \"long\"}}", row(), &Given::default());
    assert_eq!(
        message.as_deref(),
        Ok("November 3, 2026"),
        "none is English"
    );
    for n in 0..200 {
        // More tags than are kept: what one message asks for stays right.
        assert_eq!(
            shown("{{number n}}", row(), &format!("de-x-{n}")),
            "1.234,5"
        );
    }
}

#[test]
fn texts_are_shaped() {
    let table = [
        ("{{truncate x 12}}", "Tea and ink and paper", "Tea and ink…"),
        ("{{truncate x 11}}", "Tea and ink", "Tea and ink"),
        ("{{truncate x 10}}", "Tea and ink", "Tea and…"),
        ("{{truncate x 8}}", "Donaudampfschiff", "Donauda…"),
        ("{{truncate x 9}}", "Hello, Bo and Cyn", "Hello…"),
        ("{{truncate x 4}}", "你好，世界和平", "你好，…"),
        ("{{truncate x 2}}", "e\u{301}e\u{301}e\u{301}", "e\u{301}…"),
        ("{{truncate x 2}}", "👩‍👩‍👧👍🏽🇩🇪", "👩‍👩‍👧…"),
        ("{{truncate x 2}}", "🇩🇪🇫🇷🇵🇱", "🇩🇪…"),
        ("{{truncate x 3}}", "👩‍👩‍👧👍🏽🇩🇪", "👩‍👩‍👧👍🏽🇩🇪"),
        ("{{truncate x 1}}", "한국어", "…"),
        ("[{{trim x}}]", " \t a b \n", "[a b]"),
        ("{{capitalize x}}", "straße in ulm", "Straße in ulm"),
        ("{{capitalize x locale=\"tr\"}}", "istanbul", "İstanbul"),
        ("{{upper x locale=\"tr\"}}", "iı", "İI"),
        ("{{lower x locale=\"tr\"}}", "İI", "iı"),
        ("{{upper x}}", "straße i", "STRASSE I"),
        ("{{replace x \"+\" \"00\"}}", "+49+1", "0049001"),
        ("{{concat x \"-\" 3}}", "a", "a-3"),
        ("{{len x}}", "张伟", "2"),
        ("{{join (split x \";\") \" + \"}}", "a; b ;;c", "a + b + c"),
        (
            "{{first (split x \";\")}}{{last (split x \";\")}}",
            "a;b;c",
            "ac",
        ),
        ("{{json x}}", "a\"b", r#""a\"b""#),
        ("{{csv x}},{{csv \"b\"}}", "a \"b\", c", r#""a ""b"", c",b"#),
        ("{{csv x}}", "a\nb", "\"a\nb\""),
        (
            "?q={{url_encode x}}",
            "Zürich & 1/2",
            "?q=Z%C3%BCrich%20%26%201%2F2",
        ),
    ];
    for (body, x, expected) in table {
        assert_eq!(shown(body, json!({ "x": x }), "en"), expected, "{body} {x}");
    }
}

#[test]
fn a_column_that_has_the_name_of_a_helper_is_still_a_field() {
    let row = json!({
        "date": "2026-11-03", "url": "https://example.org", "list": "A", "time": "09:05",
        "items": [{ "number": 1, "first": "x" }],
    });
    let body = "{{date}} {{date date \"long\"}} {{{url}}} {{list}} {{time}} \
                {{#each items}}{{number}}{{first}}{{number number digits=1}}{{../url}}{{/each}}";
    assert_eq!(
        shown(body, row, "en"),
        "2026-11-03 November 3, 2026 https://example.org A 09:05 1x1.0https://example.org"
    );
    assert_eq!(
        shown("a {{date}}", json!({}), "en"),
        "template `t` (body.txt:1:5): the field `date` is empty for this person"
    );
    let template = template("{{url}} {{len url}}", "<p>Hi</p>");
    assert_eq!(template.variables().len(), 2, "{:?}", template.variables());
}

#[test]
fn whatever_a_helper_returns_is_escaped_in_html_and_nowhere_else() {
    let hostile = "<b a='1' b=\"2\">`&</b>";
    let escaped = "&lt;b a&#x3D;&#x27;1&#x27; b&#x3D;&quot;2&quot;&gt;&#x60;&amp;&lt;/b&gt;";
    let bodies = [
        "{{x}}",
        "{{trim x}}",
        "{{default x \"y\"}}",
        "{{default none x}}",
        "{{concat x}}",
        "{{replace \"y\" \"y\" x}}",
        "{{join list \"\"}}",
        "{{list list}}",
        "{{first list}}",
        "{{last list}}",
        "{{truncate x 99}}",
        "{{lookup list 0}}",
        "{{plural 1 one=x other=x}}",
        "{{#each (split x \"|\")}}{{this}}{{/each}}",
        "{{date \"2026-11-03\" format=x}}",
    ];
    let row = || fields(json!({ "x": hostile, "list": [hostile] }));
    for body in bodies {
        let template = compile(&[
            ("t/subject.txt", body),
            ("t/body.txt", body),
            ("t/body.html", &format!("<p title=\"{body}\">{body}</p>")),
        ]);
        let rendered = template
            .expect("it compiles")
            .render(&row())
            .expect("it renders");
        assert_eq!(rendered.subject, hostile, "{body}");
        assert_eq!(rendered.text.as_deref(), Some(hostile), "{body}");
        let html = format!("<p title=\"{escaped}\">{escaped}</p>");
        assert_eq!(rendered.html, Some(html), "{body}");
    }
    let link = template("{{url x}}", "<a href=\"{{url x}}\">{{x}}</a>");
    let rendered = link.render(&fields(json!({ "x": "https://example.org/?a=1&b='2'" })));
    assert_eq!(
        rendered.expect("it renders").html.as_deref(),
        Some(
            "<a href=\"https://example.org/?a&#x3D;1&amp;b&#x3D;&#x27;2&#x27;\">\
             https://example.org/?a&#x3D;1&amp;b&#x3D;&#x27;2&#x27;</a>"
        )
    );
}

#[test]
fn only_whole_links_of_harmless_kinds_pass() {
    let good = [
        "https://example.org",
        "HTTP://example.org:8080/a?b=c#d",
        "https://münchen.example/ü",
        "mailto:ada@example.org?subject=Hi%20you",
        "tel:+49-30-1",
        " https://example.org/a ",
    ];
    for link in good {
        let shown = shown("{{url x}}", json!({ "x": link }), "en");
        assert_eq!(shown, link.trim());
    }
    let kinds = "only links to http, https, mailto and tel may stand in a mail";
    let whole = "a link in a mail needs all of its address";
    let holds = "a link holds no space, quote, bracket or backslash";
    let bad = [
        ("javascript:alert(1)", kinds),
        (" JaVaScRiPt:alert(1)", kinds),
        ("data:text/html,x", kinds),
        ("vbscript:x", kinds),
        ("file:///etc/passwd", kinds),
        ("java\nscript:alert(1)", whole),
        ("\u{1}javascript:alert(1)", whole),
        ("java\u{0}script:x", whole),
        ("/relative", whole),
        ("//example.org/a", whole),
        ("example.org", whole),
        ("https:example.org", whole),
        ("https:///path", whole),
        ("https:\\\\example.org", whole),
        ("mailto:", whole),
        ("https://example.org/a b", holds),
        ("https://example.org/\"onclick=x", holds),
        ("https://example.org/<b>", holds),
        ("https://example.org\\@evil.example", holds),
        ("https://example.org/\r\nBcc:x", holds),
        ("", "`x` is empty"),
    ];
    for (link, problem) in bad {
        let fault = shown("{{url x}}", json!({ "x": link }), "en");
        assert!(fault.contains(problem), "{link:?}: {fault}");
        assert!(
            fault.starts_with("template `t` (body.txt:1:7): `url` cannot"),
            "{fault}"
        );
    }
}

#[test]
fn an_unfit_value_is_a_fault_of_the_row_in_words() {
    let day = "write a day as 2026-11-23, with a time as 2026-11-23T09:30";
    let table = [
        (
            "{{date x}}",
            json!("soon"),
            8,
            format!("`date` cannot show this: `x` is \"soon\"; {day}"),
        ),
        (
            "{{date x}}",
            json!("23.11.2026"),
            8,
            format!("`x` is \"23.11.2026\"; {day}"),
        ),
        (
            "{{date x}}",
            json!("2026-02-30"),
            8,
            format!("`x` is \"2026-02-30\"; {day}"),
        ),
        ("{{date x}}", json!(""), 8, format!("`x` is empty; {day}")),
        ("{{date x}}", json!([1]), 8, format!("`x` is a list; {day}")),
        ("{{date x}}", json!(true), 8, format!("`x` is true; {day}")),
        (
            "{{date x}}",
            json!(2026),
            8,
            "`x` is 2026; a number is taken for seconds since 1970; else write 2026-11-23"
                .to_owned(),
        ),
        (
            "{{time x}}",
            json!("2026-11-23"),
            8,
            "`x` is \"2026-11-23\"; a time is needed, as in 2026-11-23T09:30".to_owned(),
        ),
        (
            "{{date x style}}",
            json!("2026-11-23"),
            1,
            "\"huge\" is no style: there are \"short\", \"medium\", \"long\", \"full\"".to_owned(),
        ),
        (
            "{{date x zone=style}}",
            json!("2026-11-23T09:30Z"),
            1,
            "there is no time zone `huge`; one is called Europe/Berlin".to_owned(),
        ),
        (
            "{{date x format=\"%H\"}}",
            json!("2026-11-23"),
            8,
            "the format \"%H\" asks for what it does not say, or is wrong".to_owned(),
        ),
        (
            "{{add_days x 99999999}}",
            json!("2026-11-23"),
            1,
            "a whole number of days is needed".to_owned(),
        ),
        (
            "{{number x}}",
            json!("1,234.50"),
            10,
            "`number` cannot show this: `x` is \"1,234.50\"; write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("1e5"),
            10,
            "write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("."),
            10,
            "write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("9".repeat(40)),
            10,
            "it has too many digits".to_owned(),
        ),
        (
            "{{number x}}",
            json!(1e300),
            10,
            "it has too many digits".to_owned(),
        ),
        (
            "{{number x digits=99}}",
            json!(1),
            1,
            "`digits` must be a whole number up to 20".to_owned(),
        ),
        (
            "{{multiply x x}}",
            json!("999999999999999999999999999"),
            12,
            "the result has too many digits".to_owned(),
        ),
        (
            "{{currency x style}}",
            json!(1),
            14,
            "`style` is \"huge\"; a code of ISO 4217 is needed, such as EUR".to_owned(),
        ),
        (
            "{{plural x one=\"#\"}}",
            json!(2),
            1,
            "`other` is needed, for all numbers without a form of their own".to_owned(),
        ),
        (
            "{{list x}}",
            json!("Ada"),
            8,
            "`x` is \"Ada\"; a list is needed".to_owned(),
        ),
        (
            "{{list x}}",
            json!([]),
            8,
            "`x` is an empty list; it has no item".to_owned(),
        ),
        (
            "{{join x \", \"}}",
            json!([["a"]]),
            8,
            "`x` is a list; its items must be texts or numbers".to_owned(),
        ),
        (
            "{{first x}}",
            json!([]),
            9,
            "`x` is an empty list; it has no item".to_owned(),
        ),
        (
            "{{truncate x 0}}",
            json!("a"),
            1,
            "a whole number above 0 is needed".to_owned(),
        ),
        (
            "{{upper x}}",
            json!({ "a": 1 }),
            9,
            "`x` is a group; text is needed".to_owned(),
        ),
        (
            "{{len x}}",
            json!(5),
            7,
            "`x` is 5; a list or a text is needed".to_owned(),
        ),
        (
            "{{date x}}",
            json!(format!("{}\u{1b}[31m\n", "long ".repeat(30))),
            8,
            "`x` is \"long long long long long long long long …\"".to_owned(),
        ),
    ];
    for (body, x, column, problem) in table {
        let fault = shown(body, json!({ "x": x, "style": "huge" }), "en");
        assert!(fault.contains(&problem), "{body} {x}: {fault}");
        let place = format!("template `t` (body.txt:1:{column}): ");
        assert!(fault.starts_with(&place), "{body} {x}: {fault}");
    }
    let absent = [
        "{{date x}}",
        "{{number x}}",
        "{{currency 1 x}}",
        "{{plural x other=\"#\"}}",
        "{{list x}}",
        "{{url x}}",
        "{{len x}}",
        "{{date \"2026-11-23\" zone=x}}",
        "{{upper x}}",
    ];
    for body in absent {
        let fault = shown(body, json!({}), "en");
        assert!(
            fault.ends_with("the field `x` is empty for this person"),
            "{body}: {fault}"
        );
    }
}

#[test]
fn what_a_helper_does_nothing_with_is_found_before_anything_is_sent() {
    let table = [
        (
            "{{number x digit=2}}",
            "`number` has no such option; did you mean `digits`?",
        ),
        (
            "{{upper x size=2}}",
            "`upper` has no such option: it has locale",
        ),
        ("{{trim x left=true}}", "`trim` has no options"),
        ("{{upper first last}}", "`upper` takes 1 value"),
        ("{{date due long now}}", "`date` takes 2 values"),
        ("{{currency x}}", "`currency` needs two values"),
        ("{{replace x \"a\"}}", "`replace` needs three values"),
        ("{{#date x}}{{/date}}", "`date` is not a block"),
    ];
    for (body, message) in table {
        let faults = compile(&[("t/subject.txt", "Hi"), ("t/body.txt", body)]);
        let faults = faults.expect_err("it is found");
        assert_eq!(faults[0].message, message, "{body}");
    }
}

#[test]
fn every_helper_says_what_it_does() {
    for helper in HELPERS {
        assert!(helper.says.len() > 10, "{}", helper.name);
        assert!(
            helper.says.chars().next().is_some_and(char::is_uppercase),
            "{}",
            helper.name
        );
    }
}

/// `cargo test --test it compose::builtin -- --ignored --nocapture`
#[test]
#[ignore = "prints what each helper costs"]
fn what_each_helper_costs() {
    let row = fields(json!({
        "name": "Ada", "plan": "pro", "seats": 3, "is_paid": false, "orders": ["tea", "ink"],
        "address": { "city": "London" }, "due": "2026-11-23", "total": "1234.50", "nickname": "",
        "tags": "new; vip", "link": "https://example.org/a?b=1",
    }));
    let cost = |body: &str, times: usize| {
        let template = template(&format!("x{}", body.repeat(times)), "<p>Hi</p>");
        let once = || {
            template
                .render_given(&row, &locale("de"))
                .expect("it renders")
        };
        once();
        let tries = (0..20).map(|_| {
            let start = std::time::Instant::now();
            once();
            start.elapsed().as_nanos()
        });
        tries.min().expect("there are tries")
    };
    for helper in HELPERS {
        let (few, many) = (cost(helper.example, 1), cost(helper.example, 101));
        println!(
            "{:>10}  {:>7} ns",
            helper.name,
            many.saturating_sub(few) / 100
        );
    }
}
