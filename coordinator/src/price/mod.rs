//! The option calculator: rows of text become contracts, contracts answers, answers lines. The numbers are fleet-pricing's.
//!
//! ```text
//! lines (bounded) → heading (which column is what) → contract (what is asked, or why not) → answer (by blocks, boundaries
//! shared) → written (CSV, JSON, table)
//! ```
//!
//! Promises: one line out for each row in, in their order; the same input, the same bytes; memory does not grow with the
//! file. A row that makes no sense is told with its reason and stops nothing.

pub mod answer;
mod answers;
pub mod contract;
pub mod heading;
pub mod lines;
pub mod setting;
pub mod unlisted;
pub mod written;

/// Rows that are priced together. Contracts of one chain share their exercise boundaries within a block.
pub const BLOCK: usize = 8192;
