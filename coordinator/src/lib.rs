//! Plans, watches, tells people: the library behind the program `optionfleet`, so that tests can use its parts.
//!
//! Reading order: [`args`] (what may be typed) → [`config`] (what is in force) → [`commands`] (what is done) →
//! `scan` (the scan itself) → [`report`] (what is said).

pub mod config;
pub mod naming;
