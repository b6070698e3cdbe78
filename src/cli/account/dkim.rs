//! `postroom account dkim`: makes the keys that sign an account's mail, and says what DNS and the
//! configuration have to say about them.
//!
//! Private keys are printed nowhere, and no file that is there is ever written to. RSA keys are
//! made by the `openssl` program, as no library in this program makes any; where it is missing
//! there is Ed25519 alone, which many receivers do not know yet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::exit::{self, Exit};
use super::super::out::{Out, bold, plain};
use super::super::secret::{Service, store_new};
use super::super::{Trouble, runtime};
use crate::audience;
use crate::compose::dkim::{Algorithm, Record, Signer, SigningKey};
use crate::config::{Account, Config};
use crate::deliver::signers;
use crate::program::Program;

/// A slow machine needs seconds for 4096 bits.
const OPENSSL_LIMIT: Duration = Duration::from_secs(120);
/// No key is longer than this in PEM.
const PEM_MOST: usize = 16 * 1024;
const SELECTOR: &str = "pr1";

#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// The account
    name: String,
    /// The keys' name in DNS, for new ones [default: pr1]
    #[arg(long, value_name = "S", value_parser = selector)]
    selector: Option<String>,
    /// The size of a new RSA key
    #[arg(long, value_name = "N", default_value = "2048", value_parser = ["2048", "3072", "4096"])]
    bits: String,
    /// No Ed25519 key
    #[arg(long, conflicts_with = "ed25519_only")]
    rsa_only: bool,
    /// No RSA key
    #[arg(long)]
    ed25519_only: bool,
}

/// A key, and what there is to say about it.
struct Found {
    selector: String,
    /// If it is in a file of ours; what is in the configuration is there already.
    file: Option<PathBuf>,
    made: bool,
    record: Record,
}

fn selector(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    // Ed25519's has three letters more, and a label has 63.
    match (1..=60).contains(&text.len()) && text.bytes().all(is_good) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("letters, digits and - make a name in DNS".to_owned()),
    }
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let name = &args.name;
    let account = config.accounts.get(name);
    let account = account.ok_or_else(|| super::unknown(config, name))?;
    let found = match &args.selector {
        None if !account.dkim.is_empty() => configured(account)?,
        _ => in_files(config, account, args, out)?,
    };
    tell(config, account, &found, out);
    Ok(exit::DONE)
}

/// The keys that the configuration names.
fn configured(account: &Account) -> Result<Vec<Found>, Trouble> {
    let signers = runtime().block_on(signers(&account.dkim));
    let signers = signers.map_err(|why| {
        let text = format!("{why}; `--selector NAME` makes new keys");
        Trouble::new(exit::DATA, text)
    })?;
    let both = account.dkim.iter().zip(&signers);
    let found = both.map(|(dkim, signer)| Found {
        selector: dkim.selector.clone(),
        file: None,
        made: false,
        record: signer.record(),
    });
    Ok(found.collect())
}

/// The keys in their files, made where they are missing.
fn in_files(
    config: &Config,
    account: &Account,
    args: &Args,
    out: &Out,
) -> Result<Vec<Found>, Trouble> {
    let selector = args.selector.as_deref().unwrap_or(SELECTOR);
    let folder = config.path.parent().unwrap_or(Path::new("/"));
    let folder = folder.join("secrets");
    let domain = domain(account)?;
    let mut found = Vec::new();
    for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
        let (left_out, suffix) = match algorithm {
            Algorithm::Rsa => (args.ed25519_only, ""),
            Algorithm::Ed25519 => (args.rsa_only, "-ed"),
        };
        if left_out {
            continue;
        }
        let selector = format!("{selector}{suffix}");
        let file = folder.join(format!("{}.{selector}.pem", account.name));
        let is_there = file.symlink_metadata().is_ok();
        if !is_there {
            let Some(pem) = new_key(algorithm, args, out)? else {
                continue;
            };
            store_new(&file, &pem, &Service::of(&config.daemon.state))?;
        }
        let key = read(&file)?;
        found.push(Found {
            record: Signer::new(domain.clone(), selector.clone(), key).record(),
            selector,
            file: Some(file),
            made: !is_there,
        });
    }
    Ok(found)
}

fn domain(account: &Account) -> Result<String, Trouble> {
    if let Some(dkim) = account.dkim.first() {
        return Ok(dkim.domain.clone());
    }
    let domain = account.sender.from.email.domain();
    audience::domain(domain).map_err(|fault| Trouble::new(exit::CONFIG, fault))
}

