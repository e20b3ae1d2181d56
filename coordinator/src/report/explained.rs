//! Everything the newest scan knows of one contract.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use fleet_core::domain::calendar::{exchange_date, new_york_text};
use fleet_core::domain::{
    Candidate, Check, ContractExplanation, ContractMetrics, ContractQuote, Direction, EntryPlan, ExerciseModel,
    ExpectedDividend, Finding, NamedReading, Price, PricingModel, Ranked, ScanId, ScorePart, SpotSource, Technicals,
    TradedSessions, Verdict,
};

use super::layout::{or_dash, wrap};
use super::own_bars;
use super::places::place_words;
use super::table::{check_text, judged, number};
use super::{SCHEMA, explained_metrics};

/// JSON of an explanation.
#[derive(Debug, Serialize)]
pub struct Explained<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scan it is of: the newest that looked at this ticker.
    pub scan: &'a ScanId,
    /// A newer scan, which did not look at it.
    pub newer_scan: Option<ScanId>,
    /// The instant the scan pretended to be at for this ticker.
    pub as_of: Option<Timestamp>,
    /// When the quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// Spot the analysis used.
    pub spot_used: Option<f64>,
    /// Calendar days from as-of to expiration.
    pub dte: Option<i32>,
    /// What it knows.
    pub contract: ExplainedContract<'a>,
    /// The signals that fired on it, controls too.
    pub signals: Vec<Signal<'a>>,
    /// Sessions it traded in, of the last so many, where a signal fired on it.
    pub coverage: Option<TradedSessions>,
    /// The indicators asked for by name, where a signal fired on it.
    pub indicators: &'a [NamedReading],
}

/// What a scan knows of one contract.
#[derive(Debug, Serialize)]
pub struct ExplainedContract<'a> {
    /// The quote as it was.
    pub quote: &'a ContractQuote,
    /// Where it left the funnel.
    pub place: &'a str,
    /// The gate that stopped it.
    pub gate: Option<&'a Check>,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Per $1.
    pub delta: Option<f64>,
    /// What both were computed with, or why they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PricingModel>,
    /// For contracts that reached a strategy.
    pub strategies: Vec<StrategyChecks<'a>>,
    /// Its other greeks and its score, where contracts are ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranked: Option<RankTold>,
    /// What its own bars say, where contracts are ranked and they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technicals: Option<Technicals>,
    /// What a professional reads beside it, where it reached a strategy or became a control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<&'a ContractMetrics>,
}

/// Greeks beside delta, and the score.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RankTold {
    /// Greeks and the parts of the score.
    #[serde(flatten)]
    pub ranked: Ranked,
    /// Sum of the parts.
    pub total: f64,
}

/// What one strategy checked.
#[derive(Debug, Serialize)]
pub struct StrategyChecks<'a> {
    /// Its name.
    pub name: &'a str,
    /// Every check.
    pub checks: &'a [Check],
}

/// A signal that fired.
#[derive(Debug, Serialize)]
pub struct Signal<'a> {
    /// The strategy's name.
    pub strategy: &'a str,
    /// What to pay and when to leave.
    pub plan: &'a EntryPlan,
    /// Sum of the parts.
    pub score: f64,
    /// The parts.
    pub score_parts: &'a [ScorePart],
}

