//! The oracle's S1 and its control S0, from the raw bars of the contract and of its underlying (ANALYTICS 2.1 and 2.3,
//! RULES 5 to 7).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::bodies::{Chain, Chart, Day, Row};
use super::calendar;
use super::decay::Decaying;
use super::gates::{Gated, Ticks, Told, gate, is_european, iv_and_delta, ticks, units};
use super::indicators::{self, atr, macd_histogram, median, percent_b, rsi, sma, vwap};
use super::parity::{Parity, parity};
use super::strikes::contradicted;

/// Bars of so many contracts a ticker are asked for.
const EXAMINED: usize = 12;
/// Near misses told of one ticker.
const NEAR_MISSES: usize = 10;
/// Controls followed on one ticker.
const CONTROLS: usize = 2;
/// A session's bar is final so many minutes after its close.
const FINAL_AFTER_MINUTES: i64 = 45;

/// Everything the oracle says of one ticker.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Why the whole ticker was set aside.
    pub skip: Option<&'static str>,
    pub parity: Parity,
    pub contracts: BTreeMap<String, Contract>,
    pub candidates: BTreeMap<String, Plan>,
    /// The nearest first, with the mandatory checks that failed and those that are unknown.
    pub near_misses: Vec<(String, usize, usize)>,
    pub controls: BTreeSet<String>,
}

/// What it says of one contract.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    pub place: String,
    pub gated: Gated,
    /// Values of S1's checks by name, for examined contracts with coverage.
    pub checks: BTreeMap<&'static str, Option<f64>>,
    /// What else its bars say, and the underlying's beside them, for the same contracts.
    pub readings: BTreeMap<&'static str, Option<f64>>,
    /// Mandatory checks that failed, and those that are unknown, where S1 judged it by all and did not fire.
    pub missed: Option<(usize, usize)>,
}

/// What it would pay and where it would leave.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub buy: f64,
    pub target: f64,
    pub stop: f64,
    pub net_pct: f64,
    pub score: f64,
}

/// Where bars come from.
pub trait Bars {
    fn underlying(&self) -> Chart;
    fn contract(&self, symbol: &str) -> Chart;
}

pub struct UnderlyingState {
    pub rsi: Option<f64>,
    pub close_to_sma200: Option<f64>,
    pub last_split: Option<Date>,
    /// Closed days; none when they are old.
    pub days: Vec<Day>,
}

/// What one contract is examined beside.
pub struct Beside<'a> {
    pub underlying: &'a UnderlyingState,
    pub parity: &'a Parity,
    pub ticks: Ticks,
    pub as_of: Timestamp,
    pub told: Told<'a>,
}

