//! What the newest scan knows of one underlying beside its contracts: `explain TICKER`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{Answer, Finding, Funnel, ScanId, SkipReason, Ticker, UnderlyingMetrics};

use super::SCHEMA;
use super::explained_metrics::expected_move;
use super::gathered::skip_word;
use super::layout::{grouped, or_dash, wrap};
use super::places::{place_words, skip_words};
use super::table::number;

/// Rank and percentile of fewer sessions are told as such.
const YEAR_SESSIONS: u32 = 252;
/// Below this there are none.
const LEAST_SESSIONS: u32 = 30;

/// JSON of an underlying.
#[derive(Debug, Serialize)]
pub struct ExplainedUnderlying<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scan it is of: the newest that looked at this ticker.
    pub scan: &'a ScanId,
    /// A newer scan, which did not look at it.
    pub newer_scan: Option<ScanId>,
    /// Which underlying.
    pub ticker: &'a Ticker,
    /// The instant the scan pretended to be at for it.
    pub as_of: Timestamp,
    /// When the quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// Spot the analysis used.
    pub spot_used: Option<f64>,
    /// Why the whole ticker was set aside.
    pub skipped: Option<&'a SkipReason>,
    /// Contracts by place.
    pub places: &'a BTreeMap<String, u64>,
    /// Its numbers; `None` where its quotes were not usable.
    pub metrics: Option<&'a UnderlyingMetrics>,
}

/// Puts it together.
#[must_use]
pub fn explained<'a>(scan: &'a ScanId, newer_scan: Option<ScanId>, finding: &'a Finding) -> ExplainedUnderlying<'a> {
    let Funnel(places) = &finding.funnel;
    ExplainedUnderlying {
        schema: SCHEMA,
        scan,
        newer_scan,
        ticker: &finding.ticker,
        as_of: finding.as_of,
        quote_time: finding.provenance.quote_time,
        spot_used: finding.provenance.spot,
        skipped: match &finding.answer {
            Answer::Analysed => None,
            Answer::Skipped(reason) => Some(reason),
        },
        places,
        metrics: finding.metrics.as_deref(),
    }
}

/// For people.
#[must_use]
pub fn render(told: &ExplainedUnderlying<'_>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &wrap(&format!("{name:<11}{value}"), 11);
    let newer = told.newer_scan.as_ref();
    let newer = newer.map_or_else(String::new, |newer| format!(" (not the newest scan: {newer} has no answer for it)"));
    line("Underlying", told.ticker.to_string());
    line("Scan", format!("{}{newer}", told.scan));
    let quoted = or_dash(told.quote_time, |at| format!("{} New York", new_york_text(at)));
    line("As of", format!("{} New York, quotes of {quoted}", new_york_text(told.as_of)));
    line("Spot used", or_dash(told.spot_used, number));
    if let Some(reason) = told.skipped {
        line("Set aside", skip_words(skip_word(reason)).to_string());
    }
    match told.metrics {
        None => line("Metrics", "none: its quotes could not be used".to_owned()),
        Some(metrics) => {
            for (name, value) in groups(metrics) {
                line(name, value);
            }
        }
    }
    let places: Vec<String> =
        told.places.iter().map(|(place, n)| format!("{} {}", grouped(*n), place_words(place))).collect();
    line("Contracts", places.join("; "));
    text
}

fn groups(metrics: &UnderlyingMetrics) -> Vec<(&'static str, String)> {
    let vol = |value: Option<f64>| or_dash(value, |value| format!("{} %", number(value * 100.0)));
    let ratio = |value: Option<f64>| or_dash(value, number);
    let realised = &metrics.realised;
    let mut groups = vec![
        ("IV30", format!("{} (at the money, 30 days)", vol(metrics.iv30))),
        ("IV rank", ranked(metrics)),
        (
            "Skew",
            format!(
                "{} points (25-delta put less call, about 30 days)",
                or_dash(metrics.skew_25, |skew| number(skew * 100.0))
            ),
        ),
        ("Term", format!("{} (front over 60 to 90 days; above 1 is backwardation)", ratio(metrics.term_slope))),
        (
            "Realised",
            format!(
                "HV20 {}, HV30 {}, HV60 {}, Yang-Zhang 30 {}; forecast {}",
                vol(realised.hv20),
                vol(realised.hv30),
                vol(realised.hv60),
                vol(realised.yang_zhang30),
                vol(realised.forecast)
            ),
        ),
        (
            "IV/HV",
            format!(
                "{} of 20 sessions, {} of 30, {} of 60",
                ratio(metrics.iv30_to_hv20),
                ratio(metrics.iv30_to_hv30),
                ratio(metrics.iv30_to_hv60)
            ),
        ),
        (
            "Put/call",
            format!(
                "{} by volume, {} by open interest (up to {} days)",
                ratio(metrics.put_call_volume),
                ratio(metrics.put_call_open_interest),
                metrics.put_call_max_dte
            ),
        ),
        (
            "Usual",
            format!(
                "{} option contracts a session",
                or_dash(metrics.usual_option_volume, |volume| grouped(volume.round() as u64))
            ),
        ),
    ];
    let moves = &metrics.expected_moves;
    groups
        .extend(moves.iter().enumerate().map(|(at, by)| (if at == 0 { "Exp. moves" } else { "" }, expected_move(by))));
    groups
}

fn ranked(metrics: &UnderlyingMetrics) -> String {
    let sessions = metrics.iv_sessions;
    let plural = if sessions == 1 { "" } else { "s" };
    let of = |value: Option<f64>| or_dash(value, |value| format!("{value:.1}"));
    let how_many = if sessions < LEAST_SESSIONS {
        format!("{sessions} session{plural} known, {LEAST_SESSIONS} are the least")
    } else if sessions < YEAR_SESSIONS {
        format!("of {sessions} sessions, less than a year")
    } else {
        format!("of {sessions} sessions")
    };
    format!("{}, percentile {} ({how_many})", of(metrics.iv_rank), of(metrics.iv_percentile))
}
