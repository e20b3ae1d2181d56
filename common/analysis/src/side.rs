//! The rows of one root, expiration and kind through the gates, together: they share a forward, and early exercise its
//! boundaries.

use fleet_core::domain::{ContractQuote, ExerciseModel, ExerciseStyle, OccSymbol};
use fleet_pricing::Quoted;
use jiff::Timestamp;

use crate::config::{AnalysisConfig, VolatilityOf};
use crate::forward::{Carry, Parity};
use crate::gates::{GateInput, Stopped, bounds_stop, trade_stop, vol_stop};
use crate::strikes::{Ladder, Rung};
use crate::tick::Ticks;
use crate::vol::{Side, VolPoint};

/// What is known of one kept row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sifted {
    /// Volatility and greeks at mid.
    pub vol: Option<VolPoint>,
    /// How they were computed, or why not; `None` where there was nothing to compute.
    pub model: Option<ExerciseModel>,
    /// The gate that stopped it; `None` for a contract past the gates.
    pub stopped: Option<Stopped>,
    /// The forward of its expiration was assumed.
    pub yield_assumed: bool,
    /// It passed the gates on quote, open interest and volume.
    pub trades: bool,
}

/// What every side of a chain is sifted with.
#[derive(Debug, Clone, Copy)]
pub struct Sieve<'a> {
    /// The chain's rows.
    pub contracts: &'a [ContractQuote],
    /// Settings.
    pub config: &'a AnalysisConfig,
    /// Spot and forwards.
    pub parity: &'a Parity,
    /// Price steps.
    pub ticks: Ticks,
    /// The instant of the analysis.
    pub as_of: Timestamp,
    /// The chain's open interest means nothing.
    pub unknown_oi: bool,
}

impl Sieve<'_> {
    /// What is known of the kept rows of one root, expiration and kind, in their order.
    #[must_use]
    pub fn sift(&self, rows: &[(OccSymbol, usize)]) -> Vec<Sifted> {
        let Some((symbol, _)) = rows.first() else { return Vec::new() };
        let carry = self.parity.carries.get(&(symbol.root, symbol.expiration));
        let mut side = carry.map(|carry| Side::new(symbol.kind, self.config.pricing.exercise.style(symbol), carry));
        let years = self.config.pricing.years_to_expiry(self.as_of, symbol);
        let mut inputs: Vec<GateInput<'_>> = rows.iter().map(|(_, row)| self.input(*row, years)).collect();
        let mut sifted: Vec<Sifted> = inputs
            .iter()
            .map(|input| {
                let stopped = trade_stop(input, &self.config.gates);
                let trades = stopped.is_none();
                Sifted { vol: None, model: None, stopped, yield_assumed: carry.is_some_and(|c| c.assumed), trades }
            })
            .collect();
        if let Some(side) = &mut side {
            for (input, sifted) in inputs.iter_mut().zip(&sifted) {
                if sifted.trades || self.config.pricing.volatility_of == VolatilityOf::Quoted {
                    input.bounds = side.bounds(input.quote.symbol.strike.dollars());
                }
            }
            self.solve(side, &inputs, &mut sifted);
        }
        for (input, sifted) in inputs.iter_mut().zip(&mut sifted) {
            input.vol = sifted.vol;
            if sifted.trades {
                sifted.stopped = bounds_stop(input, self.ticks);
            }
        }
        if let Some(carry) = carry.filter(|_| self.config.gates.across_strikes) {
            self.stop_across(symbol, carry, &inputs, &mut sifted);
        }
        for (input, sifted) in inputs.iter().zip(&mut sifted) {
            if sifted.stopped.is_none() {
                sifted.stopped = vol_stop(input, &self.config.gates);
            }
        }
        sifted
    }

    /// Stops the misprints among the contracts that passed all gates so far.
    fn stop_across(&self, symbol: &OccSymbol, carry: &Carry, inputs: &[GateInput<'_>], sifted: &mut [Sifted]) {
        let (mut at, mut rungs) = (Vec::new(), Vec::new());
        for (row, (input, _)) in inputs.iter().zip(&*sifted).enumerate().filter(|(_, (_, s))| s.stopped.is_none()) {
            if let (Some(bid), Some(ask)) = (input.quote.bid, input.quote.ask) {
                let strike = input.quote.symbol.strike.dollars();
                rungs.push(Rung { strike, bid: bid.dollars(), ask: ask.dollars() });
                at.push(row);
            }
        }
        let dollar = match self.config.pricing.exercise.style(symbol) {
            ExerciseStyle::European => carry.discount,
            ExerciseStyle::American => carry.discount.max(1.0),
        };
        let ladder = Ladder { rungs: &rungs, kind: symbol.kind, dollar, ticks: self.ticks };
        for (rung, stopped) in ladder.stopped() {
            sifted[at[rung]].stopped = Some(stopped);
        }
    }

    fn input(&self, row: usize, years: Option<f64>) -> GateInput<'_> {
        let quote = &self.contracts[row];
        let open_interest = quote.open_interest.filter(|_| !self.unknown_oi);
        let doubt = self.parity.doubts.get(&(quote.symbol.root, quote.symbol.expiration));
        GateInput { quote, years, open_interest, doubt, bounds: None, vol: None }
    }

    /// Volatilities at mid of the rows that have bounds: by the side's own model for those that trade.
    fn solve(&self, side: &mut Side, inputs: &[GateInput<'_>], sifted: &mut [Sifted]) {
        let approximates = side.model() == ExerciseModel::American;
        let (mut exactly, mut roughly) = (Batch::default(), Batch::default());
        for (at, (input, sifted)) in inputs.iter().zip(&*sifted).enumerate() {
            if let Some(quoted) = quoted(input.quote, self.ticks, self.config).filter(|_| input.bounds.is_some()) {
                let rough = approximates && !sifted.trades;
                if rough { roughly.add(at, quoted) } else { exactly.add(at, quoted) }
            }
        }
        let model = side.model();
        let exact = side.solve(&exactly.quotes);
        let rough = side.approximate(&roughly.quotes);
        let exact = exactly.rows.into_iter().zip(exact).map(|(at, vol)| (at, vol, model));
        let rough =
            roughly.rows.into_iter().zip(rough).map(|(at, vol)| (at, vol, ExerciseModel::EuropeanApproximation));
        for (at, vol, model) in exact.chain(rough) {
            sifted[at].vol = vol;
            sifted[at].model = Some(model);
        }
    }
}

/// The mid of a quote to be solved for a volatility.
#[must_use]
pub fn quoted(quote: &ContractQuote, ticks: Ticks, config: &AnalysisConfig) -> Option<Quoted> {
    let price = quote.mid()?;
    let tick = config.pricing.min_time_value_ticks * ticks.at(price);
    Some(Quoted { strike: quote.symbol.strike.dollars(), price, tick })
}

/// Prices to be solved together, with the rows they belong to.
#[derive(Default)]
struct Batch {
    rows: Vec<usize>,
    quotes: Vec<Quoted>,
}

impl Batch {
    fn add(&mut self, row: usize, quoted: Quoted) {
        self.rows.push(row);
        self.quotes.push(quoted);
    }
}
