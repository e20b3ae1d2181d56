//! The oracle's metrics of one contract: volatilities at bid and ask, greeks, chances, activity, costs (ANALYTICS 1,
//! RULES 10). What it comes to when it is held is in `positions`.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use jiff::Timestamp;

use super::american::Contract;
use super::bodies::{Day, Row};
use super::calendar;
use super::gates::{Quoted, contract, is_european, open_interest_is_unknown, tells_volatility};
use super::indicators::median;
use super::maths::{d1_d2, normal};
use super::metrics::Underlying;
use super::parity::{Group, RATE};
use super::positions::{Entered, Held, Priced, held};
use super::strategy::last_closed_session;

/// Numbers by name.
pub type Named = BTreeMap<&'static str, Option<f64>>;

/// What stands beside one contract.
pub struct Numbers {
    pub contract: Named,
    /// Bought at the ask.
    pub bought: Named,
    /// Sold at the bid.
    pub sold: Named,
    /// Greeks by trees and differences, not formulas: early exercise is worth something.
    pub by_tree: bool,
}

/// What stands beside a contract past the gates. `days` are its own, those on which it traded.
pub fn numbers(row: &Row, quoted: Quoted<'_>, underlying: &Underlying, days: &[Day]) -> Option<Numbers> {
    let Quoted { chain, parity, as_of, ticks, .. } = quoted;
    let key = (row.root.clone(), row.expiration);
    let (spot, group) = (parity.spot?, *parity.groups.get(&key)?);
    let tree = contract(row, group);
    let european = is_european(&row.root);
    // A contract past the gates trades.
    let at = |price: f64| {
        let alone = Row { bid: price, ask: price, ..row.clone() };
        let american = || tree.implied_vol(price).filter(|_| tells_volatility(&alone, group, ticks));
        if european { quoted.volatility(&alone, group).0 } else { american() }
    };
    let (iv_bid, iv_ask) = (at(row.bid), at(row.ask));
    let uncertainty = iv_bid.zip(iv_ask).map(|(low, high)| (high - low) / 2.0);
    let is_known = uncertainty.is_some_and(|half| half <= 0.10);
    let (vol, delta) = quoted.volatility(row, group);
    let (vol, delta) = (vol.filter(|_| is_known), delta.filter(|_| is_known));
    let by_tree = !european && !tree.is_never_exercised_early();
    let greeks = vol.map(|vol| if by_tree { by_differences(&tree, vol) } else { closed(row, group, vol) });
    let chance = vol.map(|vol| {
        let (_, d2) = d1_d2(group.forward, row.strike, group.years, vol);
        normal(if row.call { d2 } else { -d2 })
    });
    let (sigma, straddle) = underlying.at_the_money.get(&key).copied().unwrap_or_default();
    let dte = f64::from(calendar::days_to(as_of, row.expiration));
    let open = (!open_interest_is_unknown(chain)).then_some(row.open_interest);
    let usual = usual_volumes(as_of, days);
    let (wide, mid) = (row.ask - row.bid, (row.bid + row.ask) / 2.0);
    let over = |usual: Option<f64>| usual.filter(|usual| *usual > 0.0).map(|usual| row.volume / usual);
    let contract = BTreeMap::from([
        ("iv bid", iv_bid),
        ("iv ask", iv_ask),
        ("iv uncertainty", uncertainty),
        ("delta", delta),
        ("gamma", greeks.map(|[gamma, ..]| gamma)),
        ("theta", greeks.map(|[_, theta, ..]| theta)),
        ("vega", greeks.map(|[_, _, vega, _]| vega)),
        ("rho", greeks.map(|[.., rho]| rho)),
        ("prob itm", chance),
        ("prob otm", chance.map(|chance| 1.0 - chance)),
        ("prob touch", vol.map(|vol| touch(row, group, vol))),
        ("volume/OI", open.filter(|open| *open > 0.0).map(|open| row.volume / open)),
        ("is new", Some(f64::from(open == Some(0.0) && row.volume > 0.0))),
        ("volume/own median", over(usual.as_deref().and_then(median))),
        ("volume/all options", over(underlying.usual_volume)),
        ("liquidity", usual.and_then(|usual| liquidity(wide / mid, open?, &usual))),
        ("spread", Some(wide)),
        ("spread in ticks", Some(wide / ticks.at(mid))),
        ("cost to leave", Some(100.0 * 0.75 * wide / 2.0 + 0.65)),
        ("atm iv", sigma),
        ("one sigma", sigma.filter(|_| dte > 0.0).map(|sigma| spot * sigma * (dte / 365.0).sqrt())),
        ("straddle 85", straddle.map(|straddle| 0.85 * straddle)),
        ("straddle one sigma", straddle.map(|straddle| 1.2533 * straddle)),
    ]);
    let (bought, sold) = if row.call { (Held::Call, Held::CoveredCall) } else { (Held::Put, Held::SecuredPut) };
    let priced = Priced { group, vol, delta };
    let of = |position, price| held(Entered { position, price, row, spot: group.spot, as_of }, priced, underlying);
    Some(Numbers { contract, bought: of(bought, row.ask), sold: of(sold, row.bid), by_tree })
}

fn density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

/// Gamma, theta, vega and rho by Black and Scholes' formulas.
fn closed(row: &Row, group: Group, vol: f64) -> [f64; 4] {
    let Group { years, forward, spot, .. } = group;
    let (d1, d2) = d1_d2(forward, row.strike, years, vol);
    let discount = (-RATE * years).exp();
    let (asset, cash) = (forward * discount, row.strike * discount);
    let sign = if row.call { 1.0 } else { -1.0 };
    let gamma = asset / spot * density(d1) / (spot * vol * years.sqrt());
    let vega = asset * density(d1) * years.sqrt() / 100.0;
    [gamma, theta(row.call, row.strike, group, vol), vega, sign * years * cash * normal(sign * d2) / 100.0]
}

