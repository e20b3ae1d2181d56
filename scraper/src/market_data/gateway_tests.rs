//! Through real gateways (the simulated market's) to a simulated market that counts, limits, freezes and truncates.

mod canaries;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use fleet_core::domain::{CanaryPlan, GatewayEndpoint, GatewayKey, GatewayPlan};
use fleet_core::seams::MemoryEndpoints;
use fleet_gateways::openapi;
use fleet_gateways::spec::{GatewaySpec, Route};
use fleet_market::{GatewayConfig, LimitBy, MarketConfig, RunningGateway, RunningMarket, Spoil, serve_gateway};
use futures::future::join_all;
use jiff::civil::date;
use url::Url;

use super::*;
use crate::identity::default_identity;
use crate::simulated::routes;
use crate::test_support::MemoryBudgets;

const LIMITS: DeliveryLimits = DeliveryLimits {
    timeout_secs: 120,
    max_attempts: 5,
    request_timeout_secs: 20,
    request_tries: 4,
    max_retry_after_secs: 30,
};
const KEY: &str = "k3y-of-this-test";
const ROTATED: [Vendor; 3] = [Vendor::Finviz, Vendor::Cboe, Vendor::Yahoo];

/// A market and gateways in front of it.
struct World {
    market: RunningMarket,
    gateways: Vec<RunningGateway>,
    endpoints: Arc<MemoryEndpoints>,
    /// The description of each gateway.
    openapi: String,
    tickers: Vec<Ticker>,
}

/// What the plan of a test says.
struct Wanted {
    /// Requests a second to Yahoo over all gateways, and over each.
    yahoo: Option<(f64, f64)>,
    canary_every: Option<u32>,
}

const UNLIMITED: Wanted = Wanted { yahoo: None, canary_every: None };

/// The address of the n-th gateway, from 0.
fn address(n: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 10 + u8::try_from(n).unwrap()))
}

fn name(n: usize) -> String {
    format!("region-{n:02}")
}

impl World {
    async fn new(gateways: usize, config: MarketConfig) -> Self {
        let market = fleet_market::serve(config).await.unwrap();
        let mut spec = Vec::new();
        for route in routes(&market.url()) {
            for (key, base) in &route.base_urls {
                let name = fleet_core::domain::gateway::route_name(route.vendor, key);
                spec.push(Route::new(&name, base).unwrap());
            }
        }
        let openapi = openapi::body(&GatewaySpec::new(spec).unwrap()).as_str().to_owned();
        let mut running = Vec::new();
        let mut told = Vec::new();
        for n in 0..gateways {
            let IpAddr::V4(source) = address(n) else { unreachable!("loopback is IPv4 here") };
            let config = GatewayConfig { source, key: KEY.to_owned(), openapi: openapi.clone(), limit_per_sec: None };
            let gateway = serve_gateway(config).await.unwrap();
            let (name, base_url) = (name(n), gateway.base_url());
            told.push(GatewayEndpoint { name, base_url, api_key: GatewayKey::new(KEY.to_owned()) });
            running.push(gateway);
        }
        let endpoints = Arc::new(MemoryEndpoints::default());
        endpoints.tell("set", told);
        let direct = plan(&market, None);
        let universe = VendorMarket::new(
            &direct,
            LIMITS,
            Arc::new(MemoryBudgets::default()),
            endpoints.clone(),
            TlsSettings::default(),
        );
        let answer = universe.unwrap().universe("v=111", &RequestTally::default()).await.unwrap();
        Self { market, gateways: running, endpoints, openapi, tickers: answer.tickers }
    }

    /// Another process of the scan.
    fn vendors(&self, wanted: &Wanted) -> VendorMarket {
        self.vendors_with(wanted, Arc::new(MemoryBudgets::default()))
    }

    /// Another process that draws from these budgets.
    fn vendors_with(&self, wanted: &Wanted, budgets: Arc<MemoryBudgets>) -> VendorMarket {
        let canary = wanted.canary_every.map(|every_requests| CanaryPlan {
            ticker: self.tickers[0].clone(),
            every_requests,
            lag_secs: 0,
        });
        let gateways = GatewayPlan {
            set: "set".to_owned(),
            names: (0..self.gateways.len()).map(name).collect(),
            vendors: ROTATED.to_vec(),
            per_address_per_sec: wanted.yahoo.map(|(_, each)| (Vendor::Yahoo, each)).into_iter().collect(),
            canary,
        };
        let mut plan = plan(&self.market, Some(gateways));
        for route in plan.routes.iter_mut().filter(|route| route.vendor == Vendor::Yahoo) {
            route.budget_per_sec = wanted.yahoo.map(|(total, _)| total);
        }
        VendorMarket::new(&plan, LIMITS, budgets, self.endpoints.clone(), TlsSettings::default()).unwrap()
    }

