//! From what the store holds to a [`Report`].

use std::collections::BTreeMap;

use fleet_analysis::AnalysisConfig;
use fleet_core::domain::calendar;
use fleet_core::domain::{
    Answer, Candidate, Finding, Funnel, Manifest, Notice, Outcome, RequestCounts, ScanState, SkipReason, StoredOutcome,
    Ticker, TradeId, TradeRecord, TradeState, TradeTransition, Transition, Vendor,
};
use fleet_worker::scan_ticker::BARS_MISSING;

use super::{
    CandidateRow, Completion, FailedRow, FunnelReport, NearMissRow, NewTradeRow, PartialRow, Report, RowProvenance,
    SCHEMA, Source, TickerCounts, TransitionRow,
};

/// Near misses told of; more than a screenful helps nobody.
const NEAR_MISSES: usize = 8;
/// Of these, of one underlying: its strikes miss together.
const NEAR_MISSES_EACH: usize = 2;

/// What the store holds of one scan.
#[derive(Debug, Clone)]
pub struct ReportInput {
    /// The frozen manifest.
    pub manifest: Manifest,
    /// Where the scan stands; the caps are applied when it is settled.
    pub state: ScanState,
    /// Tickers a person asked for, where they were named; the rest of the manifest is followed for live trades.
    pub asked: Option<Vec<Ticker>>,
    /// Outcomes so far.
    pub outcomes: Vec<StoredOutcome>,
    /// Trades of this scan, and those its transitions are of.
    pub trades: Vec<TradeRecord>,
    /// Notices of those trades.
    pub notices: Vec<Notice>,
    /// Requests no outcome counts: the screener's.
    pub universe_requests: RequestCounts,
    /// Candidates to show; `None` shows all.
    pub top: Option<usize>,
}

/// Puts a report together.
#[must_use]
pub fn build(input: &ReportInput) -> Report {
    let manifest = &input.manifest;
    let trades: BTreeMap<&TradeId, &TradeRecord> = input.trades.iter().map(|trade| (&trade.id, trade)).collect();
    let config: AnalysisConfig = serde_json::from_value(manifest.analysis.clone()).unwrap_or_default();
    let findings: Vec<&Finding> = input.outcomes.iter().filter_map(StoredOutcome::finding).collect();
    let mut candidates: Vec<(&Finding, &Candidate)> = findings
        .iter()
        .flat_map(|finding| finding.candidates.iter().map(|candidate| (*finding, candidate)))
        .filter(|(_, candidate)| !candidate.control)
        .collect();
    candidates.sort_by(|(_, a), (_, b)| b.score.total().total_cmp(&a.score.total()).then(a.symbol.cmp(&b.symbol)));
    let in_all = candidates.len();
    let settled = input.state >= ScanState::Alerting;
    let shown = input.top.unwrap_or(in_all).min(in_all);
    // Trades of this scan in the order of their candidates; a candidate whose trade an earlier scan found is not new.
    let new: Vec<&TradeRecord> = candidates
        .iter()
        .filter_map(|(finding, candidate)| trades.get(&trade_id(finding, candidate)).copied())
        .filter(|trade| trade.scan == manifest.scan && settled)
        .collect();
    let rank: BTreeMap<&TradeId, usize> = new.iter().enumerate().map(|(rank, trade)| (&trade.id, rank)).collect();
    let mut notices = input.notices.clone();
    // The outbox has them in the order of the commits, which differs between equal runs.
    notices.sort_by_key(|notice| (rank.get(&notice.trade).copied(), notice.kind.word(), notice.trade.clone()));
    let is_capped = |trade: &&&TradeRecord| trade.state == TradeState::Capped;
    let controls = findings.iter().flat_map(|finding| &finding.candidates).filter(|c| c.control).count();
    let tickers = counts(manifest, &input.outcomes);
    Report {
        schema: SCHEMA,
        scan: manifest.scan.clone(),
        completion: if tickers.missing == 0 { Completion::Complete } else { Completion::Partial },
        as_of: extremes(findings.iter().map(|finding| finding.as_of)).or(manifest.as_of.map(|at| (at, at))),
        sources: sources(&findings),
        requests: requests(input),
        tickers,
        followed: input.asked.as_ref().map(|asked| followed(manifest, asked)),
        settled,
        funnel: funnel(&findings),
        candidates: candidates[..shown]
            .iter()
            .zip(1..)
            .map(|((finding, candidate), rank)| row(rank, finding, candidate, &trades, &config))
            .collect(),
        candidates_not_shown: count32(in_all - shown),
        new_trades: new
            .iter()
            .filter(|trade| !is_capped(trade))
            .map(|trade| NewTradeRow { trade: trade.id.clone(), symbol: trade.symbol })
            .collect(),
        capped: count32(new.iter().filter(is_capped).count()),
        controls: count32(controls),
        near_misses: near_misses(&findings),
        transitions: findings.iter().flat_map(|f| &f.transitions).map(|t| transition(t, &trades)).collect(),
        notices,
        skipped: skipped(&findings),
        failed: input.outcomes.iter().filter_map(failed).collect(),
        partial: findings
            .iter()
            .map(|f| PartialRow {
                ticker: f.ticker.clone(),
                not_served: f.not_served.clone(),
                bars_missing: f.provenance.flags.iter().any(|flag| flag == BARS_MISSING),
            })
            .filter(|row| row.bars_missing || !row.not_served.is_empty())
            .collect(),
        remarks: remarks(&findings, &config),
    }
}

