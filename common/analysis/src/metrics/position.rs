//! One position in one contract, entered at a price that can be had: where it breaks even, what it pays, what it can
//! lose.
//!
//! Promises: buyers pay the price and sellers get it, so whoever fills this in uses the ask for what is bought and the
//! bid for what is sold; nothing here takes the mid. Refuses, as `None`: prices and strikes that are not positive, and a
//! breakeven that is no price of an underlying (at or below 0). Commissions are [`super::costs`]'.

pub use fleet_core::domain::Position;
use fleet_pricing::{Kind, Terms, black};

use super::{SHARES_PER_CONTRACT, finite, positive};

/// A position, and what was paid or received for its option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// What is held.
    pub position: Position,
    /// The underlying's price, dollars per share.
    pub spot: f64,
    /// Dollars per share.
    pub strike: f64,
    /// The option's price, dollars per share: the ask of what is bought, the bid of what is sold.
    pub price: f64,
}

/// Where a position neither wins nor loses at expiration, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breakeven {
    /// The underlying's price at expiration, dollars per share.
    pub price: f64,
    /// From the spot, percent; negative below it.
    pub distance_pct: f64,
    /// ln(BE/S)/(σ√T), standard deviations; negative below the spot. `None` without a volatility or time.
    pub distance_sigma: Option<f64>,
}

/// The option inside a position.
const fn option_of(position: Position) -> Kind {
    match position {
        Position::LongCall | Position::CoveredCall => Kind::Call,
        Position::LongPut | Position::CashSecuredPut => Kind::Put,
    }
}

/// The side of its breakeven on which a position wins, as the option that ends in the money there.
const fn wins_as(position: Position) -> Kind {
    match position {
        Position::LongCall | Position::CashSecuredPut | Position::CoveredCall => Kind::Call,
        Position::LongPut => Kind::Put,
    }
}

impl Entry {
    /// Whether its numbers are positive and finite.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        [self.spot, self.strike, self.price].into_iter().all(|value| positive(value).is_some())
    }

    /// Breakeven price at expiration: long call K + ask, long put K − ask, short put K − bid, covered call S − bid.
    /// `None` where it is not above 0, and of a covered call that is called away below what it cost: it never wins.
    #[must_use]
    pub fn breakeven_price(&self) -> Option<f64> {
        if !self.is_usable() {
            return None;
        }
        let Self { position, strike, price, .. } = *self;
        match position {
            Position::LongCall => positive(strike + price),
            Position::LongPut => positive(strike - price),
            Position::CashSecuredPut => self.net_cost(),
            Position::CoveredCall => self.net_cost().filter(|cost| *cost <= strike),
        }
    }

    /// What a sold option's position binds less the premium, dollars per share: K − bid of a put, S − bid of a covered
    /// call. `None` of a bought option, and where it is not above 0.
    #[must_use]
    pub fn net_cost(&self) -> Option<f64> {
        let binds = match self.position {
            Position::LongCall | Position::LongPut => return None,
            Position::CashSecuredPut => self.strike,
            Position::CoveredCall => self.spot,
        };
        if self.is_usable() { positive(binds - self.price) } else { None }
    }

    /// Breakeven with its distance from the spot. `vol` and `years` give the distance in standard deviations.
    #[must_use]
    pub fn breakeven(&self, vol: Option<f64>, years: f64) -> Option<Breakeven> {
        let price = self.breakeven_price()?;
        let distance_sigma = vol
            .and_then(|vol| positive(vol * years.sqrt()))
            .and_then(|spread| finite(libm::log(price / self.spot) / spread));
        Some(Breakeven { price, distance_pct: 100.0 * (price / self.spot - 1.0), distance_sigma })
    }

    /// The most it can lose, dollars per share, the underlying falling to 0 or the option expiring worthless: long the
    /// ask, short put K − bid, covered call S − bid.
    #[must_use]
    pub fn max_loss(&self) -> Option<f64> {
        match self.position {
            Position::LongCall | Position::LongPut => self.is_usable().then_some(self.price),
            Position::CashSecuredPut | Position::CoveredCall => self.net_cost(),
        }
    }

    /// [`Self::max_loss`] of a contract of 100 shares, dollars.
    #[must_use]
    pub fn max_loss_per_contract(&self) -> Option<f64> {
        self.max_loss().map(|loss| loss * SHARES_PER_CONTRACT)
    }

    /// Profit at expiration, dollars per share, undiscounted, before commissions, the underlying ending at `settled`.
    #[must_use]
    pub fn profit(&self, settled: f64) -> f64 {
        let Self { position, spot, strike, price } = *self;
        self.carried(payoff(position, spot, strike, settled), price)
    }

    /// Mean profit at expiration, dollars per share, where the underlying ends lognormal around `forward` with `vol`.
    pub(super) fn mean_profit(&self, forward: f64, years: f64, vol: f64) -> f64 {
        let Self { position, spot, strike, price } = *self;
        let option = black::on_forward(option_of(position), forward, strike, years, vol);
        let payoff = match position {
            Position::LongCall | Position::LongPut => option,
            Position::CashSecuredPut => -option,
            Position::CoveredCall => forward - spot - option,
        };
        self.carried(payoff, price)
    }

    /// The payoff with the option's price paid or received.
    fn carried(&self, payoff: f64, price: f64) -> f64 {
        match self.position {
            Position::LongCall | Position::LongPut => payoff - price,
            Position::CashSecuredPut | Position::CoveredCall => payoff + price,
        }
    }

    /// What pricing needs to ask for the chance of the far side of `level`.
    pub(super) fn terms_at(&self, level: f64, market: super::probability::Market) -> Terms {
        let super::probability::Market { years, rate, yield_ } = market;
        Terms { kind: wins_as(self.position), spot: self.spot, strike: level, years, rate, yield_ }
    }
}