    /// Requests that came to the market past the gateways.
    fn direct(&self) -> u64 {
        let through: u64 = self.gateways.iter().map(RunningGateway::requests).sum();
        // The universe of the preparation came directly.
        self.market.requests() - (self.tickers.len() as u64).div_ceil(20) - through
    }

    async fn advance(&self, minutes: u32) {
        let client = Clients::new(&TlsSettings::default()).unwrap();
        let url = Url::parse(&format!("{}/_market/advance?minutes={minutes}", self.market.url())).unwrap();
        let answer = client.client_for(&url).post(url.clone()).send().await.unwrap();
        assert!(answer.status().is_success());
    }
}

fn plan(market: &RunningMarket, gateways: Option<GatewayPlan>) -> VendorPlan {
    VendorPlan {
        chain_order: vec![Vendor::Cboe, Vendor::Yahoo],
        bars: Vendor::Yahoo,
        routes: routes(&market.url()),
        identity: default_identity(),
        max_bars_per_ticker: 12,
        bar_sessions: 130,
        underlying_bar_sessions: None,
        dte_window: (0, 60),
        gateways,
    }
}

fn as_of() -> Timestamp {
    fleet_market::start()
}

fn want() -> ChainRequest {
    ChainRequest { as_of: Some(as_of()), dte_window: (0, 30), also: std::collections::BTreeSet::new() }
}

/// A few bars: the cheapest answer there is.
async fn few_bars(vendors: &VendorMarket, ticker: &Ticker, tally: &RequestTally) -> Result<BarSeries, FetchError> {
    vendors.bars(&Instrument::Underlying(ticker.clone()), date(2026, 11, 18), as_of(), tally).await
}

/// So many requests for bars, sixteen at a time; failures by word.
async fn many_bars(world: &World, vendors: &VendorMarket, requests: usize, tally: &RequestTally) -> Vec<&'static str> {
    let slots = 16;
    let of_slot = |slot: usize| async move {
        let mut failures = Vec::new();
        for n in (slot..requests).step_by(slots) {
            let ticker = &world.tickers[n % world.tickers.len()];
            // Another range each time, as other underlyings would be.
            let from = date(2026, 11, 18).saturating_sub(jiff::Span::new().days(i64::try_from(n % 97).unwrap()));
            let instrument = Instrument::Underlying(ticker.clone());
            if let Err(error) = vendors.bars(&instrument, from, as_of(), tally).await {
                failures.push(error.failure.word());
            }
        }
        failures
    };
    join_all((0..slots).map(of_slot)).await.concat()
}

fn errors(tally: &RequestTally) -> u32 {
    tally.counts().gateways.values().map(|used| used.errors).sum()
}

