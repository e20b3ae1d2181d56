//! Faults of trades, of the outbox and of budgets.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::{SignedDuration, Timestamp};

use crate::faults::{Broken, Fault, Stored};

#[async_trait]
impl Trades for Broken {
    async fn trades(&self, filter: &TradeFilter) -> Stored<Vec<TradeRecord>> {
        let controls = filter.controls || self.is(Fault::ShowsControls);
        let mut trades = self.right.trades(&TradeFilter { controls, ..filter.clone() }).await?;
        if self.is(Fault::ShowsProposals) && filter.state.is_none() {
            let state = Some(TradeState::Proposed);
            trades.extend(self.right.trades(&TradeFilter { state, live: false, ..filter.clone() }).await?);
        }
        Ok(trades)
    }

    async fn trade(&self, id: &TradeId) -> Stored<Option<(TradeRecord, Vec<Mark>)>> {
        self.right.trade(id).await
    }

    async fn portfolio_version(&self) -> Stored<u64> {
        self.right.portfolio_version().await
    }

    async fn live_underlyings(&self) -> Stored<Vec<Ticker>> {
        self.right.live_underlyings().await
    }

    async fn ignore_trade(&self, id: &TradeId) -> Stored<TradeRecord> {
        self.right.ignore_trade(id).await
    }

    async fn close_trade(&self, id: &TradeId, exit: &Exit) -> Stored<TradeRecord> {
        match self.right.close_trade(id, exit).await {
            Err(StoreError::Conflict(_)) if self.is(Fault::ClosesPendingTrades) => {
                let (trade, _) = self.right.trade(id).await?.expect("a conflict is about a trade that exists");
                Ok(TradeRecord { state: TradeState::Closed, exit: Some(exit.clone()), ..trade })
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl Outbox for Broken {
    async fn claim_notices(&self, holder: &Holder, claim: &NoticeClaim) -> Stored<Vec<ClaimedNotice>> {
        let mut claim = *claim;
        match self.fault {
            Fault::ForgetsClaims => claim.lasts = Duration::ZERO,
            Fault::ClaimsNeverEnd => claim.lasts *= 1_000,
            Fault::TellsLateBuys => claim.as_of = Timestamp::MIN,
            Fault::DropsBuysTooSoon => claim.as_of += SignedDuration::from_secs(1),
            _ => {}
        }
        *self.claimer.lock().unwrap() = Some(holder.clone());
        self.right.claim_notices(holder, &claim).await
    }

    async fn unsent_notices(&self) -> Stored<u32> {
        if self.is(Fault::CountsSentNotices) {
            return Ok(self.right.notices().await?.len() as u32);
        }
        self.right.unsent_notices().await
    }

    async fn confirm_notice(&self, key: &str) -> Stored<()> {
        if self.is(Fault::ForgetsConfirmations) {
            return Ok(());
        }
        self.right.confirm_notice(key).await
    }

    async fn release_notice(&self, holder: &Holder, key: &str) -> Stored<()> {
        if self.is(Fault::ForgetsReleases) {
            return Ok(());
        }
        let claimer = self.claimer.lock().unwrap().clone().filter(|_| self.is(Fault::ReleasesForAnybody));
        self.right.release_notice(&claimer.unwrap_or_else(|| holder.clone()), key).await
    }

    async fn notices(&self) -> Stored<Vec<(Notice, bool)>> {
        self.right.notices().await
    }
}

#[async_trait]
impl Budgets for Broken {
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Stored<BudgetAnswer> {
        match self.fault {
            Fault::BurstsTheBudget => {
                let (start_in, spacing) = (Duration::ZERO, Duration::from_secs_f64(1.0 / per_sec));
                Ok(BudgetAnswer::Granted { permits: want.max(1), start_in, spacing })
            }
            // The fence post: right on average, one too many in ten seconds.
            Fault::OneInTenTooMany => self.right.draw(vendor, per_sec * 1.035, want).await,
            Fault::OneBudgetForAll => self.right.draw(Vendor::Cboe, per_sec, want).await,
            Fault::TakesAnyRate if !(per_sec > 0.0 && per_sec.is_finite()) => {
                Ok(BudgetAnswer::Granted { permits: 1, start_in: Duration::ZERO, spacing: Duration::ZERO })
            }
            Fault::IgnoresBlocks => self.elsewhere.draw(vendor, per_sec, want).await,
            _ => self.right.draw(vendor, per_sec, want).await,
        }
    }

    async fn budget_stands(&self) -> Stored<Vec<BudgetStand>> {
        if self.is(Fault::HidesTheBudgets) {
            return Ok(Vec::new());
        }
        self.right.budget_stands().await
    }

    async fn block(&self, vendor: Vendor, wait: Duration) -> Stored<()> {
        if self.is(Fault::LastBlockWins) {
            return if wait > Duration::from_secs(1) { Ok(()) } else { self.right.block(vendor, wait).await };
        }
        self.right.block(vendor, wait).await
    }
}
