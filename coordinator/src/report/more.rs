//! Below the table of candidates: what each is worth, how likely it pays, and how its underlying's volatility stands. At
//! most 100 columns.

use fleet_core::domain::{Direction, UnderlyingMetrics};

use super::layout::{Align, Column, grid, or_dash, percent, price, without_minus_zero, wrap};
use super::{CandidateRow, Report};

/// Rank and percentile are marked where they are of fewer sessions.
const YEAR_SESSIONS: u32 = 252;
const SHARES: f64 = 100.0;

/// The section's lines; nothing where no candidate has metrics.
#[must_use]
pub fn render(report: &Report) -> String {
    use Align::{Left, Right};
    if report.candidates.iter().all(|row| row.metrics.is_none()) {
        return String::new();
    }
    // Their widest contents add up to exactly 100 with one blank between two.
    let columns = [
        Column(Left, "", "Ticker"),
        Column(Left, "Expira-", "tion"),
        Column(Right, "", "Strike"),
        Column(Left, "C/", "P"),
        Column(Right, "", "IVR"),
        Column(Right, "", "IVP"),
        Column(Right, "IV/", "HV20"),
        Column(Right, "POP", "%"),
        Column(Right, "Break", "%"),
        Column(Right, "even", "sd"),
        Column(Right, "Theta", "$/day"),
        Column(Right, "EV $", "fcst"),
        Column(Right, "EV $", "past"),
        Column(Right, "n", "eff"),
        Column(Right, "Exp.", "move"),
        Column(Right, "Vol/", "OI"),
        Column(Right, "", "Liq"),
    ];
    let rows: Vec<Vec<String>> =
        report.candidates.iter().map(|row| cells(row, report.underlyings.get(&row.underlying))).collect();
    grid(&columns, &rows) + &legend(report)
}

fn cells(row: &CandidateRow, underlying: Option<&UnderlyingMetrics>) -> Vec<String> {
    let metrics = row.metrics.as_deref();
    let position = row.position();
    let ranked = |pick: fn(&UnderlyingMetrics) -> Option<f64>| {
        or_dash(underlying.and_then(|of| Some((pick(of)?, of.iv_sessions))), |(value, sessions)| {
            format!("{value:.0}{}", if sessions < YEAR_SESSIONS { "*" } else { "" })
        })
    };
    let a_contract = |per_share: Option<f64>| or_dash(per_share, |per_share| dollars(per_share * SHARES));
    vec![
        row.underlying.to_string(),
        row.expiration.strftime("%y-%m-%d").to_string(),
        row.symbol.strike.to_string(),
        row.kind.letter().to_string(),
        ranked(|of| of.iv_rank),
        ranked(|of| of.iv_percentile),
        or_dash(underlying.and_then(|of| of.iv30_to_hv20), ratio),
        or_dash(position.and_then(|held| held.pop), |pop| percent(pop * 100.0)),
        or_dash(position.and_then(|held| held.breakeven_pct), signed_percent),
        or_dash(position.and_then(|held| held.breakeven_sigma), deviations),
        a_contract(metrics.and_then(|of| of.greeks).map(|greeks| match row.direction {
            Direction::Long => greeks.theta_per_day,
            // Time that a holder loses its seller earns.
            Direction::Short => -greeks.theta_per_day,
        })),
        a_contract(position.and_then(|held| held.ev).map(|ev| ev.per_share)),
        // A mean of one or two independent stretches is an anecdote: `explain` says so too.
        a_contract(position.and_then(|held| held.ev_hist).filter(|ev| ev.low.is_some()).map(|ev| ev.per_share)),
        or_dash(position.and_then(|held| held.ev_hist).map(|ev| ev.n_eff), percent),
        or_dash(metrics.and_then(|of| of.expected_move).and_then(|by| by.one_sigma), price),
        metrics.map_or_else(
            || "-".to_owned(),
            |of| if of.is_new { "new".to_owned() } else { or_dash(of.volume_to_open_interest, ratio) },
        ),
        or_dash(metrics.and_then(|of| of.liquidity), |liquidity| format!("{liquidity:.0}")),
    ]
}

fn legend(report: &Report) -> String {
    let of = || report.candidates.iter().filter_map(|row| report.underlyings.get(&row.underlying));
    let (least, most) =
        of().fold((u32::MAX, 0), |(least, most), of| (least.min(of.iv_sessions), most.max(of.iv_sessions)));
    let known = if least >= most { format!("{most}") } else { format!("{least} to {most}") };
    wrap(
        &format!(
            "IVR, IVP: rank and percentile of IV30 among the sessions known ({known}; - below 30, * below 252). POP \
             (risk-neutral) and break-even are at expiration, bought at the ask or sold at the bid; sd: standard deviations. Theta and EV: \
             dollars a contract; EV fcst under the underlying's forecast volatility, EV past over its own past, n eff: \
             about how many independent stretches (- below 5). Exp. move: dollars, one standard deviation (68%) by expiration. Liq: \
             liquidity, 0 to 100. `explain CONTRACT` has the rest, `explain TICKER` its underlying's."
        ),
        2,
    )
}

/// Dollars of a contract in at most six characters: `-4.7`, `123`, `-1234`, `123k`.
fn dollars(value: f64) -> String {
    if value.abs() < 99_999.5 { percent(value) } else { format!("{:.0}k", value / 1000.0) }
}

/// `+3.8`, `-12.3`, `+123`.
fn signed_percent(value: f64) -> String {
    let text = percent(value);
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// Standard deviations in at most five characters: `0.19`, `-9.99`, `-12.3`.
fn deviations(value: f64) -> String {
    if value.abs() < 9.995 { without_minus_zero(format!("{value:.2}")) } else { percent(value) }
}

/// A ratio in at most five characters: `0.05`, `12.3`, `1234`.
fn ratio(value: f64) -> String {
    if value.abs() < 9.995 { format!("{value:.2}") } else { percent(value) }
}
