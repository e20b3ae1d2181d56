//! What may be typed. Every help text ends with an example that works.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use fleet_telemetry::LogFormat;
use fleet_worker::program::times::duration;

/// Which few of several hundred thousand listed option contracts are worth a look now, by their own price history.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "optionfleet",
    version,
    max_term_width = 100,
    after_help = "Try it without a network:  optionfleet demo\n\nExit codes: 0 done, 1 broken environment, 2 usage or market closed, 3 done but some tickers failed,\n5 another run holds the scan, 130 interrupted."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Configuration file [default: ~/.config/optionfleet/optionfleet.toml, if it is there]
    #[arg(long, global = true, value_name = "PATH", env = "OPTIONFLEET_CONFIG", value_parser = any_path())]
    pub config: Option<PathBuf>,
    /// Where scans and trades live: sqlite:PATH, or redis://HOST for a fleet (also from OPTIONFLEET_STORE)
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
    /// No progress on stderr; errors are still told
    #[arg(long, global = true)]
    pub quiet: bool,
    /// What to log on stderr, e.g. `info` or `fleet_scraper=debug` (stands before the command)
    #[arg(long, value_name = "FILTER", env = "OPTIONFLEET_LOG", default_value = "error")]
    pub log: String,
    /// Form of the log on stderr: text, or json for machines (stands before the command)
    #[arg(long, value_name = "FORM", env = "OPTIONFLEET_LOG_FORMAT", value_parser = log_format, default_value = "text")]
    pub log_format: LogFormat,
    /// Form of the results on stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, at most 100 columns.
    Table,
    /// For programs, versioned.
    Json,
    /// For spreadsheets: the rows only.
    Csv,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Scan a universe once and print what is worth a look
    Scan(ScanArgs),
    /// Scan a simulated market: no network, nothing to install
    Demo(DemoArgs),
    /// Serve the simulated market until Ctrl-C
    Market(MarketArgs),
    /// Say what is understood of recorded vendor bodies
    Inspect(InspectArgs),
    /// Sessions, closing times and option expirations of some dates
    Calendar(CalendarArgs),
    /// Option prices, implied volatilities and greeks, from a file or from flags
    Price(Box<PriceArgs>),
    /// Technical indicators of bars from a file, by name
    Indicators(IndicatorsArgs),
    /// Everything the newest scan knows of one contract
    Explain(ExplainArgs),
    /// The contracts the newest scan ranked, best first (with ranking.enabled)
    Ranking(RankingArgs),
    /// Paper trades: list, show, ignore, close
    Trades(TradesArgs),
    /// Where a scan stands: state, workers, backlog, budgets, expected end
    Status(StatusArgs),
    /// Scans in the store: list, prune
    Scans(ScansArgs),
    /// Gateways to ask vendors through: up, list, down, test
    Gateways(GatewaysArgs),
    /// Find what runs that died left of gateways, and delete it
    Cleanup(CleanupArgs),
    /// What strategies there are, which of them run, and what each wants to know
    Strategies(StrategiesArgs),
    /// Print the configuration in force, or every mistake in it
    #[command(after_help = "Example:  optionfleet check-config --config my.toml")]
    CheckConfig,
    /// Write a configuration file with every option, its default and its reason
    #[command(after_help = "Example:  optionfleet init-config ./optionfleet.toml")]
    InitConfig(InitConfigArgs),
}

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
    /// Ask vendors through gateways in several Regions, made before and deleted after ([gateways] in the configuration)
    #[arg(long)]
    pub gateways: bool,
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

/// `inspect`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:  optionfleet inspect saved-page.html chain.json")]
pub struct InspectArgs {
    /// Recorded bodies
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What they are; detected where it is not given
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
}

/// `calendar`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet calendar --from 2026-11-20 --to 2026-12-31
  optionfleet calendar --from 2026-01-01 --to 2026-12-31 --format csv")]
pub struct CalendarArgs {
    /// First date, e.g. 2026-11-20; the calendar knows 2000-01-01 to 2035-12-31
    #[arg(long, value_name = "DATE", value_parser = civil_date)]
    pub from: Date,
    /// Last date, included
    #[arg(long, value_name = "DATE", value_parser = civil_date)]
    pub to: Date,
}

/// `price`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet price --kind put --spot 100 --strike 95 --years .25 --vol .30 --rate .04
  optionfleet price --symbol AAPL270319C00250000 --spot 248.10 --price 14.85 --rate .04 --yield .004
  optionfleet price --symbol SPXW270618C06500000 --forward 6512 --price 195 --rate .04
  optionfleet price --symbol KO270618C00070000 --spot 72 --vol .2 --rate .04 --dividend 2027-03-12:1
  optionfleet price contracts.csv --rate .04 --format csv > priced.csv
  optionfleet price - --kind put --style european --years .5 --rate 0 --format json < contracts.csv

