//! The oracle's gates, one by one, in their order (ANALYTICS 2.2, RULES 3, 4 and 6).

use jiff::Timestamp;

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
    pub iv: Option<f64>,
    pub delta: Option<f64>,
}

/// Whether the chain's open interest says nothing: nine of ten rows have none.
pub fn open_interest_is_unknown(chain: &Chain) -> bool {
    let zero = chain.rows.iter().filter(|row| row.open_interest == 0.0).count();
    zero * 100 >= 90 * chain.rows.len()
}

pub fn gate(row: &Row, chain: &Chain, parity: &Parity, ticks: Ticks, as_of: Timestamp) -> Gated {
    let stopped = |name| Gated { stopped: Some(name), ..Gated::default() };
    if is_adjusted(&row.root) {
        return stopped("gate:deliverable");
    }
    if calendar::years_to(as_of, &row.root, row.expiration).is_none() {
        return stopped("gate:expired");
    }
    if units(row.bid) < 1000 {
        return stopped("gate:bid");
    }
    if units(row.ask) <= 0 {
        return stopped("gate:ask");
    }
    if row.bid > row.ask {
        return stopped("gate:crossed");
    }
    if row.bid == row.ask {
        return stopped("gate:locked");
    }
    if !spread_is_narrow(row) {
        return stopped("gate:spread");
    }
    if open_interest_is_unknown(chain) {
        return stopped("unknown:open_interest");
    }
    if row.open_interest < 100.0 {
        return stopped("gate:open_interest");
    }
    if row.volume < 10.0 {
        return stopped("gate:volume");
    }
    let Some(spot) = parity.spot else { return stopped("unknown:spot") };
    let group = parity.groups[&(row.root.clone(), row.expiration)];
    let (lower, upper) = bounds(row, spot, group);
    if row.ask < lower - ticks.at(row.ask) || row.bid > upper + ticks.at(row.bid) {
        return stopped("gate:bounds");
    }
    let (iv, delta) = iv_and_delta(row, spot, group, ticks);
    let gated = |stopped| Gated { stopped, iv, delta };
    match iv {
        None => gated(Some("unknown:iv")),
        Some(vol) if !(0.05..=3.0).contains(&vol) => gated(Some("gate:iv")),
        Some(_) => gated(None),
    }
}

/// The prices no arbitrage leaves to a contract.
fn bounds(row: &Row, spot: f64, group: Group) -> (f64, f64) {
    let discount = (-RATE * group.years).exp();
    let (asset, cash) = (group.forward * discount, row.strike * discount);
    let european = matches!(
        row.root.as_str(),
        "SPX" | "SPXW" | "NDX" | "NDXP" | "RUT" | "RUTW" | "VIX" | "VIXW" | "XSP" | "MRUT" | "XND" | "DJX" | "XEO"
    );
    match (row.call, european) {
        (true, true) => ((asset - cash).max(0.0), asset),
        (false, true) => ((cash - asset).max(0.0), cash),
        (true, false) => ((spot - row.strike).max(asset - cash).max(0.0), spot),
        (false, false) => ((row.strike - spot).max(cash - asset).max(0.0), row.strike),
    }
}

/// Implied volatility at mid and the delta it gives; both none outside the bounds, or within a tick of the lower one.
pub fn iv_and_delta(row: &Row, spot: f64, group: Group, ticks: Ticks) -> (Option<f64>, Option<f64>) {
    let mid = (row.bid + row.ask) / 2.0;
    let (lower, upper) = bounds(row, spot, group);
    if mid >= upper || mid <= lower + ticks.at(mid) {
        return (None, None);
    }
    let iv = implied_vol(row.call, mid, group.forward, row.strike, group.years, RATE);
    let delta = iv.map(|vol| {
        let (d1, _) = d1_d2(group.forward, row.strike, group.years, vol);
        // e^(−qT) = F·e^(−rT)/S
        let carry = group.forward * (-RATE * group.years).exp() / spot;
        if row.call { carry * normal(d1) } else { -carry * normal(-d1) }
    });
    (iv, delta)
}
