//! Questions to a store: `explain`, `ranking`, `trades`, `status`, `scans`.

use std::time::Duration;

use clap::{Args, Subcommand};
use fleet_worker::program::times::duration;

use super::values::count;

/// `explain`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet explain AAPL270319C00250000
  optionfleet explain AAPL")]
pub struct ExplainArgs {
    /// An OCC symbol; or a ticker, for the numbers of the underlying itself
    pub contract: String,
    /// Its underlying, where the symbol's root does not tell it
    #[arg(long)]
    pub ticker: Option<String>,
    /// In this scan; contracts are explained as the newest scan of their underlying left them
    #[arg(long, value_name = "ID")]
    pub scan: Option<String>,
}

/// `ranking`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet ranking --top 50
  optionfleet ranking --ticker AAPL --top 0 --format csv")]
pub struct RankingArgs {
    /// One underlying only, in the newest scan that looked at it
    #[arg(long)]
    pub ticker: Option<String>,
    /// Contracts; 0 tells all
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = count, allow_negative_numbers = true)]
    pub top: u32,
}

/// `trades`
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  optionfleet trades open
  optionfleet trades show 3F7K
  optionfleet trades close 3F7K --price 22.10"
)]
pub struct TradesArgs {
    /// All of them, unless a state or an act is named
    #[command(subcommand)]
    pub act: Option<TradesCommand>,
    /// Which ones
    #[command(flatten)]
    pub listing: ListArgs,
}

/// Which trades a list holds.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Also controls (S0)
    #[arg(long)]
    pub controls: bool,
    /// Only of this underlying
    #[arg(long)]
    pub ticker: Option<String>,
    /// At most so many; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count, allow_negative_numbers = true)]
    pub limit: u32,
}

/// A state, or something to do with one trade.
#[derive(Debug, Clone, Subcommand)]
pub enum TradesCommand {
    /// Found by a scan that is not finished; no trades yet
    Proposed(ListArgs),
    /// Waiting for their buy limit
    Pending(ListArgs),
    /// Bought
    Open(ListArgs),
    /// Never bought: the limit was not reached in time
    Lapsed(ListArgs),
    /// Never bought: a portfolio cap left no room
    Capped(ListArgs),
    /// Sold, or expired
    Closed(ListArgs),
    /// One trade in full
    Show {
        /// Its id, or the beginning of it
        id: String,
    },
    /// No more notices of a trade
    Ignore {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Close an open trade at a price of your own
    Close {
        /// Its id, or the beginning of it
        id: String,
        /// Dollars per share; 0 for a contract that is worth nothing
        #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
        price: String,
    },
}

/// `status`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet status --queue nats://queue.local --store redis://store.local")]
pub struct StatusArgs {
    /// Which scan; else the newest that is not finished
    #[arg(value_name = "ID")]
    pub scan: Option<String>,
    /// Where its tasks wait: in-process, or nats://HOST (also from OPTIONFLEET_QUEUE)
    #[arg(long, value_name = "URL")]
    pub queue: Option<String>,
}

/// `scans`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet scans prune --older-than 30d")]
pub struct ScansArgs {
    /// List them, unless something else is named
    #[command(subcommand)]
    pub act: Option<ScansCommand>,
}

/// Something to do with scans.
#[derive(Debug, Clone, Subcommand)]
pub enum ScansCommand {
    /// Delete old scans; trades stay for ever
    Prune {
        /// Older than this, e.g. 30d
        #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, default_value = "30d")]
        older_than: Duration,
    },
}
