//! Groups of messages that leave one after the other, each as soon as nothing holds it back.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use super::window::Window;
use super::{Binding, Follow, Outlook, Sent, Situation, Speed};

/// People of a run who have something in common. All times are seconds from now on.
#[derive(Debug)]
struct Stream {
    run: usize,
    left: u64,
    from: f64,
    expires: f64,
    meters: Vec<usize>,
    /// So many are worth a step.
    group: u64,
    /// Streams with the same number wait for the same.
    kind: usize,
    /// How many have left, in turn with the other streams of the run.
    gone: u64,
}

/// A run at work.
#[derive(Debug)]
struct Run {
    /// How many of its streams have not ended.
    streams: usize,
    /// How many of its people have not left.
    left: u64,
    is_begun: bool,
    /// The run that it was skipped for.
    skipped_for: Option<usize>,
    /// When its last message left, or the last of them expired.
    ended: f64,
    /// What it has waited for, and how long.
    waited: Vec<(Binding, f64)>,
    /// How much of its share it has had.
    turn: f64,
    /// From the first time on it opens at the second, and closes at the third.
    hours: Cell<(f64, f64, f64)>,
    outlook: Outlook,
}

/// A run of which no more are left is as small as any other.
const BULK: u64 = 100;

/// What happens next to a stream.
struct Next {
    stream: usize,
    at: f64,
    why: Option<Binding>,
    /// At least so many leave then; none if those that are left expire.
    need: u64,
}

/// When so many of a kind of streams may leave, and what they wait for.
#[derive(Clone, Copy)]
struct Known {
    need: u64,
    is_bulk: bool,
    at: f64,
    why: Option<Binding>,
}

pub(super) struct Simulation<'s, 'a, T> {
    situation: &'s Situation<'a>,
    told: T,
    meters: Vec<Vec<Window>>,
    /// When each account's server takes the next message.
    servers: Vec<f64>,
    streams: Vec<Stream>,
    runs: Vec<Run>,
    /// Streams that have begun, and those that have not, the next one last.
    live: Vec<usize>,
    pending: Vec<usize>,
    /// How much of its share the run had that went last.
    turn: f64,
    now: f64,
    /// For each kind of streams, when so many of it may leave, and what they wait for.
    known: Vec<Option<Known>>,
}

impl<'s, 'a, T: FnMut(Sent)> Simulation<'s, 'a, T> {
    pub(super) fn new(situation: &'s Situation<'a>, told: T) -> Self {
        let mut users = vec![Vec::new(); situation.meters.len()];
        let (mut streams, mut runs) = (Vec::new(), Vec::new());
        for (no, backlog) in situation.runs.iter().enumerate() {
            let first = streams.len();
            for part in backlog.parts.iter().filter(|part| part.people > 0) {
                let meters: Vec<usize> = backlog.all_meters(part).collect();
                meters.iter().for_each(|meter| users[*meter].push(no));
                streams.push(Stream {
                    run: no,
                    left: part.people,
                    from: part.from.as_secs_f64(),
                    expires: part.expires.map_or(f64::INFINITY, |it| it.as_secs_f64()),
                    meters,
                    group: 1,
                    kind: 0,
                    gone: 0,
                });
            }
            runs.push(Run::new(&streams[first..]));
        }
        let meters = situation.meters.iter().zip(users).map(|(windows, users)| {
            let speeds = users
                .iter()
                .map(|run| situation.speeds[situation.runs[*run].account]);
            // A slot is taken from the beginning of a message on, and a window beyond its end.
            let one = speeds.flatten().map(|speed| speed.time(1) + speed.beside());
            let one = one.fold(0.0, f64::max);
            let people = situation.most_people(users.into_iter());
            let windows = windows.iter().map(|used| Window::new(used, people, one));
            windows.collect()
        });
        let mut pending: Vec<usize> = (0..streams.len()).collect();
        pending.sort_by(|a, b| streams[*b].from.total_cmp(&streams[*a].from).then(b.cmp(a)));
        let mut simulation = Self {
            situation,
            told,
            meters: meters.collect(),
            servers: vec![0.0; situation.speeds.len()],
            streams,
            runs,
            live: Vec::new(),
            pending,
            turn: 0.0,
            now: 0.0,
            known: Vec::new(),
        };
        simulation.sort_streams();
        simulation
    }

