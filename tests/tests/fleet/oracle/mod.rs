//! The oracle: a naïve second implementation of the analysis, using none of ours. From the market's raw bodies it
//! recomputes spot, forwards, IV, delta, RSI, %B, every gate, S1 and the metrics, and compares with what the product stored of every
//! contract of every ticker. The simulated market prices in its own way too, so errors cannot cancel.
//!
//! Slow and plain on purpose: bisection instead of a solver, sums instead of recurrences, a tree instead of typed JSON.

mod bodies;
mod calendar;
mod compare;
mod gates;
mod indicators;
mod maths;
mod metrics;
mod parity;
mod strategy;
