//! One American contract by itself: the boundary is solved anew for each volatility.

use super::boundary::Boundary;
use super::carry::Carry;
use super::invert::invert;
use super::premium::{self, At, Slopes};
use crate::black::{self, Bounds, DAYS, Greeks};
use crate::terms::{Kind, Refused, Terms, check_vol};

/// With less time (a third of a second) nothing is gained by waiting, and squares of the time would vanish.
const SHORTEST: f64 = 1e-8;
/// Step of the differences over volatility, relative. The solver takes the same steps at each side, so that its errors
/// cancel.
const VOL_STEP: f64 = 1e-3;
/// Step of the differences over the rate: a basis point.
const RATE_STEP: f64 = 1e-4;

/// Whether exercise before settlement is ever optimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exercise {
    /// It is not: the price is the European one.
    Never,
    /// It is, at and beyond one boundary.
    Early,
}

/// The put of strike 1 a contract is, by symmetry.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// Dollars per unit: the strike of a put, the spot of a call.
    pub dollars: f64,
    /// Where it stands.
    pub at: At,
    /// What discounts its strike.
    pub rate: f64,
    /// What discounts its underlying.
    pub yield_: f64,
}

impl Unit {
    pub fn of(terms: &Terms) -> Self {
        let Terms { kind, spot, strike, rate, yield_, .. } = *terms;
        let (dollars, s, rate, yield_) = match kind {
            Kind::Put => (strike, spot / strike, rate, yield_),
            Kind::Call => (spot, strike / spot, yield_, rate),
        };
        Self { dollars, at: At { s, ln_s: libm::log(s) }, rate, yield_ }
    }
}

/// Decides, or refuses, by the rates alone.
pub fn exercise(terms: &Terms) -> Result<Exercise, Refused> {
    let Unit { rate, yield_, .. } = Unit::of(terms);
    if rate < 0.0 && yield_ < rate {
        return Err(Refused::TwoBoundaries { rate: terms.rate, yield_: terms.yield_ });
    }
    let never = (rate <= 0.0 && yield_ >= rate) || terms.years < SHORTEST;
    Ok(if never { Exercise::Never } else { Exercise::Early })
}

/// A boundary and the time it belongs to.
#[derive(Debug)]
pub struct Solved<'a> {
    /// The carry over whose time the boundary moves.
    pub carry: &'a Carry,
    /// The boundary.
    pub boundary: Boundary,
    /// Years to settlement, at least the carry's.
    pub years: f64,
}

impl Solved<'_> {
    /// Whether it is exercised at once.
    pub fn exercised(&self, at: At) -> bool {
        at.ln_s <= self.boundary.ln_now(self.carry)
    }

    fn premium(&self, at: At) -> f64 {
        if self.years > self.carry.years {
            premium::standing(&self.boundary, self.carry, self.years, at).0
        } else {
            premium::moving(&self.boundary, self.carry, at)
        }
    }

    fn slopes(&self, at: At) -> Slopes {
        if self.years > self.carry.years {
            premium::standing(&self.boundary, self.carry, self.years, at).1
        } else {
            premium::slopes(&self.boundary, self.carry, at)
        }
    }

    /// Price of a contract given its European price.
    pub fn value(&self, terms: &Terms, unit: &Unit, european: f64) -> f64 {
        let intrinsic = terms.intrinsic();
        if self.exercised(unit.at) {
            return intrinsic.max(european);
        }
        (european + unit.dollars * self.premium(unit.at)).max(european).max(intrinsic).min(upper(terms))
    }

    /// Delta and gamma, by formula at the fixed boundary.
    pub fn slopes_of(&self, terms: &Terms, unit: &Unit, european: &Greeks) -> (f64, f64) {
        if self.exercised(unit.at) {
            return (terms.kind.sign(), 0.0);
        }
        let Slopes { delta, gamma } = self.slopes(unit.at);
        match terms.kind {
            Kind::Put => (european.delta + delta, european.gamma + gamma / terms.strike),
            Kind::Call => {
                // The premium of a call is S·p(K/S).
                let s = unit.at.s;
                let level = self.premium(unit.at);
                (european.delta + level - s * delta, european.gamma + s * s * gamma / terms.spot)
            }
        }
    }
}

fn upper(terms: &Terms) -> f64 {
    let (discount, spot) = black::present(terms);
    match terms.kind {
        Kind::Call => terms.spot.max(spot),
        Kind::Put => terms.strike.max(terms.strike * discount),
    }
}

