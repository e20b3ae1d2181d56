//! What is known of a chain before any bar: spot, volatility, gates, and which contracts deserve bars. Both
//! [`crate::wanted`] and [`crate::analyse`] begin here, so they cannot disagree.
//!
//! What the chain alone decides is a [`Sifting`]: it is made once a ticker, because ten thousand contracts take
//! milliseconds. What bars and live trades add is a [`Stage`] over it, made anew at each question.
//! [`crate::Examination`] keeps a snapshot and its sifting together, so that they cannot disagree.

use std::ops::Deref;

use fleet_core::domain::{
    Bar, Check, ContractQuote, ExerciseStyle, OccSymbol, Price, Root, SkipReason, SpotSource, TradeRecord, TradeState,
    Vendor, Verdict, calendar,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::bars::{believable, last_closed_session, sessions_old};
use crate::config::{AnalysisConfig, BoundsRule};
use crate::forward::{Carry, Parity, parity};
use crate::gates::{GateInput, Stopped, bounds_stop, spread_pct, trade_stop, vol_stop};
use crate::indicators::UnderlyingState;
use crate::pricing::Factors;
use crate::rows::{Freshness, Rows, validate};
use crate::snapshot::MarketSnapshot;
use crate::strategy::{ContractView, Role, Strategy, control, registry};
use crate::tick::Ticks;
use crate::vol::{Priced, VolPoint};

/// What is known of one kept row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sifted {
    /// Volatility and greeks at mid.
    pub vol: Option<VolPoint>,
    /// The gate that stopped it; `None` for a contract past the gates.
    pub stopped: Option<Stopped>,
    /// The forward of its expiration was assumed.
    pub yield_assumed: bool,
    /// It passed the gates on quote, open interest and volume.
    pub trades: bool,
}

/// A contract that an enabled signal strategy wants to look at.
#[derive(Debug, Clone)]
pub struct Eligible {
    /// Row of `chain.contracts`.
    pub row: usize,
    /// Strategies that want it, by place in the registry.
    pub strategies: Vec<usize>,
}

/// What a chain alone decides.
#[derive(Debug, Clone)]
pub struct Sifting {
    /// Believed rows.
    pub rows: Rows,
    /// Whether the quotes can be acted on.
    pub freshness: Freshness,
    /// Why the whole ticker is set aside, as far as that is known without bars.
    pub skip: Option<SkipReason>,
    /// Spot and forwards; `None` when the quotes are unusable.
    pub parity: Option<Parity>,
    /// Price steps.
    pub ticks: Ticks,
    /// By row; `None` for rows that are not kept, and everywhere when the ticker is skipped.
    pub sifted: Vec<Option<Sifted>>,
    /// Some kept row's forward was assumed.
    pub yield_assumed: bool,
    /// By volume, then symbol.
    pub eligible: Vec<Eligible>,
    /// Rows whose bars the ranking wants, beside those that are examined: by volume, then symbol.
    pub ranked_bars: Vec<usize>,
    /// Rows that the lot draws as controls, whether or not there is room for them; by symbol.
    pub by_lot: Vec<usize>,
    /// The session a trade would begin in.
    pub entry_session: Date,
    /// The newest session with final bars.
    pub last_closed: Date,
    /// The exchange's date at `as_of`.
    today: Date,
}

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

impl Deref for Stage<'_> {
    type Target = Sifting;

    fn deref(&self) -> &Sifting {
        self.sifting
    }
}

