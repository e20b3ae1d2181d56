//! `demo`: one whole scan of a simulated market, on this machine, without a network.
//!
//! Promise: the same seed gives the same bytes on stdout, whatever the environment or the user's own configuration say
//! (a file named by --config is read).

use std::path::{Path, PathBuf};

use fleet_market::{MarketConfig, serve};
use fleet_telemetry::say;

use super::run_scan::Purpose;
use super::{context, market, run_scan, scan_target};
use crate::args::{DemoArgs, Global, ScanArgs};
use crate::at_start::AtStart;
use crate::config::{FlagValue, redacted};
use crate::failure::{Exit, Failure};
use crate::progress::Telling;
use crate::{interrupt, markets};

/// Runs it.
pub async fn run(global: &Global, args: &DemoArgs) -> Result<Exit, Failure> {
    let interrupted = interrupt::listen("handing tasks back, at most 10 s", None)?;
    let store_url = match &global.store {
        Some(url) => url.clone(),
        None => format!("sqlite:{}", store_file(args.keep.as_deref())?.display()),
    };
    let served = serve(MarketConfig { seed: args.seed, faults: args.faults, ..MarketConfig::default() })
        .await
        .map_err(|error| market::failure(&error))?;
    let settings = context::configure_apart(global, flags(&served.url(), &store_url, args))?.settings;
    let info = scan_target::ask_market(&served.url()).await?;
    let telling = Telling::of(global);
    let engines = markets::open(&settings, telling).await?;
    if !global.quiet {
        say!("simulated market at {}, seed {}; store: {}", served.url(), args.seed, redacted(&store_url));
    }
    let store = AtStart::of(engines.store.as_ref(), markets::patience(&settings)?, telling);
    let target = scan_target::decide(&ScanArgs::default(), &settings, &store, Some(&info)).await?;
    let prepared = run_scan::prepare(&settings, engines, target, Purpose::Scan, None)?;
    let again = "optionfleet demo   (the simulated market ended with this one)";
    let ended = run_scan::run(global, prepared, interrupted, again).await;
    served.stop().await;
    if ended.is_ok() && !global.quiet {
        say!("look further:  optionfleet trades --store {store_url}");
    }
    ended
}

/// The demo's configuration: everything at the market, as fast as it goes.
fn flags(market: &str, store: &str, args: &DemoArgs) -> Vec<FlagValue> {
    let flag = "demo";
    let rates = ["finviz", "cboe", "yahoo", "robinhood"].map(|vendor| match vendor {
        "finviz" => ["vendors.finviz.per_address_per_sec", "vendors.finviz.total_per_sec"],
        "cboe" => ["vendors.cboe.per_address_per_sec", "vendors.cboe.total_per_sec"],
        "robinhood" => ["vendors.robinhood.per_address_per_sec", "vendors.robinhood.total_per_sec"],
        _ => ["vendors.yahoo.per_address_per_sec", "vendors.yahoo.total_per_sec"],
    });
    let mut all = scan_target::market_flags(market, flag);
    all.extend(rates.concat().into_iter().map(|key| FlagValue { key, flag, value: "unlimited".into() }));
    all.push(FlagValue { key: "scan.label", flag, value: "demo".into() });
    all.push(FlagValue { key: "store.url", flag, value: store.into() });
    all.push(FlagValue { key: "queue.url", flag, value: "in-process".into() });
    // What the configuration says of gateways is about real vendors.
    all.push(FlagValue { key: "gateways.enabled", flag: "--gateways", value: args.gateways.into() });
    if args.gateways {
        all.push(FlagValue { key: "gateways.provider", flag, value: "simulated".into() });
        all.push(FlagValue { key: "gateways.test_url", flag, value: market.into() });
        all.push(FlagValue { key: "gateways.canary", flag, value: "".into() });
    }
    all.extend(args.top.map(|top| FlagValue { key: "scan.top", flag: "--top", value: top.into() }));
    all
}

/// A new store file: in the directory that was named, or in a new one among the temporary files.
fn store_file(keep: Option<&Path>) -> Result<PathBuf, Failure> {
    let directory = match keep {
        Some(directory) => directory.to_owned(),
        None => std::env::temp_dir().join(format!("optionfleet-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&directory)
        .map_err(|error| Failure::broken(format!("cannot make the directory {}: {error}", directory.display())))?;
    let file = directory.join("optionfleet.db");
    if !file.exists() {
        return Ok(file);
    }
    if keep.is_some() {
        return Err(Failure::usage(format!("{} holds a demo's store already", directory.display()))
            .hint("name another directory with --keep, or delete that file"));
    }
    // A process id that came round again: the old demo's store is of no use to anybody.
    std::fs::remove_file(&file)
        .map_err(|error| Failure::broken(format!("cannot remove {}: {error}", file.display())))?;
    Ok(file)
}
