//! The oracle's numbers of one contract held as one position, entered at a price that can be had (ANALYTICS 1, RULES 10).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::bodies::Row;
use super::calendar;
use super::maths::{black, d1_d2, normal};
use super::metrics::Underlying;
use super::numbers::Named;
use super::parity::Group;

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Call,
    Put,
    /// Sold against its strike in cash.
    SecuredPut,
    /// Sold on a share bought now.
    CoveredCall,
}

impl Held {
    /// Dollars a share at expiration, of a contract entered at `price` when the share cost `spot`.
    fn profit(self, price: f64, strike: f64, spot: f64, settled: f64) -> f64 {
        match self {
            Self::Call => (settled - strike).max(0.0) - price,
            Self::Put => (strike - settled).max(0.0) - price,
            Self::SecuredPut => price - (strike - settled).max(0.0),
            Self::CoveredCall => price + settled.min(strike) - spot,
        }
    }
}

/// A position as it is entered.
#[derive(Clone, Copy)]
pub struct Entered<'a> {
    pub position: Held,
    /// Dollars a share.
    pub price: f64,
    pub row: &'a Row,
    /// What the share costs then.
    pub spot: f64,
    pub as_of: Timestamp,
}

/// What the chain says of a contract: where it is known well enough, its volatility and delta.
#[derive(Clone, Copy)]
pub struct Priced {
    pub group: Group,
    pub vol: Option<f64>,
    pub delta: Option<f64>,
}

/// All of it.
pub fn held(entered: Entered<'_>, priced: Priced, underlying: &Underlying) -> Named {
    let Entered { position, price, row, spot, as_of } = entered;
    let Priced { group: Group { years, forward, .. }, vol, delta } = priced;
    let strike = row.strike;
    let dte = f64::from(calendar::days_to(as_of, row.expiration));
    let is_sold = matches!(position, Held::SecuredPut | Held::CoveredCall);
    let breakeven = match position {
        Held::Call => strike + price,
        Held::Put | Held::SecuredPut => strike - price,
        Held::CoveredCall => spot - price,
    };
    // A covered call whose share costs more than the strike pays never wins.
    let never = position == Held::CoveredCall && breakeven > strike;
    let breakeven = Some(breakeven).filter(|at| *at > 0.0 && !never);
    let wins_above = position != Held::Put;
    let pop = vol.zip(breakeven).map(|(vol, at)| {
        let (_, d2) = d1_d2(forward, at, years, vol);
        normal(if wins_above { d2 } else { -d2 })
    });
    let loss = match position {
        Held::Call | Held::Put => price,
        Held::SecuredPut => strike - price,
        Held::CoveredCall => spot - price,
    };
    let ev = underlying.forecast.map(|vol| {
        let option = black(row.call, forward, strike, years, 0.0, vol);
        match position {
            Held::Call | Held::Put => option - price,
            Held::SecuredPut => price - option,
            Held::CoveredCall => forward - spot + price - option,
        }
    });
    let annual = |pct: f64| (dte >= 5.0).then(|| pct * 365.0 / dte);
    let [first, second] = match position {
        Held::Call | Held::Put => [None; 2],
        Held::SecuredPut => [Some(100.0 * price / (strike - price)), Some(100.0 * price / strike)],
        Held::CoveredCall => {
            [Some(100.0 * price / (spot - price)), Some(100.0 * (strike - spot + price) / (spot - price))]
        }
    };
    let past = past(entered, underlying);
    BTreeMap::from([
        ("price", Some(price)),
        ("breakeven", breakeven),
        ("breakeven %", breakeven.map(|at| 100.0 * (at / spot - 1.0))),
        ("breakeven sd", vol.zip(breakeven).map(|(vol, at)| (at / spot).ln() / (vol * years.sqrt()))),
        ("pop", pop),
        ("pop by delta", delta.filter(|_| is_sold).map(|delta| 1.0 - delta.abs())),
        ("max loss", Some(100.0 * loss)),
        ("ev vol", ev.and(underlying.forecast)),
        ("ev", ev),
        ("ev/max loss", ev.map(|ev| ev / loss)),
        ("ev a day", ev.map(|ev| ev / (years * 365.0))),
        ("past", past.as_ref().map(|past| past.mean)),
        ("past won", past.as_ref().map(|past| past.won)),
        ("past sessions", past.as_ref().map(|past| past.sessions as f64)),
        ("past windows", past.as_ref().map(|past| past.windows)),
        ("past n_eff", past.as_ref().map(|past| past.windows / past.sessions as f64)),
        ("past low", past.as_ref().and_then(|past| past.interval).map(|(low, _)| low)),
        ("past high", past.as_ref().and_then(|past| past.interval).map(|(_, high)| high)),
        ("yield", first),
        ("yield a year", first.and_then(annual)),
        ("second yield", second),
        ("second yield a year", second.and_then(annual)),
        ("size hint", Some((1000.0 / (100.0 * loss + 1.30)).floor())),
    ])
}

