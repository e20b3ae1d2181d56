//! One file a command. Each reads its flags, does one thing through the library, prints results on stdout and says
//! how it ended.

pub mod calendar;
pub mod check_config;
pub mod cleanup;
pub mod context;
pub mod demo;
pub mod explain;
pub mod gateways;
pub mod indicators;
pub mod init_config;
pub mod inspect;
pub mod market;
pub mod price;
pub mod ranking;
pub mod scan;
pub mod scans;
pub mod status;
pub mod strategies;
pub mod trades;

mod housekeeping;
mod run_scan;
mod scan_target;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Scan(args) => scan::run(global, args).await,
        Command::Demo(args) => demo::run(global, args).await,
        Command::Market(args) => market::run(global, args).await,
        Command::Inspect(args) => inspect::run(global, args),
        Command::Calendar(args) => calendar::run(global, args),
        Command::Price(args) => price::run(global, args),
        Command::Indicators(args) => indicators::run(global, args),
        Command::Explain(args) => explain::run(global, args).await,
        Command::Ranking(args) => ranking::run(global, args).await,
        Command::Trades(args) => trades::run(global, args).await,
        Command::Status(args) => status::run(global, args).await,
        Command::Scans(args) => scans::run(global, args).await,
        Command::Gateways(args) => gateways::run(global, args).await,
        Command::Cleanup(args) => cleanup::run(global, args).await,
        Command::Strategies(args) => strategies::run(global, args),
        Command::CheckConfig => check_config::run(global),
        Command::InitConfig(args) => init_config::run(global, args),
    }
}
