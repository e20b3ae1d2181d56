//! What the volatilities of a table were computed with: exercise, rate, dividends.

use fleet_core::domain::{ExerciseModel, PricingModel};

use super::CandidateRow;
use super::layout::wrap;
use super::table::number;

/// One or two lines; nothing where no row tells its model.
#[must_use]
pub fn priced(rows: &[CandidateRow]) -> String {
    let models = || rows.iter().filter_map(|row| row.model);
    let of = |wanted: fn(ExerciseModel) -> bool| models().filter(|model| wanted(model.exercise)).count();
    let early = of(|e| matches!(e, ExerciseModel::American | ExerciseModel::AmericanCashDividends));
    let late = of(|e| matches!(e, ExerciseModel::European | ExerciseModel::EuropeanApproximation));
    if early + late == 0 {
        return String::new();
    }
    let exercise = [(early, "with early exercise"), (late, "with exercise at settlement only")];
    let exercise = exercise.iter().filter(|(n, _)| *n > 0).map(|(n, how)| format!("{n} {how}"));
    let text = format!("Priced: {}; rate {} %.", exercise.collect::<Vec<_>>().join(", "), rates(models()));
    wrap(&(text + &dividends(rows)), 2)
}

/// `4`, or `4 to 4.25`.
fn rates(models: impl Iterator<Item = PricingModel>) -> String {
    let (low, high) =
        models.fold((f64::MAX, f64::MIN), |(low, high), model| (low.min(model.rate), high.max(model.rate)));
    let [low, high] = [low, high].map(|rate| number((rate * 10_000.0).round() / 100.0));
    if low == high { low } else { format!("{low} to {high}") }
}

/// How dividends entered, where any come before a settlement.
fn dividends(rows: &[CandidateRow]) -> String {
    let cash = || rows.iter().filter_map(|row| row.metrics.as_ref()?.cash.as_deref());
    let bounds = || rows.iter().filter_map(|row| row.model?.dividend_bound);
    let mut parts = Vec::new();
    if cash().next().is_some() {
        let projected = cash().any(|cash| cash.dividends.iter().any(|dividend| dividend.projected));
        let dates = if projected { " (ex-dates projected)" } else { "" };
        parts.push(format!("in cash for {}{dates}", cash().count()));
    }
    if let Some(most) = bounds().max_by(f64::total_cmp) {
        parts.push(format!("as a yield for {} (off by up to ${most:.2} a share)", bounds().count()));
    }
    if parts.is_empty() { String::new() } else { format!(" Dividends before settlement: {}.", parts.join(", ")) }
}
