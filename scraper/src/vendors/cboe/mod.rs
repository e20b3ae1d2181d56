//! CBOE's delayed quotes: the whole chain of an underlying in one request, about 15 minutes old.

pub mod models;
pub mod parse;
pub mod urls;
