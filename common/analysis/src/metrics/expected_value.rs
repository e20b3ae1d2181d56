//! What a position is worth on average when the underlying's volatility is another than the market's.
//!
//! Promises: the mean of the undiscounted profit at expiration under a lognormal underlying with the volatility that the
//! caller believes in (a forecast of the realised one) and the risk-free drift; F = S·e^((r−q)T). Refuses, as `None`: a
//! volatility, time or entry that is missing or out of range. It costs no commission and no spread beyond the entry's.

use fleet_pricing::check_vol;

use super::position::Entry;
use super::probability::Market;
use super::{DAYS, finite, positive};

/// Mean profit of a position held to expiration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedValue {
    /// Dollars per share: long call F·N(d1) − K·N(d2) − ask; short put bid − [K·N(−d2) − F·N(−d1)]; long put and covered
    /// call likewise.
    pub per_share: f64,
    /// Over the most it can lose, fraction.
    pub to_max_loss: Option<f64>,
    /// Dollars per share and calendar day to settlement.
    pub per_day: Option<f64>,
}

impl ExpectedValue {
    /// Under `vol`, the volatility believed in; one that pricing takes ([`fleet_pricing::VOL`]).
    #[must_use]
    pub fn of(entry: &Entry, market: Market, vol: Option<f64>) -> Option<Self> {
        let vol = vol.filter(|vol| check_vol(*vol).is_ok())?;
        let Market { years, rate, yield_ } = market;
        if !entry.is_usable() {
            return None;
        }
        let years = positive(years)?;
        let forward = finite(entry.spot * libm::exp((rate - yield_) * years))?;
        Self::from_mean(entry, years, entry.mean_profit(forward, years, vol))
    }

    /// A mean profit, however it was found, beside what it takes and lasts.
    pub(super) fn from_mean(entry: &Entry, years: f64, per_share: f64) -> Option<Self> {
        let per_share = finite(per_share)?;
        Some(Self {
            per_share,
            to_max_loss: entry.max_loss().and_then(|loss| finite(per_share / loss)),
            per_day: finite(per_share / (years * DAYS)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;
    use crate::metrics::position::Position;

    fn value(position: Position, strike: f64, price: f64, market: Market, vol: f64) -> Option<ExpectedValue> {
        ExpectedValue::of(&Entry { position, spot: 100.0, strike, price }, market, Some(vol))
    }

    #[test]
    fn the_golden_put_under_three_volatilities() {
        let market = Market { years: 45.0 / 365.0, rate: 0.04, yield_: 0.0 };
        for (vol, wanted) in [(0.20, 1.026), (0.25, 0.497), (0.35, -0.684)] {
            let value = value(Position::CashSecuredPut, 95.0, 1.85, market, vol);
            near(value.map(|v| v.per_share), wanted, 3);
        }
    }

    #[test]
    fn each_position_by_hand() {
        // S 100, r = q = 0, T = .25, σ' = .2: σ√T = .1. Call 105: d1 = −.437902, d2 = −.537902, 100·.330729 −
        // 105·.295321 = 2.064019. Put 95: d1 = .562933, d2 = .462933, 95·.321706 − 100·.286740 = 1.888063.
        let market = Market { years: 0.25, rate: 0.0, yield_: 0.0 };
        for (position, strike, price, wanted) in [
            (Position::LongCall, 105.0, 2.0, 0.064_019),
            (Position::LongPut, 95.0, 2.0, -0.111_937),
            (Position::CashSecuredPut, 95.0, 2.0, 0.111_937),
            // The share's own mean gain is 0 without a rate: 1.50 less the call.
            (Position::CoveredCall, 105.0, 1.5, -0.564_019),
        ] {
            near(value(position, strike, price, market, 0.2).map(|v| v.per_share), wanted, 6);
        }
    }

    #[test]
    fn per_loss_and_per_day() {
        let market = Market { years: 0.25, rate: 0.0, yield_: 0.0 };
        let value = value(Position::CashSecuredPut, 95.0, 2.0, market, 0.2).unwrap();
        // .111937 over 95 − 2 = 93, and over .25·365 = 91.25 days.
        near(value.to_max_loss, 0.001_203_6, 7);
        near(value.per_day, 0.001_226_7, 7);
    }

    #[test]
    fn a_forecast_may_be_what_pricing_takes() {
        let market = Market { years: 0.25, rate: 0.0, yield_: 0.0 };
        let (low, high) = fleet_pricing::VOL;
        let known = |vol| value(Position::LongCall, 105.0, 2.0, market, vol).is_some();
        assert_eq!([low, high, 0.999 * low, 1.001 * high].map(known), [true, true, false, false]);
    }

    #[test]
    fn without_a_forecast_there_is_no_mean() {
        let market = Market { years: 0.25, rate: 0.0, yield_: 0.0 };
        let entry = Entry { position: Position::LongCall, spot: 100.0, strike: 105.0, price: 2.0 };
        assert_eq!(ExpectedValue::of(&entry, market, None), None);
        assert_eq!(ExpectedValue::of(&entry, market, Some(f64::NAN)), None);
        assert_eq!(ExpectedValue::of(&entry, Market { years: 0.0, ..market }, Some(0.2)), None);
        assert_eq!(ExpectedValue::of(&Entry { price: 0.0, ..entry }, market, Some(0.2)), None);
    }
}