pub fn judge(chain: &Chain, as_of: Timestamp, max_quote_age_secs: i64, bars: &dyn Bars, told: Told<'_>) -> Judgement {
    let mut out = Judgement::default();
    let distinct: BTreeSet<&str> = chain.rows.iter().map(|row| row.symbol.as_str()).collect();
    assert_eq!(distinct.len(), chain.rows.len(), "the oracle reads no chain with duplicates");
    let age = as_of.duration_since(chain.quote_time).as_secs();
    if chain.rows.is_empty() {
        return skipped(out, chain, "no_options");
    }
    if age > max_quote_age_secs || age < -120 {
        return skipped(out, chain, "stale_quotes");
    }
    out.parity = parity(chain, as_of);
    let gap = out.parity.spot.filter(|_| out.parity.implied).map(|spot| spot / chain.vendor_spot - 1.0);
    if gap.is_some_and(|gap| gap.abs() * 100.0 > 2.0) {
        return skipped(out, chain, "spot_gap");
    }
    let ticks = ticks(chain);
    let gated: Vec<Gated> = chain.rows.iter().map(|row| gate(row, chain, &out.parity, ticks, as_of, told)).collect();
    let gated = across_strikes(chain, gated, &out.parity, ticks);
    let eligible = eligible(chain, &gated, as_of);
    let mut underlying = None;
    if !eligible.is_empty() {
        let chart = bars.underlying();
        let closed = closed_days(&chart, as_of);
        if closed.len() < 36 {
            return skipped(out, chain, "thin_underlying");
        }
        let state = underlying_state(&chart, &closed, as_of);
        if state.rsi.is_none_or(|rsi| rsi > 50.0) {
            return skipped(out, chain, "underlying_pre_gate");
        }
        underlying = Some(state);
    }
    let examined: BTreeSet<usize> = eligible.iter().take(EXAMINED).copied().collect();
    let eligible: BTreeSet<usize> = eligible.into_iter().collect();
    let (mut drawn, mut missed) = (Vec::new(), Vec::new());
    for (at, (row, gated)) in chain.rows.iter().zip(gated).enumerate() {
        let mut contract = Contract { gated, ..Contract::default() };
        contract.place = match contract.gated.stopped {
            Some(name) => name.to_owned(),
            None if !eligible.contains(&at) => "not_wanted".to_owned(),
            None if !examined.contains(&at) => "not_examined".to_owned(),
            None => {
                let state = underlying.as_ref().expect("an eligible contract has an underlying");
                let chart = bars.contract(&row.symbol);
                let beside = Beside { underlying: state, parity: &out.parity, ticks, as_of, told };
                examine(row, &mut contract, &beside, &chart, &mut out.candidates)
            }
        };
        if contract.gated.stopped.is_none()
            && let Some(draw) = control_draw(row, as_of)
            && plan(row, ticks).net_pct >= 3.0
        {
            drawn.push((draw, order(row), row.symbol.clone()));
        }
        if let Some((failed, unknown)) = contract.missed {
            missed.push((failed == 0, failed, unknown, order(row), row.symbol.clone()));
        }
        out.contracts.insert(row.symbol.clone(), contract);
    }
    drawn.sort();
    missed.sort();
    let told = missed.into_iter().take(NEAR_MISSES);
    out.near_misses = told.map(|(_, failed, unknown, _, symbol)| (symbol, failed, unknown)).collect();
    out.controls = drawn.into_iter().take(CONTROLS).map(|(.., symbol)| symbol).collect();
    out
}

/// Stops what other strikes contradict. The gates before are those up to the bounds; IV comes after.
pub fn across_strikes(chain: &Chain, mut gated: Vec<Gated>, parity: &Parity, ticks: Ticks) -> Vec<Gated> {
    let mut sides: BTreeMap<(String, Date, bool), Vec<usize>> = BTreeMap::new();
    for (at, row) in chain.rows.iter().enumerate() {
        if matches!(gated[at].stopped, None | Some("unknown:iv" | "gate:iv")) {
            sides.entry((row.root.clone(), row.expiration, row.call)).or_default().push(at);
        }
    }
    for ((root, expiration, _), places) in sides {
        let Some(group) = parity.groups.get(&(root, expiration)) else { continue };
        let rows: Vec<&Row> = places.iter().map(|at| &chain.rows[*at]).collect();
        for (symbol, gate) in contradicted(&rows, *group, ticks) {
            let at = places.iter().find(|at| chain.rows[**at].symbol == symbol).expect("one of them");
            gated[*at].stopped = Some(gate);
        }
    }
    gated
}

fn skipped(mut out: Judgement, chain: &Chain, reason: &'static str) -> Judgement {
    out.skip = Some(reason);
    for row in &chain.rows {
        let contract = Contract { place: format!("skip:{reason}"), ..Contract::default() };
        out.contracts.insert(row.symbol.clone(), contract);
    }
    out
}

/// Calls of 45 to 270 days and a delta of .25 to .65 that passed the gates, most traded first.
fn eligible(chain: &Chain, gated: &[Gated], as_of: Timestamp) -> Vec<usize> {
    let mut out: Vec<usize> = (0..chain.rows.len())
        .filter(|at| {
            let (row, gated) = (&chain.rows[*at], &gated[*at]);
            gated.stopped.is_none()
                && row.call
                && (45..=270).contains(&calendar::days_to(as_of, row.expiration))
                && gated.delta.is_some_and(|delta| (0.25..=0.65).contains(&delta))
        })
        .collect();
    out.sort_by(|a, b| {
        let (a, b) = (&chain.rows[*a], &chain.rows[*b]);
        b.volume.total_cmp(&a.volume).then_with(|| order(a).cmp(&order(b)))
    });
    out
}

/// Root, expiration, kind, strike.
pub fn order(row: &Row) -> (String, Date, bool, i64) {
    (row.root.clone(), row.expiration, !row.call, units(row.strike))
}

