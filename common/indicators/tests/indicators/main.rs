//! The whole crate from outside: against the C library, and what holds for every indicator.

mod ahead;
mod everything;
mod golden;
mod series;
mod values;