/// What a position pays at expiration, dollars per share, before the option's price.
fn payoff(position: Position, spot: f64, strike: f64, settled: f64) -> f64 {
    let (call, put) = ((settled - strike).max(0.0), (strike - settled).max(0.0));
    match position {
        Position::LongCall => call,
        Position::LongPut => put,
        Position::CashSecuredPut => -put,
        Position::CoveredCall => settled - spot - call,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;

    fn entry(position: Position, strike: f64, price: f64) -> Entry {
        Entry { position, spot: 100.0, strike, price }
    }

    #[test]
    fn the_golden_put_and_covered_call() {
        let put = entry(Position::CashSecuredPut, 95.0, 1.85);
        let breakeven = put.breakeven(None, 45.0 / 365.0).unwrap();
        near(Some(breakeven.price), 93.15, 2);
        near(Some(breakeven.distance_pct), -6.85, 2);
        assert_eq!(breakeven.distance_sigma, None);
        near(put.max_loss_per_contract(), 9315.0, 0);
        let covered = entry(Position::CoveredCall, 105.0, 1.50);
        near(covered.breakeven_price(), 98.50, 2);
        near(covered.max_loss_per_contract(), 9850.0, 6);
    }

    #[test]
    fn bought_options_lose_what_they_cost() {
        // K ± ask.
        let (call, put) = (entry(Position::LongCall, 105.0, 2.5), entry(Position::LongPut, 95.0, 2.0));
        assert_eq!((call.breakeven_price(), put.breakeven_price()), (Some(107.5), Some(93.0)));
        assert_eq!((call.max_loss_per_contract(), put.max_loss_per_contract()), (Some(250.0), Some(200.0)));
    }

    #[test]
    fn a_breakeven_in_standard_deviations() {
        // σ√T = .25·√.25 = .125; ln(93.15/100) = −.0709591 (series of ln(1 − .0685)); over .125: −.567673.
        let breakeven = entry(Position::CashSecuredPut, 95.0, 1.85).breakeven(Some(0.25), 0.25).unwrap();
        near(breakeven.distance_sigma, -0.567_673, 5);
    }

    #[test]
    fn profit_at_expiration_by_hand() {
        for (position, strike, price, settled, wanted) in [
            (Position::LongCall, 105.0, 2.5, 110.0, 2.5),
            (Position::LongCall, 105.0, 2.5, 100.0, -2.5),
            (Position::LongPut, 95.0, 2.0, 90.0, 3.0),
            (Position::LongPut, 95.0, 2.0, 99.0, -2.0),
            (Position::CashSecuredPut, 95.0, 1.75, 90.0, -3.25),
            (Position::CashSecuredPut, 95.0, 1.75, 96.0, 1.75),
            (Position::CoveredCall, 105.0, 1.5, 120.0, 6.5),
            (Position::CoveredCall, 105.0, 1.5, 90.0, -8.5),
        ] {
            assert_eq!(entry(position, strike, price).profit(settled), wanted, "{position:?} at {settled}");
        }
    }

    #[test]
    fn the_profit_is_zero_at_the_breakeven_and_least_at_the_worst() {
        for position in [Position::LongCall, Position::LongPut, Position::CashSecuredPut, Position::CoveredCall] {
            let entry = entry(position, 97.0, 4.25);
            let breakeven = entry.breakeven_price().unwrap();
            assert!(entry.profit(breakeven).abs() < 1e-12, "{position:?}");
            let worst = [0.0, 50.0, 97.0, 150.0].map(|at| entry.profit(at)).into_iter().fold(f64::INFINITY, f64::min);
            assert_eq!(entry.max_loss(), Some(-worst), "{position:?}");
        }
    }

    #[test]
    fn what_is_no_position_has_no_numbers() {
        assert_eq!(entry(Position::LongPut, 2.0, 2.5).breakeven_price(), None, "it can never pay what it cost");
        let below_cost = entry(Position::CoveredCall, 97.0, 2.0);
        assert_eq!((below_cost.breakeven_price(), below_cost.max_loss()), (None, Some(98.0)), "called away at 97");
        for (strike, price) in [(0.0, 1.0), (95.0, 0.0), (95.0, f64::NAN), (f64::INFINITY, 1.0), (95.0, -1.0)] {
            let entry = entry(Position::LongCall, strike, price);
            assert_eq!((entry.breakeven_price(), entry.max_loss()), (None, None), "{strike} {price}");
        }
    }
}
