//! The vendors' parsers, from outside: our own fixtures, recorded bodies, hostile bodies, mutated bytes.

#![expect(clippy::unwrap_used, reason = "a test's helper panics where a value is not what the test says")]

mod bars;
mod captures;
mod chains;
mod hostile;
mod mutations;
mod robinhood;
mod screener;
