//! The volatility at the bid and at the ask: how much of a volatility is the quote's width.
//!
//! Promises: asks a solver of the caller's choice (European on the forward, or the American engine). Refuses:
//! to call greeks usable where the two ends of the quote disagree, or one of them tells nothing.

use super::positive;

/// Greeks are not shown where the volatility is known no better than this: ten volatility points, as a fraction.
const MOST_UNCERTAIN: f64 = 0.10;

/// Volatilities of one quote, annual fractions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuotedVol {
    /// At the bid. `None` where the bid is at a bound and tells none.
    pub bid: Option<f64>,
    /// Half way between bid and ask.
    pub mid: Option<f64>,
    /// At the ask.
    pub ask: Option<f64>,
    /// Half the difference of ask and bid. `None` if either is.
    pub uncertainty: Option<f64>,
}

impl QuotedVol {
    /// Of a quote with 0 < bid < ask, dollars, and the volatility of its mid; all `None` for another quote. `vol_at` gives the
    /// volatility of a price.
    #[must_use]
    pub fn around(mid: Option<f64>, bid: f64, ask: f64, vol_at: impl Fn(f64) -> Option<f64>) -> Self {
        if positive(bid).zip(positive(ask)).is_none_or(|(bid, ask)| bid >= ask) {
            return Self::default();
        }
        let (low, high) = (vol_at(bid), vol_at(ask));
        let uncertainty = low.zip(high).map(|(low, high)| (high - low) / 2.0);
        Self { bid: low, mid, ask: high, uncertainty }
    }

    /// Whether greeks at the mid's volatility mean anything: the uncertainty is known and at most ten points.
    #[must_use]
    pub fn greeks_are_usable(&self) -> bool {
        self.uncertainty.is_some_and(|half| half <= MOST_UNCERTAIN)
    }
}

#[cfg(test)]
mod tests {
    use fleet_pricing::{Kind, Terms, black};

    use super::*;
    use crate::metrics::check::near;

    fn put(years: f64) -> Terms {
        Terms { kind: Kind::Put, spot: 100.0, strike: 95.0, years, rate: 0.04, yield_: 0.0 }
    }

    fn quoted(terms: &Terms, bid: f64, ask: f64) -> QuotedVol {
        let vol_at = |price| black::implied_vol(terms, price, 0.01).ok().flatten();
        QuotedVol::around(vol_at((bid + ask) / 2.0), bid, ask, vol_at)
    }

    #[test]
    fn the_golden_quote() {
        let vols = quoted(&put(45.0 / 365.0), 1.85, 2.00);
        near(vols.mid, 0.300445, 6);
        // The half difference is near half the spread over vega: .075/11.7949 = .00636.
        near(vols.uncertainty, 0.00636, 5);
        assert!(vols.bid < vols.mid && vols.mid < vols.ask && vols.greeks_are_usable());
        // And each end prices back to its own side of the quote.
        for (vol, price) in [(vols.bid, 1.85), (vols.ask, 2.00)] {
            near(black::price(&put(45.0 / 365.0), vol.unwrap()).ok(), price, 9);
        }
    }

    #[test]
    fn a_wide_quote_hides_the_greeks() {
        let vols = quoted(&put(45.0 / 365.0), 0.50, 4.00);
        assert!(vols.uncertainty.unwrap() > 0.10 && !vols.greeks_are_usable(), "{vols:?}");
    }

    #[test]
    fn a_bid_at_its_bound_tells_nothing() {
        let deep = Terms { strike: 130.0, ..put(7.0 / 365.0) };
        let lower = black::bounds(&deep).unwrap().lower;
        let vols = quoted(&deep, lower - 0.05, lower + 0.30);
        assert_eq!((vols.bid, vols.uncertainty), (None, None));
        assert!(vols.ask.is_some() && !vols.greeks_are_usable());
    }

    #[test]
    fn a_quote_that_is_none_is_not_solved() {
        for (bid, ask) in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(QuotedVol::around(Some(0.3), bid, ask, |_| Some(0.3)), QuotedVol::default());
        }
    }
}
