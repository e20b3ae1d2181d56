//! What is known of a ticker: the sifting of its chain, and what bars and live trades add to it. Both [`crate::wanted`]
//! and [`crate::analyse`] begin here, so they cannot disagree. Made anew at each question, which costs little;
//! [`crate::Examination`] keeps a snapshot and its sifting together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use fleet_core::domain::{
    Bar, Check, ContractQuote, OccSymbol, Price, PricingModel, SessionSummary, SkipReason, SpotSource, TradeRecord,
    TradeState, Vendor, Verdict, calendar,
};
use jiff::Timestamp;

use crate::bars::{believable, sessions_old};
use crate::config::AnalysisConfig;
use crate::forward::Carry;
use crate::indicators::UnderlyingState;
use crate::rows::Freshness;
use crate::sifting::Sifting;
use crate::snapshot::MarketSnapshot;
use crate::strategy::{ContractView, Room, Strategy, UnderlyingView, control};

/// A chain before any bar, with what bars and live trades there are.
pub struct Stage<'a> {
    /// What came in.
    pub snapshot: &'a MarketSnapshot,
    /// Settings.
    pub config: &'a AnalysisConfig,
    /// What the chain alone decides.
    pub sifting: &'a Sifting,
    /// Rows drawn as controls, by symbol; at most [`control::MAX_PER_TICKER`].
    pub controls: Vec<usize>,
}

/// What the underlying decides before any contract's bars are asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// Strategies (by place in the list) that the underlying rules out, and the first check that does.
    pub refused: BTreeMap<usize, Check>,
    /// Whose bars there is room for.
    pub room: Room,
}

impl Deref for Stage<'_> {
    type Target = Sifting;

    fn deref(&self) -> &Sifting {
        self.sifting
    }
}

impl<'a> Stage<'a> {
    /// What a snapshot's bars and live trades add to the sifting of its chain.
    #[must_use]
    pub fn of(snapshot: &'a MarketSnapshot, config: &'a AnalysisConfig, sifting: &'a Sifting) -> Self {
        let mut stage = Self { snapshot, config, sifting, controls: Vec::new() };
        stage.controls = stage.drawn(sifting.by_lot.clone());
        stage
    }

