//! Where credentials come from, and the moment they are read.
//!
//! A [`Secret`] is a reference: a systemd credential, a file, a command, an environment variable
//! or, if it must be, text in the configuration. It is read again each time it is needed
//! ([`Secret::reveal`]), so a rotated password is picked up without a restart; only what a command
//! printed may be kept for a while ([`Kept`]). No error and no `Debug` output ever holds a value:
//! errors name the file or the command.

mod kept;

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

pub use kept::Kept;

use crate::program::{Program, ProgramError};

/// How long a secret's command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// No credential is longer; a larger file is a wrong path.
const LENGTH_LIMIT: u64 = 64 * 1024;
/// Permission bits of people who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// A reference to a credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Text in the configuration itself.
    Literal(Zeroizing<String>),
    /// A file that only its owner and group may read.
    File(PathBuf),
    /// A variable of this process's environment.
    Env(String),
    /// A file in `$CREDENTIALS_DIRECTORY`, put there by systemd (`LoadCredential=`).
    Credential(String),
    /// What a program prints: its first line, or all of it where lines belong together. Run without
    /// a shell.
    Command {
        /// The program and its arguments; never empty.
        argv: Vec<String>,
        /// How long what it printed may be used again; if left out, it is run each time.
        keep: Option<Duration>,
    },
}

/// A secret that can be used, but not without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Everyone may read the file, in a place where that is usual (`/run/secrets`, a Kubernetes
    /// volume, a read-only mount).
    Exposed {
        /// The file's permission bits.
        mode: u32,
    },
    /// Environment variables are visible in `/proc` and to child processes.
    Environment,
}

/// Why a secret cannot be had. The text never holds the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("{} cannot be read: {}", path.display(), reason(error))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// People who have no business with the file may read or change it.
    #[error("every user on this machine can read {} (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The process was not started with systemd credentials, or not with this one.
    #[error("systemd passed no credential called `{0}`")]
    NoCredential(String),
    /// The program did not run, or not to a good end.
    #[error(transparent)]
    Command(#[from] ProgramError),
    /// There was something to read, but it is no credential.
    #[error("{origin} {fault}")]
    Unusable {
        /// Where it came from, as [`Secret::origin`] says it.
        origin: String,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl Secret {
    /// Reads the secret now. One line end at its end is not part of it.
    ///
    /// # Errors
    /// If it cannot be read, is empty, is not UTF-8, or others may read its file.
    pub async fn reveal(&self) -> Result<Zeroizing<String>, SecretError> {
        let mut value = self.reveal_text().await?;
        if let Self::Command { .. } = self {
            let first_line = value.find('\n').map_or(value.len(), |end| end + 1);
            value.truncate(first_line);
        }
        let end = value.strip_suffix('\n').unwrap_or(&value);
        let end = end.strip_suffix('\r').unwrap_or(end).len();
        value.truncate(end);
        if value.is_empty() {
            Err(self.unusable("is empty"))
        } else {
            Ok(value)
        }
    }

    /// Reads a secret of several lines now, whole: a key.
    ///
    /// # Errors
    /// If it cannot be read, is not UTF-8, or others may read its file.
    pub async fn reveal_text(&self) -> Result<Zeroizing<String>, SecretError> {
        self.inspect()?;
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::File(path) => self.text_of(read_file(path).await?)?,
            Self::Env(name) => Zeroizing::new(
                std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?,
            ),
            Self::Credential(name) => self.text_of(read_file(&credential(name)?).await?)?,
            Self::Command { argv, .. } => self.text_of(run(argv).await?)?,
        })
    }

    /// Looks whether the secret could be read, without reading or running anything.
    ///
    /// # Errors
    /// If it is certain already that [`Secret::reveal`] would fail.
    pub fn inspect(&self) -> Result<Option<Concern>, SecretError> {
        match self {
            Self::Literal(_) => Ok(None),
            Self::File(path) => inspect_file(path),
            Self::Env(name) => match std::env::var_os(name) {
                Some(_) => Ok(Some(Concern::Environment)),
                None => Err(SecretError::NoVariable(name.clone())),
            },
            // systemd keeps its directory closed; a mounted one may be as Kubernetes makes it.
            Self::Credential(name) => match metadata(&credential(name)?) {
                Ok(_) => Ok(None),
                Err(_) => Err(SecretError::NoCredential(name.clone())),
            },
            Self::Command { argv, .. } => {
                let program = program(argv);
                match program.is_there() {
                    true => Ok(None),
                    false => Err(ProgramError::Missing(program.name().to_owned()).into()),
                }
            }
        }
    }

    /// How long a value may be used again without another reading.
    #[must_use]
    pub fn keep(&self) -> Option<Duration> {
        match self {
            Self::Command { keep, .. } => *keep,
            _ => None,
        }
    }

    /// Where it comes from, for people: `file /etc/postroom/secrets/qq`.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::Literal(_) => "text in the configuration".to_owned(),
            Self::File(path) => format!("file {}", path.display()),
            Self::Env(name) => format!("environment variable {name}"),
            Self::Credential(name) => format!("credential {name}"),
            Self::Command { argv, .. } => format!("command {}", program(argv).name()),
        }
    }

    fn text_of(&self, bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, SecretError> {
        match str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(self.unusable("is not UTF-8 text")),
        }
    }

    fn unusable(&self, fault: &'static str) -> SecretError {
        SecretError::Unusable {
            origin: self.origin(),
            fault,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret: {}›", self.origin())
    }
}

