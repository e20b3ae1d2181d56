//! The program `optionfleet`: parse, configure, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use fleet_coordinator::args::Cli;
use fleet_coordinator::commands;
use fleet_coordinator::failure::{Exit, Failure};
use fleet_telemetry::say;

fn main() -> ExitCode {
    // First of all: one TLS provider a process, chosen before anything could choose another.
    fleet_scraper::install_crypto_provider();
    let cli = Cli::parse();
    let ended = start_logging(&cli).and_then(|()| run(cli));
    let exit = ended.unwrap_or_else(|failure| {
        say!("optionfleet: {}", failure.text());
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The store and the analysis: more threads than these only cost memory, each its own piece of the heap.
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(|error| Failure::broken(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(commands::run(cli))
}

fn start_logging(cli: &Cli) -> Result<(), Failure> {
    fleet_telemetry::logs::start(&cli.global.log, cli.global.log_format).map_err(|bad| Failure::usage(bad.to_string()))
}