fn row(
    rank: u32,
    finding: &Finding,
    candidate: &Candidate,
    trades: &BTreeMap<&TradeId, &TradeRecord>,
    config: &AnalysisConfig,
) -> CandidateRow {
    let symbol = candidate.symbol;
    let trade = trade_id(finding, candidate);
    let (before, after) = break_even(candidate, config.costs.half_spread_share);
    CandidateRow {
        rank,
        trade_state: trades.get(&trade).map(|record| record.state),
        trade,
        strategy: candidate.strategy.clone(),
        underlying: candidate.underlying.clone(),
        symbol,
        expiration: symbol.expiration,
        strike: symbol.strike.dollars(),
        kind: symbol.kind,
        bid: candidate.bid.dollars(),
        ask: candidate.ask.dollars(),
        mid: candidate.mid,
        buy: candidate.plan.buy.dollars(),
        sell: candidate.plan.target.dollars(),
        stop: candidate.plan.stop.dollars(),
        valid_until: candidate.plan.valid_until,
        gross_pct: candidate.gross_pct,
        net_pct: candidate.net_pct,
        break_even_pct: before,
        break_even_net_pct: after,
        volume: candidate.volume,
        open_interest: candidate.open_interest,
        spread_pct: candidate.spread_pct,
        iv: candidate.iv,
        delta: candidate.delta,
        dte: candidate.dte,
        rsi: candidate.rsi,
        score: candidate.score.total(),
        score_parts: candidate.score.parts.clone(),
        checks: candidate.checks.clone(),
        provenance: RowProvenance {
            vendor: finding.provenance.vendor,
            quote_time: candidate.quote_time,
            fetched_at: finding.provenance.fetched_at,
            spot_used: candidate.spot_used,
            spot_source: finding.provenance.spot_source,
            vendor_spot: finding.provenance.vendor_spot.map(fleet_core::domain::Price::dollars),
        },
        flags: candidate.flags.clone(),
    }
}

/// The trade a candidate becomes, as the analysis derives it.
fn trade_id(finding: &Finding, candidate: &Candidate) -> TradeId {
    TradeId::derive(&candidate.strategy, &candidate.symbol, calendar::session_date(finding.as_of))
}

