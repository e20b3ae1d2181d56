//! Settings become what a scan carries: the vendor plan, the limits, the manifest's template and the hash of everything
//! that changes the answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use fleet_core::domain::{DeliveryLimits, GatewayPlan, Manifest, ScanId, Vendor, VendorPlan, VendorRoute};

use super::{Rate, Settings, tree};

/// A vendor of chains by its word.
pub fn chain_vendor(word: &str) -> Option<Vendor> {
    match word {
        "cboe" => Some(Vendor::Cboe),
        "yahoo" => Some(Vendor::Yahoo),
        "robinhood" => Some(Vendor::Robinhood),
        _ => None,
    }
}

/// A vendor of bars by its word.
pub fn bars_vendor(word: &str) -> Option<Vendor> {
    match word {
        "yahoo" => Some(Vendor::Yahoo),
        "robinhood" => Some(Vendor::Robinhood),
        _ => None,
    }
}

/// Whether a scan of these settings asks Robinhood for anything: then whoever works on it needs a token.
#[must_use]
pub fn asks_robinhood(settings: &Settings) -> bool {
    let vendors = &settings.vendors;
    vendors.chain_order.iter().chain([&vendors.bars]).any(|word| word == Vendor::Robinhood.word())
}

/// What may be sent to a vendor in a second from this machine: min(total, per address × one egress); `None` is unlimited.
#[must_use]
pub fn budget_per_sec(settings: &Settings, vendor: Vendor) -> Option<f64> {
    let (per_address, total) = rates(settings, vendor);
    per_address.min(total).per_sec()
}

/// What a vendor bears in a second: from one address, and from all.
fn rates(settings: &Settings, vendor: Vendor) -> (Rate, Rate) {
    let vendors = &settings.vendors;
    match vendor {
        Vendor::Finviz => (vendors.finviz.per_address_per_sec, vendors.finviz.total_per_sec),
        Vendor::Cboe => (vendors.cboe.per_address_per_sec, vendors.cboe.total_per_sec),
        Vendor::Yahoo => (vendors.yahoo.per_address_per_sec, vendors.yahoo.total_per_sec),
        Vendor::Robinhood => (vendors.robinhood.per_address_per_sec, vendors.robinhood.total_per_sec),
    }
}

/// A plan whose requests go through these gateways of a set: budgets are the vendors' totals, and so much an address.
#[must_use]
pub fn through_gateways(settings: &Settings, plan: VendorPlan, set: String, names: Vec<String>) -> VendorPlan {
    let vendors = settings.gateways.routed();
    let per_address = |vendor: &Vendor| Some((*vendor, rates(settings, *vendor).0.per_sec()?));
    let per_address_per_sec = vendors.iter().filter_map(per_address).collect();
    let routes = plan.routes.into_iter().map(|route| match vendors.contains(&route.vendor) {
        true => VendorRoute { budget_per_sec: rates(settings, route.vendor).1.per_sec(), ..route },
        false => route,
    });
    let routes = routes.collect();
    let canary = settings.gateways.canaries();
    let gateways = Some(GatewayPlan { set, names, vendors, per_address_per_sec, canary });
    VendorPlan { routes, gateways, ..plan }
}

