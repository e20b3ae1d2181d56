//! The risk-free rate of a number of days: a few points, straight lines between them, flat beyond the ends.
//!
//! Promises: every curve has at least one point, its days ascend and its rates are finite; [`Curve::rate`] is finite for
//! every number of days. Refuses anything else when it is built.

use thiserror::Error;

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Calendar days from now, 0 or more.
    pub days: f64,
    /// Continuous zero rate a year, −.5 to 3 (.045 is 4.5 %).
    pub rate: f64,
}

/// A curve of continuous zero rates.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Ascending in days, never empty.
    points: Vec<CurvePoint>,
}

/// Why these points are no curve.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum CurveError {
    /// No point at all.
    #[error("a rate curve needs a point")]
    Empty,
    /// More points than [`Curve::MOST`].
    #[error("{count} points of a rate curve are more than {}", Curve::MOST)]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// Days that are no number or negative, or a rate out of range.
    #[error("point {index} of the rate curve is {} at {} days", point.rate, point.days)]
    OutOfRange {
        /// Its place, from 0.
        index: usize,
        /// What was given.
        point: CurvePoint,
    },
    /// Not later than the point before it.
    #[error("point {index} of the rate curve, at {} days, does not come after the one before it", point.days)]
    NotAscending {
        /// Its place, from 0.
        index: usize,
        /// What was given.
        point: CurvePoint,
    },
}

impl Curve {
    /// A curve somebody writes by hand, or the Treasury's, has a dozen points.
    pub const MOST: usize = 64;

    /// Checks the points, which are in order of days.
    ///
    /// # Errors
    /// [`CurveError`] for the first that is wrong.
    pub fn new(points: &[CurvePoint]) -> Result<Self, CurveError> {
        if points.is_empty() {
            return Err(CurveError::Empty);
        }
        if points.len() > Self::MOST {
            return Err(CurveError::TooMany { count: points.len() });
        }
        let mut before = f64::NEG_INFINITY;
        for (index, point) in points.iter().copied().enumerate() {
            // NaN is in no range.
            if !(0.0..=1e6).contains(&point.days) || !(-0.5..=3.0).contains(&point.rate) {
                return Err(CurveError::OutOfRange { index, point });
            }
            if point.days <= before {
                return Err(CurveError::NotAscending { index, point });
            }
            before = point.days;
        }
        Ok(Self { points: points.to_vec() })
    }

    /// The same rate for every number of days.
    ///
    /// # Errors
    /// [`CurveError::OutOfRange`].
    pub fn flat(rate: f64) -> Result<Self, CurveError> {
        Self::new(&[CurvePoint { days: 0.0, rate }])
    }

    /// Continuous zero rate of a number of calendar days. NaN counts as the first point's days.
    #[must_use]
    pub fn rate(&self, days: f64) -> f64 {
        let after = self.points.partition_point(|point| point.days <= days);
        match (after.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(after)) {
            (Some(a), Some(b)) => a.rate + (b.rate - a.rate) * (days - a.days) / (b.days - a.days),
            (Some(only), None) | (None, Some(only)) => only.rate,
            // `new` lets no empty curve be.
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(days: f64, rate: f64) -> CurvePoint {
        CurvePoint { days, rate }
    }

    #[test]
    fn straight_between_the_points_and_flat_beyond() {
        let curve = Curve::new(&[point(30.0, 0.04), point(90.0, 0.046), point(365.0, 0.04)]).unwrap();
        for (days, rate) in [(0.0, 0.04), (30.0, 0.04), (60.0, 0.043), (90.0, 0.046), (365.0, 0.04), (9e9, 0.04)] {
            assert!((curve.rate(days) - rate).abs() < 1e-15, "{days}: {}", curve.rate(days));
        }
        assert_eq!(curve.rate(-5.0), 0.04);
        assert_eq!(curve.rate(f64::NAN), 0.04);
        assert_eq!(Curve::flat(0.05).unwrap().rate(1000.0), 0.05);
    }

    #[test]
    fn bad_points_are_refused_by_place() {
        assert_eq!(Curve::new(&[]), Err(CurveError::Empty));
        assert_eq!(Curve::new(&[point(1.0, 0.0); 65]), Err(CurveError::TooMany { count: 65 }));
        let good = point(30.0, 0.04);
        for bad in [point(-1.0, 0.04), point(f64::INFINITY, 0.04), point(60.0, 4.5)] {
            assert_eq!(Curve::new(&[good, bad]), Err(CurveError::OutOfRange { index: 1, point: bad }));
        }
        assert!(matches!(Curve::flat(f64::NAN), Err(CurveError::OutOfRange { index: 0, .. })));
        assert_eq!(Curve::new(&[good, good]), Err(CurveError::NotAscending { index: 1, point: good }));
        let said = CurveError::OutOfRange { index: 1, point: point(60.0, 4.5) }.to_string();
        assert_eq!(said, "point 1 of the rate curve is 4.5 at 60 days");
    }
}
