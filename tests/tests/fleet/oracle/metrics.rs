//! The oracle's metrics: what the table shows beside a candidate, and what is read of its underlying (ANALYTICS 1,
//! RULES 10).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::bodies::{Chain, Chart, Day, Row};
use super::calendar;
use super::gates::{Quoted, contract, open_interest_is_unknown, spread_is_narrow, tells_volatility};
use super::indicators::median;
use super::maths::{black, d1_d2, normal};
use super::parity::{Group, Parity, RATE};
use super::strategy::{closed_days, last_closed_session, sessions_missed};

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
    pub forecast: Option<f64>,
    pub put_call_volume: Option<f64>,
    pub put_call_open_interest: Option<f64>,
    pub call_volume: f64,
    pub put_volume: f64,
    /// By root and expiration: σ at the money, and the straddle.
    at_the_money: BTreeMap<Key, (Option<f64>, Option<f64>)>,
    /// Adjusted for dividends.
    closes: Vec<f64>,
}

impl Underlying {
    /// σ at the money of a root's expiration.
    pub fn sigma(&self, root: &str, expiration: Date) -> Option<f64> {
        self.at_the_money.get(&(root.to_owned(), expiration))?.0
    }
}

/// What stands beside one contract, bought at the ask.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    pub iv_bid: Option<f64>,
    pub iv_ask: Option<f64>,
    pub theta: Option<f64>,
    pub prob_itm: Option<f64>,
    pub pop: Option<f64>,
    pub breakeven_pct: Option<f64>,
    pub breakeven_sd: Option<f64>,
    pub ev: Option<f64>,
    pub ev_past: Option<f64>,
    pub n_eff: Option<f64>,
    pub one_sigma: Option<f64>,
    pub straddle_85: Option<f64>,
    pub volume_to_open_interest: Option<f64>,
    pub liquidity: Option<f64>,
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
            out.closes = adjusted(&days, &chart.dividends);
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
}

/// Closes before an ex-date lowered by the dividend's share of the last close before it.
fn adjusted(days: &[Day], dividends: &[(Date, f64)]) -> Vec<f64> {
    let mut closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let last = days.last().map(|day| day.date);
    for (ex_date, amount) in dividends.iter().filter(|(ex_date, _)| Some(*ex_date) <= last) {
        let before = days.iter().take_while(|day| day.date < *ex_date).count();
        if let Some(close) = before.checked_sub(1).map(|at| days[at].close) {
            closes[..before].iter_mut().for_each(|price| *price *= 1.0 - amount / close);
        }
    }
    closes
}

/// √252 times the sample deviation of the last n returns.
fn realised(closes: &[f64], n: usize) -> Option<f64> {
    let window = &closes[closes.len().checked_sub(n + 1)?..];
    let returns: Vec<f64> = window.windows(2).map(|two| (two[1] / two[0]).ln()).collect();
    let mean = returns.iter().sum::<f64>() / n as f64;
    let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
    Some((252.0 * squares / (n as f64 - 1.0)).sqrt())
}

/// What stands beside a contract past the gates. `chart` is its own, of what is traded alone.
pub fn numbers(row: &Row, quoted: Quoted<'_>, parity: &Parity, underlying: &Underlying, days: &[Day]) -> Numbers {
    let mut out = Numbers::default();
    let Quoted { chain, as_of, ticks, .. } = quoted;
    let key = (row.root.clone(), row.expiration);
    let Some(group) = parity.groups.get(&key).filter(|_| parity.spot.is_some()) else { return out };
    let (spot, contract) = (group.spot, contract(row, *group));
    // A contract past the gates trades.
    let at = |price: f64| {
        let alone = Row { bid: price, ask: price, ..row.clone() };
        let european = || quoted.volatility(&alone, *group).0;
        let american = || contract.implied_vol(price).filter(|_| tells_volatility(&alone, *group, ticks));
        if super::gates::is_european(&row.root) { european() } else { american() }
    };
    (out.iv_bid, out.iv_ask) = (at(row.bid), at(row.ask));
    let is_known = out.iv_bid.zip(out.iv_ask).is_some_and(|(low, high)| (high - low) / 2.0 <= 0.10);
    let vol = quoted.volatility(row, *group).0.filter(|_| is_known);
    let sign = if row.call { 1.0 } else { -1.0 };
    let breakeven = row.strike + sign * row.ask;
    out.breakeven_pct = (breakeven > 0.0).then(|| 100.0 * (breakeven / spot - 1.0));
    let Group { years, forward, .. } = *group;
    if let Some(vol) = vol {
        let (_, d2) = d1_d2(forward, row.strike, years, vol);
        out.prob_itm = Some(normal(sign * d2));
        out.theta = Some(if contract.is_never_exercised_early() || super::gates::is_european(&row.root) {
            theta(row.call, spot, row.strike, *group, vol)
        } else {
            contract.theta(vol)
        });
        if breakeven > 0.0 {
            out.pop = Some(normal(sign * d1_d2(forward, breakeven, years, vol).1));
            out.breakeven_sd = Some((breakeven / spot).ln() / (vol * years.sqrt()));
        }
    }
    out.ev = underlying.forecast.map(|vol| black(row.call, forward, row.strike, years, 0.0, vol) - row.ask);
    (out.ev_past, out.n_eff) = past(row, spot, as_of, &underlying.closes).unzip();
    let dte = f64::from(calendar::days_to(as_of, row.expiration));
    if let Some((sigma, straddle)) = underlying.at_the_money.get(&key) {
        out.one_sigma = sigma.filter(|_| dte > 0.0).map(|sigma| spot * sigma * (dte / 365.0).sqrt());
        out.straddle_85 = straddle.map(|straddle| 0.85 * straddle);
    }
    let open = (!open_interest_is_unknown(chain)).then_some(row.open_interest);
    out.volume_to_open_interest = open.filter(|open| *open > 0.0).map(|open| row.volume / open);
    out.liquidity = liquidity(row, open, as_of, days);
    out
}

