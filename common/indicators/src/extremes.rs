//! Where the highest and the lowest value of a window stand, with the wheel's answer to ties.
//!
//! The wheel's C library (0.8.1) names the oldest of equal extremes when it looks through a whole window, and the newest
//! when it compares one bar more: the answer depends on what went before. The Rust library (0.8.3) names the newest
//! always. Prices in cents tie often, and the wheel is what our values are held against, so the three functions are
//! computed here, by the wheel's rule. Everything else comes from the library.

use ta_lib::abstract_api::FuncId;

use crate::spec::{Spec, Value};

/// Which end of a window.
#[derive(Debug, Clone, Copy)]
enum End {
    Highest,
    Lowest,
}

/// The places of the extremes of each window, an output each; `None` for any other indicator.
///
/// An output has one value a bar; those of the lookback are NaN.
pub(crate) fn places(spec: &Spec, series: &[f64]) -> Option<Vec<Vec<f64>>> {
    let ends: &[End] = match spec.indicator().id {
        FuncId::MAXINDEX => &[End::Highest],
        FuncId::MININDEX => &[End::Lowest],
        FuncId::MINMAXINDEX => &[End::Lowest, End::Highest],
        _ => return None,
    };
    let Some(Value::Integer(window)) = spec.values().first() else { return None };
    let window = usize::try_from(*window).ok()?;
    Some(ends.iter().map(|end| of_windows(*end, series, window)).collect())
}

fn of_windows(end: End, series: &[f64], window: usize) -> Vec<f64> {
    let beyond = |value: f64, best: f64| match end {
        End::Highest => value > best,
        End::Lowest => value < best,
    };
    let mut out = vec![f64::NAN; series.len().min(window - 1)];
    let mut best: Option<usize> = None;
    for today in window - 1..series.len() {
        let first = today + 1 - window;
        let place = match best.filter(|best| *best >= first) {
            // The old one is still inside: today's replaces it, also where it is equal.
            Some(old) if beyond(series[old], series[today]) => old,
            Some(_) => today,
            // It has left: the oldest of the best ones in the window.
            None => {
                (first + 1..=today).fold(first, |best, bar| if beyond(series[bar], series[best]) { bar } else { best })
            }
        };
        best = Some(place);
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
