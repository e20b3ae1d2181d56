//! S5 and S5m: deep calls on the session after the one in which the underlying's fast line came above its slow one.

use super::seen::{Firing, Found, Seen, last_close_over, mid, part, spread};
use crate::oracle::indicators::{macd_histogram, sma};

/// Short averages cross more often.
pub const S5: &str = "[strategies.sma_cross]\nenabled = true\nperiods = [3, 8]\ntrend_sessions = 20\ndelta = [0.6, 0.85]\n\
    max_extrinsic_share = 0.7\n";

pub const S5M: &str = "[strategies.macd_cross]\nenabled = true\ntrend_sessions = 3\ndte = [30, 200]\ndelta = [0.4, 0.95]\n\
    max_extrinsic_share = 0.9\n";

/// The settings that both have.
struct Wanted {
    trend_sessions: usize,
    dte: (i32, i32),
    delta: (f64, f64),
    extrinsic: f64,
}

pub fn sma_cross(seen: &Seen<'_>) -> Firing {
    let wanted = Wanted { trend_sessions: 20, dte: (60, 120), delta: (0.6, 0.85), extrinsic: 0.7 };
    crossed(seen, &wanted, |closes| {
        let lines = sma(closes, 3).into_iter().zip(sma(closes, 8));
        lines.map(|(fast, slow)| Some(fast? - slow?)).collect()
    })
}

pub fn macd_cross(seen: &Seen<'_>) -> Firing {
    let wanted = Wanted { trend_sessions: 3, dte: (30, 200), delta: (0.4, 0.95), extrinsic: 0.9 };
    crossed(seen, &wanted, macd_histogram)
}

/// `gaps`: the fast line less the slow one, of every close.
fn crossed(seen: &Seen<'_>, wanted: &Wanted, gaps: fn(&[f64]) -> Vec<Option<f64>>) -> Firing {
    let mut out = Firing::new();
    let eligible = seen.eligible(Some(true), wanted.dte, wanted.delta);
    if eligible.is_empty() {
        return out;
    }
    let Some((_, days)) = seen.underlying() else { return out };
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let gaps = gaps(&closes);
    let [.., Some(before), Some(now)] = gaps[..] else { return out };
    let Some(trend) = last_close_over(&days, wanted.trend_sessions).filter(|ratio| *ratio > 1.0) else { return out };
    if !(before < 0.0 && now >= 0.0) {
        return out;
    }
    let spot = seen.parity.spot.expect("a contract past the gates has one");
    for row in eligible {
        let share = (mid(row) - (spot - row.strike).max(0.0)) / mid(row);
        let score = part(40.0, (trend - 1.0) / 0.1)
            + part(30.0, 1.0 - share / wanted.extrinsic)
            + part(30.0, (0.10 - spread(row)) / 0.08);
        let found = seen.bought(row, 2.0, 0.65).filter(|_| share <= wanted.extrinsic);
        out.extend(found.map(|found| (row.symbol.clone(), Found { score, ..found })));
    }
    out
}
