//! The vendors' parsers, from outside: our own fixtures, recorded bodies, hostile bodies, mutated bytes.

mod bars;
mod captures;
mod chains;
mod hostile;
mod mutations;
mod screener;
