//! Scans and the simulated market: `scan`, `demo`, `market`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fleet_worker::program::times::duration;
use jiff::Timestamp;

use super::values::{count, deadline, instant, rate, seed};

/// `scan`
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  optionfleet scan --tickers AAPL,MSFT --dry-run
  optionfleet scan --tickers @my-list.txt --top 10 --indicators rsi:14,macd,bbands:20:2
  optionfleet scan --slot 30m --format json       # from a timer: a second launch of a slot resumes it
  optionfleet scan --queue nats://queue.local --store redis://store.local    # workers anywhere do the work

A scan of the same universe that an earlier launch left unfinished is closed first, once its deadline is over or all its
tickers are accounted for: settled, its notices sent. Servers that are away when it begins are waited for, 90 s at most.")]
pub struct ScanArgs {
    /// AAPL,MSFT or @FILE (one ticker a line, # begins a comment); else the screener's universe
    #[arg(long, value_name = "LIST|@FILE", conflicts_with = "filter")]
    pub tickers: Option<String>,
    /// Finviz screener filter, e.g. sh_opt_option,cap_mega (or a whole query, v=111&f=…)
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Scan a simulated market (`optionfleet market`) at this URL; its clock is as-of
    #[arg(long, value_name = "URL")]
    pub market: Option<String>,
    /// Analyse as of this instant, e.g. 2026-11-20T15:00:00Z: for recorded data that this machine serves itself
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with_all = ["market", "resume"])]
    pub as_of: Option<Timestamp>,
    /// Print the plan (tickers, requests, time) and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Rows of the table; 0 shows all
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub top: Option<u32>,
    /// Indicators by name for candidates, on their own bars and their underlyings', e.g. rsi:14,macd,bbands:20:2
    #[arg(long, value_name = "LIST")]
    pub indicators: Option<String>,
    /// Where tasks wait: in-process, or nats://HOST for a fleet's workers (also from OPTIONFLEET_QUEUE)
    #[arg(long, value_name = "URL")]
    pub queue: Option<String>,
    /// Serve /livez, /readyz and /metrics here while the scan runs, e.g. 127.0.0.1:9100
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// Ask vendors through gateways in several Regions, made before and deleted after (`[gateways]` in the configuration)
    #[arg(long)]
    pub gateways: bool,
    /// Ask vendors from this machine, whatever the configuration says of gateways
    #[arg(long, conflicts_with = "gateways")]
    pub no_gateways: bool,
    /// Where notices go beside the report: file:PATH appends each as a line of JSON; report is nowhere else
    #[arg(long, value_name = "SINK")]
    pub notify: Option<String>,
    /// Stop where the store's server has settings that may lose data, instead of warning
    #[arg(long)]
    pub strict: bool,
    /// Seal the scan after this long, e.g. 20m
    #[arg(long, value_name = "TIME", value_parser = deadline, allow_hyphen_values = true)]
    pub deadline: Option<Duration>,
    /// Name of this run in the day: HHMM, or 30m for the present half hour; a second launch of a slot resumes it
    #[arg(long, value_name = "HHMM|30m", conflicts_with = "resume")]
    pub slot: Option<String>,
    /// Continue a scan: the one named, or the newest unfinished one
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    pub resume: Option<String>,
    /// Scan although the market is closed
    #[arg(long, conflicts_with = "if_open")]
    pub force: bool,
    /// End with 0 where the market is closed, for timers
    #[arg(long)]
    pub if_open: bool,
}

/// `demo`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet demo --seed 7 --keep /tmp/demo")]
pub struct DemoArgs {
    /// Decides everything: same seed, same table; in JSON only `fetched_at` differs, the real time of a response, and with
    /// --gateways the latencies
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Add about twenty tickers that are each wrong in one known way
    #[arg(long)]
    pub faults: bool,
    /// Ask the market through simulated gateways
    #[arg(long)]
    pub gateways: bool,
    /// Put the store into this directory [default: a new one among the temporary files]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Rows of the table; 0 shows all
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub top: Option<u32>,
}

/// `market`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet market --listen 127.0.0.1:8600 --faults --log market.jsonl")]
pub struct MarketArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8600")]
    pub listen: SocketAddr,
    /// Decides everything
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Ordinary tickers
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = count, allow_negative_numbers = true)]
    pub tickers: u32,
    /// Add about twenty tickers that are each wrong in one known way
    #[arg(long)]
    pub faults: bool,
    /// Wait this long before each answer, e.g. 150ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub latency: Option<Duration>,
    /// Allow each address so many requests at each vendor, e.g. 5/s
    #[arg(long, value_name = "N/s", value_parser = rate, allow_hyphen_values = true)]
    pub limit: Option<f64>,
    /// Append every request to this file, in JSON lines
    #[arg(long = "log", id = "request_log", value_name = "FILE")]
    pub request_log: Option<PathBuf>,
}
