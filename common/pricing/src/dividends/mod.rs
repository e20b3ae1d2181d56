//! American options on an underlying that pays cash dividends on known dates: at an ex-date the price falls by the cash
//! amount, and whoever holds a call may exercise just before (Crank–Nicolson finite differences in ln S, each step's
//! early exercise solved exactly after Brennan and Schwartz 1977, four implicit half steps after each kink after
//! Rannacher 1984).
//!
//! Promises: within $.01 of a fine reference (spot 100, 20 days to 2 years, volatility .1 to .8, up to 8 dividends); work
//! that does not depend on the prices; finite, between intrinsic value and the bound without dividends. An amount above
//! the price on its date takes all of it. Refuses what [`crate::american`] refuses, and more dividends than a contract
//! lives to see.

mod greeks;
mod implied;
mod stepper;

use thiserror::Error;

use crate::american;
use crate::terms::{Refused, Terms, check_vol};
use stepper::{Space, Stepper};

pub use greeks::greeks;
pub use implied::implied_vol;

/// More than quarterly dividends over the longest time that is let in would be (120).
pub const MOST: usize = 128;
/// Steps in time over the whole life.
const TIME_STEPS: f64 = 100.0;
/// Steps between two ex-dates, however near: the first two are replaced by half steps.
const FEWEST_STEPS: usize = 4;

/// One cash dividend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dividend {
    /// Years of 365 days from now to the open of the ex-date. Those not before settlement, or not after now, are ignored.
    pub years: f64,
    /// Dollars per share, 0 or more.
    pub cash: f64,
}

/// A price with its slopes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Valued {
    /// Dollars per share.
    pub price: f64,
    /// Dollars per $1 of the underlying.
    pub delta: f64,
    /// Delta per $1 of the underlying.
    pub gamma: f64,
}

/// Why nothing is computed.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum DividendsRefused {
    /// The option itself.
    #[error("the option cannot be priced")]
    Option(#[from] Refused),
    /// A date or an amount that is no number, or a negative amount.
    #[error("dividend {index} is {} dollars in {} years", dividend.cash, dividend.years)]
    Dividend {
        /// Its place in what was given.
        index: usize,
        /// What was given.
        dividend: Dividend,
    },
    /// More than [`MOST`].
    #[error("{count} dividends are more than {MOST}")]
    TooMany {
        /// How many were given.
        count: usize,
    },
}

/// Prices an American option with the cash dividends of its life, in any order; `terms.yield_` is what the underlying
/// pays beside them, usually 0.
///
/// # Errors
/// [`DividendsRefused`].
pub fn price(terms: &Terms, vol: f64, dividends: &[Dividend]) -> Result<Valued, DividendsRefused> {
    check(terms, vol, dividends)?;
    let bounds = american::bounds(terms)?;
    let mut within: Vec<Dividend> =
        dividends.iter().copied().filter(|d| d.years > 0.0 && d.years < terms.years && d.cash > 0.0).collect();
    within.sort_by(|a, b| b.years.total_cmp(&a.years));
    let valued = if terms.years > 0.0 { rolled_back(terms, vol, &within) } else { None };
    let intrinsic = terms.intrinsic();
    let expired = Valued { price: intrinsic, delta: if intrinsic > 0.0 { terms.kind.sign() } else { 0.0 }, gamma: 0.0 };
    let valued = valued.unwrap_or(expired);
    // Dividends take from the underlying: what bounds a call from above without them still does. A put may gain by them,
    // but never exceeds its strike.
    Ok(Valued { price: valued.price.clamp(intrinsic, bounds.upper), ..valued })
}

fn check(terms: &Terms, vol: f64, dividends: &[Dividend]) -> Result<(), DividendsRefused> {
    terms.check()?;
    check_vol(vol)?;
    // The rates decide how many boundaries there are between two dividends.
    american::boundary_count(terms)?;
    if dividends.len() > MOST {
        return Err(DividendsRefused::TooMany { count: dividends.len() });
    }
    for (index, dividend) in dividends.iter().enumerate() {
        if !dividend.years.is_finite() || !(0.0..=1e8).contains(&dividend.cash) {
            return Err(DividendsRefused::Dividend { index, dividend: *dividend });
        }
    }
    Ok(())
}

/// From settlement to now, latest dividend first; `None` if the time is too short for a grid.
fn rolled_back(terms: &Terms, vol: f64, latest_first: &[Dividend]) -> Option<Valued> {
    let cash: f64 = latest_first.iter().map(|dividend| dividend.cash).sum();
    let space = Space::new(terms, vol, cash)?;
    let mut stepper = Stepper::new(space, terms.kind);
    let mut at = terms.years;
    for dividend in latest_first {
        roll(&mut stepper, terms, vol, at - dividend.years);
        stepper.pay(dividend.cash / terms.strike);
        at = dividend.years;
    }
    roll(&mut stepper, terms, vol, at);
    let (value, delta, gamma) = stepper.read(libm::log(terms.spot / terms.strike));
    Some(Valued { price: value * terms.strike, delta, gamma: gamma / terms.strike })
}

fn roll(stepper: &mut Stepper, terms: &Terms, vol: f64, years: f64) {
    if years <= 0.0 {
        return;
    }
    // At most TIME_STEPS, since no stretch is longer than the life.
    let steps = ((TIME_STEPS * years / terms.years).ceil() as usize).max(FEWEST_STEPS);
    stepper.roll(terms, vol, years, steps);
}
