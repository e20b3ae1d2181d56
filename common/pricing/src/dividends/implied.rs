//! Volatility of an American price with cash dividends.

use super::{Dividend, DividendsRefused, check, price};
use crate::american::{bounds, invert};
use crate::black::{Bounds, IMPLIED};
use crate::terms::Terms;

/// Implied volatility: the annual fraction in [`IMPLIED`] at which [`price`] is `target`. `None` where the target is not below
/// the bound, is within `tick` dollars of the exercise value, no such volatility gives it, or no time is left. Five to sixty prices.
///
/// # Errors
/// As [`price`].
pub fn implied_vol(
    terms: &Terms,
    target: f64,
    tick: f64,
    dividends: &[Dividend],
) -> Result<Option<f64>, DividendsRefused> {
    check(terms, *IMPLIED.start(), dividends)?;
    // What is left of the European bounds: dividends take from a call and add to a put.
    let bounds = Bounds { lower: terms.intrinsic(), upper: bounds(terms)?.upper };
    if !bounds.tell(target, tick) || terms.years <= 0.0 {
        return Ok(None);
    }
    // Everything but the volatility was checked, and the search stays inside its range.
    Ok(invert(terms, target, |vol| price(terms, vol, dividends).map_or(f64::NAN, |valued| valued.price)))
}
