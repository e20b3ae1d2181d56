//! Finviz: the universe, from its screener's pages.

pub mod urls;