A file is CSV with a heading that names its columns, in any order: symbol, kind (call, put), style (american, european), root, spot, forward, strike, years, expiration, vol, price, rate, yield; as flags they hold for every row. Other columns are carried over. Wanted of each row: kind, strike, spot or forward, years or expiration, rate, and vol or price; a symbol tells root, expiration, kind and strike. Rates, yields and vols are annual fractions (.045 is 4.5 %), rates and yields continuous; a missing yield is 0. With a spot and a forward the yield is what brings one to the other. With vol and price both, everything is of the vol, and iv of the price. Contracts are American unless style or root says otherwise. An expiration counts to its settlement: the session's close, or the open for monthly index contracts (root SPX, NDX, RUT, DJX, VIX).

Contracts of the same kind, spot, years, rate and yield share their exercise boundaries in blocks of 8192 rows, which changes a price by less than 3e-4 at spot 100. Theta is per calendar day, vega and rho per point (.01); dollars are per share. Probabilities are those of the European formula, risk-neutral.

A row that cannot be priced keeps its place, with the reason in the last column; there too is what must be known of the others: an expiration on which nothing expires, dividends that are none of the contract's. Numbers of CSV are unrounded, below 1e-6 in the form 7.2e-201. Exit codes: 0 every row was understood (a price that tells no volatility has a reason all the same), 2 the file or a flag was not, 3 some rows were not.")]
pub struct PriceArgs {
    /// The contracts: a CSV file, or - for standard input
    #[arg(value_name = "FILE|-", value_parser = any_path())]
    pub contracts: Option<PathBuf>,
    /// OCC symbol, e.g. AAPL270319C00250000: root, expiration, kind and strike at once
    #[arg(long, value_name = "OCC")]
    pub symbol: Option<String>,
    /// call or put
    #[arg(long)]
    pub kind: Option<String>,
    /// american or european [default: american, but european for the roots of European index options]
    #[arg(long)]
    pub style: Option<String>,
    /// Root, e.g. SPX, where only an expiration is given: it tells style and settlement
    #[arg(long)]
    pub root: Option<String>,
    /// Price of the underlying, dollars
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub spot: Option<String>,
    /// Forward price for the expiration, dollars
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub forward: Option<String>,
    /// Strike, dollars
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub strike: Option<String>,
    /// Years of 365 days to settlement
    #[arg(long, value_name = "YEARS", allow_hyphen_values = true)]
    pub years: Option<String>,
    /// Expiration, e.g. 2026-12-18; counted from --as-of
    #[arg(long, value_name = "DATE")]
    pub expiration: Option<String>,
    /// Volatility, annual fraction: gives a price
    #[arg(long, value_name = "FRACTION", allow_hyphen_values = true)]
    pub vol: Option<String>,
    /// Price, dollars per share: gives a volatility
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub price: Option<String>,
    /// Continuous risk-free rate, annual fraction
    #[arg(long, value_name = "FRACTION", allow_hyphen_values = true)]
    pub rate: Option<String>,
    /// Continuous dividend yield, annual fraction [default: 0]
    #[arg(long = "yield", value_name = "FRACTION", allow_hyphen_values = true)]
    pub yield_: Option<String>,
    /// A cash dividend by its ex-date, e.g. 2027-02-09:0.25 (American contracts only; may be repeated; a millisecond and more a contract)
    #[arg(long = "dividend", value_name = "DATE:DOLLARS")]
    pub dividends: Vec<String>,
    /// The instant from which expirations and dividends count, e.g. 2026-11-20T15:30:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub as_of: Option<Timestamp>,
    /// A price within so many dollars of its lower bound tells no volatility
    #[arg(long, value_name = "DOLLARS", default_value_t = 0.01, value_parser = tick, allow_hyphen_values = true)]
    pub tick: f64,
}

/// `indicators`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet indicators rsi:14 macd bbands:20:2 --bars bars.csv
  optionfleet indicators sma:50:price=volume kc:nbdev=1.5 --bars - --format json < bars.csv
  optionfleet indicators --list

The bars are CSV with a heading: date (2026-11-20), open, high, low, close, volume, in any order, oldest first; other \
columns are passed over, and columns nothing asks for may be missing. A bar without a price or with a volume of 0 is \
absent: it stays empty and counts in no window. The results are CSV, or JSON.")]
pub struct IndicatorsArgs {
    /// What to compute: a name, then its parameters in order or by name
    #[arg(value_name = "NAME[:VALUE…]", required_unless_present = "list")]
    pub specs: Vec<String>,
    /// The bars: a CSV file, or - for standard input
    #[arg(long, value_name = "FILE|-", required_unless_present = "list")]
    pub bars: Option<PathBuf>,
    /// List every indicator with its parameters
    #[arg(long, conflicts_with_all = ["specs", "bars"])]
    pub list: bool,
}

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

/// `strategies`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet strategies
  optionfleet strategies cheap_iv     # one, with its settings and where they come from")]
