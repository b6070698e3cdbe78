//! How late runs are when a thousand schedules fall due at the same moment, each minute anew:
//!
//! ```text
//! cargo bench --bench lateness
//! ```
//!
//! The real daemon, on a real disk, sends to a sandbox on loopback, one recipient for each run. It
//! prints how long after its time each run was opened, was let go (its message may leave from then
//! on), and was taken by the server; and what the daemon costs while it waits. It fails if a run of
//! a hundred is opened, or let go, more than a second late. A number of minutes may be given:
//! `cargo bench --bench lateness -- 2`.

use std::fmt::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use rusqlite::{Connection, OpenFlags};

const SCHEDULES: usize = 1000;
const MINUTES: u32 = 5;
const MINUTE: i64 = 60_000;
/// What postroom promises of 99 in 100, in milliseconds.
const MOST: i64 = 1000;
/// After the minute, everything has been sent for so long that only waiting is seen.
const AT_REST: i64 = 20_000;
const REST: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(120);

type Failure = Box<dyn std::error::Error>;

/// A running daemon; it ends with this value.
struct Daemon(Child);

impl Daemon {
    /// One that answers on its socket.
    fn start(dir: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.arg("-c").arg(dir.join("postroom.toml"));
        command.arg("daemon").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        for foreign in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET"] {
            command.env_remove(foreign);
        }
        let mut daemon = Self(command.spawn()?);
        wait_for("the daemon's socket", || {
            if let Some(ended) = daemon.0.try_wait()? {
                return Err(format!("the daemon ended: {ended}").into());
            }
            Ok(UnixStream::connect(dir.join("state/postroom.sock")).is_ok())
        })?;
        Ok(daemon)
    }

    fn effort(&self) -> Result<Effort, Failure> {
        let proc = Path::new("/proc").join(self.0.id().to_string());
        let mut effort = Effort::default();
        for task in std::fs::read_dir(proc.join("task"))? {
            let status = std::fs::read_to_string(task?.path().join("status"))?;
            effort.wake_ups += number(&status, "voluntary_ctxt_switches:")?;
        }
        // Since `comm` may have spaces: fields 14 and 15 of proc_pid_stat(5), in 1/100 s on Linux.
        let stat = std::fs::read_to_string(proc.join("stat"))?;
        let (_, fields) = stat.rsplit_once(") ").ok_or("no name in stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        effort.cpu = Duration::from_millis(10 * ticks);
        let status = std::fs::read_to_string(proc.join("status"))?;
        effort.held = number(&status, "VmRSS:")? / 1024;
        effort.held_at_most = number(&status, "VmHWM:")? / 1024;
        Ok(effort)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has cost so far. Memory is in MiB.
#[derive(Default)]
struct Effort {
    wake_ups: u64,
    cpu: Duration,
    held: u64,
    held_at_most: u64,
}

/// The number after a name at the begin of a line of a proc_pid_status(5).
fn number(status: &str, name: &str) -> Result<u64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.ok_or_else(|| format!("no {name}"))?;
    let number = line.split_whitespace().next().ok_or("no number")?;
    Ok(number.parse()?)
}

/// How late the runs of a minute were, in milliseconds, each column sorted by itself.
#[derive(Default)]
struct Late {
    opened: Vec<i64>,
    let_go: Vec<i64>,
    taken: Vec<i64>,
}

impl Late {
    /// Of one minute; none before everything was taken.
    fn of(outbox: &Connection, due_at: i64) -> Result<Option<Self>, Failure> {
        let mut late = Self::default();
        let mut query = outbox.prepare_cached(
            "SELECT r.opened_at, a.started_at, a.ended_at FROM run r
             JOIN attempt a ON a.run = r.no AND a.outcome = 'accepted' WHERE r.due_at = ?1",
        )?;
        let mut rows = query.query([due_at])?;
        while let Some(row) = rows.next()? {
            late.opened.push(row.get::<_, i64>(0)? - due_at);
            late.let_go.push(row.get::<_, i64>(1)? - due_at);
            late.taken.push(row.get::<_, i64>(2)? - due_at);
        }
        let is_whole = late.opened.len() == SCHEDULES;
        Ok(is_whole.then(|| late.sorted()))
    }

    fn sorted(mut self) -> Self {
        for column in [&mut self.opened, &mut self.let_go, &mut self.taken] {
            column.sort_unstable();
        }
        self
    }

    fn add(&mut self, other: &Self) {
        self.opened.extend(&other.opened);
        self.let_go.extend(&other.let_go);
        self.taken.extend(&other.taken);
    }

    #[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
    fn print(&self, name: &str) {
        print!("{name:<10}");
        for column in [&self.opened, &self.let_go, &self.taken] {
            let [half, most, last] = [50, 99, 100].map(|percent| percentile(column, percent));
            print!("  {half:>6} {most:>6} {last:>6}");
        }
        println!();
    }
}

/// Of sorted figures: the least that so many of a hundred do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> i64 {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted[place.saturating_sub(1)]
}

