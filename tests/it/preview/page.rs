//! The page over HTTP: who is answered, with what, and that nothing of a list becomes markup.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::http::ask;
use super::served::Served;
use crate::world::patience::wait_for;
use crate::world::workspace::Workspace;

const EVIL: &str = "<script>alert(1)</script>";

fn workspace() -> Workspace {
    let workspace = Workspace::new(
        "[account.main]\nhost = \"mail.example.org\"\nfrom = \"a@example.org\"\n\n\
         [list.staff]\ncsv = \"staff.csv\"\n\n\
         [list.told]\ncommand = [\"./told\"]\n\n\
         [schedule.news]\nsend = \"news\"\nto = [\"staff\", \"told\"]\nvia = \"main\"\n",
    );
    let staff = format!("email,name\nada@example.org,Ada\neve@example.org,\"{EVIL}\"\n");
    workspace.write("staff.csv", staff);
    let ran = workspace.path("ran");
    let script = format!(
        "#!/bin/sh\necho > {}\necho email; echo z@example.org\n",
        ran.display()
    );
    workspace.write("told", script);
    fs::set_permissions(workspace.path("told"), fs::Permissions::from_mode(0o755)).unwrap();
    workspace.write("templates/news/subject.txt", "News for {{email}}\n");
    workspace.write("templates/news/body.txt", "Hello {{email}}\n");
    workspace.write(
        "templates/news/body.html",
        "<p>Hello {{email}}</p><img src=\"https://a.example/x.png\">",
    );
    workspace
}

/// Of a loose template with a sample.
fn with_note(workspace: &Workspace) {
    workspace.write("templates/note/subject.txt", "Note {{name}}\n");
    workspace.write("templates/note/body.txt", "Hi {{name}}\n");
    workspace.write("templates/note/body.html", "<p>Hi {{name}}</p>");
    let sample = format!("email,name\neve@example.org,\"{EVIL}\"\n");
    workspace.write("templates/note/sample.csv", sample);
}

