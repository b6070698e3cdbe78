//! `postroom config init`: from nothing to a configuration that passes `check`.
//!
//! It asks little, and only a terminal; without one it goes by its options and never waits. What is
//! there already is never touched.

mod choices;
mod texts;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use self::choices::Choices;
use super::super::exit::{self, Exit};
use super::super::out::{Out, bold, errors_have_colour};
use super::super::secret::{Service, ask, folder, line, store};
use super::super::{Cli, Trouble};
use crate::config::{self, Loaded, Tls};

const CONFIG: &str = "postroom.toml";
const SECRET: &str = "secrets/main";

/// Begin a configuration: an account, a list with you on it, a template, and a schedule
///
/// On a terminal it asks for what is not given; elsewhere `--address`, and where the provider
/// cannot be told from it `--provider` or `--host`, must be there. Nothing is overwritten.
#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// The folder to write into, made if it is missing [default: that of --config, or this one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The address that the mail is from
    #[arg(long, value_name = "ADDR")]
    address: Option<String>,
    /// The mail provider, by its name here: qq, gmail, fastmail, …
    #[arg(long, value_name = "NAME", conflicts_with = "host")]
    provider: Option<String>,
    /// Where the account is, for providers with a server for each region
    #[arg(long, value_name = "NAME", requires = "provider")]
    region: Option<String>,
    /// The submission server, in place of a provider; with its port: smtp.example.org:587
    #[arg(long, value_name = "SERVER")]
    host: Option<String>,
    /// How the session with that server is encrypted, if its port does not say it
    #[arg(long, value_name = "KIND", requires = "host", value_parser = Tls::WORDS.to_vec())]
    tls: Option<String>,
    /// A PEM file of certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name to log in with [default: the address]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Who is on the first list, for tests [default: the address]
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    /// Read the password, or the token, from standard input, one line
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let path = config_path(cli, args);
    let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
    refuse_to_overwrite(&path, &directory)?;
    let asks = io::stdin().is_terminal() && !args.password_stdin;
    let choices = Choices::make(args, asks.then_some(out))?;
    let title = format!("the {} of the account (empty: later)", choices.proof());
    let password = match (asks, args.password_stdin) {
        (true, _) => {
            if let Some(hint) = choices.hint() {
                out.note(hint);
            }
            Some(ask(&title, true, out)?).filter(|it| !it.is_empty())
        }
        (false, true) => Some(line()?),
        (false, false) => None,
    };
    let service = Service::of_config(&path);
    let files = texts::files(&choices);
    for (name, text) in &files {
        let file = directory.join(name);
        folder(file.parent().unwrap_or(&directory), &service)?;
        write(&file, text, service)?;
    }
    folder(&directory.join("secrets"), &service)?;
    if let Some(password) = &password {
        store(&directory.join(SECRET), password, &service)?;
    }
    // Last, so that nothing takes a half of it for a configuration.
    write(&path, &texts::config(&choices), service)?;
    report(&path, &choices, password.is_some(), out)
}

/// Where the configuration is to be.
fn config_path(cli: &Cli, args: &Args) -> PathBuf {
    let path = match (&args.folder, &cli.config) {
        (Some(folder), _) => folder.join(CONFIG),
        (None, Some(path)) => path.clone(),
        (None, None) => PathBuf::from(CONFIG),
    };
    std::path::absolute(&path).unwrap_or(path)
}

fn refuse_to_overwrite(path: &Path, directory: &Path) -> Result<(), Trouble> {
    let others = texts::NAMES.iter().chain([&SECRET]);
    let others = others.map(|name| directory.join(name));
    let there = std::iter::once(path.to_owned()).chain(others);
    match there.into_iter().find(|it| it.exists()) {
        None => Ok(()),
        Some(there) => {
            let text = format!(
                "{} is there already; nothing was written. Name another folder: `postroom config \
                 init FOLDER`",
                there.display()
            );
            Err(Trouble::new(exit::CANNOT_CREATE, text))
        }
    }
}

/// Writes a file that is not there yet, for the service to read.
fn write(path: &Path, text: &str, service: Service) -> Result<(), Trouble> {
    let written = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file: File = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        let mode = service.admit(&file)?;
        // Only a secret is closed to the owner's own group.
        fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o040))?;
        file.sync_all()
    };
    written().map_err(|error| {
        let exit = match error.kind() {
            ErrorKind::PermissionDenied => exit::PERMISSION,
            _ => exit::CANNOT_CREATE,
        };
        let text = format!("{} cannot be written: {error}", path.display());
        Trouble::new(exit, text)
    })
}

/// What was written, whether it holds, and how to go on.
fn report(path: &Path, choices: &Choices, has_password: bool, out: &Out) -> Result<Exit, Trouble> {
    let problems = match config::load(path) {
        Ok(Loaded { problems, .. }) => problems,
        Err(problems) => {
            let text = format!("{}\nmend it by hand", problems.render(errors_have_colour()));
            return Err(Trouble::new(exit::CONFIG, text));
        }
    };
    let here = std::env::current_dir().unwrap_or_default();
    let option = match path.strip_prefix(here).unwrap_or(path) {
        found if found == Path::new(CONFIG) => String::new(),
        elsewhere => format!("-c {} ", elsewhere.display()),
    };
    let mut steps = vec![
        (
            "check".to_owned(),
            "says what is wrong, and when the next run is",
        ),
        (
            "account test main".to_owned(),
            "connects and logs in; sends nothing",
        ),
        (
            format!("send hello --test {}", choices.to.email),
            "sends one message, to you",
        ),
    ];
    if !has_password && choices.logs_in() {
        let what = match choices.proof() {
            "token" => "asks for the access token",
            _ => "asks for the password",
        };
        steps.insert(0, ("secret set main".to_owned(), what));
    }
    if out.json {
        let commands = steps.iter().map(|(it, _)| format!("postroom {option}{it}"));
        out.value(&serde_json::json!({
            "config": path,
            "next": commands.collect::<Vec<_>>(),
            "problems": problems.to_json(),
        }));
        return Ok(exit::DONE);
    }
    out.line(format!(
        "{} is there, with templates/hello/ and lists/people.csv beside it.",
        path.display()
    ));
    out.line("");
    out.line("Next:");
    let wide = steps.iter().map(|(it, _)| it.len()).max().unwrap_or(0);
    for (command, what) in steps {
        let gap = " ".repeat(wide - command.len());
        out.line(format!(
            "  {}{gap}  {what}",
            bold(&format!("postroom {option}{command}"))
        ));
    }
    Ok(exit::DONE)
}
