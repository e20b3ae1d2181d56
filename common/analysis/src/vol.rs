//! Volatility, greeks and bounds of the contracts of one root, expiration and kind, all by fleet-pricing: in closed form
//! on the forward, or with early exercise and the exercise boundaries shared by the whole side (ANALYTICS section 3).
//!
//! Refuses: to stand in for what the engine refuses. Such a contract has no volatility, and [`ExerciseModel`] says why.

use fleet_core::domain::{ExerciseModel, ExerciseStyle, OccSymbol, OptionKind};
use fleet_pricing::american::{self, Smile};
use fleet_pricing::black;
pub use fleet_pricing::{Bounds, Greeks};
use fleet_pricing::{Point, Quoted, Refused, Terms};

use crate::forward::Carry;
use crate::metrics::priced_as;

/// Volatility and greeks at one price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolPoint {
    /// Annual fraction.
    pub iv: f64,
    /// At that volatility.
    pub greeks: Greeks,
}

/// The contracts of one root, expiration and kind.
#[derive(Debug)]
pub struct Side {
    /// With the spot as strike.
    terms: Terms,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    European,
    American(Box<Smile>),
    Refused(ExerciseModel),
}

impl Side {
    /// What prices them.
    #[must_use]
    pub fn new(kind: OptionKind, style: ExerciseStyle, carry: &Carry) -> Self {
        let Carry { years, rate, spot, yield_, .. } = *carry;
        let terms = Terms { kind: priced_as(kind), spot, strike: spot, years, rate, yield_ };
        let engine = match style {
            ExerciseStyle::European => terms.check().map(|()| Engine::European),
            ExerciseStyle::American => Smile::new(&terms).map(|smile| Engine::American(Box::new(smile))),
        };
        Self { terms, engine: engine.unwrap_or_else(|why| Engine::Refused(refusal(&why))) }
    }

    /// How [`Self::solve`] computes.
    #[must_use]
    pub const fn model(&self) -> ExerciseModel {
        match &self.engine {
            Engine::European => ExerciseModel::European,
            Engine::American(_) => ExerciseModel::American,
            Engine::Refused(model) => *model,
        }
    }

    /// The bounds of its style; `None` for numbers out of range.
    #[must_use]
    pub fn bounds(&self, strike: f64) -> Option<Bounds> {
        let terms = Terms { strike, ..self.terms };
        match self.engine {
            Engine::European => black::bounds(&terms).ok(),
            Engine::American(_) | Engine::Refused(_) => american::bounds(&terms).ok(),
        }
    }

    /// Volatility and greeks at each price, in the order asked; `None` where the price is outside the bounds or within a
    /// tick of the lower, and where the engine refuses.
    #[must_use]
    pub fn solve(&mut self, quotes: &[Quoted]) -> Vec<Option<VolPoint>> {
        match &mut self.engine {
            Engine::European => european(&self.terms, quotes),
            Engine::American(smile) => american(smile, quotes),
            Engine::Refused(_) => vec![None; quotes.len()],
        }
    }

    /// As [`Self::solve`], in closed form on the forward whatever the style; inside the bounds of the style all the same.
    #[must_use]
    pub fn approximate(&self, quotes: &[Quoted]) -> Vec<Option<VolPoint>> {
        let told = |quoted: &Quoted| self.bounds(quoted.strike).is_some_and(|b| b.tell(quoted.price, quoted.tick));
        let solved = european(&self.terms, quotes);
        quotes.iter().zip(solved).map(|(quoted, point)| point.filter(|_| told(quoted))).collect()
    }
}

/// One contract by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priced {
    /// What prices it.
    pub terms: Terms,
    /// When it may be exercised.
    pub style: ExerciseStyle,
}

impl Priced {
    /// A contract of a group.
    #[must_use]
    pub fn new(symbol: &OccSymbol, style: ExerciseStyle, carry: &Carry) -> Self {
        let Carry { years, rate, spot, yield_, .. } = *carry;
        let terms = Terms { kind: priced_as(symbol.kind), spot, strike: symbol.strike.dollars(), years, rate, yield_ };
        Self { terms, style }
    }

    /// Volatility at a price, with the `None` of [`Side::solve`].
    #[must_use]
    pub fn iv_at(&self, price: f64, tick: f64) -> Option<f64> {
        let solved = match self.style {
            ExerciseStyle::European => black::implied_vol(&self.terms, price, tick),
            ExerciseStyle::American => american::implied_vol(&self.terms, price, tick),
        };
        solved.ok().flatten()
    }
}

