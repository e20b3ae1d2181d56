//! Every indicator against what the C library of the wheel gave (`golden.tsv`, by `scripts/reference-indicators`).
//!
//! The tolerance is 1e-12 of the scale of an output, and its scale is the largest magnitude it has on that series, as the
//! C library computed it. Where values are known must agree exactly.

use std::collections::{BTreeMap, BTreeSet};

use fleet_indicators::{Bars, Column, Output, Spec, all, compute};

use crate::series::{self, Row};

const GOLDEN: &str = include_str!("golden.tsv");

/// Of the scale.
pub const TOLERANCE: f64 = 1e-12;

/// What is known of one output on one series.
struct Line {
    series: &'static str,
    spec: &'static str,
    output: &'static str,
    scale: f64,
    kept: Kept,
}

/// A short series is kept whole, a long one by samples.
enum Kept {
    Whole(Vec<Option<f64>>),
    Samples { presence: Vec<bool>, sum: f64, squares: f64, samples: Vec<(usize, f64)> },
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Undoes `a*3 b`.
fn repeated(text: &'static str) -> Vec<&'static str> {
    let counted = |item: &'static str| match item.split_once('*') {
        Some((item, count)) => vec![item; count.parse().expect("a count")],
        None => vec![item],
    };
    text.split(' ').filter(|item| !item.is_empty()).flat_map(counted).collect()
}

fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for text in GOLDEN.lines() {
        let fields: Vec<&'static str> = text.split('\t').collect();
        let [series, spec, output, rest @ ..] = fields.as_slice() else { continue };
        if *series == "bars" {
            continue;
        }
        let (scale, kept) = match rest {
            ["whole", scale, values] => {
                let value = |text| (text != "-").then(|| number(text));
                (scale, Kept::Whole(repeated(values).into_iter().map(value).collect()))
            }
            [presence, scale, sum, squares, samples] => {
                let presence = repeated(presence).into_iter().map(|item| item == "+").collect();
                let sample = |text: &str| {
                    let (at, value) = text.split_once('=').expect("a place and a value");
                    (at.parse().expect("a place"), number(value))
                };
                let samples = samples.split(' ').filter(|text| !text.is_empty()).map(sample).collect();
                (scale, Kept::Samples { presence, sum: number(sum), squares: number(squares), samples })
            }
            other => panic!("a line with {} fields more", other.len()),
        };
        lines.push(Line { series, spec, output, scale: number(scale), kept });
    }
    lines
}

impl Line {
    /// What is wrong with our output, if anything.
    fn fault(&self, ours: &Output, traded: &[bool]) -> Option<String> {
        let near = |ours: f64, theirs: f64, scale: f64| (ours - theirs).abs() <= TOLERANCE * scale;
        match &self.kept {
            Kept::Whole(theirs) => {
                if ours.len() != theirs.len() {
                    return Some(format!("{} values, {} wanted", ours.len(), theirs.len()));
                }
                let wrong = ours.values().zip(theirs).position(|(ours, theirs)| match (ours, *theirs) {
                    (Some(ours), Some(theirs)) => !near(ours, theirs, self.scale),
                    (ours, theirs) => ours.is_some() != theirs.is_some(),
                })?;
                Some(format!("bar {wrong}: {:?}, {:?} wanted", ours.at(wrong), theirs[wrong]))
            }
            Kept::Samples { presence, sum, squares, samples } => {
                let there: Vec<bool> = ours
                    .values()
                    .zip(traded)
                    .filter(|(_, traded)| **traded)
                    .map(|(value, _)| value.is_some())
                    .collect();
                if let Some(wrong) = there.iter().zip(presence).position(|(ours, theirs)| ours != theirs) {
                    return Some(format!("traded bar {wrong}: a value is there or not: {}", there[wrong]));
                }
                if there.len() != presence.len() {
                    return Some(format!("{} traded bars, {} wanted", there.len(), presence.len()));
                }
                if let Some(bar) = (0..ours.len()).find(|bar| !traded[*bar] && ours.at(*bar).is_some()) {
                    return Some(format!("bar {bar} is absent and has a value"));
                }
                for (bar, theirs) in samples {
                    let value = ours.at(*bar).unwrap_or(f64::NAN);
                    if !near(value, *theirs, self.scale) {
                        let apart = (value - theirs).abs() / self.scale;
                        return Some(format!("bar {bar}: {value}, {theirs} wanted, {apart:e} of the scale apart"));
                    }
                }
                // A sum may be wrong by as much as all of its terms together.
                let terms = presence.iter().filter(|there| **there).count() as f64;
                let our_sum: f64 = ours.values().flatten().fold(0.0, |sum, value| sum + value);
                let our_squares: f64 = ours.values().flatten().fold(0.0, |sum, value| sum + value * value);
                if !near(our_sum, *sum, terms * self.scale) {
                    return Some(format!("the sum is {our_sum}, {sum} wanted"));
                }
                (!near(our_squares, *squares, 2.0 * terms * self.scale * self.scale))
                    .then(|| format!("the sum of squares is {our_squares}, {squares} wanted"))
            }
        }
    }
}

