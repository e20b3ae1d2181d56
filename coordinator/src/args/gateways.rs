//! Gateways: `gateways`, `cleanup`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::keeping;

/// `gateways`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet gateways up --keep 2h      # the next scans --gateways use them
  optionfleet gateways test
  optionfleet gateways down

Exit codes: 0 done, 1 broken environment, 2 no credentials, 3 something could not be looked at or deleted, or does not
answer, 4 `up` could not keep what it made and something of it may be left.")]
pub struct GatewaysArgs {
    /// List what there is, unless something else is named
    #[command(subcommand)]
    pub act: Option<GatewaysCommand>,
}

/// Something to do with gateways.
#[derive(Debug, Clone, Subcommand)]
pub enum GatewaysCommand {
    /// Bring some up and keep them for the next scans
    Up {
        /// For so long, e.g. 2h; at most 24h
        #[arg(long, value_name = "TIME", value_parser = keeping, allow_hyphen_values = true, default_value = "2h")]
        keep: Duration,
    },
    /// Everything of ours in every Region, who uses it, and what nobody does
    List,
    /// Delete those that no run uses
    Down,
    /// One request over each: status, time, and the address the other side sees
    Test,
}

/// `cleanup`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet cleanup                    # what would be deleted, why, and how long that takes
  optionfleet cleanup --yes --quiet      # from cron

Only what carries exactly the owner tag of [gateways] is ever deleted, and nothing a run uses. It may be interrupted and
run again at any time.

Exit codes: 0 nothing is left (or, without --yes, everything was looked at), 2 no credentials, 3 something is left or could
not be looked at.")]
pub struct CleanupArgs {
    /// Delete it; without this it is only told
    #[arg(long)]
    pub yes: bool,
    /// Only in this Region; may be repeated [default: every Region that is enabled]
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
    /// Only what no run uses any more (the default)
    #[arg(long, conflicts_with = "all_ours")]
    pub expired_only: bool,
    /// Also what a run uses
    #[arg(long)]
    pub all_ours: bool,
}
