//! The oracle's metrics of an underlying: its chain, its own bars and its history (ANALYTICS 1, RULES 10).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::bodies::{Chain, Chart, Day, Row};
use super::calendar;
use super::gates::{Quoted, open_interest_is_unknown, spread_is_narrow};
use super::parity::{Group, Parity};
use super::strategy::{closed_days, sessions_missed};

type Key = (String, Date);

/// What is read of an underlying.
#[derive(Debug, Clone, Default)]
pub struct Underlying {
    pub iv30: Option<f64>,
    pub skew: Option<f64>,
    pub term_slope: Option<f64>,
    pub hv20: Option<f64>,
    pub hv30: Option<f64>,
    pub hv60: Option<f64>,
    /// Yang and Zhang's over 30 sessions.
    pub yang_zhang: Option<f64>,
    pub forecast: Option<f64>,
    pub put_call_volume: Option<f64>,
    pub put_call_open_interest: Option<f64>,
    pub call_volume: f64,
    pub put_volume: f64,
    /// None where the chain's mean nothing.
    pub open_interests: Option<(f64, f64)>,
    pub rank: Option<f64>,
    pub percentile: Option<f64>,
    /// Sessions with a volatility behind the two, today's among them.
    pub sessions: usize,
    /// Mean volume of all options in the sessions before.
    pub usual_volume: Option<f64>,
    /// By root and expiration: σ at the money, and the straddle.
    pub at_the_money: BTreeMap<Key, (Option<f64>, Option<f64>)>,
    /// Adjusted for dividends.
    pub closes: Vec<f64>,
}

/// What an earlier session's chain came to, whole.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub iv30: Option<f64>,
    /// Of calls and puts.
    pub volume: f64,
}

impl Underlying {
    /// With what the sessions before came to, oldest first.
    pub fn after(mut self, past: &[Session]) -> Self {
        let series: Vec<Option<f64>> = past.iter().map(|session| session.iv30).chain([self.iv30]).collect();
        (self.rank, self.percentile) = super::history::place(&series);
        self.sessions = series.iter().flatten().count();
        let newest = past.len().checked_sub(20).map(|from| &past[from..]);
        self.usual_volume = newest.map(|sessions| sessions.iter().map(|session| session.volume).sum::<f64>() / 20.0);
        self
    }

    /// σ at the money of a root's expiration.
    pub fn sigma(&self, root: &str, expiration: Date) -> Option<f64> {
        self.at_the_money.get(&(root.to_owned(), expiration))?.0
    }
}

/// One contract of a smile.
struct Point {
    call: bool,
    strike: f64,
    vol: f64,
    delta: f64,
}

pub fn underlying(quoted: Quoted<'_>, parity: &Parity, chart: Option<&Chart>) -> Underlying {
    let mut out = Underlying::default();
    let Quoted { chain, as_of, .. } = quoted;
    if parity.spot.is_none() {
        return out;
    }
    let (mut atm, mut skews) = (Vec::new(), Vec::new());
    for (key, group) in &parity.groups {
        let rows: Vec<&Row> = chain.rows.iter().filter(|row| (&row.root, row.expiration) == (&key.0, key.1)).collect();
        let points = points(&rows, *group, quoted);
        let (dte, sigma) = (calendar::days_to(as_of, key.1), at_the_money(&points, group.forward));
        out.at_the_money.insert(key.clone(), (sigma, straddle(&rows, group.forward)));
        atm.extend(sigma.map(|sigma| (dte, group.years, sigma)));
        if (15..=60).contains(&dte)
            && let (Some(put), Some(call)) = (wing(&points, false), wing(&points, true))
        {
            skews.push(((dte - 30).abs(), dte, put - call));
        }
    }
    skews.sort_by_key(|(apart, dte, _)| (*apart, *dte));
    out.skew = skews.first().map(|(.., skew)| *skew);
    out.iv30 = iv30(&atm);
    out.term_slope = term_slope(&atm);
    count(chain, as_of, &mut out);
    if let Some(chart) = chart {
        let days = closed_days(chart, as_of);
        if days.last().is_some_and(|day| sessions_missed(day.date, as_of) <= 1) {
            let days = adjusted(&days, &chart.dividends);
            out.closes = days.iter().map(|day| day.close).collect();
            out.yang_zhang = yang_zhang(&days, 30);
            out.hv20 = realised(&out.closes, 20);
            out.hv30 = realised(&out.closes, 30);
            out.hv60 = realised(&out.closes, 60);
            let forecast = out.hv20.zip(out.hv60).map(|(a, b)| ((a * a + b * b) / 2.0).sqrt());
            out.forecast = forecast.filter(|vol| *vol > 0.0);
        }
    }
    out
}

