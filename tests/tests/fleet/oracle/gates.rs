//! The oracle's gates, one by one, in their order (ANALYTICS 2.2, RULES 3, 4 and 6).

use jiff::Timestamp;

use super::american::Contract;
use super::bodies::{Chain, Row};
use super::calendar;
use super::maths::{d1_d2, implied_vol, normal};
use super::parity::{Group, Parity, RATE};

/// Exact ten-thousandths of a dollar.
pub fn units(dollars: f64) -> i64 {
    (dollars * 10_000.0).round() as i64
}

/// A root with a digit: a deliverable other than 100 shares.
pub fn is_adjusted(root: &str) -> bool {
    root.chars().any(|c| c.is_ascii_digit())
}

/// At most five cents, or ten per cent of mid.
pub fn spread_is_narrow(row: &Row) -> bool {
    let (bid, ask) = (units(row.bid), units(row.ask));
    ask - bid <= 500 || 200 * (ask - bid) <= 10 * (bid + ask)
}

/// Price steps of a chain's class, below and from three dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticks {
    pub low: f64,
    pub high: f64,
}

impl Ticks {
    pub fn at(self, dollars: f64) -> f64 {
        if dollars < 3.0 { self.low } else { self.high }
    }
}

/// The class, as the chain's own prices show it.
pub fn ticks(chain: &Chain) -> Ticks {
    let standard = chain.rows.iter().filter(|row| !is_adjusted(&row.root));
    let prices: Vec<i64> = standard.flat_map(|row| [units(row.bid), units(row.ask)]).filter(|p| *p > 0).collect();
    let off = |high: bool, grid: i64| {
        let band: Vec<i64> = prices.iter().copied().filter(|p| (*p >= 30_000) == high).collect();
        let misses = band.iter().filter(|p| *p % grid != 0).count();
        misses * 100 > band.len()
    };
    if off(true, 500) {
        Ticks { low: 0.01, high: 0.01 }
    } else if off(false, 500) || off(true, 1000) {
        Ticks { low: 0.01, high: 0.05 }
    } else {
        Ticks { low: 0.05, high: 0.10 }
    }
}

/// How far a contract came and what was computed on the way.
#[derive(Debug, Clone, Default)]
pub struct Gated {
    /// The gate that stopped it; `None` when all passed.
    pub stopped: Option<&'static str>,
    pub delta: Option<f64>,
}

/// Whether the chain's open interest says nothing: nine of ten rows have none.
pub fn open_interest_is_unknown(chain: &Chain) -> bool {
    let zero = chain.rows.iter().filter(|row| row.open_interest == 0.0).count();
    zero * 100 >= 90 * chain.rows.len()
}

/// What the product says of an American contract, by symbol.
pub type Told<'a> = &'a dyn Fn(&str) -> (Option<f64>, Option<f64>);

/// The first gate on quote, open interest and volume that stops a contract.
pub fn trade_gate(row: &Row, chain: &Chain, parity: &Parity, as_of: Timestamp) -> Option<&'static str> {
    if is_adjusted(&row.root) {
        return Some("gate:deliverable");
    }
    if calendar::years_to(as_of, &row.root, row.expiration).is_none() {
        return Some("gate:expired");
    }
    if let Some(gate) = parity.doubted.get(&(row.root.clone(), row.expiration)) {
        return Some(gate);
    }
    if units(row.bid) < 1000 {
        return Some("gate:bid");
    }
    if units(row.ask) <= 0 {
        return Some("gate:ask");
    }
    if row.bid > row.ask {
        return Some("gate:crossed");
    }
    if row.bid == row.ask {
        return Some("gate:locked");
    }
    if !spread_is_narrow(row) {
        return Some("gate:spread");
    }
    if open_interest_is_unknown(chain) {
        return Some("unknown:open_interest");
    }
    if row.open_interest < 100.0 {
        return Some("gate:open_interest");
    }
    (row.volume < 10.0).then_some("gate:volume")
}

pub fn gate(row: &Row, chain: &Chain, parity: &Parity, ticks: Ticks, as_of: Timestamp, told: Told<'_>) -> Gated {
    let stopped = |name| Gated { stopped: Some(name), ..Gated::default() };
    if let Some(name) = trade_gate(row, chain, parity, as_of) {
        return stopped(name);
    }
    if parity.spot.is_none() {
        return stopped("unknown:spot");
    }
    let group = parity.groups[&(row.root.clone(), row.expiration)];
    let (lower, upper) = bounds(row, group);
    if row.ask < lower - ticks.at(row.ask) || row.bid > upper + ticks.at(row.bid) {
        return stopped("gate:bounds");
    }
    let (iv, delta) = if is_european(&row.root) { iv_and_delta(row, group, ticks) } else { told(&row.symbol) };
    let gated = |stopped| Gated { stopped, delta };
    match iv {
        None => gated(Some("unknown:iv")),
        Some(vol) if !(0.05..=3.0).contains(&vol) => gated(Some("gate:iv")),
        Some(_) => gated(None),
    }
}

