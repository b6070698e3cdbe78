//! Where credentials come from.

mod kept;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use postroom::secret::{Concern, Secret, SecretError};
use tempfile::TempDir;
use zeroize::Zeroizing;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder to write to")
}

fn file(folder: &TempDir, text: &[u8], mode: u32) -> PathBuf {
    let path = folder.path().join("secret");
    fs::write(&path, text).expect("the folder can be written to");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the file is ours");
    path
}

fn command(argv: &[&str]) -> Secret {
    Secret::Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        keep: None,
    }
}

async fn revealed(secret: &Secret) -> Result<String, String> {
    let value = secret.reveal().await.map_err(|error| error.to_string())?;
    Ok(value.as_str().to_owned())
}

#[tokio::test]
async fn one_line_end_is_not_part_of_a_secret() {
    for (text, value) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        ("hunter2\n\n", "hunter2\n"),
        (" hunter2 ", " hunter2 "),
        ("授权码\n", "授权码"),
    ] {
        let folder = folder();
        let secret = Secret::File(file(&folder, text.as_bytes(), 0o640));
        assert_eq!(revealed(&secret).await.as_deref(), Ok(value), "{text:?}");
    }
}

#[tokio::test]
async fn a_secret_is_read_anew_each_time() {
    let folder = folder();
    let secret = Secret::File(file(&folder, b"old", 0o600));
    assert_eq!(revealed(&secret).await.as_deref(), Ok("old"));
    file(&folder, b"new", 0o600);
    assert_eq!(revealed(&secret).await.as_deref(), Ok("new"));
}

#[tokio::test]
async fn a_file_that_others_may_read_or_change_is_refused() {
    for mode in [0o644, 0o604, 0o602, 0o641] {
        let folder = folder();
        let secret = Secret::File(file(&folder, b"hunter2", mode));
        let seen = secret.inspect();
        assert!(matches!(seen, Err(SecretError::Exposed { .. })), "{mode:o}");
        let said = revealed(&secret).await.expect_err("it is open");
        assert!(said.contains(&format!("mode {mode:04o}")), "{said}");
        assert!(!said.contains("hunter2"));
    }
}

#[test]
fn what_is_no_file_or_holds_nothing_is_found_without_reading_it() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("it is new");
    let empty = file(&folder, b"", 0o600);
    for (path, fault) in [(pipe, "is no file, but a pipe"), (empty, "is empty")] {
        let error = Secret::File(path).inspect().expect_err("it is refused");
        assert!(error.to_string().contains(fault), "{error}");
    }
}

#[test]
fn a_kubernetes_volume_is_open_by_design() {
    let folder = folder();
    let secret = Secret::File(file(&folder, b"hunter2", 0o644));
    fs::create_dir(folder.path().join("..data")).expect("the folder is ours");
    assert_eq!(
        secret.inspect().ok(),
        Some(Some(Concern::Exposed { mode: 0o644 }))
    );
}

#[tokio::test]
async fn what_cannot_be_a_credential_is_refused_by_name() {
    let folder = folder();
    for (text, fault) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (&[b'x'; 65 * 1024], "longer than 64 KB"),
    ] {
        let path = file(&folder, text, 0o600);
        let said = revealed(&Secret::File(path.clone()))
            .await
            .expect_err(fault);
        assert!(said.contains(fault), "{said}");
        assert!(said.contains(&*path.to_string_lossy()), "{said}");
    }
    let nowhere = Secret::File(folder.path().join("nowhere"));
    assert!(
        revealed(&nowhere)
            .await
            .expect_err("it is not there")
            .ends_with("no such file")
    );
    assert!(nowhere.inspect().is_err());
    let directory = Secret::File(folder.path().to_owned());
    assert!(
        revealed(&directory)
            .await
            .expect_err("a folder")
            .ends_with("it is a directory")
    );
}

#[tokio::test]
async fn the_first_line_of_a_command_is_the_secret() {
    let secret = command(&["printf", "%s\\n%s\\n", "hunter2", "# a comment"]);
    assert_eq!(revealed(&secret).await.as_deref(), Ok("hunter2"));
    assert_eq!(secret.inspect().ok(), Some(None));
    let no_shell = command(&["printf", "%s", "$HOME; id"]);
    assert_eq!(revealed(&no_shell).await.as_deref(), Ok("$HOME; id"));
    let no_input = command(&["sh", "-c", "cat; echo end"]);
    assert_eq!(revealed(&no_input).await.as_deref(), Ok("end"));
}

#[tokio::test]
async fn a_command_that_fails_is_quoted_by_its_last_word_and_not_by_its_output() {
    let secret = command(&[
        "sh",
        "-c",
        "echo hunter2; echo a >&2; echo the vault is shut >&2; exit 3",
    ]);
    let said = revealed(&secret).await.expect_err("it fails");
    assert_eq!(
        said,
        "the command `sh` failed (exit status: 3): the vault is shut"
    );
    let missing = command(&["no-such-program"]);
    assert!(missing.inspect().is_err());
    let said = revealed(&missing).await.expect_err("there is none");
    assert_eq!(
        said,
        "the command `no-such-program` does not exist or may not be run"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_end_is_stopped() {
    let said = revealed(&command(&["sleep", "600"]))
        .await
        .expect_err("it does not end");
    assert_eq!(said, "the command `sleep` did not end within 10 seconds");
}

#[tokio::test]
async fn an_environment_variable_is_used_with_a_word_of_warning() {
    let secret = Secret::Env("CARGO_MANIFEST_DIR".to_owned());
    assert_eq!(
        revealed(&secret).await.as_deref(),
        Ok(env!("CARGO_MANIFEST_DIR"))
    );
    assert_eq!(secret.inspect().ok(), Some(Some(Concern::Environment)));
    let unset = Secret::Env("POSTROOM_NO_SUCH_VARIABLE".to_owned());
    let said = revealed(&unset).await.expect_err("it is not set");
    assert_eq!(
        said,
        "the environment variable POSTROOM_NO_SUCH_VARIABLE is not set"
    );
}

/// The environment of a running process is not changed: the test below runs this one in another.
#[tokio::test]
#[ignore = "is run by a_credential_is_a_file_in_systemds_directory"]
async fn with_a_credentials_directory() {
    let there = Secret::Credential("secret".to_owned());
    assert_eq!(revealed(&there).await.as_deref(), Ok("hunter2"));
    let missing = Secret::Credential("other".to_owned());
    assert!(matches!(missing.inspect(), Err(SecretError::NoCredential(name)) if name == "other"));
}

#[test]
fn a_credential_is_a_file_in_systemds_directory() {
    let folder = folder();
    file(&folder, b"hunter2\n", 0o400);
    let tests = std::env::current_exe().expect("this is a program");
    let output = Command::new(tests)
        .args([
            "--ignored",
            "--exact",
            "secret::with_a_credentials_directory",
        ])
        .env("CREDENTIALS_DIRECTORY", folder.path())
        .output()
        .expect("it runs again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
fn no_secret_prints_itself() {
    let secret = Secret::Literal(Zeroizing::new("hunter2".to_owned()));
    assert_eq!(format!("{secret:?}"), "‹secret: text in the configuration›");
    let path = Path::new("/etc/postroom/secrets/qq");
    assert_eq!(
        Secret::File(path.into()).origin(),
        "file /etc/postroom/secrets/qq"
    );
}