/// Dollars a share and calendar day.
fn theta(call: bool, strike: f64, group: Group, vol: f64) -> f64 {
    let Group { years, forward, spot, .. } = group;
    let (d1, d2) = d1_d2(forward, strike, years, vol);
    let q = RATE - (forward / spot).ln() / years;
    let (asset, cash) = (spot * (-q * years).exp(), strike * (-RATE * years).exp());
    let sign = if call { 1.0 } else { -1.0 };
    (-asset * density(d1) * vol / (2.0 * years.sqrt()) - sign * RATE * cash * normal(sign * d2)
        + sign * q * asset * normal(sign * d1))
        / 365.0
}

/// The same by trees: differences of their prices and deltas.
fn by_differences(tree: &Contract, vol: f64) -> [f64; 4] {
    let step = 0.005 * tree.spot;
    let delta_at = |spot: f64| Contract { spot, ..*tree }.valued(vol).delta;
    let gamma = (delta_at(tree.spot + step) - delta_at(tree.spot - step)) / (2.0 * step);
    let vega = (tree.valued(vol + 0.01).price - tree.valued(vol - 0.01).price) / 2.0;
    let at_rate = |rate: f64| Contract { rate, ..*tree }.valued(vol).price;
    let rho = (at_rate(tree.rate + 0.005) - at_rate(tree.rate - 0.005)) / (2.0 * 0.5);
    [gamma, tree.theta(vol), vega, rho]
}

/// The chance that the strike is reached before the end; 1 where the money already is on its other side.
fn touch(row: &Row, group: Group, vol: f64) -> f64 {
    let Group { years, spot, dividend_yield, .. } = group;
    let is_there = if row.call { spot >= row.strike } else { spot <= row.strike };
    if is_there {
        return 1.0;
    }
    let side = (spot - row.strike).signum();
    let drift = RATE - dividend_yield - vol * vol / 2.0;
    let (far, width) = ((row.strike / spot).ln(), vol * years.sqrt());
    let reached = normal((side * far - side * drift * years) / width);
    let reflected = (2.0 * drift / (vol * vol) * far).exp() * normal((side * far + side * drift * years) / width);
    reached + reflected
}

/// Volumes of the twenty sessions before today's, those without a trade as 0; none where it was not listed then.
fn usual_volumes(as_of: Timestamp, days: &[Day]) -> Option<Vec<f64>> {
    let last = last_closed_session(as_of);
    let before_today = calendar::sessions_before(calendar::new_york_date(as_of), 1)[0];
    let sessions = calendar::sessions_before(last.min(before_today).tomorrow().expect("in range"), 20);
    days.first().filter(|day| day.date <= sessions[0])?;
    let volume = |date| days.iter().find(|day| day.date == date).map_or(0.0, |day| day.volume);
    Some(sessions.into_iter().map(volume).collect())
}

/// 40 points for the spread (of mid), 25 for open interest, 20 for usual volume, 15 for sessions traded.
fn liquidity(spread: f64, open: f64, volumes: &[f64]) -> Option<f64> {
    let traded = volumes.iter().filter(|volume| **volume > 0.0).count() as f64;
    let share = |value: f64| value.clamp(0.0, 1.0);
    Some(
        40.0 * share((0.15 - spread) / 0.13)
            + 25.0 * share((open + 1.0).log10() / 4.0)
            + 20.0 * share((median(volumes)? + 1.0).log10() / 3.5)
            + 15.0 * share(traded / 20.0),
    )
}

#[cfg(test)]
mod golden {
    use jiff::civil::date;

    use super::*;

    /// Spot 100, 45 days, volatility .30, no yield: gamma, theta, vega and the chance to touch of the analytics.
    #[test]
    fn the_golden_values_of_the_analytics() {
        let years = 45.0_f64 / 365.0;
        let group =
            Group { years, spot: 100.0, dividend_yield: 0.0, forward: 100.0 * (RATE * years).exp(), implied: true };
        for (call, strike, wanted) in [
            (true, 105.0, [0.035_449, -0.047_363, 0.131_113, 0.641_490]),
            (false, 95.0, [0.031_890, -0.036_051, 0.117_949, 0.628_082]),
        ] {
            let row = Row {
                symbol: String::new(),
                root: "XYZ".to_owned(),
                expiration: date(2026, 12, 18),
                call,
                strike,
                bid: 1.0,
                ask: 1.1,
                open_interest: 0.0,
                volume: 0.0,
            };
            let [gamma, theta, vega, rho] = closed(&row, group, 0.30);
            for (got, wanted) in [gamma, theta, vega, touch(&row, group, 0.30)].into_iter().zip(wanted) {
                assert!((got - wanted).abs() < 6e-7, "{got}, not {wanted}");
            }
            // Differences say the same of a call, which is not worth exercising early, and nearly so of a put but for its
            // rho: who exercises early does not wait for the interest.
            let tree = by_differences(&contract(&row, group), 0.30);
            let alike = tree.into_iter().zip([gamma, theta, vega, rho]).take(if call { 4 } else { 3 });
            for (by_tree, closed) in alike {
                assert!((by_tree / closed - 1.0).abs() < 0.05, "{by_tree}, not {closed}");
            }
        }
    }
}
