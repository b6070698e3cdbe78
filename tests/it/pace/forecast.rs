//! The forecast against what happens: the real limits, one message after the other.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use postroom::calendar::OpenHours;
use postroom::config::Rate;
use postroom::pace::forecast::{
    Backlog, Binding, Follow, Hours, Outlook, Part, Situation, Speed, foresee, watch,
};
use postroom::pace::{Pace, Size, Used};

const BEGINNING: Duration = Duration::from_secs(1_000_000);

/// Runs that share an account, and what holds them back.
#[derive(Clone, Debug, Default)]
struct Story {
    rates: Vec<Rate>,
    /// Messages a second.
    speed: Option<f64>,
    /// For each run its people and its own rates.
    runs: Vec<(u64, Vec<Rate>)>,
}

/// A run of a story that is being told.
struct Telling {
    pace: Pace,
    size: Size,
    left: u64,
    ends: Vec<Duration>,
}

/// What is known of a story at one moment: the ends of messages so far, and who is left.
#[derive(Clone, Default)]
struct Moment {
    at: Duration,
    ends: Vec<Vec<Duration>>,
    left: Vec<u64>,
}

impl Story {
    fn new(rates: &[&str], speed: Option<f64>, runs: &[(u64, &[&str])]) -> Self {
        let runs = runs.iter().map(|(people, own)| (*people, rates_of(own)));
        Self {
            rates: rates_of(rates),
            speed,
            runs: runs.collect(),
        }
    }

    /// Tells it to its end: when each run ends, and how it stood when so many messages had left.
    fn tell(&self, moment: u64) -> (Vec<Duration>, Moment) {
        let mut account = Pace::new(&self.rates);
        let mut runs: Vec<Telling> = self.runs.iter().map(Telling::new).collect();
        let mut now = BEGINNING;
        let (mut sent, mut turn, mut seen) = (0, 0, Moment::default());
        loop {
            if sent == moment {
                seen = Moment {
                    at: now,
                    ends: runs.iter().map(|it| it.ends.clone()).collect(),
                    left: runs.iter().map(|it| it.left).collect(),
                };
            }
            let mut order = (0..self.runs.len()).map(|n| (turn + n) % self.runs.len());
            let goes = order.find(|no| runs[*no].goes(&mut account, now));
            let Some(no) = goes else {
                let waiting = runs.iter_mut().filter(|it| it.left > 0);
                let Some(wait) = waiting.map(|it| it.waits(&mut account, now)).min() else {
                    break;
                };
                now += wait;
                continue;
            };
            (turn, sent) = (no + 1, sent + 1);
            account.take(1);
            runs[no].pace.take(1);
            now += self
                .speed
                .map_or(Duration::ZERO, |it| Duration::from_secs_f64(1.0 / it));
            account.done(now);
            runs[no].pace.done(now);
            runs[no].left -= 1;
            runs[no].ends.push(now);
        }
        let ends = runs
            .iter()
            .map(|it| it.ends.last().copied().unwrap_or_default());
        (ends.collect(), seen)
    }

    /// What is foreseen at that moment.
    fn foresee(&self, moment: &Moment) -> Vec<Outlook> {
        let mut all: Vec<Duration> = moment.ends.concat();
        all.sort();
        let mut meters = vec![used(&self.rates, &all, moment.at)];
        let runs = self.runs.iter().zip(&moment.left).enumerate();
        let runs = runs.map(|(no, ((people, own), left))| {
            meters.push(used(own, &moment.ends[no], moment.at));
            Backlog {
                is_bulk: size(*people) == Size::Bulk,
                ..backlog(*left, &[0, no + 1])
            }
        });
        let runs = runs.collect();
        foresee(&Situation {
            meters,
            speeds: vec![self.speed.map(|per_second| Speed {
                per_second,
                at_once: 1,
            })],
            runs,
            groups: 0,
        })
    }

