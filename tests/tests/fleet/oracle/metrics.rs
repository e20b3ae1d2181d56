//! The oracle's metrics of an underlying: its chain, its own bars and its history (ANALYTICS 1, RULES 10).

use std::collections::{BTreeMap, BTreeSet};

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
    /// American contracts that σ at the money and the skew are read off and that are priced with early exercise for that alone.
    pub exact: BTreeSet<String>,
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
struct Point<'a> {
    row: &'a Row,
    vol: f64,
    /// Without its sign.
    delta: f64,
}

/// One root's expiration.
struct Expiration<'a> {
    key: &'a Key,
    group: Group,
    dte: i32,
    rows: Vec<&'a Row>,
    points: Vec<Point<'a>>,
}

/// What an expiration says at the money.
#[derive(Clone, Copy)]
struct Atm {
    dte: i32,
    years: f64,
    sigma: f64,
}

pub fn underlying(quoted: Quoted<'_>, parity: &Parity, chart: Option<&Chart>) -> Underlying {
    let mut out = Underlying::default();
    let Quoted { chain, as_of, .. } = quoted;
    if parity.spot.is_none() {
        return out;
    }
    let mut expirations = Vec::new();
    for (key, group) in parity.groups.iter().filter(|(key, _)| !parity.doubted.contains_key(*key)) {
        let rows: Vec<&Row> = chain.rows.iter().filter(|row| (&row.root, row.expiration) == (&key.0, key.1)).collect();
        let points = points(&rows, *group, quoted);
        expirations.push(Expiration { key, group: *group, dte: calendar::days_to(as_of, key.1), rows, points });
    }
    out.exact = on_one_engine(&mut expirations, quoted);
    for told in &expirations {
        let sigma = at_the_money(&told.points, told.group.forward);
        out.at_the_money.insert(told.key.clone(), (sigma, straddle(&told.rows, told.group.forward)));
    }
    let atm = all_at_the_money(&expirations);
    out.skew = nearest_skew(&expirations).map(|(_, skew)| skew);
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

/// What too few traded to be priced with early exercise is priced so where a number is read off it: the two contracts at the
/// money of every expiration, two on either side of each wing of the skew's; again until none of those is left. Their
/// symbols.
fn on_one_engine(expirations: &mut [Expiration<'_>], quoted: Quoted<'_>) -> BTreeSet<String> {
    let mut exact = BTreeSet::new();
    loop {
        let roughly = |row: &&Row| {
            !super::gates::is_european(&row.root) && quoted.is_on_the_forward(row) && !exact.contains(&row.symbol)
        };
        let found: BTreeSet<String> =
            read_off(expirations).into_iter().filter(roughly).map(|row| row.symbol.clone()).collect();
        if found.is_empty() {
            return exact;
        }
        for of in &mut *expirations {
            of.points.retain_mut(|point| {
                if !found.contains(&point.row.symbol) {
                    return true;
                }
                let (Some(vol), Some(delta)) = (quoted.told)(&point.row.symbol) else { return false };
                (point.vol, point.delta) = (vol, delta.abs());
                true
            });
        }
        exact.extend(found);
    }
}

fn read_off<'a>(expirations: &[Expiration<'a>]) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> = Vec::new();
    for of in expirations {
        rows.extend(beside_forward(&of.points, of.group.forward).into_iter().flatten().map(|point| point.row));
    }
    if let Some((place, _)) = nearest_skew(expirations) {
        for call in [false, true] {
            let sides = beside_wing(&expirations[place].points, call);
            rows.extend(sides.iter().flat_map(|near| near.iter().take(2).map(|point| point.row)));
        }
    }
    rows
}

