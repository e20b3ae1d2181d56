//! What a position would have earned on average in the underlying's own past: every stretch of as many sessions as it
//! has left, from today's spot.
//!
//! Promises: every overlapping n-session return of the last five years, none chosen; undiscounted profit at expiration;
//! beside the mean the number of windows, how many independent ones they amount to, and a 95 % interval of the block
//! bootstrap, which is the same for the same inputs. Refuses: closes that are not positive, more sessions than the past
//! has, and conditions (earnings, volatility regime), for which there is no history here.

use super::bootstrap::{Interval, LEAST_BLOCKS, mean_interval, seed_of};
use super::position::Entry;
use super::{finite, positive};

/// Five years of sessions. More would describe another company.
pub const MOST_SESSIONS: usize = 5 * 252;

/// The mean profit in the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmpiricalValue {
    /// Dollars per share.
    pub per_share: f64,
    /// Its 95 % interval. `None` where the windows amount to fewer than five independent ones.
    pub interval: Option<(f64, f64)>,
    /// Overlapping windows.
    pub windows: usize,
    /// Windows/n: about how many independent ones they amount to.
    pub n_eff: f64,
    /// Share of windows that ended with a profit, fraction.
    pub won: f64,
}

impl EmpiricalValue {
    /// Whether the past has enough independent stretches, five, to say anything: the interval's condition. A mean of fewer
    /// is of one rise or one fall.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.n_eff >= LEAST_BLOCKS
    }

    /// From adjusted closes, oldest first, one a session, and sessions to expiration (1 or more).
    #[must_use]
    pub fn of(entry: &Entry, closes: &[f64], sessions: usize) -> Option<Self> {
        if !entry.is_usable() || sessions == 0 {
            return None;
        }
        // Five years of returns need one close more.
        let closes = &closes[closes.len().saturating_sub(MOST_SESSIONS + 1)..];
        if closes.iter().any(|close| positive(*close).is_none()) {
            return None;
        }
        let later = closes.get(sessions..)?;
        let profits: Vec<f64> =
            closes.iter().zip(later).map(|(from, to)| entry.profit(entry.spot * (to / from))).collect();
        let windows = profits.len();
        if windows == 0 {
            return None;
        }
        let per_share = finite(profits.iter().sum::<f64>() / windows as f64)?;
        let inputs = [entry.spot, entry.strike, entry.price, sessions as f64];
        let seed = seed_of(inputs.into_iter().chain(profits.iter().copied()));
        Some(Self {
            per_share,
            interval: mean_interval(&profits, sessions, seed).map(|Interval { low, high }| (low, high)),
            windows,
            n_eff: windows as f64 / sessions as f64,
            won: profits.iter().filter(|profit| **profit > 0.0).count() as f64 / windows as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;
    use crate::metrics::position::Position;

    const CALL: Entry = Entry { position: Position::LongCall, spot: 50.0, strike: 50.0, price: 1.0 };

    #[test]
    fn the_mean_by_hand() {
        // Two-session returns of 100, 110, 99, 121, 99: .99, 1.10 and 1. From 50: 49.5, 55 and 50, payoffs 0, 5 and 0,
        // less 1: −1, 4, −1.
        let value = EmpiricalValue::of(&CALL, &[100.0, 110.0, 99.0, 121.0, 99.0], 2).unwrap();
        near(Some(value.per_share), 2.0 / 3.0, 12);
        near(Some(value.won), 1.0 / 3.0, 12);
        assert_eq!((value.windows, value.n_eff, value.interval), (3, 1.5, None));
    }

    #[test]
    fn only_the_last_five_years_count() {
        let mut closes = vec![1.0; 500];
        closes.extend((0..=MOST_SESSIONS).map(|i| if i % 2 == 0 { 100.0 } else { 102.0 }));
        let value = EmpiricalValue::of(&CALL, &closes, 1).unwrap();
        assert_eq!((value.windows, value.n_eff), (1_260, 1_260.0));
        // Half of the sessions gain 2 %, so the call pays 1 and the buyer is even; the other half loses 1.
        near(Some(value.per_share), -0.5, 9);
    }

    /// A year of closes that wander without any drift in their mean.
    fn wandering() -> Vec<f64> {
        (0..600).map(|i| 100.0 + 8.0 * (f64::from(i) * 0.21).sin() + 5.0 * (f64::from(i) * 0.13).cos()).collect()
    }

    #[test]
    fn the_interval_is_around_the_mean_and_always_the_same() {
        let put = Entry { position: Position::CashSecuredPut, spot: 100.0, strike: 97.0, price: 1.0 };
        let value = EmpiricalValue::of(&put, &wandering(), 21).unwrap();
        let (low, high) = value.interval.unwrap();
        assert!(low < value.per_share && value.per_share < high, "{value:?}");
        near(Some(value.n_eff), 579.0 / 21.0, 12);
        assert_eq!(EmpiricalValue::of(&put, &wandering(), 21), Some(value));
    }

    #[test]
    fn long_windows_have_a_mean_and_no_interval() {
        // 600 − 101 = 499 windows are 4.94 independent ones; with 99 sessions 501 are 5.06.
        let of = |sessions| EmpiricalValue::of(&CALL, &wandering(), sessions).unwrap();
        assert_eq!((of(101).interval, of(101).tells()), (None, false));
        assert!(of(99).interval.is_some() && of(99).tells());
    }

    #[test]
    fn what_cannot_be_measured_is_none() {
        assert_eq!(EmpiricalValue::of(&CALL, &[100.0, 101.0], 2), None);
        assert_eq!(EmpiricalValue::of(&CALL, &[100.0, 101.0], 0), None);
        assert_eq!(EmpiricalValue::of(&CALL, &[], 1), None);
        assert_eq!(EmpiricalValue::of(&CALL, &[100.0, 0.0, 101.0], 1), None);
        assert_eq!(EmpiricalValue::of(&CALL, &[100.0, f64::NAN, 101.0], 1), None);
        assert_eq!(EmpiricalValue::of(&Entry { price: f64::NAN, ..CALL }, &[100.0, 101.0], 1), None);
    }
}
