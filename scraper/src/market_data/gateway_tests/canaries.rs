//! Canaries over real gateways: what they catch, what they hand back, and that they raise no alarm where all is well.

use super::*;

/// Chains of all tickers, again and again, while the market's clock goes on.
async fn scan(world: &World, vendors: &VendorMarket, tally: &RequestTally) -> Vec<FetchError> {
    let mut failures = Vec::new();
    for ticker in &world.tickers {
        tally.begin_attempt();
        match vendors.chain(ticker, &want(), tally).await {
            Ok(_) => failures.extend(vendors.doubt(tally)),
            Err(error) => failures.push(error),
        }
    }
    failures
}

fn quarantined(tally: &RequestTally, n: usize) -> u32 {
    tally.counts().gateways.get(&name(n)).map_or(0, |used| used.quarantined)
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Asked {
    Bars,
    Chains,
}

/// Asks over two gateways, of which the second freezes after so many requests, while the market's clock goes on, until a
/// canary finds out.
async fn check_frozen(after: u32, every: u32, what: Asked) {
    let world = World::new(2, MarketConfig { tickers: 10, ..MarketConfig::default() }).await;
    let vendors = world.vendors(&Wanted { canary_every: Some(every), ..UNLIMITED });
    world.market.spoil(address(1), Spoil::Frozen, after.into());
    let tally = RequestTally::default();
    let used = |n| tally.counts().gateways.get(&name(n)).map_or(0, |used| used.requests);
    let round = async || {
        let mut failures = Vec::new();
        for ticker in &world.tickers {
            tally.begin_attempt();
            let failure = match what {
                Asked::Bars => few_bars(&vendors, ticker, &tally).await.err(),
                Asked::Chains => vendors.chain(ticker, &want(), &tally).await.err(),
            };
            failures.extend(failure.or_else(|| vendors.doubt(&tally)));
        }
        failures
    };
    let (mut failures, mut rounds) = (Vec::new(), 0);
    while quarantined(&tally, 1) == 0 && rounds < 200 {
        world.advance(1).await;
        failures.extend(round().await);
        rounds += 1;
    }
    let caught = used(1);
    assert_eq!((quarantined(&tally, 1), quarantined(&tally, 0)), (1, 0));
    assert!(caught > after, "it was caught before it froze: after {caught} requests");
    // Two canaries, each before the first request after so many, and one request that was leaving just then.
    assert!(caught <= after + 2 * (every + 2), "caught at {caught}, frozen after {after}, a canary every {every}");
    assert!(failures.iter().all(|error| error.failure.word() == "stale"), "{failures:?}");
    let (good, bad) = (used(0), used(1));
    round().await;
    assert!(used(0) >= good + 10 && used(1) == bad, "the route carries nothing, the other one carries all");
    eprintln!("frozen after {after} requests of a route, caught at its request {caught}, a canary every {every}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bars_that_freeze_on_one_route_are_caught_within_two_canaries() {
    check_frozen(300, 25, Asked::Bars).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_that_freeze_on_one_route_are_caught_within_two_canaries() {
    check_frozen(12, 5, Asked::Chains).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_since_the_last_good_canary_is_handed_back() {
    let world = World::new(1, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    let vendors = world.vendors(&Wanted { canary_every: Some(2), ..UNLIMITED });
    let (first, second) = (RequestTally::default(), RequestTally::default());
    vendors.chain(&world.tickers[1], &want(), &first).await.unwrap();
    assert_eq!(vendors.doubt(&first), None);
    world.market.spoil(address(0), Spoil::NoInterest, 0);
    vendors.chain(&world.tickers[2], &want(), &second).await.unwrap();
    assert_eq!(vendors.doubt(&second), None, "nothing is known yet");
    // The next request sends the canary first; it has no open interest, and there is no other gateway.
    let third = vendors.chain(&world.tickers[3], &want(), &RequestTally::default()).await.unwrap_err();
    assert_eq!(third.failure.word(), "gateway", "{third}");
    let doubt = vendors.doubt(&second).expect("it came after the last good canary");
    assert_eq!(doubt.failure.word(), "stale");
    assert!(doubt.to_string().contains("open interest"), "{doubt}");
    assert_eq!(world.direct(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halved_page_is_asked_for_again_elsewhere() {
    let world = World::new(2, MarketConfig { tickers: 60, ..MarketConfig::default() }).await;
    world.market.spoil(address(0), Spoil::HalfPages, 0);
    let (vendors, tally) = (world.vendors(&UNLIMITED), RequestTally::default());
    let answer = vendors.universe("v=111", &tally).await.unwrap();
    assert_eq!((answer.tickers.len(), answer.total), (60, 60));
    assert_eq!((quarantined(&tally, 0), quarantined(&tally, 1)), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_interest_that_is_all_zero_is_caught_by_the_first_canary() {
    let world = World::new(2, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    world.market.spoil(address(1), Spoil::NoInterest, 0);
    let vendors = world.vendors(&Wanted { canary_every: Some(50), ..UNLIMITED });
    let tally = RequestTally::default();
    scan(&world, &vendors, &tally).await;
    assert_eq!((quarantined(&tally, 0), quarantined(&tally, 1)), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_healthy_scans_raise_no_alarm() {
    let mut canaries = 0;
    // Each is two rounds of chains and bars, and the universe.
    for seed in 1..=20 {
        let world = World::new(3, MarketConfig { seed, tickers: 4, ..MarketConfig::default() }).await;
        let vendors = world.vendors(&Wanted { canary_every: Some(3), ..UNLIMITED });
        let tally = RequestTally::default();
        for _ in 0..2 {
            assert_eq!(scan(&world, &vendors, &tally).await, Vec::new(), "seed {seed}");
            for ticker in &world.tickers {
                few_bars(&vendors, ticker, &tally).await.unwrap();
            }
            world.advance(7).await;
        }
        vendors.universe("v=111", &tally).await.unwrap();
        let all = tally.counts().gateways;
        assert!(all.values().all(|used| used.quarantined == 0 && used.errors == 0), "seed {seed}: {all:?}");
        canaries += tally.counts().total() - 4 * 4 - 1;
    }
    assert!(canaries >= 20 * 6, "{canaries} canaries prove nothing");
    eprintln!("20 healthy scans, {canaries} canaries, no alarm");
}

/// What others may read later: never what came before the canary that finds out, vouched for once one is fine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_vouched_for_by_a_canary_that_left_later_and_by_no_earlier_one() {
    let world = World::new(1, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    let vendors = world.vendors(&Wanted { canary_every: Some(2), ..UNLIMITED });
    let asked = async |n: usize| {
        let tally = RequestTally::default();
        vendors.chain(&world.tickers[n], &want(), &tally).await.unwrap();
        tally.passes()
    };
    let first = asked(1).await;
    assert_eq!(first.len(), 1, "the canary that came before it is no way of its answer: {first:?}");
    assert_eq!(vendors.trust(&first), Trust::Open, "its own canary came before it");
    assert_eq!(vendors.trust(&[]), Trust::Vouched, "from this machine");
    let second = asked(2).await;
    assert_eq!(vendors.trust(&first), Trust::Open);
    let third = asked(3).await;
    assert_eq!(
        [&first, &second, &third].map(|passes| vendors.trust(passes)),
        [Trust::Vouched, Trust::Vouched, Trust::Open]
    );
    world.market.spoil(address(0), Spoil::NoInterest, 0);
    let fourth = asked(0).await;
    vendors.chain(&world.tickers[1], &want(), &RequestTally::default()).await.unwrap_err();
    let all = [first, second, third, fourth].concat();
    let trust: Vec<Trust> = all.iter().map(|pass| vendors.trust(std::slice::from_ref(pass))).collect();
    assert_eq!(trust, [Trust::Vouched, Trust::Vouched, Trust::Never, Trust::Never]);
    let elsewhere = GatewayPass { gateway: "gone".to_owned(), ..all[0].clone() };
    assert_eq!(vendors.trust(&[elsewhere]), Trust::Never, "nobody will vouch for it any more");
}

/// Bars over that way are fine: only a chain shows what its chains lack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_yahoo_serves_chains_a_canary_asks_it_for_one() {
    let world = World::new(2, MarketConfig { tickers: 4, ..MarketConfig::default() }).await;
    world.market.spoil(address(1), Spoil::NoInterest, 0);
    let vendors = world.vendors(&Wanted { canary_every: Some(50), ..UNLIMITED });
    let yahoo = VendorMarket { chain_order: vec![Vendor::Yahoo], ..vendors };
    let tally = RequestTally::default();
    scan(&world, &yahoo, &tally).await;
    assert_eq!((quarantined(&tally, 0), quarantined(&tally, 1)), (0, 1));
    assert_eq!(world.direct(), 0);
}
