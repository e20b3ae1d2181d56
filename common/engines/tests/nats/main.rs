//! The task queue on a real NATS server: what every queue promises, and its own promises when servers fail, when
//! others use them otherwise, and when they want to know who asks.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

mod access;
mod faults;
mod layout;
mod promises;
#[path = "../redis/scan.rs"]
mod small_scan;
mod stores;
mod tasks;
mod world;
