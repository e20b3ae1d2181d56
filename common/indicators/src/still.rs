//! Windows without movement, where a ratio of movements is 0 / 0.
//!
//! TA-Lib answers such a ratio with a constant, most often 0: the RSI of a flat window reads "oversold", Williams' %R
//! "overbought", the efficiency ratio (1) "a perfect trend". Nothing moved, so nothing is known: the value is `None`.
//!
//! A window is that many traded bars up to the one at hand. What must not have moved is told by [`Movement`]. Where a
//! ratio is smoothed afterwards (stochastics), a value is `None` too while such a window is among the bars it is made
//! of. Averages, sums, differences and patterns of flat windows are true as they are and stay: the momentum of nothing
//! is 0, the band around it has no width.

use ta_lib::abstract_api::FuncId;

use crate::spec::Value;

/// What counts as no movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Movement {
    /// Every series keeps its value: differences between bars are 0.
    Unmoved,
    /// Every series keeps the same value: differences within a bar are 0 too.
    Point,
    /// One of the series keeps its value: it has no deviation to be compared.
    Either,
}

/// Where an indicator has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    movement: Movement,
    /// Bars without movement that leave nothing to divide by.
    window: usize,
    /// Bars after such a window that are still made of it.
    reach: usize,
}

/// The rule of an indicator with its values and its lookback; `None` where its values are true on a flat window.
pub(crate) fn rule(id: FuncId, values: &[Value], lookback: usize) -> Option<Rule> {
    use Movement::{Either, Point, Unmoved};
    let lengths: Vec<usize> = values
        .iter()
        .filter_map(|value| match value {
            Value::Integer(length) => usize::try_from(*length).ok(),
            Value::Real(_) | Value::Average(_) => None,
        })
        .collect();
    let first = lengths.first().copied().unwrap_or(1);
    let whole = lookback + 1;
    let at_once = |movement, window| Some(Rule { movement, window, reach: 0 });
    let smoothed = |movement, window: usize| Some(Rule { movement, window, reach: whole.saturating_sub(window) });
    match id {
        // Gains over gains and losses, one difference a bar.
        FuncId::RSI | FuncId::CMO | FuncId::CMOU | FuncId::ER | FuncId::VHF => at_once(Unmoved, first + 1),
        FuncId::STOCHRSI => smoothed(Unmoved, first + 1),
        FuncId::MFI | FuncId::DX | FuncId::ADX | FuncId::ADXR => at_once(Unmoved, first + 1),
        // Which of equal highs is the latest says nothing.
        FuncId::AROON | FuncId::AROONOSC => at_once(Unmoved, first + 1),
        FuncId::CCI => at_once(Unmoved, first),
        FuncId::PLUS_DI | FuncId::MINUS_DI | FuncId::VORTEX => at_once(Point, first + 1),
        // Of three windows the shortest is empty first.
        FuncId::ULTOSC => at_once(Point, lengths.iter().copied().min().unwrap_or(1) + 1),
        // The place in the range of a window.
        FuncId::WILLR | FuncId::CMF | FuncId::IMI => at_once(Point, first),
        FuncId::STOCH | FuncId::STOCHF | FuncId::KDJ | FuncId::SMI => smoothed(Point, first),
        FuncId::BOP => at_once(Point, 1),
        // Ratios of averages.
        FuncId::MASSI | FuncId::CVI => at_once(Point, whole),
        FuncId::TSI | FuncId::RVI | FuncId::PERCENTRANK => at_once(Unmoved, whole),
        // The cycle of nothing.
        FuncId::HT_DCPERIOD | FuncId::HT_DCPHASE | FuncId::HT_SINE | FuncId::HT_TRENDMODE => at_once(Unmoved, whole),
        FuncId::CORREL => at_once(Either, first),
        FuncId::BETA => at_once(Either, first + 1),
        _ => None,
    }
}