    /// When so many have left: how long the story has taken, and for each run what remains and by
    /// how much the foreseen end is off, in seconds. Where a run ends with a window, one message
    /// more is a window more: it is right if it is so for one in a hundred people less or more.
    fn errors(&self, moment: u64) -> (f64, Vec<(f64, f64)>) {
        let (ends, moment) = self.tell(moment);
        let ends_of = |change: &dyn Fn(u64) -> u64| {
            let left = moment.left.iter().map(|left| change(*left)).collect();
            let moment = Moment {
                left,
                ..moment.clone()
            };
            let outlooks = self.foresee(&moment).into_iter();
            let ends = outlooks.map(|it| it.ends.unwrap().as_secs_f64());
            ends.collect::<Vec<f64>>()
        };
        let less = ends_of(&|left| left - left.div_ceil(100));
        let more = ends_of(&|left| left + left.div_ceil(100));
        let foreseen = ends_of(&|left| left);
        let errors = (0..ends.len()).filter(|no| moment.left[*no] > 0);
        let errors = errors.map(|no| {
            let real = (ends[no] - moment.at).as_secs_f64();
            let off = foreseen[no] - real;
            let near = real.clamp(less[no].min(foreseen[no]), more[no].max(foreseen[no]));
            let is_step = off.abs() > 0.05 * real;
            (real, if is_step { near - real } else { off })
        });
        ((moment.at - BEGINNING).as_secs_f64(), errors.collect())
    }
}

impl Telling {
    fn goes(&mut self, account: &mut Pace, now: Duration) -> bool {
        let free = |pace: &mut Pace| pace.free(now, self.size) > 0;
        self.left > 0 && free(account) && free(&mut self.pace)
    }

    fn waits(&mut self, account: &mut Pace, now: Duration) -> Duration {
        let wait = |pace: &mut Pace| pace.wait(now, self.size).unwrap_or_default();
        wait(account).max(wait(&mut self.pace))
    }

    fn new((people, own): &(u64, Vec<Rate>)) -> Self {
        Self {
            pace: Pace::new(own),
            size: size(*people),
            left: *people,
            ends: Vec::new(),
        }
    }
}

fn size(people: u64) -> Size {
    match people {
        0..=100 => Size::Small,
        _ => Size::Bulk,
    }
}

fn rates_of(texts: &[&str]) -> Vec<Rate> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The windows of these rates, with what has ended in them.
fn used(rates: &[Rate], ends: &[Duration], now: Duration) -> Vec<Used> {
    let uses = ends.iter().map(|end| (now - *end, 1));
    postroom::pace::forecast::used(rates, &uses.collect::<Vec<_>>())
}

#[test]
fn at_a_fifth_of_a_run_its_end_is_known() {
    let fast = Some(37.0);
    let several: &[&str] = &["10/second", "500/hour", "2000/day"];
    let stories = [
        (
            "one rate",
            Story::new(&["100/minute"], fast, &[(5_000, &[])]),
        ),
        (
            "a day's rate",
            Story::new(&["2000/day"], fast, &[(9_000, &[])]),
        ),
        ("several", Story::new(several, fast, &[(9_000, &[])])),
        (
            "no more than a window",
            Story::new(&["2000/day"], fast, &[(1_900, &[])]),
        ),
        ("a server", Story::new(&[], fast, &[(9_000, &[])])),
        (
            "a slow server",
            Story::new(several, Some(0.01), &[(2_000, &[])]),
        ),
        (
            "two runs",
            Story::new(several, fast, &[(3_000, &[]), (8_000, &[])]),
        ),
        (
            "own rates",
            Story::new(several, fast, &[(3_000, &["50/hour"]), (8_000, &[])]),
        ),
        (
            "two, a server",
            Story::new(&[], fast, &[(3_000, &[]), (8_000, &[])]),
        ),
        ("no speed", Story::new(several, None, &[(9_000, &[])])),
    ];
    for (what, story) in stories {
        let people: u64 = story.runs.iter().map(|(people, _)| people).sum();
        for moment in [people / 5, people / 3] {
            let (_, errors) = story.errors(moment);
            let errors: Vec<f64> = errors.iter().map(|(real, off)| off / real).collect();
            assert!(
                errors.iter().all(|it| it.abs() < 0.02),
                "{what}: {errors:?}"
            );
        }
    }
}

