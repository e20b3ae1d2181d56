//! The market's Robinhood over its socket: the token, pages, batches, bars.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use fleet_market::{MarketConfig, ROBINHOOD_TOKEN, RunningMarket, serve};
use serde_json::{Value, json};

async fn small() -> RunningMarket {
    serve(MarketConfig { tickers: 4, ..MarketConfig::default() }).await.unwrap()
}

fn client() -> reqwest::Client {
    // The second test of a process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn ask(url: &str, token: &str) -> (u16, Value) {
    let mut request = client().get(url);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// An answer with the token.
async fn get(market: &RunningMarket, path: &str) -> Value {
    let (status, body) = ask(&format!("{}/robinhood{path}", market.url()), ROBINHOOD_TOKEN).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The first stock: its code, its id, its chain.
async fn stock(market: &RunningMarket) -> (String, String, Value) {
    let (_, state) = ask(&format!("{}/_market", market.url()), "").await;
    let code = state["planted"][0].as_str().unwrap().to_owned();
    let found = get(market, &format!("/instruments/?symbol={code}")).await;
    let id = found["results"][0]["id"].as_str().unwrap().to_owned();
    let chains = get(market, &format!("/options/chains/?equity_instrument_ids={id}")).await;
    (code, id, chains["results"][0].clone())
}

#[tokio::test]
async fn only_the_token_opens_it() {
    let market = small().await;
    let url = format!("{}/robinhood/instruments/?symbol=X", market.url());
    let missing = json!({"detail": "Authentication credentials were not provided."});
    assert_eq!(ask(&url, "").await, (401, missing));
    assert_eq!(ask(&url, "another").await, (401, json!({"detail": "Invalid token."})));
    assert_eq!(ask(&url, ROBINHOOD_TOKEN).await.1["results"], json!([]));
    market.stop().await;
}

#[tokio::test]
async fn every_contract_is_on_one_page_and_has_a_mark() {
    let market = small().await;
    let (code, _, chain) = stock(&market).await;
    let days: Vec<&str> =
        chain["expiration_dates"].as_array().unwrap().iter().map(|day| day.as_str().unwrap()).collect();
    let chain_id = chain["id"].as_str().unwrap();
    let mut url = format!(
        "{}/robinhood/options/instruments/?chain_id={chain_id}&expiration_dates={}&state=active",
        market.url(),
        days.join(",")
    );
    let mut ids = Vec::new();
    let mut pages = 0;
    loop {
        let (status, page) = ask(&url, ROBINHOOD_TOKEN).await;
        assert_eq!(status, 200, "{page}");
        pages += 1;
        ids.extend(page["results"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        url = next.to_owned();
    }
    let (_, cboe) = ask(&format!("{}/cboe/api/global/delayed_quotes/options/{code}.json", market.url()), "").await;
    assert_eq!(ids.len(), cboe["data"]["options"].as_array().unwrap().len(), "as many as CBOE lists");
    assert!(pages > 2, "{pages} pages");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), cboe["data"]["options"].as_array().unwrap().len(), "an id twice");

    let stranger = "00000000-0000-0000-0000-000000000000".to_owned();
    let batch = [&ids[..39], &[stranger]].concat().join(",");
    let marks = get(&market, &format!("/marketdata/options/?ids={batch}")).await;
    let marks = marks["results"].as_array().unwrap();
    assert_eq!(marks.len(), 40);
    assert!(marks[39].is_null() && marks[..39].iter().all(|mark| mark["bid_price"].is_string()), "{marks:?}");
    let (status, _) =
        ask(&format!("{}/robinhood/marketdata/options/?ids={}", market.url(), ids[..41].join(",")), ROBINHOOD_TOKEN)
            .await;
    assert_eq!(status, 400);
    market.stop().await;
}

#[tokio::test]
async fn bars_are_daily_and_want_an_interval_and_a_span() {
    let market = small().await;
    let (_, id, _) = stock(&market).await;
    let bars = get(&market, &format!("/marketdata/historicals/{id}/?bounds=regular&interval=day&span=year")).await;
    let bars = bars["historicals"].as_array().unwrap();
    assert!(bars.len() > 240 && bars.iter().all(|bar| bar["interpolated"] == false), "{} bars", bars.len());
    let url = |query: &str| format!("{}/robinhood/marketdata/historicals/{id}/?{query}", market.url());
    assert_eq!(ask(&url(""), ROBINHOOD_TOKEN).await, (400, json!({"interval": ["This field is required."]})));
    let (status, body) = ask(&url("interval=day&span=johnny"), ROBINHOOD_TOKEN).await;
    assert_eq!((status, &body["span"][0]), (400, &json!("\"johnny\" is not a valid choice.")));
    market.stop().await;
}

#[tokio::test]
async fn a_limit_is_told_in_a_sentence_and_a_log_has_no_token() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("requests.jsonl");
    let config =
        MarketConfig { tickers: 4, limit_per_sec: Some(1.0), log: Some(log.clone()), ..MarketConfig::default() };
    let market = serve(config).await.unwrap();
    let url = format!("{}/robinhood/instruments/?symbol=X", market.url());
    assert_eq!(ask(&url, ROBINHOOD_TOKEN).await.0, 200);
    let expected = json!({"detail": "Request was throttled. Expected available in 1 seconds."});
    assert_eq!(ask(&url, ROBINHOOD_TOKEN).await, (429, expected));
    market.stop().await;
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("\"authorization\":\"***\"") && !log.contains(ROBINHOOD_TOKEN), "{log}");
}