/// Which rows are bars that traded.
pub fn traded(rows: &[Row]) -> Vec<bool> {
    rows.iter().map(|row| row.iter().all(|value| value.is_finite()) && row[4] > 0.0).collect()
}

#[test]
fn both_sides_compute_on_the_same_bars() {
    let mut compared = 0;
    for text in GOLDEN.lines().filter(|line| line.starts_with("bars\t")) {
        let fields: Vec<&str> = text.split('\t').collect();
        let column = Column::from_word(fields[2]).expect("a column");
        let values = series::named(fields[1]).into_iter().map(|row| row[column as usize]);
        let sum = values.filter(|value| value.is_finite()).fold(0.0, |sum, value| sum + value);
        assert_eq!(sum, number(fields[3]), "{text}");
        compared += 1;
    }
    assert_eq!(compared, 10 * 6);
}

#[test]
fn the_wheels_functions_and_no_others() {
    let line = GOLDEN.lines().find_map(|line| line.strip_prefix("functions\t")).expect("the list of functions");
    let theirs: BTreeSet<&str> = line.split(' ').collect();
    let ours: BTreeSet<&str> = all().iter().map(|indicator| indicator.name).collect();
    assert_eq!(theirs.len(), 201);
    assert_eq!(ours, theirs);
}

#[test]
fn every_indicator_is_the_c_librarys() {
    let mut series: BTreeMap<&str, (Bars, Vec<bool>)> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut computed: Option<(&str, &str, Vec<Output>)> = None;
    for line in lines() {
        let (bars, traded) = series.entry(line.series).or_insert_with(|| {
            let rows = series::named(line.series);
            (series::bars(&rows), traded(&rows))
        });
        if !matches!(&computed, Some((series, spec, _)) if (*series, *spec) == (line.series, line.spec)) {
            let spec: Spec = line.spec.parse().unwrap_or_else(|error| panic!("{error}"));
            computed = Some((line.series, line.spec, compute(&spec, bars).unwrap_or_else(|error| panic!("{error}"))));
        }
        let outputs = computed.as_ref().map(|(_, _, outputs)| outputs.as_slice()).unwrap_or_default();
        seen.entry(line.series).or_default().insert(line.spec.split(':').next().unwrap_or_default());
        let fault = match outputs.iter().find(|output| output.name() == line.output) {
            None => Some("there is no such output".to_owned()),
            Some(ours) => line.fault(ours, traded),
        };
        faults.extend(fault.map(|fault| format!("{} {} {}: {fault}", line.series, line.spec, line.output)));
    }
    assert!(faults.is_empty(), "{} outputs differ:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(seen.len(), 10, "series");
    for (series, functions) in seen {
        assert_eq!(functions.len(), 201, "functions compared on {series}");
    }
}
