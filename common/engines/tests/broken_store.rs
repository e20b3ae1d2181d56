//! The store suite notices: a store that is broken in one known way fails the promise about it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::conformance::store::{self, StoreFixture};
use fleet_engines::sqlite::SqliteStore;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    CommitsTwice,
    LastCommitWins,
    AcceptsLateCommits,
    ForgetsTheTrades,
    ForgetsTheExplanation,
    ForgetsTransitions,
    IgnoresTheEpoch,
    GivesTheLeaseToEveryone,
    LeasesNeverEnd,
    EpochStandsStill,
    ForgetsAttempts,
    BeginsWithoutTrades,
    ForgivesAnyStamp,
    ListsWhatIsDone,
    PrunesWithoutEnd,
    ForgetsWhenBarsWereWhole,
    NothingIsMissing,
    ThawsManifests,
    MovesBack,
    PrunesHeldScans,
    ForgetsClaims,
    ClaimsNeverEnd,
    ForgetsConfirmations,
    BurstsTheBudget,
    CountsEachCallersBudget,
    OneInTenTooMany,
    IgnoresBlocks,
    LastBlockWins,
    KeepsBarsForEver,
    ReplacesAnyRowAboutGateways,
    RefusesRowsAgain,
    ReadsAllRowsAboutGateways,
    DatesEarlierBarsWrongly,
    ClosesPendingTrades,
    ShowsControls,
    SealsInSilence,
    TellsTwice,
    ForgetsEverything,
    OpensAnything,
    FreezesAnything,
    ListsOldestFirst,
    CommitsTheUnplanned,
    ForgetsMarks,
    ForgetsReleases,
    ReleasesForAnybody,
    OneBudgetForAll,
    TakesAnyRate,
    CapsWhatIsTaken,
    TakesWhatIsCapped,
    ForgetsRequests,
    PrunesWhatCanBeResumed,
    ShowsProposals,
    TellsLateBuys,
    DropsBuysTooSoon,
    CountsSentNotices,
    NeverAdopts,
    NeverForgives,
    ReadsEveryPlace,
    HidesTheLease,
    SettlesOnAnything,
    HidesTheBudgets,
    KeepsWorkersForEver,
    TakesAnyStamp,
    LastSummaryWins,
    KeepsRefusedSummaries,
    ForgetsSummaries,
    KeepsSummariesForEver,
    ReadsSummariesNewestFirst,
}

/// A right store behind one fault.
#[derive(Clone)]
struct Broken {
    right: SqliteStore,
    /// A second one, for faults that need somewhere else to write.
    elsewhere: SqliteStore,
    fault: Fault,
    /// The newest lease of each scan.
    leases: Arc<Mutex<BTreeMap<ScanId, Lease>>>,
    /// Who claimed last.
    claimer: Arc<Mutex<Option<Holder>>>,
    /// Every summary that a fault keeps.
    summaries: Arc<Mutex<BTreeMap<(Ticker, Date), SessionSummary>>>,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The lease the store will accept: the newest, whoever asks.
    fn epoch_of(&self, lease: &Lease) -> Lease {
        let newest = self.leases.lock().unwrap().get(&lease.scan).cloned();
        if self.is(Fault::IgnoresTheEpoch) { newest.unwrap_or_else(|| lease.clone()) } else { lease.clone() }
    }
}

type Stored<T> = Result<T, StoreError>;

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

#[async_trait]
impl BarCache for Broken {
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<BarSeries>> {
        if self.is(Fault::KeepsBarsForEver) {
            return self.right.cached_bars(instrument, jiff::civil::date(2026, 1, 2)).await;
        }
        self.right.cached_bars(instrument, session).await
    }

    async fn earlier_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<(Date, KeptBars)>> {
        let earlier = self.right.earlier_bars(instrument, session).await?;
        Ok(match earlier {
            Some((_, bars)) if self.is(Fault::DatesEarlierBarsWrongly) => Some((session, bars)),
            Some((day, bars)) if self.is(Fault::ForgetsWhenBarsWereWhole) => {
                Some((day, KeptBars { whole_in: None, ..bars }))
            }
            earlier => earlier,
        })
    }

    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Stored<()> {
        let session = if self.is(Fault::KeepsBarsForEver) { jiff::civil::date(2026, 1, 2) } else { session };
        self.right.cache_bars(session, bars).await
    }
}

