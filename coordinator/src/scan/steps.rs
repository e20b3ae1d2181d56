//! The steps of a scan: each reads the store, does one thing and makes it durable. Each can be done again by whoever
//! takes over, and changes nothing then.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet_core::domain::{Finding, Manifest, ScanState, StoredOutcome, Task, Ticker, TradeState};
use fleet_core::seams::{Lease, StoreError, TradeFilter};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::caps::SealedScan;
use super::plan::{allowance, estimate, later};
use super::{Progress, ScanError, ScanParts, ScanRequest, caps, patience, plan};

/// Publications waiting for their acknowledgement. More (5,000) hang one of the queues; fewer only wait longer.
const PUBLISH_WINDOW: usize = 256;

/// What every step of one launch works with.
pub(super) struct Launch {
    pub(super) parts: ScanParts,
    pub(super) request: ScanRequest,
    pub(super) lease: Lease,
    pub(super) progress: mpsc::UnboundedSender<Progress>,
}

/// Where a scan stands when its tasks are published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) of: u32,
    pub(super) done: u32,
    pub(super) failed: u32,
    pub(super) candidates: u32,
    /// When this launch seals, whatever is missing.
    pub(super) deadline: Option<Timestamp>,
}

impl Launch {
    pub(super) fn tell(&self, progress: Progress) {
        // Nobody watching is fine.
        let _ = self.progress.send(progress);
    }

    /// Reads the universe and freezes the manifest.
    pub(super) async fn plan(&self) -> Result<u32, ScanError> {
        let plan = plan::plan(&self.parts, &self.request).await?;
        if let Some(universe) = plan.universe {
            let left_out = universe.left_out;
            self.tell(Progress::Universe { pages: universe.pages, total: universe.total, left_out });
        }
        let store = &self.parts.store;
        // A launch that dies before the manifest is frozen has made them all the same.
        patience::store(|| store.note_requests(&self.lease, &plan.requests)).await?;
        self.tell(Progress::Requests(plan.requests));
        let frozen = patience::store(|| store.freeze_manifest(&self.lease, &plan.manifest)).await?;
        Ok(frozen.tickers.len() as u32)
    }

    /// Publishes what is missing, in the manifest's order, and says RUNNING. The message ids of two launches differ by
    /// the epoch, those of one launch by the round.
    pub(super) async fn publish(&self, round: u32) -> Result<(), ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        let missing = patience::store(|| store.missing(scan)).await?;
        let round = ((self.lease.epoch as u32) << 12) | round.min(0xfff);
        let published = stream::iter(missing.into_iter().map(|ticker| self.publish_one(ticker, round)));
        published.buffered(PUBLISH_WINDOW).try_for_each(|()| std::future::ready(Ok(()))).await?;
        Ok(patience::store(|| store.advance(&self.lease, ScanState::Running)).await?)
    }

    async fn publish_one(&self, ticker: Ticker, round: u32) -> Result<(), ScanError> {
        let task = Task { scan: self.request.scan.clone(), ticker };
        patience::queue(|| self.parts.queue.publish(&task, round)).await?;
        Ok(())
    }

    /// Counts what was done before this launch, and sets its deadline: the manifest's, but each launch gets at least as
    /// long as the scan was given in all, because one that resumes may begin after the manifest's.
    pub(super) async fn standing(&self) -> Result<Standing, ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        let manifest: Manifest = patience::store(|| store.manifest(scan))
            .await?
            .ok_or_else(|| StoreError::NotFound(format!("manifest of {scan}")))?;
        let outcomes = patience::store(|| store.outcomes(scan)).await?;
        let planned_secs = estimate(&manifest.tickers, &manifest.vendors, 0).seconds;
        let own = later(self.parts.clock.now(), allowance(self.request.deadline, planned_secs));
        Ok(Standing {
            of: manifest.tickers.len() as u32,
            done: outcomes.len() as u32,
            failed: outcomes.iter().filter(|outcome| outcome.finding().is_none()).count() as u32,
            candidates: outcomes.iter().filter_map(StoredOutcome::finding).map(candidates).sum(),
            deadline: Some(manifest.deadline.max(own)),
        })
    }

    /// How many tickers are missing.
    pub(super) async fn poll(&self) -> Result<u32, ScanError> {
        let missing = patience::store(|| self.parts.store.missing(&self.request.scan)).await?;
        Ok(missing.len() as u32)
    }

    /// Seals, and takes what nobody will do any more out of the queue.
    pub(super) async fn seal(&self) -> Result<(), ScanError> {
        let tickers = patience::store(|| self.parts.store.seal(&self.lease)).await?;
        if !tickers.is_empty() {
            self.tell(Progress::SealedAtDeadline { tickers });
        }
        if let Err(error) = patience::queue(|| self.parts.queue.purge(&self.request.scan, None)).await {
            // Harmless: whoever gets such a task learns from the store that the scan is sealed.
            tracing::warn!(%error, "left-over tasks stay in the queue");
        }
        Ok(())
    }

    /// The time in the scan's market, at this launch: a simulated market's clock, or the wall's.
    pub(super) fn now(&self) -> Timestamp {
        self.request.template.as_of.unwrap_or_else(|| self.parts.clock.now())
    }

    /// Decides which proposed trades are taken, and writes their notices.
    pub(super) async fn settle(&self) -> Result<(), ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        let outcomes = patience::store(|| store.outcomes(scan)).await?;
        let findings: Vec<&Finding> = outcomes.iter().filter_map(StoredOutcome::finding).collect();
        let any = || TradeFilter { controls: true, ..TradeFilter::default() };
        let of_this_scan = TradeFilter { state: Some(TradeState::Proposed), scan: Some(scan.clone()), ..any() };
        let proposed = patience::store(|| store.trades(&of_this_scan)).await?;
        let sessions: BTreeSet<_> = proposed.iter().map(|trade| trade.entry_session).collect();
        let mut filters = vec![TradeFilter { live: true, ..any() }];
        filters.extend(sessions.into_iter().map(|session| TradeFilter { entry_session: Some(session), ..any() }));
        let mut known = Vec::new();
        for filter in &filters {
            known.extend(patience::store(|| store.trades(filter)).await?);
        }
        let sealed = SealedScan { findings: &findings, proposed: &proposed, known: &known, now: self.now() };
        let decision = caps::decide(&sealed, self.request.caps);
        patience::store(|| store.settle(&self.lease, &decision)).await?;
        let (capped, notices) = (decision.capped.len() as u32, decision.notices.len() as u32);
        self.tell(Progress::Settled { capped, notices });
        Ok(())
    }

    /// Says DONE.
    pub(super) async fn finish(&self) -> Result<(), ScanError> {
        Ok(patience::store(|| self.parts.store.advance(&self.lease, ScanState::Done)).await?)
    }

    /// Gives the lease back; if that fails, it ends by itself.
    pub(super) async fn release(&self) {
        let limit = Duration::from_secs(2);
        match tokio::time::timeout(limit, self.parts.store.release_lease(&self.lease)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "lease not released; it ends by itself"),
            Err(_) => tracing::warn!(limit_secs = limit.as_secs(), "lease not released in time; it ends by itself"),
        }
    }
}

fn candidates(finding: &Finding) -> u32 {
    finding.candidates.iter().filter(|candidate| !candidate.control).count() as u32
}
