//! The harness of the whole-fleet tests: small worlds, the programs in them, and what can be seen of a process.
//!
//! Promises: a test starts only what it stops, talks only to 127.0.0.1, waits for a state with a deadline and never a
//! fixed time. What is missing (a program not built, a recording not there) is said aloud, by name.
//!
//! Refuses: retries of a failed assertion, and anything that reads a log's text.

pub mod fleet;
pub mod market;
pub mod process;
pub mod program;
pub mod recorded_market;
pub mod recordings;
pub mod servers;
pub mod wait;
