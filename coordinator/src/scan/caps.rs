//! Which new trades of a sealed scan remain, by the portfolio's caps. Pure.
//!
//! Promises: the caps go by rank over the whole scan, so timing between workers cannot change the outcome; the same
//! input gives the same settlement. Controls stand outside the caps and are never told of. A trade that an earlier scan
//! found is not told of again. Refuses: to touch a trade that is no longer pending, or is not of this scan.

use std::collections::BTreeMap;

use fleet_analysis::{new_trades, notices};
use fleet_core::domain::{Candidate, Finding, ScanId, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::Settlement;
use jiff::civil::Date;

use super::PortfolioCaps;

/// Decides. `known` holds every live trade, and every trade signalled in the sessions of the findings, as stored (those
/// of this scan included).
#[must_use]
pub fn settlement(scan: &ScanId, findings: &[&Finding], known: &[TradeRecord], caps: PortfolioCaps) -> Settlement {
    let stored: BTreeMap<&TradeId, &TradeRecord> = known.iter().map(|trade| (&trade.id, trade)).collect();
    let is_new = |trade: &TradeRecord| trade.scan == *scan && trade.state == TradeState::Pending;
    let mut taken = Taken::default();
    for trade in stored.values().filter(|trade| !trade.control && !is_new(trade)) {
        taken.add(trade);
    }
    let mut settlement = Settlement::default();
    for (id, candidate) in ranked(scan, findings) {
        let Some(trade) = stored.get(&id).filter(|trade| is_new(trade)) else { continue };
        if taken.has_room(trade, caps) {
            taken.add(trade);
            settlement.notices.push(notices::buy(trade, candidate));
        } else {
            settlement.capped.push(id);
        }
    }
    settlement
}

/// Every candidate of the scan but controls, with the id of its trade: best score first, then by symbol and strategy.
fn ranked<'a>(scan: &ScanId, findings: &[&'a Finding]) -> Vec<(TradeId, &'a Candidate)> {
    let mut ranked: Vec<(TradeId, &Candidate)> = Vec::new();
    for finding in findings {
        for trade in new_trades(finding, scan) {
            let of = |c: &&Candidate| !c.control && c.symbol == trade.symbol && c.strategy == trade.strategy;
            ranked.extend(finding.candidates.iter().find(of).map(|candidate| (trade.id, candidate)));
        }
    }
    ranked.sort_by(|(_, a), (_, b)| {
        let by_score = b.score.total().total_cmp(&a.score.total());
        by_score.then_with(|| a.symbol.cmp(&b.symbol)).then_with(|| a.strategy.cmp(&b.strategy))
    });
    ranked.dedup_by(|(a, _), (b, _)| a == b);
    ranked
}

/// Room that is used up.
#[derive(Default)]
struct Taken {
    live: BTreeMap<Ticker, u32>,
    new: BTreeMap<Date, u32>,
}

impl Taken {
    fn add(&mut self, trade: &TradeRecord) {
        if trade.state.is_live() {
            *self.live.entry(trade.underlying.clone()).or_default() += 1;
        }
        if trade.state != TradeState::Capped {
            *self.new.entry(trade.entry_session).or_default() += 1;
        }
    }

    fn has_room(&self, trade: &TradeRecord, caps: PortfolioCaps) -> bool {
        let live = self.live.get(&trade.underlying).copied().unwrap_or_default();
        let new = self.new.get(&trade.entry_session).copied().unwrap_or_default();
        live < caps.open_per_underlying && new < caps.new_per_day
    }
}