/// The last session whose bar is final.
pub fn last_closed_session(as_of: Timestamp) -> Date {
    let today = calendar::new_york_date(as_of);
    match calendar::close(today) {
        Some(close) if close.as_second() + FINAL_AFTER_MINUTES * 60 <= as_of.as_second() => today,
        _ => calendar::sessions_before(today, 1)[0],
    }
}

pub fn closed_days(chart: &Chart, as_of: Timestamp) -> Vec<Day> {
    let last = last_closed_session(as_of);
    let closed = |day: &&Day| day.close > 0.0 && calendar::is_session(day.date) && day.date <= last;
    chart.days.iter().filter(closed).copied().collect()
}

/// Sessions after a date, up to and including the last closed one.
pub fn sessions_missed(after: Date, as_of: Timestamp) -> usize {
    let last = last_closed_session(as_of);
    let recent = calendar::sessions_before(last.tomorrow().expect("in range"), 30);
    recent.iter().filter(|day| **day > after).count()
}

pub fn underlying_state(chart: &Chart, closed: &[Day], as_of: Timestamp) -> UnderlyingState {
    let last_split = chart.last_split;
    let fresh = closed.last().is_some_and(|day| sessions_missed(day.date, as_of) <= 1);
    if !fresh {
        return UnderlyingState { rsi: None, close_to_sma200: None, last_split, days: Vec::new() };
    }
    let closes: Vec<f64> = closed.iter().map(|day| day.close).collect();
    let mean = sma(&closes, 200).pop().flatten();
    UnderlyingState {
        rsi: rsi(&closes, 14).pop().flatten(),
        close_to_sma200: mean.map(|mean| closes[closes.len() - 1] / mean),
        last_split,
        days: closed.to_vec(),
    }
}

