//! The pure core: a market snapshot goes in, a finding comes out.
//!
//! ```text
//! rows (duplicates, dating) → forward (spot) → side (gates, vol: IV and greeks) → strategy screens  = stage
//!   wanted: what to fetch next, so that nothing is fetched for a contract that a gate stops
//!   answer: bars → coverage → indicators (raw, decay-adjusted) → strategies → candidates (priced once more with cash
//!           dividends);  exits: live trades
//! ```
//!
//! Promises: same snapshot and settings, same bytes; no clock, randomness, logging, I/O or panic; nothing later than
//! `as_of` is read; every row of a chain is counted at exactly one place of the funnel; what is missing is `None` and
//! never a number. RULES.md beside this crate has every choice that ANALYTICS leaves open.

mod answer;
pub mod bars;
pub mod cash_dividends;
pub mod config;
pub mod decay;
pub mod doubt;
mod examination;
mod exits;
pub mod expected_dividends;
pub mod forward;
pub mod gates;
pub mod gsm7;
pub mod indicators;
pub mod metrics;
mod named_indicators;
pub mod notices;
mod own_bars;
pub mod place;
pub mod pricing_rules;
pub mod ranking;
pub mod rates;
mod repricing;
pub mod rows;
pub mod side;
pub mod sifting;
pub mod snapshot;
pub mod stage;
pub mod strategy;
pub mod strikes;
pub mod tick;
pub mod vol;

use std::collections::BTreeSet;

use fleet_core::domain::{
    ContractExplanation, Finding, OccSymbol, ScanId, SkipReason, TradeId, TradeRecord, TradeState, calendar,
};

pub use config::AnalysisConfig;
pub use examination::Examination;
pub use snapshot::{MarketSnapshot, Wanted};

use sifting::Sifting;
use stage::Stage;
use strategy::Room;

/// What to fetch next. Fetch it, add it to the snapshot and ask again; after at most two answers it is
/// [`Wanted::Nothing`].
#[must_use]
pub fn wanted(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Wanted {
    wanted_of(&Stage::of(snapshot, config, &Sifting::of(snapshot, config)))
}

fn wanted_of(stage: &Stage<'_>) -> Wanted {
    let underlying_matters = !stage.eligible.is_empty()
        || !stage.ranked_bars.is_empty()
        || stage.trades_need_underlying()
        || (!stage.controls.is_empty() && !stage.config.indicators.shown.is_empty());
    let underlying = stage.underlying();
    if underlying_matters && underlying.is_none() {
        return Wanted::UnderlyingBars;
    }
    let standing = underlying.as_ref().map(|underlying| stage.standing(underlying)).unwrap_or_default();
    let skip = stage.skip.clone().or_else(|| stage.underlying_skip(underlying.as_ref()?, &standing));
    let missing = contracts_of(stage, &standing.room, skip.as_ref());
    if missing.is_empty() { Wanted::Nothing } else { Wanted::ContractBars(missing) }
}

/// The one answer to a task.
#[must_use]
pub fn analyse(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Finding {
    analyse_explained(snapshot, config).0
}

/// The one answer to a task, and what is known of each readable row, in the chain's order.
#[must_use]
pub fn analyse_explained(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> (Finding, Vec<ContractExplanation>) {
    answer::assemble(&Stage::of(snapshot, config, &Sifting::of(snapshot, config)))
}

/// Proposed trades of a finding's candidates, controls too, in the candidates' order.
#[must_use]
pub fn new_trades(finding: &Finding, scan: &ScanId) -> Vec<TradeRecord> {
    let entry_session = calendar::session_date(finding.as_of);
    finding
        .candidates
        .iter()
        .map(|candidate| TradeRecord {
            id: TradeId::derive(&candidate.strategy, &candidate.symbol, entry_session),
            strategy: candidate.strategy.clone(),
            underlying: candidate.underlying.clone(),
            symbol: candidate.symbol,
            control: candidate.control,
            state: TradeState::Proposed,
            scan: scan.clone(),
            signalled_at: finding.as_of,
            entry_session,
            signal_bid: candidate.bid,
            signal_ask: candidate.ask,
            plan: candidate.plan.clone(),
            score: candidate.score.clone(),
            checks: candidate.checks.clone(),
            fill: None,
            exit: None,
            ignored: false,
            last_mark: None,
            confirmation: None,
        })
        .collect()
}

/// Contracts whose bars are wanted and not there yet: live trades', controls', then the examined ones, then those the ranking wants. Whatever the
/// store holds, controls cost at most [`strategy::control::MAX_PER_TICKER`] requests.
fn contracts_of(stage: &Stage<'_>, room: &Room, skip: Option<&SkipReason>) -> Vec<OccSymbol> {
    let live = stage.followed_signals().chain(stage.followed_controls()).map(|trade| trade.symbol);
    let symbol_of = |row: usize| stage.snapshot.chain.contracts[row].symbol;
    let chosen: Vec<OccSymbol> = match skip {
        None => live
            .chain(stage.controls.iter().copied().map(symbol_of))
            .chain(room.rows.iter().copied().map(symbol_of))
            .chain(stage.ranked_bars.iter().copied().map(symbol_of))
            .collect(),
        Some(SkipReason::SpotGap { .. } | SkipReason::UnderlyingPreGate { .. } | SkipReason::ThinUnderlying { .. }) => {
            live.collect()
        }
        // Without usable quotes nothing is decided, so nothing is fetched.
        Some(SkipReason::NoOptions | SkipReason::StaleQuotes { .. } | SkipReason::UndatedQuotes) => Vec::new(),
    };
    let mut asked = BTreeSet::new();
    chosen
        .into_iter()
        .filter(|symbol| !stage.snapshot.contract_bars.contains_key(symbol) && asked.insert(*symbol))
        .collect()
}
