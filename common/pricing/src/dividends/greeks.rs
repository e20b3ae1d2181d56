//! Greeks with cash dividends. Delta and gamma are read off the grid, theta follows from them by the Black–Scholes equation,
//! which holds between two ex-dates wherever the option is not exercised; vega and rho are differences of the price.

use super::{Dividend, DividendsRefused, price};
use crate::american::{difference, exercised_greeks};
use crate::black::{DAYS, Greeks};
use crate::terms::{Refused, Terms};

/// Relative step of the volatility. Which nodes are exercised jumps from one volatility to the next, so that a smaller step
/// would measure the grid.
const VOL_STEP: f64 = 0.02;
/// Step of the rate: ten basis points, for the same reason.
const RATE_STEP: f64 = 1e-3;
/// A price within this part of the strike of the exercise value is that of exercise.
const EXERCISED: f64 = 1e-9;

/// Greeks at a volatility, as [`crate::american::greeks`] defines them; five prices. Where it is exercised at once: delta ±1
/// and the rest 0. Theta may be positive: a put gains as the ex-date comes near.
///
/// Without dividends they are [`crate::american::greeks`]' to 2e-3 (delta), 2 % + 5e-4 (gamma, theta a day), 1 % + 1e-3 (vega)
/// and 1 % + 2e-3 (rho): the tests hold them to this at spot 100, .1 to 2 years, volatility .15 to .6.
///
/// # Errors
/// As [`price`]; [`Refused::Expired`].
pub fn greeks(terms: &Terms, vol: f64, dividends: &[Dividend]) -> Result<Greeks, DividendsRefused> {
    terms.check_alive()?;
    let here = price(terms, vol, dividends)?;
    if here.price <= terms.intrinsic() + EXERCISED * terms.strike && terms.intrinsic() > 0.0 {
        return Ok(exercised_greeks(terms));
    }
    // A price that is refused beside the volatility or the rate makes the difference one-sided; the dividends were checked.
    let at = |terms: &Terms, vol: f64| match price(terms, vol, dividends) {
        Ok(valued) => Ok(valued.price),
        Err(DividendsRefused::Option(refused)) => Err(refused),
        Err(DividendsRefused::Dividend { .. } | DividendsRefused::TooMany { .. }) => Err(Refused::Expired),
    };
    let vega = difference(vol, VOL_STEP * vol, |vol| at(terms, vol))?;
    let rho = difference(terms.rate, RATE_STEP, |rate| at(&Terms { rate, ..*terms }, vol))?;
    let Terms { spot, rate, yield_, .. } = *terms;
    let diffusion = 0.5 * vol * vol * spot * spot * here.gamma;
    let theta = rate * here.price - (rate - yield_) * spot * here.delta - diffusion;
    Ok(Greeks {
        delta: here.delta,
        gamma: here.gamma,
        theta_per_day: theta / DAYS,
        vega_per_point: vega / 100.0,
        rho_per_point: rho / 100.0,
    })
}
