//! Interest and dividends where the chain does not tell them: one risk-free rate, or a small curve of them.

use fleet_pricing::curve::{Curve, CurveError, CurvePoint};
use serde::{Deserialize, Serialize};

use crate::strategy::Problems;

/// Rates a person may write, continuous annual fractions.
const LOWEST: f64 = -0.05;
/// As [`LOWEST`].
const HIGHEST: f64 = 0.5;
/// Days of a year.
const DAYS: f64 = 365.0;

/// Interest and dividends, continuous annual fractions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Risk-free rate of every expiration, where there is no curve.
    pub risk_free: f64,
    /// Risk-free rates by term: calendar days and rate, ascending in days; straight lines between them, flat beyond the
    /// ends. Empty: `risk_free` for every expiration.
    pub curve: Vec<[f64; 2]>,
    /// Dividend yield where the chain's forward does not tell it.
    pub assumed_yield: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { risk_free: 0.04, curve: Vec::new(), assumed_yield: 0.0 }
    }
}

impl Rates {
    /// The risk-free rates by term. Refused: a curve that is none, and a rate out of range.
    pub fn term_structure(&self) -> Result<Curve, CurveError> {
        if self.curve.is_empty() {
            return Curve::flat(self.risk_free);
        }
        let points: Vec<CurvePoint> = self.curve.iter().map(|&[days, rate]| CurvePoint { days, rate }).collect();
        Curve::new(&points)
    }

    /// Says what is out of range.
    pub(crate) fn problems(&self, all: &mut Problems) {
        all.number("risk_free", self.risk_free, LOWEST, HIGHEST);
        all.number("assumed_yield", self.assumed_yield, LOWEST, HIGHEST);
        for (at, [_, rate]) in self.curve.iter().enumerate() {
            all.number(&format!("curve[{at}][1]"), *rate, LOWEST, HIGHEST);
        }
        if let (false, Err(why)) = (self.curve.is_empty(), self.term_structure()) {
            all.say("curve", &format!("is no curve of [days, rate]: {why}"));
        }
    }
}

/// Risk-free rate of a number of years.
#[must_use]
pub fn rate_at(curve: &Curve, years: f64) -> f64 {
    curve.rate(years * DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_takes_the_place_of_the_one_rate() {
        let flat = Rates { risk_free: 0.05, ..Rates::default() }.term_structure().unwrap();
        assert_eq!(rate_at(&flat, 2.0), 0.05);
        let rates = Rates { curve: vec![[30.0, 0.04], [395.0, 0.05]], ..Rates::default() };
        let curve = rates.term_structure().unwrap();
        let half = rate_at(&curve, 212.5 / 365.0);
        assert!((half - 0.045).abs() < 1e-15, "{half}");
    }

    #[test]
    fn what_is_no_curve_is_said_with_its_place() {
        let said = |rates: &Rates| {
            let mut all = Problems::default();
            all.of_table("rates");
            rates.problems(&mut all);
            all.into_sentences()
        };
        let of_curve = |curve: &[[f64; 2]]| said(&Rates { curve: curve.to_vec(), ..Rates::default() });
        assert_eq!(of_curve(&[]), Vec::<String>::new());
        assert_eq!(of_curve(&[[30.0, 0.04], [60.0, 0.6]]), ["rates.curve[1][1] = 0.6 must be from -0.05 to 0.5"]);
        let twice = "rates.curve is no curve of [days, rate]: point 1 of the rate curve, at 30 days, does not come after \
                     the one before it";
        assert_eq!(of_curve(&[[30.0, 0.04], [30.0, 0.04]]), [twice]);
        let past = "rates.curve is no curve of [days, rate]: point 0 of the rate curve is 0.04 at -1 days";
        assert_eq!(of_curve(&[[-1.0, 0.04]]), [past]);
        assert_eq!(said(&Rates { risk_free: f64::NAN, ..Rates::default() }).len(), 1);
    }
}