#[async_trait]
impl Explanations for Broken {
    async fn explanation(&self, ticker: &Ticker) -> Stored<Option<(ScanId, Vec<u8>)>> {
        self.right.explanation(ticker).await
    }
}

#[async_trait]
impl Summaries for Broken {
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Stored<Vec<SessionSummary>> {
        let mut right = self.right.summaries(underlying, newest).await?;
        match self.fault {
            Fault::LastSummaryWins | Fault::KeepsRefusedSummaries | Fault::KeepsSummariesForEver => {
                let kept = self.summaries.lock().unwrap();
                let own = kept.iter().filter(|((of, _), _)| of == underlying).map(|(_, summary)| summary.clone());
                let own: Vec<SessionSummary> = own.collect();
                Ok(own[own.len().saturating_sub(newest as usize)..].to_vec())
            }
            Fault::ReadsSummariesNewestFirst => {
                right.reverse();
                Ok(right)
            }
            _ => Ok(right),
        }
    }
}

#[async_trait]
impl Roster for Broken {
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Stored<()> {
        let lasts = if self.is(Fault::KeepsWorkersForEver) { lasts * 1_000 } else { lasts };
        self.right.check_in(report, lasts).await
    }

    async fn check_out(&self, name: &str) -> Stored<()> {
        self.right.check_out(name).await
    }

    async fn workers(&self) -> Stored<Vec<SeenWorker>> {
        self.right.workers().await
    }
}

#[async_trait]
impl GatewayRows for Broken {
    async fn gateway_rows(&self, prefix: &str) -> Stored<Vec<GatewayRow>> {
        let prefix = if self.is(Fault::ReadsAllRowsAboutGateways) { "" } else { prefix };
        self.right.gateway_rows(prefix).await
    }

    async fn gateway_row(&self, name: &str) -> Stored<Option<Vec<u8>>> {
        self.right.gateway_row(name).await
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Stored<bool> {
        let found = self.right.gateway_row(name).await?;
        match self.fault {
            Fault::ReplacesAnyRowAboutGateways => self.right.swap_gateway_row(name, found.as_deref(), to).await,
            Fault::RefusesRowsAgain if found.as_deref() == to => Ok(false),
            _ => self.right.swap_gateway_row(name, from, to).await,
        }
    }
}

struct Fixture {
    store: Broken,
    clock: Arc<ManualClock>,
    directory: TempDir,
}

impl Fixture {
    fn new(fault: Fault) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
        let open = |name| SqliteStore::open_with_clock(&directory.path().join(name), clock.clone()).unwrap();
        let leases = Arc::default();
        let store = Broken {
            right: open("right.db"),
            elsewhere: open("elsewhere.db"),
            fault,
            leases,
            claimer: Arc::default(),
            summaries: Arc::default(),
        };
        Self { store, clock, directory }
    }
}

#[async_trait]
impl StoreFixture for Fixture {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reopened(&self) -> Result<Box<dyn Store>, String> {
        let name = match self.store.fault {
            Fault::ForgetsEverything | Fault::CountsEachCallersBudget => "another.db",
            _ => "right.db",
        };
        let right = SqliteStore::open_with_clock(&self.directory.path().join(name), self.clock.clone()).unwrap();
        Ok(Box::new(Broken { right, ..self.store.clone() }))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
    }

    fn beat(&self) -> Duration {
        Duration::from_secs(1)
    }
}

macro_rules! notices {
    ($($fault:ident: $promise:ident;)*) => {
        /// Promises that notice something.
        const NOTICED: &[&str] = &[$(stringify!($promise)),*];

        #[tokio::test(flavor = "multi_thread")]
        async fn every_fault_is_noticed_by_the_promise_about_it() {
            let mut checks = tokio::task::JoinSet::new();
            $(
                checks.spawn(async {
                    let kept = store::$promise(&Fixture::new(Fault::$fault)).await.is_ok();
                    kept.then_some((Fault::$fault, stringify!($promise)))
                });
            )*
            let unnoticed: Vec<_> = checks.join_all().await.into_iter().flatten().collect();
            assert!(unnoticed.is_empty(), "{unnoticed:?}");
        }
    };
}

