//! Files that are refused as a whole, and what is said of them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Csv, list, said};

#[test]
fn a_broken_file_is_refused_with_its_line_and_what_to_do() {
    for (content, words) in [
        (
            &b""[..],
            "list `people`: people.csv: the file is empty: it has not even a header line; was its \
             export interrupted? a list without people still has a header",
        ),
        (b"\n\r\n\n", "list `people`: people.csv: the file is empty"),
        (
            b"email,name\nada@example.org,\"Ada\nbo@example.org,Bo\n",
            "list `people`: people.csv:2: the list ends inside the quoted cell that begins here; \
             was it cut off? else close the quote; inside a cell, write \"\"",
        ),
        (
            b"email,note\na@example.org,\"x \"\"y\"\" \"\"\n",
            "list `people`: people.csv:2: the list ends inside the quoted cell",
        ),
        (
            b"email,note\na@example.org,x\nb@example.org,\"",
            "list `people`: people.csv:3: the list ends inside the quoted cell",
        ),
        (
            b"email,note\na@example.org,\"x\nb@example.org,\"y\n",
            "list `people`: people.csv:3: text follows the closing quote of the cell that begins \
             on line 2; a quote inside",
        ),
        (
            b"email,note\na@example.org,x\rb@example.org,y\r",
            "list `people`: people.csv:2: a carriage return without a line feed; end lines with LF",
        ),
        (
            b"email\ra@example.org\r",
            "list `people`: people.csv:1: a carriage return without",
        ),
        (
            b"email\na@example.org\r",
            "list `people`: people.csv:2: a carriage return without",
        ),
        (
            b"email,name\na@example.org,A\nb@example.org,J\xfcrgen\n",
            "list `people`: people.csv:3: this line is not UTF-8 text; save it as UTF-8, or say \
             how it was saved: encoding = \"gb18030\" for Chinese, \"windows-1252\" for Western",
        ),
        (
            b"email\na@example.org\n\xe5\xbc",
            "list `people`: people.csv:3: this line is not UTF-8",
        ),
        (
            b"email\na@example.org\nb\0@example.org\n",
            "list `people`: people.csv:3: this line has a NUL byte, so it is not UTF-8 text",
        ),
        (
            b"\xff\xfee\0m\0a\0i\0l\0\n\0a",
            "list `people`: people.csv:2: this line is not UTF-16LE text",
        ),
        (
            b"e\0m\0a\0i\0l\0\n\0a\0\x20\x5f\n\0",
            "list `people`: people.csv:1: this line has a NUL byte, so it is not UTF-8 text; \
             it may be UTF-16 without its mark: encoding = \"utf-16le\"",
        ),
        (
            b"\0e\0m\0a\0i\0l\0\n",
            "list `people`: people.csv:1: this line has a NUL byte, so it is not UTF-8 text; \
             it may be UTF-16 without its mark: encoding = \"utf-16be\"",
        ),
        (
            b"email,name\na@example.org,J\xc3\xbcrgen\nb@example.org,J\xfcrgen\n",
            "list `people`: people.csv:3: this line is not UTF-8 text; the file is UTF-8 up to \
             here: this line was saved otherwise",
        ),
        (
            b"PK\x03\x04\x14\0\x06\0",
            "list `people`: people.csv: it is a spreadsheet, or another packed file, and no text; \
             export it as CSV",
        ),
        (
            b"email:name:plan\na@example.org:A:x\n",
            "list `people`: people.csv:1: no column is called `email`; do its cells have `:` \
             between them? separator = \":\"; the columns are:",
        ),
        (
            b"sep=;\r\nemail;name\r\na@example.org;\"x\r\n",
            "list `people`: people.csv:3: the list ends inside the quoted cell",
        ),
        (
            b"email,,name,\n",
            "list `people`: people.csv:1: column 2 has no name in the header line; name it",
        ),
        (
            b"\nemail,name,plan, name \n",
            "list `people`: people.csv:2: columns 2 and 4 are both called `name`; rename one",
        ),
        (
            b"email,na\x1bme\n",
            "list `people`: people.csv:1: the name of column 2 has a control",
        ),
        (
            b"email;first, last\n",
            "list `people`: people.csv:1: the header line could be separated by , or by ;; say \
             which: separator = \",\"",
        ),
        (
            b"ada@example.org,Ada\nbo@example.org,Bo\n",
            "list `people`: people.csv:1: the header line names no columns: it has an @ in it, so \
             it looks like a row; put a line above it",
        ),
        (
            b"E-Mail;first_name;plan\n",
            "list `people`: people.csv:1: no column is called `email`; did you mean address_column \
             = \"E-Mail\"? the columns are: E-Mail, first_name, plan (separator ;)",
        ),
        (
            "姓名\t电子邮箱\n".as_bytes(),
            "list `people`: people.csv:1: no column is called `email`; did you mean address_column \
             = \"电子邮箱\"? the columns are: 姓名, 电子邮箱 (separator tab)",
        ),
        (
            b"to,first_name\n",
            "list `people`: people.csv:1: no column is called `email`; say which one it is with \
             address_column = \"...\"; the columns are: to, first_name (separator ,)",
        ),
    ] {
        let said = Csv::new(content).said();
        assert!(said.starts_with(words), "expected {words}\ngot      {said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn a_file_that_was_cut_is_refused_and_one_that_only_lacks_its_last_line_end_is_not() {
    let head = "email,home,note\r\nada@example.org,\"A street\r\n";
    for (rest, code, line) in [
        ("", "bad-quotes", 2),
        ("in Paris", "bad-quotes", 2),
        ("in Paris\"", "cut-off", 2),
        ("in Paris\",x\r", "bad-line-end", 3),
        ("in Paris\",x\r\nb", "cut-off", 4),
        ("in Paris\",x\r\nbo@example.org", "cut-off", 4),
        ("in Paris\",x\r\nbo@example.org,Rome", "cut-off", 4),
        ("in Paris\",x\r\nbo@example.org,\"Rome\"", "cut-off", 4),
        ("in Paris\",x\r\n\r\nbo@example.org", "cut-off", 5),
    ] {
        let error = Csv::new(format!("{head}{rest}")).error();
        assert_eq!((error.code(), error.line), (code, Some(line)), "{rest:?}");
    }
    // Between two rows, or in the last cell of one, nobody can see that there was more.
    for (rest, rows) in [
        ("in Paris\",", 1),
        ("in Paris\",x", 1),
        ("in Paris\",x\r\n", 1),
        ("in Paris\",x\r\nbo@example.org,Rome,", 2),
        ("in Paris\",x\r\nbo@example.org,Rome,y", 2),
    ] {
        assert_eq!(
            Csv::new(format!("{head}{rest}")).people().len(),
            rows,
            "{rest:?}"
        );
    }
    assert_eq!(
        Csv::new("email,name\nada@example.org,Ada\nbo@exam").said(),
        "list `people`: people.csv:3: the list ends inside this row, which has fewer fields than \
         the header; was it cut off? else give the row all its fields, and its line an end"
    );
    // A row that lacks cells elsewhere, or has too many, is that row's fault alone.
    for rest in [
        "\nbo@example.org\ncy@example.org,Cy",
        ",x\nbo@example.org\n",
        ",x",
    ] {
        let rows = Csv::new(format!("email,name\nada@example.org,Ada{rest}")).rows();
        assert!(rows.iter().any(|row| row.recipient.is_err()), "{rest:?}");
    }
}

#[test]
fn a_fault_deep_in_a_long_file_has_its_line_and_ends_the_rows() {
    let rows = "ada@example.org\n".repeat(20_000);
    for fault in ["\u{0}", "a\rb", "\"a\"b"] {
        let error = Csv::new(format!("email\n{rows}{fault}\n{rows}")).error();
        assert_eq!(error.line, Some(20_002), "{fault:?}");
    }
    let error =
        Csv::new([b"email\n", rows.as_bytes(), b"\xff\n", rows.as_bytes()].concat()).error();
    assert_eq!(error.line, Some(20_002));
}

#[test]
fn a_missing_name_column_is_named() {
    let csv = Csv::new("email,nmae\n").with(|list| list.name_column = Some("name".to_owned()));
    assert_eq!(
        csv.said(),
        "list `people`: people.csv:1: no column is called `name`; did you mean name_column = \
         \"nmae\"? the columns are: email, nmae (separator ,)"
    );
    let error = csv.error();
    assert_eq!((error.code(), error.line), ("missing-column", Some(1)));
    assert_eq!(
        error.missing_column().unwrap().suggestion.as_deref(),
        Some("nmae")
    );
}

#[test]
fn a_stated_encoding_is_strict_too() {
    let said = Csv::new(b"email,name\na@example.org,\xd5\xc5\nb@example.org,\xff\n")
        .encoded("gb18030")
        .said();
    assert_eq!(
        said,
        "list `people`: people.csv:3: this line is not gb18030 text; save it as UTF-8 and remove \
         `encoding`, or say how it was really saved"
    );
}

#[test]
fn rows_and_columns_without_bound_are_refused() {
    let cell = "x".repeat(1024 * 1024);
    let said = Csv::new(format!("email,note\na@example.org,\"{cell}")).said();
    assert_eq!(
        said,
        "list `people`: people.csv:2: the row that begins here is larger than 1 MiB; is a closing \
         quote missing?"
    );
    let fits = &cell[..cell.len() - 20];
    assert_eq!(
        Csv::new(format!("email,note\na@example.org,{fits}\n"))
            .people()
            .len(),
        1
    );
    for columns in [1001, 10_000] {
        let said = Csv::new(format!("email{}\n", ",x".repeat(columns - 1))).said();
        let words = "people.csv:1: the row that begins here has more than 1,000 columns";
        assert!(said.contains(words), "{said}");
        let row = ",x".repeat(columns);
        let said = Csv::new(format!("email\nada@example.org\n{row}\n")).said();
        assert!(
            said.contains("people.csv:3: the row that begins here has more"),
            "{said}"
        );
    }
}

/// Whoever kept it would run out of memory, whoever read on would never end.
#[test]
fn a_line_without_end_is_refused_at_its_beginning() {
    let csv = Csv::new("email\nada@example.org\n");
    let file = OpenOptions::new().write(true).open(csv.path()).unwrap();
    file.set_len(1 << 40).unwrap();
    let said = csv.said();
    assert!(
        said.contains("people.csv:3: this line has a NUL byte"),
        "{said}"
    );
    let script = "printf 'email,note\\nada@example.org,x\\nbo@example.org,'; yes | tr -d '\\n'";
    let error = super::command::error(&super::command::by(script));
    assert_eq!((error.code(), error.line), ("row-too-large", Some(3)));
}

#[test]
fn what_is_not_a_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&fifo, &link).unwrap();
    for (path, kind) in [
        (folder.path(), "a directory"),
        (&fifo, "a pipe (FIFO)"),
        (&link, "a pipe (FIFO)"),
        (&socket, "a socket"),
        (Path::new("/dev/zero"), "a device"),
    ] {
        let error = list(path).read().err().unwrap();
        assert_eq!(error.message, format!("it is {kind}, not a file"));
    }
}

