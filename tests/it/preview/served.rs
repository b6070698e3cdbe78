//! A page that is served by the real binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::http::{Answer, ask, quoted};
use crate::world::workspace::Workspace;

pub(super) struct Served {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Served {
    /// `preview --serve` on a free port.
    #[track_caller]
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self::by(
            workspace.postroom(&["preview", "--serve", "127.0.0.1:0", "--json"]),
            "url",
        )
    }

    /// A command that tells the address of its page in this member of its answer.
    #[track_caller]
    pub(super) fn by(mut command: Command, member: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let url = told[member].as_str().unwrap_or_else(|| panic!("{told}"));
        let address = url
            .strip_prefix("http://")
            .and_then(|it| it.strip_suffix('/'));
        let address = address.unwrap().parse().unwrap();
        Self { child, address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// As the page asks.
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> Answer {
        let host = self.address.to_string();
        ask(self.address, &format!("GET {path}"), &[("Host", &host)], "")
    }

    #[track_caller]
    pub(super) fn overview(&self) -> Value {
        self.get("/v1/overview").json()
    }

    /// What is shown of a template for a row of a source.
    #[track_caller]
    pub(super) fn view(&self, template: &str, source: &str, row: usize) -> Value {
        let (template, source) = (quoted(template), quoted(source));
        let path = format!("/v1/view?template={template}&source={source}&row={row}");
        self.get(&path).json()
    }

    /// Ctrl-C.
    pub(super) fn interrupt(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