impl Sifting {
    /// Sifts a snapshot's chain.
    #[must_use]
    pub fn of(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Self {
        let chain = &snapshot.chain;
        let rows = validate(chain, config.gates.unknown_oi_pct);
        let freshness = Freshness::of(chain, snapshot.as_of, snapshot.max_quote_age_secs);
        let standard = rows.by_symbol.rows().map(|row| &chain.contracts[row]);
        let ticks = Ticks::infer(standard.filter(|q| !q.symbol.root.is_adjusted()));
        let mut sifting = Self {
            rows,
            freshness,
            skip: None,
            parity: None,
            ticks,
            sifted: vec![None; chain.contracts.len()],
            yield_assumed: false,
            eligible: Vec::new(),
            ranked_bars: Vec::new(),
            by_lot: Vec::new(),
            entry_session: calendar::session_date(snapshot.as_of),
            last_closed: last_closed_session(snapshot.as_of, &config.coverage),
            today: calendar::exchange_date(snapshot.as_of),
        };
        if let Freshness::Unusable(reason) = &sifting.freshness {
            sifting.skip = Some(reason.clone());
            return sifting;
        }
        let parity = parity(chain, &sifting.rows, snapshot.as_of, config);
        let gap = parity.gap.filter(|gap| gap.abs() * 100.0 > config.gates.max_spot_gap_pct);
        sifting.skip = gap.map(|gap| SkipReason::SpotGap { gap });
        if sifting.skip.is_none() {
            sifting.sift(snapshot, config, &parity);
            sifting.choose(snapshot, config);
        }
        sifting.parity = Some(parity);
        sifting
    }

    /// A row past the gates as strategies see it.
    #[must_use]
    pub fn view<'a>(&self, snapshot: &'a MarketSnapshot, row: usize) -> Option<ContractView<'a>> {
        let quote = snapshot.chain.contracts.get(row)?;
        let (bid, ask, mid) = (quote.bid?, quote.ask?, quote.mid()?);
        Some(ContractView {
            quote,
            bid,
            ask,
            mid,
            spread_pct: spread_pct(quote)?,
            delta: self.sifted.get(row)?.as_ref()?.vol.map(|v| v.greeks.delta),
            dte: calendar::days_until(self.today, quote.symbol.expiration),
            ticks: self.ticks,
            entry_session: self.entry_session,
        })
    }

    fn sift(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig, parity: &Parity) {
        let mut last: Option<Group> = None;
        for (symbol, row) in self.rows.by_symbol.iter() {
            let quote = &snapshot.chain.contracts[row];
            let group = match last {
                Some(group) if group.root == symbol.root && group.expiration == symbol.expiration => group,
                Some(_) | None => Group::of(symbol, snapshot.as_of, config, parity),
            };
            last = Some(group);
            let priced = group.priced(symbol, config);
            let tick = |price: f64| config.pricing.min_time_value_ticks * self.ticks.at(price);
            let vol = priced.zip(quote.mid()).and_then(|(p, mid)| p.vol_at(mid, tick(mid)));
            let input = GateInput {
                quote,
                years: group.years,
                open_interest: quote.open_interest.filter(|_| !self.rows.unknown_oi),
                bounds: priced.map(|p| p.bounds()),
                vol,
            };
            let untraded = trade_stop(&input, &config.gates);
            let trades = untraded.is_none();
            let stopped =
                untraded.or_else(|| bounds_stop(&input, self.ticks)).or_else(|| vol_stop(&input, &config.gates));
            let yield_assumed = group.carry.is_some_and(|c| c.assumed);
            self.yield_assumed |= yield_assumed;
            self.sifted[row] = Some(Sifted { vol, stopped, yield_assumed, trades });
        }
    }

    fn choose(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig) {
        let enabled: Vec<(usize, &&dyn Strategy)> =
            registry().iter().enumerate().filter(|(_, strategy)| strategy.dte_window(config).is_some()).collect();
        let contracts = &snapshot.chain.contracts;
        let (mut eligible, mut by_lot) = (Vec::new(), Vec::new());
        let past_gates = |row: &usize| self.sifted[*row].as_ref().is_some_and(|s| s.stopped.is_none());
        for row in self.rows.by_symbol.rows().filter(past_gates).filter(|_| !enabled.is_empty()) {
            let Some(view) = self.view(snapshot, row) else { continue };
            let wanting = |role: Role| {
                enabled
                    .iter()
                    .filter(|(_, s)| s.role() == role && passes(&s.screen(&view, config)))
                    .map(|(at, _)| *at)
                    .collect::<Vec<usize>>()
            };
            let strategies = wanting(Role::Signal);
            if !strategies.is_empty() {
                eligible.push(Eligible { row, strategies });
            }
            if !wanting(Role::Control).is_empty() {
                by_lot.push(row);
            }
        }
        // Stable: equal volumes keep the order of their symbols.
        eligible.sort_by_key(|e| std::cmp::Reverse(contracts[e.row].volume));
        self.eligible = eligible;
        self.by_lot = by_lot;
        if config.ranking.enabled {
            self.ranked_bars = self.ranked_bars(snapshot, config);
        }
    }

    /// The most traded contracts whose bars the ranking wants, where the strategies leave room. A contract without an
    /// implied volatility has a history all the same.
    fn ranked_bars(&self, snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Vec<usize> {
        let contracts = &snapshot.chain.contracts;
        let most = snapshot.max_bars as usize;
        let examined: Vec<usize> = self.eligible.iter().take(most).map(|e| e.row).collect();
        let wanted = |row: &usize| {
            self.sifted[*row].as_ref().is_some_and(|s| s.trades)
                && self.is_ranked(snapshot, config, *row)
                && !examined.contains(row)
        };
        let mut rows: Vec<usize> = self.rows.by_symbol.rows().filter(wanted).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(contracts[*row].volume));
        rows.truncate(most - examined.len());
        rows
    }

    /// Whether a row's days to expiration lie in the ranking's window.
    #[must_use]
    pub fn is_ranked(&self, snapshot: &MarketSnapshot, config: &AnalysisConfig, row: usize) -> bool {
        let [from, to] = config.ranking.dte;
        let dte = || calendar::days_until(self.today, snapshot.chain.contracts[row].symbol.expiration);
        config.ranking.enabled && (from..=to).contains(&dte())
    }
}

