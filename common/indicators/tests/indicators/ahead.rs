//! No look-ahead: a value at a bar depends on that bar and earlier ones only, for every indicator.

use fleet_indicators::{Spec, all, compute};

use crate::series;

#[test]
fn later_bars_change_no_value() {
    let whole = series::named("gapped");
    let mut compared = 0;
    for indicator in all() {
        let spec: Spec = indicator.name.parse().unwrap();
        let full = compute(&spec, &series::bars(&whole)).unwrap();
        for cut in [1, 34, 150, 399, 600] {
            let part = compute(&spec, &series::bars(&whole[..cut])).unwrap();
            for (full, part) in full.iter().zip(&part) {
                for bar in 0..cut {
                    assert_eq!(full.at(bar), part.at(bar), "{spec} {} at {bar} of {cut}", part.name());
                    compared += usize::from(part.at(bar).is_some());
                }
            }
        }
    }
    assert!(compared > 100_000, "{compared}");
}
