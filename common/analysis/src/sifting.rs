//! What a chain alone decides, before any bar: spot, volatility, gates, and which contracts deserve bars. Made once a
//! ticker, because ten thousand contracts take milliseconds; [`crate::stage::Stage`] adds what bars and live trades say.

use fleet_core::domain::{Check, SkipReason, Verdict, calendar};
use jiff::civil::Date;

use crate::bars::last_closed_session;
use crate::config::AnalysisConfig;
use crate::forward::{Parity, parity};
use crate::gates::spread_pct;
use crate::metrics::across::Across;
use crate::metrics::of_chain::ChainMetrics;
use crate::metrics::probability::Market;
use crate::rows::{Freshness, Rows, validate};
use crate::side::{Sieve, Sifted, quoted};
use crate::snapshot::MarketSnapshot;
use crate::strategy::{ContractView, Role, Room, Strategy};
use crate::tick::Ticks;
use crate::vol::{Priced, Side};

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
    /// What the chain and its history say of the underlying; `None` when the ticker is skipped.
    pub chain_metrics: Option<ChainMetrics>,
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
            chain_metrics: None,
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
        let is_usable = sifting.skip.is_none();
        if is_usable {
            sifting.sift(snapshot, config, &parity);
        }
        // Strategies see spot and forwards too.
        sifting.parity = Some(parity);
        if is_usable {
            let across = sifting.across(snapshot, config);
            sifting.chain_metrics = Some(ChainMetrics::of(snapshot, config, &sifting, across));
            sifting.choose(snapshot, config);
        }
        sifting
    }

    /// What prices the contract of a row; `None` without a spot or a known settlement.
    #[must_use]
    pub fn priced(&self, snapshot: &MarketSnapshot, config: &AnalysisConfig, row: usize) -> Option<Priced> {
        let symbol = &snapshot.chain.contracts.get(row)?.symbol;
        let carry = self.parity.as_ref()?.carries.get(&(symbol.root, symbol.expiration))?;
        Some(Priced::new(symbol, config.pricing.exercise.style(symbol), carry))
    }

    /// A row past the gates as strategies see it.
    #[must_use]
    pub fn view<'a>(&self, snapshot: &'a MarketSnapshot, row: usize) -> Option<ContractView<'a>> {
        let quote = snapshot.chain.contracts.get(row)?;
        let (bid, ask, mid) = (quote.bid?, quote.ask?, quote.mid()?);
        let vol = self.sifted.get(row)?.as_ref()?.vol;
        let parity = self.parity.as_ref();
        let carry = parity.and_then(|p| p.carries.get(&(quote.symbol.root, quote.symbol.expiration)));
        Some(ContractView {
            quote,
            bid,
            ask,
            mid,
            spread_pct: spread_pct(quote)?,
            open_interest: quote.open_interest.filter(|_| !self.rows.unknown_oi),
            iv: vol.map(|v| v.iv),
            delta: vol.map(|v| v.greeks.delta),
            dte: calendar::days_until(self.today, quote.symbol.expiration),
            spot: carry.map(|c| c.spot).or(parity.and_then(|p| p.spot)),
            market: carry.map(|carry| Market { years: carry.years, rate: carry.rate, yield_: carry.yield_ }),
            ticks: self.ticks,
            entry_session: self.entry_session,
            quote_time: snapshot.chain.quote_time,
            facts: &snapshot.facts,
        })
    }

    fn sift(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig, parity: &Parity) {
        let (contracts, as_of) = (&snapshot.chain.contracts, snapshot.as_of);
        let unknown_oi = self.rows.unknown_oi;
        let sieve = Sieve { contracts, config, parity, ticks: self.ticks, as_of, unknown_oi };
        for rows in self.rows.by_symbol.sides() {
            for ((_, row), sifted) in rows.iter().zip(sieve.sift(rows)) {
                self.yield_assumed |= sifted.yield_assumed;
                self.sifted[*row] = Some(sifted);
            }
        }
    }

    /// What the chain's expirations say, the contracts that its numbers are read off by one engine.
    fn across(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Across {
        let mut across = Across::of(snapshot, config, self);
        // Where that engine gives none, or moves a delta, a neighbour is read instead, which may be approximated too. A row
        // is priced once, so this ends.
        let mut priced = vec![false; snapshot.chain.contracts.len()];
        loop {
            let mut rows = across.approximated();
            rows.retain(|row| !std::mem::replace(&mut priced[*row], true));
            if rows.is_empty() {
                return across;
            }
            for row in &rows {
                self.price_exactly(snapshot, config, *row);
            }
            across.read_again(&rows, snapshot, config, self);
        }
    }

    /// Gives a row the volatility that it would have if it had traded.
    fn price_exactly(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig, row: usize) {
        let quote = &snapshot.chain.contracts[row];
        let symbol = &quote.symbol;
        let carry = self.parity.as_ref().and_then(|p| p.carries.get(&(symbol.root, symbol.expiration)));
        let (Some(carry), Some(sifted)) = (carry, &mut self.sifted[row]) else { return };
        let mut side = Side::new(symbol.kind, config.pricing.exercise.style(symbol), carry);
        let quoted = quoted(quote, self.ticks, config);
        sifted.vol = quoted.and_then(|quoted| side.solve(&[quoted]).pop().flatten());
        sifted.model = Some(side.model());
    }

    fn choose(&mut self, snapshot: &MarketSnapshot, config: &AnalysisConfig) {
        let of_role = |role: Role| config.strategies.enabled(role).collect::<Vec<(usize, &dyn Strategy)>>();
        let (signals, controls) = (of_role(Role::Signal), of_role(Role::Control));
        let contracts = &snapshot.chain.contracts;
        let (mut eligible, mut by_lot) = (Vec::new(), Vec::new());
        let nobody_looks = signals.is_empty() && controls.is_empty();
        let past_gates = |row: &usize| self.sifted[*row].as_ref().is_some_and(|s| s.stopped.is_none());
        for row in self.rows.by_symbol.rows().filter(past_gates).filter(|_| !nobody_looks) {
            let Some(view) = self.view(snapshot, row) else { continue };
            let wanting = |strategies: &[(usize, &dyn Strategy)]| {
                let wants = |s: &&(usize, &dyn Strategy)| passes(&s.1.screen(&view, config));
                strategies.iter().filter(wants).map(|(at, _)| *at).collect::<Vec<usize>>()
            };
            let strategies = wanting(&signals);
            if !strategies.is_empty() {
                eligible.push(Eligible { row, strategies });
            }
            if !wanting(&controls).is_empty() {
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
        // Where contracts are ranked the underlying refuses no strategy, so this is the room there will be.
        let examined = Room::shared(&self.eligible, &config.strategies.of_own_bars(), most).rows;
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

/// Whether every mandatory check passes.
#[must_use]
pub fn passes(checks: &[Check]) -> bool {
    checks.iter().all(|check| !check.mandatory || check.verdict == Verdict::Pass)
}