pub struct StrategiesArgs {
    /// One of them only, with its settings: a name or a code
    pub name: Option<String>,
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

/// `gateways`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  optionfleet gateways up --keep 2h      # the next scans --gateways use them
  optionfleet gateways test
  optionfleet gateways down")]
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

/// `init-config`
#[derive(Debug, Clone, Args)]
pub struct InitConfigArgs {
    /// Where to [default: ~/.config/optionfleet/optionfleet.toml]
    pub path: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

/// A path, also an empty one: an empty variable is as good as none.
fn any_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Reads the time gateways are kept.
fn keeping(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > Duration::from_secs(86_400) {
        return Err("gateways are kept for more than nothing and at most 24h, e.g. 2h".to_owned());
    }
    Ok(time)
}

/// Reads the time a scan may take.
fn deadline(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > Duration::from_secs(86_400) {
        return Err("a deadline is more than nothing and at most 24h, e.g. 20m".to_owned());
    }
    Ok(time)
}

/// Reads a whole number up to the largest of 64 bits.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is wanted", u64::MAX))
}

/// Reads a whole number up to the largest of 32 bits.
fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is wanted", u32::MAX))
}

/// Reads `text` or `json`; an empty variable is as good as none.
fn log_format(text: &str) -> Result<LogFormat, String> {
    match text.trim() {
        "" | "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json is wanted".to_owned()),
    }
}

/// Reads `2026-11-20T15:00:00Z`.
fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "an instant such as 2026-11-20T15:00:00Z is wanted".to_owned())
}

/// Reads `2026-11-20`, and nothing else that could be taken for a date.
fn civil_date(text: &str) -> Result<Date, String> {
    const WANTED: &str = "a date such as 2026-11-20 is wanted";
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_plain {
        return Err(WANTED.to_owned());
    }
    text.parse().map_err(|_| WANTED.to_owned())
}

/// Reads `0.01`; 0 is a tick too.
fn tick(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    number.ok_or_else(|| "dollars of at least 0 are wanted, such as 0.01".to_owned())
}

/// Reads `5/s`.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok();
    number.filter(|n| n.is_finite() && *n > 0.0).ok_or_else(|| "a rate such as 5/s is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[track_caller]
    fn check_refused(line: &str, part: &str) {
        let text = parse(line).expect_err("it was accepted").to_string();
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = parse("optionfleet scan --tickers AAPL --store sqlite:x.db --format json --quiet").unwrap();
        assert_eq!(cli.global.store.as_deref(), Some("sqlite:x.db"));
        assert_eq!(cli.global.format, Format::Json);
        assert!(cli.global.quiet);
    }

    #[test]
    fn resume_takes_an_id_or_none() {
        let resume = |line| match parse(line).unwrap().command {
            Command::Scan(args) => args.resume,
            _ => panic!("no scan"),
        };
        assert_eq!(resume("optionfleet scan"), None);
        assert_eq!(resume("optionfleet scan --resume").as_deref(), Some(""));
        assert_eq!(resume("optionfleet scan --resume x-20261120-1000").as_deref(), Some("x-20261120-1000"));
        assert_eq!(resume("optionfleet scan --resume --quiet").as_deref(), Some(""));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check_refused("optionfleet scan --tickers A --filter b", "cannot be used with");
        check_refused("optionfleet scan --slot 1000 --resume", "cannot be used with");
        check_refused("optionfleet scan --deadline soon", "a time such as");
        check_refused("optionfleet scan --deadline 0s", "for '--deadline <TIME>': a deadline is more than nothing");
        check_refused("optionfleet scan --deadline 25h", "at most 24h");
        check_refused("optionfleet scan --as-of 2026-11-20", "an instant such as 2026-11-20T15:00:00Z is wanted");
        check_refused("optionfleet scan --as-of 2026-11-20T15:00:00Z --market http://h", "cannot be used with");
        check_refused("optionfleet inspect", "required");
        check_refused("optionfleet market --limit fast", "a rate such as 5/s");
    }

    #[test]
    fn numbers_below_nothing_are_told_their_range() {
        let seeds = "a whole number from 0 to 18446744073709551615 is wanted";
        let counts = "a whole number from 0 to 4294967295 is wanted";
        check_refused("optionfleet demo --seed -1", seeds);
        check_refused("optionfleet demo --seed 18446744073709551616", seeds);
        check_refused("optionfleet market --seed -1", seeds);
        check_refused("optionfleet market --tickers -1", counts);
        check_refused("optionfleet scan --top -1", counts);
        check_refused("optionfleet demo --top 1.5", counts);
        check_refused("optionfleet ranking --top -1", counts);
        check_refused("optionfleet trades --limit -1", counts);
        check_refused("optionfleet market --latency -5ms", "a time such as");
        check_refused("optionfleet market --limit -1", "a rate such as 5/s");
        check_refused("optionfleet scan --deadline -5m", "a time such as");
        check_refused("optionfleet scans prune --older-than -3d", "a time such as");
        check_refused("optionfleet gateways up --keep -2h", "a time such as");
    }
}