    /// The row of a contract.
    #[must_use]
    pub fn quote(&self, symbol: &OccSymbol) -> Option<&'a ContractQuote> {
        self.rows.by_symbol.get(symbol).map(|row| &self.snapshot.chain.contracts[row])
    }

    /// Whether a row's days to expiration lie in the ranking's window.
    #[must_use]
    pub fn is_ranked(&self, row: usize) -> bool {
        self.sifting.is_ranked(self.snapshot, self.config, row)
    }

    /// A row past the gates as strategies see it.
    #[must_use]
    pub fn view(&self, row: usize) -> Option<ContractView<'a>> {
        self.sifting.view(self.snapshot, row)
    }

    /// The underlying's believable bars.
    #[must_use]
    pub fn underlying_bars(&self) -> Option<Vec<Bar>> {
        self.snapshot.underlying_bars.as_ref().map(|series| believable(series, self.last_closed, None))
    }

    /// What the underlying's bars say; nothing when they are old.
    #[must_use]
    pub fn underlying_state(&self, bars: &[Bar]) -> UnderlyingState {
        if self.is_fresh(bars) { UnderlyingState::of(bars) } else { UnderlyingState::default() }
    }

    /// Whether at most one session is missing at the end of the underlying's bars.
    #[must_use]
    pub fn is_fresh(&self, bars: &[Bar]) -> bool {
        sessions_old(bars, self.last_closed).is_some_and(|age| age <= 1)
    }

    /// What earlier sessions' chains came to, oldest first: nothing of this session, nothing later than `as_of`.
    pub fn earlier_sessions(&self) -> impl Iterator<Item = &'a SessionSummary> {
        let (session, as_of) = (self.entry_session, self.snapshot.as_of);
        self.snapshot.history.iter().filter(move |summary| summary.session < session && summary.as_of <= as_of)
    }

    /// Sessions of the past year whose volatility at 30 days is known, this one included; `None` where no enabled strategy
    /// asks for a history.
    #[must_use]
    pub fn iv_sessions(&self) -> Option<u32> {
        let asks = |strategy: &dyn Strategy| strategy.enabled() && strategy.needs().history_sessions.is_some();
        let known = || self.earlier_sessions().filter(|summary| summary.iv30.is_some()).count();
        let asked = self.config.strategies.each().into_iter().any(asks);
        asked.then(|| self.chain_metrics.as_ref().map_or_else(known, |chain| chain.rank.sessions) as u32)
    }

    /// The underlying, once its bars are there.
    #[must_use]
    pub fn underlying(&self) -> Option<UnderlyingView<'a>> {
        self.underlying_bars().map(|bars| UnderlyingView::of(self, bars))
    }

    /// What the underlying decides before any contract's bars are asked for.
    #[must_use]
    pub fn standing(&self, underlying: &UnderlyingView<'_>) -> Standing {
        let mut standing = Standing::default();
        let with_eligible = self.strategies_with_eligible();
        for (at, strategy) in self.config.strategies.each().into_iter().enumerate() {
            // No strategy rules out a ranking; its judgement of a contract has the check all the same.
            let asked = with_eligible.contains(&at) && !self.config.ranking.enabled;
            let checks = if asked { strategy.pre_gate(underlying) } else { Vec::new() };
            let refusal = checks.into_iter().find(|check| check.mandatory && check.verdict != Verdict::Pass);
            standing.refused.extend(refusal.map(|check| (at, check)));
        }
        let stands = |at: &usize| !standing.refused.contains_key(at);
        let strategies: Vec<usize> = self.config.strategies.of_own_bars().into_iter().filter(stands).collect();
        standing.room = Room::shared(&self.eligible, &strategies, self.snapshot.max_bars as usize);
        standing
    }

    /// Whether the underlying itself rules out every strategy that has an eligible contract.
    #[must_use]
    pub fn underlying_skip(&self, underlying: &UnderlyingView<'_>, standing: &Standing) -> Option<SkipReason> {
        if self.eligible.is_empty() && self.ranked_bars.is_empty() {
            return None;
        }
        let needed = self.config.coverage.min_bars;
        let bars = underlying.known_bars;
        if bars < needed as usize {
            return Some(SkipReason::ThinUnderlying { bars: bars as u32, needed });
        }
        let with_eligible = self.strategies_with_eligible();
        let first = with_eligible.first().and_then(|at| standing.refused.get(at));
        let all_refused = with_eligible.iter().all(|at| standing.refused.contains_key(at));
        first.filter(|_| all_refused).map(|check| SkipReason::UnderlyingPreGate { check: check.clone() })
    }

    /// Pending and open trades.
    pub fn live_trades(&self) -> impl Iterator<Item = &'a TradeRecord> {
        self.snapshot.live_trades.iter().filter(|trade| trade.state.is_live())
    }

    /// Whether a contract has settled, as far as the calendar knows: one whose settlement it does not know has not.
    #[must_use]
    pub fn has_settled(&self, symbol: &OccSymbol) -> bool {
        calendar::settlement_instant(symbol).is_some_and(|at| at <= self.snapshot.as_of)
    }

    /// Live trades whose contract's bars can still decide something, controls apart.
    pub fn followed_signals(&self) -> impl Iterator<Item = &'a TradeRecord> {
        self.followed().filter(|trade| !trade.control)
    }

    /// Live controls whose contract's bars can still decide something; the oldest if there are more than
    /// [`control::MAX_PER_TICKER`]. The others are followed by their quotes alone.
    #[must_use]
    pub fn followed_controls(&self) -> Vec<&'a TradeRecord> {
        let mut controls: Vec<&TradeRecord> = self.followed().filter(|trade| trade.control).collect();
        controls.sort_by_key(|trade| (trade.signalled_at, trade.symbol));
        controls.truncate(control::MAX_PER_TICKER);
        controls
    }

    fn followed(&self) -> impl Iterator<Item = &'a TradeRecord> {
        self.live_trades().filter(|trade| !self.has_settled(&trade.symbol) && !self.is_adjusted(trade))
    }

    /// Whether an open trade waits for the underlying's bars: to be settled at a close of it, or, where quotes could
    /// sell it, to know that no split came between.
    #[must_use]
    pub fn trades_need_underlying(&self) -> bool {
        let fresh = fresh_time(self).is_some();
        self.live_trades().any(|trade| trade.state == TradeState::Open && (fresh || self.has_settled(&trade.symbol)))
    }

    /// Whether the underlying split after a trade was entered, as far as the bars tell. Its contract was adjusted then:
    /// strike, quotes and bars of now are not on the scale of its levels, and its symbol may name another contract.
    #[must_use]
    pub fn is_adjusted(&self, trade: &TradeRecord) -> bool {
        let entered = trade.fill.as_ref().map_or(trade.entry_session, |fill| fill.session);
        let today = calendar::exchange_date(self.snapshot.as_of);
        let of_contract = self.snapshot.contract_bars.get(&trade.symbol);
        let series = [self.snapshot.underlying_bars.as_ref(), of_contract];
        series.into_iter().flatten().filter_map(|s| s.last_split).any(|split| entered < split && split <= today)
    }

    /// Words for the provenance.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let gap = self.parity.as_ref().and_then(|p| p.gap);
        let ahead = matches!(self.freshness, Freshness::Fresh { ahead: true, .. });
        let apart = gap.is_some_and(|gap| gap.abs() * 100.0 > self.config.gates.flag_spot_gap_pct);
        let all = [
            (self.snapshot.chain.vendor == Vendor::Yahoo, "delayed"),
            (ahead, "quote_time_ahead"),
            (apart, "spot_not_simultaneous"),
            (self.rows.unknown_oi, "unknown_oi"),
            (self.yield_assumed, "yield_assumed"),
        ];
        all.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect()
    }

    /// What a row's volatility was computed with, or why it was not.
    #[must_use]
    pub fn model(&self, row: usize) -> Option<PricingModel> {
        let exercise = self.sifted.get(row)?.as_ref()?.model?;
        let symbol = &self.snapshot.chain.contracts.get(row)?.symbol;
        let carry = self.parity.as_ref()?.carries.get(&(symbol.root, symbol.expiration))?;
        let spot_source = self.spot().1;
        let Carry { spot, rate, yield_, assumed: yield_assumed, .. } = *carry;
        Some(PricingModel { exercise, spot, spot_source, rate, yield_, yield_assumed, dividend_bound: None })
    }

    /// The spot and where it came from.
    #[must_use]
    pub fn spot(&self) -> (Option<f64>, SpotSource) {
        self.parity.as_ref().map_or((None, SpotSource::None), |p| (p.spot, p.source))
    }

    fn strategies_with_eligible(&self) -> BTreeSet<usize> {
        self.eligible.iter().flat_map(|e| e.strategies.iter().copied()).collect()
    }

    /// Of the rows by lot, those that become controls: the lowest lots that there is room for beside the controls
    /// already followed. One that is followed already may be drawn again and takes no room.
    fn drawn(&self, mut by_lot: Vec<usize>) -> Vec<usize> {
        let followed: Vec<OccSymbol> = self.followed_controls().iter().map(|trade| trade.symbol).collect();
        let mut room = control::MAX_PER_TICKER.saturating_sub(followed.len());
        let symbol = |row: &usize| &self.snapshot.chain.contracts[*row].symbol;
        let again = |row: &usize| followed.contains(symbol(row));
        by_lot.sort_by_key(|row| (control::lot(self.entry_session, symbol(row)), symbol(row)));
        by_lot.retain(|row| {
            let fits = again(row) || room > 0;
            room -= usize::from(fits && !again(row));
            fits
        });
        by_lot.sort_by_key(symbol);
        by_lot
    }
}

/// Bid and ask of a quote one can trade on: 0 < bid < ask.
#[must_use]
pub fn tradable(quote: &ContractQuote) -> Option<(Price, Price)> {
    quote.mid().and_then(|_| quote.bid.zip(quote.ask))
}

/// The instant a fresh chain's quotes were valid.
#[must_use]
pub fn fresh_time(stage: &Stage<'_>) -> Option<Timestamp> {
    match stage.freshness {
        Freshness::Fresh { quote_time, .. } => Some(quote_time),
        Freshness::Unusable(_) => None,
    }
}
