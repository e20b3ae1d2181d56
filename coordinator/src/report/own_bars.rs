//! Below the table: the coverage badges, and the indicators asked for by name.

use fleet_core::domain::{NamedOutput, NamedReading};

use super::CandidateRow;
use super::layout::{or_dash, wrap};
use super::table::number;

/// `JOWK 27-01-15 41C`.
fn contract(row: &CandidateRow) -> String {
    let date = row.expiration.strftime("%y-%m-%d");
    format!("{} {date} {}{}", row.underlying, row.symbol.strike, row.kind.letter())
}

/// How densely the candidates traded, in a line: the badge that most of them have, then those with another.
pub fn coverage(rows: &[CandidateRow]) -> String {
    let alike = |badge: &Option<&str>| rows.iter().filter(|row| row.coverage.as_deref() == *badge).count();
    // Of equally many the first in the table's order.
    let Some(usual) = rows.iter().rev().map(|row| row.coverage.as_deref()).max_by_key(alike) else {
        return String::new();
    };
    let badge = |badge: Option<&str>| badge.unwrap_or("-").to_owned();
    let others: Vec<String> = rows
        .iter()
        .filter(|row| row.coverage.as_deref() != usual)
        .map(|row| format!("{} {}", contract(row), badge(row.coverage.as_deref())))
        .collect();
    let usual = badge(usual);
    let text = match others.as_slice() {
        [] => format!("Coverage (sessions traded of the last): {usual} each."),
        others => format!("Coverage (sessions traded of the last): {usual}, but {}.", others.join(", ")),
    };
    wrap(&text, 2)
}

/// The indicators asked for by name, a paragraph an underlying and one for each of its candidates, in the table's order; empty
/// where none were.
pub fn by_name(rows: &[CandidateRow]) -> String {
    let told: Vec<&CandidateRow> = rows.iter().filter(|row| !row.indicators.is_empty()).collect();
    let mut text = String::new();
    for (at, row) in told.iter().enumerate() {
        let is_same = |other: &&CandidateRow| other.underlying == row.underlying;
        if told[..at].iter().any(is_same) {
            continue;
        }
        let of_underlying = one_side(&row.indicators, |output| output.underlying);
        text += &wrap(&format!("  {}  {of_underlying}", row.underlying), 6);
        for row in told[at..].iter().filter(|other| is_same(other)) {
            let own = one_side(&row.indicators, |output| output.contract);
            text += &wrap(&format!("    {}  {own}", contract(row)), 6);
        }
    }
    text
}

/// `rsi:14 28.4; macd.macd -0.1`: of the contract or of its underlying.
fn one_side(readings: &[NamedReading], pick: fn(&NamedOutput) -> Option<f64>) -> String {
    let all = named(readings).map(|(name, output)| format!("{name} {}", or_dash(pick(output), number)));
    all.collect::<Vec<_>>().join("; ")
}

/// `rsi:14 28.4/41.2; macd.macd -0.1/-0.3`: of the contract, then of its underlying.
pub fn readings(readings: &[NamedReading]) -> String {
    let all = named(readings).map(|(name, output)| {
        format!("{name} {}/{}", or_dash(output.contract, number), or_dash(output.underlying, number))
    });
    all.collect::<Vec<_>>().join("; ")
}

/// Every output with its name: the indicator's own where it is the only one.
fn named(readings: &[NamedReading]) -> impl Iterator<Item = (String, &NamedOutput)> {
    readings.iter().flat_map(|reading| {
        let only = reading.outputs.len() == 1;
        reading.outputs.iter().map(move |output| {
            let name = if only { reading.spec.clone() } else { format!("{}.{}", reading.spec, output.name) };
            (name, output)
        })
    })
}
