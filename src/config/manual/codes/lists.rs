//! Codes of problems with lists.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "missing-file",
        "The file of a list, of data, or an attachment is not there.",
        r#"csv = "lists/customers.csv""#,
        "It may come later: runs fail until it is there, and nothing else does. Mind that a \
         relative path starts where postroom.toml is.",
    ),
    code(
        "unreadable-file",
        "The file of a list, of data, or an attachment cannot be read.",
        r#"csv = "/home/ada/customers.csv""#,
        "Let the service's user read it. It must be a regular file, and not in /home or /tmp, \
         which a service does not see.",
    ),
    code(
        "bad-data",
        "The values of a run cannot be read as what they should be.",
        r#"data = { file = "data/report.csv" }      # and a row has fewer fields than the header"#,
        "The message has the line. They are at most 8 MB, a JSON document without a name twice in \
         one object, or CSV with a header. Nothing is sent until they are.",
    ),
    code(
        "changed-file",
        "The file of a list changed while it was read.",
        "cp export.csv lists/customers.csv",
        "Write the new list beside it and rename it into place: then no half of it is ever read.",
    ),
    code(
        "stale-file",
        "The file of a list is older than `max_age` allows.",
        r#"max_age = "26h"      # and the last export was two days ago"#,
        "Look why there is no newer file. Nothing is sent to the list until there is one; \
         `postroom check` warns of it, because there may be one in time for the run.",
    ),
    code(
        "failed-command",
        "The program that prints a list failed, was too slow or printed too much.",
        r#"command = ["/usr/local/bin/broken-builds"]      # and it ended with status 1"#,
        "The message has the end of what it wrote to standard error. Run it as the service's user \
         to see the rest. Nothing of such a list is sent to.",
    ),
    code(
        "cut-off",
        "A CSV list ends in the middle of a row.",
        "ada@example.org,Ada,pro\nbo@example.o",
        "Export it anew, beside the old one, and rename it into place. A whole last row need not \
         end its line; one with fewer fields than the header and no line end is half of a row.",
    ),
    code(
        "bad-encoding",
        "The file of a list is not of the encoding that it is read in.",
        r#"encoding = "utf-8"      # and the file is GB 18030"#,
        "Write the right `encoding`, \"gb18030\" or \"windows-1252\" for example, or save the \
         file as UTF-8.",
    ),
    code(
        "bad-quotes",
        "A quote in a CSV file is not closed, or text follows it.",
        r#"ada@example.org,"Ada "Countess" Lovelace""#,
        "Within quotes, a quote is written twice: \"Ada \"\"Countess\"\" Lovelace\".",
    ),
    code(
        "bad-line-end",
        "Lines of a CSV file end as on an old Mac.",
        r#"email\rada@example.org\r"#,
        "Save it with line ends of Unix or Windows.",
    ),
    code(
        "row-too-large",
        "A row of a list is too long, has too many columns, or is nested too deep.",
        "(most often a quote that is not closed)",
        "Look at the line that the message names.",
    ),
    code(
        "missing-header",
        "A CSV file has no first line with the names of its columns.",
        "ada@example.org,Ada",
        "Write them above: email,first_name.",
    ),
    code(
        "bad-header",
        "The first line of a CSV file does not name its columns well.",
        "email,name,name",
        "Every column has a name of its own, without control characters.",
    ),
    code(
        "ambiguous-separator",
        "Nobody can tell which character separates the fields of a CSV file.",
        "email;first_name,plan",
        "Write `separator`: separator = \";\".",
    ),
    code(
        "missing-column",
        "A list lacks a column, or its JSON a key, that the configuration names.",
        r#"address_column = "E-Mail"      # the file has e-mail"#,
        "Write the name as in the file, or change the file.",
    ),
    code(
        "fixed-column",
        "A column of a list is one of the list's `fields`, too.",
        r#"fields = { team = "ops" }      # and the file has a column team"#,
        "Take it out of `fields`, or out of the file. For rows that lack it, write it under \
         `defaults`.",
    ),
    code(
        "bad-json",
        "The file of a list is not JSON, or not all of it.",
        r#"[{ "email": "ada@example.org", }]      # a comma after the last one"#,
        "Look at the line that the message names. A file that just ends was probably cut off: \
         nothing of it is sent. JSON is read strictly, as RFC 8259 has it.",
    ),
    code(
        "missing-rows",
        "Where the people are in a JSON document is not said, or they are not there.",
        r#"{ "data": { "people": [{ "email": "ada@example.org" }] } }"#,
        "Write the keys that lead to the array of people: rows = \"data.people\". A document that \
         is itself the array, or one object a line (JSON Lines), needs no `rows`.",
    ),
    code(
        "bad-row",
        "Rows of a list cannot be sent to.",
        "ada(at)example.org;Ada",
        "Mend them at their source. They are skipped; bad_rows = \"refuse\" stops the schedule \
         instead.",
    ),
    code(
        "not-sendable",
        "A schedule would not be sent as things are.",
        "postroom check --lists      # and a list is empty",
        "The message says why: most often a list that is empty, or too large for `max_recipients`.",
    ),
];
