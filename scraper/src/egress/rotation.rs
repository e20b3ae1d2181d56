//! Which gateway the next request to one vendor leaves by, and how fast requests may follow one another. Pure: time is told.
//!
//! Promises: among healthy gateways the one that was used longest ago comes next; one that was throttled, refused, failed or
//! slow rests, twice as long each time in a row, and comes back by a single request (a probe); the vendor's budget is its own
//! or what the healthy gateways' addresses are allowed, whichever is smaller. When gateways are throttled together, the vendor
//! does not limit addresses but the account (or everybody): then its whole budget shrinks and never grows again, and the
//! gateways rest no longer. Where one gateway is left, what it is told holds for the vendor, as without gateways. A gateway in
//! quarantine carries nothing until a canary over it is fine.

use std::collections::BTreeSet;
use std::time::Duration;

/// An instant, since the market was built.
pub(crate) type Moment = Duration;

/// The first rest; it doubles with each failure in a row.
const FIRST_REST: Duration = Duration::from_secs(2);
/// No rest of our own is longer.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// Whatever a vendor asks for, a gateway is tried again within the hour.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);
/// A probe that says nothing for so long was lost: somebody else probes.
const PROBE_LIMIT: Duration = Duration::from_secs(60);
/// How long a quarantine lasts before a canary may end it.
const QUARANTINE: Duration = Duration::from_secs(300);
/// Gateways that are throttled within this time are throttled together.
const TOGETHER: Duration = Duration::from_secs(10);
/// Different questions that must have been throttled, so that no single one that a vendor never answers counts as all.
const DIFFERENT_ASKS: usize = 3;
/// What is left of a vendor's budget when gateways are throttled together.
const SHRINK: f64 = 0.7;
/// A canary is due after this time too…
const CANARY_AFTER: Duration = Duration::from_secs(30);
/// … if this part of the requests between two canaries has left: many processes with a few requests each would send more
/// canaries than requests.
const CANARY_SHARE: u32 = 5;
/// Weight of the newest answer in a gateway's mean latency.
const NEWEST: f64 = 0.3;
/// Answers before a latency means something.
const FEW_ANSWERS: u32 = 3;
/// A gateway is slow that takes so many times as long as the others do in the middle…
const SLOW_FACTOR: f64 = 4.0;
/// … and this long at least, ms.
const SLOW_MS: f64 = 2000.0;

/// What a vendor allows, requests a second; `None`: it does not limit that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Allowed {
    /// Over all gateways.
    pub(crate) total: Option<f64>,
    /// Over each.
    pub(crate) per_address: Option<f64>,
}

/// What one request says of the way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An answer, after so long.
    Fine(Duration),
    /// "Slow down": what Retry-After said or, where it said nothing, our own delay; and a number that tells one question from
    /// another.
    Throttled { wait: Duration, ask: u64 },
    /// 403, a block page; the gateway's own refusal.
    Refused,
    /// 5xx, no answer, no connection.
    Failed,
}

/// What a verdict leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Consequence {
    /// Nothing.
    None,
    /// The gateway rests for so long.
    Rests(Duration),
    /// It is the only one in use: nothing is sent to the vendor for so long.
    Pauses(Duration),
    /// Gateways are throttled together: the vendor's budget is this from now on (`None`: it had none), and nothing is sent
    /// for so long.
    Limited { per_sec: Option<f64>, wait: Duration },
}

/// Why no gateway can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nobody {
    /// The first comes back after this; `None`: all wait for a canary.
    pub(crate) retry_in: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Healthy,
    /// Until then, after so many failures in a row.
    Resting {
        until: Moment,
        because: Because,
    },
    /// One request is under way to see.
    Probing {
        since: Moment,
    },
    /// Until a canary is fine, which is not sent before then.
    Quarantined {
        until: Moment,
    },
}

/// Why a gateway rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Throttled,
    Refused,
    Failed,
    Slow,
}

