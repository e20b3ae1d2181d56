//! What the product reads from the simulated Robinhood is what it reads from the simulated CBOE and Yahoo: the same
//! contracts, quotes and bars, of the same world.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{
    Chain, ContractQuote, DeliveryLimits, Instrument, OccSymbol, Ticker, Vendor, VendorPlan, VendorRoute,
};
use fleet_core::seams::{
    BudgetAnswer, BudgetStand, Budgets, ChainRequest, FetchError, MarketData, MemoryEndpoints, RequestTally, StoreError,
};
use fleet_market::{MarketConfig, ROBINHOOD_TOKEN, RunningMarket, serve, start};
use fleet_scraper::{Access, RobinhoodToken, TlsSettings, VendorMarket};
use jiff::civil::date;

/// Nothing is drawn from a budget on this machine.
struct NoBudgets;

#[async_trait]
impl Budgets for NoBudgets {
    async fn draw(&self, vendor: Vendor, _: f64, _: u32) -> Result<BudgetAnswer, StoreError> {
        panic!("{vendor} has no budget here");
    }
    async fn budget_stands(&self) -> Result<Vec<BudgetStand>, StoreError> {
        Ok(Vec::new())
    }
    async fn block(&self, _: Vendor, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

const LIMITS: DeliveryLimits = DeliveryLimits {
    timeout_secs: 120,
    max_attempts: 5,
    request_timeout_secs: 20,
    request_tries: 3,
    max_retry_after_secs: 5,
};

fn vendors(market: &RunningMarket, chains: Vendor, bars: Vendor, token: Option<&str>) -> VendorMarket {
    let route = |vendor: Vendor, keys: &[(&str, &str)]| VendorRoute {
        vendor,
        base_urls: keys.iter().map(|(key, path)| ((*key).to_owned(), format!("{}/{path}", market.url()))).collect(),
        budget_per_sec: None,
        max_quote_age_secs: 3600,
    };
    let plan = VendorPlan {
        chain_order: vec![chains],
        bars,
        routes: vec![
            route(Vendor::Cboe, &[("base", "cboe")]),
            route(Vendor::Yahoo, &[("query", "yahoo"), ("cookie", "yahoo-cookie")]),
            route(Vendor::Robinhood, &[("base", "robinhood")]),
        ],
        identity: fleet_scraper::default_identity(),
        max_bars_per_ticker: 12,
        bar_sessions: 250,
        underlying_bar_sessions: None,
        dte_window: (0, 60),
        gateways: None,
    };
    let access = Access { tls: TlsSettings::default(), robinhood: token.and_then(RobinhoodToken::parse) };
    VendorMarket::new(&plan, LIMITS, Arc::new(NoBudgets), Arc::new(MemoryEndpoints::default()), access).unwrap()
}

fn client() -> reqwest::Client {
    fleet_scraper::install_crypto_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn planted(market: &RunningMarket) -> Ticker {
    let text = client().get(format!("{}/_market", market.url())).send().await.unwrap().text().await.unwrap();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap();
    Ticker::parse(state["planted"][0].as_str().unwrap()).unwrap()
}

async fn chain(of: &VendorMarket, ticker: &Ticker, tally: &RequestTally) -> Result<Chain, FetchError> {
    let want = ChainRequest { as_of: Some(start()), dte_window: (0, 60), also: BTreeSet::new() };
    of.chain(ticker, &want, tally).await.map(|(chain, _)| chain)
}

/// What every vendor tells of a contract. CBOE's last trade has a time, Robinhood's has none.
fn told(chain: &Chain) -> BTreeMap<OccSymbol, ContractQuote> {
    let plain = |quote: &ContractQuote| ContractQuote { last: None, vendor_iv: None, ..quote.clone() };
    chain.contracts.iter().map(|quote| (quote.symbol, plain(quote))).collect()
}

#[tokio::test]
async fn a_chain_and_its_bars_are_the_same_from_either_side() {
    let market = serve(MarketConfig { tickers: 20, ..MarketConfig::default() }).await.unwrap();
    let ticker = planted(&market).await;
    let robinhood = vendors(&market, Vendor::Robinhood, Vendor::Robinhood, Some(ROBINHOOD_TOKEN));
    let tally = RequestTally::default();
    let live = chain(&robinhood, &ticker, &tally).await.unwrap();
    assert_eq!(live.quote_time, Some(start()));
    assert_eq!((live.not_served.len(), live.refused.len()), (0, 0));
    let requests = tally.counts().vendors[&Vendor::Robinhood];
    let batches = live.contracts.len().div_ceil(40) as u32;
    let pages = live.contracts.len().div_ceil(100) as u32;
    assert_eq!(requests, 3 + pages + batches, "{} contracts", live.contracts.len());

    // CBOE is a quarter of an hour behind: then it quotes what Robinhood quoted.
    client().post(format!("{}/_market/advance?sessions=0&minutes=15", market.url())).send().await.unwrap();
    let others = vendors(&market, Vendor::Cboe, Vendor::Yahoo, None);
    let delayed = chain(&others, &ticker, &RequestTally::default()).await.unwrap();
    let (live_rows, mut delayed_rows) = (told(&live), told(&delayed));
    delayed_rows.retain(|symbol, _| live.expirations.contains(&symbol.expiration) && live_rows.contains_key(symbol));
    assert!(live_rows.len() > 150, "{} contracts", live_rows.len());
    assert_eq!(live_rows, delayed_rows);
    assert_eq!(live.expirations, delayed.expirations);
    assert_eq!(live.vendor_spot.map(|spot| spot.time), Some(Some(start())));

    let until = jiff::Timestamp::now();
    let from = date(2025, 12, 15);
    let contracts = live.contracts.iter().step_by(25).map(|quote| Instrument::Contract(quote.symbol));
    let mut compared = 0;
    for instrument in [Instrument::Underlying(ticker.clone())].into_iter().chain(contracts) {
        let own = robinhood.bars(&instrument, from, until, &RequestTally::default()).await.unwrap();
        let other = others.bars(&instrument, from, until, &RequestTally::default()).await.unwrap();
        assert_eq!(own.bars, other.bars, "{instrument}");
        compared += own.bars.len();
    }
    assert!(compared > 500, "{compared} bars");

    // With another vendor's chain the ids are looked for when a contract's bars are wanted.
    let mixed = vendors(&market, Vendor::Cboe, Vendor::Robinhood, Some(ROBINHOOD_TOKEN));
    let listed = chain(&mixed, &ticker, &RequestTally::default()).await.unwrap();
    let contract = Instrument::Contract(listed.contracts[listed.contracts.len() / 2].symbol);
    let own = mixed.bars(&contract, from, until, &RequestTally::default()).await.unwrap();
    let other = others.bars(&contract, from, until, &RequestTally::default()).await.unwrap();
    assert_eq!(own.bars, other.bars, "{contract}");
    market.stop().await;
}

#[tokio::test]
async fn a_missing_or_refused_token_says_what_to_do() {
    let market = serve(MarketConfig { tickers: 4, ..MarketConfig::default() }).await.unwrap();
    let ticker = planted(&market).await;
    let without = vendors(&market, Vendor::Robinhood, Vendor::Robinhood, None);
    let tally = RequestTally::default();
    let error = chain(&without, &ticker, &tally).await.unwrap_err().to_string();
    assert!(error.contains("its token is missing; put one into ROBINHOOD_TOKEN"), "{error}");
    assert_eq!(tally.counts().total(), 0, "nothing was asked");
    let expired = vendors(&market, Vendor::Robinhood, Vendor::Robinhood, Some("s3cret"));
    let error = chain(&expired, &ticker, &RequestTally::default()).await.unwrap_err().to_string();
    assert!(error.contains("its token has expired or is not valid (Invalid token.); put one into"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
    market.stop().await;
}