macro_rules! promises {
    ($($promise:ident)*) => {
        const PROMISES: &[&str] = &[$(stringify!($promise)),*];
    };
}

fleet_engines::store_promises!(promises);

#[test]
fn every_promise_can_be_broken() {
    let unbroken: Vec<_> = PROMISES.iter().filter(|promise| !NOTICED.contains(promise)).collect();
    assert!(unbroken.is_empty(), "no fault breaks {unbroken:?}");
}

/// A function that is not in the list would be called by no engine's test.
#[test]
fn every_function_of_the_suite_is_in_the_list() {
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance/store");
    let sources = std::fs::read_dir(suite).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let text: String = sources.collect();
    let functions = text.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
    let mut listed = PROMISES.to_vec();
    let mut found: Vec<&str> = functions.collect();
    listed.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, listed);
}

notices! {
    NeverForgives: a_forgiven_attempt_does_not_count;
    ReadsEveryPlace: outcomes_are_read_by_places;
    HidesTheLease: a_lease_is_shown_to_who_asks;
    SettlesOnAnything: settling_on_an_older_portfolio_is_refused;
    HidesTheBudgets: budgets_are_shown_as_they_stand;
    KeepsWorkersForEver: a_worker_is_there_until_it_leaves_or_falls_silent;
    TakesAnyStamp: a_commit_of_a_scan_that_was_made_anew_is_refused;
    LastSummaryWins: a_session_has_one_summary_of_the_latest_instant;
    ForgetsSummaries: a_session_has_one_summary_of_the_latest_instant;
    KeepsRefusedSummaries: a_commit_that_is_refused_writes_no_summary;
    ReadsSummariesNewestFirst: summaries_are_read_oldest_first_and_outlive_their_scans;
    KeepsSummariesForEver: so_many_sessions_have_a_summary_and_no_more;
    CommitsTwice: the_first_commit_wins;
    CommitsTwice: only_one_of_many_commits_wins;
    LastCommitWins: the_first_commit_wins;
    LastCommitWins: only_one_of_many_commits_wins;
    LastCommitWins: missing_is_the_manifest_less_the_outcomes_in_its_order;
    AcceptsLateCommits: a_commit_after_the_seal_is_late;
    ForgetsTheTrades: a_commit_writes_everything_it_brings;
    ForgetsTheTrades: a_trade_is_added_once;
    ForgetsTheTrades: underlyings_of_live_trades_are_named_in_order;
    ForgetsTheExplanation: the_newest_scans_explanation_is_kept;
    ForgetsTransitions: a_transition_applies_from_its_own_state_only;
    ForgetsTransitions: a_confirmation_moves_no_trade;
    ForgetsTransitions: an_ignored_trade_tells_nothing_more;
    IgnoresTheEpoch: a_stale_lease_writes_nothing;
    IgnoresTheEpoch: a_lease_lasts_while_it_is_renewed;
    IgnoresTheEpoch: a_lease_given_back_is_free_and_gone;
    GivesTheLeaseToEveryone: only_one_of_many_gets_a_lease;
    GivesTheLeaseToEveryone: a_lease_has_one_holder_and_a_growing_epoch;
    LeasesNeverEnd: a_lease_has_one_holder_and_a_growing_epoch;
    EpochStandsStill: a_lease_has_one_holder_and_a_growing_epoch;
    ForgetsAttempts: attempts_are_counted_until_there_is_an_outcome;
    ForgetsAttempts: concurrent_attempts_get_different_numbers;
    BeginsWithoutTrades: an_attempt_begins_with_the_live_trades_of_its_ticker;
    TakesAnyStamp: an_attempt_at_a_scan_that_was_made_anew_is_not_counted;
    ForgivesAnyStamp: an_attempt_at_a_scan_that_was_made_anew_is_not_counted;
    ListsWhatIsDone: what_has_begun_and_is_not_done_is_unfinished;
    ListsOldestFirst: what_has_begun_and_is_not_done_is_unfinished;
    PrunesWithoutEnd: pruning_takes_the_oldest_and_no_more_than_it_may;
    ForgetsWhenBarsWereWhole: bars_of_the_session_before_are_found;
    NothingIsMissing: missing_is_the_manifest_less_the_outcomes_in_its_order;
    NothingIsMissing: nothing_is_missing_is_never_said_without_a_manifest;
    ThawsManifests: a_manifest_is_frozen_once;
    MovesBack: a_scan_moves_forward_only;
    PrunesHeldScans: pruning_spares_trades_debts_and_what_can_be_resumed;
    PrunesWhatCanBeResumed: pruning_spares_trades_debts_and_what_can_be_resumed;
    ForgetsRequests: the_coordinators_requests_add_up;
    CapsWhatIsTaken: settling_decides_once_and_about_its_own_scan;
    TakesWhatIsCapped: settling_decides_once_and_about_its_own_scan;
    CapsWhatIsTaken: settling_late_adds_no_second_live_trade;
    ShowsProposals: a_proposed_trade_is_not_live;
    NeverAdopts: a_later_scan_adopts_what_is_only_proposed;
    CountsSentNotices: unsent_notices_are_counted;
    TellsLateBuys: a_late_buy_notice_is_dropped;
    DropsBuysTooSoon: a_late_buy_notice_is_dropped;
    ForgetsClaims: a_claimed_notice_is_not_claimed_again;
    ForgetsClaims: concurrent_claims_share_the_notices;
    ClaimsNeverEnd: a_claim_ends;
    ForgetsConfirmations: a_sent_notice_is_never_claimed_again;
    BurstsTheBudget: a_budget_is_kept_in_every_window_by_all_callers_together;
    BurstsTheBudget: a_grant_is_a_seconds_worth_at_most_and_one_at_least;
    BurstsTheBudget: a_slow_budget_lets_one_through_at_a_time;
    CountsEachCallersBudget: a_budget_is_kept_in_every_window_by_all_callers_together;
    OneInTenTooMany: a_budget_is_kept_in_every_window_by_all_callers_together;
    IgnoresBlocks: a_blocked_vendor_gets_nothing_until_it_is_over;
    LastBlockWins: a_blocked_vendor_gets_nothing_until_it_is_over;
    KeepsBarsForEver: bars_are_kept_for_their_session_only;
    ReplacesAnyRowAboutGateways: a_row_about_gateways_is_replaced_by_who_knows_it;
    RefusesRowsAgain: a_row_about_gateways_is_replaced_by_who_knows_it;
    ReplacesAnyRowAboutGateways: only_one_of_many_replaces_a_row_about_gateways;
    ReadsAllRowsAboutGateways: rows_about_gateways_are_read_by_name;
    DatesEarlierBarsWrongly: bars_of_the_session_before_are_found;
    ClosesPendingTrades: a_person_closes_an_open_trade_only;
    ShowsControls: trades_are_filtered_and_ordered;
    SealsInSilence: sealing_closes_what_is_missing;
    TellsTwice: settling_decides_once_and_about_its_own_scan;
    ForgetsEverything: what_was_answered_is_there_after_reopening;
    OpensAnything: a_scan_is_created_once;
    OpensAnything: a_scan_with_another_configuration_is_told_apart;
    FreezesAnything: a_manifest_must_fit_its_lease_and_name_no_ticker_twice;
    ListsOldestFirst: scans_are_listed_newest_first;
    CommitsTheUnplanned: a_commit_for_what_was_not_planned_is_refused;
    ForgetsTheTrades: a_contract_has_one_live_trade_a_strategy;
    ForgetsTheTrades: concurrent_scans_add_a_trade_once;
    ForgetsMarks: marks_are_kept_once_and_in_order;
    ForgetsReleases: a_released_notice_can_be_claimed_again;
    ReleasesForAnybody: a_stale_release_frees_nothing;
    OneBudgetForAll: vendors_have_budgets_of_their_own;
    TakesAnyRate: what_is_no_rate_is_refused;
}
