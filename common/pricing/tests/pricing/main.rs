//! The engine against references, against itself, and against anything its types let in.

mod american;
mod dividend_greeks;
mod dividends;
mod european;
mod files;
mod greeks;
mod measured;
mod properties;
mod smile;