#[test]
fn a_missing_file_is_named_with_a_hint_where_services_see_other_folders() {
    for (path, words) in [
        (
            "/etc/postroom/no-such.csv",
            "list `people`: /etc/postroom/no-such.csv: there is no such file",
        ),
        (
            "/home/nobody-here/no-such.csv",
            "list `people`: /home/nobody-here/no-such.csv: there is no such file; a service does \
             not see /home (ProtectHome=yes): keep lists in /etc/postroom/lists",
        ),
        (
            "/tmp/no-such.csv",
            "list `people`: /tmp/no-such.csv: there is no such file; a service has its own /tmp \
             (PrivateTmp=yes): keep lists in /etc/postroom/lists",
        ),
    ] {
        assert_eq!(
            list(Path::new(path)).read().err().unwrap().to_string(),
            words
        );
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let mistyped = list(&folder.path().join("peeple.csv"))
        .read()
        .err()
        .unwrap();
    assert_eq!(mistyped.help, None, "its folder is in sight");
    let dangling = folder.path().join("people.csv");
    std::os::unix::fs::symlink("export/people.csv", &dangling).unwrap();
    let error = list(&dangling).read().err().unwrap();
    assert_eq!(
        (error.message.as_str(), error.code()),
        (
            "it is a link to `export/people.csv`, and that is not there",
            "missing-file"
        )
    );
    let looped = tempfile::tempdir().unwrap();
    let path = looped.path().join("people.csv");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let error = list(&path).read().err().unwrap();
    assert_eq!(
        said(&error, looped.path()),
        "list `people`: people.csv: its links lead in a circle; give the path of the file itself, \
         or make its link anew"
    );
    assert_eq!(error.code(), "unreadable-file");
    let long = list(&looped.path().join("x".repeat(300)));
    let error = long.read().err().unwrap();
    assert_eq!(error.message, "it cannot be read: File name too long");
}

#[test]
fn a_file_that_nobody_may_read_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let csv = Csv::new("email\n");
    std::fs::set_permissions(csv.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(csv.path()).is_ok() {
        eprintln!("SKIPPED: the superuser may read every file, so nothing was tried");
        return;
    }
    assert_eq!(
        csv.error().message,
        "the user that runs postroom may not read it"
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let changes: [fn(&Path); 3] = [
        |path| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"bo@example.org\n").unwrap();
        },
        |path| {
            // A row's length exactly, so that only the size tells.
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(6 + 16 * 15_000).unwrap();
        },
        |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(5))
                .unwrap();
        },
    ];
    for change in changes {
        let csv = Csv::new(format!("email\n{}", "ada@example.org\n".repeat(20_000)));
        let mut rows = csv.list.read().unwrap_or_else(|error| panic!("{error}"));
        assert!(rows.next().unwrap().is_ok());
        change(&csv.path());
        let error = rows.find_map(Result::err).expect("the change is found");
        assert_eq!(error.message, "the file was changed while it was read");
    }
}
