//! What a professional reads beside a contract: probabilities, volatility in context, yields, activity, costs and what a
//! position is worth on average (ANALYTICS section 1).
//!
//! ```text
//! position         one entered contract: breakeven, payoff, profit, most it can lose
//! probability      in the money, touched, profitable
//! expected_value   the mean profit under one volatility         empirical  under the underlying's own past returns
//! quoted_vol       volatility at bid and ask                    smile      at the money, 25 delta, IV30, term
//! vol_history      rank and percentile                          realised   HV and Yang–Zhang
//! expected_move    one sigma, two ways from the straddle        yields     of cash-secured puts and covered calls
//! activity         volume, open interest, put/call              liquidity  one score
//! costs            what leaving costs, how many contracts a risk allows
//! own_bars         what a contract's own bars say, and how it usually trades
//!
//! across           a sifted chain's expirations, side by side
//! of_chain         those and the chain's history, once a ticker           ┐
//! of_underlying    those with the underlying's bars                        │ these put the ones above together
//! of_contract      one contract that reached a strategy                    ┘
//! ```
//!
//! Promises: pure functions of what they are given, same inputs, same bits; every number that is given out is finite; an
//! input that is missing or out of range makes the answer `None`, never 0. Refuses: to say what is good. Net profit
//! potential is [`crate::strategy::potential`].
//!
//! Units: dollars per share unless a name ends in `_per_contract`, years of 365 days, volatilities as annual fractions,
//! `_pct` in percent.

pub mod across;
pub mod activity;
mod bootstrap;
pub mod costs;
pub mod empirical;
pub mod expected_move;
pub mod expected_value;
pub mod liquidity;
pub mod of_chain;
pub mod of_contract;
pub mod of_underlying;
pub mod own_bars;
pub mod position;
pub mod probability;
pub mod quoted_vol;
pub mod realised;
pub mod smile;
pub mod vol_history;
pub mod yields;

use fleet_core::domain::OptionKind;
use fleet_pricing::Kind;

/// Shares a standard contract delivers.
pub const SHARES_PER_CONTRACT: f64 = 100.0;

/// Days of a year.
const DAYS: f64 = 365.0;

/// A number that is one.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A finite number above 0.
fn positive(value: f64) -> Option<f64> {
    finite(value).filter(|value| *value > 0.0)
}

/// The numbers' word for a kind of option.
#[must_use]
pub const fn priced_as(kind: OptionKind) -> Kind {
    match kind {
        OptionKind::Call => Kind::Call,
        OptionKind::Put => Kind::Put,
    }
}

#[cfg(test)]
mod check {
    /// Holds a value to a golden one, given to so many decimals.
    #[track_caller]
    pub fn near(got: Option<f64>, wanted: f64, decimals: i32) {
        let got = got.unwrap_or(f64::NAN);
        let tolerance = 0.500_000_1 * 10f64.powi(-decimals);
        assert!((got - wanted).abs() <= tolerance, "{got} is not {wanted} to {decimals} decimals");
    }
}