/// How each vendor is reached.
#[must_use]
pub fn vendor_plan(settings: &Settings) -> VendorPlan {
    let vendors = &settings.vendors;
    let minutes = |minutes: u32| i64::from(minutes) * 60;
    let route = |vendor, urls: &[(&str, &str)], max_quote_age_secs| VendorRoute {
        vendor,
        base_urls: urls.iter().map(|(host, url)| ((*host).to_owned(), (*url).to_owned())).collect::<BTreeMap<_, _>>(),
        budget_per_sec: budget_per_sec(settings, vendor),
        max_quote_age_secs,
    };
    let robinhood = asks_robinhood(settings).then(|| {
        let age = minutes(vendors.robinhood.max_quote_age_minutes);
        route(Vendor::Robinhood, &[("base", &vendors.robinhood.base)], age)
    });
    let others = [
        // A screener has no quotes that could be too old.
        route(Vendor::Finviz, &[("base", &vendors.finviz.base)], 0),
        route(Vendor::Cboe, &[("base", &vendors.cboe.base)], minutes(vendors.cboe.max_quote_age_minutes)),
        route(
            Vendor::Yahoo,
            &[("query", &vendors.yahoo.query), ("cookie", &vendors.yahoo.cookie)],
            minutes(vendors.yahoo.max_quote_age_minutes),
        ),
    ];
    VendorPlan {
        chain_order: vendors.chain_order.iter().filter_map(|word| chain_vendor(word)).collect(),
        // What check-config refuses is Yahoo here.
        bars: bars_vendor(&vendors.bars).unwrap_or(Vendor::Yahoo),
        // Who asks nothing of Robinhood has the plan, and the hash, of before it was there.
        routes: others.into_iter().chain(robinhood).collect(),
        identity: settings.identity.headers.clone(),
        max_bars_per_ticker: settings.bars.max_per_ticker,
        bar_sessions: settings.bars.sessions,
        underlying_bar_sessions: Some(underlying_bar_sessions(settings)),
        dte_window: settings.analysis.dte_window(),
        gateways: None,
    }
}

/// A contract's bars are looked at beside the underlying's of the same sessions: there must not be fewer of those.
fn underlying_bar_sessions(settings: &Settings) -> u32 {
    settings.bars.underlying_sessions.max(settings.bars.sessions)
}

/// The limits of one delivery.
#[must_use]
pub fn delivery_limits(settings: &Settings) -> DeliveryLimits {
    let limits = &settings.limits;
    DeliveryLimits {
        timeout_secs: limits.delivery_timeout_secs,
        max_attempts: limits.max_attempts,
        request_timeout_secs: limits.request_timeout_secs,
        request_tries: limits.request_tries,
        max_retry_after_secs: limits.max_retry_after_secs,
    }
}

/// The file of authorities to trust for vendors beside the public ones, if one is named.
#[must_use]
pub fn vendor_ca_file(settings: &Settings) -> Option<PathBuf> {
    let path = settings.tls.ca_file.trim();
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// A manifest without tickers. `universe` is the words that say what is covered: the filter, or the tickers.
#[must_use]
pub fn manifest_template(
    settings: &Settings,
    scan: &ScanId,
    universe: &str,
    as_of: Option<Timestamp>,
    deadline: Timestamp,
) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers: Vec::new(),
        as_of,
        // The analysis' settings are tables of plain numbers, which JSON always holds.
        facts: Default::default(),
        analysis: serde_json::to_value(&settings.analysis).unwrap_or_default(),
        vendors: vendor_plan(settings),
        limits: delivery_limits(settings),
        config_hash: config_hash(settings, universe),
        deadline,
    }
}

/// Hash of everything that changes the answer: `<configuration>-<universe>`, both the beginning of a SHA-256 in hex.
/// Budgets, time-outs, slots and the store change when an answer comes, not what it is.
#[must_use]
pub fn config_hash(settings: &Settings, universe: &str) -> String {
    format!("{}-{}", hex(&answer_settings(settings), 6), hex(universe, 4))
}

/// Our configuration with the universe of a stored hash: what a resumed scan must equal, whose universe is frozen.
#[must_use]
pub fn for_universe_of(stored: &str, settings: &Settings) -> String {
    let universe = stored.split_once('-').map_or("", |(_, universe)| universe);
    format!("{}-{universe}", hex(&answer_settings(settings), 6))
}

fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that changes the answer, as JSON with sorted keys.
fn answer_settings(settings: &Settings) -> String {
    let plan = vendor_plan(settings);
    let routes: BTreeMap<&str, _> = plan
        .routes
        .iter()
        .map(|route| (route.vendor.word(), json!({ "urls": route.base_urls, "age": route.max_quote_age_secs })))
        .collect();
    let answer = json!({
        "analysis": tree::to_tree(settings).as_object().map(|tables| {
            ["gates", "rates", "pricing", "costs", "coverage", "strategies", "ranking", "metrics"]
                .iter()
                .filter_map(|name| tables.get(*name).map(|table| (*name, table.clone())))
                .collect::<BTreeMap<_, _>>()
        }),
        "chain_order": settings.vendors.chain_order,
        "bars": settings.vendors.bars,
        "routes": routes,
        "max_bars_per_ticker": settings.bars.max_per_ticker,
        "bar_sessions": settings.bars.sessions,
        "underlying_bar_sessions": underlying_bar_sessions(settings),
        "earnings": settings.earnings.file,
        "holdings": settings.holdings.shares,
        "caps": [settings.caps.open_per_underlying, settings.caps.new_per_day],
    });
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_the_smaller_of_total_and_address() {
        let mut settings = Settings::default();
        assert_eq!(budget_per_sec(&settings, Vendor::Cboe), Some(2.0));
        settings.vendors.cboe.per_address_per_sec = Rate::Unlimited;
        assert_eq!(budget_per_sec(&settings, Vendor::Cboe), Some(10.0));
        settings.vendors.cboe.total_per_sec = Rate::Unlimited;
        assert_eq!(budget_per_sec(&settings, Vendor::Cboe), None);
    }

    #[test]
    fn gateways_buy_what_their_addresses_may_up_to_the_vendors_total() {
        let settings = Settings::default();
        let plan = |gateways: usize| {
            let names = (0..gateways).map(|n| format!("us-east-{n}")).collect();
            through_gateways(&settings, vendor_plan(&settings), "x-1".to_owned(), names)
        };
        let budget = |gateways, vendor| crate::scan::plan::budget_per_sec(&plan(gateways), vendor);
        for (gateways, cboe) in [(1, 2.0), (4, 8.0), (5, 10.0), (17, 10.0)] {
            assert_eq!(budget(gateways, Vendor::Cboe), Some(cboe), "{gateways} gateways");
        }
        let mut few = settings.clone();
        few.gateways.vendors = vec!["yahoo".to_owned()];
        let plan = through_gateways(&few, vendor_plan(&few), "x-1".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let budget = |vendor| crate::scan::plan::budget_per_sec(&plan, vendor);
        assert_eq!((budget(Vendor::Yahoo), budget(Vendor::Cboe)), (Some(4.0), Some(2.0)), "cboe is asked from here");
    }

    #[test]
    fn only_what_changes_the_answer_changes_the_hash() {
        let settings = Settings::default();
        let hash = config_hash(&settings, "filter");
        let changed = |change: fn(&mut Settings)| {
            let mut other = settings.clone();
            change(&mut other);
            config_hash(&other, "filter") != hash
        };
        assert!(changed(|s| s.analysis.gates.min_bid = 0.2));
        assert!(changed(|s| s.analysis.pricing.min_time_value_ticks = 2.0));
        assert!(changed(|s| s.analysis.ranking.enabled = true));
        assert!(changed(|s| s.caps.new_per_day = 11));
        assert!(changed(|s| s.vendors.cboe.base = "http://127.0.0.1:1".to_owned()));
        assert!(changed(|s| s.vendors.yahoo.max_quote_age_minutes = 36));
        assert!(!changed(|s| s.scan.slots = 2));
        assert!(!changed(|s| s.vendors.cboe.total_per_sec = Rate::PerSec(1.0)));
        assert!(!changed(|s| s.gateways.enabled = true));
        assert!(!changed(|s| s.store.url = "sqlite:elsewhere.db".to_owned()));
        assert_ne!(config_hash(&settings, "other"), hash);
        assert_eq!(for_universe_of(&hash, &settings), hash);
    }
}