fn credential(name: &str) -> Result<PathBuf, SecretError> {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(directory) => Ok(Path::new(&directory).join(name)),
        None => Err(SecretError::NoCredential(name.to_owned())),
    }
}

fn inspect_file(path: &Path) -> Result<Option<Concern>, SecretError> {
    let metadata = metadata(path)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        let error = std::io::ErrorKind::IsADirectory.into();
        return Err(SecretError::File {
            path: path.to_owned(),
            error,
        });
    }
    let fault = match metadata.len() {
        _ if !metadata.is_file() => Some("is no file, but a pipe or a device"),
        0 => Some("is empty"),
        _ => None,
    };
    if let Some(fault) = fault {
        let origin = path.display().to_string();
        return Err(SecretError::Unusable { origin, fault });
    }
    if mode & OTHERS == 0 {
        Ok(None)
    } else if is_shared_by_design(path) {
        Ok(Some(Concern::Exposed { mode }))
    } else {
        Err(SecretError::Exposed {
            path: path.to_owned(),
            mode,
        })
    }
}

/// Container platforms mount secrets as 0644 of root, and nobody can change that from inside
/// (kubernetes#81089); what protects them there is the mount.
fn is_shared_by_design(path: &Path) -> bool {
    let real = path.canonicalize();
    let real = real.as_deref().unwrap_or(path);
    let in_kubernetes_volume = path
        .parent()
        .is_some_and(|folder| folder.join("..data").exists());
    real.starts_with("/run/secrets") || in_kubernetes_volume || is_on_read_only_mount(real)
}

fn is_on_read_only_mount(path: &Path) -> bool {
    rustix::fs::statvfs(path)
        .is_ok_and(|mount| mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, SecretError> {
    path.metadata().map_err(|error| SecretError::File {
        path: path.to_owned(),
        error,
    })
}

async fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    use tokio::io::AsyncReadExt as _;
    let failed = |error| SecretError::File {
        path: path.to_owned(),
        error,
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LENGTH_LIMIT + 1)
        .read_to_end(&mut bytes)
        .await
        .map_err(failed)?;
    if bytes.len() as u64 > LENGTH_LIMIT {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

async fn run(argv: &[String]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let program = program(argv);
    let most = usize::try_from(LENGTH_LIMIT).unwrap_or(usize::MAX);
    Ok(program.run(&[], &[], most).await?)
}

fn program(argv: &[String]) -> Program {
    Program {
        argv: argv.to_vec(),
        limit: COMMAND_LIMIT,
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        std::io::ErrorKind::FileTooLarge => {
            format!(
                "it is longer than {} KB, which no credential is",
                LENGTH_LIMIT / 1024
            )
        }
        _ => error.to_string(),
    }
}
