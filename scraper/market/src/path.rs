//! The price of one underlying at every instant the world knows.
//!
//! Daily closes are a geometric random walk, drawn forward and then scaled so that the session before the first one
//! closes at the profile's anchor. Within a session the price follows a Brownian bridge from open to close over five
//! minute knots; open, high and low of the daily bar are that path's own, so a bar never contradicts what was quoted.
//! What lies after the clock is already decided: advancing only reveals it.
//!
//! **The planted pullback**: an uptrend until 28 sessions before the first one, a quiet plateau until 8 before, a
//! decline of six sessions that gets steeper, and one session up. That makes calls of two to nine months oversold on
//! their own closes while the trend of the stock still stands. The strategy's rule is not touched.

use crate::draw;
use crate::listing::Profile;
use crate::time::{HISTORY, MAX_ADVANCE, Moment};

/// Knots in a session: five minutes each on a full day.
const KNOTS: usize = 78;
/// Length of the planted decline in sessions; the session up follows it.
const DECLINE: usize = 6;
/// Length of the quiet plateau before it.
const PLATEAU: usize = 20;

/// One session of an underlying.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: u64,
    /// Factor on the volatility the options are priced at.
    pub vol_factor: f64,
}

/// The path of one underlying over all sessions.
#[derive(Debug)]
pub(crate) struct Path {
    key: u64,
    /// Standard deviation of the bridge over a whole session.
    bridge: f64,
    days: Vec<Day>,
}

impl Path {
    pub(crate) fn new(profile: &Profile) -> Self {
        let key = draw::key(profile.key, "path");
        let daily = profile.vol / libm::sqrt(252.0);
        let closes = closes(profile, daily);
        let mut path = Self { key, bridge: 0.7 * daily, days: Vec::with_capacity(closes.len()) };
        let mut before = closes[0];
        let mut wave = 0.0;
        for (session, close) in closes.into_iter().enumerate() {
            let close = cents(close);
            let gap = 0.25 * daily * draw::normal(draw::mix(key, session as u64));
            let open = cents(before * libm::exp(gap));
            let mut day = Day { open, close, high: open.max(close), low: open.min(close), volume: 0, vol_factor: 1.0 };
            let (low, high) = extremes(&path.log_knots(session, &day));
            day.low = day.low.min(low);
            day.high = day.high.max(high);
            let noise = libm::exp(0.3 * draw::normal(draw::mix(key, 1_000_000 + session as u64)));
            day.volume = (profile.share_volume * noise) as u64;
            wave = 0.9 * wave + 0.006 * draw::normal(draw::mix(key, 2_000_000 + session as u64));
            day.vol_factor = libm::exp(wave);
            path.days.push(day);
            before = close;
        }
        path
    }

    pub(crate) fn day(&self, session: usize) -> &Day {
        &self.days[session.min(self.days.len() - 1)]
    }

    /// Dollars per share at a moment, not rounded.
    pub(crate) fn price(&self, moment: &Moment) -> f64 {
        if moment.fraction >= 1.0 {
            return self.day(moment.session).close;
        }
        let logs = self.log_knots(moment.session, self.day(moment.session));
        let at = moment.fraction.clamp(0.0, 1.0) * KNOTS as f64;
        let left = (at as usize).min(KNOTS - 1);
        let (before, after) = (libm::exp(logs[left]), libm::exp(logs[left + 1]));
        before + (after - before) * (at - left as f64)
    }

    /// Today's bar as it stands at a moment.
    pub(crate) fn provisional(&self, moment: &Moment) -> Day {
        let day = self.day(moment.session);
        let now = cents(self.price(moment));
        let seen = (moment.fraction * KNOTS as f64) as usize;
        let mut bar = Day { high: day.open.max(now), low: day.open.min(now), close: now, ..*day };
        let (low, high) = extremes(&self.log_knots(moment.session, day)[..=seen.min(KNOTS)]);
        bar.low = bar.low.min(low);
        bar.high = bar.high.max(high);
        bar.volume = (day.volume as f64 * traded_share(moment.fraction)) as u64;
        bar
    }

    /// Logarithms of the session's path: a bridge from open to close.
    fn log_knots(&self, session: usize, day: &Day) -> [f64; KNOTS + 1] {
        let key = draw::mix(self.key, 3_000_000 + session as u64);
        let step = self.bridge / libm::sqrt(KNOTS as f64);
        let mut walk = [0.0; KNOTS + 1];
        for j in 1..=KNOTS {
            walk[j] = walk[j - 1] + step * draw::normal(draw::mix(key, j as u64));
        }
        let end = walk[KNOTS];
        let (from, to) = (libm::log(day.open), libm::log(day.close));
        std::array::from_fn(|j| {
            let share = j as f64 / KNOTS as f64;
            from + (to - from) * share + walk[j] - end * share
        })
    }
}

