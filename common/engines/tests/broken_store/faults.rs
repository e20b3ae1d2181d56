//! The ways to be wrong, and a store that is wrong in one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::sqlite::SqliteStore;
use jiff::civil::Date;

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fault {
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
pub struct Broken {
    pub right: SqliteStore,
    /// A second one, for faults that need somewhere else to write.
    pub elsewhere: SqliteStore,
    pub fault: Fault,
    /// The newest lease of each scan.
    pub leases: Arc<Mutex<BTreeMap<ScanId, Lease>>>,
    /// Who claimed last.
    pub claimer: Arc<Mutex<Option<Holder>>>,
    /// Every summary that a fault keeps.
    pub summaries: Arc<Mutex<BTreeMap<(Ticker, Date), SessionSummary>>>,
}

impl Broken {
    pub fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The lease the store will accept: the newest, whoever asks.
    pub fn epoch_of(&self, lease: &Lease) -> Lease {
        let newest = self.leases.lock().unwrap().get(&lease.scan).cloned();
        if self.is(Fault::IgnoresTheEpoch) { newest.unwrap_or_else(|| lease.clone()) } else { lease.clone() }
    }
}

/// What a store answers.
pub type Stored<T> = Result<T, StoreError>;
