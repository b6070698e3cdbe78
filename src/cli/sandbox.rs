//! `postroom sandbox`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::exit::{self, Exit};
use super::out::{Out, bold, count};
use super::preview::serve::{self, Page};
use super::{Trouble, runtime};
use crate::clock::Clock;
use crate::config::{AmountError, Rate, parse_duration};
use crate::sandbox::{BEHAVIOURS, Limit, Options, Sandbox};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Where mail and the certificate authority are kept
    #[arg(long, default_value = "sandbox", value_name = "DIR")]
    dir: PathBuf,
    /// Address for TLS from the first byte
    #[arg(long, default_value = "127.0.0.1:2465", value_name = "ADDR")]
    listen: SocketAddr,
    /// Address for STARTTLS
    #[arg(long, value_name = "ADDR")]
    starttls: Option<SocketAddr>,
    /// Address without TLS
    #[arg(long, value_name = "ADDR")]
    plain: Option<SocketAddr>,
    /// Ask for this login, USER:PASSWORD, or the same as an OAuth2 token; else any is accepted
    #[arg(long, value_name = "LOGIN")]
    login: Option<String>,
    /// Take mail and keep none of it
    #[arg(long)]
    discard: bool,
    /// Write a line of JSON for each message taken, synced before the answer goes out
    #[arg(long, value_name = "FILE")]
    accept_log: Option<PathBuf>,
    /// Write a line of JSON for each sender, recipient or message refused
    #[arg(long, value_name = "FILE")]
    refusal_log: Option<PathBuf>,
    /// Refuse what is over a rate, such as 100/10s, with 421; several may be given
    #[arg(long, value_name = "RATE")]
    limit: Vec<Rate>,
    /// Refuse it after its body, and not at MAIL
    #[arg(long, requires = "limit")]
    limit_at_dot: bool,
    /// Think so long about each message: milliseconds, or a duration such as 5s
    #[arg(long, default_value = "0", value_name = "MS", value_parser = latency)]
    latency: Duration,
    /// Show what comes on a page in the browser
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = serve::USUAL,
        value_parser = serve::loopback,
        conflicts_with = "discard"
    )]
    serve: Option<SocketAddr>,
}

pub(super) fn run(args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let options = Options {
        listen: args.listen,
        starttls: args.starttls,
        plain: args.plain,
        dir: Some(args.dir.clone()),
        discard: args.discard,
        accept_log: args.accept_log.clone(),
        refusal_log: refusal_log(args)?,
        limits: args.limit.iter().map(limit).collect(),
        limits_at_dot: args.limit_at_dot,
        login: args.login.as_deref().map(login).transpose()?,
        latency: args.latency,
        ..Options::default()
    };
    runtime().block_on(async {
        let sandbox = Sandbox::start(options, Clock::system())
            .await
            .map_err(|error| Trouble::new(exit::IO, error))?;
        let page = match args.serve {
            Some(address) => Some(Page::open(address, None, Some(args.dir.clone())).await?),
            None => None,
        };
        tell(&sandbox, page.as_ref(), out);
        let _ = tokio::signal::ctrl_c().await;
        let counts = sandbox.counts();
        sandbox.stop().await;
        out.note(match counts.accepted {
            1 => "1 message was taken".to_owned(),
            n => format!("{} messages were taken", count(n)),
        });
        if !args.limit.is_empty() {
            let over = count(counts.limited);
            out.note(format!("{over} were refused as over the limit"));
        }
        Ok(exit::DONE)
    })
}

/// The page shows what was refused, too.
fn refusal_log(args: &Args) -> Result<Option<PathBuf>, Trouble> {
    if args.refusal_log.is_some() || args.serve.is_none() {
        return Ok(args.refusal_log.clone());
    }
    let made = std::fs::create_dir_all(&args.dir);
    made.map_err(|error| {
        let text = format!("cannot make {}: {error}", args.dir.display());
        Trouble::new(exit::IO, text)
    })?;
    Ok(Some(args.dir.join(serve::REFUSALS)))
}

fn limit(rate: &Rate) -> Limit {
    Limit {
        count: usize::try_from(rate.count).unwrap_or(usize::MAX),
        window: rate.window,
    }
}

fn latency(text: &str) -> Result<Duration, AmountError> {
    text.parse()
        .map_or_else(|_| parse_duration(text), |ms| Ok(Duration::from_millis(ms)))
}

fn login(text: &str) -> Result<(String, String), Trouble> {
    let parts = text
        .split_once(':')
        .map(|(user, word)| (user.to_owned(), word.to_owned()));
    parts.ok_or_else(|| Trouble::new(exit::USAGE, "--login wants USER:PASSWORD"))
}

fn tell(sandbox: &Sandbox, page: Option<&Page>, out: &Out) {
    if out.json {
        out.value(&serde_json::json!({
            "tls": sandbox.address().to_string(),
            "starttls": sandbox.starttls_address().map(|it| it.to_string()),
            "plain": sandbox.plain_address().map(|it| it.to_string()),
            "ca": sandbox.ca_file(),
            "maildir": sandbox.maildir(),
            "page": page.map(Page::url),
        }));
        return;
    }
    out.line(format!(
        "{} takes mail and delivers none. Ctrl-C ends it.",
        bold("The sandbox")
    ));
    out.line(format!("  TLS       {}", sandbox.address()));
    for (name, address) in [
        ("STARTTLS", sandbox.starttls_address()),
        ("plain", sandbox.plain_address()),
    ] {
        if let Some(address) = address {
            out.line(format!("  {name:9} {address}"));
        }
    }
    if let Some(ca) = sandbox.ca_file() {
        out.line(format!("  ca        {}", ca.display()));
    }
    if let Some(maildir) = sandbox.maildir() {
        out.line(format!("  mail      {}", maildir.join("new").display()));
    }
    if let Some(page) = page {
        out.line(format!("  page      {}", page.url()));
    }
    out.line("\nRecipients that misbehave, at any domain:");
    for (name, what) in BEHAVIOURS {
        out.line(format!("  {name:12} {what}"));
    }
}
