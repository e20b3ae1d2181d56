//! Plans, watches, tells people: the library behind the program `optionfleet`, so that tests can use its parts.
//!
//! Reading order: [`args`] (what may be typed) → [`config`] (what is in force) → [`commands`] (what is done) →
//! [`scan`] (the scan itself) → [`report`] (what is said). Around them: [`failure`] (how it ends), [`markets`] (where
//! the seams get their engines), [`gateways`] (other addresses to ask from), [`notify`] (how people are told), [`bars_file`] and [`price`] (what calculators read and say).

// A closed stderr ends nothing: `fleet_telemetry::say!`.
#![cfg_attr(not(test), deny(clippy::print_stderr))]

pub mod args;
pub mod at_start;
pub mod bars_file;
pub mod commands;
pub mod config;
pub mod earnings_file;
pub mod failure;
pub mod gateways;
pub mod hours;
pub mod interrupt;
pub mod markets;
pub mod naming;
pub mod notify;
pub mod output;
pub mod price;
pub mod progress;
pub mod pruning;
pub mod report;
pub mod scan;
pub mod told_facts;
pub mod universe;
pub mod watched;
