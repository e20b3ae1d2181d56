//! Calculators, which need no store and no network: `calendar`, `price`, `indicators`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;

use super::values::{any_path, civil_date, instant, tick};

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
