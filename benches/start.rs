//! How soon a daemon sends that starts with a full outbox.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};

use super::{Failure, House};

const GLANCE: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(120);

/// The real program, killed with this value.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From exec to the first session that the server sees, and to the first message that it has taken
/// and written to its accept log.
pub(crate) fn first_message(house: &House) -> Result<(Duration, Duration), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let options = Options {
        dir: Some(house.path().to_owned()),
        discard: true,
        accept_log: Some(house.path().join("accepted.log")),
        ..Options::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(options, Clock::system()))?;
    house.configure(sandbox.address().port())?;
    let begun = Instant::now();
    let mut daemon = Daemon(
        Command::new(env!("CARGO_BIN_EXE_postroom"))
            .arg("-c")
            .arg(house.path().join("postroom.toml"))
            .arg("daemon")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUNTIME_DIRECTORY")
            .env_remove("NOTIFY_SOCKET")
            .spawn()?,
    );
    let mut greeted = None;
    loop {
        let counts = sandbox.counts();
        if greeted.is_none() && counts.connections > 0 {
            greeted = Some(begun.elapsed());
        }
        if counts.accepted > 0 {
            let taken = begun.elapsed();
            return Ok((greeted.unwrap_or(taken), taken));
        }
        if let Some(ended) = daemon.0.try_wait()? {
            return Err(format!("the daemon ended: {ended}").into());
        }
        if begun.elapsed() > PATIENCE {
            return Err("the daemon sends nothing".into());
        }
        std::thread::sleep(GLANCE);
    }
}
