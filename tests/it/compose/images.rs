//! Images of a template's folder: what is read, what is refused, and what a message carries.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use postroom::compose::{Choices, LayoutChoice, Rendered, Source, Template, TemplateFault};
use postroom::outbox::RunRow;
use serde_json::{Value, json};

use super::{compile, fields, folder};
use crate::world::sandbox::Catcher;
use crate::world::skip::lacks_python;
use crate::world::workspace::Workspace;

/// Bytes that begin as an image does, and are text for the rest.
const LOGO: &str = "GIF89a, a logo";
const OTHER: &str = "GIF89a, another";

/// A template with this HTML and other files.
fn with(html: &str, files: &[(&str, &str)]) -> Result<Template, Vec<TemplateFault>> {
    let own = [("t/subject.txt", "Hello"), ("t/body.html", html)];
    compile(&[&own, files].concat())
}

fn rendered(template: &Template, values: Value) -> Rendered {
    let rendered = template.render(&fields(values));
    rendered.unwrap_or_else(|fault| panic!("{fault}"))
}

/// The Content-IDs of the images of a message.
fn ids(rendered: &Rendered) -> Vec<&str> {
    let ids = rendered.images.iter();
    ids.map(|it| it.content_id.as_deref().expect("it is shown"))
        .collect()
}

fn faults(template: Result<Template, Vec<TemplateFault>>) -> Vec<String> {
    let faults = template.expect_err("a fault").into_iter();
    faults
        .map(|it| format!("{} {it} [{}] {}", it.code, it.label, it.span_len))
        .collect()
}

#[test]
fn an_image_beside_its_text_becomes_a_part_that_the_html_names() {
    let html = "<p>Hi</p><img src=\"logo.gif\" alt=\"Us\">";
    let template = || with(html, &[("t/logo.gif", LOGO)]).expect("it compiles");
    let said = rendered(&template(), json!({}));
    let [id] = ids(&said)[..] else {
        panic!("{said:?}");
    };
    let expected = format!("<p>Hi</p><img src=\"cid:{id}\" alt=\"Us\">");
    assert_eq!(said.html.as_deref(), Some(expected.as_str()));
    assert_eq!(said.images[0].name, "logo.gif");
    assert_eq!(said.images[0].media_type, "image/gif");
    assert_eq!(said.images[0].content.len(), LOGO.len());
    // The derived text has what stands for it.
    let text = said.text.clone().expect("a text");
    assert!(text.contains("Us") && !text.contains("cid:"), "{text}");
    assert_eq!(rendered(&template(), json!({})), said, "each time the same");
}

#[test]
fn it_may_be_in_the_templates_directory_and_shown_by_any_text() {
    let files = [
        ("t/subject.txt", "Hello"),
        ("t/body.md", "# Hi\n\n![Me](photo.gif)\n\n{{> foot}}\n"),
        ("t/photo.gif", OTHER),
        ("partials/foot.html", "<img src='stamp.gif' alt='Stamp'>"),
        ("partials/stamp.gif", "GIF89a, a stamp"),
        ("partials/unused.html", "<img src='nowhere.gif' alt=''>"),
        (
            "layout.html",
            "<style>td { color: red }</style>\
             <table><tr><td background=\"img/logo.gif\">{{{body}}}</td></tr></table>",
        ),
        ("img/logo.gif", LOGO),
    ];
    let said = rendered(&compile(&files).expect("it compiles"), json!({}));
    let html = said.html.as_deref().expect("HTML");
    assert_eq!(ids(&said).len(), 3, "{html}");
    for id in ids(&said) {
        assert_eq!(html.matches(&format!("cid:{id}")).count(), 1, "{html}");
    }
    assert!(!html.contains(".gif"), "{html}");
    assert!(html.contains("style=\"color: red"), "{html}");
}

#[test]
fn styles_that_depend_on_values_leave_the_images_where_they_are() {
    let html = "<style>.a { color: red }</style>\
                <p class=\"{{c}}\">x</p><img src='logo.gif' alt=''>";
    let template = with(html, &[("logo.gif", LOGO)]).expect("it compiles");
    let said = rendered(&template, json!({ "c": "a" }));
    let html = said.html.as_deref().expect("HTML");
    assert!(html.contains("color: red"), "{html}");
    let cid = format!("src='cid:{}'", ids(&said)[0]);
    assert!(html.contains(&cid), "{html}");
}

