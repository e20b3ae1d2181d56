//! Boundaries shared by all contracts of one expiration and side.
//!
//! A boundary scales with the strike, but every strike has a volatility of its own. So boundaries are solved once per
//! panel of volatilities (.0125, .05, .2, .8, 3.2, 12.8), at eight Chebyshev–Lobatto nodes in ln σ, and in between
//! g = ln(X/B)/σ is interpolated at each collocation node (barycentric). Panels meet at their ends.
//!
//! Promises: within 3e-4 (spot 100) of [`super::price`]; the answer for one contract depends on the others only through
//! which panels are solved: a panel that fewer contracts than its nodes fall into is not, and these are solved by
//! themselves. Refuses as [`super::price`] does, contract by contract.

use super::boundary::Boundary;
use super::carry::Carry;
use super::contract::{Exercise, First, Solved, Unit, assemble, bounds, difference, exercise, exercised_greeks, solve};
use super::grid::NODES;
use super::invert::invert;
use crate::black::{self, Greeks};
use crate::terms::{Point, Quoted, Refused, Terms, check_strike, check_vol};

/// Volatilities solved per panel (J). Against prices solved alone, spot 100, 1 day to 3 years, volatility .1 to 1.5: with 8
/// the worst differs by 1.6e-4, with 6 by 1.2e-3 (at volatility .1 and a yield above the rate).
const SOLVED: usize = 8;
/// The lowest panel's lower end.
const LOWEST: f64 = 0.0125;
/// Upper over lower end of each panel.
const RATIO: f64 = 4.0;
const PANELS: usize = 5;
/// As for one contract.
const VOL_STEP: f64 = 1e-3;
const RATE_STEP: f64 = 1e-4;

/// All contracts of one underlying, expiration and kind.
#[derive(Debug, Clone)]
pub struct Smile {
    /// With the spot as strike.
    terms: Terms,
    exercise: Exercise,
    carry: Option<Carry>,
    panels: [Option<Panel>; PANELS],
    /// The same smile a basis point lower and higher in the rate, once rho was asked for; a side that is refused is none.
    shifted: Option<Box<[Option<Smile>; 2]>>,
}

/// g at the solved volatilities.
#[derive(Debug, Clone)]
struct Panel {
    ln_vol: [f64; SOLVED],
    g: [[f64; NODES]; SOLVED],
}

impl Smile {
    /// `terms` says all but the strike, which is not read.
    ///
    /// # Errors
    /// [`Refused::OutOfRange`]; [`Refused::TwoBoundaries`].
    pub fn new(terms: &Terms) -> Result<Self, Refused> {
        let terms = Terms { strike: terms.spot, ..*terms };
        terms.check()?;
        let exercise = exercise(&terms)?;
        let Unit { rate, yield_, .. } = Unit::of(&terms);
        let carry = match exercise {
            Exercise::Never => None,
            Exercise::Early => Some(Carry::new(terms.years, rate, yield_)),
        };
        Ok(Self { terms, exercise, carry, panels: Default::default(), shifted: None })
    }

    /// Prices, dollars, in the order asked.
    ///
    /// # Errors
    /// Each its own: [`Refused::OutOfRange`].
    pub fn prices(&mut self, points: &[Point]) -> Vec<Result<f64, Refused>> {
        self.prepare(points.iter().map(|point| point.vol));
        points.iter().map(|point| self.price(*point)).collect()
    }

    /// One price, dollars, by the panels that are solved already; else its boundary is solved by itself.
    ///
    /// # Errors
    /// [`Refused::OutOfRange`].
    pub fn price(&self, point: Point) -> Result<f64, Refused> {
        check_strike(point.strike)?;
        check_vol(point.vol)?;
        let terms = self.at(point.strike);
        Ok(self.value(&terms, &Unit::of(&terms), point.vol))
    }

    /// Implied volatilities in the order asked, with the bounds and the `None` of [`super::implied_vol`].
    ///
    /// # Errors
    /// Each its own: [`Refused::OutOfRange`].
    pub fn implied_vols(&mut self, quotes: &[Quoted]) -> Vec<Result<Option<f64>, Refused>> {
        // The European volatility tells the panel well enough to count.
        let (discount, spot) = black::present(&self.terms);
        let Terms { kind, years, .. } = self.terms;
        let guess = |q: &Quoted| black::vol_on_forward(kind, spot, q.strike * discount, years, q.price);
        self.prepare(quotes.iter().filter_map(guess));
        quotes.iter().map(|quoted| self.implied_vol(*quoted)).collect()
    }

    /// One implied volatility, as [`Self::price`] is one price.
    ///
    /// # Errors
    /// [`Refused::OutOfRange`].
    pub fn implied_vol(&self, quoted: Quoted) -> Result<Option<f64>, Refused> {
        let terms = self.at(quoted.strike);
        if !bounds(&terms)?.tell(quoted.price, quoted.tick) || terms.years <= 0.0 {
            return Ok(None);
        }
        let unit = Unit::of(&terms);
        Ok(invert(&terms, quoted.price, |vol| self.value(&terms, &unit, vol)))
    }

    /// Greeks in the order asked, as [`super::greeks`] defines them.
    ///
    /// # Errors
    /// Each its own: [`Refused::OutOfRange`]; [`Refused::Expired`].
    pub fn greeks(&mut self, points: &[Point]) -> Vec<Result<Greeks, Refused>> {
        self.prepare(points.iter().map(|point| point.vol));
        let terms = self.terms;
        let mut shifted = self.shifted.take().unwrap_or_else(|| {
            Box::new([-RATE_STEP, RATE_STEP].map(|by| Self::new(&Terms { rate: terms.rate + by, ..terms }).ok()))
        });
        for smile in shifted.iter_mut().flatten() {
            smile.prepare(points.iter().map(|point| point.vol));
        }
        self.shifted = Some(shifted);
        points.iter().map(|point| self.greek(*point)).collect()
    }

