//! The whole crate from outside: against the C library, and what holds for every indicator.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test they serve")]

mod ahead;
mod everything;
mod golden;
mod series;
mod values;
mod wild;