#[test]
fn any_story_is_foreseen() {
    let rng = &mut fastrand::Rng::with_seed(11);
    for _ in 0..60 {
        let story = any(rng);
        let people: u64 = story.runs.iter().map(|(people, _)| people).sum();
        // Of three people left, one more is a third: the time of the whole is the measure.
        let (since, errors) = story.errors(rng.u64(..people / 2));
        let errors: Vec<f64> = errors
            .iter()
            .map(|(real, off)| off / (since + real))
            .collect();
        assert!(
            errors.iter().all(|it| it.abs() < 0.05),
            "{errors:?} {story:?}"
        );
    }
}

fn any(rng: &mut fastrand::Rng) -> Story {
    let mut rate = || {
        let text = match rng.u8(..4) {
            0 => format!("{}/second", rng.u32(1..50)),
            1 => format!("{}/minute", rng.u32(1..500)),
            2 => format!("{}/hour", rng.u32(10..3000)),
            _ => format!("{}/day", rng.u32(100..5000)),
        };
        text.parse().unwrap()
    };
    let rates: Vec<Rate> = (0..3).map(|_| rate()).collect();
    let own = vec![rate()];
    let few = rng.usize(1..=3);
    let mut runs: Vec<(u64, Vec<Rate>)> = (0..rng.usize(1..4))
        .map(|_| (rng.u64(20..6_000), Vec::new()))
        .collect();
    if rng.bool() {
        runs[0].1 = own;
    }
    Story {
        rates: rates.into_iter().take(few).collect(),
        speed: Some(10f64.powf(rng.f64() * 4.0 - 1.5)),
        runs,
    }
}

const DAY: u64 = 24 * 3600;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn backlog(people: u64, meters: &[usize]) -> Backlog<'static> {
    Backlog {
        account: 0,
        meters: meters.to_vec(),
        parts: vec![part(people, 0, None)],
        is_bulk: false,
        follows: None,
        hours: None,
    }
}

fn part(people: u64, from: u64, expires: Option<u64>) -> Part {
    Part {
        people,
        from: seconds(from),
        expires: expires.map(seconds),
        meters: Vec::new(),
    }
}

/// Runs of one account with these rates, of which nothing was used.
fn situation<'a>(rates: &[&str], runs: Vec<Backlog<'a>>) -> Situation<'a> {
    Situation {
        meters: vec![used(&rates_of(rates), &[], BEGINNING)],
        speeds: vec![None],
        runs,
        groups: 0,
    }
}

fn speed(per_second: f64) -> Option<Speed> {
    let at_once = 1;
    Some(Speed {
        per_second,
        at_once,
    })
}

const DAILY: Option<Binding> = Some(Binding::Window {
    meter: 0,
    window: 0,
});

#[test]
fn each_day_begins_with_its_whole_count() {
    // 2,000 now, 2,000 after one day, 1,200 after two.
    let found = foresee(&situation(&["2000/day"], vec![backlog(5_200, &[0])]));
    assert_eq!(found[0].ends, Some(seconds(2 * DAY)));
    assert_eq!((found[0].sent, found[0].expires), (5_200, 0));
    assert_eq!(found[0].binds, DAILY);
}

#[test]
fn what_was_used_before_stands_in_the_way() {
    // 1,500 left twelve hours ago: 500 go now, 1,500 in twelve hours, 500 in a day.
    let mut it = situation(&["2000/day"], vec![backlog(2_500, &[0])]);
    it.meters[0][0].uses = vec![(seconds(DAY / 2), 1_500)];
    assert_eq!(foresee(&it)[0].ends, Some(seconds(DAY)));
    // What is under way has still to end.
    it.meters[0][0].under_way = 500;
    it.runs[0].parts[0].people = 1_500;
    assert_eq!(foresee(&it)[0].ends, Some(seconds(DAY / 2)));
}