/// Index roots that are exercised at settlement only.
pub fn is_european(root: &str) -> bool {
    matches!(
        root,
        "SPX" | "SPXW" | "NDX" | "NDXP" | "RUT" | "RUTW" | "VIX" | "VIXW" | "XSP" | "MRUT" | "XND" | "DJX" | "XEO"
    )
}

/// The tree's contract of a row.
pub fn contract(row: &Row, group: Group) -> Contract {
    Contract {
        call: row.call,
        spot: group.spot,
        strike: row.strike,
        years: group.years,
        rate: RATE,
        dividend_yield: group.dividend_yield,
    }
}

/// A chain whose American volatilities the product tells.
#[derive(Clone, Copy)]
pub struct Quoted<'a> {
    pub chain: &'a Chain,
    pub parity: &'a Parity,
    pub as_of: Timestamp,
    pub ticks: Ticks,
    pub told: Told<'a>,
}

impl Quoted<'_> {
    /// Volatility and delta of a row: the product's of an American contract that trades, else by Black on the forward.
    pub fn volatility(&self, row: &Row, group: Group) -> (Option<f64>, Option<f64>) {
        if self.is_on_the_forward(row) { iv_and_delta(row, group, self.ticks) } else { (self.told)(&row.symbol) }
    }

    pub fn is_on_the_forward(&self, row: &Row) -> bool {
        is_european(&row.root) || trade_gate(row, self.chain, self.parity, self.as_of).is_some()
    }
}

/// A contract's price may err by so much at a spot of 100: the tree's error and the product's.
const PRICE_WITHIN: f64 = 2e-3;
const DELTA_WITHIN: f64 = 2e-3;

/// Holds what the product says of an American contract to the tree; a sentence where it is wrong.
pub fn doubt(row: &Row, group: Group, ticks: Ticks, iv: Option<f64>, delta: Option<f64>) -> Option<String> {
    let contract = contract(row, group);
    let mid = (row.bid + row.ask) / 2.0;
    let within = PRICE_WITHIN * group.spot / 100.0;
    let tells = tells_volatility(row, group, ticks);
    match (iv, delta) {
        (Some(vol), Some(delta)) => {
            let tree = contract.valued(vol);
            let right = tells && (tree.price - mid).abs() <= within && (tree.delta - delta).abs() <= DELTA_WITHIN;
            (!right).then(|| format!("IV {vol} and delta {delta} of {mid}: the tree says {tree:?}"))
        }
        (None, None) if tells && contract.valued(5.0).price > mid + within => {
            Some(format!("no IV of {mid}, which is inside its bounds"))
        }
        (None, None) => None,
        (iv, delta) => Some(format!("IV {iv:?} and delta {delta:?} do not go together")),
    }
}

/// Whether mid is inside the bounds and more than a tick above the lower one.
pub fn tells_volatility(row: &Row, group: Group, ticks: Ticks) -> bool {
    let mid = (row.bid + row.ask) / 2.0;
    let (lower, upper) = bounds(row, group);
    mid < upper && mid > lower + ticks.at(mid)
}

/// The prices no arbitrage leaves to a contract.
fn bounds(row: &Row, group: Group) -> (f64, f64) {
    let discount = (-RATE * group.years).exp();
    let (spot, asset, cash) = (group.spot, group.forward * discount, row.strike * discount);
    match (row.call, is_european(&row.root)) {
        (true, true) => ((asset - cash).max(0.0), asset),
        (false, true) => ((cash - asset).max(0.0), cash),
        (true, false) => ((spot - row.strike).max(asset - cash).max(0.0), spot.max(asset)),
        (false, false) => ((row.strike - spot).max(cash - asset).max(0.0), row.strike.max(cash)),
    }
}

/// Implied volatility at mid by Black on the forward, and the delta it gives; both none outside the bounds, or within a
/// tick of the lower one.
pub fn iv_and_delta(row: &Row, group: Group, ticks: Ticks) -> (Option<f64>, Option<f64>) {
    if !tells_volatility(row, group, ticks) {
        return (None, None);
    }
    let mid = (row.bid + row.ask) / 2.0;
    let iv = implied_vol(row.call, mid, group.forward, row.strike, group.years, RATE);
    let delta = iv.map(|vol| {
        let (d1, _) = d1_d2(group.forward, row.strike, group.years, vol);
        // e^(−qT) = F·e^(−rT)/S
        let carry = group.forward * (-RATE * group.years).exp() / group.spot;
        if row.call { carry * normal(d1) } else { -carry * normal(-d1) }
    });
    (iv, delta)
}
