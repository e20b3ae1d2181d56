//! What people and vendors are told and ask: trades, notices, budgets, bars, explanations, workers.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::trade::Exit;
use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::budget;
use jiff::civil::Date;

use super::{ModelStore, Present, Stored, conflict, not_found, until};

#[async_trait]
impl Trades for ModelStore {
    async fn trades(&self, filter: &TradeFilter) -> Stored<Vec<TradeRecord>> {
        let TradeFilter { state, scan, underlying, live, entry_session, controls, limit } = filter;
        let fits = |trade: &TradeRecord| {
            state.map_or(trade.state != TradeState::Proposed, |state| trade.state == state)
                && scan.as_ref().is_none_or(|scan| trade.scan == *scan)
                && underlying.as_ref().is_none_or(|ticker| trade.underlying == *ticker)
                && (!live || trade.state.is_live())
                && entry_session.is_none_or(|day| trade.entry_session == day)
                && (*controls || !trade.control)
        };
        let mut trades: Vec<_> =
            self.state().trades.values().map(|(trade, _)| trade.clone()).filter(|trade| fits(trade)).collect();
        trades.sort_by(|a, b| b.signalled_at.cmp(&a.signalled_at).then(a.id.cmp(&b.id)));
        if *limit > 0 {
            trades.truncate(*limit as usize);
        }
        Ok(trades)
    }

    async fn trade(&self, id: &TradeId) -> Stored<Option<(TradeRecord, Vec<Mark>)>> {
        Ok(self.state().trades.get(id).cloned())
    }

    async fn portfolio_version(&self) -> Stored<u64> {
        Ok(self.state().settlements)
    }

    async fn live_underlyings(&self) -> Stored<Vec<Ticker>> {
        let state = self.state();
        let mut live: Vec<_> =
            state.trades.values().filter(|(t, _)| t.state.is_live()).map(|(t, _)| t.underlying.clone()).collect();
        live.sort();
        live.dedup();
        Ok(live)
    }

    async fn ignore_trade(&self, id: &TradeId) -> Stored<TradeRecord> {
        let now = self.now();
        let mut state = self.state();
        let Some((trade, _)) = state.trades.get_mut(id) else { return not_found(format!("trade {id}")) };
        trade.ignored = true;
        let trade = trade.clone();
        state.outbox.retain(|owed| owed.notice.trade != *id || owed.sent || owed.is_claimed(now));
        Ok(trade)
    }

    async fn close_trade(&self, id: &TradeId, exit: &Exit) -> Stored<TradeRecord> {
        let mut state = self.state();
        let Some((trade, _)) = state.trades.get(id) else { return not_found(format!("trade {id}")) };
        let Some(closed) = trade.after(&Transition::Closed(exit.clone())) else { return conflict("not open") };
        state.put(closed.clone());
        Ok(closed)
    }
}

impl super::Owed {
    fn is_claimed(&self, now: jiff::Timestamp) -> bool {
        self.claim.as_ref().is_some_and(|(_, ends)| *ends > now)
    }
}

#[async_trait]
impl Outbox for ModelStore {
    async fn claim_notices(&self, holder: &Holder, claim: &NoticeClaim) -> Stored<Vec<ClaimedNotice>> {
        let (now, ends) = (self.now(), self.after(claim.lasts));
        let mut state = self.state();
        state
            .outbox
            .retain(|owed| owed.sent || owed.is_claimed(now) || owed.expires.is_none_or(|at| at >= claim.as_of));
        let free = state.outbox.iter_mut().filter(|owed| !owed.sent && !owed.is_claimed(now));
        Ok(free
            .take(claim.max as usize)
            .map(|owed| {
                owed.claim = Some((holder.clone(), ends));
                ClaimedNotice { key: owed.notice.key(), notice: owed.notice.clone() }
            })
            .collect())
    }

    async fn unsent_notices(&self) -> Stored<u32> {
        Ok(self.state().outbox.iter().filter(|owed| !owed.sent).count() as u32)
    }

    async fn confirm_notice(&self, key: &str) -> Stored<()> {
        let mut state = self.state();
        let Some(owed) = state.outbox.iter_mut().find(|owed| owed.notice.key() == key) else {
            return not_found(format!("notice {key}"));
        };
        (owed.sent, owed.claim) = (true, None);
        Ok(())
    }

    async fn release_notice(&self, holder: &Holder, key: &str) -> Stored<()> {
        let mut state = self.state();
        let Some(place) = state.outbox.iter().position(|owed| owed.notice.key() == key) else {
            return not_found(format!("notice {key}"));
        };
        let ignored = state.trades.get(&state.outbox[place].notice.trade).is_some_and(|(trade, _)| trade.ignored);
        if state.outbox[place].claim.as_ref().is_some_and(|(claimer, _)| claimer == holder) {
            if ignored {
                state.outbox.remove(place);
            } else {
                state.outbox[place].claim = None;
            }
        }
        Ok(())
    }

