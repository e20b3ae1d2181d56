//! Where the highest and the lowest value of a window stand, with the wheel's answer to ties.
//!
//! The wheel's C library (0.8.1) names the oldest of equal extremes when it looks through a whole window, and the newest
//! when it compares one bar more: the answer depends on what went before. The Rust library (0.8.3) names the newest
//! always. Prices in cents tie often, and the wheel is what our values are held against, so the three functions are
//! computed here, by the wheel's rule. Everything else comes from the library.

use ta_lib::abstract_api::FuncId;

use crate::spec::{Spec, Value};

/// The places of the extremes of each window, an output each; `None` for any other indicator.
///
/// An output has one value a bar; those of the lookback are NaN.
pub(crate) fn places(spec: &Spec, series: &[f64]) -> Option<Vec<Vec<f64>>> {
    let id = spec.indicator().id;
    if !matches!(id, FuncId::MAXINDEX | FuncId::MININDEX | FuncId::MINMAXINDEX) {
        return None;
    }
    let Some(Value::Integer(window)) = spec.values().first() else { return None };
    let window = usize::try_from(*window).ok()?;
    let lowest = || of_windows(series, window, |value, best| value < best);
    let highest = || of_windows(series, window, |value, best| value > best);
    Some(match id {
        FuncId::MAXINDEX => vec![highest()],
        FuncId::MININDEX => vec![lowest()],
        _ => vec![lowest(), highest()],
    })
}

fn of_windows(series: &[f64], window: usize, beyond: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let mut out = Vec::with_capacity(series.len());
    out.resize(series.len().min(window - 1), f64::NAN);
    let mut best: Option<(usize, f64)> = None;
    for (first, values) in series.windows(window).enumerate() {
        let newest = values[window - 1];
        let (place, value) = match best {
            // The old one is still inside: the newest replaces it, also where it is equal.
            Some((place, value)) if place >= first => match beyond(value, newest) {
                true => (place, value),
                false => (first + window - 1, newest),
            },
            // It has left: the oldest of the best ones in the window.
            _ => {
                let (mut at, mut value) = (0, values[0]);
                for (other, candidate) in values.iter().enumerate().skip(1) {
                    if beyond(*candidate, value) {
                        (at, value) = (other, *candidate);
                    }
                }
                (first + at, value)
            }
        };
        best = Some((place, value));
        out.push(place as f64);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: &str, series: &[f64], wanted: &[&[usize]]) {
        let found = places(&spec.parse().unwrap(), series).unwrap();
        let found: Vec<Vec<usize>> =
            found.iter().map(|out| out.iter().filter(|at| at.is_finite()).map(|at| *at as usize).collect()).collect();
        assert_eq!(found, wanted);
    }

    /// What the wheel gives for these.
    #[test]
    fn ties_are_the_wheels() {
        check("maxindex:4", &[1.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[&[1, 1, 2, 3, 4]]);
        check("maxindex:4", &[1.0; 8], &[&[0, 1, 2, 3, 4]]);
        check("maxindex:3", &[3.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0], &[&[0, 2, 2, 3, 4, 5, 6]]);
        check("minindex:3", &[3.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0], &[&[1, 1, 4, 5, 6, 7, 8]]);
        check("minmaxindex:2", &[1.0, 2.0, 0.0], &[&[0, 2], &[1, 1]]);
        check("minmaxindex:9", &[1.0, 2.0, 0.0], &[&[], &[]]);
        assert!(places(&"max:3".parse().unwrap(), &[1.0]).is_none());
    }
}
