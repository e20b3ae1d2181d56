//! What it costs to leave a contract, and how many contracts a risk allows.
//!
//! Promises: the costs of `[costs]` (a share of the half-spread and a commission, each side); the size hint never risks
//! more than it was allowed. Refuses: to advise. The hint is arithmetic on the worst loss and knows neither the account
//! nor the other positions in it.

use super::{SHARES_PER_CONTRACT, finite, positive};
use crate::config::Costs;

/// A hint beyond this is a mistake in its inputs.
const MOST_CONTRACTS: f64 = 1e6;

/// Leaving at once, dollars per contract: share·(ask − bid)/2·100 + commission. `None` unless 0 ≤ bid < ask.
#[must_use]
pub fn to_leave_per_contract(bid: f64, ask: f64, costs: &Costs) -> Option<f64> {
    let half_spread = finite((ask - bid) / 2.0).filter(|half| *half > 0.0 && bid >= 0.0)?;
    finite(costs.half_spread_share * half_spread * SHARES_PER_CONTRACT + costs.commission)
}

/// Whole contracts whose worst loss together is at most `risk_dollars`: ⌊risk/(worst loss + two commissions)⌋, the worst
/// loss in dollars a contract ([`super::position::Entry::max_loss_per_contract`], or the distance to a stop × 100 for who
/// trusts stops). `Some(0)`: one contract is too many. `None` without a loss or a risk above 0.
#[must_use]
pub fn size_hint(risk_dollars: f64, loss_per_contract: Option<f64>, costs: &Costs) -> Option<u32> {
    let loss = positive(positive(loss_per_contract?)? + 2.0 * costs.commission)?;
    // 300/100.0000000001 must not round up to 3: a float's error is forgiven in one direction only, downwards.
    let contracts = (positive(risk_dollars)? / loss).floor();
    (contracts <= MOST_CONTRACTS).then_some(contracts as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::check::near;

    #[test]
    fn leaving_by_hand() {
        // .75 · .35/2 · 100 + .65 of the net profit's example, 19.05 × 19.40.
        near(to_leave_per_contract(19.05, 19.40, &Costs::default()), 13.775, 9);
        // A contract nobody bids for is left at 0.
        near(to_leave_per_contract(0.0, 0.10, &Costs::default()), 4.40, 9);
        for (bid, ask) in [(1.0, 1.0), (1.1, 1.0), (-0.1, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(to_leave_per_contract(bid, ask, &Costs::default()), None, "{bid} {ask}");
        }
    }

    #[test]
    fn sizes_by_hand() {
        let hint = |risk, loss| size_hint(risk, loss, &Costs::default());
        // 250 + 1.30 a contract: 1,000 allows 3 (753.90), not 4 (1,005.20).
        assert_eq!(hint(1_000.0, Some(250.0)), Some(3));
        assert_eq!(hint(1_005.20, Some(250.0)), Some(4));
        assert_eq!(hint(1_000.0, Some(9_315.0)), Some(0));
        assert_eq!([hint(1_000.0, None), hint(0.0, Some(250.0)), hint(f64::NAN, Some(250.0))], [None; 3]);
        assert_eq!(hint(1_000.0, Some(0.0)), None);
        assert_eq!(size_hint(1e12, Some(1.0), &Costs { commission: 0.0, ..Costs::default() }), None);
    }

    proptest! {
        #[test]
        fn the_hint_is_the_most_that_the_risk_allows(risk in 1.0..1e6f64, loss in 1.0..1e5f64) {
            let costs = Costs::default();
            let each = loss + 2.0 * costs.commission;
            let n = f64::from(size_hint(risk, Some(loss), &costs).unwrap());
            prop_assert!(n * each <= risk * (1.0 + 1e-12) && (n + 1.0) * each > risk * (1.0 - 1e-12));
        }
    }
}
