//! The program `optionfleet-worker`: parse, log, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use fleet_telemetry::logs;
use fleet_worker::program::args::Cli;
use fleet_worker::program::failure::{Exit, Failure};
use fleet_worker::program::{asked, run, tell};

fn main() -> ExitCode {
    // First of all: one TLS provider a process, chosen before anything could choose another.
    fleet_scraper::install_crypto_provider();
    let cli = Cli::parse();
    let ended = started(&cli);
    let exit = match &ended {
        Ok(()) => Exit::Done,
        Err(failure) => {
            tell(&cli, failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn started(cli: &Cli) -> Result<(), Failure> {
    logs::start(&cli.log, asked::log_format(cli)).map_err(|error| Failure::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broken(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(run(cli))
}
