//! The page in a browser: what a person who writes templates sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::browser::Browser;
use super::caught::{free_port, send};
use super::served::Served;
use crate::world::patience::wait_for;
use crate::world::workspace::Workspace;

/// Where pictures of the shipped templates are put, if not below `target`.
const PICTURES: &str = "POSTROOM_SCREENSHOTS";

const EVIL: &str = "<img src=x onerror=document.title='evil'>";

fn workspace() -> Workspace {
    let workspace = Workspace::new(
        "[account.main]\nhost = \"mail.example.org\"\nfrom = \"House <a@example.org>\"\n\n\
         [list.staff]\ncsv = \"staff.csv\"\n\n\
         [schedule.news]\nsend = \"news\"\nto = \"staff\"\nvia = \"main\"\n",
    );
    let staff = format!("email,town\nada@example.org,London\nbob@example.org,\"{EVIL}\"\n");
    workspace.write("staff.csv", staff);
    workspace.write("templates/news/subject.txt", "News from {{town}}\n");
    workspace.write("templates/news/body.txt", "Hello from {{town}}\n");
    workspace.write("templates/news/body.html", BODY);
    workspace
}

/// Its light rules are written into the elements, so what holds in the dark has to be important.
const BODY: &str = "<meta name=color-scheme content=\"light dark\"><style>p{color:#010203}\
    @media (prefers-color-scheme: dark){p{color:#fdfcfb !important}}</style>\n\
    <p>Hello from {{town}}</p>\n";

/// What is seen in the frame of a phone.
fn phone(browser: &Browser) -> Option<String> {
    let seen = browser.within(".phone iframe", "return document.body.innerText")?;
    seen.as_str().map(str::to_owned)
}

fn see(browser: &Browser, words: &str) {
    wait_for(words, || phone(browser)?.contains(words).then_some(()));
}

fn told(browser: &Browser, selector: &str, words: &str) {
    let what = format!("{words} in {selector}");
    wait_for(&what, || {
        browser.text(selector).contains(words).then_some(())
    });
}

