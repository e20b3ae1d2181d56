//! The steps of a scan: each reads the store, does one thing and makes it durable. Each can be done again by whoever
//! takes over, and changes nothing then.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet_core::domain::{Candidate, Manifest, ScanState, Task, Ticker, TradeState};
use fleet_core::seams::{Lease, Published, StoreError, TradeFilter};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::caps::SealedScan;
use super::plan::{allowance, estimate, later};
use super::state::Queued;
use super::watch::Look;
use super::{FoundSoFar, Progress, ScanError, ScanParts, ScanRequest, caps, outcomes, plan};

/// Publications waiting for their acknowledgement. More (5,000) hang one of the queues; fewer only wait longer.
const PUBLISH_WINDOW: usize = 256;

/// A look at the fleet is three short questions.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// A portfolio that changes under so many decisions in a row is changed by something else than other scans.
const DECISIONS: u32 = 8;

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
    pub(super) found: FoundSoFar,
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
        self.parts.patience.store(|| store.note_requests(&self.lease, &plan.requests)).await?;
        self.tell(Progress::Requests(plan.requests));
        let frozen = self.parts.patience.store(|| store.freeze_manifest(&self.lease, &plan.manifest)).await?;
        Ok(frozen.tickers.len() as u32)
    }

    /// Publishes what is missing, in the manifest's order, and says RUNNING. The message ids of two launches differ by
    /// the epoch, those of one launch by the round.
    pub(super) async fn publish(&self, round: u32, queued: Queued) -> Result<(), ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        if queued == Queued::Purged {
            let purged = self.parts.patience.queue(|| self.parts.queue.purge(scan, None)).await?;
            tracing::warn!(%scan, purged, "nobody was given a task for a long time; what is missing is published afresh");
        }
        let missing = self.parts.patience.store(|| store.missing(scan)).await?;
        let round = ((self.lease.epoch as u32) << 12) | round.min(0xfff);
        let published = stream::iter(missing.into_iter().map(|ticker| self.publish_one(ticker, round)));
        let tasks = published.buffered(PUBLISH_WINDOW).try_fold(0, |sum, tasks| std::future::ready(Ok(sum + tasks)));
        let tasks = tasks.await?;
        self.tell(Progress::Published { tasks });
        Ok(self.parts.patience.store(|| store.advance(&self.lease, ScanState::Running)).await?)
    }

    /// How many tasks that added.
    async fn publish_one(&self, ticker: Ticker, round: u32) -> Result<u32, ScanError> {
        let task = Task { scan: self.request.scan.clone(), ticker };
        let published = self.parts.patience.queue(|| self.parts.queue.publish(&task, round)).await?;
        Ok(u32::from(published == Published::Queued))
    }

    /// Counts what was done before this launch, and sets its deadline: the manifest's, but each launch gets at least as
    /// long as the scan was given in all, because one that resumes may begin after the manifest's.
    pub(super) async fn standing(&self) -> Result<Standing, ScanError> {
        let manifest = self.manifest().await?;
        let mut standing = Standing { of: manifest.tickers.len() as u32, ..Standing::default() };
        let (store, scan) = (self.parts.store.as_ref(), &self.request.scan);
        outcomes::for_each(store, self.parts.patience, scan, standing.of, |stored| {
            standing.done += 1;
            match stored.finding() {
                Some(finding) => {
                    standing.found.candidates += finding.candidates.iter().filter(|c| !c.control).count() as u32
                }
                None => standing.found.failed += 1,
            }
        })
        .await?;
        let planned_secs = estimate(&manifest.tickers, &manifest.vendors, 0).seconds;
        let own = later(self.parts.clock.now(), allowance(self.request.deadline, planned_secs));
        Ok(Standing { deadline: Some(manifest.deadline.max(own)), ..standing })
    }

    async fn manifest(&self) -> Result<Manifest, ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        let frozen = self.parts.patience.store(|| store.manifest(scan)).await?;
        Ok(frozen.ok_or_else(|| StoreError::NotFound(format!("manifest of {scan}")))?)
    }

    /// How many tickers are missing, and how many deliveries were counted.
    pub(super) async fn poll(&self) -> Result<(u32, u64), ScanError> {
        let (store, scan, patience) = (&self.parts.store, &self.request.scan, self.parts.patience);
        let missing = patience.store(|| store.missing_count(scan)).await?;
        Ok((missing, patience.store(|| store.attempts_counted(scan)).await?))
    }

    /// Looks at the fleet. An engine that is away is no answer, and no failure: the steps have the patience.
    pub(super) async fn look(&self, at: Duration) -> Option<Look> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        let look = async {
            // The queue first: see `watch`.
            let backlog = self.parts.queue.backlog(scan).await.ok();
            let workers = store.workers().await?.iter().filter(|worker| !worker.report.draining).count() as u32;
            let missing = store.missing_count(scan).await?;
            Ok::<_, StoreError>(Look { at, workers, backlog, missing })
        };
        match tokio::time::timeout(LOOK_TIMEOUT, look).await {
            Ok(Ok(look)) => Some(look),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the fleet could not be looked at");
                None
            }
            Err(_) => None,
        }
    }

    /// Seals, and takes what nobody will do any more out of the queue.
    pub(super) async fn seal(&self) -> Result<(), ScanError> {
        let tickers = self.parts.patience.store(|| self.parts.store.seal(&self.lease)).await?;
        if !tickers.is_empty() {
            self.tell(Progress::SealedAtDeadline { tickers });
        }
        if let Err(error) = self.parts.patience.queue(|| self.parts.queue.purge(&self.request.scan, None)).await {
            // Harmless: whoever gets such a task learns from the store that the scan is sealed.
            tracing::warn!(%error, "left-over tasks stay in the queue");
        }
        Ok(())
    }

    /// The time in the scan's market, at this launch: a simulated market's clock, or the wall's.
    pub(super) fn now(&self) -> Timestamp {
        self.request.template.as_of.unwrap_or_else(|| self.parts.clock.now())
    }

    /// Decides which proposed trades are taken, and writes their notices. Where another scan was settled between the
    /// looking and the writing, it decides again.
    pub(super) async fn settle(&self) -> Result<(), ScanError> {
        let store = &self.parts.store;
        let tickers = self.manifest().await?.tickers.len() as u32;
        let mut candidates = Vec::new();
        outcomes::for_each(store.as_ref(), self.parts.patience, &self.request.scan, tickers, |stored| {
            let found = stored.finding().into_iter().flat_map(|finding| &finding.candidates);
            candidates.extend(found.filter(|candidate| !candidate.control).cloned());
        })
        .await?;
        for _ in 1..DECISIONS {
            match self.settle_once(&candidates).await {
                Err(ScanError::Store(StoreError::Conflict(why))) => tracing::info!(why, "deciding again"),
                answer => return answer,
            }
        }
        self.settle_once(&candidates).await
    }

    async fn settle_once(&self, candidates: &[Candidate]) -> Result<(), ScanError> {
        let (store, scan) = (&self.parts.store, &self.request.scan);
        // Before anything is looked at: a settlement after this one is seen by the store.
        let basis = self.parts.patience.store(|| store.portfolio_version()).await?;
        let any = || TradeFilter { controls: true, ..TradeFilter::default() };
        let of_this_scan = TradeFilter { state: Some(TradeState::Proposed), scan: Some(scan.clone()), ..any() };
        let proposed = self.parts.patience.store(|| store.trades(&of_this_scan)).await?;
        let sessions: BTreeSet<_> = proposed.iter().map(|trade| trade.entry_session).collect();
        let mut filters = vec![TradeFilter { live: true, ..any() }];
        filters.extend(sessions.into_iter().map(|session| TradeFilter { entry_session: Some(session), ..any() }));
        let mut known = Vec::new();
        for filter in &filters {
            known.extend(self.parts.patience.store(|| store.trades(filter)).await?);
        }
        let sealed = SealedScan { basis, candidates, proposed: &proposed, known: &known, now: self.now() };
        let decision = caps::decide(&sealed, self.request.caps);
        self.parts.patience.store(|| store.settle(&self.lease, &decision)).await?;
        let (capped, notices) = (decision.capped.len() as u32, decision.notices.len() as u32);
        self.tell(Progress::Settled { capped, notices });
        Ok(())
    }

    /// Says DONE.
    pub(super) async fn finish(&self) -> Result<(), ScanError> {
        Ok(self.parts.patience.store(|| self.parts.store.advance(&self.lease, ScanState::Done)).await?)
    }

    /// Takes this scan's tasks out of the queue, so that nobody begins another one; the next launch publishes what is
    /// missing.
    pub(super) async fn empty_queue(&self) {
        let limit = Duration::from_secs(5);
        match tokio::time::timeout(limit, self.parts.queue.purge(&self.request.scan, None)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "tasks stay in the queue; workers go on with them"),
            Err(_) => tracing::warn!(limit_secs = limit.as_secs(), "tasks may stay in the queue"),
        }
    }

    /// Gives the lease back; if that fails, it ends by itself.
    pub(super) async fn release(&self) {
        release(&self.parts, &self.lease).await;
    }
}

/// Gives a lease back; if that fails, it ends by itself.
pub(super) async fn release(parts: &ScanParts, lease: &Lease) {
    let limit = Duration::from_secs(2);
    match tokio::time::timeout(limit, parts.store.release_lease(lease)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "lease not released; it ends by itself"),
        Err(_) => tracing::warn!(limit_secs = limit.as_secs(), "lease not released in time; it ends by itself"),
    }
}