#[test]
fn what_does_not_leave_in_time_expires() {
    let mut it = situation(&["2000/day"], vec![backlog(0, &[0])]);
    it.runs[0].parts = vec![part(5_000, 0, Some(DAY))];
    let found = foresee(&it)[0];
    assert_eq!((found.sent, found.expires), (2_000, 3_000));
    assert_eq!((found.ends, found.binds), (Some(seconds(DAY)), DAILY));
    it.runs[0].parts = vec![part(5_000, 0, Some(DAY + 1))];
    let found = foresee(&it)[0];
    assert_eq!((found.sent, found.expires), (4_000, 1_000));
    // Each person's own time: the first hundred expire after an hour, nobody else does.
    it.meters[0][0].uses = vec![(seconds(2 * 3600), 2_000)];
    it.runs[0].parts = vec![part(100, 0, Some(3600)), part(300, 0, Some(DAY))];
    let found = foresee(&it)[0];
    assert_eq!((found.sent, found.expires), (300, 100));
    assert_eq!(found.begins, Some(seconds(22 * 3600)));
}

#[test]
fn runs_of_an_account_have_equal_shares() {
    // Of 2,000 a day each has 1,000: the small one ends after one day, and the other has the rest
    // of that day, 2,000 - 500, and of the next: 1,000 + 1,500 + 2,000 + 500.
    let runs = vec![backlog(1_500, &[0]), backlog(5_000, &[0])];
    let found = foresee(&situation(&["2000/day"], runs));
    assert_eq!(found[0].ends, Some(seconds(DAY)));
    assert_eq!(found[1].ends, Some(seconds(3 * DAY)));
    // The same by a server of 10 a second: 3,000 shared, then 3,500 alone.
    let mut it = situation(&[], vec![backlog(1_500, &[]), backlog(5_000, &[])]);
    it.speeds = vec![speed(10.0)];
    let found = foresee(&it);
    let ends = found.iter().map(|it| it.ends.unwrap().as_secs_f64());
    let ends: Vec<f64> = ends.collect();
    assert!(
        (ends[0] - 300.0).abs() < 1.0 && (ends[1] - 650.0).abs() < 1e-3,
        "{ends:?}"
    );
    assert!(found.iter().all(|it| it.binds == Some(Binding::Speed)));
}

#[test]
fn the_tightest_limit_binds() {
    // 10 a second would take 500 s and the server 100 s; its own 100 a minute let it go for 49 min.
    let mut it = situation(&["10/second"], vec![backlog(5_000, &[0, 1])]);
    it.meters
        .push(used(&rates_of(&["100/minute"]), &[], BEGINNING));
    it.speeds = vec![speed(50.0)];
    let found = foresee(&it)[0];
    let own = Binding::Window {
        meter: 1,
        window: 0,
    };
    assert_eq!(found.binds, Some(own));
    let ends = found.ends.unwrap().as_secs_f64();
    assert!((49.0 * 60.0..49.5 * 60.0).contains(&ends), "{ends}");
}

#[test]
fn bulk_leaves_a_fiftieth_to_others() {
    // 1,960 of the first day's 2,000, the other 40 a second and a half before the second day, then
    // 1,920, and another 40 at once: the end of a large run is small. The next one leaves when the
    // first 40 are a day old.
    let mut bulk = backlog(3_961, &[0]);
    bulk.is_bulk = true;
    let found = foresee(&situation(&["2000/day"], vec![bulk.clone()]));
    let soon = Duration::from_millis(1500);
    assert_eq!(found[0].ends, Some(seconds(2 * DAY) - soon));
    bulk.parts = vec![part(3_960, 0, None)];
    let found = foresee(&situation(&["2000/day"], vec![bulk.clone()]));
    assert_eq!(found[0].ends, Some(seconds(DAY)));
    // Who comes after it finds room.
    let mut alert = backlog(0, &[0]);
    alert.parts = vec![part(1, 3600, None)];
    let found = foresee(&situation(&["2000/day"], vec![bulk, alert]));
    assert_eq!(found[1].ends, Some(seconds(3600)));
}

