//! `market`: serves the simulated market until Ctrl-C.

use std::time::Duration;

use fleet_market::{MarketConfig, MarketError, serve};
use fleet_telemetry::say;

use crate::args::{Global, MarketArgs};
use crate::failure::{Exit, Failure, chain};
use crate::{interrupt, output};

/// Serves it; stdout has its URL and nothing else.
pub async fn run(global: &Global, args: &MarketArgs) -> Result<Exit, Failure> {
    let mut interrupted = interrupt::listen("stopping", None)?;
    let config = MarketConfig {
        listen: args.listen,
        seed: args.seed,
        tickers: args.tickers,
        faults: args.faults,
        latency: args.latency.unwrap_or(Duration::ZERO),
        limit_per_sec: args.limit,
        log: args.request_log.clone(),
        ..MarketConfig::default()
    };
    let market = serve(config).await.map_err(|error| failure(&error))?;
    output::print(&format!("{}\n", market.url()))?;
    if !global.quiet {
        say!("simulated market, seed {}; try: optionfleet scan --market {}", args.seed, market.url());
        say!("its clock: curl -X POST '{}/_market/advance?sessions=1'; Ctrl-C stops it", market.url());
    }
    interrupt::wait(&mut interrupted).await;
    let requests = market.requests();
    market.stop().await;
    if !global.quiet {
        say!("{requests} requests were answered");
    }
    Ok(Exit::Done)
}

/// A market that cannot be served.
#[must_use]
pub fn failure(error: &MarketError) -> Failure {
    let message = chain(error);
    match error {
        MarketError::Setting(_) => Failure::usage(message),
        MarketError::AddressInUse(_) | MarketError::Listen { .. } | MarketError::Log { .. } => Failure::broken(message),
    }
}
