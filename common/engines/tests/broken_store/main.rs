//! The store suite notices: a store that is broken in one known way fails the promise about it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

mod faults;
mod fixture;
mod kept;
mod scans;
mod trades;

use fleet_engines::conformance::store;

use faults::Fault;
use fixture::Fixture;

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
