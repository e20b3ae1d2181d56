//! What a report keeps of a scan's outcomes, folded one by one: a large scan is never in memory whole.
//!
//! Promises: the order of outcomes matters only where the report tells tickers in order; what grows with the universe is
//! a ticker's name and reason, or a candidate. Refuses: to know the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleet_core::domain::{
    Answer, Candidate, Finding, Funnel, MissDistance, Outcome, Price, RequestCounts, SkipReason, SpotSource,
    StoredOutcome, Ticker, TradeTransition, UnderlyingMetrics, Vendor,
};
use fleet_worker::scan_ticker::BARS_MISSING;
use jiff::Timestamp;

use super::{FailedRow, NearMissRow, PartialRow, TickerCounts};

/// Near misses told of; more than a screenful helps nobody.
const NEAR_MISSES: usize = 8;
/// Of these, of one underlying: its strikes miss together.
const NEAR_MISSES_EACH: usize = 2;

/// Outcomes as far as a report needs them.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    counts: TickerCounts,
    accounted: u32,
    skipped: BTreeMap<&'static str, Vec<Ticker>>,
    /// First and last instant tickers pretend to be at.
    pub(super) as_of: Option<(Timestamp, Timestamp)>,
    pub(super) sources: BTreeMap<Vendor, SourceSpan>,
    pub(super) requests: RequestCounts,
    pub(super) funnel: Funnel,
    pub(super) chains: u32,
    /// The longest history of volatilities that some underlying has, sessions; `None` where no strategy asked.
    pub(super) iv_sessions: Option<u32>,
    /// Controls left out, in the order of their tickers.
    pub(super) candidates: Vec<Found>,
    pub(super) controls: u32,
    /// Nearest first; no more than are told of.
    pub(super) near_misses: Vec<NearMissRow>,
    pub(super) transitions: Vec<TradeTransition>,
    pub(super) failed: Vec<FailedRow>,
    pub(super) partial: Vec<PartialRow>,
    /// Words that some candidate carries.
    pub(super) flags: BTreeSet<String>,
    /// Words that some chain carries.
    pub(super) chain_flags: BTreeSet<String>,
}

/// A candidate and what its finding says about where it came from.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) candidate: Candidate,
    pub(super) as_of: Timestamp,
    pub(super) vendor: Vendor,
    pub(super) fetched_at: Option<Timestamp>,
    pub(super) spot_source: SpotSource,
    pub(super) vendor_spot: Option<Price>,
    /// Of its underlying, shared by its candidates.
    pub(super) underlying: Option<Arc<UnderlyingMetrics>>,
}

/// What one vendor of chains served.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SourceSpan {
    pub(super) tickers: u32,
    pub(super) quote_time: Option<(Timestamp, Timestamp)>,
    pub(super) age_secs: Option<(i64, i64)>,
}

impl Gathered {
    /// Takes in one outcome.
    pub fn add(&mut self, stored: StoredOutcome) {
        self.accounted += 1;
        let ticker = stored.ticker;
        let mut fail = |word: String, detail: String| {
            self.failed.push(FailedRow { ticker: ticker.clone(), word, detail });
        };
        match stored.outcome {
            Outcome::Found(finding) => self.add_finding(*finding),
            Outcome::Failed { reason, requests } => {
                fail(reason.word, reason.detail);
                self.counts.failed += 1;
                self.requests.merge(&requests);
            }
            Outcome::Poison { attempts } => {
                fail("poison".to_owned(), format!("broke its worker {attempts} times and was given up"));
                self.counts.poison += 1;
            }
            Outcome::Sealed => {
                fail("sealed".to_owned(), "not done when the deadline came".to_owned());
                self.counts.sealed += 1;
            }
        }
    }

    /// Transitions of live trades so far.
    #[must_use]
    pub fn transitions(&self) -> &[TradeTransition] {
        &self.transitions
    }

    /// Tickers by fate, of so many.
    pub(super) fn tickers(&self, total: u32) -> TickerCounts {
        TickerCounts { total, missing: total.saturating_sub(self.accounted), ..self.counts }
    }

    /// Tickers set aside, by reason, in order.
    pub(super) fn skipped(&self) -> BTreeMap<String, Vec<Ticker>> {
        let ordered = |tickers: &Vec<Ticker>| {
            let mut tickers = tickers.clone();
            tickers.sort();
            tickers
        };
        self.skipped.iter().map(|(word, tickers)| ((*word).to_owned(), ordered(tickers))).collect()
    }