impl Rule {
    /// Calls `blank` with every bar that has no value. `series` are the prices that are read, of one length.
    pub(crate) fn each(self, series: &[&[f64]], mut blank: impl FnMut(usize)) {
        if !self.may_apply(series) {
            return;
        }
        let bars = series.first().map_or(0, |values| values.len());
        // How long the series have kept their values at each bar; with `Either` each for itself.
        let alone = self.movement == Movement::Either;
        let mut runs = vec![0_usize; if alone { series.len() } else { 1 }];
        let mut blank_until = 0;
        for bar in 0..bars {
            let kept = |values: &[f64]| bar > 0 && values[bar] == values[bar - 1];
            if alone {
                for (run, values) in runs.iter_mut().zip(series) {
                    *run = if kept(values) { *run + 1 } else { 1 };
                }
            } else {
                let apart = self.movement == Movement::Point && series.iter().any(|v| v[bar] != series[0][bar]);
                runs[0] = match (apart, series.iter().all(|values| kept(values))) {
                    (true, _) => 0,
                    (false, true) => runs[0] + 1,
                    (false, false) => 1,
                };
            }
            if runs.iter().any(|run| *run >= self.window) {
                blank_until = bar + self.reach + 1;
            }
            if bar < blank_until {
                blank(bar);
            }
        }
    }

    /// Whether any window could be without movement: false for most series, and quickly so.
    fn may_apply(self, series: &[&[f64]]) -> bool {
        let kept = |values: &[f64]| values.windows(2).filter(|pair| pair[0] == pair[1]).count() + 1;
        match (self.movement, series) {
            (_, []) => false,
            (Movement::Either, series) => series.iter().any(|values| kept(values) >= self.window),
            (Movement::Point, [one, other, ..]) => {
                one.iter().zip(*other).filter(|(one, other)| one == other).count() >= self.window
            }
            (Movement::Point | Movement::Unmoved, [one, ..]) => kept(one) >= self.window,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    #[track_caller]
    fn check(movement: Movement, window: usize, reach: usize, series: &[&[f64]], blank: &[usize]) {
        let mut found = Vec::new();
        Rule { movement, window, reach }.each(series, |bar| found.push(bar));
        assert_eq!(found, blank);
    }

    #[test]
    fn a_window_counts_its_bars() {
        let series: &[f64] = &[1.0, 2.0, 2.0, 2.0, 3.0, 3.0];
        check(Movement::Unmoved, 3, 0, &[series], &[3]);
        check(Movement::Unmoved, 2, 0, &[series], &[2, 3, 5]);
        check(Movement::Unmoved, 3, 1, &[series], &[3, 4]);
        check(Movement::Unmoved, 1, 0, &[series], &[0, 1, 2, 3, 4, 5]);
        check(Movement::Unmoved, 2, 0, &[], &[]);
    }

    #[test]
    fn kinds_of_movement_differ() {
        let (high, low): (&[f64], &[f64]) = (&[3.0, 3.0, 3.0, 2.0, 2.0], &[1.0, 1.0, 1.0, 2.0, 2.0]);
        check(Movement::Unmoved, 2, 0, &[high, low], &[1, 2, 4]);
        check(Movement::Point, 2, 0, &[high, low], &[4]);
        check(Movement::Point, 1, 0, &[high, low], &[3, 4]);
        let moving: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0];
        check(Movement::Either, 3, 0, &[high, moving], &[2]);
        check(Movement::Unmoved, 2, 0, &[high, moving], &[]);
    }

    #[test]
    fn windows_follow_the_parameters() {
        let of = |text: &str| {
            let spec: Spec = text.parse().unwrap();
            rule(spec.indicator().id, spec.values(), spec.lookback()).map(|rule| (rule.window, rule.reach))
        };
        assert_eq!(of("rsi:14"), Some((15, 0)));
        assert_eq!(of("stoch"), Some((5, 4)));
        assert_eq!(of("stochrsi:14:5:3"), Some((15, 6)));
        assert_eq!(of("ultosc:28:14:7"), Some((8, 0)));
        assert_eq!(of("sma:14"), None);
        assert_eq!(of("cdldoji"), None);
    }
}