    /// Says of each stream in what groups it goes, and with which others it waits.
    fn sort_streams(&mut self) {
        let mut kinds = HashMap::new();
        for no in 0..self.streams.len() {
            let group = self.group(no);
            let stream = &mut self.streams[no];
            let backlog = &self.situation.runs[stream.run];
            // Hours are each run's own.
            let own = backlog.hours.is_some().then_some(no);
            let kind = (backlog.account, stream.meters.clone(), backlog.is_bulk, own);
            let next = kinds.len();
            stream.kind = *kinds.entry(kind).or_insert(next);
            stream.group = group;
        }
        self.known = vec![None; kinds.len()];
    }

    pub(super) fn outlooks(mut self) -> Vec<Outlook> {
        loop {
            self.known.fill(None);
            let live = std::mem::take(&mut self.live);
            let all: Vec<Next> = live.iter().map(|it| self.look_at(*it)).collect();
            self.live = live;
            let next = self.first(&all);
            let pending = self.pending.last().map(|it| self.streams[*it].from);
            match (next, pending) {
                (Some(next), from) if from.is_none_or(|from| next.at < from) => {
                    self.pass(&all, next.at);
                    self.carry_out(next);
                }
                (_, Some(from)) => {
                    self.pass(&all, from);
                    self.begin();
                }
                (_, None) => break,
            }
        }
        self.runs.into_iter().map(Run::outlook).collect()
    }

    /// A stream has its time.
    fn begin(&mut self) {
        let no = self.pending.pop().expect("there is one");
        let stream = &self.streams[no];
        let run = stream.run;
        if !self.runs[run].is_begun {
            let skipped_for = self.follows(run, Follow::Skip);
            // It has no claim to what the others had before.
            let others = self
                .live
                .iter()
                .map(|it| self.runs[self.streams[*it].run].turn);
            self.runs[run].turn = others.reduce(f64::min).unwrap_or(self.turn);
            let (run, from) = (&mut self.runs[run], stream.from);
            (run.is_begun, run.ended) = (true, from);
            (run.skipped_for, run.outlook.is_skipped) = (skipped_for, skipped_for.is_some());
        }
        if self.runs[run].outlook.is_skipped {
            self.runs[run].streams -= 1;
        } else {
            self.live.push(no);
        }
    }

    /// The run that goes on still and that this one must not overlap.
    fn follows(&self, run: usize, how: Follow) -> Option<usize> {
        let (earlier, follow) = self.situation.runs[run].follows?;
        let earlier = self.runs[earlier].skipped_for.unwrap_or(earlier);
        (follow == how && self.runs[earlier].streams > 0).then_some(earlier)
    }