#[test]
fn it_switches_readers_and_follows_what_is_saved_and_keeps_the_choice() {
    let Some(browser) = Browser::open(1500) else {
        return;
    };
    let workspace = workspace();
    let served = Served::of(&workspace);
    browser.go(&served.url());
    see(&browser, "Hello from London");
    told(&browser, "#subject", "News from London");

    browser.press("j", "body");
    told(&browser, "#subject", EVIL);
    see(&browser, EVIL);
    assert!(browser.text("#people").contains("bob@example.org"));

    for words in ["Good morning", "Good evening"] {
        let body = BODY.replace("Hello", words);
        workspace.write("templates/news/body.html", body);
        let saved = Instant::now();
        see(&browser, &format!("{words} from <img"));
        tell(&format!(
            "seen {} ms after it was saved",
            saved.elapsed().as_millis()
        ));
    }
    told(&browser, "#subject", EVIL);
    let row = browser.run("return document.getElementById('row').value");
    assert_eq!(row, json!("1"), "the choice is kept");

    browser.press("ada@", "#find");
    told(&browser, "#people", "ada@example.org");
    let title = browser.run("return document.title");
    assert!(
        title.as_str().unwrap().contains("postroom preview"),
        "{title}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_fault_is_shown_at_its_line_beside_what_was_there_before() {
    let Some(browser) = Browser::open(1500) else {
        return;
    };
    let workspace = workspace();
    let served = Served::of(&workspace);
    browser.go(&served.url());
    see(&browser, "Hello from London");
    workspace.write(
        "templates/news/body.html",
        "<p>\n\nHello {{#if town}} from {{twon}}",
    );
    told(&browser, "#faults", "templates/news/body.html:3:");
    let hit = browser.text("#faults .hit");
    assert!(
        hit.starts_with('3') && hit.contains("{{#if town}}"),
        "{hit}"
    );
    assert!(browser.text("#old").contains("before the fault"));
    see(&browser, "Hello from London");
    workspace.write("templates/news/body.html", "<p>Mended in {{town}}</p>");
    see(&browser, "Mended in London");
    wait_for("no fault", || {
        (browser.text("#faults").is_empty() && browser.text("#old").is_empty()).then_some(())
    });
}

#[test]
fn it_is_shown_in_both_widths_in_light_and_in_dark() {
    let Some(browser) = Browser::open(1500) else {
        return;
    };
    let workspace = workspace();
    let served = Served::of(&workspace);
    browser.go(&served.url());
    see(&browser, "Hello from London");
    let width = |frame| browser.within(frame, "return innerWidth").unwrap();
    assert_eq!(width(".desktop iframe"), 680);
    assert_eq!(width(".phone iframe"), 375);
    let colour = "return getComputedStyle(document.querySelector('p')).color + ' ' + \
                  getComputedStyle(document.documentElement).colorScheme";
    for (key, seen) in [
        ("dark", "rgb(253, 252, 251) dark"),
        ("light", "rgb(1, 2, 3) light"),
    ] {
        browser.click(&format!("#scheme-{key}"));
        wait_for(seen, || {
            (browser.within(".phone iframe", colour)? == seen).then_some(())
        });
    }
    browser.click("#width-phone");
    assert_eq!(
        browser.run("return document.querySelectorAll('iframe').length"),
        1
    );
    for (tab, words) in [
        ("Text", "Hello from London"),
        ("HTML", ">Hello from London</p>"), // with its style
        ("Source", "MIME-Version: 1.0"),
        ("Headers", "X-Postroom-Id"),
        ("Fields", "town"),
    ] {
        browser.click(&format!("#tab-{tab}"));
        told(&browser, "#panel", words);
    }
}

#[test]
fn caught_mail_appears_by_itself() {
    let Some(browser) = Browser::open(1500) else {
        return;
    };
    let (workspace, port) = (workspace(), free_port());
    let plain = format!("127.0.0.1:{port}");
    let dir = workspace.path("sandbox");
    let args = [
        "sandbox",
        "--dir",
        dir.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--plain",
        &plain,
        "--serve",
        "127.0.0.1:0",
        "--json",
    ];
    let sandbox = Served::by(workspace.postroom(&args), "page");
    let served = Served::of(&workspace);
    for page in [&sandbox, &served] {
        browser.go(&page.url());
        told(&browser, "#live", "follows");
        send(
            port,
            "ada@example.org",
            &format!("Caught at {}", page.url()),
        );
        told(&browser, "#caught", &page.url());
        browser.click("#caught button");
        told(&browser, "#subject", &page.url());
        see(&browser, "caught this");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Nothing is asserted of them but that they are made: they are for people to look at.
#[test]
fn the_shipped_templates_are_pictured() {
    let Some(browser) = Browser::open(1500) else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os(PICTURES).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("preview"));
    fs::create_dir_all(&folder).unwrap();
    let workspace = Workspace::new("");
    std::os::unix::fs::symlink(root.join("templates"), workspace.path("templates")).unwrap();
    let served = Served::of(&workspace);
    let overview = served.overview();
    let templates = overview["templates"].as_array().unwrap();
    assert!(!templates.is_empty());
    for template in templates {
        let name = template["name"].as_str().unwrap();
        for scheme in ["light", "dark"] {
            let url = format!("{}?template={name}&scheme={scheme}", served.url());
            browser.go(&url);
            wait_for("both frames", || {
                let seen = browser.within(".phone iframe", "return document.readyState")?;
                (seen == "complete").then_some(())
            });
            assert_eq!(browser.text("#faults"), "", "{name}");
            browser.picture(&folder.join(format!("{name}-{scheme}.png")));
        }
    }
}

/// Past the capture of the test's output.
fn tell(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "\n{text}");
}
