//! What changes trades: commits, sealing, settling.

use fleet_core::domain::*;
use fleet_core::seams::*;

use super::{Owed, State, Stored, conflict, not_found};

impl State {
    pub(super) fn commit(&mut self, commit: &Commit) -> Stored<CommitAnswer> {
        let Commit { scan, stamp, ticker, outcome, worker, attempt, trades, transitions, marks, explanations, summary } =
            commit;
        let found = self.scan(scan)?;
        let seq = found.seq;
        if stamp.as_ref().is_some_and(|stamp| *stamp != found.stamp()) {
            return Ok(CommitAnswer::MadeAnew);
        }
        if !found.plans(ticker) {
            return not_found(format!("ticker {ticker}"));
        }
        if found.state >= ScanState::Sealed {
            return Ok(CommitAnswer::Late);
        }
        if found.outcomes.contains_key(ticker) {
            return Ok(CommitAnswer::Duplicate);
        }
        let (outcome, worker) = (outcome.clone(), worker.clone());
        let stored = StoredOutcome { scan: scan.clone(), ticker: ticker.clone(), outcome, worker, attempt: *attempt };
        found.outcomes.insert(ticker.clone(), stored);
        for (id, mark) in marks {
            self.mark(id, mark);
        }
        for change in transitions {
            if let Some(next) = self.trades.get(&change.trade).and_then(|(trade, _)| trade.after(&change.transition)) {
                self.put(next);
                if let Some(notice) = &change.notice {
                    self.tell(scan, &change.trade, notice);
                }
            }
        }
        for trade in trades {
            self.propose(scan, trade);
        }
        let newer = self.explanations.get(ticker).is_some_and(|(newest, ..)| *newest > seq);
        if !explanations.is_empty() && !newer {
            self.explanations.insert(ticker.clone(), (seq, scan.clone(), explanations.clone()));
        }
        if let Some(summary) = summary {
            let kept = self.summaries.entry(ticker.clone()).or_default();
            if kept.get(&summary.session).is_none_or(|known| known.as_of <= summary.as_of) {
                kept.insert(summary.session, summary.clone());
            }
            while kept.len() > SUMMARIES_KEPT as usize {
                kept.pop_first();
            }
        }
        Ok(CommitAnswer::Committed)
    }

    fn mark(&mut self, id: &TradeId, mark: &Mark) {
        let Some((trade, marks)) = self.trades.get_mut(id) else { return };
        if !trade.state.is_live() || marks.iter().any(|known| known.at == mark.at) {
            return;
        }
        marks.push(mark.clone());
        marks.sort_by_key(|mark| mark.at);
        trade.last_mark = marks.last().cloned();
    }

    fn propose(&mut self, scan: &ScanId, trade: &TradeRecord) {
        let known = self.trades.get(&trade.id).map(|(known, _)| known.clone());
        if known.as_ref().is_some_and(|known| known.state != TradeState::Proposed) || self.has_live(trade) {
            return;
        }
        let ignored = trade.ignored || known.is_some_and(|known| known.ignored);
        self.put(TradeRecord { state: TradeState::Proposed, scan: scan.clone(), ignored, ..trade.clone() });
    }

    pub(super) fn put(&mut self, trade: TradeRecord) {
        let marks = self.trades.remove(&trade.id).map(|(_, marks)| marks).unwrap_or_default();
        self.trades.insert(trade.id.clone(), (trade, marks));
    }

    fn has_live(&self, trade: &TradeRecord) -> bool {
        self.trades
            .values()
            .any(|(other, _)| other.state.is_live() && other.strategy == trade.strategy && other.symbol == trade.symbol)
    }

    fn tell(&mut self, scan: &ScanId, trade: &TradeId, notice: &Notice) {
        let trade = &self.trades[trade].0;
        if trade.ignored || self.outbox.iter().any(|owed| owed.notice.key() == notice.key()) {
            return;
        }
        let expires = (notice.kind == NoticeKind::Buy).then(|| trade.plan.tell_until());
        self.outbox.push(Owed { scan: scan.clone(), notice: notice.clone(), sent: false, claim: None, expires });
    }

    pub(super) fn seal(&mut self, lease: &Lease) -> Stored<Vec<Ticker>> {
        let found = self.fenced(lease)?;
        let Some(manifest) = found.manifest.clone() else { return conflict("no manifest") };
        if found.state < ScanState::Sealed {
            for ticker in found.missing()? {
                let attempt = found.attempts.get(&ticker).copied().unwrap_or(0);
                let (scan, worker) = (lease.scan.clone(), lease.holder.0.clone());
                let sealed = StoredOutcome { scan, ticker: ticker.clone(), outcome: Outcome::Sealed, worker, attempt };
                found.outcomes.insert(ticker, sealed);
            }
            found.state = ScanState::Sealed;
        }
        let is_sealed = |ticker: &&Ticker| found.outcomes[*ticker].outcome == Outcome::Sealed;
        Ok(manifest.tickers.iter().filter(is_sealed).cloned().collect())
    }

    pub(super) fn settle(&mut self, lease: &Lease, decision: &PortfolioDecision) -> Stored<()> {
        let settlements = self.settlements;
        let found = self.fenced(lease)?;
        if found.state > ScanState::Sealed {
            return Ok(());
        }
        if found.state < ScanState::Sealed || settlements != decision.basis {
            return conflict("not now");
        }
        found.state = ScanState::Alerting;
        for id in &decision.taken {
            if let Some(trade) = self.proposed(&lease.scan, id)
                && !self.has_live(&trade)
            {
                self.put(TradeRecord { state: TradeState::Pending, ..trade });
            }
        }
        for id in &decision.capped {
            if let Some(trade) = self.proposed(&lease.scan, id) {
                self.put(TradeRecord { state: TradeState::Capped, ..trade });
            }
        }
        self.withdraw(&lease.scan);
        for notice in &decision.notices {
            let taken = self
                .trades
                .get(&notice.trade)
                .is_some_and(|(t, _)| t.scan == lease.scan && t.state == TradeState::Pending);
            if taken {
                self.tell(&lease.scan, &notice.trade, notice);
            }
        }
        self.settlements += 1;
        Ok(())
    }

    fn proposed(&self, scan: &ScanId, id: &TradeId) -> Option<TradeRecord> {
        let (trade, _) = self.trades.get(id)?;
        (trade.state == TradeState::Proposed && trade.scan == *scan).then(|| trade.clone())
    }

    pub(super) fn withdraw(&mut self, scan: &ScanId) {
        self.trades.retain(|_, (trade, _)| trade.state != TradeState::Proposed || trade.scan != *scan);
    }
}