/// Puts it together. `finding` is the answer of that scan, where the store still has it.
#[must_use]
pub fn explained<'a>(
    scan: &'a ScanId,
    newer_scan: Option<ScanId>,
    contract: &'a ContractExplanation,
    finding: Option<&'a Finding>,
) -> Explained<'a> {
    let symbol = *contract.symbol();
    let fired: Vec<&Candidate> =
        finding.iter().flat_map(|finding| &finding.candidates).filter(|found| found.symbol == symbol).collect();
    let coverage = fired.iter().find_map(|found| found.coverage);
    let indicators = fired.first().map_or(&[][..], |found| &found.indicators);
    let own_spot = fired.iter().find_map(|found| found.spot_used);
    Explained {
        schema: SCHEMA,
        scan,
        newer_scan,
        as_of: finding.map(|finding| finding.as_of),
        quote_time: finding.and_then(|finding| finding.provenance.quote_time),
        spot_used: own_spot.or_else(|| finding.and_then(|finding| finding.provenance.spot)),
        dte: finding.map(|finding| (symbol.expiration - exchange_date(finding.as_of)).get_days()),
        contract: ExplainedContract {
            quote: &contract.quote,
            place: &contract.place,
            gate: contract.gate.as_ref(),
            iv: contract.iv,
            delta: contract.delta,
            model: contract.model,
            ranked: contract.ranked.map(|ranked| RankTold { ranked, total: ranked.score.total() }),
            technicals: contract.technicals,
            // A control's is with the candidate alone: no strategy looked at it.
            metrics: contract.metrics.as_deref().or_else(|| fired.iter().find_map(|found| found.metrics.as_deref())),
            strategies: contract.strategies.iter().map(|(name, checks)| StrategyChecks { name, checks }).collect(),
        },
        signals: fired
            .into_iter()
            .map(|found| Signal {
                strategy: &found.strategy,
                plan: &found.plan,
                score: found.score.total(),
                score_parts: &found.score.parts,
            })
            .collect(),
        coverage,
        indicators,
    }
}

/// One line on what a volatility was computed with.
fn model_text(model: &PricingModel) -> String {
    let PricingModel { exercise, spot, spot_source, rate, yield_, yield_assumed, dividend_bound } = *model;
    let (rate, yield_) = (rate * 100.0, yield_ * 100.0);
    let how = match exercise {
        ExerciseModel::European => "exercise at settlement only",
        ExerciseModel::American => "early exercise",
        ExerciseModel::AmericanCashDividends => "early exercise with cash dividends",
        ExerciseModel::EuropeanApproximation => {
            "as if exercised at settlement only (an approximation: it did not pass the gates on quote, open interest and \
             volume)"
        }
        ExerciseModel::TwoBoundaries => "not: early exercise has two boundaries at these rates",
        ExerciseModel::OutOfRange => "not: a number is beyond what is computed with",
    };
    let source = match spot_source {
        SpotSource::Implied => "implied",
        SpotSource::Vendor => "vendor's",
        SpotSource::None => "unknown",
    };
    let assumed = if yield_assumed { " (assumed)" } else { "" };
    let bound = dividend_bound.map_or_else(String::new, |bound| format!(", ± ${bound:.2} a share by that"));
    let beside = match exercise {
        ExerciseModel::AmericanCashDividends => "a yield beside the dividends of",
        _ => "dividends as a yield of",
    };
    format!("{how}; {source} spot {}, rate {rate:.2} %, {beside} {yield_:.2} %{assumed}{bound}", number(spot))
}