/// Dollars a share and calendar day.
fn theta(call: bool, spot: f64, strike: f64, group: Group, vol: f64) -> f64 {
    let Group { years, forward, .. } = group;
    let (d1, d2) = d1_d2(forward, strike, years, vol);
    let q = RATE - (forward / spot).ln() / years;
    let (asset, cash) = (spot * (-q * years).exp(), strike * (-RATE * years).exp());
    let density = (-d1 * d1 / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let sign = if call { 1.0 } else { -1.0 };
    (-asset * density * vol / (2.0 * years.sqrt()) - sign * RATE * cash * normal(sign * d2)
        + sign * q * asset * normal(sign * d1))
        / 365.0
}

/// Mean profit over the past's stretches of as many sessions as are left, and how many independent ones there are.
fn past(row: &Row, spot: f64, as_of: Timestamp, closes: &[f64]) -> Option<(f64, f64)> {
    let mut day = calendar::new_york_date(as_of);
    let mut sessions = 0;
    while day < row.expiration {
        day = day.tomorrow().expect("in range");
        sessions += usize::from(calendar::is_session(day));
    }
    let closes = &closes[closes.len().saturating_sub(1261)..];
    let later = closes.get(sessions..).filter(|later| sessions > 0 && !later.is_empty())?;
    let profit = |(from, to): (&f64, &f64)| {
        let settled = spot * to / from;
        let worth = if row.call { settled - row.strike } else { row.strike - settled };
        worth.max(0.0) - row.ask
    };
    let windows = later.len() as f64;
    Some((closes.iter().zip(later).map(profit).sum::<f64>() / windows, windows / sessions as f64))
}

/// 40 points for the spread, 25 for open interest, 20 for usual volume, 15 for sessions traded.
fn liquidity(row: &Row, open: Option<f64>, as_of: Timestamp, days: &[Day]) -> Option<f64> {
    let last = last_closed_session(as_of);
    let before_today = calendar::sessions_before(calendar::new_york_date(as_of), 1)[0];
    let end = last.min(before_today).tomorrow().expect("in range");
    let sessions = calendar::sessions_before(end, 20);
    if days.first().is_none_or(|day| day.date > sessions[0]) {
        return None;
    }
    let volume = |date: &Date| days.iter().find(|day| day.date == *date).map_or(0.0, |day| day.volume);
    let volumes: Vec<f64> = sessions.iter().map(volume).collect();
    let traded = volumes.iter().filter(|volume| **volume > 0.0).count() as f64;
    let spread = (row.ask - row.bid) / ((row.bid + row.ask) / 2.0);
    let share = |value: f64| value.clamp(0.0, 1.0);
    Some(
        40.0 * share((0.15 - spread) / 0.13)
            + 25.0 * share((open? + 1.0).log10() / 4.0)
            + 20.0 * share((median(&volumes)? + 1.0).log10() / 3.5)
            + 15.0 * share(traded / 20.0),
    )
}

#[cfg(test)]
mod golden {
    use super::*;

    #[test]
    fn the_golden_values_of_the_analytics() {
        let years = 45.0_f64 / 365.0;
        let forward = 100.0 * (0.04 * years).exp();
        let group = Group { years, spot: 100.0, dividend_yield: 0.0, forward, implied: true };
        assert!((theta(true, 100.0, 105.0, group, 0.30) - -0.047_363).abs() < 6e-7);
        assert!((theta(false, 100.0, 95.0, group, 0.30) - -0.036_051).abs() < 6e-7);
        // Total variance between .09·20 at 20 days and .0625·40 at 40: √(2.15/30).
        let atm = [(20, 20.0 / 365.0, 0.30), (40, 40.0 / 365.0, 0.25)];
        assert!((iv30(&atm).expect("bracketed") - 0.267_706).abs() < 6e-7);
        assert_eq!(iv30(&atm[..1]), None);
    }

    #[test]
    fn realised_volatility_by_hand() {
        // As in the product's own test: closes 100, 103, 99, 101.
        let vol = realised(&[100.0, 103.0, 99.0, 101.0], 3).expect("enough");
        assert!((vol - 0.594_990).abs() < 6e-7, "{vol}");
    }
}
