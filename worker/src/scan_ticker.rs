//! The story of the program: one ticker of one scan becomes one commit.
//!
//! Promises: the only decisions here are what to fetch, where from (the session's cache before the vendor), and what can
//! be done without: a live trade's exits need its quote, which the chain has, so bars that do not come must not keep it
//! waiting; the finding says that they are missing. What it all means is decided by `fleet-analysis`, which is pure, off
//! the async threads. Requests are in the outcome, those of failed attempts too. Refuses: to commit and to retry;
//! `protocol` does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleet_analysis::{AnalysisConfig, Examination, MarketSnapshot, Wanted, new_trades};
use fleet_core::domain::calendar;
use fleet_core::domain::{
    Chain, Finding, Instrument, Manifest, OccSymbol, Outcome, SUMMARIES_KEPT, SessionSummary, Task, TradeRecord,
    UnderlyingFacts, VendorRoute,
};
use fleet_core::seams::{
    ChainRequest, Clock, Commit, FetchError, FetchFailure, MarketData, RequestTally, ScanStamp, Store, StoreError,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::past::{Past, is_the_vendors};
use crate::unvouched::Unvouched;
use crate::{explanation, in_time, session_bars};

/// The analysis asks for the underlying's bars, then for contracts' bars; a few more rounds do no harm, an endless
/// conversation would.
const MAX_ROUNDS: u32 = 8;
/// The word in a finding's provenance for bars that were wanted and did not come.
pub const BARS_MISSING: &str = "bars_missing";

/// One task with everything it is done with.
pub struct TickerJob<'a> {
    /// What is to be done.
    pub task: &'a Task,
    /// The delivery attempt, from 1.
    pub attempt: u32,
    /// What earlier deliveries in this process came to.
    pub past: &'a Past,
    /// Name of the worker.
    pub worker: &'a str,
    /// Everything that changes the answer.
    pub manifest: &'a Manifest,
    /// Of the scan, from before its manifest was read.
    pub stamp: &'a ScanStamp,
    /// The manifest's analysis settings, read.
    pub analysis: &'a Arc<AnalysisConfig>,
    /// The outside world.
    pub market: &'a dyn MarketData,
    /// Live trades and the session's bars.
    pub store: &'a dyn Store,
    /// Bars of this scan that no canary has vouched for yet.
    pub unvouched: &'a Unvouched,
    /// Counts the requests.
    pub tally: &'a RequestTally,
    /// Wall-clock time, for what is asked for before anything has arrived.
    pub clock: &'a dyn Clock,
}

/// Why there is no commit (yet).
#[derive(Debug, thiserror::Error)]
pub enum TickerError {
    /// A vendor did not give what was asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest names no route to the vendor that served the chain.
    #[error("the manifest has no route to {0}")]
    NoRoute(fleet_core::domain::Vendor),
}

/// Scans one ticker, whose live trades are known: chain, the bars the analysis wants, analysis, commit (not yet written).
pub async fn scan_ticker(job: &TickerJob<'_>, live_trades: Vec<TradeRecord>) -> Result<Commit, TickerError> {
    job.tally.begin_attempt();
    let request = chain_request(job.manifest, &live_trades, job.clock.now());
    let (chain, arrived_at) = job.market.chain(&job.task.ticker, &request, job.tally).await?;
    let as_of = job.manifest.as_of.unwrap_or(arrived_at);
    let history = history(job, &chain, as_of).await?;
    let snapshot = snapshot(job, Known { chain, arrived_at, as_of, history, live_trades })?;
    let (mut examination, answer) = examine(job, snapshot).await;
    let (answer, missing) = match answer {
        Some(answer) => (answer, Missing::Nothing),
        None => {
            let missing = add_bars(job, &mut examination).await?;
            examination.note_requests(job.tally.counts());
            (computed(move || answer_of(&examination)).await, missing)
        }
    };
    // A canary may have told meanwhile that the way the answer came by serves old data.
    if let Some(doubt) = job.market.doubt(job.tally) {
        return Err(doubt.into());
    }
    session_bars::share_vouched(job).await?;
    Ok(commit(job, answer, missing))
}

