//! Volatility of a European price: the short way ([`super::total`]) where it applies, else the `implied-vol` library; one
//! by one, or with the greeks of a whole chain.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use super::total::{Total, total_vol};
use super::{Greeks, bounds_at, closed_form, normals, present};
use crate::terms::{Kind, Quoted, Refused, Terms};

/// Implied volatilities outside are artefacts of a price near a bound.
pub const IMPLIED: std::ops::RangeInclusive<f64> = 0.01..=5.0;

/// Volatility at which [`on_forward`](super::on_forward) gives an undiscounted price: an annual fraction, not clamped. `None` where no
/// volatility does, or an input is no positive number.
#[must_use]
pub fn vol_on_forward(kind: Kind, forward: f64, strike: f64, years: f64, undiscounted: f64) -> Option<f64> {
    let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
    match total_vol(forward, strike, undiscounted - intrinsic) {
        Some(total) if years > 0.0 => Some(total.vol / years.sqrt()).filter(|vol| vol.is_finite()),
        _ => by_library(kind, forward, strike, years, undiscounted),
    }
}

/// For what the short way does not do.
fn by_library(kind: Kind, forward: f64, strike: f64, years: f64, undiscounted: f64) -> Option<f64> {
    ImpliedBlackVolatility::builder()
        .forward(forward)
        .strike(strike)
        .expiry(years)
        .is_call(kind == Kind::Call)
        .option_price(undiscounted)
        .build()?
        .calculate::<DefaultSpecialFn>()
        .filter(|vol| vol.is_finite())
}

/// Implied volatility: the annual fraction in [`IMPLIED`] at which [`price`](super::price()) is `price`. `None` where the price is not
/// inside the bounds, is within `tick` dollars of the lower one, or no time is left.
///
/// # Errors
/// [`Refused::OutOfRange`].
pub fn implied_vol(terms: &Terms, price: f64, tick: f64) -> Result<Option<f64>, Refused> {
    terms.check()?;
    Ok(total_at(terms, present(terms), price, tick).map(|(vol, _)| vol))
}

/// A volatility and the greeks at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Implied {
    /// Annual fraction.
    pub vol: f64,
    /// At that volatility.
    pub greeks: Greeks,
}

/// [`implied_vol()`] and [`greeks`](super::greeks) of a chain, in the order asked, for less than one by one. `terms` says all but the
/// strike, which is not read.
///
/// # Errors
/// Each its own: [`Refused::OutOfRange`].
#[must_use]
pub fn solve(terms: &Terms, quotes: &[Quoted]) -> Vec<Result<Option<Implied>, Refused>> {
    let present = present(terms);
    let mut answers = Vec::with_capacity(quotes.len());
    for block in quotes.chunks(BLOCK) {
        let mut found = [None; BLOCK];
        let (mut d1, mut d2) = ([0.0; BLOCK], [0.0; BLOCK]);
        let first = answers.len();
        for (k, quoted) in block.iter().enumerate() {
            let terms = Terms { strike: quoted.strike, ..*terms };
            answers.push(terms.check().map(|()| None));
            if answers[first + k].is_err() {
                continue;
            }
            if let Some((vol, total)) = total_at(&terms, present, quoted.price, quoted.tick) {
                (d1[k], d2[k]) = total.d1_d2();
                found[k] = Some((vol, total));
            }
        }
        let normals = normals(terms.kind.sign(), &d1, &d2);
        for (k, quoted) in block.iter().enumerate() {
            if let Some((vol, total)) = found[k] {
                let terms = Terms { strike: quoted.strike, ..*terms };
                answers[first + k] = Ok(Some(Implied { vol, greeks: closed_form(&terms, present, total, normals[k]) }));
            }
        }
    }
    answers
}

/// Contracts whose normal distributions are computed side by side; short arrays stay in registers.
const BLOCK: usize = 8;

