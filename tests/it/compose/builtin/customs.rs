//! Days, numbers, amounts, plurals and lists, as readers of a language are used to.

use jiff::tz::TimeZone;
use postroom::compose::Given;
use serde_json::{Value, json};

use super::{locale, shown, shown_given};

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
        (
            "{{currency x \"EUR\" locale=\"de-AT\"}} {{number x locale=\"de-AT\"}}",
            json!("1234.5"),
            "€~1.234,50 1~234,5",
        ),
        (
            "{{currency x \"EUR\" locale=\"fr-CH\"}} {{number x locale=\"fr-CH\"}}",
            json!("1234.5"),
            "1'234.50~€ 1'234,5",
        ),
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