    async fn notices(&self) -> Stored<Vec<(Notice, bool)>> {
        Ok(self.state().outbox.iter().map(|owed| (owed.notice.clone(), owed.sent)).collect())
    }
}

#[async_trait]
impl Budgets for ModelStore {
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Stored<BudgetAnswer> {
        let mut state = self.state();
        let present = state.budgets.get(&vendor).copied().unwrap_or_default();
        let (next, answer) = budget::draw(present, self.now().as_microsecond(), per_sec, want)
            .map_err(|bad| StoreError::Conflict(bad.to_string()))?;
        state.budgets.insert(vendor, next);
        Ok(answer)
    }

    async fn budget_stands(&self) -> Stored<Vec<BudgetStand>> {
        let now = self.now().as_microsecond();
        Ok(self.state().budgets.iter().map(|(vendor, state)| budget::stand(*vendor, *state, now)).collect())
    }

    async fn block(&self, vendor: Vendor, wait: Duration) -> Stored<()> {
        let mut state = self.state();
        let present = state.budgets.entry(vendor).or_default();
        *present = budget::block(*present, self.now().as_microsecond(), wait);
        Ok(())
    }
}

#[async_trait]
impl BarCache for ModelStore {
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<BarSeries>> {
        Ok(self.state().bars.get(&(session, instrument.clone())).map(|kept| kept.series.clone()))
    }

    async fn earlier_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<(Date, KeptBars)>> {
        let state = self.state();
        let earlier = state.bars.iter().filter(|((kept, of), _)| *kept < session && of == instrument);
        Ok(earlier.max_by_key(|((kept, _), _)| *kept).map(|((kept, _), bars)| (*kept, bars.clone())))
    }

    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Stored<()> {
        let mut state = self.state();
        let first = !state.bars.keys().any(|(kept, _)| *kept == session);
        let newest = state.bars.keys().map(|(kept, _)| *kept).filter(|kept| *kept < session).max();
        let stays = |kept: Date| !first || newest.is_none_or(|newest| kept >= newest);
        let of_these = &bars.series.instrument;
        state.bars.retain(|(kept, of), _| stays(*kept) && (of != of_these || *kept > session));
        state.bars.insert((session, of_these.clone()), bars.clone());
        Ok(())
    }
}

#[async_trait]
impl Explanations for ModelStore {
    async fn explanation(&self, ticker: &Ticker) -> Stored<Option<(ScanId, Vec<u8>)>> {
        Ok(self.state().explanations.get(ticker).map(|(_, scan, body)| (scan.clone(), body.clone())))
    }
}

#[async_trait]
impl Summaries for ModelStore {
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Stored<Vec<SessionSummary>> {
        let state = self.state();
        let newest_first = state.summaries.get(underlying).into_iter().flat_map(|kept| kept.values().rev());
        let mut kept: Vec<SessionSummary> = newest_first.take(newest as usize).cloned().collect();
        kept.reverse();
        Ok(kept)
    }
}

#[async_trait]
impl Roster for ModelStore {
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Stored<()> {
        let present = Present { report: report.clone(), seen: self.now(), until: self.after(lasts) };
        self.state().workers.insert(report.name.clone(), present);
        Ok(())
    }

    async fn check_out(&self, name: &str) -> Stored<()> {
        self.state().workers.remove(name);
        Ok(())
    }

    async fn workers(&self) -> Stored<Vec<SeenWorker>> {
        let now = self.now();
        let state = self.state();
        let present = state.workers.values().filter(|worker| worker.until > now);
        Ok(present.map(|w| SeenWorker { report: w.report.clone(), seen_ago: until(now, w.seen) }).collect())
    }
}

#[async_trait]
impl GatewayRows for ModelStore {
    async fn gateway_rows(&self, prefix: &str) -> Stored<Vec<GatewayRow>> {
        let state = self.state();
        let rows = state.gateways.iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(rows.map(|(name, body)| GatewayRow { name: name.clone(), body: body.clone() }).collect())
    }

    async fn gateway_row(&self, name: &str) -> Stored<Option<Vec<u8>>> {
        Ok(self.state().gateways.get(name).cloned())
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Stored<bool> {
        let rows = &mut self.state().gateways;
        let found = rows.get(name).map(Vec::as_slice);
        if found != to && found != from {
            return Ok(false);
        }
        match to {
            Some(body) => rows.insert(name.to_owned(), body.to_vec()),
            None => rows.remove(name),
        };
        Ok(true)
    }
}
