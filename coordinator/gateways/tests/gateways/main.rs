//! Gateways against the in-memory AWS, in virtual time: an hour of quotas is a moment.
//!
//! - `world`: one small world: an AWS, a ledger, a clock, and processes that live and die in it.
//! - `conformance`, `quotas`: what the double promises; `ledgers`: what every ledger does; `broken_ledger`, `broken_provider`: that the suites notice.
//! - `sagas`: the four checks at each call in turn. `schedules`: a thousand seeded mixtures of crashes and faults.
//! - `ledger_away`: the ledger fails at each write in turn.
//! - `pacing`: how long it takes at AWS' pace, and that we provoke no 429.
//! - `policy`: the IAM policy under deploy/ and the calls.
//! - `leases`, `leftovers`: who is spared, what is reused, what is never touched.
//! - `answers_missing`: what nobody says (the account, the Regions, a tag) holds up nothing that can be done without it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

mod answers_missing;
mod broken_ledger;
mod broken_provider;
mod conformance;
mod leases;
mod ledger_away;
mod ledgers;
mod leftovers;
mod pacing;
mod policy;
mod quotas;
mod sagas;
mod schedules;
mod world;