impl Because {
    const fn words(self) -> &'static str {
        match self {
            Self::Throttled => "it was throttled",
            Self::Refused => "it was refused",
            Self::Failed => "it failed",
            Self::Slow => "it was slow",
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Way {
    state: State,
    last_used: Option<Moment>,
    /// Failures in a row.
    strikes: u32,
    /// Mean latency, ms, newer answers counting more.
    latency_ms: f64,
    answers: u32,
    /// Requests since the last canary was sent; `None`: none was.
    since_canary: Option<u32>,
    /// When the last canary was sent.
    canary_at: Moment,
    /// A second opinion is wanted of it.
    is_wanted: bool,
    /// Its last canary is such an opinion.
    gives_opinion: bool,
    /// When the gateway was new.
    since: Moment,
    /// When the last canary that was fine was sent, or the gateway was new.
    trusted_at: Moment,
}

impl Way {
    const fn new(now: Moment) -> Self {
        Self {
            state: State::Healthy,
            last_used: None,
            strikes: 0,
            latency_ms: 0.0,
            answers: 0,
            since_canary: None,
            canary_at: Moment::ZERO,
            is_wanted: false,
            gives_opinion: false,
            since: now,
            trusted_at: now,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Throttle {
    at: Moment,
    way: usize,
    ask: u64,
}

/// The gateways of one vendor, by their place in the list of all.
#[derive(Debug)]
pub(crate) struct Rotation {
    allowed: Allowed,
    ways: Vec<Way>,
    /// Budget after the vendor limited all gateways together, requests a second.
    cap: Option<f64>,
    throttles: Vec<Throttle>,
    /// What was sent before then says nothing new about a limit.
    settled_at: Option<Moment>,
}

impl Rotation {
    /// So many gateways, all healthy and new now. `first` is the place the first request goes to, so that processes that start
    /// together do not all begin with the same one.
    pub(crate) fn new(gateways: usize, first: usize, allowed: Allowed, now: Moment) -> Self {
        let mut ways = vec![Way::new(now); gateways];
        let split = if gateways == 0 { 0 } else { first % gateways };
        // Those before the first one count as used before the others.
        for way in ways.iter_mut().take(split) {
            way.last_used = Some(Moment::ZERO);
        }
        Self { allowed, ways, cap: None, throttles: Vec::new(), settled_at: None }
    }

    /// The rotation when there are other gateways: the place that each of them had before, `None` for those that are new now.
    /// What the vendor bears in all stays as it is.
    pub(crate) fn succeeded(&self, kept: &[Option<usize>], now: Moment) -> Self {
        let way = |before: &Option<usize>| before.and_then(|at| self.ways.get(at)).copied();
        let ways = kept.iter().map(|before| way(before).unwrap_or_else(|| Way::new(now))).collect();
        let place = |seen: &Throttle| kept.iter().position(|before| *before == Some(seen.way));
        let throttles =
            self.throttles.iter().filter_map(|seen| Some(Throttle { way: place(seen)?, ..*seen })).collect();
        Self { allowed: self.allowed, ways, cap: self.cap, throttles, settled_at: self.settled_at }
    }

    /// The gateway for a request that leaves now.
    pub(crate) fn pick(&mut self, now: Moment) -> Result<usize, Nobody> {
        let due = self.ways.iter().position(|way| match way.state {
            State::Resting { until, .. } => until <= now,
            State::Probing { since } => since + PROBE_LIMIT <= now,
            State::Healthy | State::Quarantined { .. } => false,
        });
        let healthy = |(_, way): &(usize, &Way)| way.state == State::Healthy;
        let oldest =
            || self.ways.iter().enumerate().filter(healthy).min_by_key(|(_, way)| way.last_used).map(|(at, _)| at);
        let Some(at) = due.or_else(oldest) else { return Err(Nobody { retry_in: self.next_return(now) }) };
        let way = &mut self.ways[at];
        if way.state != State::Healthy {
            way.state = State::Probing { since: now };
        }
        self.sent(at, now);
        Ok(at)
    }

    /// A request leaves by this gateway now, whoever chose it.
    pub(crate) fn sent(&mut self, at: usize, now: Moment) {
        let way = &mut self.ways[at];
        way.last_used = Some(now);
        way.since_canary = way.since_canary.map(|requests| requests.saturating_add(1));
    }

    /// When the first gateway that rests comes back.
    fn next_return(&self, now: Moment) -> Option<Duration> {
        let times = self.ways.iter().filter_map(|way| match way.state {
            State::Resting { until, .. } => Some(until),
            State::Probing { since } => Some(since + PROBE_LIMIT),
            State::Healthy | State::Quarantined { .. } => None,
        });
        times.min().map(|at| at.saturating_sub(now))
    }

    /// A request that left by a gateway at `sent` came to this, now.
    pub(crate) fn report(&mut self, at: usize, sent: Moment, now: Moment, verdict: Verdict) -> Consequence {
        match verdict {
            Verdict::Fine(took) => self.fine(at, now, took),
            Verdict::Refused => self.rest(at, now, Duration::ZERO, Because::Refused),
            Verdict::Failed => self.rest(at, now, Duration::ZERO, Because::Failed),
            Verdict::Throttled { .. } if self.settled_at.is_some_and(|settled| sent <= settled) => Consequence::None,
            Verdict::Throttled { wait, ask } => {
                let wait = wait.min(LONGEST_ASKED);
                self.throttles.retain(|seen| seen.at + TOGETHER >= now);
                self.throttles.push(Throttle { at: now, way: at, ask });
                if self.are_throttled_together() {
                    return self.limit(now, wait);
                }
                if self.in_use() <= 1 {
                    let way = &mut self.ways[at];
                    if let State::Probing { .. } = way.state {
                        way.state = State::Healthy;
                    }
                    return Consequence::Pauses(wait);
                }
                self.rest(at, now, wait, Because::Throttled)
            }
        }
    }

    fn fine(&mut self, at: usize, now: Moment, took: Duration) -> Consequence {
        let others = self.usual_latency(at);
        let way = &mut self.ways[at];
        let ms = took.as_secs_f64() * 1000.0;
        way.latency_ms = if way.answers == 0 { ms } else { way.latency_ms + NEWEST * (ms - way.latency_ms) };
        way.answers = way.answers.saturating_add(1);
        match way.state {
            State::Probing { .. } => (way.state, way.strikes) = (State::Healthy, 0),
            State::Healthy => way.strikes = 0,
            // It was sent before the gateway's rest began.
            State::Resting { .. } | State::Quarantined { .. } => return Consequence::None,
        }
        let is_slow = |usual: f64| way.latency_ms > SLOW_MS && way.latency_ms > SLOW_FACTOR * usual;
        if way.answers >= FEW_ANSWERS && others.is_some_and(is_slow) {
            // After its rest it is measured anew.
            way.answers = 0;
            return self.rest(at, now, Duration::ZERO, Because::Slow);
        }
        Consequence::None
    }

    /// The middle of the other gateways' latencies, ms; `None`: too little is known of any.
    fn usual_latency(&self, but: usize) -> Option<f64> {
        let known = |(at, way): &(usize, &Way)| *at != but && way.answers >= FEW_ANSWERS;
        let mut all: Vec<f64> = self.ways.iter().enumerate().filter(known).map(|(_, way)| way.latency_ms).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    fn rest(&mut self, at: usize, now: Moment, at_least: Duration, because: Because) -> Consequence {
        let way = &mut self.ways[at];
        match way.state {
            State::Quarantined { .. } => return Consequence::None,
            // Requests that were under way together are one failure.
            State::Resting { until, because } if until > now => {
                way.state = State::Resting { until: until.max(now + at_least), because };
                return Consequence::None;
            }
            State::Healthy | State::Probing { .. } | State::Resting { .. } => {}
        }
        let rest = FIRST_REST.saturating_mul(1 << way.strikes.min(10)).min(LONGEST_REST).max(at_least);
        way.strikes = way.strikes.saturating_add(1);
        way.state = State::Resting { until: now + rest, because };
        Consequence::Rests(rest)
    }

    /// Gateways that the vendor is asked by: those that were refused, fail or are not believed are none.
    fn in_use(&self) -> usize {
        let is_used = |way: &&Way| match way.state {
            State::Healthy | State::Probing { .. } => true,
            State::Resting { because, .. } => matches!(because, Because::Throttled | Because::Slow),
            State::Quarantined { .. } => false,
        };
        self.ways.iter().filter(is_used).count()
    }

    /// Half of the gateways in use, two at least where there are two, and different questions.
    fn are_throttled_together(&self) -> bool {
        let in_use = self.in_use();
        let enough = in_use.div_ceil(2).max(in_use.min(2));
        let ways: BTreeSet<usize> = self.throttles.iter().map(|seen| seen.way).collect();
        let asks: BTreeSet<u64> = self.throttles.iter().map(|seen| seen.ask).collect();
        ways.len() >= enough && asks.len() >= enough.max(DIFFERENT_ASKS)
    }

    /// The budget that led here counts, not what was left of it while gateways rested one by one.
    fn limit(&mut self, now: Moment, wait: Duration) -> Consequence {
        for seen in std::mem::take(&mut self.throttles) {
            let way = &mut self.ways[seen.way];
            if let State::Resting { .. } | State::Probing { .. } = way.state {
                (way.state, way.strikes) = (State::Healthy, 0);
            }
        }
        self.settled_at = Some(now);
        self.cap = self.budget().map(|per_sec| SHRINK * per_sec).or(self.cap);
        Consequence::Limited { per_sec: self.cap, wait }
    }

    /// Gateways that requests may leave by.
    pub(crate) fn healthy(&self) -> usize {
        self.ways.iter().filter(|way| matches!(way.state, State::Healthy | State::Probing { .. })).count()
    }

    /// Requests a second to the vendor: its total, what it bears after it limited all, and no more than the healthy gateways'
    /// addresses are allowed (one at least: a probe's). `None`: nothing limits it.
    pub(crate) fn budget(&self) -> Option<f64> {
        let addresses = self.allowed.per_address.map(|each| each * self.healthy().max(1) as f64);
        [self.allowed.total, self.cap, addresses].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// A gateway over which a canary is to be sent now: before the first request, and then before the first of each `every`
    /// requests, or of a fifth of them once half a minute has passed; when a second opinion is wanted; and when a quarantine has
    /// lasted. The caller sends it; nobody else is asked to meanwhile.
    pub(crate) fn due_canary(&mut self, now: Moment, every: u32) -> Option<usize> {
        let at = self.ways.iter().position(|way| match way.state {
            State::Quarantined { until } => until <= now,
            State::Healthy => way.since_canary.is_none_or(|requests| {
                let is_long_ago = way.canary_at + CANARY_AFTER <= now;
                way.is_wanted || requests >= every || (is_long_ago && requests >= every.div_ceil(CANARY_SHARE))
            }),
            State::Resting { .. } | State::Probing { .. } => false,
        })?;
        let way = &mut self.ways[at];
        (way.since_canary, way.canary_at) = (Some(0), now);
        (way.gives_opinion, way.is_wanted) = (way.is_wanted, false);
        if let State::Quarantined { until } = &mut way.state {
            *until = now + QUARANTINE;
        }
        Some(at)
    }

    /// What a canary brought over a gateway is to be compared with what the others show now. An opinion asks for no others, so
    /// that two that contradict each other do not go on for ever.
    pub(crate) fn want_opinions(&mut self, on: usize) {
        if !self.ways[on].gives_opinion {
            let others = self.ways.iter_mut().enumerate().filter(|(at, _)| *at != on);
            others.for_each(|(_, way)| way.is_wanted = true);
        }
    }

    /// A canary that was sent then was fine.
    pub(crate) fn trust(&mut self, at: usize, sent: Moment) {
        let way = &mut self.ways[at];
        way.trusted_at = way.trusted_at.max(sent);
        if let State::Quarantined { .. } = way.state {
            (way.state, way.strikes, way.answers) = (State::Healthy, 0, 0);
        }
    }

    /// Whether what was asked for over a gateway then is vouched for by a canary that was sent later and was fine.
    pub(crate) fn vouches(&self, at: usize, asked: Moment) -> bool {
        asked <= self.ways[at].trusted_at
    }

    /// Whether the gateway at this place is the one that something was asked for over then.
    pub(crate) fn was_there(&self, at: usize, asked: Moment) -> bool {
        asked >= self.ways[at].since
    }

    /// What came over a gateway is not to be believed. Answers since when are in doubt: the last canary that was fine.
    pub(crate) fn quarantine(&mut self, at: usize, now: Moment) -> Moment {
        let way = &mut self.ways[at];
        way.state = State::Quarantined { until: now + QUARANTINE };
        way.trusted_at
    }

    /// Whether a gateway is in quarantine.
    pub(crate) fn is_quarantined(&self, at: usize) -> bool {
        matches!(self.ways[at].state, State::Quarantined { .. })
    }

    /// Why a gateway carries nothing, for people; `None`: it does.
    pub(crate) fn trouble(&self, at: usize, now: Moment) -> Option<String> {
        match self.ways[at].state {
            State::Healthy | State::Probing { .. } => None,
            State::Resting { until, because } => {
                let because = because.words();
                Some(format!("{because} and rests for {} s", until.saturating_sub(now).as_secs() + 1))
            }
            State::Quarantined { .. } => Some("it serves data that is not believed".to_owned()),
        }
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
