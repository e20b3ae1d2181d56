//! The promises of a store.
//!
//! Each function wants a store of its own (on a server: a fresh key prefix or database). Time is asked of the fixture,
//! so that an engine with an injected clock is checked in no time and a server with a short wait.
//!
//! The files: [`fixture`] and sample values, then one file a concern.

mod bars;
mod budgets;
mod commits;
mod ends;
pub mod fixture;
mod gateway_rows;
mod leases;
mod outbox;
mod roster;
mod samples;
mod scans;
mod summaries;
mod trades;

pub use bars::*;
pub use budgets::*;
pub use commits::*;
pub use ends::*;
pub use fixture::StoreFixture;
pub use gateway_rows::*;
pub use leases::*;
pub use outbox::*;
pub use roster::*;
pub use scans::*;
pub use summaries::*;
pub use trades::*;

/// Calls a macro with the name of every promise of a store.
#[macro_export]
macro_rules! store_promises {
    ($each:ident) => {
        $each! {
            a_scan_is_created_once
            a_scan_with_another_configuration_is_told_apart
            a_manifest_is_frozen_once
            a_manifest_must_fit_its_lease_and_name_no_ticker_twice
            a_scan_moves_forward_only
            attempts_are_counted_until_there_is_an_outcome
            a_forgiven_attempt_does_not_count
            concurrent_attempts_get_different_numbers
            an_attempt_begins_with_the_live_trades_of_its_ticker
            an_attempt_at_a_scan_that_was_made_anew_is_not_counted
            outcomes_are_read_by_places
            missing_is_the_manifest_less_the_outcomes_in_its_order
            nothing_is_missing_is_never_said_without_a_manifest
            scans_are_listed_newest_first
            what_has_begun_and_is_not_done_is_unfinished
            the_coordinators_requests_add_up
            pruning_spares_trades_debts_and_what_can_be_resumed
            pruning_takes_the_oldest_and_no_more_than_it_may
            a_lease_has_one_holder_and_a_growing_epoch
            only_one_of_many_gets_a_lease
            a_lease_lasts_while_it_is_renewed
            a_lease_given_back_is_free_and_gone
            a_lease_is_shown_to_who_asks
            a_stale_lease_writes_nothing
            the_first_commit_wins
            only_one_of_many_commits_wins
            a_commit_writes_everything_it_brings
            a_commit_for_what_was_not_planned_is_refused
            a_commit_after_the_seal_is_late
            a_commit_of_a_scan_that_was_made_anew_is_refused
            what_was_answered_is_there_after_reopening
            the_newest_scans_explanation_is_kept
            sealing_closes_what_is_missing
            settling_decides_once_and_about_its_own_scan
            settling_late_adds_no_second_live_trade
            settling_on_an_older_portfolio_is_refused
            a_trade_is_added_once
            a_contract_has_one_live_trade_a_strategy
            concurrent_scans_add_a_trade_once
            a_proposed_trade_is_not_live
            a_later_scan_adopts_what_is_only_proposed
            a_transition_applies_from_its_own_state_only
            a_confirmation_moves_no_trade
            marks_are_kept_once_and_in_order
            an_ignored_trade_tells_nothing_more
            a_person_closes_an_open_trade_only
            trades_are_filtered_and_ordered
            underlyings_of_live_trades_are_named_in_order
            a_claimed_notice_is_not_claimed_again
            concurrent_claims_share_the_notices
            a_claim_ends
            a_sent_notice_is_never_claimed_again
            a_released_notice_can_be_claimed_again
            a_stale_release_frees_nothing
            unsent_notices_are_counted
            a_late_buy_notice_is_dropped
            a_budget_is_kept_in_every_window_by_all_callers_together
            a_grant_is_a_seconds_worth_at_most_and_one_at_least
            a_slow_budget_lets_one_through_at_a_time
            vendors_have_budgets_of_their_own
            a_blocked_vendor_gets_nothing_until_it_is_over
            what_is_no_rate_is_refused
            budgets_are_shown_as_they_stand
            bars_are_kept_for_their_session_only
            bars_of_the_session_before_are_found
            a_session_has_one_summary_of_the_latest_instant
            a_commit_that_is_refused_writes_no_summary
            summaries_are_read_oldest_first_and_outlive_their_scans
            so_many_sessions_have_a_summary_and_no_more
            a_worker_is_there_until_it_leaves_or_falls_silent
            a_row_about_gateways_is_replaced_by_who_knows_it
            rows_about_gateways_are_read_by_name
            only_one_of_many_replaces_a_row_about_gateways
        }
    };
}