    /// The stream that has its time first. Of several, that of the run with the least of its share,
    /// and of its streams the one of which fewest have left.
    fn first<'n>(&self, all: &'n [Next]) -> Option<&'n Next> {
        let turn = |next: &Next| self.runs[self.streams[next.stream].run].turn;
        let gone = |next: &Next| self.streams[next.stream].gone;
        all.iter()
            .filter(|next| next.at.is_finite())
            .min_by(|a, b| {
                let by_turn = turn(a).total_cmp(&turn(b));
                a.at.total_cmp(&b.at)
                    .then(by_turn)
                    .then(gone(a).cmp(&gone(b)))
            })
    }

    /// Time passes, and all wait for what they wait for.
    fn pass(&mut self, all: &[Next], to: f64) {
        for next in all {
            let passed = next.at.min(to) - self.now;
            if let (Some(binding), true) = (next.why, passed > 0.0) {
                let run = &mut self.runs[self.streams[next.stream].run];
                run.wait(binding, passed);
            }
        }
        self.now = self.now.max(to);
    }

    fn look_at(&mut self, no: usize) -> Next {
        let stream = &self.streams[no];
        let need = stream.left.min(stream.group);
        let (kind, expires) = (stream.kind, stream.expires);
        let (at, why) = if self.follows(stream.run, Follow::Queue).is_some() {
            (f64::INFINITY, Some(Binding::Turn))
        } else {
            let is_bulk = self.is_bulk(stream.run);
            match self.known[kind] {
                Some(it) if (it.need, it.is_bulk) == (need, is_bulk) => (it.at, it.why),
                _ => {
                    let (at, why) = self.wait_of(no, need);
                    self.known[kind] = Some(Known {
                        need,
                        is_bulk,
                        at,
                        why,
                    });
                    (at, why)
                }
            }
        };
        let too_late = expires <= at && expires.is_finite();
        Next {
            stream: no,
            at: if too_late { expires } else { at },
            why,
            need: if too_late { 0 } else { need },
        }
    }

    /// When so many of a stream may leave, and what they wait for until then.
    fn wait_of(&self, no: usize, need: u64) -> (f64, Option<Binding>) {
        let stream = &self.streams[no];
        let backlog = &self.situation.runs[stream.run];
        let (since, mut at, mut why) = (self.now, self.now, None);
        let mut later = |ready: f64, binding: Binding| {
            // Of two that end together, the limit that somebody set is the reason.
            if ready > at || ready == at && ready > since {
                (at, why) = (ready, Some(binding));
            }
        };
        later(self.servers[backlog.account], Binding::Speed);
        for meter in stream.meters.iter().copied() {
            for (window, it) in self.meters[meter].iter().enumerate() {
                let ready = it.ready(since, need, self.is_bulk(stream.run));
                later(ready, Binding::Window { meter, window });
            }
        }
        let (opens, _) = self.hours(stream.run, at);
        if opens > at {
            (at, why) = (opens, Some(Binding::Hours));
        }
        (at, why)
    }

    /// So many of a stream are worth a step, beside the largest runs that want the same.
    fn group(&self, no: usize) -> u64 {
        let stream = &self.streams[no];
        let backlog = &self.situation.runs[stream.run];
        let windows = || stream.meters.iter().flat_map(|it| &self.meters[*it]);
        let people = windows()
            .map(|it| it.people)
            .fold(backlog.people(), u64::max);
        let rooms = windows().map(|it| it.room(backlog.is_bulk));
        rooms.fold(self.situation.group(people), u64::min)
    }

    /// When the run may send next, not before `at`, and until when.
    fn hours(&self, run: usize, at: f64) -> (f64, f64) {
        let Some(hours) = &self.situation.runs[run].hours else {
            return (at, f64::INFINITY);
        };
        let memo = &self.runs[run].hours;
        let (from, _, closes) = memo.get();
        if !(from..closes).contains(&at) && at.is_finite() {
            let opens = hours.opens(at);
            memo.set((at, opens, hours.closes(opens)));
        }
        let (_, opens, closes) = memo.get();
        (opens.max(at), closes)
    }

    fn carry_out(&mut self, next: &Next) {
        let (no, left) = (
            self.streams[next.stream].run,
            self.streams[next.stream].left,
        );
        if next.need == 0 {
            let run = &mut self.runs[no];
            run.outlook.expires += left;
            run.left -= left;
            run.ended = run.ended.max(next.at);
            return self.end(next.stream);
        }
        let count = self.count(next);
        let backlog = &self.situation.runs[no];
        let speed = self.situation.speeds[backlog.account];
        let end = next.at + speed.map_or(0.0, |speed| speed.time(count));
        let ended = end + speed.map_or(0.0, Speed::beside);
        self.servers[backlog.account] = end;
        for meter in &self.streams[next.stream].meters {
            for window in &mut self.meters[*meter] {
                window.forget(next.at);
                window.take((next.at, ended), count);
            }
        }
        (self.told)(Sent {
            run: no,
            from: span(next.at),
            to: span(end),
            count,
        });
        let run = &mut self.runs[no];
        run.outlook.begins.get_or_insert(span(next.at));
        run.outlook.sent += count;
        run.ended = run.ended.max(end);
        self.turn = run.turn.max(self.turn);
        run.turn = self.turn + count as f64;
        run.left -= count;
        if left == count {
            run.wait(Binding::Speed, end - next.at);
        }
        let stream = &mut self.streams[next.stream];
        stream.left -= count;
        stream.gone += count;
        if left == count {
            self.end(next.stream);
        }
    }

    /// How many leave together: what is free, but no more than is right for what happens meanwhile.
    fn count(&self, next: &Next) -> u64 {
        let stream = &self.streams[next.stream];
        let backlog = &self.situation.runs[stream.run];
        let windows = || stream.meters.iter().flat_map(|it| &self.meters[*it]);
        let free = windows().map(|it| it.free(next.at, self.is_bulk(stream.run)));
        let mut count = free.fold(stream.left, u64::min);
        let rivals = self.rivals(stream);
        let Some(speed) = self.situation.speeds[backlog.account] else {
            return (count / (rivals + 1)).max(next.need);
        };
        if rivals > 0 {
            count = count.min(4 * stream.group);
        }
        let within = |time: f64| (time * speed.per_second).ceil().max(1.0) as u64;
        let grain = windows().map(Window::grain).fold(f64::INFINITY, f64::min);
        count = count.min(within(grain)).max(next.need);
        let (_, closes) = self.hours(stream.run, next.at);
        let next_begins = self.pending.last().map(|it| self.streams[*it].from);
        let meanwhile = next_begins.unwrap_or(f64::INFINITY).min(closes);
        count.min(within(meanwhile.min(stream.expires) - next.at))
    }

    /// Whether a run leaves room for others: the end of a large one is small.
    fn is_bulk(&self, run: usize) -> bool {
        self.situation.runs[run].is_bulk && self.runs[run].left > BULK
    }

    /// How many other runs want what this stream takes.
    fn rivals(&self, stream: &Stream) -> u64 {
        let account = |run: usize| self.situation.runs[run].account;
        let others = self.live.iter().map(|no| &self.streams[*no]);
        let others = others.filter(|it| it.run != stream.run);
        let wanting = others.filter(|it| {
            let shares = it.meters.iter().any(|meter| stream.meters.contains(meter));
            (shares || account(it.run) == account(stream.run))
                && self.follows(it.run, Follow::Queue).is_none()
        });
        wanting.count() as u64
    }

    fn end(&mut self, stream: usize) {
        self.live.retain(|it| *it != stream);
        self.runs[self.streams[stream].run].streams -= 1;
    }
}

impl Run {
    fn wait(&mut self, binding: Binding, span: f64) {
        match self.waited.iter_mut().find(|(of, _)| *of == binding) {
            Some((_, waited)) => *waited += span,
            None => self.waited.push((binding, span)),
        }
    }

    fn new(streams: &[Stream]) -> Self {
        Self {
            streams: streams.len(),
            left: streams.iter().map(|it| it.left).sum(),
            is_begun: false,
            skipped_for: None,
            ended: 0.0,
            waited: Vec::new(),
            turn: 0.0,
            hours: Cell::new((f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY)),
            outlook: Outlook::default(),
        }
    }

    fn outlook(self) -> Outlook {
        let waited = self.waited.into_iter().filter(|(_, waited)| *waited > 0.0);
        let longest = waited.max_by(|(_, a), (_, b)| a.total_cmp(b));
        Outlook {
            ends: (self.streams == 0).then(|| span(self.ended)),
            binds: longest.map(|(binding, _)| binding),
            ..self.outlook
        }
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}
