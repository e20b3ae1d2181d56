//! What the flags of a scan mean: which universe, under which id, with which configuration, as of when.

use jiff::Timestamp;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{ScanId, ScanState, Ticker};
use fleet_core::seams::{Clock as _, SystemClock};
use fleet_scraper::simulated::{MarketInfo, market_info};
use serde_json::Value;

use crate::args::ScanArgs;
use crate::at_start::AtStart;
use crate::config::{FlagValue, Rate, Resolved, Settings, config_hash, for_universe_of, is_loopback, redacted};
use crate::failure::Failure;
use crate::naming::{self, Label, Slot};
use crate::scan::UniverseSource;
use crate::told_facts;
use crate::universe::{self, Universe};

/// Scans looked through for an unfinished one.
const RESUMABLE: u32 = 50;

/// What is scanned.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanTarget {
    /// Its id.
    pub scan: ScanId,
    /// Its tickers.
    pub universe: Universe,
    /// Tickers that were named on this command line, unless a stored scan's list counts.
    pub asked: Option<Vec<Ticker>>,
    /// Hash of what changes the answer.
    pub config_hash: String,
    /// A simulated market's clock, or the instant of recorded data; `None` for real vendors.
    pub as_of: Option<Timestamp>,
    /// What becomes of scans that earlier launches left unfinished.
    pub earlier: Earlier,
}

/// What becomes of scans that earlier launches of the same series left unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They are closed first, where their time is over.
    Close,
    /// Nothing: a person goes on with one that they chose.
    Leave,
}

/// The settings a scan's flags stand for.
#[must_use]
pub fn flags(args: &ScanArgs) -> Vec<FlagValue> {
    let mut flags = Vec::new();
    let mut add = |key, flag, value: Value| flags.push(FlagValue { key, flag, value });
    if let Some(filter) = &args.filter {
        add("scan.filter", "--filter", filter.clone().into());
    }
    if let Some(top) = args.top {
        add("scan.top", "--top", top.into());
    }
    if let Some(list) = &args.indicators {
        let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        add("indicators.shown", "--indicators", names.into());
    }
    if let Some(queue) = &args.queue {
        add("queue.url", "--queue", queue.clone().into());
    }
    if let Some(notify) = &args.notify {
        add("notify.to", "--notify", notify.clone().into());
    }
    if args.gateways {
        add("gateways.enabled", "--gateways", true.into());
    }
    if args.no_gateways {
        add("gateways.enabled", "--no-gateways", false.into());
    }
    if let Some(deadline) = args.deadline {
        add("scan.deadline_minutes", "--deadline", deadline.as_secs().div_ceil(60).into());
    }
    if let Some(market) = &args.market {
        flags.extend(market_flags(market, "--market"));
    }
    flags
}

/// Every base URL at a simulated market.
pub fn market_flags(market: &str, flag: &'static str) -> Vec<FlagValue> {
    let market = market.trim_end_matches('/');
    [
        ("vendors.finviz.base", "finviz"),
        ("vendors.cboe.base", "cboe"),
        ("vendors.yahoo.query", "yahoo"),
        ("vendors.yahoo.cookie", "yahoo-cookie"),
        ("vendors.robinhood.base", "robinhood"),
    ]
    .map(|(key, path)| FlagValue { key, flag, value: format!("{market}/{path}").into() })
    .to_vec()
}

/// A market's clock, seed and size.
pub async fn ask_market(url: &str) -> Result<MarketInfo, Failure> {
    market_info(url).await.map_err(|error| {
        Failure::broken(format!("no simulated market answers at {url}: {}", error.failure))
            .hint("start one with `optionfleet market`; it prints its URL")
    })
}

/// The store of a simulated market: beside the default one, by the market's port and seed.
#[must_use]
pub fn market_store(default_url: &str, market: &str, seed: u64) -> String {
    let directory = default_url.rsplit_once('/').map_or("sqlite:.", |(directory, _)| directory);
    let port: String = market.trim_end_matches('/').rsplit(':').next().unwrap_or_default().to_owned();
    let port: String = port.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{directory}/market-{port}-{seed}.db")
}

/// A market's URL, before four settings are made of it.
pub fn check_market(args: &ScanArgs) -> Result<(), Failure> {
    let Some(url) = &args.market else { return Ok(()) };
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || url.contains(char::is_whitespace) {
        return Err(Failure::usage(format!("--market is `{url}`; it must be http(s)://HOST"))
            .hint("`optionfleet market` prints the URL of the market it serves"));
    }
    Ok(())
}