fn points(rows: &[&Row], group: Group, quoted: Quoted<'_>) -> Vec<Point> {
    let mut points = Vec::new();
    for row in rows.iter().filter(|row| speaks(row)) {
        if let (Some(vol), Some(delta)) = quoted.volatility(row, group) {
            points.push(Point { call: row.call, strike: row.strike, vol, delta: delta.abs() });
        }
    }
    points
}

/// Quoted on both sides, inside the spread gate.
fn speaks(row: &Row) -> bool {
    0.0 < row.bid && row.bid < row.ask && spread_is_narrow(row)
}

/// On the straight line through two points.
fn between((x0, y0): (f64, f64), (x1, y1): (f64, f64), x: f64) -> f64 {
    if x0 == x1 { (y0 + y1) / 2.0 } else { y0 + (y1 - y0) * (x - x0) / (x1 - x0) }
}

fn at_the_money(points: &[Point], forward: f64) -> Option<f64> {
    let k = |point: &Point| (point.strike / forward).ln();
    let puts = points.iter().filter(|p| !p.call && p.strike <= forward && k(p) >= -0.2);
    let calls = points.iter().filter(|p| p.call && p.strike >= forward && k(p) <= 0.2);
    let put = puts.max_by(|a, b| a.strike.total_cmp(&b.strike))?;
    let call = calls.min_by(|a, b| a.strike.total_cmp(&b.strike))?;
    Some(between((k(put), put.vol), (k(call), call.vol), 0.0))
}

/// Volatility of the 25-delta call or put.
fn wing(points: &[Point], call: bool) -> Option<f64> {
    let near = |from: f64, to: f64| points.iter().filter(move |p| p.call == call && from <= p.delta && p.delta <= to);
    let below = near(0.10, 0.25).max_by(|a, b| a.delta.total_cmp(&b.delta))?;
    let above = near(0.25, 0.45).min_by(|a, b| a.delta.total_cmp(&b.delta))?;
    Some(between((below.delta, below.vol), (above.delta, above.vol), 0.25))
}

/// Call and put of the strike nearest to the forward.
fn straddle(rows: &[&Row], forward: f64) -> Option<f64> {
    let apart = |row: &Row| (row.strike - forward).abs();
    let nearest = rows.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)).then(a.strike.total_cmp(&b.strike)))?.strike;
    let mid = |call: bool| {
        let row = rows.iter().find(|row| row.call == call && row.strike == nearest && speaks(row))?;
        Some((row.bid + row.ask) / 2.0)
    };
    Some(mid(true)? + mid(false)?)
}

/// Total variance linear in time, at 30 days; from (days, years, σ).
fn iv30(atm: &[(i32, f64, f64)]) -> Option<f64> {
    let month = 30.0 / 365.0;
    let far_enough: Vec<_> = atm.iter().filter(|(dte, ..)| *dte >= 7).collect();
    let before = far_enough.iter().filter(|(_, t, _)| *t <= month).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let after = far_enough.iter().filter(|(_, t, _)| *t >= month).min_by(|a, b| a.1.total_cmp(&b.1))?;
    let total = |(_, t, sigma): &(i32, f64, f64)| (*t, sigma * sigma * t);
    Some((between(total(before), total(after), month) / month).sqrt())
}

fn term_slope(atm: &[(i32, f64, f64)]) -> Option<f64> {
    let front = atm.iter().filter(|(dte, ..)| (7..60).contains(dte)).min_by_key(|(dte, ..)| *dte)?;
    let back =
        atm.iter().filter(|(dte, ..)| (60..=90).contains(dte)).min_by_key(|(dte, ..)| ((dte - 75).abs(), *dte))?;
    Some(front.2 / back.2)
}