#[test]
fn only_this_machine_by_its_number_is_answered() {
    let workspace = workspace();
    let served = Served::of(&workspace);
    let ours = served.address.to_string();
    for (host, status) in [
        (&*ours, 200),
        ("localhost:1", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ] {
        for path in ["/", "/v1/overview", "/page.js"] {
            let answer = ask(
                served.address,
                &format!("GET {path}"),
                &[("Host", host)],
                "",
            );
            assert_eq!(answer.status, status, "{host} {path}");
        }
    }
    for site in ["cross-site", "same-site"] {
        let headers = [("Host", &*ours), ("Sec-Fetch-Site", site)];
        let answer = ask(served.address, "GET /v1/overview", &headers, "");
        assert_eq!(answer.status, 403, "{site}");
    }
}

#[test]
fn what_does_something_is_asked_for_by_the_page_alone() {
    let workspace = workspace();
    let served = Served::of(&workspace);
    let host = served.address.to_string();
    let own = format!("http://{host}");
    let body = json!({ "template": "news", "source": "news/told" }).to_string();
    let run = |line: &str, more: &[(&str, &str)]| {
        let json = [("Host", &*host), ("Content-Type", "application/json")];
        ask(served.address, line, &[&json[..], more].concat(), &body)
    };
    for (more, status) in [
        (&[][..], 403),
        (&[("Origin", "null")][..], 403),
        (&[("Origin", "http://evil.example")][..], 403),
        (
            &[("Origin", &*own), ("Sec-Fetch-Site", "cross-site")][..],
            403,
        ),
    ] {
        assert_eq!(run("POST /v1/run", more).status, status, "{more:?}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = run(&format!("{method} /v1/run"), &[("Origin", &own)]);
        assert_eq!(answer.status, 405, "{method}");
    }
    assert_eq!(run("GET /v1/run", &[]).status, 405);
    served.view("news", "news/told", 0);
    let rows = served.get("/v1/rows?template=news&source=news/told").json();
    assert!(rows["program"].is_string(), "{rows}");
    assert!(!workspace.path("ran").exists(), "it ran unasked");
    assert_eq!(
        run("POST /v1/run", &[("Origin", &own)]).json(),
        json!({ "rows": 1 })
    );
    assert!(workspace.path("ran").exists());
    let view = served.view("news", "news/told", 0);
    assert!(
        view["view"]["text"]
            .as_str()
            .unwrap()
            .contains("z@example.org"),
        "{view}"
    );
}

#[test]
fn the_page_may_do_nothing_but_show_and_a_mail_not_even_that() {
    let workspace = workspace();
    let served = Served::of(&workspace);
    let page = served.get("/");
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    let view = served.view("news", "news/staff", 0);
    let id = view["view"]["id"].as_str().unwrap();
    let mail = served.get(&format!("/v1/frame/{id}?scheme=light"));
    let policy = mail.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("img-src data:;"),
        "{policy}"
    );
    assert!(
        policy.contains("sandbox allow-popups") && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(view["view"]["remote"], 1);
    let mail = served.get(&format!("/v1/frame/{id}?scheme=light&remote=true"));
    let policy = mail.header("content-security-policy");
    assert!(
        policy.contains("img-src data: https:") && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(served.get("/v1/frame/nothing?scheme=light").status, 404);
    assert_eq!(served.get("/v1/caught/..%2f..%2fpostroom.toml").status, 404);
}

#[test]
fn nothing_of_a_list_becomes_markup() {
    let workspace = workspace();
    with_note(&workspace);
    let served = Served::of(&workspace);
    let note = served.view("note", "sample.csv", 0);
    assert_eq!(note["view"]["text"], format!("Hi {EVIL}\n"));
    assert_eq!(note["fields"]["name"], EVIL);
    let id = note["view"]["id"].as_str().unwrap();
    let mail = served.get(&format!("/v1/frame/{id}?scheme=light"));
    assert!(mail.body.contains("Hi &lt;script&gt;"), "{}", mail.body);
    // What is not a mail of ours is JSON or a file of ours, and is never taken for anything else.
    for path in [
        "/v1/overview",
        "/v1/rows?template=note",
        "/v1/view?template=note",
    ] {
        let answer = served.get(path);
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
    let script = served.get("/page.js").body + &served.get("/draw.js").body;
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!script.contains(sink), "{sink}");
    }
    let page = served.get("/").body;
    assert!(
        !page.contains("style=") && !page.contains("onclick"),
        "{page}"
    );
    assert!(
        !page.contains("https:") && !page.contains("<script>"),
        "{page}"
    );
}

#[test]
fn a_template_that_nothing_names_is_shown_with_its_sample_or_the_names_of_its_fields() {
    let workspace = workspace();
    with_note(&workspace);
    workspace.write("templates/bare/subject.txt", "To {{team}}\n");
    workspace.write("templates/bare/body.txt", "{{team}}\n");
    let served = Served::of(&workspace);
    let overview = served.overview();
    let named = |it: &Value| it["name"].as_str().unwrap().to_owned();
    let names: Vec<String> = overview["templates"]
        .as_array()
        .unwrap()
        .iter()
        .map(named)
        .collect();
    assert_eq!(names, ["bare", "news", "note"]);
    assert_eq!(served.view("bare", "", 0)["view"]["text"], "[team]\n");
    let note = served.view("note", "sample.csv", 7);
    assert_eq!(note["faults"][0]["message"], "there is no such row");
}

#[test]
fn a_broken_configuration_is_shown_beside_what_can_be_read() {
    let workspace = workspace();
    let served = Served::of(&workspace);
    assert_eq!(served.overview()["broken"], false);
    let good = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    workspace.write("postroom.toml", format!("{good}\n[schedule.x\n"));
    let broken = wait_for("the fault", || {
        let overview = served.overview();
        (overview["broken"] == true).then_some(overview)
    });
    assert_eq!(broken["faults"][0]["file"], "postroom.toml");
    assert!(
        broken["faults"][0]["line"].as_u64().unwrap() > 10,
        "{broken}"
    );
    let view = served.view("news", "news/staff", 0);
    assert!(
        view["view"]["text"]
            .as_str()
            .unwrap()
            .contains("ada@example.org"),
        "{view}"
    );
    workspace.write("postroom.toml", good);
    wait_for("the end of the fault", || {
        (served.overview()["broken"] == false).then_some(())
    });
    assert_eq!(served.interrupt().code(), Some(0));
}

#[test]
fn a_template_that_breaks_is_shown_as_it_was_with_the_line_of_its_fault() {
    let workspace = workspace();
    let served = Served::of(&workspace);
    let before = served.view("news", "news/staff", 0);
    assert_eq!(before["old"], false);
    for (broken, line, code) in [
        ("<p>\n{{#if email}}\n", 2, "template-syntax"),
        ("<p>\n\n{{nobody}}", 3, "missing-field"),
    ] {
        workspace.write("templates/news/body.html", broken);
        let view = wait_for("the fault", || {
            let view = served.view("news", "news/staff", 0);
            let faults = view["faults"].as_array().unwrap();
            faults.iter().any(|it| it["code"] == code).then_some(view)
        });
        assert_eq!(view["old"], true, "{view}");
        assert_eq!(view["view"]["html"], before["view"]["html"]);
        let fault = &view["faults"][0];
        assert_eq!(fault["file"], "templates/news/body.html", "{fault}");
        assert_eq!(fault["line"], line, "{fault}");
        let lines = fault["excerpt"].as_array().unwrap();
        assert!(lines.iter().any(|it| it["number"] == line), "{fault}");
    }
}

#[test]
fn it_listens_on_this_machine_alone() {
    let workspace = workspace();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let output = workspace
            .postroom(&["preview", "--serve", address])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains("this machine"), "{told}");
    }
    let served = Served::of(&workspace);
    let taken = served.address.to_string();
    let output = workspace
        .postroom(&["preview", "--serve", &taken])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{told}");
    assert!(told.contains("127.0.0.1:0"), "{told}");
}