/// What the analysis gave: the finding, and the explanations, packed.
type Answer = (Box<Finding>, Vec<u8>);

/// Sifts the chain. Where no bar is wanted the answer is made at once, within the same turn off the async threads.
async fn examine(job: &TickerJob<'_>, mut snapshot: MarketSnapshot) -> (Examination, Option<Answer>) {
    let analysis = Arc::clone(job.analysis);
    snapshot.requests = job.tally.counts();
    let is_small = rows(&snapshot) <= FEW_ROWS;
    let begin = move || {
        let examination = Examination::begin(snapshot, analysis);
        let answer = (examination.wanted() == Wanted::Nothing).then(|| answer_of(&examination));
        (examination, answer)
    };
    if is_small { begin() } else { computed(begin).await }
}

fn answer_of(examination: &Examination) -> Answer {
    let (finding, explanations) = examination.finish();
    (Box::new(finding), explanation::pack(&explanations))
}

/// Bars that were wanted and did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Nothing,
    Some,
}

/// What a request for bars that failed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    /// One contract's bars are unusable; the others may be fine.
    ThisContract,
    /// No more bars are asked for; what there is must do.
    AllOthers,
}

/// Adds the bars that the analysis wants, one answer after another.
async fn add_bars(job: &TickerJob<'_>, examination: &mut Examination) -> Result<Missing, TickerError> {
    let mut without: BTreeSet<OccSymbol> = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        // The chain was sifted when it arrived: this only looks at what there is.
        let instruments: Vec<Instrument> = match examination.wanted() {
            Wanted::Nothing => break,
            Wanted::UnderlyingBars => vec![Instrument::Underlying(job.task.ticker.clone())],
            Wanted::ContractBars(symbols) => {
                symbols.into_iter().filter(|symbol| !without.contains(symbol)).map(Instrument::Contract).collect()
            }
        };
        if instruments.is_empty() {
            break;
        }
        for instrument in instruments {
            let error = match session_bars::bars(job, &instrument, examination.snapshot().as_of).await {
                Ok(series) => {
                    examination.add(series);
                    continue;
                }
                Err(TickerError::Fetch(error)) => error,
                Err(error @ (TickerError::Store(_) | TickerError::NoRoute(_))) => return Err(error),
            };
            let live_trades = &examination.snapshot().live_trades;
            let Some(go_on) = go_on_without(job, &instrument, &error.failure, live_trades) else {
                return Err(error.into());
            };
            tracing::warn!(scan = %job.task.scan, ticker = %job.task.ticker, %error, "going on without bars");
            match (go_on, instrument) {
                (Without::ThisContract, Instrument::Contract(symbol)) => drop(without.insert(symbol)),
                (Without::ThisContract | Without::AllOthers, _) => return Ok(Missing::Some),
            }
        }
    }
    Ok(if without.is_empty() { Missing::Nothing } else { Missing::Some })
}

/// What to do without, now that a request for bars failed; `None`: the failure is the ticker's. One unreadable series of
/// a contract is done without always. Anything else only for the sake of live trades, whose exits would wait, and not
/// before the last delivery that may still bring it.
fn go_on_without(
    job: &TickerJob<'_>,
    instrument: &Instrument,
    failure: &FetchFailure,
    live_trades: &[TradeRecord],
) -> Option<Without> {
    let one_answer = !failure.is_transient() && !is_the_vendors(failure);
    if one_answer && matches!(instrument, Instrument::Contract(_)) {
        return Some(Without::ThisContract);
    }
    let is_live = live_trades.iter().any(|trade| trade.state.is_live());
    let is_last = job.past.is_last(failure, job.attempt, &job.manifest.limits);
    (is_live && is_last).then_some(Without::AllOthers)
}

/// What has so few rows in all is sifted in well below a millisecond: less than another thread is worth.
const FEW_ROWS: usize = 32;

