//! S1p: puts whose own days are oversold and turn, under an average of 50.

use super::seen::{Firing, Found, Seen, last_close_over, part, spread};
use crate::oracle::indicators::{macd_histogram, percent_b, rsi};
use crate::oracle::strategy::{Beside, adjusted_closes, lowest_of_three, rise, turn, underlying_state};

pub const S1P: &str = "[strategies.oversold_put]\nenabled = true\nmin_underlying_rsi = 40.0\nmax_rsi = 45.0\nmax_pct_b = 0.3\nmax_adjusted_rsi = 55.0\n";

pub fn oversold_put(seen: &Seen<'_>) -> Firing {
    let mut out = Firing::new();
    let eligible = seen.eligible(Some(false), (45, 270), (0.25, 0.65));
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, days)) = seen.underlying() else { return out };
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let rises = rsi(&closes, 14).pop().flatten().is_some_and(|rsi| rsi >= 40.0);
    let Some(trend) = last_close_over(&days, 50).filter(|ratio| rises && *ratio < 1.0) else { return out };
    let state = underlying_state(&chart, &days, seen.as_of);
    let (parity, ticks, as_of, told) = (&seen.parity, seen.ticks, seen.as_of, seen.told);
    let beside = Beside { underlying: &state, parity, ticks, as_of, told };
    for row in eligible.into_iter().take(12) {
        let Some(own) = seen.own(row, &chart).filter(|own| own.days.len() >= 60) else { continue };
        let (own_rsi, pct_b) = (rsi(&own.closes, 14), percent_b(&own.closes, 20));
        let (Some(low), Some(low_b)) = (lowest_of_three(&own_rsi), lowest_of_three(&pct_b)) else { continue };
        let turned = low <= 45.0
            && turn(&own_rsi).is_some_and(|rise| rise > 0.0)
            && low_b <= 0.3
            && turn(&pct_b).is_some_and(|rise| rise > 0.0);
        let adjusted = adjusted_closes(row, &beside, &own.days).and_then(|closes| rsi(&closes, 14).pop()?);
        if !turned || adjusted.is_none_or(|rsi| rsi > 55.0) {
            continue;
        }
        let rose = rise(&macd_histogram(&own.closes)).is_some_and(|rise| rise > 0.0);
        let score = part(25.0, (45.0 - low) / 15.0)
            + part(15.0, (0.3 - low_b) / 0.25)
            + part(20.0, (1.0 - trend) / 0.2)
            + if rose { 10.0 } else { 0.0 }
            + part(10.0, (own.relative_volume - 0.5) / 1.5)
            + part(20.0, (0.10 - spread(row)) / 0.08);
        let found = seen.bought(row, 1.15, 0.70);
        out.extend(found.map(|found| (row.symbol.clone(), Found { score, ..found })));
    }
    out
}