/// The people of a limited domain and the others take turns, so both limits are used from the
/// beginning: 500 at four a second, beside a thousand at sixteen.
#[test]
fn people_of_a_limited_domain_take_turns_with_the_others() {
    let gmail = Part {
        meters: vec![1],
        ..part(500, 0, None)
    };
    let mut run = backlog(0, &[0]);
    run.parts = vec![part(1_000, 0, None), gmail];
    for (rate, ends) in [("4/second", 124.0), ("40/10s", 120.0)] {
        let mut it = situation(&["20/second"], vec![run.clone()]);
        it.meters.push(used(&rates_of(&[rate]), &[], BEGINNING));
        let found = foresee(&it)[0].ends.unwrap().as_secs_f64();
        assert!(
            (found - ends).abs() < 0.03 * ends,
            "{rate}: {found}, not {ends}"
        );
    }
}

#[test]
fn nothing_is_said_of_what_nothing_holds_back() {
    let found = foresee(&situation(&[], vec![backlog(5_000, &[0])]));
    assert_eq!(found[0].binds, None);
    let found = foresee(&situation(&["2000/day"], vec![backlog(2_000, &[0])]));
    assert_eq!(found[0].binds, None, "it all fits in the first window");
}

#[test]
fn a_run_pauses_outside_its_hours() {
    // Friday 17:00, 1 a second: 3,600 until 18:00, 1,400 from Monday 08:00 on.
    let now: Timestamp = "2026-06-05T17:00:00Z".parse().unwrap();
    let open: OpenHours = "08:00-18:00 Mon-Fri".parse().unwrap();
    let zone = TimeZone::UTC;
    let mut it = situation(&[], vec![backlog(5_000, &[])]);
    it.speeds = vec![speed(1.0)];
    it.runs[0].hours = Some(Hours {
        open: &open,
        zone: &zone,
        now,
    });
    let found = foresee(&it)[0];
    let monday: Timestamp = "2026-06-08T08:00:00Z".parse().unwrap();
    let ends = Duration::try_from(monday - now).unwrap() + seconds(1_400);
    assert_eq!(found.ends, Some(ends));
    assert_eq!(found.binds, Some(Binding::Hours));
}

#[test]
fn a_run_waits_for_the_one_before_or_is_skipped() {
    let run = |from: u64, follows| {
        let mut it = backlog(0, &[]);
        it.parts = vec![part(1_000, from, None)];
        it.follows = follows;
        it
    };
    for (how, begin, ends) in [
        (Follow::Queue, [0, 1_000, 2_000], [1_000, 2_000, 3_000]),
        (Follow::Skip, [0, 0, 1_500], [1_000, 0, 2_500]),
    ] {
        let runs = vec![
            run(0, None),
            run(500, Some((0, how))),
            run(1_500, Some((1, how))),
        ];
        let mut it = situation(&[], runs);
        it.speeds = vec![speed(1.0)];
        for (no, found) in foresee(&it).iter().enumerate() {
            let skipped = ends[no] == 0;
            assert_eq!(found.is_skipped, skipped, "{how:?} {no}");
            if !skipped {
                let times = (found.begins.unwrap(), found.ends.unwrap());
                assert_eq!(
                    times,
                    (seconds(begin[no]), seconds(ends[no])),
                    "{how:?} {no}"
                );
            }
        }
    }
}

#[test]
fn a_million_is_a_few_thousand_steps() {
    let rates = ["10/second", "500/hour", "2000/day"];
    let mut it = situation(&rates, vec![backlog(1_000_000, &[0])]);
    it.speeds = vec![speed(40.0)];
    let (mut steps, mut sent) = (0, 0);
    let found = watch(&it, |group| {
        (steps, sent) = (steps + 1, sent + group.count);
    });
    assert_eq!(sent, 1_000_000);
    assert!(steps < 20_000, "{steps}");
    // 500 days: the last window begins after 499.
    let days = found[0].ends.unwrap().as_secs_f64() / DAY as f64;
    assert!((499.0..501.5).contains(&days), "{days}");
}