    fn greek(&self, Point { strike, vol }: Point) -> Result<Greeks, Refused> {
        let terms = self.at(strike);
        terms.check_alive()?;
        check_vol(vol)?;
        let european = black::sensitivities(&terms, vol);
        if self.exercise == Exercise::Never {
            return Ok(european);
        }
        let unit = Unit::of(&terms);
        let (price, exercised, slopes) = self.solved(&terms, vol, |solved| {
            let price = solved.value(&terms, &unit, black::value(&terms, vol));
            (price, solved.exercised(unit.at), solved.slopes_of(&terms, &unit, &european))
        });
        if exercised {
            return Ok(exercised_greeks(&terms));
        }
        let premium = |smile: &Self, vol: f64| {
            check_vol(vol)?;
            let terms = smile.at(strike);
            Ok(smile.value(&terms, &Unit::of(&terms), vol) - black::value(&terms, vol))
        };
        let vega = difference(vol, VOL_STEP * vol, |vol| premium(self, vol))?;
        let [lower, higher] = self.shifted.as_deref().map_or([None, None], |[l, h]| [l.as_ref(), h.as_ref()]);
        let rho = difference(0.0, RATE_STEP, |by| {
            let smile = if by < 0.0 {
                lower
            } else if by > 0.0 {
                higher
            } else {
                Some(self)
            };
            smile
                .ok_or(Refused::TwoBoundaries { rate: terms.rate + by, yield_: terms.yield_ })
                .and_then(|smile| premium(smile, vol))
        })?;
        Ok(assemble(&terms, vol, &First { price, slopes }, (vega, rho), &european))
    }

    fn at(&self, strike: f64) -> Terms {
        Terms { strike, ..self.terms }
    }

    /// Solves the panels that enough volatilities fall into.
    fn prepare(&mut self, vols: impl Iterator<Item = f64>) {
        let Some(carry) = &self.carry else { return };
        let mut counts = [0; PANELS];
        for panel in vols.filter_map(panel_of) {
            counts[panel] += 1;
        }
        for (index, panel) in self.panels.iter_mut().enumerate() {
            if panel.is_none() && counts[index] >= SOLVED {
                *panel = Panel::solve(carry, index);
            }
        }
    }

    fn value(&self, terms: &Terms, unit: &Unit, vol: f64) -> f64 {
        let european = black::value(terms, vol);
        match self.exercise {
            Exercise::Never => european.max(terms.intrinsic()),
            Exercise::Early => self.solved(terms, vol, |solved| solved.value(terms, unit, european)),
        }
    }

    /// The boundary at a volatility: of its panel, or by itself.
    fn solved<T>(&self, terms: &Terms, vol: f64, use_: impl FnOnce(&Solved<'_>) -> T) -> T {
        let shared = self.carry.as_ref().and_then(|carry| {
            let panel = self.panels[panel_of(vol)?].as_ref()?;
            Some(Solved { carry, boundary: panel.boundary(vol), years: terms.years })
        });
        match (shared, &self.carry) {
            (Some(shared), _) => use_(&shared),
            (None, Some(carry)) if carry.moves_throughout(vol) => {
                use_(&Solved { carry, boundary: Boundary::solve(carry, vol), years: terms.years })
            }
            (None, _) => solve(terms, vol, use_),
        }
    }
}

/// The panel of a volatility; `None` outside of all.
fn panel_of(vol: f64) -> Option<usize> {
    let mut upper = LOWEST;
    if vol.is_nan() || vol < upper {
        return None;
    }
    (0..PANELS).find(|_| {
        upper *= RATIO;
        vol <= upper
    })
}

impl Panel {
    /// `None` where the boundary comes to rest before settlement at some volatility of the panel: then its polynomials
    /// would be over another time.
    fn solve(carry: &Carry, index: usize) -> Option<Self> {
        let low = LOWEST * libm::pow(RATIO, index as f64);
        // The rate of decay is convex in the volatility, so that the ends decide.
        if !carry.moves_throughout(low) || !carry.moves_throughout(low * RATIO) {
            return None;
        }
        let mut panel = Self { ln_vol: [0.0; SOLVED], g: [[0.0; NODES]; SOLVED] };
        for j in 0..SOLVED {
            let x = 0.5 * (1.0 - libm::cos(std::f64::consts::PI * j as f64 / (SOLVED - 1) as f64));
            let vol = low * libm::pow(RATIO, x);
            panel.ln_vol[j] = libm::log(vol);
            panel.g[j] = Boundary::solve(carry, vol).h.map(|h| h.sqrt() / vol);
        }
        Some(panel)
    }

    fn boundary(&self, vol: f64) -> Boundary {
        let ln_vol = libm::log(vol);
        let mut total = 0.0;
        let mut g = [0.0; NODES];
        for j in 0..SOLVED {
            let apart = ln_vol - self.ln_vol[j];
            if apart == 0.0 {
                g = self.g[j];
                total = 1.0;
                break;
            }
            let half = if j == 0 || j == SOLVED - 1 { 0.5 } else { 1.0 };
            let weight = if j % 2 == 0 { half / apart } else { -half / apart };
            total += weight;
            for (sum, value) in g.iter_mut().zip(self.g[j]) {
                *sum += weight * value;
            }
        }
        Boundary { vol, h: g.map(|g| (g / total * vol) * (g / total * vol)) }
    }
}
