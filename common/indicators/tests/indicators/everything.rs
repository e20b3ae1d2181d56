//! The full comparison: every value of every indicator on every series against the C library. Opt-in, because it needs
//! the wheel: `scripts/reference-indicators full` computes the values and runs this with their directory.

use std::path::PathBuf;

use fleet_indicators::{Spec, compute};

use crate::golden::TOLERANCE;
use crate::series;

const DIRECTORY: &str = "OPTIONFLEET_INDICATORS_FULL";

#[test]
fn every_value_is_the_c_librarys() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        eprintln!("SKIPPED: {DIRECTORY} is not set (scripts/reference-indicators full sets it)");
        return;
    };
    let (mut compared, mut equal, mut worst) = (0_u64, 0_u64, (0.0_f64, String::new()));
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(&directory).expect("the directory can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        // `random.ma_12_ema.real`; a point may stand in a number.
        let (series, rest) = name.split_once('.').expect("a series");
        let (text, output) = rest.rsplit_once('.').expect("an output");
        let spec: Spec = specification(text).parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let outputs = compute(&spec, &series::bars(&series::named(series))).expect("every column is there");
        let ours = outputs.iter().find(|ours| ours.name() == output).expect("the output");
        let bytes = std::fs::read(&path).expect("the values can be read");
        let theirs: Vec<f64> =
            bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("8 bytes"))).collect();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let scale =
            theirs.iter().filter(|value| value.is_finite()).fold(0.0_f64, |scale, value| scale.max(value.abs()));
        for (bar, theirs) in theirs.into_iter().enumerate() {
            compared += 1;
            let apart = match (ours.at(bar), theirs.is_finite()) {
                (None, false) => 0.0,
                (Some(value), true) if value.to_bits() == theirs.to_bits() || value == theirs => 0.0,
                (Some(value), true) => (value - theirs).abs() / scale,
                _ => f64::INFINITY,
            };
            equal += u64::from(apart == 0.0);
            if apart > worst.0 {
                worst = (apart, name.clone());
            }
            if apart > TOLERANCE {
                faults.push(format!("{name} bar {bar}: {:?}, {theirs} wanted", ours.at(bar)));
                break;
            }
        }
    }
    println!("{compared} values compared, {equal} equal; at most {:e} of the scale apart ({})", worst.0, worst.1);
    assert!(faults.is_empty(), "{} outputs differ:\n{}", faults.len(), faults.join("\n"));
    assert!(compared > 1_000_000, "only {compared} values were compared");
}

/// `ma_12_ema` is `ma:12:ema`; names have underscores of their own.
fn specification(text: &str) -> String {
    let names = fleet_indicators::all().iter().map(|indicator| indicator.name);
    let name =
        names.filter(|name| text == *name || text.starts_with(&format!("{name}_"))).max_by_key(|name| name.len());
    let name = name.unwrap_or_else(|| panic!("{text} begins with no name"));
    format!("{name}{}", text[name.len()..].replace('_', ":"))
}
