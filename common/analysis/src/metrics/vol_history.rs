//! Where today's volatility stands among those of the past year.
//!
//! Promises: rank and percentile over the last 252 sessions that have a volatility, today's included in the window; the
//! number of sessions always beside them, because a rank of two months is no rank of a year. Refuses: fewer than 30
//! sessions.

use super::finite;

/// Sessions of a year.
pub const YEAR_SESSIONS: usize = 252;
/// Below this many sessions there is no answer.
pub const LEAST_SESSIONS: usize = 30;

/// Today's place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VolRank {
    /// 100·(today − lowest)/(highest − lowest), 0 to 100, today included. `None` below 30 sessions, or where all are
    /// equal.
    pub rank: Option<f64>,
    /// 100·(earlier sessions strictly below today)/(earlier sessions), 0 to 100. `None` below 30 sessions.
    pub percentile: Option<f64>,
    /// Sessions with a volatility that it is made of, today's included, at most 252.
    pub sessions: usize,
}

impl VolRank {
    /// From IV30 by session, oldest first, today's last. Sessions without one are `None` and count nowhere; where today
    /// has none, so has the answer. What is older than the 252 newest known ones is not read.
    #[must_use]
    pub fn of(iv30: &[Option<f64>]) -> Self {
        let known: Vec<f64> = iv30.iter().rev().filter_map(|vol| vol.and_then(finite)).take(YEAR_SESSIONS).collect();
        let sessions = known.len();
        let today_is_known = iv30.last().is_some_and(|vol| vol.and_then(finite).is_some());
        if sessions < LEAST_SESSIONS || !today_is_known {
            return Self { sessions, ..Self::default() };
        }
        let (rank, percentile) = place(&known);
        Self { rank, percentile, sessions }
    }
}

/// Rank and percentile of the first number among all.
fn place(newest_first: &[f64]) -> (Option<f64>, Option<f64>) {
    let Some((today, earlier)) = newest_first.split_first() else { return (None, None) };
    let (low, high) = newest_first.iter().fold((*today, *today), |(low, high), vol| (low.min(*vol), high.max(*vol)));
    let below = earlier.iter().filter(|vol| *vol < today).count();
    let rank = finite(100.0 * (today - low) / (high - low));
    (rank, finite(100.0 * below as f64 / earlier.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;

    #[test]
    fn the_golden_example() {
        // 30, 10, 11, 15, 17 and now 20: (20−10)/(30−10), and four of the five before are below.
        assert_eq!(place(&[20.0, 17.0, 15.0, 11.0, 10.0, 30.0]), (Some(50.0), Some(80.0)));
    }

    fn rising(n: usize) -> Vec<Option<f64>> {
        (0..n).map(|i| Some(0.2 + 0.001 * i as f64)).collect()
    }

    #[test]
    fn thirty_sessions_are_the_least() {
        assert_eq!(VolRank::of(&rising(29)), VolRank { rank: None, percentile: None, sessions: 29 });
        let short = VolRank::of(&rising(30));
        near(short.rank, 100.0, 9);
        near(short.percentile, 100.0, 9);
        assert_eq!((short.sessions, VolRank::of(&rising(252)).sessions), (30, YEAR_SESSIONS));
    }

    #[test]
    fn a_high_of_more_than_a_year_ago_is_forgotten() {
        let mut history = vec![Some(9.0)];
        history.extend(rising(252));
        let rank = VolRank::of(&history);
        assert_eq!(rank.sessions, 252);
        near(rank.rank, 100.0, 9);
        history.remove(10);
        assert!(VolRank::of(&history).rank.unwrap() < 3.0, "the window reaches it");
    }

    #[test]
    fn equal_and_missing_volatilities() {
        let flat = VolRank::of(&[Some(0.25); 40]);
        assert_eq!((flat.rank, flat.percentile), (None, Some(0.0)), "strictly below, and no range");
        let mut holes = rising(40);
        holes[3] = None;
        holes[4] = Some(f64::NAN);
        assert_eq!(VolRank::of(&holes).sessions, 38);
        holes.push(None);
        assert_eq!(VolRank::of(&holes), VolRank { rank: None, percentile: None, sessions: 38 });
        assert_eq!(VolRank::of(&[]), VolRank::default());
    }
}
