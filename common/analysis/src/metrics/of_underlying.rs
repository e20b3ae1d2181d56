//! An underlying in numbers: its chain, its history and its own bars together, once a ticker.
//!
//! Promises: bars older than a session say nothing of now, so realised volatilities are then `None`; past returns for
//! [`super::empirical`] are those of the same bars.

use fleet_core::domain::{Bar, CashDividend, RealisedVols, UnderlyingMetrics};
use jiff::civil::Date;

use super::of_chain::ChainMetrics;
use super::realised::{adjusted_for_dividends, implied_to_realised, realised};
use crate::bars::sessions_old;
use crate::config::AnalysisConfig;

/// The underlying's past as far as its bars tell it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// Realised volatilities.
    pub realised: RealisedVols,
    /// Closes adjusted for dividends, oldest first; empty where bars are missing, old or wrong.
    pub closes: Vec<f64>,
}

impl Past {
    /// From an underlying's believable bars and its dividends.
    #[must_use]
    pub fn of(bars: &[Bar], dividends: &[CashDividend], last_closed: Date) -> Self {
        if sessions_old(bars, last_closed).is_none_or(|age| age > 1) {
            return Self::default();
        }
        let Some(adjusted) = adjusted_for_dividends(bars, dividends) else { return Self::default() };
        Self { realised: realised(&adjusted), closes: adjusted.iter().map(|bar| bar.close).collect() }
    }
}

/// Everything together.
#[must_use]
pub fn underlying_metrics(chain: &ChainMetrics, past: &Past, config: &AnalysisConfig) -> UnderlyingMetrics {
    let (summary, rank, realised) = (&chain.summary, &chain.rank, past.realised);
    let over = |hv: Option<f64>| implied_to_realised(summary.iv30, hv);
    UnderlyingMetrics {
        iv30: summary.iv30,
        iv_rank: rank.rank,
        iv_percentile: rank.percentile,
        iv_sessions: u32::try_from(rank.sessions).unwrap_or(u32::MAX),
        skew_25: summary.skew_25,
        term_slope: summary.term_slope,
        realised,
        iv30_to_hv20: over(realised.hv20),
        iv30_to_hv30: over(realised.hv30),
        iv30_to_hv60: over(realised.hv60),
        put_call_volume: chain.put_call.volume,
        put_call_open_interest: chain.put_call.open_interest,
        put_call_max_dte: config.metrics.put_call_max_dte,
        usual_option_volume: chain.usual_option_volume(),
        expected_moves: chain.front_moves(),
    }
}
