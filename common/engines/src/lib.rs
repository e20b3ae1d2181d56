//! The queue and store seams on real engines, with the suites that hold every engine to the same promises.
//!
//! - [`in_process`]: the task queue of one machine. [`sqlite`]: the store of one machine, a single file.
//! - [`nats`]: the task queue of a fleet, on a NATS server. [`connect`]: addresses of queues and stores, and secrets.
//! - [`redis`]: the store of a fleet, on a Redis server.
//! - [`store_id`]: what a store of a fleet calls itself, by which its tasks are told from those of others.
//! - [`budget`]: the arithmetic of request budgets, shared by every store.
//! - [`conformance`]: one public async function for each promise of a seam. An engine is right when all of them pass;
//!   an engine's test is the list of calls.
//!
//! Nothing here knows a vendor or a strategy. Only this crate may name a database or a message server.

pub mod budget;
pub mod conformance;
pub mod connect;
pub mod in_process;
pub mod nats;
pub mod redis;
pub mod sqlite;
pub mod store_id;
