//! Faults of scans: leases, manifests, attempts, commits, sealing, settling.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::Timestamp;

use crate::faults::{Broken, Fault, Stored};

#[async_trait]
impl Scans for Broken {
    async fn open_scan(&self, scan: &ScanId, config_hash: &str) -> Stored<OpenedScan> {
        let opened = self.right.open_scan(scan, config_hash).await?;
        Ok(if self.is(Fault::OpensAnything) { OpenedScan::Created } else { opened })
    }

    async fn take_lease(&self, scan: &ScanId, holder: &Holder, ttl: Duration) -> Stored<LeaseAnswer> {
        let ttl = if self.is(Fault::LeasesNeverEnd) { ttl * 1_000 } else { ttl };
        let mut answer = self.right.take_lease(scan, holder, ttl).await?;
        if self.is(Fault::GivesTheLeaseToEveryone) {
            answer = LeaseAnswer::Taken(Lease { scan: scan.clone(), epoch: 1, holder: holder.clone() });
        }
        if let LeaseAnswer::Taken(lease) = &mut answer {
            self.leases.lock().unwrap().insert(scan.clone(), lease.clone());
            if self.is(Fault::EpochStandsStill) {
                lease.epoch = 1;
            }
        }
        Ok(answer)
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Stored<()> {
        self.right.renew_lease(&self.epoch_of(lease), ttl).await
    }

    async fn release_lease(&self, lease: &Lease) -> Stored<()> {
        self.right.release_lease(&self.epoch_of(lease)).await
    }

    async fn lease(&self, scan: &ScanId) -> Stored<Option<LeaseView>> {
        let view = self.right.lease(scan).await?;
        let hidden = self.is(Fault::HidesTheLease);
        Ok(view.map(|view| if hidden { LeaseView { held: None, ..view } } else { view }))
    }

    async fn freeze_manifest(&self, lease: &Lease, manifest: &Manifest) -> Stored<Manifest> {
        let frozen = match self.right.freeze_manifest(&self.epoch_of(lease), manifest).await {
            Err(StoreError::Conflict(_)) if self.is(Fault::FreezesAnything) => manifest.clone(),
            answer => answer?,
        };
        Ok(if self.is(Fault::ThawsManifests) { manifest.clone() } else { frozen })
    }

    async fn manifest(&self, scan: &ScanId) -> Stored<Option<Manifest>> {
        self.right.manifest(scan).await
    }

    async fn scan_stamp(&self, scan: &ScanId) -> Stored<Option<ScanStamp>> {
        self.right.scan_stamp(scan).await
    }

    async fn advance(&self, lease: &Lease, to: ScanState) -> Stored<()> {
        self.right.advance(&self.epoch_of(lease), to).await
    }

    async fn scan_state(&self, scan: &ScanId) -> Stored<Option<ScanState>> {
        let state = self.right.scan_state(scan).await?;
        Ok(state.map(|state| if self.is(Fault::MovesBack) { ScanState::Init } else { state }))
    }

    async fn begin_attempt(&self, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Stored<Begun> {
        let stamp = if self.is(Fault::TakesAnyStamp) { None } else { stamp };
        let mut begun = self.right.begin_attempt(scan, stamp, ticker).await?;
        match begun.attempt {
            Attempt::Run(_) if self.is(Fault::ForgetsAttempts) => begun.attempt = Attempt::Run(1),
            _ if self.is(Fault::BeginsWithoutTrades) => begun.live = Ok(Vec::new()),
            _ => {}
        }
        Ok(begun)
    }

    async fn attempts_counted(&self, scan: &ScanId) -> Stored<u64> {
        self.right.attempts_counted(scan).await
    }

    async fn forgive_attempt(&self, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Stored<()> {
        if self.is(Fault::NeverForgives) {
            return Ok(());
        }
        let stamp = if self.is(Fault::ForgivesAnyStamp) { None } else { stamp };
        self.right.forgive_attempt(scan, stamp, ticker).await
    }

    async fn commit(&self, commit: &Commit) -> Stored<CommitAnswer> {
        let mut commit = commit.clone();
        match self.fault {
            Fault::ForgetsTheTrades => commit.trades.clear(),
            Fault::ForgetsTheExplanation => commit.explanations.clear(),
            Fault::ForgetsTransitions => commit.transitions.clear(),
            Fault::TakesAnyStamp => commit.stamp = None,
            Fault::ForgetsSummaries => commit.summary = None,
            Fault::ForgetsMarks => commit.marks.clear(),
            Fault::NeverAdopts => {
                for (n, trade) in std::mem::take(&mut commit.trades).into_iter().enumerate() {
                    if n > 0 || self.right.trade(&trade.id).await?.is_none() {
                        commit.trades.push(trade);
                    }
                }
            }
            _ => {}
        }
        let answer = match self.right.commit(&commit).await {
            Err(StoreError::NotFound(_)) if self.is(Fault::CommitsTheUnplanned) => CommitAnswer::Committed,
            answer => answer?,
        };
        let keeps = match self.fault {
            Fault::LastSummaryWins | Fault::KeepsSummariesForEver => answer == CommitAnswer::Committed,
            Fault::KeepsRefusedSummaries => true,
            _ => false,
        };
        if let Some(summary) = commit.summary.filter(|_| keeps) {
            self.summaries.lock().unwrap().insert((commit.ticker, summary.session), summary);
        }
        Ok(match (self.fault, answer) {
            (Fault::CommitsTwice, CommitAnswer::Duplicate) => CommitAnswer::Committed,
            (Fault::AcceptsLateCommits, CommitAnswer::Late) => CommitAnswer::Committed,
            _ => answer,
        })
    }

    async fn missing(&self, scan: &ScanId) -> Stored<Vec<Ticker>> {
        if self.is(Fault::NothingIsMissing) {
            return Ok(Vec::new());
        }
        self.right.missing(scan).await
    }

    async fn missing_count(&self, scan: &ScanId) -> Stored<u32> {
        if self.is(Fault::NothingIsMissing) {
            return Ok(0);
        }
        self.right.missing_count(scan).await
    }

    async fn outcomes(&self, scan: &ScanId, places: std::ops::Range<u32>) -> Stored<Vec<StoredOutcome>> {
        let places = if self.is(Fault::ReadsEveryPlace) { 0..u32::MAX } else { places };
        let mut outcomes = self.right.outcomes(scan, places).await?;
        if self.is(Fault::LastCommitWins) {
            for stored in &mut outcomes {
                stored.outcome = Outcome::Poison { attempts: 8 };
                stored.attempt = 9;
            }
        }
        Ok(outcomes)
    }

    async fn seal(&self, lease: &Lease) -> Stored<Vec<Ticker>> {
        let sealed = self.right.seal(&self.epoch_of(lease)).await?;
        Ok(if self.is(Fault::SealsInSilence) { Vec::new() } else { sealed })
    }

    async fn settle(&self, lease: &Lease, decision: &PortfolioDecision) -> Stored<()> {
        let lease = self.epoch_of(lease);
        let mut decision = decision.clone();
        match self.fault {
            Fault::TellsTwice => {
                let exits: Vec<Notice> =
                    decision.notices.iter().map(|n| Notice { kind: NoticeKind::Exit, ..n.clone() }).collect();
                decision.notices.extend(exits);
            }
            Fault::CapsWhatIsTaken => decision.capped.append(&mut decision.taken),
            Fault::TakesWhatIsCapped => decision.taken.append(&mut decision.capped),
            Fault::SettlesOnAnything => decision.basis = self.right.portfolio_version().await?,
            _ => {}
        }
        self.right.settle(&lease, &decision).await
    }

    async fn note_requests(&self, lease: &Lease, requests: &RequestCounts) -> Stored<()> {
        if self.is(Fault::ForgetsRequests) {
            return Ok(());
        }
        self.right.note_requests(&self.epoch_of(lease), requests).await
    }

    async fn scan_requests(&self, scan: &ScanId) -> Stored<RequestCounts> {
        self.right.scan_requests(scan).await
    }

    async fn list_scans(&self, limit: u32) -> Stored<Vec<ScanSummary>> {
        let mut scans = self.right.list_scans(limit).await?;
        if self.is(Fault::ListsOldestFirst) {
            scans.reverse();
        }
        Ok(scans)
    }

    async fn unfinished_scans(&self) -> Stored<Vec<ScanSummary>> {
        let mut scans = self.right.unfinished_scans().await?;
        if self.is(Fault::ListsWhatIsDone) {
            scans = self.right.list_scans(u32::MAX).await?;
            scans.reverse();
        }
        if self.is(Fault::ListsOldestFirst) {
            scans.reverse();
        }
        Ok(scans)
    }

    async fn prune_scans(&self, before: Timestamp, at_most: u64) -> Stored<u64> {
        let at_most = if self.is(Fault::PrunesWithoutEnd) { u64::MAX } else { at_most };
        if self.is(Fault::PrunesHeldScans) {
            let leases: Vec<Lease> = self.leases.lock().unwrap().values().cloned().collect();
            for lease in leases {
                self.right.release_lease(&lease).await?;
            }
        }
        if self.is(Fault::PrunesWhatCanBeResumed) {
            let leases: Vec<Lease> = self.leases.lock().unwrap().values().cloned().collect();
            for lease in leases {
                if let LeaseAnswer::Taken(own) =
                    self.right.take_lease(&lease.scan, &lease.holder, Duration::ZERO).await?
                {
                    self.right.seal(&own).await?;
                    self.right.advance(&own, ScanState::Done).await?;
                }
            }
        }
        self.right.prune_scans(before, at_most).await
    }
}