/// A market on this very machine is asked as fast as it goes, unless a vendor's budget was configured.
pub fn unlimited_at_home(resolved: &mut Resolved, market: &str) {
    if !is_loopback(market) {
        return;
    }
    let vendors = &mut resolved.settings.vendors;
    for (name, per_address, total) in [
        ("finviz", &mut vendors.finviz.per_address_per_sec, &mut vendors.finviz.total_per_sec),
        ("cboe", &mut vendors.cboe.per_address_per_sec, &mut vendors.cboe.total_per_sec),
        ("yahoo", &mut vendors.yahoo.per_address_per_sec, &mut vendors.yahoo.total_per_sec),
        ("robinhood", &mut vendors.robinhood.per_address_per_sec, &mut vendors.robinhood.total_per_sec),
    ] {
        let configured = |key: &str| resolved.origins.contains_key(&format!("vendors.{name}.{key}"));
        if !configured("per_address_per_sec") && !configured("total_per_sec") {
            (*per_address, *total) = (Rate::Unlimited, Rate::Unlimited);
        }
    }
}

/// A market on this very machine is reached by gateways on it, unless others were configured.
pub fn simulated_at_home(resolved: &mut Resolved, market: &str) {
    let configured = ["provider", "aws_endpoint_url"].map(|key| format!("gateways.{key}"));
    // A simulated market has tickers of its own.
    if !resolved.origins.contains_key("gateways.canary") {
        resolved.settings.gateways.canary = String::new();
    }
    if is_loopback(market) && !configured.iter().any(|key| resolved.origins.contains_key(key)) {
        let gateways = &mut resolved.settings.gateways;
        gateways.provider = "simulated".to_owned();
        // What is not on this machine they do not reach.
        gateways.test_url = market.trim_end_matches('/').to_owned();
    }
}

/// Everything about the flags that can be wrong without asking anybody.
pub fn check_flags(args: &ScanArgs, settings: &Settings) -> Result<(), Failure> {
    universe(args, settings)?;
    slot(args)?;
    refuse_the_past_of_others(args, settings)?;
    told_facts::read(settings)?;
    match args.resume.as_deref() {
        None | Some("") => Ok(()),
        Some(id) => ScanId::parse(id).map(|_| ()).map_err(|error| Failure::usage(error.to_string())),
    }
}

/// A vendor answers for now, whatever a scan pretends.
fn refuse_the_past_of_others(args: &ScanArgs, settings: &Settings) -> Result<(), Failure> {
    let vendors = &settings.vendors;
    let asks = |vendor: &str| vendors.chain_order.iter().chain([&vendors.bars]).any(|name| name == vendor);
    let asks_finviz = args.tickers.is_none();
    let urls = [
        ("vendors.finviz.base", &vendors.finviz.base, asks_finviz),
        ("vendors.cboe.base", &vendors.cboe.base, asks("cboe")),
        ("vendors.yahoo.query", &vendors.yahoo.query, asks("yahoo")),
        ("vendors.yahoo.cookie", &vendors.yahoo.cookie, asks("yahoo")),
        ("vendors.robinhood.base", &vendors.robinhood.base, asks("robinhood")),
    ];
    let real = urls.into_iter().find(|(_, url, asked)| *asked && !is_loopback(url));
    match (args.as_of, real) {
        (Some(_), Some((key, url, _))) => Err(Failure::usage(format!(
            "--as-of is for data that this machine serves itself, and {key} is {}",
            redacted(url)
        ))
        .hint("without --as-of a scan is of now")),
        (Some(_), None) | (None, _) => Ok(()),
    }
}

fn universe(args: &ScanArgs, settings: &Settings) -> Result<Universe, Failure> {
    match &args.tickers {
        Some(text) => universe::from_tickers(text),
        None => {
            let label = Label::parse(&settings.scan.label).map_err(|error| Failure::usage(error.to_string()))?;
            Ok(universe::from_filter(&settings.scan.filter, label))
        }
    }
}

fn slot(args: &ScanArgs) -> Result<Option<Slot>, Failure> {
    args.slot.as_deref().map(Slot::parse).transpose().map_err(|error| Failure::usage(error.to_string()))
}

