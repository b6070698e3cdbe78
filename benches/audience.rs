//! What it costs to read a list of five million people, to check each address and to find the
//! repeated ones:
//!
//! ```text
//! cargo bench --bench audience
//! ```
//!
//! It prints rows a second and the memory that was held at most, each from a process of its own: of a
//! CSV file, of a JSON file, and of what a program prints; of the list alone, and with a message
//! rendered for each row, as `check --lists` does for a schedule. It fails where a list alone costs
//! more than postroom promises. A number of people may be
//! given: `cargo bench --bench audience -- 100000`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use postroom::audience::Care;
use postroom::config;
use postroom::plan::{Census, Roll, survey};

const PEOPLE: u64 = 5_000_000;
/// One row in so many repeats an earlier one, and another one is unusable.
const FAULTY: u64 = 1_000;
/// What postroom promises for a list.
const HELD_AT_MOST: u64 = 96 << 20;
const ROWS_A_SECOND: f64 = 200_000.0;
/// A busy machine takes away from a figure and never adds to it.
const TRIES: usize = 3;
/// The arguments with which this program measures in a process of its own.
const LIST: &str = "--list";
const SCHEDULE: &str = "--schedule";

const CONFIG: &str = "\
[daemon]
state = \"state\"
[account.near]
host = \"localhost\"
from = \"post@example.org\"
[schedule.news]
send = \"note\"
to = \"people\"
via = \"near\"
";

/// Where the people come from.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Csv,
    Json,
    Program,
}

impl Form {
    fn source(self) -> &'static str {
        match self {
            Self::Csv => "csv = \"people\"",
            Self::Json => "json = \"people\"",
            Self::Program => "command = [\"/bin/cat\", \"people\"]\ntimeout = \"10m\"",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Program => "CSV that a program prints",
        }
    }
}

type Failure = Box<dyn std::error::Error>;

/// What reading a list cost.
struct Cost {
    took: Duration,
    /// The most memory that the process ever held, in bytes (VmHWM of proc(5)).
    held: u64,
}

fn furnish(dir: &Path, people: u64, form: Form) -> Result<(), Failure> {
    let file = dir.join("people").display().to_string();
    let source = form.source().replace("\"people\"", &format!("{file:?}"));
    let config = format!("{CONFIG}[list.people]\n{source}\n");
    for (name, text) in [
        ("postroom.toml", &*config),
        ("templates/note/subject.txt", "Hello {{first_name}}\n"),
        (
            "templates/note/body.txt",
            "Dear {{first_name}},\n\nyour plan is {{plan}}.\n",
        ),
    ] {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("it is below the folder"))?;
        std::fs::write(path, text)?;
    }
    let mut file = BufWriter::new(File::create(dir.join("people"))?);
    let (begin, end) = match form {
        Form::Json => ("[", "\n]\n"),
        Form::Csv | Form::Program => ("email,first_name,plan\n", ""),
    };
    write!(file, "{begin}")?;
    let mut line = String::new();
    for n in 0..people {
        line.clear();
        row(&mut line, n, form)?;
        file.write_all(line.as_bytes())?;
    }
    write!(file, "{end}")?;
    Ok(file.into_inner()?.sync_all()?)
}

fn row(line: &mut String, n: u64, form: Form) -> std::fmt::Result {
    let (who, at) = match n % FAULTY {
        7 => (n - 7, '@'),
        8 => (n, '#'),
        _ => (n, '@'),
    };
    let (name, domain) = (who % 7919, who % 997);
    let plan = ["free", "pro", "team", "enterprise"][(n % 4) as usize];
    let address = format!("person{who}.name{name}{at}mail{domain}.example.org");
    if form == Form::Json {
        let comma = if n == 0 { "" } else { "," };
        return write!(
            line,
            "{comma}\n{{\"email\": \"{address}\", \"first_name\": \"Person {domain}\", \
             \"plan\": \"{plan}\"}}"
        );
    }
    writeln!(line, "{address},Person {domain},{plan}")
}

/// Reads the list, as a process of its own. Prints microseconds, and bytes held.
fn measure(what: &str, dir: &Path) -> Result<String, Failure> {
    let loaded = config::load(&dir.join("postroom.toml")).map_err(|it| it.to_string())?;
    let config = loaded.config;
    let begun = Instant::now();
    let (rows, people, bad) = if what == LIST {
        let census = Census::of(&config.lists["people"], &Care::Readable)?;
        (census.rows, census.people, census.bad.rows)
    } else {
        let survey = survey(&Roll::of(&config, "news")?, None)?;
        (survey.badness.rows, survey.people, survey.badness.bad)
    };
    let took = begun.elapsed();
    let repeated = (rows + FAULTY - 8) / FAULTY;
    if people + bad + repeated != rows || bad != (rows + FAULTY - 9) / FAULTY {
        return Err(format!("of {rows} rows {people} are people and {bad} unusable").into());
    }
    Ok(format!("{} {}", took.as_micros(), held()?))
}

/// The most memory that this process has held.
fn held() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix(" kB"));
    let kibibytes: u64 = peak
        .ok_or("no VmHWM in /proc/self/status")?
        .trim()
        .parse()?;
    Ok(kibibytes << 10)
}

/// Measures in a process of its own.
fn apart(what: &str, dir: &Path) -> Result<Cost, Failure> {
    let told = Command::new(std::env::current_exe()?)
        .arg(what)
        .arg(dir)
        .output()?;
    let text = String::from_utf8(told.stdout)?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned().into());
    }
    let (took, held) = text.trim().split_once(' ').ok_or("it has two figures")?;
    Ok(Cost {
        took: Duration::from_micros(took.parse()?),
        held: held.parse()?,
    })
}

/// Whether each list alone costs no more than is promised.
fn compare(people: u64) -> Result<bool, Failure> {
    let mut are_kept = true;
    for form in [Form::Csv, Form::Json, Form::Program] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        furnish(dir.path(), people, form)?;
        are_kept &= is_kept(people, form, dir.path())?;
    }
    Ok(are_kept)
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn is_kept(people: u64, form: Form, dir: &Path) -> Result<bool, Failure> {
    let mut is_kept = false;
    for (what, words) in [
        (LIST, "read, checked, deduplicated"),
        (SCHEDULE, "and rendered"),
    ] {
        for _ in 0..TRIES {
            let cost = apart(what, dir)?;
            let rate = people as f64 / cost.took.as_secs_f64();
            println!(
                "{people} rows of {} {words}: {rate:.0} a second, {:.1} MiB held at most",
                form.words(),
                cost.held as f64 / f64::from(1 << 20)
            );
            if rate >= ROWS_A_SECOND {
                is_kept |= what == LIST && cost.held <= HELD_AT_MOST;
                break;
            }
        }
    }
    Ok(is_kept)
}

#[expect(
    clippy::print_stdout,
    reason = "what is measured apart is read from there"
)]
#[expect(clippy::print_stderr, reason = "a bench says why it failed")]
fn main() -> ExitCode {
    // Cargo adds an argument of its own.
    let args: Vec<String> = std::env::args().filter(|it| it != "--bench").collect();
    let done = match &args[1..] {
        [what, dir] => measure(what, Path::new(dir)).map(|figures| {
            println!("{figures}");
            true
        }),
        [people] => people.parse().map_err(Into::into).and_then(compare),
        _ => compare(PEOPLE),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
