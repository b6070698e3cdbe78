//! Where things are: the configuration, the state directory, the control socket.
//!
//! The environment says where things are, never what they are.

use std::path::{Path, PathBuf};

/// Where the configuration of the system service lies.
const SYSTEM: &str = "/etc/postroom";
const FILE_NAME: &str = "postroom.toml";

/// No configuration is where one would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no configuration found; looked for {}\nname one with --config FILE or $POSTROOM_CONFIG",
    list(.0)
)]
pub struct NotFound(pub Vec<PathBuf>);

/// The configuration file: the one named, or `$POSTROOM_CONFIG`, or the first that exists of
/// `./postroom.toml`, `$XDG_CONFIG_HOME/postroom/postroom.toml` and `/etc/postroom/postroom.toml`.
/// A file that was named need not exist: opening it says so better.
///
/// # Errors
/// If none was named and none exists.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf, NotFound> {
    let named = explicit
        .map(Path::to_owned)
        .or_else(|| directory("POSTROOM_CONFIG"));
    if let Some(path) = named {
        return Ok(path);
    }
    let looked_for: Vec<PathBuf> = [PathBuf::from(FILE_NAME)]
        .into_iter()
        .chain(usual_places())
        .collect();
    match looked_for.iter().find(|path| path.exists()) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound(looked_for)),
    }
}

/// Whether a configuration lies where the user's or the system's would. One anywhere else needs a
/// `state` of its own: all that name none share theirs.
#[must_use]
pub fn is_usual(config: &Path) -> bool {
    usual_places().any(|place| place == config)
}

fn usual_places() -> impl Iterator<Item = PathBuf> {
    let home = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    let of_user = home.map(|home| home.join("postroom").join(FILE_NAME));
    of_user
        .into_iter()
        .chain([Path::new(SYSTEM).join(FILE_NAME)])
}

/// The state directory of a configuration that names none.
#[must_use]
pub fn state_directory(config: &Path) -> PathBuf {
    // systemd passes several directories with colons between them; the first is ours.
    if let Some(given) = directory("STATE_DIRECTORY") {
        return first_of(&given);
    }
    if config.starts_with(SYSTEM) {
        return "/var/lib/postroom".into();
    }
    let home =
        directory("XDG_STATE_HOME").or_else(|| Some(directory("HOME")?.join(".local/state")));
    home.unwrap_or_else(|| "/var/lib".into()).join("postroom")
}

/// The control socket of a configuration that names none.
pub(super) fn socket(config: &Path, state: &Path) -> PathBuf {
    const NAME: &str = "postroom.sock";
    if let Some(given) = directory("RUNTIME_DIRECTORY") {
        return first_of(&given).join(NAME);
    }
    if config.starts_with(SYSTEM) {
        return Path::new("/run/postroom").join(NAME);
    }
    state.join(NAME)
}

fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn first_of(paths: &Path) -> PathBuf {
    std::env::split_paths(paths)
        .next()
        .unwrap_or_else(|| paths.to_owned())
}

fn list(paths: &[PathBuf]) -> String {
    let shown: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    shown.join(", ")
}