/// Lowest and highest price of a path of logarithms, to the cent.
fn extremes(logs: &[f64]) -> (f64, f64) {
    let (low, high) = logs.iter().fold((f64::MAX, f64::MIN), |(low, high), log| (log.min(low), log.max(high)));
    (cents(libm::exp(low)), cents(libm::exp(high)))
}

/// The share of a session's volume that has traded after a share of its time: busy mornings.
pub(crate) fn traded_share(fraction: f64) -> f64 {
    libm::pow(fraction.clamp(0.0, 1.0), 0.8)
}

/// To the cent.
pub(crate) fn cents(price: f64) -> f64 {
    ((price * 100.0).round() / 100.0).max(0.01)
}

fn closes(profile: &Profile, daily: f64) -> Vec<f64> {
    let mut rng = draw::stream(draw::key(profile.key, "closes"));
    let drift = draw::next_between(&mut rng, -0.15, 0.25) / 252.0;
    let trend = draw::next_between(&mut rng, 0.35, 0.50) / 252.0;
    let depth = draw::next_between(&mut rng, 0.9, 1.15);
    let (mut log, mut off_trend) = (0.0, 0.0);
    let mut logs = Vec::with_capacity(HISTORY + 1 + MAX_ADVANCE as usize);
    for session in 0..=HISTORY + MAX_ADVANCE as usize {
        let noise = draw::next_normal(&mut rng);
        log += match HISTORY.checked_sub(session) {
            Some(before) if profile.planted && before > 1 + DECLINE + PLATEAU => {
                // Noise that is drawn back to the trend, or half a year of it could undo the trend.
                let step = 0.75 * daily * noise - 0.06 * off_trend;
                off_trend += step;
                trend + step
            }
            Some(before) if profile.planted && before > 0 => planted_return(before, daily, depth, noise),
            Some(_) | None => drift + daily * noise,
        };
        logs.push(log);
    }
    let shift = logs[HISTORY - 1];
    logs.into_iter().map(|log| profile.anchor * libm::exp(log - shift)).collect()
}

/// Log return of a planted ticker on its plateau and after, so many sessions before the first one (1 is the last
/// closed one).
fn planted_return(before: usize, daily: f64, depth: f64, noise: f64) -> f64 {
    match before {
        1 => daily * (0.6 + 0.1 * noise),
        b if b <= 1 + DECLINE => {
            // Gets steeper: from 0.5 to 1.4 daily standard deviations.
            let steepness = 0.5 + 0.9 * (1 + DECLINE - b) as f64 / (DECLINE - 1) as f64;
            -daily * depth * (steepness + 0.12 * noise)
        }
        _ => 0.45 * daily * noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Faults, listing};
    use crate::time::Sessions;

    #[test]
    fn a_bar_holds_every_price_of_its_session() {
        let path = Path::new(&listing(1, 10, Faults::None)[0]);
        for minute in 0..=390 {
            let moment = Moment { session: HISTORY, fraction: f64::from(minute) / 390.0, at: crate::time::start() };
            let (price, day) = (cents(path.price(&moment)), path.day(HISTORY));
            assert!(day.low <= price && price <= day.high, "minute {minute}: {price} outside {day:?}");
        }
        assert_eq!(path.price(&Sessions::new().close_of(HISTORY)), path.day(HISTORY).close);
    }

    #[test]
    fn the_anchor_is_the_last_close() {
        for profile in listing(3, 20, Faults::Added) {
            assert_eq!(Path::new(&profile).day(HISTORY - 1).close, profile.anchor, "{}", profile.ticker);
        }
    }

    #[test]
    fn planted_tickers_fall_in_an_uptrend_and_turn() {
        for profile in listing(2, 60, Faults::None).iter().filter(|p| p.planted) {
            let path = Path::new(profile);
            let close = |before: usize| path.day(HISTORY - before).close;
            let mean = (1..=200).map(close).sum::<f64>() / 200.0;
            assert!(close(1) > 0.9 * mean, "{}: below its trend", profile.ticker);
            assert!(close(1) > close(2) && close(2) < 0.96 * close(8), "{}: no pullback", profile.ticker);
        }
    }
}