    fn add_finding(&mut self, finding: Finding) {
        match &finding.answer {
            Answer::Analysed => self.counts.analysed += 1,
            Answer::Skipped(reason) => {
                self.counts.skipped += 1;
                self.skipped.entry(skip_word(reason)).or_default().push(finding.ticker.clone());
            }
        }
        self.chains += 1;
        self.iv_sessions = self.iv_sessions.max(finding.iv_sessions);
        self.funnel.merge(&finding.funnel);
        self.requests.merge(&finding.requests);
        widen(&mut self.as_of, finding.as_of);
        self.add_source(&finding);
        self.add_near_misses(&finding);
        let bars_missing = finding.provenance.flags.iter().any(|flag| flag == BARS_MISSING);
        if bars_missing || !finding.not_served.is_empty() {
            let (ticker, not_served) = (finding.ticker, finding.not_served);
            self.partial.push(PartialRow { ticker, not_served, bars_missing });
        }
        self.transitions.extend(finding.transitions);
        let provenance = finding.provenance;
        let underlying = finding.metrics.map(|metrics| Arc::new(*metrics));
        for candidate in finding.candidates {
            self.flags.extend(candidate.flags.iter().cloned());
            if candidate.control {
                self.controls += 1;
                continue;
            }
            self.candidates.push(Found {
                candidate,
                as_of: finding.as_of,
                vendor: provenance.vendor,
                fetched_at: provenance.fetched_at,
                spot_source: provenance.spot_source,
                vendor_spot: provenance.vendor_spot,
                underlying: underlying.clone(),
            });
        }
        self.chain_flags.extend(provenance.flags);
    }

    fn add_source(&mut self, finding: &Finding) {
        let source = self.sources.entry(finding.provenance.vendor).or_default();
        source.tickers += 1;
        // Skipped for stale quotes: their age is told there and would hide the age of what was analysed.
        if matches!(finding.answer, Answer::Analysed)
            && let Some(time) = finding.provenance.quote_time
        {
            widen(&mut source.quote_time, time);
            widen(&mut source.age_secs, finding.as_of.duration_since(time).as_secs());
        }
    }

    /// A ticker comes once: what it adds is cut to its share at once, and the list to what is told of.
    fn add_near_misses(&mut self, finding: &Finding) {
        let mut own: Vec<NearMissRow> = finding
            .near_misses
            .iter()
            .map(|miss| NearMissRow {
                underlying: finding.ticker.clone(),
                symbol: miss.symbol,
                strategy: miss.strategy.clone(),
                missed: miss.missed.clone(),
                of: miss.of,
            })
            .collect();
        nearest_first(&mut own);
        own.truncate(NEAR_MISSES_EACH);
        self.near_misses.append(&mut own);
        nearest_first(&mut self.near_misses);
        self.near_misses.truncate(NEAR_MISSES);
    }
}

/// In the order in which a finding has its own.
fn nearest_first(misses: &mut [NearMissRow]) {
    misses.sort_by(|a, b| {
        let distance = MissDistance::of(&a.missed).cmp(&MissDistance::of(&b.missed));
        distance.then(a.symbol.cmp(&b.symbol)).then_with(|| a.strategy.cmp(&b.strategy))
    });
}

fn widen<T: Copy + Ord>(span: &mut Option<(T, T)>, value: T) {
    *span = Some(span.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
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

#[cfg(test)]
mod tests {
    use fleet_core::domain::{Check, OccSymbol, Operator};

    use super::*;

    fn miss(strike: u32, failed: usize, unknown: usize) -> NearMissRow {
        let check = |value| Check::new("rsi_rise", value, Operator::Above, 0.0);
        let missed = std::iter::repeat_n(check(Some(-1.0)), failed).chain(std::iter::repeat_n(check(None), unknown));
        NearMissRow {
            underlying: Ticker::parse("TSLA").unwrap(),
            symbol: OccSymbol::parse(&format!("TSLA270319C{:08}", strike * 1000)).unwrap(),
            strategy: "oversold_call".to_owned(),
            missed: missed.collect(),
            of: 21,
        }
    }

    #[test]
    fn what_truly_missed_comes_before_what_is_not_known() {
        let mut misses = [miss(100, 0, 1), miss(110, 2, 0), miss(120, 1, 1), miss(130, 1, 0), miss(90, 0, 2)];
        nearest_first(&mut misses);
        let order: Vec<f64> = misses.iter().map(|miss| miss.symbol.strike.dollars()).collect();
        assert_eq!(order, [130.0, 120.0, 110.0, 100.0, 90.0]);
    }
}