fn count(chain: &Chain, as_of: Timestamp, out: &mut Underlying) {
    let standard = || chain.rows.iter().filter(|row| !super::gates::is_adjusted(&row.root));
    let near = |row: &&Row| (0..=60).contains(&calendar::days_to(as_of, row.expiration));
    let sum = |call: bool, of: fn(&Row) -> f64| standard().filter(near).filter(|r| r.call == call).map(of).sum::<f64>();
    let ratio = |of: fn(&Row) -> f64| {
        let has_puts = standard().filter(near).any(|row| !row.call);
        (has_puts && sum(true, of) > 0.0).then(|| sum(false, of) / sum(true, of))
    };
    out.put_call_volume = ratio(|row| row.volume);
    out.put_call_open_interest = ratio(|row| row.open_interest).filter(|_| !open_interest_is_unknown(chain));
    out.call_volume = standard().filter(|row| row.call).map(|row| row.volume).sum();
    out.put_volume = standard().filter(|row| !row.call).map(|row| row.volume).sum();
    let open = |call: bool| standard().filter(|row| row.call == call).map(|row| row.open_interest).sum();
    out.open_interests = (!open_interest_is_unknown(chain)).then(|| (open(true), open(false)));
}

/// Prices before an ex-date lowered by the dividend's share of the last close before it.
fn adjusted(days: &[Day], dividends: &[(Date, f64)]) -> Vec<Day> {
    let mut out = days.to_vec();
    let last = days.last().map(|day| day.date);
    for (ex_date, amount) in dividends.iter().filter(|(ex_date, _)| Some(*ex_date) <= last) {
        let before = days.iter().take_while(|day| day.date < *ex_date).count();
        if let Some(close) = before.checked_sub(1).map(|at| days[at].close) {
            for day in &mut out[..before] {
                for price in [&mut day.open, &mut day.high, &mut day.low, &mut day.close] {
                    *price *= 1.0 - amount / close;
                }
            }
        }
    }
    out
}

/// √252 times the sample deviation of the last n returns.
fn realised(closes: &[f64], n: usize) -> Option<f64> {
    let window = &closes[closes.len().checked_sub(n + 1)?..];
    let returns: Vec<f64> = window.windows(2).map(|two| (two[1] / two[0]).ln()).collect();
    Some((252.0 * sample_variance(&returns)).sqrt())
}

fn sample_variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

/// Of the nights, of the sessions, and of what a session's range says beyond its ends (Yang and Zhang 2000).
fn yang_zhang(days: &[Day], n: usize) -> Option<f64> {
    let window = &days[days.len().checked_sub(n + 1)?..];
    let nights: Vec<f64> = window.windows(2).map(|two| (two[1].open / two[0].close).ln()).collect();
    let sessions: Vec<f64> = window[1..].iter().map(|day| (day.close / day.open).ln()).collect();
    let ranges = window[1..].iter().map(|day| {
        let (up, down, moved) = ((day.high / day.open).ln(), (day.low / day.open).ln(), (day.close / day.open).ln());
        up * (up - moved) + down * (down - moved)
    });
    let length = n as f64;
    let share = 0.34 / (1.34 + (length + 1.0) / (length - 1.0));
    let ranges = ranges.sum::<f64>() / length;
    let daily = sample_variance(&nights) + share * sample_variance(&sessions) + (1.0 - share) * ranges;
    Some((252.0 * daily).sqrt())
}

#[cfg(test)]
mod golden {
    use super::*;

    #[test]
    fn the_golden_values_of_the_analytics() {
        // Total variance between .09·20 at 20 days and .0625·40 at 40: √(2.15/30).
        let atm = [(20, 20.0 / 365.0, 0.30), (40, 40.0 / 365.0, 0.25)];
        assert!((iv30(&atm).expect("bracketed") - 0.267_706).abs() < 6e-7);
        assert_eq!(iv30(&atm[..1]), None);
    }

    #[test]
    fn the_rank_of_the_analytics() {
        let past = [30.0, 10.0, 11.0, 15.0, 17.0].map(|iv30| Session { iv30: Some(iv30), volume: 1.0 });
        // Thirty sessions are the least: six times the example's.
        let seen = Underlying { iv30: Some(20.0), ..Underlying::default() }.after(&past.repeat(6));
        assert_eq!((seen.rank, seen.percentile, seen.sessions), (Some(50.0), Some(80.0), 31));
        assert_eq!(seen.usual_volume, Some(1.0));
    }

    #[test]
    fn realised_volatility_by_hand() {
        // As in the product's own test: closes 100, 103, 99, 101.
        let vol = realised(&[100.0, 103.0, 99.0, 101.0], 3).expect("enough");
        assert!((vol - 0.594_990).abs() < 6e-7, "{vol}");
    }
}
