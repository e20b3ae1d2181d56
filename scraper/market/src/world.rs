//! The world: every listed underlying, computed on first use and kept, and its chains row by row. Pure: an answer
//! depends on the seed, the ticker and the instant only.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fleet_core::domain::calendar;
use fleet_core::domain::{Root, Ticker};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::contracts::{self, Contract};
use crate::draw;
use crate::faults::Fault;
use crate::listing::{Faults, Profile, listing};
use crate::quotes::{Quote, Underlying};
use crate::time::{HISTORY, Moment, Sessions};

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub seed: u64,
    pub sessions: Sessions,
    profiles: Vec<Profile>,
    underlyings: Vec<OnceLock<Underlying>>,
    by_ticker: BTreeMap<Ticker, usize>,
    by_root: BTreeMap<Root, usize>,
}

/// One row of a chain before a vendor spells it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// As the exchange writes it; the adjusted root differs from the contract's.
    pub symbol: String,
    pub contract: Contract,
    pub quote: Quote,
    pub bid: f64,
    /// `None` only where a fault leaves it out.
    pub ask: Option<f64>,
}

impl World {
    pub(crate) fn new(seed: u64, tickers: u32, faults: Faults) -> Self {
        let profiles = listing(seed, tickers, faults);
        let by_ticker = profiles.iter().enumerate().map(|(i, p)| (p.ticker.clone(), i)).collect();
        let by_root = profiles
            .iter()
            .enumerate()
            .flat_map(|(i, p)| [Some(p.root), contracts::adjusted(p)].into_iter().flatten().map(move |root| (root, i)))
            .collect();
        let underlyings = profiles.iter().map(|_| OnceLock::new()).collect();
        Self { seed, sessions: Sessions::new(), profiles, underlyings, by_ticker, by_root }
    }

    pub(crate) fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    pub(crate) fn underlying(&self, index: usize) -> &Underlying {
        self.underlyings[index].get_or_init(|| Underlying::new(self.profiles[index].clone()))
    }

    pub(crate) fn by_ticker(&self, ticker: &Ticker) -> Option<&Underlying> {
        self.by_ticker.get(ticker).map(|index| self.underlying(*index))
    }

    pub(crate) fn by_root(&self, root: Root) -> Option<&Underlying> {
        self.by_root.get(&root).map(|index| self.underlying(*index))
    }

    /// The instant an underlying's quotes are of: halted ones stand still.
    pub(crate) fn quoted(&self, underlying: &Underlying, at: Timestamp) -> Moment {
        let halted = self.sessions.get(HISTORY - 1).date;
        match underlying.profile.fault {
            Some(Fault::Halt) => self.sessions.moment(at.min(calendar::at_new_york(halted, 11, 0, 0))),
            Some(_) | None => self.sessions.moment(at),
        }
    }

    /// Rows of some expirations at a moment, in the exchange's order, with the ticker's data fault in them.
    pub(crate) fn rows(&self, underlying: &Underlying, expirations: &[Date], moment: &Moment) -> Vec<Row> {
        let of_day = |day: &Date| contracts::of_expiration(&underlying.profile, *day);
        let all: Vec<Contract> = expirations.iter().flat_map(of_day).collect();
        self.rows_of(underlying, &all, moment)
    }

    /// The same of some contracts.
    pub(crate) fn rows_of(&self, underlying: &Underlying, contracts: &[Contract], moment: &Moment) -> Vec<Row> {
        let mut rows = Vec::new();
        let view = underlying.view(*moment, &self.sessions);
        for contract in contracts {
            let quote = underlying.quote(contract, &view, &self.sessions);
            let (symbol, contract) = (contract.symbol.to_string(), *contract);
            let row = Row { symbol, contract, quote, bid: quote.bid, ask: Some(quote.ask) };
            with_fault(&underlying.profile, row, &mut rows);
        }
        rows
    }
}

/// Adds a row as its ticker's fault wants it: changed, or accompanied.
fn with_fault(profile: &Profile, mut row: Row, rows: &mut Vec<Row>) {
    let nth = rows.len();
    match profile.fault {
        Some(Fault::Cross) => {
            let ask = row.quote.bid.max(0.01);
            row.bid = row.quote.ask.max(ask + 0.05);
            row.ask = Some(ask);
            rows.push(row);
        }
        Some(Fault::Negtv) => {
            match (nth % 4, nth / 4 % 3) {
                (0, 0) => row.bid = -1.0,
                (0, 1) => row.ask = Some(1e12),
                (0, _) => row.ask = None,
                _ => {}
            }
            rows.push(row);
        }
        Some(Fault::Dupe) if draw::mix(row.contract.key, 80_000).is_multiple_of(10) => {
            let mut again = row.clone();
            again.bid = (row.quote.bid * 80.0).round() / 100.0;
            rows.extend([row, again]);
        }
        Some(Fault::Split) if draw::mix(row.contract.key, 80_000).is_multiple_of(6) => {
            let mut old = row.clone();
            if let Some(root) = contracts::adjusted(profile) {
                old.symbol = fleet_core::domain::OccSymbol { root, ..row.contract.symbol }.to_string();
            }
            rows.extend([row, old]);
        }
        Some(_) | None => rows.push(row),
    }
}