/// Coverage, checks and plan of one examined contract; returns its place.
fn examine(
    row: &Row,
    contract: &mut Contract,
    beside: &Beside<'_>,
    chart: &Chart,
    candidates: &mut BTreeMap<String, Plan>,
) -> String {
    let Beside { underlying, ticks, as_of, .. } = *beside;
    let last_session = last_closed_session(as_of);
    let split = underlying.last_split.max(chart.last_split).filter(|split| *split <= last_session);
    let days: Vec<Day> = closed_days(chart, as_of)
        .into_iter()
        .filter(|day| day.volume > 0.0 && split.is_none_or(|split| day.date >= split))
        .collect();
    let window_from = calendar::sessions_before(last_session.tomorrow().expect("in range"), 20)[0];
    let window: Vec<f64> = days.iter().filter(|day| day.date >= window_from).map(|day| day.volume).collect();
    let usual_volume = median(&window).unwrap_or(0.0);
    let covered = days.len() >= 36
        && window.len() >= 15
        && days.last().is_some_and(|day| sessions_missed(day.date, as_of) <= 1)
        && usual_volume >= 20.0;
    if !covered {
        return "gate:coverage".to_owned();
    }

    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let (rsi, pct_b, histogram) = (rsi(&closes, 14), percent_b(&closes, 20), macd_histogram(&closes));
    let plan = plan(row, ticks);
    let min_rsi = lowest_of_three(&rsi);
    let min_pct_b = lowest_of_three(&pct_b);
    let macd_rise = rise(&histogram);
    let dte = f64::from(calendar::days_to(as_of, row.expiration));
    let adjusted = adjusted_closes(row, beside, &days);
    let adjusted_rsi = adjusted.as_ref().and_then(|closes| indicators::rsi(closes, 14).pop()?);
    contract.readings = readings(&days, &window, &underlying.days, adjusted.as_deref());
    let checks: [(&str, Option<f64>, bool); 15] = [
        ("is_call", Some(1.0), row.call),
        ("dte_min", Some(dte), dte >= 45.0),
        ("dte_max", Some(dte), dte <= 270.0),
        ("delta_min", contract.gated.delta, contract.gated.delta.is_some_and(|delta| delta >= 0.25)),
        ("delta_max", contract.gated.delta, contract.gated.delta.is_some_and(|delta| delta <= 0.65)),
        ("underlying_rsi", underlying.rsi, underlying.rsi.is_some_and(|rsi| rsi <= 50.0)),
        ("bars", Some(closes.len() as f64), closes.len() >= 60),
        ("min_rsi_3", min_rsi, min_rsi.is_some_and(|rsi| rsi <= 35.0)),
        ("rsi_rise", turn(&rsi), turn(&rsi).is_some_and(|rise| rise > 0.0)),
        ("min_pct_b_3", min_pct_b, min_pct_b.is_some_and(|b| b <= 0.05)),
        ("pct_b_rise", turn(&pct_b), turn(&pct_b).is_some_and(|rise| rise > 0.0)),
        ("adjusted_rsi", adjusted_rsi, adjusted_rsi.is_some_and(|rsi| rsi <= 40.0)),
        ("close_to_sma200", underlying.close_to_sma200, underlying.close_to_sma200.is_some_and(|r| r >= 0.90)),
        ("net_pct", Some(plan.net_pct), plan.net_pct >= 3.0),
        // Scored, not mandatory.
        ("macd_hist_rise", macd_rise, true),
    ];
    contract.checks = checks.iter().map(|(name, value, _)| (*name, *value)).collect();
    let failed = checks[..14].iter().filter(|(_, value, holds)| value.is_some() && !holds).count();
    let unknown: Vec<&str> =
        checks[..14].iter().filter(|(_, value, _)| value.is_none()).map(|(name, ..)| *name).collect();
    if failed > 0 || !unknown.is_empty() {
        contract.missed = Some((failed, unknown.len()));
    }
    if failed > 0 {
        return "strategy:oversold_call".to_owned();
    }
    if let Some(name) = unknown.first() {
        return format!("unknown:{name}");
    }

    let (Some(min_rsi), Some(min_pct_b), Some(trend)) = (min_rsi, min_pct_b, underlying.close_to_sma200) else {
        unreachable!("an unknown mandatory check was refused above");
    };
    let part = |points: f64, share: f64| points * share.clamp(0.0, 1.0);
    let spread = (row.ask - row.bid) / ((row.bid + row.ask) / 2.0);
    let last_volume = days[days.len() - 1].volume;
    let score = part(25.0, (35.0 - min_rsi) / 15.0)
        + part(15.0, (0.05 - min_pct_b) / 0.25)
        + part(20.0, (trend - 0.9) / 0.2)
        + if macd_rise.is_some_and(|rise| rise > 0.0) { 10.0 } else { 0.0 }
        + part(10.0, (last_volume / usual_volume - 0.5) / 1.5)
        + part(20.0, (0.10 - spread) / 0.08);
    candidates.insert(row.symbol.clone(), Plan { score, ..plan });
    "candidate".to_owned()
}

/// None below seven days, without a volatility of now, or where the underlying's days do not reach.
pub fn adjusted_closes(row: &Row, beside: &Beside<'_>, days: &[Day]) -> Option<Vec<f64>> {
    let group = *beside.parity.groups.get(&(row.root.clone(), row.expiration))?;
    let european = || iv_and_delta(row, group, beside.ticks);
    let (iv, _) = if is_european(&row.root) { european() } else { (beside.told)(&row.symbol) };
    let near = calendar::days_to(beside.as_of, row.expiration) < 7;
    let decaying = Decaying { row, group, iv: iv?, ticks: beside.ticks };
    (!near).then(|| decaying.closes(days, &beside.underlying.days))?
}

