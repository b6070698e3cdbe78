//! What to try after the demo: lines to copy, that work as they stand.

use std::env;
use std::path::{Path, PathBuf};

use super::super::out::{Out, bold};
use super::account::Told;
use super::folder::Folder;
use super::{PORT, SCHEDULE};
use crate::config::Config;

/// Tells it.
pub(super) fn tell(
    config: &Config,
    folder: &Folder,
    rows: &[Told],
    reader: Option<&str>,
    out: &Out,
) {
    let program = program();
    let config_file = quoted(&folder.config());
    let deferred = rows.iter().find(|it| it.row.state == "deferred");
    let first = rows.first().map_or("", |it| &it.row.address);
    let deferred = deferred.map_or(first, |it| &it.row.address);
    let reader = reader.unwrap_or(first);
    out.line(format!("\n{}", bold("Try next")));
    for rest in [
        format!("why {deferred}"),
        "log --failed".to_owned(),
        format!("preview {SCHEDULE} --to {reader}"),
    ] {
        out.line(format!("  {program} -c {config_file} {rest}"));
    }
    out.line(format!(
        "\n{}, with your own list and words, in two terminals",
        bold("Run it by hand")
    ));
    let port = config.accounts.values().map(|it| it.port).next();
    let listen = match port.filter(|port| *port != PORT) {
        Some(port) => format!(" --listen 127.0.0.1:{port}"),
        None => String::new(),
    };
    let sandbox = quoted(&folder.sandbox());
    out.line(format!("  {program} sandbox --dir {sandbox}{listen}"));
    out.line(format!("  {program} -c {config_file} daemon"));
}

/// How a person in this directory calls this program.
fn program() -> String {
    let Ok(exe) = env::current_exe() else {
        return "postroom".to_owned();
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join("postroom"))
        .find(|it| it.is_file());
    if found.and_then(|it| it.canonicalize().ok()) == exe.canonicalize().ok() {
        return "postroom".to_owned();
    }
    let here = env::current_dir().unwrap_or_default();
    match exe.strip_prefix(&here) {
        Ok(below) => quoted(&PathBuf::from(".").join(below)),
        Err(_) => quoted(&exe),
    }
}

/// A path as a shell wants it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let safe = |c: char| c.is_alphanumeric() || "/._-+,@".contains(c);
    if text.chars().all(safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-b.c")), "/tmp/a-b.c");
        assert_eq!(quoted(Path::new("/tmp/it's here")), r"'/tmp/it'\''s here'");
    }
}
