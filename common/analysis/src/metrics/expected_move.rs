//! How far the market expects the underlying to move by an expiration, in the three forms that people quote. They are
//! not the same distance, so each has its own name.
//!
//! Promises: dollars per share, either way. Refuses, as `None`: whichever form lacks its input.

use super::{DAYS, positive};

/// 0.85 × straddle is in wide use; the straddle is √(2/π) = .798 of one σ, so it covers about half of the outcomes.
const RULE_OF_THUMB: f64 = 0.85;
/// √(π/2): turns an at-the-money straddle into one σ.
const STRADDLE_TO_SIGMA: f64 = 1.2533;

/// The expected move by one expiration, dollars either way.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExpectedMove {
    /// S·σ_ATM·√(DTE/365): one standard deviation, 68 % of outcomes.
    pub one_sigma: Option<f64>,
    /// 0.85 × the at-the-money straddle: about .68 σ, half of the outcomes.
    pub straddle_85: Option<f64>,
    /// 1.2533 × the at-the-money straddle: about one standard deviation.
    pub straddle_one_sigma: Option<f64>,
}

impl ExpectedMove {
    /// From the spot, the volatility at the money, calendar days to expiration and the mid price of the at-the-money
    /// straddle (call and put of the strike nearest to the forward). 0 days or less tell no `one_sigma`.
    #[must_use]
    pub fn of(spot: f64, atm_vol: Option<f64>, dte: i32, straddle: Option<f64>) -> Self {
        let straddle = straddle.and_then(positive);
        let days = positive(f64::from(dte));
        Self {
            one_sigma: positive(spot)
                .zip(atm_vol.and_then(positive))
                .zip(days)
                .and_then(|((spot, vol), days)| positive(spot * vol * (days / DAYS).sqrt())),
            straddle_85: straddle.map(|straddle| RULE_OF_THUMB * straddle),
            straddle_one_sigma: straddle.map(|straddle| STRADDLE_TO_SIGMA * straddle),
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet_pricing::{Kind, black};

    use super::*;
    use crate::metrics::check::near;

    #[test]
    fn the_golden_move() {
        near(ExpectedMove::of(279.0, Some(0.15), 45, None).one_sigma, 14.69, 2);
    }

    #[test]
    fn the_straddles_forms_are_what_their_names_say() {
        // C 279/279 of the golden table is 5.861586, and with r = 0 the put is the same: the straddle is 11.723172.
        let call = black::on_forward(Kind::Call, 279.0, 279.0, 45.0 / 365.0, 0.15);
        let moves = ExpectedMove::of(279.0, Some(0.15), 45, Some(2.0 * call));
        near(moves.straddle_85, 9.964_696, 5);
        near(moves.straddle_one_sigma, 14.692_651, 5);
        let sigma = moves.one_sigma.unwrap();
        assert!((moves.straddle_one_sigma.unwrap() / sigma - 1.0).abs() < 0.001, "one sigma");
        assert!((moves.straddle_85.unwrap() / sigma - 0.68).abs() < 0.005, "about .68 sigma");
    }

    #[test]
    fn each_form_needs_its_own_input() {
        let moves = ExpectedMove::of(100.0, None, 30, Some(4.0));
        assert_eq!((moves.one_sigma, moves.straddle_85), (None, Some(3.4)));
        let moves = ExpectedMove::of(100.0, Some(0.2), 0, None);
        assert_eq!(moves, ExpectedMove::default());
        assert_eq!(ExpectedMove::of(f64::NAN, Some(0.2), 30, Some(0.0)), ExpectedMove::default());
    }
}
