//! Other people's programs: run without a shell and with nothing on their standard input but what
//! they are given, within a deadline, and with their exit status checked.
//!
//! What they print is the caller's, and never logged here: it may be a secret. [`Program::run`]
//! holds it until the end, [`Program::stream`] hands it on as it comes.

mod output;
mod running;

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

pub use self::output::Output;
use self::running::Group;
pub use self::running::end_all;

/// What systemd tells the service alone: with these a program could speak in its name.
const OF_THE_SERVICE: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];
/// So much of what it writes to standard error is kept, from its end.
const SAID: usize = 4 * 1024;

/// A program with its arguments, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// When it has not ended by then, it is killed with all that it started.
    pub limit: Duration,
}

/// Why a program did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such program.
    #[error("the command `{0}` does not exist or may not be run")]
    Missing(String),
    /// There is one, and it did not start.
    #[error(
        "the command `{command}` cannot be started: {error}{}",
        no_shebang(error)
    )]
    Unstarted {
        /// The program.
        command: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It failed; `said` is the end of what it wrote to standard error.
    #[error("the command `{command}` failed ({status}){}", after_colon(said))]
    Failed {
        /// The program.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last words on standard error, or nothing.
        said: String,
    },
    /// It did not end in time.
    #[error("the command `{command}` did not end within {}{}", span(*limit), after_colon(said))]
    Slow {
        /// The program.
        command: String,
        /// How long it might have taken.
        limit: Duration,
        /// Its last words on standard error, or nothing.
        said: String,
    },
    /// It printed more than there may be.
    #[error("the command `{command}` printed more than {}", size(*most))]
    Long {
        /// The program.
        command: String,
        /// How many bytes there may be.
        most: usize,
    },
    /// It cannot be spoken to.
    #[error("the command `{command}` cannot be read: {error}")]
    Io {
        /// The program.
        command: String,
        /// What the system said.
        error: std::io::Error,
    },
}

impl Program {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Whether there is such a program: as `execvp` looks for it, a path as it stands, a bare name
    /// along `$PATH`.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let is_executable = |path: &Path| {
            path.metadata()
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        if self.name().contains('/') {
            return is_executable(Path::new(self.name()));
        }
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| is_executable(&folder.join(self.name())))
    }

    /// Runs it with `input` and further environment variables, and returns what it printed: at most
    /// `most` bytes.
    ///
    /// # Errors
    /// It did not run, or not to a good end.
    pub async fn run(
        &self,
        input: &[u8],
        variables: &[(&str, &str)],
        most: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
        let command = self.name().to_owned();
        let (mut child, group) = self.spawn(Stdio::piped(), variables)?;
        let talk = talk(&mut child, input, most);
        let Ok(talked) = tokio::time::timeout(self.limit, talk).await else {
            return Err(ProgramError::Slow {
                command,
                limit: self.limit,
                said: String::new(),
            });
        };
        let (status, printed, said) = match talked {
            Ok(Some(talked)) => talked,
            Ok(None) => return Err(ProgramError::Long { command, most }),
            Err(error) => return Err(ProgramError::Io { command, error }),
        };
        group.has_ended();
        if status.success() {
            return Ok(printed);
        }
        Err(ProgramError::Failed {
            command,
            status,
            said: last_line(&said),
        })
    }

    /// Starts it as the first of a process group of its own, so that what it starts ends with it.
    fn spawn(
        &self,
        stdin: Stdio,
        variables: &[(&str, &str)],
    ) -> Result<(Child, Group), ProgramError> {
        let mut command = Command::new(self.name());
        command
            .args(self.argv.iter().skip(1))
            .envs(variables.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in OF_THE_SERVICE {
            command.env_remove(name);
        }
        let command_name = || self.name().to_owned();
        running::start(&mut command).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                ProgramError::Missing(command_name())
            }
            _ => ProgramError::Unstarted {
                command: command_name(),
                error,
            },
        })
    }
}

type Talked = (ExitStatus, Zeroizing<Vec<u8>>, Vec<u8>);

/// What a program printed, unless that is too much.
async fn talk(child: &mut Child, input: &[u8], most: usize) -> std::io::Result<Option<Talked>> {
    let mut stdin = child.stdin.take().expect("it is piped");
    let stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    let write = async {
        // One that does not want to hear it all closes its end, which is its right.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let mut said = Vec::new();
    let (printed, heard, ()) = tokio::join!(up_to(stdout, most), tail(stderr, &mut said), write);
    let Some(printed) = printed? else {
        return Ok(None);
    };
    heard?;
    Ok(Some((child.wait().await?, printed, said)))
}

async fn up_to(
    from: impl AsyncRead + Unpin,
    most: usize,
) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Keeps the end of what it says in `said`; it may say more.
async fn tail(mut from: impl AsyncRead + Unpin, said: &mut Vec<u8>) -> std::io::Result<()> {
    while from.read_buf(said).await? > 0 {
        if said.len() > 2 * SAID {
            said.drain(..said.len() - SAID);
        }
    }
    Ok(())
}

fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim);
    lines
        .rfind(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

/// A script that does not say who reads it is started by a shell alone.
fn no_shebang(error: &std::io::Error) -> &'static str {
    let is_format = rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOEXEC);
    if is_format {
        "; a script begins with a line like #!/bin/sh"
    } else {
        ""
    }
}

fn span(limit: Duration) -> String {
    match limit.subsec_nanos() {
        0 => format!("{} seconds", limit.as_secs()),
        _ => format!("{limit:?}"),
    }
}

fn size(bytes: usize) -> String {
    match bytes / 1024 {
        kib if kib < 1024 => format!("{kib} KB"),
        kib if kib < 1024 * 1024 => format!("{} MB", kib / 1024),
        kib => format!("{} GB", kib / (1024 * 1024)),
    }
}
