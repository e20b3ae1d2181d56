//! Values known without any library, and what is refused.

use fleet_indicators::{Bars, Column, ComputeError, Spec, compute};

use crate::series;

fn column(spec: &str, bars: &Bars) -> Vec<Option<f64>> {
    let spec: Spec = spec.parse().unwrap();
    compute(&spec, bars).unwrap()[0].values().collect()
}

fn closes(values: &[f64]) -> Bars {
    Bars::new([(Column::Close, values.to_vec())]).unwrap()
}

#[test]
fn wilders_rsi_of_the_well_known_series() {
    let bars = closes(&[
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28, 46.00,
        46.03, 46.41, 46.22, 45.64, 46.21, 46.25, 45.71, 46.45, 45.78, 45.35, 44.03, 44.18, 44.22, 44.57, 43.42, 42.66,
        43.13,
    ]);
    let values = column("rsi:14", &bars);
    assert_eq!(values[13], None);
    assert!((values[14].unwrap() - 70.4641).abs() <= 0.5e-4);
    assert!((values[32].unwrap() - 37.7888).abs() <= 0.5e-4);
    let bands = compute(&"bbands:20:2".parse().unwrap(), &bars).unwrap();
    let at_last: Vec<f64> = bands.iter().filter_map(|band| band.last()).collect();
    for (ours, known) in at_last.iter().zip([47.62015, 45.24100, 42.86185]) {
        assert!((ours - known).abs() <= 0.5e-5, "{at_last:?}: the population deviation");
    }
}

#[test]
fn a_flat_window_says_nothing() {
    let mut values = vec![2.35; 60];
    assert_eq!(column("rsi:14", &closes(&values)), vec![None; 60]);
    assert_eq!(column("sma:3", &closes(&values)).iter().flatten().count(), 58, "an average does");
    values[10] = 2.40;
    let late = column("rsi:14", &closes(&values));
    assert!(late[20].is_some());
    assert_eq!(late[59], None, "fifteen equal closes");
}

#[test]
fn what_has_no_finite_value_has_none() {
    let bars = closes(&[0.5, 2.0, 0.0, 1.0]);
    assert_eq!(column("acos", &bars)[1], None, "beyond 1");
    assert_eq!(column("ln", &bars), [Some(0.5_f64.ln()), Some(2.0_f64.ln()), None, Some(0.0)]);
}

#[test]
fn places_count_absent_bars() {
    let bars =
        Bars::new([(Column::Close, vec![5.0, 1.0, 9.0, 2.0, 3.0]), (Column::Volume, vec![1.0, 0.0, 1.0, 1.0, 1.0])])
            .unwrap();
    assert_eq!(column("maxindex:2", &bars), [None, None, Some(2.0), Some(2.0), Some(4.0)]);
    assert_eq!(column("max:2", &bars), [None, None, Some(9.0), Some(9.0), Some(3.0)]);
    assert_eq!(column("sma:2:price=volume", &bars)[4], Some(1.0));
}

#[test]
fn a_missing_column_is_named() {
    let refused = compute(&"atr".parse().unwrap(), &closes(&[1.0, 2.0])).unwrap_err();
    assert_eq!(refused, ComputeError::Missing { spec: "atr".to_owned(), column: Column::High });
    assert_eq!(refused.to_string(), "atr needs `high`, and the bars have none");
    let refused = compute(&"mavp".parse().unwrap(), &closes(&[1.0, 2.0])).unwrap_err();
    assert_eq!(refused.to_string(), "mavp needs `periods`, and the bars have none");
}

#[test]
fn no_bars_give_empty_outputs() {
    let spec: Spec = "macd".parse().unwrap();
    let outputs = compute(&spec, &series::bars(&[])).unwrap();
    assert_eq!(
        outputs.iter().map(|output| (output.name(), output.len())).collect::<Vec<_>>(),
        [("macd", 0), ("macdsignal", 0), ("macdhist", 0)]
    );
    assert_eq!(outputs[0].last(), None);
}