/// Profits over every stretch of the past as long as what is left.
struct Past {
    mean: f64,
    won: f64,
    sessions: usize,
    windows: f64,
    interval: Option<(f64, f64)>,
}

fn past(entered: Entered<'_>, underlying: &Underlying) -> Option<Past> {
    let Entered { position, price, row, spot, as_of } = entered;
    let sessions = sessions_left(as_of, row);
    let closes = &underlying.closes[underlying.closes.len().saturating_sub(1261)..];
    let later = closes.get(sessions..).filter(|later| sessions > 0 && !later.is_empty())?;
    let profit = |(from, to): (&f64, &f64)| position.profit(price, row.strike, spot, spot * to / from);
    let profits: Vec<f64> = closes.iter().zip(later).map(profit).collect();
    let windows = profits.len() as f64;
    Some(Past {
        mean: profits.iter().sum::<f64>() / windows,
        won: profits.iter().filter(|profit| **profit > 0.0).count() as f64 / windows,
        sessions,
        windows,
        interval: (windows >= 5.0 * sessions as f64).then(|| interval(&profits, sessions)),
    })
}

/// The mean of them, dollars a share, where there are five independent ones.
pub fn told_of_the_past(entered: Entered<'_>, underlying: &Underlying) -> Option<f64> {
    past(entered, underlying).filter(|past| past.windows >= 5.0 * past.sessions as f64).map(|past| past.mean)
}

/// Sessions after today's date up to the expiration's.
fn sessions_left(as_of: Timestamp, row: &Row) -> usize {
    let mut day = calendar::new_york_date(as_of);
    let mut sessions = 0;
    while day < row.expiration {
        day = day.tomorrow().expect("in range");
        sessions += usize::from(calendar::is_session(day));
    }
    sessions
}

/// The middle 95 of 100 means of blocks drawn with replacement, past the end from the beginning again. The product draws
/// others: its ends are near, not the same.
fn interval(profits: &[f64], block: usize) -> (f64, f64) {
    let n = profits.len();
    let blocks = n.div_ceil(block);
    let mut state = 88_172_645_463_325_252_u64;
    let mut below = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let mut means: Vec<f64> = Vec::new();
    for _ in 0..1000 {
        let mut sum = 0.0;
        for _ in 0..blocks {
            let start = below();
            sum += (start..start + block).map(|at| profits[at % n]).sum::<f64>();
        }
        means.push(sum / (blocks * block) as f64);
    }
    means.sort_by(f64::total_cmp);
    (means[25], means[974])
}

#[cfg(test)]
mod golden {
    use jiff::civil::date;

    use super::*;
    use crate::oracle::parity::RATE;

    fn check(call: bool, strike: f64, bid: f64, days: f64, forecast: f64, wanted: &[(&str, f64, f64)]) {
        let years = days / 365.0;
        let group =
            Group { years, spot: 100.0, dividend_yield: 0.0, forward: 100.0 * (RATE * years).exp(), implied: true };
        let expiration = date(2026, 12, 31);
        let as_of = calendar::new_york(expiration.saturating_sub(jiff::Span::new().days(days as i64)), 12, 0);
        let row = Row {
            symbol: String::new(),
            root: "XYZ".to_owned(),
            expiration,
            call,
            strike,
            bid,
            ask: bid + 0.15,
            open_interest: 0.0,
            volume: 0.0,
        };
        let position = if call { Held::CoveredCall } else { Held::SecuredPut };
        let underlying = Underlying { forecast: Some(forecast), ..Underlying::default() };
        let entered = Entered { position, price: bid, row: &row, spot: 100.0, as_of };
        let told = held(entered, Priced { group, vol: Some(0.300_445), delta: None }, &underlying);
        for (name, value, within) in wanted {
            let got = told[*name].expect("known");
            assert!((got - value).abs() < *within, "{name}: {got}, not {value}");
        }
    }

    #[test]
    fn the_golden_values_of_the_analytics() {
        let put = [
            ("yield", 1.986, 5e-5),
            ("yield a year", 16.109, 5e-4),
            ("second yield a year", 15.795, 5e-4),
            ("breakeven", 93.15, 1e-9),
            ("breakeven %", -6.85, 1e-9),
            ("max loss", 9315.0, 1e-6),
            ("pop", 0.7475, 5e-5),
            ("ev", 1.026, 5e-4),
        ];
        check(false, 95.0, 1.85, 45.0, 0.20, &put);
        check(false, 95.0, 1.85, 45.0, 0.25, &[("ev", 0.497, 5e-4)]);
        check(false, 95.0, 1.85, 45.0, 0.35, &[("ev", -0.684, 5e-4)]);
        let call = [
            ("yield", 1.5228, 5e-5),
            ("yield a year", 18.53, 5e-3),
            ("second yield", 6.599, 5e-4),
            ("second yield a year", 80.29, 5e-3),
            ("breakeven", 98.50, 1e-9),
        ];
        check(true, 105.0, 1.50, 30.0, 0.20, &call);
    }
}
