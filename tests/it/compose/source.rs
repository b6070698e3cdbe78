//! Reading a template's folder, and refusing to read anything else.

use std::fs;
use std::os::unix::fs::symlink;

use postroom::compose::{LayoutChoice, Source, Template};

use super::folder;

const OWN: [(&str, &str); 2] = [("digest/subject.txt", "Hello"), ("digest/body.txt", "text")];

fn read(files: &[(&str, &str)], name: &str, layout: LayoutChoice) -> Result<Source, String> {
    let dir = folder(files);
    Source::read(dir.path(), name, layout).map_err(|faults| {
        let said = faults
            .iter()
            .map(|fault| format!("{} {} {}", fault.code, fault, fault.label));
        said.collect::<Vec<_>>().join("; ")
    })
}

#[test]
fn what_is_missing_is_named() {
    let said = |files, name: &str| read(files, name, LayoutChoice::Default).expect_err("a fault");
    assert_eq!(
        said(&OWN, "digset"),
        "missing-template digset:1:1: there is no template `digset` did you mean `digest`?"
    );
    assert_eq!(
        said(&[("digest/body.txt", "x")], "digest"),
        "missing-subject digest/subject.txt:1:1: template `digest` has no subject.txt "
    );
    assert_eq!(
        said(&[("digest/subject.txt", "x")], "digest"),
        "missing-body digest/body.txt:1:1: template `digest` has no body.txt "
    );
    let named = read(&OWN, "digest", LayoutChoice::Named("fancy".to_owned()));
    assert_eq!(
        named.expect_err("a fault"),
        "missing-layout fancy.html:1:1: there is no layout `fancy` "
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../digest",
        "/etc",
        "digest/",
        "a/b",
        "..",
        ".",
        "",
        "a\\b",
        ".git",
        "a\0",
    ] {
        let said = read(&OWN, name, LayoutChoice::Default).expect_err(name);
        assert!(said.starts_with("template-name "), "{name:?}: {said}");
        let layout = read(&OWN, "digest", LayoutChoice::Named(name.to_owned()));
        assert!(
            layout.expect_err(name).starts_with("template-name "),
            "{name:?}"
        );
    }
}

#[test]
fn links_out_of_the_directory_and_what_is_no_file_are_refused() {
    let outside = folder(&[("secret", "password")]);
    let dir = folder(&[&OWN[..], &[("shared/logo.txt", "logo")]].concat());
    let read = || {
        Source::read(dir.path(), "digest", LayoutChoice::Default)
            .map_err(|faults| faults[0].to_string())
    };
    let body = dir.path().join("digest/body.html");
    symlink(dir.path().join("shared/logo.txt"), &body).expect("a link");
    assert_eq!(
        read().expect("a link within").html.expect("HTML").content,
        "logo"
    );

    fs::remove_file(&body).expect("it is there");
    symlink(outside.path().join("secret"), &body).expect("a link");
    assert_eq!(
        read().expect_err("a link out"),
        "digest/body.html:1:1: digest/body.html is a symbolic link out of the templates directory"
    );
    fs::remove_file(&body).expect("it is there");
    symlink("nowhere", &body).expect("a link");
    assert_eq!(
        read().expect_err("a broken link"),
        "digest/body.html:1:1: digest/body.html is a symbolic link to nothing"
    );
    fs::remove_file(&body).expect("it is there");
    fs::create_dir(&body).expect("a folder");
    assert_eq!(
        read().expect_err("a folder"),
        "digest/body.html:1:1: digest/body.html is not a file"
    );
    fs::remove_dir(&body).expect("it is there");
    let made = std::process::Command::new("mkfifo").arg(&body).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(read().expect_err("a pipe").ends_with("is not a file"));
    }
}

#[test]
fn a_folder_that_links_out_is_refused() {
    let outside = folder(&OWN);
    let dir = folder(&[("layout.txt", "{{body}}")]);
    symlink(outside.path().join("digest"), dir.path().join("digest")).expect("a link");
    let faults = Source::read(dir.path(), "digest", LayoutChoice::Default).expect_err("it is out");
    assert!(
        faults.iter().all(|fault| fault.code == "outside"),
        "{faults:?}"
    );
}

#[test]
fn marks_are_dropped_and_other_encodings_are_refused_with_the_place() {
    let dir = folder(&OWN);
    let write = |bytes: &[u8]| {
        fs::write(dir.path().join("digest/body.txt"), bytes).expect("a file");
        Source::read(dir.path(), "digest", LayoutChoice::Default)
            .map(|source| source.text.expect("text").content)
            .map_err(|faults| faults[0].to_string())
    };
    assert_eq!(write("\u{feff}你好".as_bytes()), Ok("你好".to_owned()));
    assert_eq!(write(b"\xff\xfe\x60\x4f\x7d\x59"), Ok("你好".to_owned()));
    assert_eq!(
        write(b"Hi\n\xe4\xbd\xa0 \xc4\xe3"),
        Err("digest/body.txt:2:3: digest/body.txt is not UTF-8 text".to_owned())
    );
    assert_eq!(
        write(b"a\0b"),
        Err(
            "digest/body.txt:1:2: digest/body.txt holds a NUL character, which no mail may carry"
                .to_owned()
        )
    );
}

#[test]
fn a_run_keeps_only_what_the_template_uses() {
    let files = [
        ("digest/subject.txt", "{{> greeting}}"),
        ("digest/body.txt", "{{> footer}}"),
        ("partials/footer.txt", "{{> sign}}"),
        ("partials/footer.html", "unused"),
        ("partials/greeting.txt", "Hello"),
        ("partials/sign.txt", "bye"),
        ("partials/other.txt", "unused"),
        ("partials/.sign.txt.swp.txt", "\0"),
        ("layout.html", "{{{body}}}"),
    ];
    let source = read(&files, "digest", LayoutChoice::Default).expect("the files are there");
    let template = Template::compile(source).expect("it compiles");
    let kept: Vec<&String> = template.source().partials.keys().collect();
    assert_eq!(kept, ["footer.txt", "greeting.txt", "sign.txt"]);
    assert_eq!(template.source().layout_html, None);
}
