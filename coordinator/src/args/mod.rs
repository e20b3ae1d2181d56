//! What may be typed, a file for each group of commands. Every help text ends with an example that works.

mod calculators;
mod gateways;
mod scan;
mod setup;
mod stored;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fleet_telemetry::LogFormat;

pub use calculators::{CalendarArgs, IndicatorsArgs, PriceArgs};
pub use gateways::{CleanupArgs, GatewaysArgs, GatewaysCommand};
pub use scan::{DemoArgs, MarketArgs, ScanArgs};
pub use setup::{InitConfigArgs, InspectArgs, StrategiesArgs};
pub use stored::{ExplainArgs, ListArgs, RankingArgs, ScansArgs, ScansCommand, StatusArgs, TradesArgs, TradesCommand};
use values::{any_path, log_format};

/// Which few of several hundred thousand listed option contracts are worth a look now, by their own price history.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "optionfleet",
    version,
    max_term_width = 100,
    after_help = "Try it without a network:  optionfleet demo\n\nExit codes: 0 done, 1 broken environment, 2 usage or market closed, 3 done but some tickers failed,\n4 done but something of its gateways may be left, 5 another run holds the scan, 130 interrupted."
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
