//! Gateways: created, torn down in parallel, and never left behind.
//!
//! A *gateway* is one REST API of AWS' API Gateway that we created: a second address in another Region through which
//! requests reach a vendor. This crate brings sets of them up for a run and makes sure that nothing of them stays: not
//! after a crash at any moment, not when answers are lost, not when AWS throttles. It deletes nothing that does not carry
//! our exact tag.
//!
//! # Shape
//!
//! ```text
//!    up(order, spec)            renew / park / release           reconcile()   ← teardown, undo and cleanup are this one
//!          │                              │                          │
//!          ▼                              ▼                          ▼
//!   set: every choice made ─open→  ┌──────────────┐   sets   ┌── survey ──▶ picture ──plan──▶ steps ──▶ act ──┐
//!          │                       │    Ledger    │─────────▶│ (ledger ∪ tag scan of every Region)            │
//!   each thing: intent, call, id ─▶│ (durable)    │◀─────────┴───────── adopted, gone, closed ◀───────────────┘
//!          │                       └──────────────┘
//!          ▼                                                                    │
//!        call: turn (pace) → limit → tried again where safe  ◀──────────────────┘
//!          │
//!          ▼
//!   GatewayProvider: one method a control-plane call  (AWS; in memory)
//! ```
//!
//! - Words: [`region`], [`resource`], [`tags`], [`spec`] and its [`openapi`] body, [`set`] (a run's gateways and the
//!   intents they are made of), [`quota`] (what AWS allows).
//! - Seams: [`provider`], [`ledger`], each with a [`conformance`] suite, an implementation in memory ([`memory_aws`]
//!   has AWS' quotas, delays and faults; [`memory_ledger`]) and one that lasts ([`aws`]; [`stored_ledger`], in rows of a
//!   store).
//! - Decisions, pure: [`next`] for bringing up, [`picture`] (what is to become of each
//!   thing) and [`plan`] (in which order) for deleting, [`estimate`] (how long it takes).
//! - Shells: [`gateways`] is the door, [`raise`] (with `create`) and [`reconcile`] act, [`call`] makes one call well, [`pace`] gives turns.
//!   [`progress`] says what happens, as data.
//!
//! # Promises, and what they rest on
//!
//! - **Nothing is left behind.** Everything is written to the ledger before it is asked for, and tagged when it is created.
//!   A call without an answer is believed to have done it until a Region that was looked through late enough shows
//!   otherwise ([`Settings::settle`](gateways::Settings::settle)); a set is closed only then, and remembered afterwards,
//!   so that what appears later still is recognised.
//! - **Nothing foreign is touched.** A step of deleting comes from [`plan::plan`] alone, about a thing that the same pass
//!   saw with our owner tag, key and value equal.
//! - **A run in use is spared**, by the ledger's lease or, where another ledger has it, by the tag's.
//! - **Our own pacing provokes no 429**, and one that comes is obeyed and makes us slower.
//! - **Dropping any future here is a crash, and is survived like one.**

pub mod aws;
pub mod call;
pub mod conformance;
mod create;
pub mod estimate;
pub mod gateways;
pub mod ledger;
pub mod memory_aws;
pub mod memory_ledger;
pub mod next;
pub mod openapi;
pub mod pace;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod provider;
pub mod quota;
pub mod raise;
pub mod reconcile;
pub mod region;
pub mod resource;
mod rules;
mod said;
pub mod set;
pub mod spec;
pub mod stored_ledger;
pub mod tags;
pub mod trust;

pub use gateways::{Gateways, Scope, Settings};
