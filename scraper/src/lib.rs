//! Vendors' web sites and APIs become domain values, politely.
//!
//! The story of a request, in reading order:
//! - [`VendorMarket`] (`market_data`) decides what to ask of whom: it implements the market-data seam;
//! - `fetch` is the only place that sends: a way out (`egress`) → budget (`pace`) → identity (`identity`) → send
//!   (`client`) → classify (`classify`), tried again as `retry` decides;
//! - `egress` knows the ways out: this machine, or a plan's gateways, which it rotates, rests and watches by canaries;
//! - [`vendors`] turns bytes into domain values: pure, one folder a vendor; [`parse_error`] says why not;
//! - `handshake` holds Yahoo's cookie and crumb; `token` a Robinhood account's token; [`spelling`] each vendor's spelling of a ticker;
//! - [`reach`] tells whether anybody is there before a scan asks in vain;
//! - [`probe`] tries a gateway once;
//! - [`simulated`] knows the simulated market's addresses and asks for its clock; [`inspect`] reads recorded bodies.
//!
//! Promises: every request is counted, budgeted and bounded in time and size; `Retry-After` is obeyed; nothing about
//! a vendor's format leaves this crate. Refuses: POST, cookies across identities, HTTP beyond this machine.

mod classify;
mod client;
mod egress;
mod fetch;
mod handshake;
mod identity;
pub mod inspect;
mod market_data;
mod pace;
pub mod parse_error;
pub mod probe;
pub mod reach;
mod retry;
pub mod simulated;
pub mod spelling;
mod token;
pub mod vendors;

#[cfg(test)]
mod test_support;

pub use client::{ClientError, TlsSettings, install_crypto_provider, is_loopback};
pub use identity::{Identity, IdentityKey, Reads, default_identity, identity_problems};
pub use market_data::{Access, VendorMarket};
pub use token::{BadToken, RobinhoodToken};
