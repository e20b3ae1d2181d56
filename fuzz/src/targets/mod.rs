//! One function a target: it takes any bytes and panics where a promise is broken.
//!
//! "Does not panic" alone would let a parser invent things, so every target states what its answers must be: rows are
//! counted, prices are prices, what was read can be written and read again, a message is one printable sentence, a
//! secret is nowhere. A promise is stated once, here, and not in the product's words: these functions know nothing of
//! how an answer comes about.

mod addresses;
mod analysis;
mod bars;
mod chains;
mod config;
mod explanations;
mod inspection;
mod names;
mod promises;
mod reports;
mod robinhood;
mod screener;
mod snapshot;
mod stream;
mod trace;
mod wire;
mod world;

pub use addresses::addresses;
pub use analysis::analyse;
pub use bars::{yahoo_bars, yahoo_crumb};
pub use chains::{cboe_chain, yahoo_chain};
pub use config::config;
pub use explanations::explanations;
pub use inspection::inspect;
pub use names::names;
pub use reports::earnings_file;
pub use robinhood::robinhood;
pub use screener::finviz_screener;
pub use trace::trace_context;
pub use wire::wire;

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. The names are those of the folders under `seeds/` and of the programs under `fuzz_targets/`.
pub const ALL: [Target; 15] = [
    ("addresses", addresses),
    ("analyse", analyse),
    ("cboe_chain", cboe_chain),
    ("config", config),
    ("earnings_file", earnings_file),
    ("explanations", explanations),
    ("finviz_screener", finviz_screener),
    ("inspect", inspect),
    ("names", names),
    ("robinhood", robinhood),
    ("trace_context", trace_context),
    ("wire", wire),
    ("yahoo_bars", yahoo_bars),
    ("yahoo_chain", yahoo_chain),
    ("yahoo_crumb", yahoo_crumb),
];
