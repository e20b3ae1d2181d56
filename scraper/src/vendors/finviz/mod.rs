//! Finviz: the universe, from its screener's pages.

pub mod models;
pub mod parse;
pub mod urls;
