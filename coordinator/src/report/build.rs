//! From what the store holds to a [`Report`].

use std::collections::BTreeMap;

use fleet_analysis::AnalysisConfig;
use fleet_analysis::config::Costs;
use fleet_analysis::strategy::{Role, Strategy, code_of};
use fleet_core::domain::calendar;
use fleet_core::domain::{
    Candidate, Direction, Manifest, Money, Notice, RequestCounts, ScanState, Ticker, TradeId, TradeRecord, TradeState,
    TradeTransition, Transition, UnderlyingMetrics,
};

use super::gathered::{Found, Gathered};
use super::{
    CandidateRow, Completion, DarkRow, FunnelReport, GatewayRow, NewTradeRow, Report, RowProvenance, SCHEMA, Source,
    TransitionRow,
};

/// What the store holds of one scan.
#[derive(Debug, Clone)]
pub struct ReportInput {
    /// The frozen manifest.
    pub manifest: Manifest,
    /// Where the scan stands; the caps are applied when it is settled.
    pub state: ScanState,
    /// Tickers a person asked for, where they were named; the rest of the manifest is followed for live trades.
    pub asked: Option<Vec<Ticker>>,
    /// What is kept of the outcomes so far.
    pub gathered: Gathered,
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
pub fn build(input: ReportInput) -> Report {
    let ReportInput { manifest, state, asked, gathered, trades: records, mut notices, universe_requests, top } = input;
    let trades: BTreeMap<&TradeId, &TradeRecord> = records.iter().map(|trade| (&trade.id, trade)).collect();
    let config: AnalysisConfig = serde_json::from_value(manifest.analysis.clone()).unwrap_or_default();
    let mut candidates: Vec<&Found> = gathered.candidates.iter().collect();
    candidates.sort_by(|Found { candidate: a, .. }, Found { candidate: b, .. }| {
        b.score
            .total()
            .total_cmp(&a.score.total())
            .then(a.symbol.cmp(&b.symbol))
            .then_with(|| a.strategy.cmp(&b.strategy))
    });
    let in_all = candidates.len();
    let settled = state >= ScanState::Alerting;
    let shown = top.unwrap_or(in_all).min(in_all);
    // Trades of this scan in the order of their candidates; a candidate whose trade an earlier scan found is not new.
    let new: Vec<&TradeRecord> = candidates
        .iter()
        .filter_map(|found| trades.get(&trade_id(found)).copied())
        .filter(|trade| trade.scan == manifest.scan && settled)
        .collect();
    let rank: BTreeMap<&TradeId, usize> = new.iter().enumerate().map(|(rank, trade)| (&trade.id, rank)).collect();
    // The outbox has them in the order of the commits, which differs between equal runs.
    notices.sort_by_key(|notice| (rank.get(&notice.trade).copied(), notice.kind.word(), notice.trade.clone()));
    let is_capped = |trade: &&&TradeRecord| trade.state == TradeState::Capped;
    let tickers = gathered.tickers(count32(manifest.tickers.len()));
    let mut requests = universe_requests;
    requests.merge(&gathered.requests);
    Report {
        schema: SCHEMA,
        scan: manifest.scan.clone(),
        completion: if tickers.missing == 0 { Completion::Complete } else { Completion::Partial },
        as_of: gathered.as_of.or(manifest.as_of.map(|at| (at, at))),
        sources: sources(&gathered),
        requests: requests.vendors,
        gateways: gathered.requests.gateways.iter().map(|(name, used)| (name.clone(), GatewayRow::of(used))).collect(),
        tickers,
        followed: asked.as_ref().map(|asked| followed(&manifest, asked)),
        settled,
        funnel: FunnelReport {
            total: gathered.funnel.total(),
            places: gathered.funnel.0.clone(),
            chains: gathered.chains,
        },
        candidates: candidates[..shown]
            .iter()
            .zip(1..)
            .map(|(found, rank)| row(rank, found, &trades, &config))
            .collect(),
        underlyings: underlyings(&candidates[..shown]),
        candidates_not_shown: count32(in_all - shown),
        new_trades: new
            .iter()
            .filter(|trade| !is_capped(trade))
            .map(|trade| NewTradeRow { trade: trade.id.clone(), symbol: trade.symbol })
            .collect(),
        capped: count32(new.iter().filter(is_capped).count()),
        controls: gathered.controls,
        dark: dark(gathered.iv_sessions, &config),
        near_misses: gathered.near_misses.clone(),
        transitions: gathered.transitions.iter().map(|change| transition(change, &trades)).collect(),
        remarks: remarks(&gathered, &config),
        skipped: gathered.skipped(),
        failed: gathered.failed.clone(),
        partial: gathered.partial.clone(),
        notices,
    }
}

fn row(rank: u32, found: &Found, trades: &BTreeMap<&TradeId, &TradeRecord>, config: &AnalysisConfig) -> CandidateRow {
    let candidate = &found.candidate;
    let symbol = candidate.symbol;
    let trade = trade_id(found);
    let (before, after) = break_even(candidate, &config.costs);
    let plan = &candidate.plan;
    let (buy, sell) = match plan.direction {
        Direction::Long => (plan.buy, plan.target),
        Direction::Short => (plan.target, plan.buy),
    };
    CandidateRow {
        rank,
        trade_state: trades.get(&trade).map(|record| record.state),
        trade,
        code: code_of(&candidate.strategy).to_owned(),
        strategy: candidate.strategy.clone(),
        direction: plan.direction,
        underlying: candidate.underlying.clone(),
        symbol,
        expiration: symbol.expiration,
        strike: symbol.strike.dollars(),
        kind: symbol.kind,
        bid: candidate.bid.dollars(),
        ask: candidate.ask.dollars(),
        mid: candidate.mid,
        buy: buy.dollars(),
        sell: sell.dollars(),
        stop: plan.stop.dollars(),
        max_loss: plan.max_loss(&symbol).map(Money::dollars),
        valid_until: plan.valid_until,
        gross_pct: candidate.gross_pct,
        net_pct: candidate.net_pct,
        break_even_pct: before,
        break_even_net_pct: after,
        volume: candidate.volume,
        open_interest: candidate.open_interest,
        spread_pct: candidate.spread_pct,
        iv: candidate.iv,
        delta: candidate.delta,
        model: candidate.model,
        dte: candidate.dte,
        rsi: candidate.rsi,
        coverage: candidate.coverage.map(|sessions| sessions.to_string()),
        indicators: candidate.indicators.clone(),
        score: candidate.score.total(),
        score_parts: candidate.score.parts.clone(),
        checks: candidate.checks.clone(),
        provenance: RowProvenance {
            vendor: found.vendor,
            quote_time: candidate.quote_time,
            fetched_at: found.fetched_at,
            spot_used: candidate.spot_used,
            spot_source: found.spot_source,
            vendor_spot: found.vendor_spot.map(fleet_core::domain::Price::dollars),
        },
        flags: candidate.flags.clone(),
        metrics: candidate.metrics.clone(),
    }
}

/// Of each underlying with a candidate here.
fn underlyings(shown: &[&Found]) -> BTreeMap<Ticker, UnderlyingMetrics> {
    shown
        .iter()
        .filter_map(|found| {
            Some((found.candidate.underlying.clone(), UnderlyingMetrics::clone(found.underlying.as_ref()?)))
        })
        .collect()
}

/// The trade a candidate becomes, as the analysis derives it.
fn trade_id(found: &Found) -> TradeId {
    TradeId::derive(&found.candidate.strategy, &found.candidate.symbol, calendar::session_date(found.as_of))
}

/// Share of trades that must win when every winner ends at the target and every loser at the stop, percent: before costs,
/// entered at the limit as the gross potential is, loss / (gain + loss); and after, entered as the net potential is (ANALYTICS
/// section 1): at mid and a share of the half-spread, left with a share of it, with commission for both sides.
pub(super) fn break_even(candidate: &Candidate, costs: &Costs) -> (f64, f64) {
    let plan = &candidate.plan;
    let (target, limit, stop) = (plan.target.dollars(), plan.buy.dollars(), plan.stop.dollars());
    let slip = costs.half_spread_share * (candidate.ask.dollars() - candidate.bid.dollars()) / 2.0;
    let fees = 2.0 * plan.commission.dollars() / 100.0;
    let rate = |gain: f64, loss: f64| if gain + loss > 0.0 { (100.0 * loss / (gain + loss)).min(100.0) } else { 100.0 };
    match plan.direction {
        Direction::Long => {
            let paid = candidate.mid + slip;
            let after = |left: f64| left - slip - paid - fees;
            (rate(target - limit, limit - stop), rate(after(target), -after(stop)))
        }
        Direction::Short => {
            let received = candidate.mid - slip;
            let after = |left: f64| received - (left + slip) - fees;
            (rate(limit - target, stop - limit), rate(after(target), -after(stop)))
        }
    }
}

/// Tickers of the manifest that nobody asked for: they have live trades.
fn followed(manifest: &Manifest, asked: &[Ticker]) -> u32 {
    count32(manifest.tickers.iter().filter(|ticker| !asked.contains(ticker)).count())
}

fn sources(gathered: &Gathered) -> Vec<Source> {
    gathered
        .sources
        .iter()
        .map(|(vendor, source)| Source {
            vendor: *vendor,
            tickers: source.tickers,
            quote_time: source.quote_time,
            age_secs: source.age_secs,
        })
        .collect()
}

fn transition(change: &TradeTransition, trades: &BTreeMap<&TradeId, &TradeRecord>) -> TransitionRow {
    let record = trades.get(&change.trade);
    let (price, reason, gross, net) = match &change.transition {
        Transition::Filled(fill) => (Some(fill.price.dollars()), None, None, None),
        Transition::Lapsed { .. } => (None, None, None, None),
        Transition::Confirmed { confirmation, .. } => {
            let word = if confirmation.opening { "opening" } else { "not opening" };
            let text = format!("{word}: open interest {:+} of {} traded", confirmation.rise, confirmation.volume);
            (None, Some(text), None, None)
        }
        Transition::Closed(exit) => (
            Some(exit.price.dollars()),
            Some(exit.reason.word().to_owned()),
            Some(exit.gross.dollars()),
            Some(exit.net.dollars()),
        ),
    };
    TransitionRow {
        trade: change.trade.clone(),
        direction: record.map_or(Direction::Long, |record| record.plan.direction),
        symbol: record.map(|record| record.symbol),
        control: record.is_some_and(|record| record.control),
        to: change.transition.to(),
        price,
        reason,
        gross,
        net,
    }
}

/// Strategies for which the underlying with the longest history has too short a one.
fn dark(iv_sessions: Option<u32>, config: &AnalysisConfig) -> Vec<DarkRow> {
    let Some(has_sessions) = iv_sessions else { return Vec::new() };
    let short_of = |(_, strategy): (usize, &dyn Strategy)| {
        let needs_sessions = strategy.needs().history_sessions.filter(|needs| *needs > has_sessions)?;
        let card = strategy.card();
        Some(DarkRow {
            strategy: card.name.to_owned(),
            code: card.code,
            needs_sessions,
            has_sessions,
            sessions_to_go: needs_sessions - has_sessions,
        })
    };
    config.strategies.enabled(Role::Signal).filter_map(short_of).collect()
}

fn remarks(gathered: &Gathered, config: &AnalysisConfig) -> Vec<String> {
    let flagged = |word: &str| gathered.flags.contains(word);
    let mut remarks = Vec::new();
    if flagged("earnings_unknown") {
        remarks.push("earnings dates are not known".to_owned());
    }
    if flagged("yield_assumed") {
        remarks.push(format!(
            "dividend yield assumed at {} % where the chain tells none",
            config.rates.assumed_yield * 100.0
        ));
    }
    if gathered.chain_flags.contains("spot_not_simultaneous") {
        remarks.push(
            "some chains and their vendor's spot are not of one instant; IV and delta use the chain's own".to_owned(),
        );
    }
    for (_, strategy) in config.strategies.enabled(Role::Signal) {
        remarks.push(format!("{} plan: {}", strategy.card().code, strategy.rules(config).words()));
    }
    remarks
}

fn count32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_in_want_of_history_is_dark_until_the_first_underlying_has_enough() {
        let mut config = AnalysisConfig::default();
        config.strategies.cheap_iv.enabled = true;
        let with = |iv_sessions| dark(iv_sessions, &config);
        let wanted = DarkRow {
            strategy: "cheap_iv".to_owned(),
            code: "S3",
            needs_sessions: 120,
            has_sessions: 41,
            sessions_to_go: 79,
        };
        assert_eq!(with(Some(41)), [wanted]);
        assert_eq!(with(Some(120)), []);
        assert_eq!(with(None), [], "no ticker was looked at");
        assert_eq!(dark(Some(1), &AnalysisConfig::default()), []);
    }
}