/// Share of trades that must win when every winner ends at the target and every loser at the stop, percent: before
/// costs loss / (gain + loss), and after: both sides cross `share` of the half-spread and pay commission.
fn break_even(candidate: &Candidate, share: f64) -> (f64, f64) {
    let plan = &candidate.plan;
    let buy = plan.buy.dollars();
    let (gain, loss) = (plan.target.dollars() - buy, buy - plan.stop.dollars());
    let spread = candidate.ask.dollars() - candidate.bid.dollars();
    // Half a spread each way, and commission for a hundred shares each way.
    let costs = share * spread + 2.0 * plan.commission.dollars() / 100.0;
    let rate = |gain: f64, loss: f64| if gain + loss > 0.0 { (100.0 * loss / (gain + loss)).min(100.0) } else { 100.0 };
    (rate(gain, loss), rate(gain - costs, loss + costs))
}

/// Tickers of the manifest that nobody asked for: they have live trades.
fn followed(manifest: &Manifest, asked: &[Ticker]) -> u32 {
    count32(manifest.tickers.iter().filter(|ticker| !asked.contains(ticker)).count())
}

fn counts(manifest: &Manifest, outcomes: &[StoredOutcome]) -> TickerCounts {
    let mut counts = TickerCounts { total: count32(manifest.tickers.len()), ..TickerCounts::default() };
    for stored in outcomes {
        match &stored.outcome {
            Outcome::Found(finding) => match finding.answer {
                Answer::Analysed => counts.analysed += 1,
                Answer::Skipped(_) => counts.skipped += 1,
            },
            Outcome::Failed { .. } => counts.failed += 1,
            Outcome::Poison { .. } => counts.poison += 1,
            Outcome::Sealed => counts.sealed += 1,
        }
    }
    counts.missing = counts.total.saturating_sub(count32(outcomes.len()));
    counts
}

fn requests(input: &ReportInput) -> BTreeMap<Vendor, u32> {
    let mut all = input.universe_requests.clone();
    for stored in &input.outcomes {
        match &stored.outcome {
            Outcome::Found(finding) => all.merge(&finding.requests),
            Outcome::Failed { requests, .. } => all.merge(requests),
            Outcome::Poison { .. } | Outcome::Sealed => {}
        }
    }
    all.0
}

fn sources(findings: &[&Finding]) -> Vec<Source> {
    let mut by_vendor: BTreeMap<Vendor, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_vendor.entry(finding.provenance.vendor).or_default().push(finding);
    }
    by_vendor
        .into_iter()
        .map(|(vendor, findings)| {
            // Skipped for stale quotes: their age is told there and would hide the age of what was analysed.
            let dated = || {
                findings
                    .iter()
                    .filter(|f| matches!(f.answer, Answer::Analysed))
                    .filter_map(|f| f.provenance.quote_time.map(|time| (f.as_of, time)))
            };
            Source {
                vendor,
                tickers: count32(findings.len()),
                quote_time: extremes(dated().map(|(_, time)| time)),
                age_secs: extremes(dated().map(|(as_of, time)| as_of.duration_since(time).as_secs())),
            }
        })
        .collect()
}

fn funnel(findings: &[&Finding]) -> FunnelReport {
    let mut all = Funnel::default();
    for finding in findings {
        all.merge(&finding.funnel);
    }
    FunnelReport { total: all.total(), places: all.0, chains: count32(findings.len()) }
}

fn near_misses(findings: &[&Finding]) -> Vec<NearMissRow> {
    let mut all: Vec<NearMissRow> = findings
        .iter()
        .flat_map(|finding| finding.near_misses.iter().map(|miss| (&finding.ticker, miss)))
        .map(|(ticker, miss)| NearMissRow {
            underlying: ticker.clone(),
            symbol: miss.symbol,
            strategy: miss.strategy.clone(),
            missed: miss.missed.clone(),
            of: miss.of,
        })
        .collect();
    all.sort_by(|a, b| a.missed.len().cmp(&b.missed.len()).then(a.symbol.cmp(&b.symbol)));
    let mut told: BTreeMap<Ticker, usize> = BTreeMap::new();
    all.retain(|miss| {
        let n = told.entry(miss.underlying.clone()).or_default();
        *n += 1;
        *n <= NEAR_MISSES_EACH
    });
    all.truncate(NEAR_MISSES);
    all
}

