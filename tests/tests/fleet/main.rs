//! The whole fleet under test, one module for each line of what "done" means: the programs a user runs, against a
//! simulated market or recorded bodies on loopback.

mod adjusted;
mod bad_input;
mod captures;
mod corrupted;
mod crash;
mod demo;
mod dependencies;
mod faulty;
mod fuzz_seeds;
mod history;
mod hostile;
mod interruption;
mod left_behind;
mod memory;
mod metrics;
mod oracle;
mod outages;
mod readme;
mod recorded;
mod requests;
mod result;
mod robinhood;
mod secrets;
mod several;
mod shared_budgets;
mod trades;
mod vendor_vols;