#[test]
fn the_same_image_is_one_part_however_often_it_is_shown() {
    let html =
        "<p>x</p><img src='a.gif' alt=''><img src='a.gif' alt=''><img src='../b.gif' alt=''>";
    let template = with(html, &[("t/a.gif", LOGO), ("b.gif", LOGO)]).expect("it compiles");
    let said = rendered(&template, json!({}));
    let [id] = ids(&said)[..] else {
        panic!("{said:?}");
    };
    let html = said.html.as_deref().expect("HTML");
    assert_eq!(html.matches(&format!("cid:{id}")).count(), 3, "{html}");
}

#[test]
fn a_message_carries_what_it_shows_and_no_more() {
    let html = "<p>x</p>{{#if vip}}<img src='crown.gif' alt=''>{{/if}}";
    let german = "<p>y</p><img src='logo.gif' alt=''>";
    let files = [
        ("t/body.de.html", german),
        ("t/crown.gif", OTHER),
        ("t/logo.gif", LOGO),
    ];
    let template = with(html, &files).expect("it compiles");
    let names = |values: Value| {
        let said = rendered(&template, values);
        let names = said.images.into_iter().map(|it| it.name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(json!({ "vip": "", "language": "en" })), [""; 0]);
    assert_eq!(
        names(json!({ "vip": "x", "language": "en" })),
        ["crown.gif"]
    );
    assert_eq!(names(json!({ "vip": "x", "language": "de" })), ["logo.gif"]);
}

#[test]
fn what_is_elsewhere_or_depends_on_a_value_stays_as_it_is() {
    let html = "<p>x</p><img src=\"https://x.example/a.gif\" alt=\"\">\
                <img src=\"data:image/gif;base64,AA==\" alt=\"\">\
                <img src=\"cid:a@b\" alt=\"\"><img src=\"{{pic}}.gif\" alt=\"\">";
    let template = with(html, &[]).expect("it compiles");
    let said = rendered(&template, json!({ "pic": "logo" }));
    let html = html.replace("{{pic}}", "logo");
    assert_eq!((said.html, said.images), (Some(html), Vec::new()));
}

#[test]
fn an_image_that_is_not_there_is_a_fault_at_its_place() {
    let html = "<p>\n  <img src=\"lgoo.gif\" alt=\"\">\n  <img src='none.png' alt=''>";
    let files = [("t/logo.gif", LOGO), ("t/notes.txt", "x")];
    let expected = [
        "missing-image t/body.html:2:13: there is no image lgoo.gif [did you mean `logo.gif`?] 8",
        "missing-image t/body.html:3:13: there is no image none.png [] 8",
    ];
    assert_eq!(faults(with(html, &files)), expected);
    let markdown = [
        ("t/subject.txt", "Hello"),
        ("t/body.md", "Hi\n\n![x](my%20Logo.gif)\n"),
        ("t/my logo.gif", LOGO),
    ];
    let expected = "missing-image t/body.md:3:6: there is no image my Logo.gif [did you mean \
                    `my logo.gif`?] 13";
    assert_eq!(faults(compile(&markdown)), [expected]);
}

#[test]
fn what_readers_would_not_see_is_refused() {
    let html = "<img src='a.svg' alt=''><img src='b.png' alt=''><img src='c.png' alt=''>";
    let files = [
        ("t/a.svg", "<?xml version='1.0'?><svg></svg>"),
        ("t/b.png", "BM, a bitmap"),
        ("c.png", ""),
    ];
    let expected = [
        "bad-image t/body.html:1:11: t/a.svg is SVG, which mail readers do not show [] 5",
        "bad-image t/body.html:1:35: t/b.png is not a PNG, JPEG, GIF or WebP image [] 5",
        "bad-image t/body.html:1:59: c.png is empty [] 5",
    ];
    assert_eq!(faults(with(html, &files)), expected);
}

fn told(templates: &Path) -> String {
    let faults = Source::read(templates, "t", LayoutChoice::Default).expect_err("a fault");
    let told = faults.iter().map(|it| format!("{} {it}", it.code));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_is_read_that_is_not_a_file_of_the_templates_directory() {
    let outside = folder(&[("secret.gif", LOGO)]);
    for (src, code, why) in [
        (
            "../../secret.gif",
            "outside",
            "is not in the templates directory",
        ),
        (
            "i/../../../x.gif",
            "outside",
            "is not in the templates directory",
        ),
        (
            "link.gif",
            "unreadable",
            "a symbolic link leads out of its folder",
        ),
        (
            "up.gif",
            "unreadable",
            "a symbolic link leads out of its folder",
        ),
        (
            "linked/secret.gif",
            "unreadable",
            "a symbolic link leads out of its folder",
        ),
        ("folder", "unreadable", "it is a folder"),
        ("pipe", "unreadable", "it is no file but a pipe"),
        ("huge.gif", "unreadable", "it is larger than 2 MiB"),
    ] {
        let html = format!("<img src='{src}' alt=''>");
        let dir = folder(&[
            ("templates/t/subject.txt", "Hello"),
            ("templates/t/body.html", &html),
            ("templates/t/folder/x", ""),
            ("secret.gif", LOGO),
        ]);
        let own = dir.path().join("templates/t");
        symlink(outside.path().join("secret.gif"), own.join("link.gif")).unwrap();
        symlink("../../secret.gif", own.join("up.gif")).unwrap();
        symlink(outside.path(), own.join("linked")).unwrap();
        let (mode, kind) = (rustix::fs::Mode::RUSR, rustix::fs::FileType::Fifo);
        rustix::fs::mknodat(rustix::fs::CWD, own.join("pipe"), kind, mode, 0).unwrap();
        let huge = [LOGO.as_bytes(), &vec![0; 2 << 20]].concat();
        fs::write(own.join("huge.gif"), huge).unwrap();
        let told = told(&dir.path().join("templates"));
        let start = format!("{code} t/body.html:1:11: ");
        assert!(
            told.starts_with(&start) && told.contains(why),
            "{src}: {told}"
        );
    }
}

#[test]
fn the_images_of_a_template_have_a_limit_together() {
    let shown: Vec<String> = (0..5)
        .map(|n| format!("<img src='{n}.gif' alt=''>"))
        .collect();
    let dir = folder(&[("t/subject.txt", "Hello"), ("t/body.html", &shown.concat())]);
    for n in 0..5 {
        let mut bytes = format!("GIF89a{n}").into_bytes();
        bytes.resize(2 << 20, 0);
        fs::write(dir.path().join(format!("t/{n}.gif")), bytes).unwrap();
    }
    let expected = "unreadable t/body.html:1:107: with t/4.gif, the images of template `t` have \
                    more than 8 MiB together";
    assert_eq!(told(dir.path()), expected);
    fs::write(dir.path().join("t/body.html"), shown[..4].concat()).unwrap();
    Source::read(dir.path(), "t", Choices::default()).expect("as large as it may be");
}

#[test]
fn a_run_is_frozen_with_its_images() {
    let html = "<p>{{x}}</p><img src='logo.gif' alt=''>";
    let files = [("t/logo.gif", LOGO), ("t/not-shown.gif", OTHER)];
    let template = with(html, &files).expect("it compiles");
    let json = serde_json::to_string(template.source()).expect("JSON");
    assert_eq!(template.source().images.len(), 1, "{json}");
    let thawed: Source = serde_json::from_str(&json).expect("a source");
    assert_eq!(&thawed, template.source());
    let again = Template::compile(thawed).expect("it compiles");
    let values = json!({ "x": "y" });
    assert_eq!(
        rendered(&again, values.clone()),
        rendered(&template, values)
    );
}

#[test]
fn what_was_frozen_before_there_were_images_is_sent_as_it_is() {
    let html = "<p>{{x}}</p><img src='logo.gif' alt=''>";
    let part = |file: &str, content: &str| json!({ "file": file, "content": content });
    let frozen = json!({
        "name": "t", "subject": part("t/subject.txt", "Hello"), "text": null,
        "html": part("t/body.html", html), "layout_text": null, "layout_html": null,
        "partials": {},
    });
    let source: Source = serde_json::from_value(frozen).expect("a source");
    let said = rendered(&Template::compile(source).unwrap(), json!({ "x": "y" }));
    let html = html.replace("{{x}}", "y");
    assert_eq!((said.html, said.images), (Some(html), Vec::new()));
}

#[test]
fn another_image_is_another_template() {
    let html = "<p>x</p><img src='logo.gif' alt=''>";
    let of = |image| with(html, &[("t/logo.gif", image)]).expect("it compiles");
    let (one, other) = (of(LOGO), of(OTHER));
    assert!(one == of(LOGO) && one != other);
    let contents: Vec<_> = other.source().contents().collect();
    assert!(contents.contains(&("t/logo.gif", OTHER.as_bytes())));
    let id = |template: &Template| ids(&rendered(template, json!({})))[0].to_owned();
    assert_ne!(id(&one), id(&other));
}

#[test]
fn a_fault_of_rendering_names_the_line_that_its_author_wrote() {
    let html = "<img src='logo.gif' alt=''>\n<p>{{name}}</p>";
    let template = with(html, &[("t/logo.gif", LOGO)]).expect("it compiles");
    let fault = template.render(&fields(json!({}))).expect_err("no name");
    let place = (fault.file.as_str(), fault.at, fault.variable.as_deref());
    assert_eq!(place, ("t/body.html", Some((2, 6)), Some("name")));
}

/// A schedule to one person whose HTML shows a logo twice.
fn workspace(catcher: &Catcher, logo: &[u8]) -> Workspace {
    let account = catcher.account();
    let workspace = Workspace::new(&format!(
        "[account.main]\nhost = \"localhost\"\nfrom = \"Post Room <post@example.org>\"\n{account}\n\
         [list.people]\ncsv = \"people.csv\"\n\n\
         [schedule.news]\nsend = \"news\"\nto = \"people\"\nvia = \"main\"\n\
         attachments = [\"terms.txt\"]\n"
    ));
    workspace.write("people.csv", "email\nada@example.org\n");
    workspace.write("terms.txt", "terms");
    workspace.write("templates/news/subject.txt", "News\n");
    let html = "<p>News.</p>\n<img src=\"logo.png\" alt=\"Us\"><img src=\"logo.png\" alt=\"\">\n";
    workspace.write("templates/news/body.html", html);
    workspace.write("templates/logo.png", logo);
    workspace.write("password", Catcher::PASSWORD);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

const READER: &str = r#"
import email, email.policy, json, re, sys
strict = email.policy.SMTP.clone(raise_on_defect=True)
mail = email.message_from_bytes(open(sys.argv[1], "rb").read(), policy=strict)
leaves = [part for part in mail.walk() if not part.is_multipart()]
html = mail.get_body(("html",)).get_content()
shown = re.findall(r'src="cid:([^"]+)"', html)
[image] = [part for part in leaves if part.get_content_maintype() == "image"]
print(json.dumps({
    "kinds": [part.get_content_type() for part in mail.walk()],
    "named": [f"<{id}>" == image["Content-ID"] for id in shown],
    "disposition": image.get_content_disposition(), "name": image.get_filename(),
    "same": image.get_payload(decode=True) == open(sys.argv[2], "rb").read(),
}))
"#;

fn read(mail: &Path, logo: &Path) -> Value {
    let mut python = Command::new("python3");
    let python = python.args(["-c", READER]).arg(mail).arg(logo);
    let said = python.stderr(Stdio::inherit()).output().unwrap();
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn a_server_gets_the_bytes_of_the_file_under_the_name_that_the_html_has() {
    if lacks_python("no image was read back") {
        return;
    }
    let png: Vec<u8> = b"\x89PNG\r\n\x1a\n"
        .iter()
        .copied()
        .chain(0..=255)
        .collect();
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher, &png);
    let logo = workspace.path("templates/logo.png");
    let wanted = json!({
        "kinds": ["multipart/mixed", "multipart/related", "multipart/alternative", "text/plain",
            "text/html", "image/png", "text/plain"],
        "named": [true, true], "disposition": "inline", "name": "logo.png", "same": true,
    });

    let preview = workspace.path("preview.eml");
    fs::write(&preview, workspace.said(&["preview", "news", "--eml"])).unwrap();
    assert_eq!(read(&preview, &logo), wanted);
    let html = workspace.said(&["preview", "news", "--html", "-"]);
    assert_eq!(
        html.matches("src=\"data:image/png;base64,").count(),
        2,
        "{html}"
    );

    let _daemon = workspace.daemon();
    let run: RunRow = workspace.json(&["send", "news", "--yes", "--wait"]);
    let mut kept = fs::read_dir(catcher.maildir().join("new")).unwrap();
    let mail = kept.next().unwrap().unwrap().path();
    assert_eq!(read(&mail, &logo), wanted);

    // It was frozen with the run: what becomes of the file is no matter.
    let copy = workspace.path("logo-then.png");
    fs::copy(&logo, &copy).unwrap();
    workspace.write("templates/logo.png", [&png[..], b"other"].concat());
    let again = workspace.path("again.eml");
    let eml = workspace.said(&["why", "ada@example.org", "--eml", &run.id]);
    fs::write(&again, eml).unwrap();
    assert_eq!(read(&again, &copy), wanted);
    let told = workspace.said(&["reload", "--dry-run"]);
    assert!(told.contains("templates/logo.png"), "{told}");
}