/// Decides what is scanned.
pub async fn decide(
    args: &ScanArgs,
    settings: &Settings,
    store: &AtStart<'_>,
    market: Option<&MarketInfo>,
) -> Result<ScanTarget, Failure> {
    let as_of = market.map(|info| info.now).or(args.as_of);
    let universe = universe(args, settings)?;
    // Two markets on one port are two universes.
    let words = match market {
        Some(info) => format!("{} of simulated market {}", universe.words, info.seed),
        None => match args.as_of {
            Some(as_of) => format!("{} as of {as_of}", universe.words),
            None => universe.words.clone(),
        },
    };
    let config_hash = config_hash(settings, &words);
    if let Some(resume) = &args.resume {
        let (scan, config_hash) = resumed(resume, store, settings, config_hash).await?;
        return Ok(ScanTarget { scan, universe, asked: None, config_hash, as_of, earlier: Earlier::Leave });
    }
    let asked = match &universe.source {
        UniverseSource::Tickers(tickers) => Some(tickers.clone()),
        UniverseSource::Screener { .. } => None,
    };
    let slot = slot(args)?;
    let scan = naming::scan_id(&universe.label, slot.as_ref(), as_of.unwrap_or_else(|| SystemClock.now()));
    Ok(ScanTarget { scan, universe, asked, config_hash, as_of, earlier: Earlier::Close })
}

/// A simulated market whose clock moved on cannot answer for the instant a scan pretends to be at. A scan that has all
/// its answers asks no more.
pub async fn refuse_a_later_market(
    scan: &ScanId,
    store: &AtStart<'_>,
    market: Option<&MarketInfo>,
) -> Result<(), Failure> {
    let Some(info) = market else { return Ok(()) };
    if store.ask(async |store| store.scan_state(scan).await).await? >= Some(ScanState::Sealed) {
        return Ok(());
    }
    match store.ask(async |store| store.manifest(scan).await).await?.and_then(|manifest| manifest.as_of) {
        Some(as_of) if as_of != info.now => Err(Failure::usage(format!(
            "the market's clock moved on since {scan} began (from {} to {} New York)",
            new_york_text(as_of),
            new_york_text(info.now)
        ))
        .hint("begin a new one: without --resume, or with another --slot")),
        Some(_) | None => Ok(()),
    }
}

/// The scan to go on with, and our hash of it: once its manifest is frozen its universe is, whatever the flags say.
async fn resumed(
    id: &str,
    store: &AtStart<'_>,
    settings: &Settings,
    config_hash: String,
) -> Result<(ScanId, String), Failure> {
    let scan = if id.is_empty() {
        let newest = store.ask(async |store| store.list_scans(RESUMABLE).await).await?;
        let unfinished = newest.into_iter().find(|scan| scan.state != ScanState::Done);
        unfinished.map(|summary| summary.scan).ok_or_else(|| {
            Failure::usage("there is nothing to resume: every scan in the store is finished")
                .hint("`optionfleet scans` lists them; without --resume a new scan begins")
        })?
    } else {
        let scan = ScanId::parse(id).map_err(|error| Failure::usage(error.to_string()))?;
        if store.ask(async |store| store.scan_state(&scan).await).await?.is_none() {
            return Err(
                Failure::usage(format!("there is no scan {scan} in the store")).hint("`optionfleet scans` lists them")
            );
        }
        scan
    };
    let hash = match store.ask(async |store| store.manifest(&scan).await).await? {
        Some(manifest) => for_universe_of(&manifest.config_hash, settings),
        None => config_hash,
    };
    Ok((scan, hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EnvironmentVariable, Layers, budget_per_sec, resolve};
    use fleet_core::domain::Vendor;

    #[test]
    fn a_market_on_this_machine_has_no_budgets_but_configured_ones() {
        let variable =
            EnvironmentVariable { name: "OPTIONFLEET_VENDORS__CBOE__TOTAL_PER_SEC".to_owned(), value: "5".to_owned() };
        let layers = Layers { environment: vec![variable], ..Layers::default() };
        let check = |market, yahoo, cboe| {
            let mut resolved = resolve(&layers).unwrap();
            unlimited_at_home(&mut resolved, market);
            assert_eq!(budget_per_sec(&resolved.settings, Vendor::Yahoo), yahoo, "{market}");
            assert_eq!(budget_per_sec(&resolved.settings, Vendor::Cboe), cboe, "{market}");
        };
        check("http://127.0.0.1:8600", None, Some(2.0));
        check("http://example.org", Some(2.0), Some(2.0));
    }

    #[test]
    fn a_market_has_a_store_of_its_own_beside_the_default_one() {
        let check = |market, expected: &str| {
            assert_eq!(market_store("sqlite:~/.local/share/optionfleet/optionfleet.db", market, 7), expected);
        };
        check("http://127.0.0.1:8600", "sqlite:~/.local/share/optionfleet/market-8600-7.db");
        check("http://127.0.0.1:8600/", "sqlite:~/.local/share/optionfleet/market-8600-7.db");
        assert_eq!(market_store("sqlite:x.db", "http://127.0.0.1:1", 2), "sqlite:./market-1-2.db");
    }
}