/// What the rows of one root and expiration share.
#[derive(Clone, Copy)]
struct Group {
    root: Root,
    expiration: Date,
    years: Option<f64>,
    style: ExerciseStyle,
    carry: Option<Carry>,
    /// Spot, and what follows from rate, yield and time.
    priced_on: Option<(f64, Factors)>,
}

impl Group {
    fn of(symbol: &OccSymbol, as_of: Timestamp, config: &AnalysisConfig, parity: &Parity) -> Self {
        let carry = parity.carries.get(&(symbol.root, symbol.expiration)).copied();
        let style = match config.pricing.bounds {
            BoundsRule::ByStyle => symbol.style(),
            BoundsRule::European => ExerciseStyle::European,
        };
        let factors = |carry: Carry| Factors::of(carry.years, config.rates.risk_free, carry.yield_);
        Self {
            root: symbol.root,
            expiration: symbol.expiration,
            years: config.pricing.years_to_expiry(as_of, symbol),
            style,
            carry,
            priced_on: parity.spot.zip(carry.map(factors)),
        }
    }

    fn priced(&self, symbol: &OccSymbol, config: &AnalysisConfig) -> Option<Priced> {
        let ((spot, factors), carry) = self.priced_on.zip(self.carry)?;
        Some(Priced {
            kind: symbol.kind,
            style: self.style,
            strike: symbol.strike.dollars(),
            spot,
            rate: config.rates.risk_free,
            carry,
            factors,
        })
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

    /// The eligible contracts for which there is room.
    #[must_use]
    pub fn examined(&self) -> &[Eligible] {
        &self.eligible[..self.eligible.len().min(self.snapshot.max_bars as usize)]
    }

    /// The underlying's believable bars.
    #[must_use]
    pub fn underlying_bars(&self) -> Option<Vec<Bar>> {
        self.snapshot.underlying_bars.as_ref().map(|series| believable(series, self.last_closed, None))
    }

    /// What the underlying's bars say; nothing when they are old.
    #[must_use]
    pub fn underlying_state(&self, bars: &[Bar]) -> UnderlyingState {
        let fresh = sessions_old(bars, self.last_closed).is_some_and(|age| age <= 1);
        if fresh { UnderlyingState::of(bars) } else { UnderlyingState::default() }
    }

    /// Whether the underlying itself rules out every strategy that has an eligible contract.
    #[must_use]
    pub fn underlying_skip(&self, bars: &[Bar]) -> Option<SkipReason> {
        if self.eligible.is_empty() && self.ranked_bars.is_empty() {
            return None;
        }
        let needed = self.config.coverage.min_bars;
        if bars.len() < needed as usize {
            return Some(SkipReason::ThinUnderlying { bars: bars.len() as u32, needed });
        }
        if self.config.ranking.enabled {
            // No strategy rules out a ranking; its judgement of a contract has the check all the same.
            return None;
        }
        let state = self.underlying_state(bars);
        let mut refusal = None;
        for at in self.strategies_with_eligible() {
            match registry()[at].pre_gate(&state, self.config) {
                Some(check) if check.verdict != Verdict::Pass => refusal = refusal.or(Some(check)),
                Some(_) | None => return None,
            }
        }
        refusal.map(|check| SkipReason::UnderlyingPreGate { check })
    }

    /// Pending and open trades.
    pub fn live_trades(&self) -> impl Iterator<Item = &'a TradeRecord> {
        self.snapshot.live_trades.iter().filter(|trade| trade.state.is_live())
    }

    /// Whether a contract has settled.
    #[must_use]
    pub fn has_settled(&self, symbol: &OccSymbol) -> bool {
        calendar::settlement_instant(symbol) <= self.snapshot.as_of
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

    /// The spot and where it came from.
    #[must_use]
    pub fn spot(&self) -> (Option<f64>, SpotSource) {
        self.parity.as_ref().map_or((None, SpotSource::None), |p| (p.spot, p.source))
    }

    fn strategies_with_eligible(&self) -> std::collections::BTreeSet<usize> {
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

/// Whether every check passes.
#[must_use]
pub fn passes(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict == Verdict::Pass)
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
