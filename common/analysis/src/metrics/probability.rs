//! Risk-neutral chances of one contract and of one position, from its volatility.
//!
//! Promises: chances are fractions from 0 to 1 under a lognormal underlying that grows at rate − yield; they are what the
//! option's price says, not a forecast. Refuses, as `None`: no volatility, no time left, or terms that pricing refuses.
//! Delta is no probability of ending in the money: it is N(d1), and overstates a call's.

use fleet_pricing::{Terms, black};

use super::position::Entry;

/// What the market brings beside the underlying's price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Market {
    /// Years of 365 days to settlement.
    pub years: f64,
    /// Continuous risk-free rate a year.
    pub rate: f64,
    /// Continuous dividend yield a year.
    pub yield_: f64,
}

/// Risk-neutral chances of one contract, fractions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Chances {
    /// Ends in the money: N(d2) of a call, N(−d2) of a put.
    pub itm: Option<f64>,
    /// 1 − that.
    pub otm: Option<f64>,
    /// The underlying reaches the strike before settlement, by the first passage of a geometric Brownian motion; 1 at
    /// the strike or in the money. About twice `itm` for contracts out of the money.
    pub touch: Option<f64>,
}

impl Chances {
    /// Of a contract at a volatility; all `None` without one.
    #[must_use]
    pub fn of(terms: &Terms, vol: Option<f64>) -> Self {
        let Some(vol) = vol else { return Self::default() };
        let itm = black::prob_itm(terms, vol).ok();
        Self { itm, otm: itm.map(|itm| 1.0 - itm), touch: black::prob_touch(terms, vol).ok() }
    }
}

/// Probability of profit: that the underlying ends beyond the breakeven, a fraction. N(d2) at K + debit for a long call,
/// at K − credit for a short put, at S − credit for a covered call; N(−d2) at K − debit for a long put. `None` without a
/// volatility or a breakeven above 0.
#[must_use]
pub fn pop(entry: &Entry, market: Market, vol: Option<f64>) -> Option<f64> {
    black::prob_itm(&entry.terms_at(entry.breakeven_price()?, market), vol?).ok()
}

/// 1 − |delta|: what some programs show as the probability of profit of a short option. `None` for a delta that is no
/// number from −1 to 1.
#[must_use]
pub fn pop_delta(delta: f64) -> Option<f64> {
    (delta.abs() <= 1.0).then(|| 1.0 - delta.abs())
}

#[cfg(test)]
mod tests {
    use fleet_pricing::Kind;

    use super::*;
    use crate::metrics::check::near;
    use crate::metrics::position::Position;

    const MARKET: Market = Market { years: 45.0 / 365.0, rate: 0.04, yield_: 0.0 };

    #[test]
    fn golden_chances() {
        let golden = [
            (Kind::Call, 100.0, 105.0, 45.0, (0.04, 0.0), 0.30, 0.319523, 0.641490),
            (Kind::Put, 100.0, 95.0, 45.0, (0.04, 0.0), 0.30, 0.315225, 0.628082),
            (Kind::Call, 279.0, 279.0, 45.0, (0.0, 0.0), 0.15, 0.489495, 1.0),
            (Kind::Put, 50.0, 45.0, 30.0, (0.05, 0.02), 0.55, 0.272593, 0.525333),
        ];
        for (kind, spot, strike, days, (rate, yield_), vol, itm, touch) in golden {
            let terms = Terms { kind, spot, strike, years: days / 365.0, rate, yield_ };
            let chances = Chances::of(&terms, Some(vol));
            near(chances.itm, itm, 6);
            near(chances.otm, 1.0 - itm, 6);
            near(chances.touch, touch, 6);
        }
    }

    #[test]
    fn low_volatility_gives_a_chance_and_not_nan() {
        let terms = Terms { kind: Kind::Call, spot: 100.0, strike: 130.0, years: 1.0, rate: 0.1, yield_: 0.0 };
        let chances = Chances::of(&terms, Some(0.002));
        assert_eq!((chances.itm, chances.touch), (Some(0.0), Some(0.0)));
        let far = Terms { strike: 101.0, ..terms };
        near(Chances::of(&far, Some(0.002)).touch, 1.0, 9);
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let terms = Terms { kind: Kind::Call, spot: 100.0, strike: 105.0, years: 0.1, rate: 0.04, yield_: 0.0 };
        assert_eq!(Chances::of(&terms, None), Chances::default());
        assert_eq!(Chances::of(&Terms { years: 0.0, ..terms }, Some(0.3)), Chances::default());
        assert_eq!(Chances::of(&terms, Some(f64::NAN)), Chances::default());
    }

    fn entry(position: Position, strike: f64, price: f64) -> Entry {
        Entry { position, spot: 100.0, strike, price }
    }

    #[test]
    fn the_golden_put() {
        near(pop(&entry(Position::CashSecuredPut, 95.0, 1.85), MARKET, Some(0.300445)), 0.7475, 4);
    }

    #[test]
    fn chances_of_profit_by_hand() {
        // T = .25, r = q = 0, σ = .2, so σ√T = .1 and d2 = ln(100/BE)/.1 − .05.
        let market = Market { years: 0.25, rate: 0.0, yield_: 0.0 };
        for (position, strike, price, wanted) in [
            // BE 107: ln(100/107) = −.0676586, d2 = −.726586, N = .233740.
            (Position::LongCall, 105.0, 2.0, 0.233_740),
            // BE 93: ln(100/93) = .0725707, d2 = .675707, N(−d2) = .249613.
            (Position::LongPut, 95.0, 2.0, 0.249_613),
            // BE 93 again: the seller wins where the buyer does not, N(d2) = .750387.
            (Position::CashSecuredPut, 95.0, 2.0, 0.750_387),
            // BE 98: ln(100/98) = .0202027, d2 = .152027, N = .560417.
            (Position::CoveredCall, 105.0, 2.0, 0.560_417),
        ] {
            near(pop(&entry(position, strike, price), market, Some(0.2)), wanted, 6);
        }
        assert_eq!(pop(&entry(Position::LongCall, 105.0, 2.0), market, None), None);
        assert_eq!(pop(&entry(Position::LongPut, 2.0, 2.5), market, Some(0.2)), None);
    }

    #[test]
    fn one_less_delta() {
        assert_eq!(pop_delta(-0.25), Some(0.75));
        assert_eq!(pop_delta(1.5), None);
        assert_eq!(pop_delta(f64::NAN), None);
    }
}
