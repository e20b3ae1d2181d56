//! Yahoo: chains by expiration, daily bars of underlyings and contracts, and the handshake (cookie and crumb) that
//! chains need.

pub mod models;
pub mod parse;
mod quick;
pub mod urls;
