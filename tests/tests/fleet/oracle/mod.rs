//! The oracle: a naïve second implementation of the analysis, using none of ours. From the market's raw bodies it
//! recomputes spot, forwards, IV, delta, RSI, %B, every gate, every strategy and every number that is told of an
//! underlying, a contract and a position (S1 in `strategy`, the others in `others`), and compares with what the product
//! stored of every contract of every ticker. The simulated market prices in its own way too, so errors cannot cancel.
//!
//! Slow and plain on purpose: bisection instead of a solver, sums instead of recurrences, a tree instead of typed JSON, and
//! a binomial tree instead of an exercise boundary. No tree gives the product's last digits: an American volatility of the
//! product is checked (at it, the tree's price is the mid and the tree's delta the product's) and then decided with.

mod american;
mod bodies;
mod calendar;
mod cash;
mod compare;
mod compare_cash;
mod compare_numbers;
mod decay;
mod differences;
mod gates;
mod history;
mod indicators;
mod maths;
mod metrics;
mod numbers;
mod others;
mod parity;
mod positions;
mod strategy;
mod strikes;
