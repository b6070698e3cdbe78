//! The clock alone knows the time, and alone rolls dice.
//!
//! Everything that asks for the hour, waits, or needs a random number or a new id asks a [`Clock`],
//! so that a test can run a week in a millisecond and replay it from a seed. No other room calls
//! `SystemTime::now`, `Instant::now` or a random generator (`tests/it/tidy.rs` looks).

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

pub use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
pub use ulid::Ulid;

/// Where [`Clock::ticks`] begins.
const HEAD_START: Duration = Duration::from_secs(366 * 24 * 3600);
/// Where Linux says which start of the machine this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A handle on the time and on chance. Clones share both.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wall: Wall,
    origin: Instant,
    skipped: Mutex<Duration>,
    dice: Mutex<Dice>,
}

#[derive(Debug)]
enum Wall {
    /// With the machine's word for its last start.
    System(String),
    /// Wall time at `origin`; it moves with tokio's clock, which tests pause and advance.
    Virtual(Mutex<Timestamp>),
}

#[derive(Debug)]
struct Dice {
    rng: fastrand::Rng,
    last_id: Ulid,
}

impl Clock {
    /// The machine's clock, and dice that nobody can predict.
    #[must_use]
    pub fn system() -> Self {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
        let boot = boot.trim_end().to_owned();
        Self::new(Wall::System(boot), fastrand::Rng::new())
    }

    /// A clock that stands at `start` now and moves with tokio's (paused) time; the same `seed`
    /// rolls the same dice.
    #[must_use]
    pub fn simulated(start: Timestamp, seed: u64) -> Self {
        Self::new(
            Wall::Virtual(Mutex::new(start)),
            fastrand::Rng::with_seed(seed),
        )
    }

    fn new(wall: Wall, rng: fastrand::Rng) -> Self {
        let dice = Mutex::new(Dice {
            rng,
            last_id: Ulid::nil(),
        });
        Self(Arc::new(Inner {
            wall,
            origin: Instant::now(),
            skipped: Mutex::default(),
            dice,
        }))
    }

    /// The wall-clock time. It may jump in either direction; measure spans with [`Clock::ticks`].
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0.wall {
            Wall::System(_) => Timestamp::try_from(SystemTime::now())
                .expect("the system time lies between the years -9999 and 9999"),
            Wall::Virtual(start) => {
                *start.lock().expect("no holder of this lock panics") + self.elapsed()
            }
        }
    }

    /// Elapsed time. It never goes back and does not count suspension. It begins at a year, not at
    /// 0, so that moments before this process can be told in it.
    #[must_use]
    pub fn ticks(&self) -> Duration {
        HEAD_START + self.elapsed()
    }

    /// Time since the machine was started, suspension included. Nobody can set it, and processes of
    /// one [`boot`](Clock::boot) agree on it.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        match &self.0.wall {
            Wall::System(_) => {
                let at = clock_gettime(ClockId::Boottime);
                let seconds = u64::try_from(at.tv_sec).unwrap_or(0);
                Duration::new(seconds, u32::try_from(at.tv_nsec).unwrap_or(0))
            }
            Wall::Virtual(_) => self.ticks(),
        }
    }

    /// Which start of the machine [`Clock::since_boot`] counts from; empty if it does not say.
    #[must_use]
    pub fn boot(&self) -> &str {
        match &self.0.wall {
            Wall::System(boot) => boot,
            Wall::Virtual(_) => "simulated",
        }
    }

    fn elapsed(&self) -> Duration {
        let skipped = *self
            .0
            .skipped
            .lock()
            .expect("no holder of this lock panics");
        self.0.origin.elapsed() + skipped
    }

    /// Lets time pass on a simulated clock where no runtime does: for tests without one.
    pub fn advance(&self, span: Duration) {
        if let Wall::Virtual(_) = self.0.wall {
            *self
                .0
                .skipped
                .lock()
                .expect("no holder of this lock panics") += span;
        }
    }

    /// Moves the wall time of a simulated clock, as an administrator or NTP would.
    pub fn jump_to(&self, to: Timestamp) {
        if let Wall::Virtual(start) = &self.0.wall {
            *start.lock().expect("no holder of this lock panics") = to - self.elapsed();
        }
    }

    /// Waits for a span of elapsed time.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// A new id that sorts after every id this clock made before.
    #[must_use]
    pub fn new_id(&self) -> Ulid {
        let now = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        let mut dice = self.0.dice.lock().expect("no holder of this lock panics");
        let chance = dice.rng.u128(..);
        let fresh = Ulid::from_parts(now, chance);
        // Within a millisecond, or after the clock went back, count on from the last one.
        dice.last_id = if fresh > dice.last_id {
            fresh
        } else {
            dice.last_id.increment().unwrap_or(fresh)
        };
        dice.last_id
    }

    /// A number below `bound`, which must not be 0.
    #[must_use]
    pub fn random_below(&self, bound: u64) -> u64 {
        self.0
            .dice
            .lock()
            .expect("no holder of this lock panics")
            .rng
            .u64(..bound)
    }

    /// `span`, give or take up to `percent` of it: retries that failed together do not come back
    /// together.
    #[must_use]
    pub fn jittered(&self, span: Duration, percent: u64) -> Duration {
        let reach = u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 200) * percent / 100;
        let least = span.saturating_sub(Duration::from_millis(reach));
        least + Duration::from_millis(self.random_below(2 * reach + 1))
    }
}

/// A span in its largest unit that fits: "6 h", "3 d 4 h".
#[must_use]
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Waits on a thread that has nothing else to do.
pub fn block(span: Duration) {
    std::thread::sleep(span);
}