/// Solves one boundary and hands it on.
pub fn solve<T>(terms: &Terms, vol: f64, use_: impl FnOnce(&Solved<'_>) -> T) -> T {
    let Unit { rate, yield_, .. } = Unit::of(terms);
    let carry = Carry::new(terms.years.min(Carry::horizon(rate, yield_, vol)), rate, yield_);
    use_(&Solved { boundary: Boundary::solve(&carry, vol), carry: &carry, years: terms.years })
}

/// Price, dollars. [`super::Smile`] is some seven times faster for a hundred strikes.
///
/// # Errors
/// [`Refused::OutOfRange`]; [`Refused::TwoBoundaries`].
pub fn price(terms: &Terms, vol: f64) -> Result<f64, Refused> {
    terms.check()?;
    check_vol(vol)?;
    Ok(value(terms, vol, exercise(terms)?))
}

fn value(terms: &Terms, vol: f64, exercise: Exercise) -> f64 {
    let european = black::value(terms, vol);
    match exercise {
        Exercise::Never => european.max(terms.intrinsic()),
        Exercise::Early => solve(terms, vol, |solved| solved.value(terms, &Unit::of(terms), european)),
    }
}

/// The underlying's price, dollars, at and below which a put (at and above which a call) is exercised now. `None` where
/// exercise before settlement is never optimal.
///
/// # Errors
/// As [`price`].
pub fn boundary(terms: &Terms, vol: f64) -> Result<Option<f64>, Refused> {
    terms.check()?;
    check_vol(vol)?;
    Ok(match exercise(terms)? {
        Exercise::Never => None,
        Exercise::Early => {
            let ratio = solve(terms, vol, |solved| libm::exp(solved.boundary.ln_now(solved.carry)));
            Some(match terms.kind {
                Kind::Put => terms.strike * ratio,
                Kind::Call => terms.strike / ratio,
            })
        }
    })
}

/// Bounds of an American price: at least the intrinsic value and the European bound; at most the spot (call) or the
/// strike (put), or what either is worth at settlement discounted at a negative rate.
///
/// # Errors
/// [`Refused::OutOfRange`].
pub fn bounds(terms: &Terms) -> Result<Bounds, Refused> {
    let european = black::bounds(terms)?;
    Ok(Bounds { lower: european.lower.max(terms.intrinsic()), upper: upper(terms) })
}

/// Implied volatility: the annual fraction in [`black::IMPLIED`] at which [`price`] is `price`, to 1e-8 of itself.
/// `None` where the price is not inside the [`bounds`], is within `tick` dollars of the lower one (which is the exercise
/// value, where that is greater), no such volatility gives it, or no time is left.
///
/// # Errors
/// As [`price`].
pub fn implied_vol(terms: &Terms, price: f64, tick: f64) -> Result<Option<f64>, Refused> {
    let bounds = bounds(terms)?;
    let exercise = exercise(terms)?;
    if !bounds.tell(price, tick) || terms.years <= 0.0 {
        return Ok(None);
    }
    Ok(invert(terms, price, |vol| value(terms, vol, exercise)))
}

/// Greeks. Delta and gamma by formula at the fixed boundary; theta from the Black–Scholes equation, which holds wherever
/// the option is not exercised; vega and rho as the European ones plus central differences of the premium, the boundary
/// solved anew (relative step .001 of the volatility, one basis point of the rate). Where it is exercised at once: delta
/// ±1 and the rest 0. As long as five prices and more; [`super::Smile::greeks`] is faster for many strikes.
///
/// Against differences of the price itself: delta to 1.5e-4, gamma to .5 % + 2e-5, theta to 1 % + 1e-4 a day, vega and rho
/// to .1 % (the tests hold them to this at spot 100, .25 to 2.5 years, volatility .2 to .6).
///
/// # Errors
/// As [`price`]; [`Refused::Expired`].
pub fn greeks(terms: &Terms, vol: f64) -> Result<Greeks, Refused> {
    terms.check_alive()?;
    check_vol(vol)?;
    let european = black::sensitivities(terms, vol);
    if exercise(terms)? == Exercise::Never {
        return Ok(european);
    }
    let unit = Unit::of(terms);
    let (price, exercised, slopes) = solve(terms, vol, |solved| {
        let price = solved.value(terms, &unit, black::value(terms, vol));
        (price, solved.exercised(unit.at), solved.slopes_of(terms, &unit, &european))
    });
    if exercised {
        return Ok(exercised_greeks(terms));
    }
    let premium =
        |terms: &Terms, vol| exercise(terms).map(|exercise| value(terms, vol, exercise) - black::value(terms, vol));
    let vega = difference(vol, VOL_STEP * vol, |vol| check_vol(vol).and_then(|()| premium(terms, vol)))?;
    let rho = difference(terms.rate, RATE_STEP, |rate| {
        let moved = Terms { rate, ..*terms };
        moved.check().and_then(|()| premium(&moved, vol))
    })?;
    Ok(assemble(terms, vol, &First { price, slopes }, (vega, rho), &european))
}

/// What is known at the volatility and rate themselves.
pub struct First {
    /// Dollars.
    pub price: f64,
    /// Delta and gamma.
    pub slopes: (f64, f64),
}

/// Central difference of a function that may be refused on one side of its argument: then it is one-sided.
pub fn difference(at: f64, step: f64, f: impl Fn(f64) -> Result<f64, Refused>) -> Result<f64, Refused> {
    let (low, high) = (at - step, at + step);
    match (f(low), f(high)) {
        (Ok(below), Ok(above)) => Ok((above - below) / (high - low)),
        (Err(_), Ok(above)) => Ok((above - f(at)?) / (high - at)),
        (Ok(below), Err(_)) => Ok((f(at)? - below) / (at - low)),
        (Err(refused), Err(_)) => Err(refused),
    }
}

/// Greeks where it is exercised at once.
pub fn exercised_greeks(terms: &Terms) -> Greeks {
    Greeks { delta: terms.kind.sign(), gamma: 0.0, theta_per_day: 0.0, vega_per_point: 0.0, rho_per_point: 0.0 }
}

/// Theta from the Black–Scholes equation, and the premium's vega and rho added to the European ones. More time is never
/// worth less, so that theta is not positive: where the quadrature of gamma fails, closer to the boundary than its nodes,
/// gamma is what the equation then asks for.
pub fn assemble(terms: &Terms, vol: f64, first: &First, (vega, rho): (f64, f64), european: &Greeks) -> Greeks {
    let Terms { spot, rate, yield_, .. } = *terms;
    let First { price, slopes: (delta, gamma) } = *first;
    let carried = rate * price - (rate - yield_) * spot * delta;
    let half_variance = 0.5 * vol * vol * spot * spot;
    let gamma = gamma.max(carried / half_variance);
    let theta = (carried - half_variance * gamma).min(0.0);
    Greeks {
        delta,
        gamma,
        theta_per_day: theta / DAYS,
        vega_per_point: european.vega_per_point + vega / 100.0,
        rho_per_point: european.rho_per_point + rho / 100.0,
    }
}
