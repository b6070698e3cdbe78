//! What a message costs the whole program: the real binary, one connection, a list of people, and
//! the outbox on disk between one message and the next.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postroom::sandbox::Sandbox;
use tokio::runtime::Runtime;

use super::{Failure, Mode, ONE_WAY, delay_line, round_trips, sandbox};

const PEOPLE: usize = 200;
const GLANCE: Duration = Duration::from_millis(1);

const CONFIGURATION: &str = r#"
[daemon]
state = "state"

[account.far]
host = "localhost"
port = PORT
ca = "ca.pem"
from = "post@example.org"
connections = 1
messages_per_connection = 1000
chaining = CHAINING

[list.people]
csv = "people.csv"

[schedule.letters]
send = "letter"
to = "people"
via = "far"
"#;

/// Round trips between one message that the server takes and the next.
pub(crate) fn cost(runtime: &Runtime, mode: Mode) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let sandbox = runtime.block_on(sandbox(mode, dir.path()))?;
    let line = delay_line::open(sandbox.address(), ONE_WAY)?;
    furnish(dir.path(), line.port(), mode)?;
    let daemon = Daemon::start(dir.path())?;
    let took = watch(
        &sandbox,
        postroom(dir.path()).args(["send", "letters", "--yes", "--wait"]),
    )?;
    drop(daemon);
    Ok(round_trips(took, PEOPLE - 1))
}

/// The time between the first message that the server takes and the last, while `send` runs.
fn watch(sandbox: &Sandbox, send: &mut Command) -> Result<Duration, Failure> {
    let mut send = send.spawn()?;
    let mut taken = |count: u64| -> Result<Instant, Failure> {
        loop {
            let ended = send.try_wait()?; // asked first: it ends after its last letter
            let taken = sandbox.counts().accepted;
            if taken >= count {
                return Ok(Instant::now());
            }
            if let Some(ended) = ended {
                return Err(format!("`send` ended with {taken} letters taken: {ended}").into());
            }
            std::thread::sleep(GLANCE);
        }
    };
    let first = taken(1)?;
    let last = taken(PEOPLE as u64)?;
    let ended = send.wait()?;
    let taken = sandbox.counts().accepted;
    if taken == PEOPLE as u64 && ended.success() {
        Ok(last - first)
    } else {
        Err(format!("{taken} of {PEOPLE} letters were taken: {ended}").into())
    }
}

/// A running daemon; it ends with this value.
struct Daemon(Child);

impl Daemon {
    /// One that answers on its socket.
    fn start(dir: &Path) -> Result<Self, Failure> {
        let mut daemon = Self(postroom(dir).arg("daemon").spawn()?);
        while UnixStream::connect(dir.join("state/postroom.sock")).is_err() {
            if let Some(ended) = daemon.0.try_wait()? {
                return Err(format!("the daemon ended: {ended}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn furnish(dir: &Path, port: u16, mode: Mode) -> Result<(), Failure> {
    let configuration = CONFIGURATION
        .replace("PORT", &port.to_string())
        .replace("CHAINING", &(mode == Mode::Chained).to_string());
    std::fs::write(dir.join("postroom.toml"), configuration)?;
    let people: String = (0..PEOPLE)
        .map(|n| format!("person-{n}@example.org\n"))
        .collect();
    std::fs::write(dir.join("people.csv"), ["email\n", &people].concat())?;
    let template = dir.join("templates/letter");
    std::fs::create_dir_all(&template)?;
    std::fs::write(template.join("subject.txt"), "From far away\n")?;
    let line = "A line of text, as there are many in a letter.\n";
    let text = ["Dear {{email}},\n\n", &line.repeat(4096 / line.len())].concat();
    std::fs::write(template.join("body.txt"), text)?;
    Ok(())
}

/// The binary with the configuration of this folder. What it says is not of interest.
fn postroom(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
    command.arg("-c").arg(dir.join("postroom.toml"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for foreign in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET"] {
        command.env_remove(foreign);
    }
    command
}
