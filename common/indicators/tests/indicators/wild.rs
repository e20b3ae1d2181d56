//! Any indicator with any parameters on any bars the types let in: no panic, and outputs that keep their promises.

use fleet_indicators::{Bars, Column, Domain, Indicator, MovingAverage, Spec, all, compute};
use proptest::prelude::*;

use crate::golden::traded;
use crate::series::{self, Row};

/// Prices as vendors send them: mostly on a coarse grid, so that they tie, and now and then nothing, or nonsense.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => (0_u32..60).prop_map(|steps| f64::from(steps) / 20.0),
        2 => 0.0_f64..1e6,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), Just(1e300), Just(1e-300)],
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (value(), value(), value(), value(), value(), 0.0_f64..40.0);
    let row = row.prop_map(|(open, high, low, close, volume, periods)| [open, high, low, close, volume, periods]);
    prop::collection::vec(row, 0..160)
}

/// A specification with parameters drawn from so many bits: mostly short windows, any kind of average.
fn drawn(indicator: &Indicator, bits: u64) -> String {
    let mut text = indicator.name.to_owned();
    for (place, parameter) in indicator.parameters.iter().enumerate() {
        let bits = bits.rotate_right(7 * u32::try_from(place).unwrap());
        let value = match parameter.domain {
            Domain::Integer { least, .. } => (least + i32::try_from(bits % 25).unwrap()).to_string(),
            Domain::Real { least, largest, .. } => {
                let (least, largest) = (least.max(-5.0), largest.min(5.0));
                (least + (largest - least) * (bits % 101) as f64 / 100.0).to_string()
            }
            Domain::Average { .. } => {
                MovingAverage::ALL[usize::try_from(bits).unwrap() % MovingAverage::ALL.len()].word().to_owned()
            }
        };
        text = format!("{text}:{value}");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_indicator_keeps_its_promises(rows in rows(), bits: u64) {
        let (bars, traded) = (series::bars(&rows), traded(&rows));
        for indicator in all() {
            // Parameters that do not go together are refused before anything is computed.
            let Ok(spec) = drawn(indicator, bits).parse::<Spec>() else { continue };
            let outputs = match compute(&spec, &bars) {
                Ok(outputs) => outputs,
                // Without any volume the column is missing.
                Err(error) => {
                    prop_assert!(rows.iter().all(|row| row[4] == 0.0), "{}", error);
                    continue;
                }
            };
            prop_assert_eq!(outputs.len(), indicator.outputs.len());
            for output in &outputs {
                prop_assert_eq!(output.len(), rows.len(), "{}", spec);
                let mut seen = 0;
                for (bar, traded) in traded.iter().enumerate() {
                    let value = output.at(bar);
                    prop_assert!(value.is_none_or(f64::is_finite), "{} at {}", spec, bar);
                    prop_assert!(value.is_none() || (*traded && seen >= spec.lookback()), "{} at {}", spec, bar);
                    seen += usize::from(*traded);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_specification_or_an_error(text in "[a-z0-9_:=.,é -]{0,30}", start in 0_usize..201) {
        let _ = text.parse::<Spec>();
        let _ = format!("{}:{text}", all()[start].name).parse::<Spec>();
        let _ = Spec::parse_list(&text);
    }

    #[test]
    fn any_columns_are_bars_or_an_error(values in prop::collection::vec(value(), 0..9), other in 0_usize..9) {
        let columns = [(Column::Close, values.clone()), (Column::Volume, vec![1.0; other])];
        prop_assert_eq!(Bars::new(columns).is_ok(), other == values.len());
    }
}