/// Everything that sifting goes through.
fn rows(snapshot: &MarketSnapshot) -> usize {
    let MarketSnapshot { chain, live_trades, history, .. } = snapshot;
    let lists = [chain.contracts.len(), chain.refused.len(), chain.not_served.len(), chain.expirations.len()];
    lists.into_iter().sum::<usize>() + live_trades.len() + history.len()
}

/// Runs a computation off the async threads: a large chain takes tens of milliseconds.
async fn computed<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(job).await {
        Ok(answer) => answer,
        // A bug in the analysis is the delivery's, which counts it; nothing cancels this task.
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

/// What of the chain is wanted: the strategies' window, and every expiration a live trade waits for.
fn chain_request(manifest: &Manifest, live_trades: &[TradeRecord], now: Timestamp) -> ChainRequest {
    let today = calendar::exchange_date(manifest.as_of.unwrap_or(now));
    let listed = |expiration: &Date| *expiration >= today;
    ChainRequest {
        as_of: manifest.as_of,
        dte_window: manifest.vendors.dte_window,
        also: live_trades.iter().map(|trade| trade.symbol.expiration).filter(listed).collect(),
    }
}

/// What earlier sessions' chains came to. A chain without rows needs none, and is not kept waiting; nothing later than the
/// as-of is looked at, which matters where one is given.
pub(crate) async fn history(
    job: &TickerJob<'_>,
    chain: &Chain,
    as_of: Timestamp,
) -> Result<Vec<SessionSummary>, StoreError> {
    if chain.contracts.is_empty() {
        return Ok(Vec::new());
    }
    let mut summaries = in_time::store(job.store.summaries(&job.task.ticker, SUMMARIES_KEPT)).await?;
    summaries.retain(|summary| summary.as_of <= as_of);
    Ok(summaries)
}

/// What is known once the chain is there.
struct Known {
    chain: Chain,
    arrived_at: Timestamp,
    as_of: Timestamp,
    history: Vec<SessionSummary>,
    live_trades: Vec<TradeRecord>,
}

fn snapshot(job: &TickerJob<'_>, known: Known) -> Result<MarketSnapshot, TickerError> {
    let Known { chain, arrived_at, as_of, history, live_trades } = known;
    let serves = |route: &&VendorRoute| route.vendor == chain.vendor;
    let route = job.manifest.vendors.routes.iter().find(serves).ok_or(TickerError::NoRoute(chain.vendor))?;
    Ok(MarketSnapshot {
        scan: job.task.scan.clone(),
        ticker: job.task.ticker.clone(),
        as_of,
        facts: facts(job, &chain, as_of),
        chain,
        fetched_at: Some(arrived_at),
        max_quote_age_secs: route.max_quote_age_secs,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        history,
        max_bars: job.manifest.vendors.max_bars_per_ticker,
        live_trades,
        requests: job.tally.counts(),
    })
}

/// What is known of the underlying beside prices: from the manifest what a person says, from the chain what its vendor
/// does.
pub(crate) fn facts(job: &TickerJob<'_>, chain: &Chain, as_of: Timestamp) -> UnderlyingFacts {
    let ticker = &job.task.ticker;
    let nothing = UnderlyingFacts::default();
    let said = job.manifest.facts.get(ticker).unwrap_or(&nothing);
    UnderlyingFacts::merged(ticker, said, &chain.facts, calendar::exchange_date(as_of))
}

/// Makes the commit.
fn commit(job: &TickerJob<'_>, (mut finding, explanations): Answer, missing: Missing) -> Commit {
    if missing == Missing::Some {
        finding.provenance.flags.push(BARS_MISSING.to_owned());
    }
    Commit {
        scan: job.task.scan.clone(),
        stamp: Some(job.stamp.clone()),
        ticker: job.task.ticker.clone(),
        worker: job.worker.to_owned(),
        attempt: job.attempt,
        trades: new_trades(&finding, &job.task.scan),
        transitions: finding.transitions.clone(),
        marks: finding.marks.clone(),
        explanations,
        summary: finding.summary.clone(),
        outcome: Outcome::Found(finding),
    }
}