fn all_at_the_money(expirations: &[Expiration<'_>]) -> Vec<Atm> {
    let told = expirations.iter().filter_map(|of| {
        let sigma = at_the_money(&of.points, of.group.forward)?;
        Some(Atm { dte: of.dte, years: of.group.years, sigma })
    });
    told.collect()
}

/// Of the expirations of 15 to 60 days the one nearest to 30 that tells a skew, and the skew.
fn nearest_skew(expirations: &[Expiration<'_>]) -> Option<(usize, f64)> {
    let mut skews = Vec::new();
    for (place, of) in expirations.iter().enumerate().filter(|(_, of)| (15..=60).contains(&of.dte)) {
        if let (Some(put), Some(call)) = (wing(&of.points, false), wing(&of.points, true)) {
            skews.push(((of.dte - 30).abs(), of.dte, place, put - call));
        }
    }
    skews.sort_by_key(|(apart, dte, ..)| (*apart, *dte));
    skews.first().map(|(.., place, skew)| (*place, *skew))
}

fn points<'a>(rows: &[&'a Row], group: Group, quoted: Quoted<'_>) -> Vec<Point<'a>> {
    let mut points = Vec::new();
    for row in rows.iter().filter(|row| speaks(row)) {
        if let (Some(vol), Some(delta)) = quoted.volatility(row, group) {
            points.push(Point { row, vol, delta: delta.abs() });
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

/// The put below and the call above the forward that are nearest to it, within a fifth in the logarithm.
fn beside_forward<'p, 'a>(points: &'p [Point<'a>], forward: f64) -> Option<[&'p Point<'a>; 2]> {
    let k = |point: &Point| (point.row.strike / forward).ln();
    let puts = points.iter().filter(|p| !p.row.call && p.row.strike <= forward && k(p) >= -0.2);
    let calls = points.iter().filter(|p| p.row.call && p.row.strike >= forward && k(p) <= 0.2);
    let put = puts.max_by(|a, b| a.row.strike.total_cmp(&b.row.strike))?;
    Some([put, calls.min_by(|a, b| a.row.strike.total_cmp(&b.row.strike))?])
}

fn at_the_money(points: &[Point<'_>], forward: f64) -> Option<f64> {
    let [put, call] = beside_forward(points, forward)?.map(|p| ((p.row.strike / forward).ln(), p.vol));
    Some(between(put, call, 0.0))
}

/// Contracts with |delta| up to .25, and from it on, the nearest first.
fn beside_wing<'p, 'a>(points: &'p [Point<'a>], call: bool) -> [Vec<&'p Point<'a>>; 2] {
    [(0.10, 0.25), (0.25, 0.45)].map(|(from, to)| {
        let mut near: Vec<&Point> =
            points.iter().filter(|p| p.row.call == call && from <= p.delta && p.delta <= to).collect();
        near.sort_by(|a, b| (a.delta - 0.25).abs().total_cmp(&(b.delta - 0.25).abs()));
        near
    })
}

/// Volatility of the 25-delta call or put.
fn wing(points: &[Point<'_>], call: bool) -> Option<f64> {
    let [below, above] = beside_wing(points, call);
    let (below, above) = (below.first()?, above.first()?);
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

/// The last expiration before so many days and the first after, of those of a week or more.
fn around(atm: &[Atm], days: f64) -> Option<[Atm; 2]> {
    let at = days / 365.0;
    let far_enough: Vec<Atm> = atm.iter().copied().filter(|told| told.dte >= 7).collect();
    let before = far_enough.iter().filter(|told| told.years <= at).max_by(|a, b| a.years.total_cmp(&b.years))?;
    let after = far_enough.iter().filter(|told| told.years >= at).min_by(|a, b| a.years.total_cmp(&b.years))?;
    Some([*before, *after])
}

/// σ of so many days: total variance linear in time.
fn interpolated(two: [Atm; 2], days: f64) -> f64 {
    let [before, after] = two.map(|told| (told.years, told.sigma * told.sigma * told.years));
    (between(before, after, days / 365.0) / (days / 365.0)).sqrt()
}

fn iv30(atm: &[Atm]) -> Option<f64> {
    Some(interpolated(around(atm, 30.0)?, 30.0))
}

/// The first expiration of 7 to 59 days; and that of 60 to 90 nearest to 75, or the two around 75 days.
fn slope_of(atm: &[Atm]) -> Option<(Atm, Result<Atm, [Atm; 2]>)> {
    let front = atm.iter().filter(|told| (7..60).contains(&told.dte)).min_by_key(|told| told.dte)?;
    let window = atm.iter().filter(|told| (60..=90).contains(&told.dte));
    let back = match window.min_by_key(|told| ((told.dte - 75).abs(), told.dte)) {
        Some(listed) => Ok(*listed),
        None => Err(around(atm, 75.0)?),
    };
    Some((*front, back))
}

fn term_slope(atm: &[Atm]) -> Option<f64> {
    let (front, back) = slope_of(atm)?;
    Some(front.sigma / back.map_or_else(|two| interpolated(two, 75.0), |listed| listed.sigma))
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
        let of = |dte: i32, sigma| Atm { dte, years: f64::from(dte) / 365.0, sigma };
        let atm = [of(20, 0.30), of(40, 0.25)];
        assert!((iv30(&atm).expect("bracketed") - 0.267_706).abs() < 6e-7);
        assert_eq!(iv30(&atm[..1]), None);
        // Nothing of 60 to 90 days: √(5.14944/75) of 5.04 at 56 and 5.2416 at 91.
        let slope = term_slope(&[of(28, 0.33), of(56, 0.30), of(91, 0.24)]).expect("around 75 days");
        assert!((slope - 1.259_403).abs() < 6e-7, "{slope}");
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