/// The dividends before a contract's settlement: `$0.26 on 2026-12-10 (projected), $0.26 on 2027-03-10 (projected)`.
fn dividends_text(dividends: &[ExpectedDividend]) -> String {
    let one = |dividend: &ExpectedDividend| {
        let projected = if dividend.projected { " (projected)" } else { "" };
        format!("${} on {}{projected}", dividend.amount, dividend.ex_date)
    };
    dividends.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// For people.
#[must_use]
pub fn render(told: &Explained<'_>) -> String {
    let contract = &told.contract;
    let quote = contract.quote;
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &wrap(&format!("{name:<11}{value}"), 11);
    line("Contract", quote.symbol.to_string());
    let newer = told
        .newer_scan
        .as_ref()
        .map_or_else(String::new, |newer| format!(" (not the newest scan: {newer} has no answer for this contract)"));
    line("Scan", format!("{}{newer}", told.scan));
    let time = |at: Option<Timestamp>| or_dash(at, |at| format!("{} New York", new_york_text(at)));
    line("As of", format!("{}, quotes of {}", time(told.as_of), time(told.quote_time)));
    let side = |price: Option<Price>| or_dash(price, |price| price.to_string());
    line("Quote", format!("bid {} ask {}", side(quote.bid), side(quote.ask)));
    line("Last", or_dash(quote.last, |last| format!("{} at {} New York", last.price, new_york_text(last.time))));
    let count = |n: Option<u64>| or_dash(n, |n| n.to_string());
    line("Volume", format!("{}, open interest {}", count(quote.volume), count(quote.open_interest)));
    line(
        "Spot used",
        format!("{}, {} days to expiration", or_dash(told.spot_used, number), or_dash(told.dte, |n| n.to_string())),
    );
    let vol = |iv: Option<f64>| or_dash(iv, |iv| format!("{} %", number(iv * 100.0)));
    let cash = contract.metrics.and_then(|metrics| metrics.cash.as_deref());
    line("IV", vol(cash.map(|cash| cash.iv).or(contract.iv)));
    line("Delta", or_dash(cash.map(|cash| cash.delta).or(contract.delta), number));
    if let Some(cash) = cash {
        line("Priced", model_text(&cash.model));
        line("Dividends", dividends_text(&cash.dividends));
    }
    if let Some(model) = &contract.model {
        let seen = format!("IV {}, delta {}: ", vol(contract.iv), or_dash(contract.delta, number));
        let (name, seen) = if cash.is_some() { ("Gates saw", seen) } else { ("Priced", String::new()) };
        line(name, seen + &model_text(model));
    }
    if let Some(RankTold { ranked, total }) = contract.ranked {
        let Ranked { gamma, theta_per_day, vega_per_point, rho_per_point, score } = ranked;
        line(
            "Greeks",
            format!(
                "gamma {}, theta {} a day, vega {} a point, rho {} a point",
                number(gamma),
                number(theta_per_day),
                number(vega_per_point),
                number(rho_per_point)
            ),
        );
        let technical = score.technical.map_or_else(|| "unknown".to_owned(), number);
        line(
            "Rank score",
            format!(
                "{total:.3}: liquidity {}, spread {}, delta {}, own bars {technical}",
                number(score.liquidity),
                number(score.spread),
                number(score.delta)
            ),
        );
    }
    if let Some(sessions) = told.coverage {
        line("Coverage", format!("{sessions} (sessions traded of the last)"));
    }
    if let Some(Technicals { rsi, macd_histogram, pct_b }) = contract.technicals {
        let [rsi, macd, pct_b] = [rsi, macd_histogram, pct_b].map(|known| or_dash(known, number));
        line("Own bars", format!("RSI {rsi}, MACD histogram {macd}, %B {pct_b}"));
    }
    if !told.indicators.is_empty() {
        line("By name", format!("contract/underlying: {}", own_bars::readings(told.indicators)));
    }
    line("Left at", place_words(contract.place));
    if let Some(check) = contract.gate {
        line("Because", check_text(check));
    }
    if let Some(metrics) = contract.metrics {
        text.push('\n');
        text += &explained_metrics::render(metrics);
    }
    for strategy in &contract.strategies {
        let of = |verdict: Verdict| strategy.checks.iter().filter(|check| check.verdict == verdict).count();
        let unknown = match of(Verdict::Unknown) {
            0 => String::new(),
            n => format!(" ({n} unknown)"),
        };
        let _ = writeln!(text, "\n{} {}/{}{unknown}", strategy.name, of(Verdict::Pass), strategy.checks.len());
        for check in strategy.checks {
            let _ = writeln!(text, "  {}", judged(check));
        }
    }
    for signal in &told.signals {
        let plan = signal.plan;
        let _ = writeln!(text, "\nFired: {}", signal.strategy);
        let until = new_york_text(plan.valid_until);
        let (enter, leave) = match plan.direction {
            Direction::Long => ("buy", "sell"),
            Direction::Short => ("sell", "buy back"),
        };
        text += &wrap(
            &format!(
                "  plan   {enter} at {} until {until}, {leave} at {}, stop at {}",
                plan.buy, plan.target, plan.stop
            ),
            9,
        );
        let parts: Vec<String> = signal
            .score_parts
            .iter()
            .map(|part| {
                let unknown = if part.unknown { " (unknown)" } else { "" };
                format!("{} {} of {}{unknown}", part.name.replace('_', " "), number(part.points), number(part.max))
            })
            .collect();
        text += &wrap(&format!("  score  {:.1}: {}", signal.score, parts.join(", ")), 9);
    }
    text
}
