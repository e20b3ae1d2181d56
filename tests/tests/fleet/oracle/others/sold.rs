//! S4 and S6: contracts sold at the bid, puts against cash and calls on shares that are held, where volatility is dear.

use super::seen::{Firing, Found, Seen, last_close_over, part, spread};
use crate::oracle::bodies::Row;
use crate::oracle::indicators::{percent_b, rsi};
use crate::oracle::maths::{d1_d2, normal};

pub const S4: &str = "[strategies.csp_yield]\nenabled = true\nallow_earnings = true\nannual_roc_pct = [4.0, 80.0]\n\
    min_iv_to_hv20 = 0.95\nmin_breakeven_moves = 0.5\nspot = [10.0, 1000.0]\n";

pub fn csp_yield(seen: &Seen<'_>) -> Firing {
    let mut out = Firing::new();
    let Some(spot) = seen.parity.spot else { return out };
    let roc = |row: &Row| 100.0 * row.bid / (row.strike - row.bid) * 365.0 / seen.days_to(row);
    let of_the_chain = |row: &&Row| {
        (10.0..=1000.0).contains(&spot)
            && 100.0 * spread(row) <= 8.0
            && row.open_interest >= 250.0
            && roc(row) >= 4.0
            && seen.sold(row, 0.5, 3.0).is_some()
    };
    let mut eligible = seen.eligible(Some(false), (22, 45), (0.12, 0.22));
    eligible.retain(of_the_chain);
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, days)) = seen.underlying() else { return out };
    let numbers = seen.numbers(Some(&chart));
    let highest = days.iter().rev().take(252).map(|day| day.close).fold(0.0, f64::max);
    let holds = last_close_over(&days, 200).is_some_and(|ratio| ratio > 1.0)
        || 100.0 * (1.0 - days[days.len() - 1].close / highest) < 15.0;
    let ratio = numbers.iv30.zip(numbers.hv20).map(|(iv, hv)| iv / hv);
    let dear = ratio.is_some_and(|ratio| ratio >= 0.95) || numbers.rank.is_some_and(|rank| rank >= 30.0);
    if !holds || !dear {
        return out;
    }
    for row in eligible {
        let (bid, strike) = (row.bid, row.strike);
        let group = seen.parity.groups[&(row.root.clone(), row.expiration)];
        let value = numbers.forecast.map(|vol| {
            let (d1, d2) = d1_d2(group.forward, strike, group.years, vol);
            bid - (strike * normal(-d2) - group.forward * normal(-d1))
        });
        let sigma = numbers.sigma(&row.root, row.expiration);
        let moves = sigma.map(|vol| (spot - (strike - bid)) / (spot * vol * (seen.days_to(row) / 365.0).sqrt()));
        let fires =
            roc(row) <= 80.0 && value.is_some_and(|value| value > 0.0) && moves.is_some_and(|moves| moves >= 0.5);
        let score = part(30.0, (roc(row) - 4.0) / 28.0)
            + part(20.0, numbers.rank.map_or(0.0, |rank| (rank - 30.0) / 50.0))
            + part(10.0, ratio.map_or(0.0, |ratio| (ratio - 1.0) / 0.5))
            + part(20.0, moves.map_or(0.0, |moves| (moves - 0.5) / 0.8))
            + part(20.0, (0.08 - spread(row)) / 0.06);
        if let Some(found) = seen.sold(row, 0.5, 3.0).filter(|_| fires) {
            out.insert(row.symbol.clone(), Found { score, ..found });
        }
    }
    out
}

pub const S6: &str = "[strategies.covered_call_yield]\nenabled = true\ndte = [21, 60]\ndelta = [0.15, 0.7]\n\
    min_static_annual_pct = 5.0\nmin_rsi = 45.0\nmin_pct_b = 0.6\n";

pub fn covered_call_yield(seen: &Seen<'_>) -> Firing {
    let mut out = Firing::new();
    let (Some(spot), Some((shares, paid))) = (seen.parity.spot, seen.past.holding) else { return out };
    let a_year = |row: &Row| 100.0 * row.bid / (spot - row.bid) * 365.0 / seen.days_to(row);
    let mut eligible = seen.eligible(Some(true), (21, 60), (0.15, 0.7));
    eligible
        .retain(|row| shares >= 100 && row.strike >= paid && a_year(row) >= 5.0 && seen.sold(row, 0.4, 3.0).is_some());
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, _)) = seen.underlying() else { return out };
    let Some(rank) = seen.numbers(Some(&chart)).rank.filter(|rank| *rank >= 30.0) else { return out };
    let next = seen.past.reports.iter().filter(|day| **day >= seen.today()).min();
    for row in eligible.into_iter().take(12) {
        let Some(own) = seen.own(row, &chart) else { continue };
        let last_rsi = rsi(&own.closes, 14).pop().flatten();
        let pct_b = percent_b(&own.closes, 20).pop().flatten();
        let strong = last_rsi.is_some_and(|rsi| rsi >= 45.0) || pct_b.is_some_and(|b| b >= 0.6);
        let taken = row.strike < spot && seen.pays(&chart, seen.today(), row.expiration);
        let fires = strong && next.is_some_and(|next| *next > row.expiration) && !taken;
        let score = part(40.0, (a_year(row) - 5.0) / 20.0)
            + part(20.0, (rank - 30.0) / 50.0)
            + part(20.0, last_rsi.map_or(0.0, |rsi| (rsi - 50.0) / 30.0))
            + part(20.0, (0.10 - spread(row)) / 0.08);
        if let Some(found) = seen.sold(row, 0.4, 3.0).filter(|_| fires) {
            out.insert(row.symbol.clone(), Found { score, ..found });
        }
    }
    out
}