fn transition(change: &TradeTransition, trades: &BTreeMap<&TradeId, &TradeRecord>) -> TransitionRow {
    let record = trades.get(&change.trade);
    let (price, reason, gross, net) = match &change.transition {
        Transition::Filled(fill) => (Some(fill.price.dollars()), None, None, None),
        Transition::Lapsed { .. } => (None, None, None, None),
        Transition::Closed(exit) => (
            Some(exit.price.dollars()),
            Some(exit.reason.word().to_owned()),
            Some(exit.gross.dollars()),
            Some(exit.net.dollars()),
        ),
    };
    TransitionRow {
        trade: change.trade.clone(),
        symbol: record.map(|record| record.symbol),
        control: record.is_some_and(|record| record.control),
        to: change.transition.to(),
        price,
        reason,
        gross,
        net,
    }
}

/// The stable word of a skip reason.
#[must_use]
pub const fn skip_word(reason: &SkipReason) -> &'static str {
    match reason {
        SkipReason::NoOptions => "no_options",
        SkipReason::StaleQuotes { .. } => "stale_quotes",
        SkipReason::UndatedQuotes => "undated_quotes",
        SkipReason::SpotGap { .. } => "spot_gap",
        SkipReason::UnderlyingPreGate { .. } => "underlying_pre_gate",
        SkipReason::ThinUnderlying { .. } => "thin_underlying",
    }
}

fn skipped(findings: &[&Finding]) -> BTreeMap<String, Vec<Ticker>> {
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for finding in findings {
        if let Answer::Skipped(reason) = &finding.answer {
            all.entry(skip_word(reason).to_owned()).or_default().push(finding.ticker.clone());
        }
    }
    for tickers in all.values_mut() {
        tickers.sort();
    }
    all
}

fn failed(stored: &StoredOutcome) -> Option<FailedRow> {
    let (word, detail) = match &stored.outcome {
        Outcome::Found(_) => return None,
        Outcome::Failed { reason, .. } => (reason.word.clone(), reason.detail.clone()),
        Outcome::Poison { attempts } => {
            ("poison".to_owned(), format!("broke its worker {attempts} times and was given up"))
        }
        Outcome::Sealed => ("sealed".to_owned(), "not done when the deadline came".to_owned()),
    };
    Some(FailedRow { ticker: stored.ticker.clone(), word, detail })
}

fn remarks(findings: &[&Finding], config: &AnalysisConfig) -> Vec<String> {
    let flagged = |word: &str| {
        findings.iter().flat_map(|finding| &finding.candidates).any(|c| c.flags.iter().any(|flag| flag == word))
    };
    let s1 = &config.strategies.oversold_call;
    let mut remarks = vec!["raw RSI, not decay-adjusted".to_owned()];
    if flagged("earnings_unknown") {
        remarks.push("earnings dates are not known".to_owned());
    }
    if flagged("yield_assumed") {
        remarks.push(format!(
            "dividend yield assumed at {} % where the chain tells none",
            config.rates.assumed_yield * 100.0
        ));
    }
    if findings.iter().any(|f| f.provenance.flags.iter().any(|flag| flag == "spot_not_simultaneous")) {
        remarks.push(
            "some chains and their vendor's spot are not of one instant; IV and delta use the chain's own".to_owned(),
        );
    }
    if s1.enabled {
        remarks.push(format!(
            "plan: target +{} %, stop -{} %, out after {} sessions, at RSI {} or at {} DTE; a buy limit stands {} min",
            s1.target_pct, s1.stop_pct, s1.time_stop_sessions, s1.exit_rsi, s1.exit_dte, s1.validity_minutes
        ));
    }
    remarks
}

fn extremes<T: Copy + Ord>(values: impl Iterator<Item = T>) -> Option<(T, T)> {
    values.fold(None, |found: Option<(T, T)>, value| match found {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

fn count32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
