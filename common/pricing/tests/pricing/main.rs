//! The engine against references, against itself, and against anything its types let in.

mod american;
mod dividends;
mod european;
mod files;
mod greeks;
mod properties;
mod smile;