fn total_at(terms: &Terms, present: (f64, f64), price: f64, tick: f64) -> Option<(f64, Total)> {
    let bounds = bounds_at(terms, present);
    if !bounds.tell(price, tick) || terms.years <= 0.0 {
        return None;
    }
    let (Terms { kind, years, .. }, (discount, spot)) = (*terms, present);
    let (strike, root) = (terms.strike * discount, years.sqrt());
    let total = total_vol(spot, strike, price - bounds.lower).or_else(|| {
        let vol = by_library(kind, spot, strike, years, price)?;
        Some(Total { vol: vol * root, ln_forward: libm::log(spot / strike) })
    })?;
    let vol = total.vol / root;
    IMPLIED.contains(&vol).then_some((vol, total))
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, DAYS, bounds, greeks, price};
    use super::*;

    fn terms(kind: Kind, spot: f64, strike: f64, days: f64, (rate, yield_): (f64, f64)) -> Terms {
        Terms { kind, spot, strike, years: days / DAYS, rate, yield_ }
    }

    #[test]
    fn the_golden_put_of_the_csp_example() {
        let put = terms(Kind::Put, 100.0, 95.0, 45.0, (0.04, 0.0));
        let vol = implied_vol(&put, (1.85 + 2.00) / 2.0, 0.01).unwrap().unwrap();
        assert!((vol - 0.300445).abs() < 0.5e-6, "{vol}");
    }

    #[test]
    fn near_a_bound_there_is_no_volatility() {
        let call = terms(Kind::Call, 100.0, 80.0, 45.0, (0.04, 0.0));
        let Bounds { lower, upper } = bounds(&call).unwrap();
        assert_eq!(implied_vol(&call, lower + 0.01, 0.01), Ok(None));
        assert!(implied_vol(&call, lower + 0.02, 0.01).unwrap().is_some());
        assert_eq!(implied_vol(&call, upper, 0.01), Ok(None));
        assert_eq!(implied_vol(&call, f64::NAN, 0.01), Ok(None));
        assert_eq!(implied_vol(&Terms { years: 0.0, ..call }, 20.5, 0.01), Ok(None));
    }

    #[test]
    fn a_chain_is_solved_as_its_contracts_are() {
        let chain = terms(Kind::Put, 100.0, 1.0, 45.0, (0.04, 0.02));
        let quote = |i: i32| {
            let at = Terms { strike: 70.0 + 2.5 * f64::from(i), ..chain };
            Quoted { strike: at.strike, price: price(&at, 0.2 + 0.01 * f64::from(i)).unwrap(), tick: 0.01 }
        };
        let mut quotes: Vec<Quoted> = (0..21).map(quote).collect();
        quotes[3].strike = f64::NAN;
        let (mut told, answers) = (0, solve(&chain, &quotes));
        assert_eq!(answers.len(), quotes.len());
        for (quoted, answer) in quotes.iter().zip(answers) {
            let at = Terms { strike: quoted.strike, ..chain };
            let alone = implied_vol(&at, quoted.price, quoted.tick);
            assert_eq!(answer.map(|both| both.map(|both| both.vol)).is_err(), quoted.strike.is_nan());
            let Ok(Some(both)) = answer else { continue };
            told += 1;
            assert_eq!(alone, Ok(Some(both.vol)));
            let (got, wanted) = (both.greeks, greeks(&at, both.vol).unwrap());
            for (got, wanted) in [
                (got.delta, wanted.delta),
                (got.gamma, wanted.gamma),
                (got.theta_per_day, wanted.theta_per_day),
                (got.vega_per_point, wanted.vega_per_point),
                (got.rho_per_point, wanted.rho_per_point),
            ] {
                assert!((got - wanted).abs() <= 1e-12 * wanted.abs(), "{got}, not {wanted}, at {}", quoted.strike);
            }
        }
        assert!(told >= 15, "{told} of 21");
        let expired = solve(&Terms { years: 0.0, ..chain }, &quotes[..1]);
        assert_eq!(expired, [Ok(None)]);
    }
}
