//! How easily a contract is entered and left, as one number that orders contracts.
//!
//! Promises: 0 to 100; never lower for a narrower spread, more open interest, more usual volume or more traded sessions.
//! Refuses: to score a contract of which one of the four is not known.

use super::finite;

/// Sessions that count as traded or not.
pub const WINDOW_SESSIONS: u32 = 20;

/// What a contract's liquidity is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Liquidity {
    /// 100·(ask − bid)/mid, percent.
    pub spread_pct: Option<f64>,
    /// Contracts open.
    pub open_interest: Option<u64>,
    /// Median volume of the last 20 sessions, contracts.
    pub median_volume: Option<f64>,
    /// Sessions of the last 20 with a trade.
    pub traded_sessions: Option<u32>,
}

impl Liquidity {
    /// 100·(.40·s + .25·o + .20·v + .15·c), each clamped to 0..1: s = (.15 − spread%/100)/.13, o = log₁₀(OI + 1)/4,
    /// v = log₁₀(median volume + 1)/3.5, c = traded sessions/20.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let part = |value: f64| finite(value).map(|value| value.clamp(0.0, 1.0));
        let spread = part((0.15 - self.spread_pct? / 100.0) / 0.13)?;
        let open = part(libm::log10(self.open_interest? as f64 + 1.0) / 4.0)?;
        let volume = part(libm::log10(self.median_volume? + 1.0) / 3.5)?;
        let covered = part(f64::from(self.traded_sessions?) / f64::from(WINDOW_SESSIONS))?;
        Some(100.0 * (0.40 * spread + 0.25 * open + 0.20 * volume + 0.15 * covered))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::check::near;

    fn liquidity(spread_pct: f64, open_interest: u64, median_volume: f64, traded_sessions: u32) -> Liquidity {
        Liquidity {
            spread_pct: Some(spread_pct),
            open_interest: Some(open_interest),
            median_volume: Some(median_volume),
            traded_sessions: Some(traded_sessions),
        }
    }

    #[test]
    fn scores_by_hand() {
        // s (.15−.085)/.13 = .5; o log10(100)/4 = .5; v log10(1000)/3.5 = .857143; c .9:
        // .4·.5 + .25·.5 + .2·.857143 + .15·.9 = .631429.
        near(liquidity(8.5, 99, 999.0, 18).score(), 63.142_857, 6);
        assert_eq!(liquidity(2.0, 9_999, 1e6, 20).score(), Some(100.0));
        assert_eq!(liquidity(200.0, 0, 0.0, 0).score(), Some(0.0));
    }

    #[test]
    fn one_unknown_part_is_no_score() {
        let whole = liquidity(8.5, 99, 999.0, 18);
        for part in [
            Liquidity { spread_pct: None, ..whole },
            Liquidity { open_interest: None, ..whole },
            Liquidity { median_volume: None, ..whole },
            Liquidity { traded_sessions: None, ..whole },
            Liquidity { spread_pct: Some(f64::NAN), ..whole },
            Liquidity { median_volume: Some(-2.0), ..whole },
        ] {
            assert_eq!(part.score(), None, "{part:?}");
        }
    }

    proptest! {
        #[test]
        fn better_is_never_lower(
            spread in 0.0..300.0f64, open in 0..1_000_000u64, volume in 0.0..1e6, traded in 0..=20u32,
            less in 0.0..50.0f64, more in 0..100_000u64,
        ) {
            let before = liquidity(spread, open, volume, traded).score().unwrap();
            prop_assert!((0.0..=100.0).contains(&before));
            let better = [
                liquidity((spread - less).max(0.0), open, volume, traded),
                liquidity(spread, open + more, volume, traded),
                liquidity(spread, open, volume + more as f64, traded),
                liquidity(spread, open, volume, (traded + 1).min(20)),
            ];
            for better in better {
                prop_assert!(better.score().unwrap() >= before, "{better:?}");
            }
        }
    }
}
