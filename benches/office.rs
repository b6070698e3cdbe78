//! A folder with a configuration, the real program at work in it, and servers that write down when
//! they took what.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Failure;

const GLANCE: Duration = Duration::from_millis(2);

/// A folder with a configuration, and its servers.
pub(crate) struct Office {
    house: TempDir,
    runtime: Runtime,
    /// The clock of the servers, which measures everything.
    pub(crate) clock: Clock,
}

/// A server that takes everything.
pub(crate) struct Server {
    sandbox: Sandbox,
    log: PathBuf,
    /// Of the log: a disk would make the server slower than it is.
    _memory: TempDir,
}

/// A message that a server took.
#[derive(Deserialize)]
pub(crate) struct Taken {
    /// Elapsed time, as the office's clock tells it.
    elapsed_us: u64,
    /// Microseconds since 1970.
    pub(crate) time_us: i64,
    to: Vec<String>,
}

impl Taken {
    pub(crate) fn at(&self) -> Duration {
        Duration::from_micros(self.elapsed_us)
    }

    pub(crate) fn to(&self) -> &str {
        self.to.first().map_or("", |it| it)
    }
}

/// The log of a server while it grows.
pub(crate) struct Log {
    file: BufReader<File>,
    line: String,
}

impl Log {
    /// The next line, if it is there as a whole.
    pub(crate) fn next(&mut self) -> Result<Option<Taken>, Failure> {
        self.file.read_line(&mut self.line)?;
        if !self.line.ends_with('\n') {
            return Ok(None);
        }
        let taken = serde_json::from_str(&self.line)?;
        self.line.clear();
        Ok(Some(taken))
    }

    /// Reads on until a line is the right one, for so long at most.
    pub(crate) fn find(
        &mut self,
        patience: Duration,
        mut is_right: impl FnMut(&Taken) -> bool,
    ) -> Result<Option<Taken>, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            match self.next()? {
                Some(taken) if is_right(&taken) => return Ok(Some(taken)),
                Some(_) => {}
                None => std::thread::sleep(GLANCE),
            }
        }
        Ok(None)
    }
}

impl Server {
    pub(crate) fn port(&self) -> u16 {
        self.sandbox.address().port()
    }

    pub(crate) fn taken(&self) -> u64 {
        self.sandbox.counts().accepted
    }

    /// Its log from the begin.
    pub(crate) fn log(&self) -> Result<Log, Failure> {
        Ok(Log {
            file: BufReader::new(File::open(&self.log)?),
            line: String::new(),
        })
    }
}

impl Office {
    /// Below the target folder: a real disk, which `/tmp` may not be.
    pub(crate) fn new() -> Result<Self, Failure> {
        let house = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let template = house.path().join("templates/letter");
        std::fs::create_dir_all(&template)?;
        std::fs::write(template.join("subject.txt"), "It is time\n")?;
        std::fs::write(template.join("body.txt"), "Dear {{email}},\n\nit is.\n")?;
        Ok(Self {
            house,
            runtime: Runtime::new()?,
            clock: Clock::system(),
        })
    }

    pub(crate) fn server(&self, latency: Duration) -> Result<Server, Failure> {
        let memory = Path::new("/dev/shm");
        let memory = match memory.is_dir() {
            true => tempfile::tempdir_in(memory)?,
            false => tempfile::tempdir()?,
        };
        let log = memory.path().join("accepted");
        let options = Options {
            dir: Some(self.house.path().to_owned()),
            discard: true,
            accept_log: Some(log.clone()),
            latency,
            ..Options::default()
        };
        let started = Sandbox::start(options, self.clock.clone());
        Ok(Server {
            sandbox: self.runtime.block_on(started)?,
            log,
            _memory: memory,
        })
    }

    pub(crate) fn configure(&self, text: &str) -> Result<(), Failure> {
        let daemon = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n";
        let path = self.house.path().join("postroom.toml");
        Ok(std::fs::write(path, [daemon, text].concat())?)
    }

    /// A list of so many people, and the schedule that sends to them.
    pub(crate) fn schedule(
        &self,
        name: &str,
        people: usize,
        keys: &str,
    ) -> Result<String, Failure> {
        let mut list = "email\n".to_owned();
        (0..people).for_each(|n| list.push_str(&format!("{name}.{n}@example.org\n")));
        std::fs::write(self.house.path().join(format!("{name}.csv")), list)?;
        Ok(format!(
            "[list.{name}]\ncsv = \"{name}.csv\"\n\
             [schedule.{name}]\nsend = \"letter\"\nto = \"{name}\"\n{keys}\n"
        ))
    }

    /// The program with this office's configuration. What it says is not of interest.
    fn postroom(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command
            .arg("-c")
            .arg(self.house.path().join("postroom.toml"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for foreign in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET"] {
            command.env_remove(foreign);
        }
        command
    }

    /// `postroom send`, to its end.
    pub(crate) fn send(&self, schedule: &str) -> Result<(), Failure> {
        let ended = self.postroom(&["send", schedule, "--yes"]).status()?;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("`send {schedule}` ended: {ended}").into()),
        }
    }

    /// What a command prints.
    pub(crate) fn said(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        let told = self
            .postroom(arguments)
            .stdout(Stdio::piped())
            .spawn()?
            .wait_with_output()?;
        match told.status.success() {
            true => Ok(told.stdout),
            false => Err(format!("{arguments:?} ended: {}", told.status).into()),
        }
    }

    /// A daemon that answers on its socket.
    pub(crate) fn daemon(&self) -> Result<Daemon, Failure> {
        let mut daemon = Daemon(self.postroom(&["daemon"]).spawn()?);
        let socket = self.house.path().join("state/postroom.sock");
        while UnixStream::connect(&socket).is_err() {
            if let Some(ended) = daemon.0.try_wait()? {
                return Err(format!("the daemon ended: {ended}").into());
            }
            std::thread::sleep(GLANCE);
        }
        Ok(daemon)
    }
}

/// A running daemon; it ends with this value.
pub(crate) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An account by name.
pub(crate) fn account(name: &str, server: &Server, keys: &str) -> String {
    let port = server.port();
    format!(
        "[account.{name}]\nhost = \"localhost\"\nport = {port}\nca = \"ca.pem\"\n\
         from = \"post@example.org\"\n{keys}\n"
    )
}