fn rate(vendors: &VendorMarket, vendor: Vendor) -> Option<f64> {
    vendors.fetcher.egress.budget(vendor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_through_gateways_in_turn_and_nothing_directly() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let config = MarketConfig { tickers: 24, log: Some(log.path().to_owned()), ..MarketConfig::default() };
    let world = World::new(3, config).await;
    let vendors = world.vendors(&UNLIMITED);
    let tally = RequestTally::default();
    vendors.universe("v=111", &tally).await.unwrap();
    for ticker in &world.tickers[..6] {
        vendors.chain(ticker, &want(), &tally).await.unwrap();
        few_bars(&vendors, ticker, &tally).await.unwrap();
    }
    assert_eq!(world.direct(), 0);
    let counts = tally.counts();
    let used: Vec<u32> = counts.gateways.values().map(|used| used.requests).collect();
    assert_eq!((used.len(), used.iter().sum::<u32>()), (3, counts.total()));
    assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= 3, "each vendor takes turns: {used:?}");
    assert!(counts.gateways.values().all(|used| used.answered == used.requests && used.errors == 0), "{counts:?}");

    // What the vendor saw: an identity of each gateway's own, no key, no client address, the gateway's address.
    let text = std::fs::read_to_string(log.path()).unwrap();
    let mut agents = BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    for line in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        let peer = line["peer"].as_str().unwrap().split(':').next().unwrap().to_owned();
        if peer == "127.0.0.1" {
            continue;
        }
        let header = |name: &str| line["headers"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!((header("x-api-key").as_str(), header("x-forwarded-for").as_str()), ("-", "-"), "{line}");
        assert!(!header("x-amzn-apigateway-api-id").is_empty(), "a real gateway names itself");
        agents.entry(peer).or_default().insert(header("user-agent"));
    }
    assert!(!text.contains(KEY), "the key reached the vendor");
    assert_eq!(agents.len(), 3, "{agents:?}");
    assert!(agents.values().all(|agents| agents.len() == 1), "one identity a lease: {agents:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_belongs_to_one_gateway() {
    let world = World::new(2, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    let vendors = world.vendors(&UNLIMITED);
    let yahoo = VendorMarket { chain_order: vec![Vendor::Yahoo], ..vendors };
    let tally = RequestTally::default();
    for ticker in &world.tickers {
        yahoo.chain(ticker, &want(), &tally).await.unwrap();
    }
    let egress = &yahoo.fetcher.egress;
    let leases = join_all((0..2).map(|_| egress.lease(Vendor::Yahoo))).await;
    let sessions: Vec<_> =
        leases.into_iter().map(|lease| lease.unwrap().handshake.session().map(|session| session.cookie)).collect();
    assert!(sessions.iter().all(Option::is_some), "each gateway shook hands for itself");
    assert_eq!((world.direct(), errors(&tally)), (0, 0), "a 401 asks for a handshake and is no fault of a gateway");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_refuse_rest_and_without_any_nothing_is_asked_directly() {
    let world = World::new(2, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    let endpoints = world.endpoints.endpoints("set").await.unwrap();
    let wrong = |endpoint: &GatewayEndpoint| GatewayEndpoint {
        api_key: GatewayKey::new("wrong".to_owned()),
        ..endpoint.clone()
    };
    world.endpoints.tell("set", vec![wrong(&endpoints[0]), endpoints[1].clone()]);
    let (vendors, tally) = (world.vendors(&UNLIMITED), RequestTally::default());
    for ticker in &world.tickers {
        few_bars(&vendors, ticker, &tally).await.unwrap();
    }
    let used = tally.counts().gateways;
    assert!(used[&name(0)].errors >= 1 && used[&name(0)].answered == 0, "{used:?}");
    assert_eq!(used[&name(1)].errors, 0, "{used:?}");

    world.endpoints.tell("set", endpoints.iter().map(wrong).collect());
    let limits = DeliveryLimits { max_retry_after_secs: 1, ..LIMITS };
    let before = world.market.requests();
    for (set, words) in [(Some(()), "refuses our key"), (None, "no gateway of the set set is ready")] {
        if set.is_none() {
            world.endpoints.tell("set", Vec::new());
        }
        let mut vendors = world.vendors(&UNLIMITED);
        vendors.fetcher.policy = RetryPolicy::new(&limits);
        let error = few_bars(&vendors, &world.tickers[0], &RequestTally::default()).await.unwrap_err();
        assert_eq!(error.failure.word(), "gateway", "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.failure.is_transient(), "the ticker is handed back");
    }
    assert_eq!(world.market.requests(), before, "nothing reached the vendor, least of all directly");
}

/// The check: a vendor that limits each address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_gateways_carry_five_thousand_requests_at_the_computed_budget_without_a_429() {
    let config = MarketConfig { tickers: 40, limit_per_sec: Some(50.0), ..MarketConfig::default() };
    let world = World::new(10, config).await;
    let vendors = world.vendors(&Wanted { yahoo: Some((10_000.0, 50.0)), ..UNLIMITED });
    let (tally, began) = (RequestTally::default(), Instant::now());
    let failures = many_bars(&world, &vendors, 5000, &tally).await;
    let took = began.elapsed().as_secs_f64();
    assert_eq!(failures, Vec::<&str>::new());
    assert_eq!((tally.counts().total(), errors(&tally)), (5000, 0), "none was throttled or sent twice");
    assert_eq!(rate(&vendors, Vendor::Yahoo), Some(500.0));
    let used: Vec<u32> = tally.counts().gateways.values().map(|used| used.requests).collect();
    assert_eq!((used.len(), used.iter().sum::<u32>()), (10, 5000));
    assert!(used.iter().all(|used| (450..=550).contains(used)), "{used:?}");
    assert!(took >= 9.5, "{took} s are faster than the budget");
    eprintln!("5,000 requests over 10 gateways in {took:.1} s, 0 of them throttled");
}

/// The same vendor, counting all addresses as one account: what it bears is less than the addresses would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_vendor_limits_the_account_the_budget_shrinks_and_stays_below() {
    // So low that a busy machine reaches it too: the budget shrinks only because of answers, never by itself.
    let limit = 22.0;
    let config =
        MarketConfig { tickers: 40, limit_per_sec: Some(limit), limit_by: LimitBy::Account, ..MarketConfig::default() };
    let world = World::new(10, config).await;
    let vendors = world.vendors(&Wanted { yahoo: Some((10_000.0, 4.0)), ..UNLIMITED });
    let tally = RequestTally::default();
    let mut budgets = Vec::new();
    while budgets.last().is_none_or(|budget| *budget >= limit) && budgets.len() < 6 {
        many_bars(&world, &vendors, 320, &tally).await;
        budgets.push(rate(&vendors, Vendor::Yahoo).unwrap());
    }
    let (first, budget) = (errors(&tally), rate(&vendors, Vendor::Yahoo).unwrap());
    assert!(
        first > 0 && budget < limit,
        "{budget}/s is not below {limit}/s, after {first} answers of 429: {budgets:?}"
    );
    let failures = many_bars(&world, &vendors, 200, &tally).await;
    assert_eq!((failures, errors(&tally) - first), (Vec::new(), 0), "it stays below");
    assert_eq!(rate(&vendors, Vendor::Yahoo), Some(budget));
    eprintln!("40/s by address, {limit}/s by account: {budget:.1}/s after {first} answers of 429, then none");
}

/// A scan is resumed: its gateways were deleted, and others have come under the same names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_were_made_anew_are_found_by_who_knew_the_old_ones() {
    let mut world = World::new(3, MarketConfig { tickers: 8, ..MarketConfig::default() }).await;
    let (mut vendors, tally) = (world.vendors(&Wanted { canary_every: Some(3), ..UNLIMITED }), RequestTally::default());
    vendors.fetcher.egress.reads_again_after(Duration::from_millis(200));
    let ask = async |n: usize| few_bars(&vendors, &world.tickers[n], &tally).await;
    for n in 0..4 {
        ask(n).await.unwrap();
    }
    let early = tally.passes();
    let other = "another-k3y";
    let told = world.endpoints.endpoints("set").await.unwrap();
    // The first one is as before; the second has another key, the third is another gateway elsewhere.
    let mut gateways = Vec::new();
    for n in [1, 2] {
        let IpAddr::V4(source) = address(n) else { unreachable!("loopback is IPv4 here") };
        let config =
            GatewayConfig { source, key: other.to_owned(), openapi: world.openapi.clone(), limit_per_sec: None };
        gateways.push(serve_gateway(config).await.unwrap());
    }
    let made_anew = |n: usize| GatewayEndpoint {
        name: name(n),
        base_url: gateways[n - 1].base_url(),
        api_key: GatewayKey::new(other.to_owned()),
    };
    world.endpoints.tell("set", vec![told[0].clone(), made_anew(1), made_anew(2)]);
    drop(world.gateways.drain(1..));
    let began = Instant::now();
    while gateways.iter().any(|gateway| gateway.requests() < 2) {
        assert!(began.elapsed() < Duration::from_secs(10), "they are not found");
        ask(5).await.unwrap();
    }
    let trust: Vec<Trust> = early.iter().map(|pass| vendors.trust(std::slice::from_ref(pass))).collect();
    for (pass, trust) in early.iter().zip(trust) {
        assert_eq!(trust == Trust::Never, pass.gateway != name(0), "{pass:?}: {trust:?}");
    }
    assert!(rate(&vendors, Vendor::Yahoo).is_none() && errors(&tally) >= 1);
}

/// And where none of them is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_set_that_was_made_anew_is_found() {
    let mut world = World::new(2, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    let (mut vendors, tally) = (world.vendors(&UNLIMITED), RequestTally::default());
    vendors.fetcher.egress.reads_again_after(Duration::from_millis(200));
    few_bars(&vendors, &world.tickers[0], &tally).await.unwrap();
    let IpAddr::V4(source) = address(0) else { unreachable!("loopback is IPv4 here") };
    let config = GatewayConfig { source, key: KEY.to_owned(), openapi: world.openapi.clone(), limit_per_sec: None };
    let gateway = serve_gateway(config).await.unwrap();
    let endpoint =
        GatewayEndpoint { name: name(0), base_url: gateway.base_url(), api_key: GatewayKey::new(KEY.to_owned()) };
    world.endpoints.tell("set", vec![endpoint]);
    world.gateways.clear();
    few_bars(&vendors, &world.tickers[1], &tally).await.unwrap();
    assert_eq!(gateway.requests(), 1);
}

/// Yahoo's usual 429 says no time: everybody waits all the same, over one gateway as over many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_without_a_time_stops_everybody_and_is_told_to_the_store() {
    for gateways in [1, 4] {
        let limit = (Some(0.2), LimitBy::Account);
        let config = MarketConfig { tickers: 4, limit_per_sec: limit.0, limit_by: limit.1, ..MarketConfig::default() };
        let world = World::new(gateways, config).await;
        let budgets = Arc::new(MemoryBudgets::default());
        let vendors = world.vendors_with(&Wanted { yahoo: Some((100.0, 20.0)), ..UNLIMITED }, budgets.clone());
        let asks = world.tickers.iter().map(async |ticker| few_bars(&vendors, ticker, &RequestTally::default()).await);
        join_all(asks).await;
        let blocks: Vec<Duration> = budgets.blocks().into_iter().map(|(_, wait)| wait).collect();
        assert!(!blocks.is_empty(), "{gateways}: nobody was told");
        assert!(blocks.iter().all(|wait| *wait >= Duration::from_millis(800)), "{gateways}: {blocks:?}");
        let budget = rate(&vendors, Vendor::Yahoo).unwrap();
        assert!(budget < 20.0 * gateways as f64, "{gateways}: {budget}/s");
    }
}

/// Four processes share one budget, and each takes turns by itself: an address sees as many at once as there are processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_sees_as_many_at_once_as_there_are_processes() {
    let (limit, processes) = (10.0, 4);
    // One more of each for what is late on a busy machine.
    let limit_by = LimitBy::AddressAtOnce(2 * processes);
    let config = MarketConfig { tickers: 40, limit_per_sec: Some(limit), limit_by, ..MarketConfig::default() };
    let world = World::new(5, config).await;
    let budgets = Arc::new(MemoryBudgets::default());
    let wanted = Wanted { yahoo: Some((10_000.0, limit)), ..UNLIMITED };
    let markets: Vec<VendorMarket> = (0..processes).map(|_| world.vendors_with(&wanted, budgets.clone())).collect();
    let (tally, began) = (RequestTally::default(), Instant::now());
    let all = join_all(markets.iter().map(|market| many_bars(&world, market, 100, &tally))).await.concat();
    let took = began.elapsed().as_secs_f64();
    assert_eq!((all, errors(&tally)), (Vec::new(), 0), "an address was asked too often");
    assert!(took >= 400.0 / 50.0 - 1.0, "{took} s are faster than the budget");
    eprintln!("4 processes, 400 requests over 5 gateways in {took:.1} s, none throttled at {} at once", 2 * processes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accounts_requests_are_not_routed() {
    let world = World::new(1, MarketConfig { tickers: 1, ..MarketConfig::default() }).await;
    let gateways = GatewayPlan {
        set: "set".to_owned(),
        names: vec![name(0)],
        vendors: vec![Vendor::Cboe, Vendor::Robinhood],
        per_address_per_sec: BTreeMap::new(),
        canary: None,
    };
    let (plan, budgets) = (plan(&world.market, Some(gateways)), Arc::new(MemoryBudgets::default()));
    let made = VendorMarket::new(&plan, LIMITS, budgets, world.endpoints.clone(), TlsSettings::default());
    assert!(matches!(made, Err(ClientError::Routed { vendor: Vendor::Robinhood })));
}