fn furnish(dir: &Path, port: u16) -> Result<(), Failure> {
    let mut text = format!(
        "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n
         [account.near]\nhost = \"localhost\"\nport = {port}\nca = \"ca.pem\"\n\
         from = \"post@example.org\"\n
         [list.people]\ncsv = \"people.csv\"\n"
    );
    for n in 0..SCHEDULES {
        write!(
            text,
            "\n[schedule.notice-{n}]\nsend = \"notice\"\nto = \"people\"\nvia = \"near\"\n\
             cron = \"* * * * *\"\n"
        )?;
    }
    std::fs::write(dir.join("postroom.toml"), text)?;
    std::fs::write(dir.join("people.csv"), "email,name\nada@example.org,Ada\n")?;
    let template = dir.join("templates/notice");
    std::fs::create_dir_all(&template)?;
    std::fs::write(template.join("subject.txt"), "It is time\n")?;
    let text = "Dear {{name}},\n\nit is time again.\n\nThis goes to {{email}}.\n";
    std::fs::write(template.join("body.txt"), text)?;
    Ok(())
}

fn wait_for(
    what: &str,
    mut is_there: impl FnMut() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    while !is_there()? {
        if begun.elapsed() > PATIENCE {
            return Err(format!("waited in vain: {what}").into());
        }
        std::thread::sleep(GLANCE);
    }
    Ok(())
}

fn sleep_until(at: i64) {
    let ahead = at - Timestamp::now().as_millisecond();
    std::thread::sleep(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
}

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn measure(minutes: u32) -> Result<bool, Failure> {
    // Below the target folder: a real disk, which `/tmp` may not be.
    let house = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let options = Options {
        dir: Some(house.path().to_owned()),
        discard: true,
        ..Options::default()
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let sandbox = runtime.block_on(Sandbox::start(options, Clock::system()))?;
    furnish(house.path(), sandbox.address().port())?;
    let daemon = Daemon::start(house.path())?;
    let outbox = Connection::open_with_flags(
        house.path().join("state/postroom.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?;
    println!("{SCHEDULES} schedules each minute: how many ms after its time a run was");
    println!(
        "{:10}  {:20}  {:20}  {:20}",
        "", "opened", "let go", "taken"
    );
    println!("{:10}{}", "", "     p50    p99    max".repeat(3));
    let first = (Timestamp::now().as_millisecond() / MINUTE + 1) * MINUTE;
    let mut all = Late::default();
    for minute in 0..minutes {
        let due_at = first + i64::from(minute) * MINUTE;
        sleep_until(due_at + AT_REST);
        let begun = daemon.effort()?;
        std::thread::sleep(REST);
        if minute == 0 {
            let cost = daemon.effort()?;
            println!(
                "waiting for {} s: {} wake-ups, {} ms of a processor; it holds {} MiB, and held {}",
                REST.as_secs(),
                cost.wake_ups.saturating_sub(begun.wake_ups),
                (cost.cpu - begun.cpu).as_millis(),
                cost.held,
                cost.held_at_most
            );
        }
        let mut late = None;
        wait_for("everything to be taken", || {
            late = Late::of(&outbox, due_at)?;
            Ok(late.is_some())
        })?;
        let late = late.ok_or("nothing was taken")?;
        late.print(&format!("minute {}", minute + 1));
        all.add(&late);
    }
    let all = all.sorted();
    all.print("all");
    Ok(percentile(&all.opened, 99) <= MOST && percentile(&all.let_go, 99) <= MOST)
}

#[expect(clippy::print_stderr, reason = "for whoever runs it")]
fn main() -> ExitCode {
    // Cargo adds an argument of its own, `--bench`.
    let minutes = std::env::args().skip(1).find(|it| it != "--bench");
    let minutes = minutes.map_or(Ok(MINUTES), |it| it.parse());
    match minutes.map_err(Failure::from).and_then(measure) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("runs are later than postroom promises");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("nothing was measured: {failure}");
            ExitCode::FAILURE
        }
    }
}
