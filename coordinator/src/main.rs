//! The program `optionfleet`: parse, configure, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use fleet_coordinator::args::Cli;
use fleet_coordinator::commands;
use fleet_coordinator::failure::{Exit, Failure};

fn main() -> ExitCode {
    // First of all: one TLS provider a process, chosen before anything could choose another.
    fleet_scraper::install_crypto_provider();
    let cli = Cli::parse();
    let ended = start_logging(&cli.global.log).and_then(|()| run(cli));
    let exit = ended.unwrap_or_else(|failure| {
        eprint!("{}", failure.text());
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broken(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(commands::run(cli))
}

fn start_logging(filter: &str) -> Result<(), Failure> {
    // An empty variable is as good as none.
    let filter = if filter.trim().is_empty() { "error" } else { filter };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| {
        Failure::usage(format!("`{filter}` is not a log filter: {error}")).hint("for example --log fleet_scraper=debug")
    })?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