const fn refusal(why: &Refused) -> ExerciseModel {
    match why {
        Refused::TwoBoundaries { .. } => ExerciseModel::TwoBoundaries,
        Refused::OutOfRange { .. } | Refused::Expired => ExerciseModel::OutOfRange,
    }
}

fn european(terms: &Terms, quotes: &[Quoted]) -> Vec<Option<VolPoint>> {
    let point = |implied: black::Implied| VolPoint { iv: implied.vol, greeks: implied.greeks };
    black::solve(terms, quotes).into_iter().map(|solved| solved.ok().flatten().map(point)).collect()
}

fn american(smile: &mut Smile, quotes: &[Quoted]) -> Vec<Option<VolPoint>> {
    let vols: Vec<Option<f64>> = smile.implied_vols(quotes).into_iter().map(|vol| vol.ok().flatten()).collect();
    let known = quotes.iter().zip(&vols).filter_map(|(q, vol)| Some(Point { strike: q.strike, vol: (*vol)? }));
    let mut greeks = smile.greeks(&known.collect::<Vec<Point>>()).into_iter();
    vols.into_iter()
        .map(|vol| {
            let iv = vol?;
            let greeks = greeks.next()?.ok()?;
            Some(VolPoint { iv, greeks })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEARS: f64 = 45.0 / 365.0;

    fn side(kind: OptionKind, style: ExerciseStyle, rate: f64, yield_: f64) -> Side {
        let forward = 100.0 * libm::exp((rate - yield_) * YEARS);
        let discount = libm::exp(-rate * YEARS);
        let carry = Carry { years: YEARS, rate, spot: 100.0, forward, yield_, discount, assumed: false };
        Side::new(kind, style, &carry)
    }

    fn at(strike: f64, price: f64) -> Quoted {
        Quoted { strike, price, tick: 0.01 }
    }

    #[test]
    fn the_golden_put_of_the_csp_example() {
        let [point] = side(OptionKind::Put, ExerciseStyle::European, 0.04, 0.0).solve(&[at(95.0, 1.925)])[..] else {
            panic!("one price, one answer")
        };
        let point = point.unwrap();
        assert!((point.iv - 0.300445).abs() < 0.5e-6, "{}", point.iv);
    }

    #[test]
    fn early_exercise_takes_its_part_of_the_price() {
        let mut put = side(OptionKind::Put, ExerciseStyle::American, 0.045, 0.0);
        assert_eq!(put.model(), ExerciseModel::American);
        let terms = Terms { strike: 105.0, ..put.terms };
        let price = american::price(&terms, 0.25).unwrap();
        let [exact] = put.solve(&[at(105.0, price)])[..] else { panic!("one price, one answer") };
        let [rough] = put.approximate(&[at(105.0, price)])[..] else { panic!("one price, one answer") };
        let (exact, rough) = (exact.unwrap(), rough.unwrap());
        assert!((exact.iv - 0.25).abs() < 1e-6, "{}", exact.iv);
        // The European formula takes the right to exercise for volatility.
        assert!(rough.iv > 0.2525, "{}", rough.iv);
        assert!(exact.greeks.delta < rough.greeks.delta - 0.005, "{} {}", exact.greeks.delta, rough.greeks.delta);
    }

    #[test]
    fn near_a_bound_there_is_no_volatility() {
        for style in [ExerciseStyle::European, ExerciseStyle::American] {
            let mut call = side(OptionKind::Call, style, 0.04, 0.0);
            let Bounds { lower, upper } = call.bounds(80.0).unwrap();
            for (price, known) in [(lower + 0.01, false), (lower + 0.02, true), (upper, false)] {
                assert_eq!(call.solve(&[at(80.0, price)])[0].is_some(), known, "{style:?} {price}");
                assert_eq!(call.approximate(&[at(80.0, price)])[0].is_some(), known, "{style:?} {price}");
            }
        }
        assert_eq!(side(OptionKind::Put, ExerciseStyle::American, 0.04, 0.0).bounds(120.0).unwrap().lower, 20.0);
    }

    #[test]
    fn two_boundaries_are_named_and_not_approximated() {
        let mut put = side(OptionKind::Put, ExerciseStyle::American, -0.02, -0.05);
        assert_eq!(put.model(), ExerciseModel::TwoBoundaries);
        assert_eq!(put.solve(&[at(100.0, 4.0)]), [None]);
        assert!(put.bounds(100.0).is_some());
        assert_eq!(side(OptionKind::Put, ExerciseStyle::European, -0.02, -0.05).model(), ExerciseModel::European);
        assert_eq!(side(OptionKind::Put, ExerciseStyle::American, f64::NAN, 0.0).model(), ExerciseModel::OutOfRange);
    }
}
