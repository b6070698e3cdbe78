//! A browser that is driven: chromium, through chromedriver's WebDriver
//! (<https://www.w3.org/TR/webdriver2/>), which is JSON over HTTP.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::ask;
use crate::world::skip::skip;
use crate::world::workspace::folder;

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf"; // section 12.1

pub(super) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A window that is so wide; nothing where there is no browser, after a word about it.
    #[track_caller]
    pub(super) fn open(width: u32) -> Option<Self> {
        for program in ["/usr/bin/chromium", "/usr/bin/chromedriver"] {
            if !Path::new(program).exists() {
                skip(
                    &format!("there is no {program}"),
                    "the preview page in a browser",
                );
                return None;
            }
        }
        let mut driver = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let profile = folder();
        let mut browser = Self {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver listens"))),
            session: String::new(),
            _profile: profile,
        };
        let profile = browser._profile.path().display().to_string();
        let args = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(), // the tests may run as root
            "--disable-dev-shm-usage".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            format!("--user-data-dir={profile}"),
            format!("--window-size={width},1250"),
        ];
        let options = json!({ "binary": "/usr/bin/chromium", "args": args });
        let wanted = json!({ "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } });
        let session = browser.command("POST", "", &json!({ "capabilities": wanted }));
        browser.session = format!("/{}", session["sessionId"].as_str().unwrap());
        Some(browser)
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_command(method, path, body)
            .unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    fn try_command(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let host = self.address.to_string();
        let headers = [("Host", &*host), ("Content-Type", "application/json")];
        let line = format!("{method} /session{}{path}", self.session);
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let answer = ask(self.address, &line, &headers, &body);
        let value = answer.json()["value"].clone();
        match answer.status {
            200 => Ok(value),
            _ => Err(value["message"].to_string()),
        }
    }

    #[track_caller]
    pub(super) fn go(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// What a script returns, in the page or the frame that is chosen.
    #[track_caller]
    pub(super) fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.command("POST", "/execute/sync", &body)
    }

    fn element(&self, selector: &str) -> Result<String, String> {
        let body = json!({ "using": "css selector", "value": selector });
        let found = self.try_command("POST", "/element", &body)?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }

    #[track_caller]
    pub(super) fn click(&self, selector: &str) {
        let element = self.element(selector).unwrap();
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    #[track_caller]
    pub(super) fn press(&self, text: &str, selector: &str) {
        let element = self.element(selector).unwrap();
        let path = format!("/element/{element}/value");
        self.command("POST", &path, &json!({ "text": text }));
    }

    /// The text of an element as a person sees it: none of what is hidden.
    #[track_caller]
    pub(super) fn text(&self, selector: &str) -> String {
        let script = format!(
            "const it = document.querySelector('{selector}'); \
             return it?.checkVisibility() ? it.innerText : ''"
        );
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    /// What a script returns within a frame; nothing while the frame is being made.
    pub(super) fn within(&self, frame: &str, script: &str) -> Option<Value> {
        let element = self.element(frame).ok()?;
        let body = json!({ "id": { ELEMENT: element } });
        let entered = self.try_command("POST", "/frame", &body);
        let script = json!({ "script": script, "args": [] });
        let seen = entered.and_then(|_| self.try_command("POST", "/execute/sync", &script));
        self.command("POST", "/frame", &json!({ "id": null }));
        seen.ok()
    }

    /// What the page complained about so far.
    #[track_caller]
    pub(super) fn complaints(&self) -> Vec<String> {
        let entries = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries.iter().map(|it| it["message"].to_string()).collect()
    }

    #[track_caller]
    pub(super) fn picture(&self, file: &Path) {
        let picture = self.command("GET", "/screenshot", &json!({}));
        let picture = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap());
        std::fs::write(file, picture.unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It must not panic: what failed before is to be told.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.try_command("DELETE", "", &json!({}))
        }));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