/// Everything a candidate is told of its bars, by name.
fn readings(
    days: &[Day],
    window: &[f64],
    underlying: &[Day],
    adjusted: Option<&[f64]>,
) -> BTreeMap<&'static str, Option<f64>> {
    let closes = |days: &[Day]| days.iter().map(|day| day.close).collect::<Vec<f64>>();
    let (own, beside) = (closes(days), closes(underlying));
    let adjusted = adjusted.unwrap_or(&[]);
    let last = |mut values: Vec<Option<f64>>| values.pop().flatten();
    let close = own.last().copied();
    let per_close = |value: Option<f64>| value.zip(close).map(|(value, close)| value / close);
    let usual_volume = median(window).unwrap_or(0.0);
    BTreeMap::from([
        ("traded", Some(window.len() as f64)),
        ("rsi", last(rsi(&own, 14))),
        ("pct_b", last(percent_b(&own, 20))),
        ("macd_histogram", last(macd_histogram(&own))),
        ("macd_rise", rise(&macd_histogram(&own))),
        ("adjusted rsi", last(rsi(adjusted, 14))),
        ("adjusted pct_b", last(percent_b(adjusted, 20))),
        ("adjusted macd_histogram", last(macd_histogram(adjusted))),
        ("adjusted macd_rise", rise(&macd_histogram(adjusted))),
        // The window of twenty sessions is the coverage's.
        ("close_to_vwap", close.zip(vwap(&days[days.len() - window.len()..])).map(|(close, vwap)| close / vwap)),
        ("atr_pct", per_close(atr(days, 14)).map(|share| 100.0 * share)),
        ("relative_volume", days.last().map(|day| day.volume / usual_volume)),
        ("contract rsi:9", last(rsi(&own, 9))),
        ("underlying rsi:9", last(rsi(&beside, 9))),
        ("contract sma:50", last(sma(&own, 50))),
        ("underlying sma:50", last(sma(&beside, 50))),
        ("contract macd", last(macd_histogram(&own))),
        ("underlying macd", last(macd_histogram(&beside))),
    ])
}

/// The lowest of the last three values; none if any is missing.
pub fn lowest_of_three(values: &[Option<f64>]) -> Option<f64> {
    let last = values.get(values.len().checked_sub(3)?..)?;
    let last: Option<Vec<f64>> = last.iter().copied().collect();
    last.map(|last| last.into_iter().fold(f64::INFINITY, f64::min))
}

/// The last value less the one before.
pub fn rise(values: &[Option<f64>]) -> Option<f64> {
    let [.., before, last] = values else { return None };
    Some((*last)? - (*before)?)
}

/// The same of RSI and %B, where rounding is no rise.
pub fn turn(values: &[Option<f64>]) -> Option<f64> {
    rise(values).map(|rise| if rise.abs() < 1e-9 { 0.0 } else { rise })
}

/// Buy at bid + .4 of the spread, target +15 %, stop −30 %, each on a tick; what is left after costs.
fn plan(row: &Row, ticks: Ticks) -> Plan {
    let nearest = |price: f64| {
        let tick = ticks.at(price);
        ((price / tick + 0.5 + 1e-9).floor() * tick * 10_000.0).round() / 10_000.0
    };
    let down = |price: f64| {
        let tick = ticks.at(price);
        ((price / tick + 1e-9).floor() * tick * 10_000.0).round() / 10_000.0
    };
    let buy = nearest(row.bid + 0.4 * (row.ask - row.bid));
    let target = down(buy * 1.15);
    let stop = nearest(buy * 0.70);
    let (mid, half_spread) = ((row.bid + row.ask) / 2.0, (row.ask - row.bid) / 2.0);
    let paid = mid + 0.75 * half_spread;
    let net_pct = 100.0 * ((target - 0.75 * half_spread) - paid - 2.0 * 0.65 / 100.0) / paid;
    Plan { buy, target, stop, net_pct, score: 0.0 }
}

/// A gated contract of 45 to 270 days is drawn as a control when the hash of entry session and symbol, modulo 1000, is
/// below two; that number.
fn control_draw(row: &Row, as_of: Timestamp) -> Option<u64> {
    let today = calendar::new_york_date(as_of);
    let session = if calendar::is_session(today) { today } else { calendar::sessions_before(today, 1)[0] };
    let mut hash = 14_695_981_039_346_656_037_u64;
    for byte in format!("{session}|{}", row.symbol).bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    (hash % 1000 < 2 && (45..=270).contains(&calendar::days_to(as_of, row.expiration))).then_some(hash % 1000)
}

#[cfg(test)]
mod golden {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_plan_of_the_analytics_example() {
        let row = Row {
            symbol: "TSLA270319C00450000".to_owned(),
            root: "TSLA".to_owned(),
            expiration: date(2027, 3, 19),
            call: true,
            strike: 450.0,
            bid: 19.05,
            ask: 19.40,
            open_interest: 2168.0,
            volume: 702.0,
        };
        let plan = plan(&row, Ticks { low: 0.01, high: 0.05 });
        assert_eq!((plan.buy, plan.target, plan.stop), (19.20, 22.05, 13.45));
        assert!((plan.net_pct - 13.17).abs() < 0.005, "{}", plan.net_pct);
    }
}
