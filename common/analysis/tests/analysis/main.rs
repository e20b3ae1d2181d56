//! The analysis from outside, through its one door.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails; clippy only knows functions marked as tests")]

mod cash_dividends;
mod chance;
mod driftless;
mod exit_signals;
mod exits;
mod experiments;
mod future;
mod gates;
mod metrics;
mod notices;
mod ranking;
mod recorded;
mod shorts;
mod signal;
mod spot;
mod strategies;
mod strategy_worlds;
mod wild;
mod world;
