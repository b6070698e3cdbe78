//! `postroom config init`: from nothing to a configuration that passes `check`.
//!
//! It asks little, and only a terminal; without one it goes by its options and never waits. What is
//! there already is never touched.

mod choices;
mod texts;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use self::choices::Choices;
use super::super::exit::{self, Exit};
use super::super::out::{Out, bold, errors_have_colour};
use super::super::secret::{Service, ask, cannot, create, folder, store};
use super::super::{Cli, Trouble};
use crate::config::{self, Loaded, Problems, Tls};

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
    let password = password(args, &choices, asks, out)?;
    let typed = password.as_ref().map(|it| it.as_str());
    let problems = write(&path, &directory, &choices, typed)?;
    report(&path, &choices, (problems, password.is_some()), out);
    Ok(exit::DONE)
}

/// What the account logs in with, if it does and that is known already.
fn password(
    args: &Args,
    choices: &Choices,
    asks: bool,
    out: &Out,
) -> Result<Option<Zeroizing<String>>, Trouble> {
    if !choices.logs_in() {
        return match args.password_stdin {
            false => Ok(None),
            true => Err(Trouble::new(
                exit::USAGE,
                "nothing was written; this account does not log in: say --user NAME, or leave out \
                 --password-stdin",
            )),
        };
    }
    if !asks && !args.password_stdin {
        return Ok(None);
    }
    let later = if asks { " (empty: later)" } else { "" };
    let title = format!("the {} of the account{later}", choices.proof());
    if let Some(hint) = choices.hint().filter(|_| asks) {
        out.note(hint);
    }
    Ok(Some(ask(&title, asks, out)?).filter(|it| !it.is_empty()))
}

/// Writes all of it, or nothing: also if the configuration would be one that does not hold.
fn write(
    path: &Path,
    directory: &Path,
    choices: &Choices,
    password: Option<&str>,
) -> Result<Problems, Trouble> {
    let service = Service::of_config(path);
    let mut made = Made::default();
    for (name, text) in &texts::files(choices) {
        made.file(&directory.join(name), text, &service)?;
    }
    let secret = directory.join(SECRET);
    made.folder(secret.parent().unwrap_or(directory), &service)?;
    if let Some(password) = password {
        store(&secret, password, &service)?;
        made.0.push(secret);
    }
    // Last, so that nothing takes a half of it for a configuration.
    made.file(
        path,
        &texts::config(choices, !config::is_usual(path)),
        &service,
    )?;
    match config::load(path) {
        Ok(Loaded { problems, .. }) => {
            made.keep();
            Ok(problems)
        }
        Err(problems) => {
            let drawn = problems.render(errors_have_colour());
            let text = format!("{drawn}\nThis is what would stand there; nothing was written.");
            Err(Trouble::new(exit::USAGE, text))
        }
    }
}

/// Files and folders that were made, in this order; they go with this value unless they are kept.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    fn folder(&mut self, path: &Path, service: &Service) -> Result<(), Trouble> {
        self.0.extend(folder(path, service)?);
        Ok(())
    }

    /// A file that the service can read; only a secret is closed to the owner's own group.
    fn file(&mut self, path: &Path, text: &str, service: &Service) -> Result<(), Trouble> {
        self.folder(path.parent().unwrap_or(Path::new("/")), service)?;
        create(path, &[text], 0o040, service).map_err(|error| cannot(path, &error))?;
        self.0.push(path.to_owned());
        Ok(())
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // A folder that somebody has put something into stays.
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
    }
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

/// What was written, and how to go on.
fn report(path: &Path, choices: &Choices, (problems, has_password): (Problems, bool), out: &Out) {
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
        return;
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
}