/// What a file holds: what was just written, too, so that it is known to be good.
fn read(file: &Path) -> Result<SigningKey, Trouble> {
    let cannot = |error: std::io::Error| {
        Trouble::new(
            exit::DATA,
            format!("{} cannot be read: {error}", file.display()),
        )
    };
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(cannot)?);
    SigningKey::parse(&text)
        .map_err(|fault| Trouble::new(exit::DATA, format!("{} {fault}", file.display())))
}

/// A new private key; none if this machine cannot make one and another will do.
fn new_key(
    algorithm: Algorithm,
    args: &Args,
    out: &Out,
) -> Result<Option<Zeroizing<String>>, Trouble> {
    if algorithm == Algorithm::Ed25519 {
        let key = SigningKey::new_ed25519();
        let why = |_| Trouble::new(exit::IO, "the system gives no random bytes");
        return key.map(Some).map_err(why);
    }
    let openssl = openssl(&args.bits);
    if !openssl.is_there() {
        let text = "an RSA key takes the program `openssl`, which is not installed";
        if args.rsa_only {
            return Err(Trouble::new(exit::UNAVAILABLE, text));
        }
        out.note(format!(
            "{text}: there is an Ed25519 key alone, which many receivers do not know. Install it \
             and say this again before you rely on it."
        ));
        return Ok(None);
    }
    let failed = |error: String| Trouble::new(exit::IO, format!("no RSA key was made: {error}"));
    let printed = runtime()
        .block_on(openssl.run(&[], &[], PEM_MOST))
        .map_err(|error| failed(error.to_string()))?;
    let text = str::from_utf8(&printed).map_err(|error| failed(error.to_string()))?;
    Ok(Some(Zeroizing::new(text.trim_end().to_owned())))
}

fn openssl(bits: &str) -> Program {
    let size = format!("rsa_keygen_bits:{bits}");
    let argv = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", &size];
    Program {
        argv: argv.map(str::to_owned).to_vec(),
        limit: OPENSSL_LIMIT,
    }
}

fn tell(config: &Config, account: &Account, found: &[Found], out: &Out) {
    let lines = lines(config, found);
    if out.json {
        let keys = found.iter().map(|it| {
            serde_json::json!({
                "selector": it.selector, "file": it.file, "made": it.made,
                "name": it.record.name, "value": it.record.value, "zone": it.record.zone_line(),
            })
        });
        out.value(&serde_json::json!({
            "account": account.name,
            "keys": keys.collect::<Vec<_>>(),
            "configuration": lines,
        }));
        return;
    }
    for (file, made) in found
        .iter()
        .filter_map(|it| Some((it.file.as_ref()?, it.made)))
    {
        let what = if made {
            "holds a new key"
        } else {
            "was there already"
        };
        out.line(format!("{} {what}", plain(&file.to_string_lossy())));
    }
    out.line(bold("\nDNS: a TXT record for each key"));
    for it in found {
        out.line(format!(
            "\n  name   {}\n  value  {}",
            it.record.name, it.record.value
        ));
    }
    out.line(bold("\nThe same in a zone file"));
    for it in found {
        out.line(format!("\n{}", it.record.zone_line()));
    }
    if let Some(lines) = lines {
        let place = format!("\nIn the configuration, below [account.{}]", account.name);
        out.line(bold(&plain(&place)));
        out.line(format!("\n{lines}"));
    }
    let first = found.first().map_or("", |it| it.record.name.as_str());
    out.note(format!(
        "\nPublish first, sign second: when `dig +short TXT {first}` answers, write the lines into \
         the configuration, `postroom reload`, and let `postroom account test {} --send-to` an \
         address of yours show you what arrives.",
        plain(&account.name)
    ));
}

/// What to write into the configuration, if it is not there.
fn lines(config: &Config, found: &[Found]) -> Option<String> {
    let folder = config.path.parent()?;
    let keys = found.iter().map(|it| {
        let file = it.file.as_ref()?;
        let file = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
        let (selector, file) = (&it.selector, toml::Value::from(file.as_ref()).to_string());
        Some(format!(
            "  {{ selector = \"{selector}\", key = {{ file = {file} }} }},\n"
        ))
    });
    let keys: String = keys.collect::<Option<_>>()?;
    Some(format!("dkim = [\n{keys}]"))
}
