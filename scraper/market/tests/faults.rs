//! The faulty tickers over the socket: each wrong in its one known way, and only in that.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use fleet_market::{MarketConfig, RunningMarket, serve};
use serde_json::Value;

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", &self.body[..self.body.len().min(200)]))
    }

    fn options(&self) -> Vec<Value> {
        self.json()["data"]["options"].as_array().unwrap().clone()
    }
}

async fn faulty() -> RunningMarket {
    serve(MarketConfig { tickers: 1, faults: true, ..MarketConfig::default() }).await.unwrap()
}

async fn get(market: &RunningMarket, path: &str) -> Answer {
    // The second test of a process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}{path}", market.url())).send().await.unwrap();
    let retry_after = answer.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
    Answer { status: answer.status().as_u16(), retry_after, body: answer.text().await.unwrap() }
}

async fn chain(market: &RunningMarket, ticker: &str) -> Answer {
    get(market, &format!("/cboe/api/global/delayed_quotes/options/{ticker}.json")).await
}

async fn bars(market: &RunningMarket, symbol: &str) -> Answer {
    get(market, &format!("/yahoo/v8/finance/chart/{symbol}?range=2y&interval=1d&events=div%7Csplit")).await
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap()
}

#[tokio::test]
async fn faults_of_the_answer() {
    let market = faulty().await;
    let statuses = async |ticker: &str| {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(chain(&market, ticker).await.status);
        }
        all
    };
    assert_eq!(statuses("FLAP").await, [500, 500, 200, 500]);
    assert_eq!(chain(&market, "LIMIT").await.retry_after.as_deref(), Some("1"));
    assert_eq!(statuses("LIMIT").await, [429, 200, 200, 200]);
    let soft = chain(&market, "SOFT").await;
    assert_eq!((soft.status, soft.body.as_str()), (200, "Too many requests."));
    let block = chain(&market, "BLOCK").await;
    assert!(block.status == 403 && block.body.contains("Just a moment..."));
    let html = chain(&market, "HTML").await;
    assert!(html.status == 200 && html.body.starts_with("<!DOCTYPE html>"));
    let cut = chain(&market, "CUT").await;
    assert!(cut.status == 200 && serde_json::from_str::<Value>(&cut.body).is_err());
    assert!(chain(&market, "SHAPE").await.json().get("data").is_none());
    assert_eq!((chain(&market, "GONE").await.status, bars(&market, "GONE").await.status), (404, 404));
    let asked = std::time::Instant::now();
    assert!(!chain(&market, "SLOW").await.options().is_empty());
    assert!(asked.elapsed().as_secs_f64() >= 2.0);
    market.stop().await;
}

#[tokio::test]
async fn faults_of_the_data() {
    let market = faulty().await;
    assert!(chain(&market, "EMPTY").await.options().is_empty());
    for row in chain(&market, "CROSS").await.options() {
        assert!(number(&row, "bid") > number(&row, "ask"), "{row}");
    }
    for row in chain(&market, "WIDE").await.options() {
        let (bid, ask) = (number(&row, "bid"), number(&row, "ask"));
        assert!(ask - bid > 0.2 * (bid + ask) * 0.7, "{row}");
    }
    let negtv = chain(&market, "NEGTV").await.options();
    let bad = |row: &&Value| row["ask"].is_null() || number(row, "bid") < 0.0 || number(row, "ask") > 1e11;
    assert_eq!(negtv.iter().filter(bad).count(), negtv.len().div_ceil(4));
    let dupe = chain(&market, "DUPE").await.options();
    let names: std::collections::BTreeSet<_> = dupe.iter().map(|row| row["option"].as_str().unwrap()).collect();
    assert!(names.len() < dupe.len() && names.len() * 5 > dupe.len() * 4);
    assert_eq!(chain(&market, "HUGE").await.options().len(), 10_000);
    let halt = chain(&market, "HALT").await.json();
    assert_eq!(halt["data"]["last_trade_time"], "2026-11-19T11:00:00");
    for row in halt["data"]["options"].as_array().unwrap() {
        assert!(row["last_trade_time"].as_str().is_none_or(|at| at <= "2026-11-19T11:00:00"), "{row}");
    }
    for row in chain(&market, "EXPIR").await.options() {
        assert!(row["option"].as_str().unwrap().starts_with("EXPIR261120"), "{row}");
    }
    let class = chain(&market, "BRK.B").await;
    assert!(class.options()[0]["option"].as_str().unwrap().starts_with("BRKB26"));
    assert_eq!(chain(&market, "BRK-B").await.status, 404, "not CBOE's spelling");
    market.stop().await;
}

#[tokio::test]
async fn faults_of_the_bars() {
    let market = faulty().await;
    let count = |answer: &Answer| answer.json()["chart"]["result"][0]["timestamp"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&bars(&market, "YOUNG").await), 41, "forty and today's");
    let young = chain(&market, "YOUNG").await.options();
    for row in young.iter().step_by(37) {
        assert!(count(&bars(&market, row["option"].as_str().unwrap()).await) <= 41);
    }
    let split = bars(&market, "SPLIT").await.json();
    let splits = split["chart"]["result"][0]["events"]["splits"].as_object().unwrap().clone();
    assert_eq!(splits.values().next().unwrap()["splitRatio"], "4:1");
    let options = chain(&market, "SPLIT").await.options();
    let adjusted = options.iter().filter(|row| row["option"].as_str().unwrap().starts_with("SPLIT1")).count();
    assert!(adjusted > 20 && adjusted < options.len() / 4, "{adjusted} of {}", options.len());
    assert_eq!(count(&bars(&market, "OKAY").await), 321);
    market.stop().await;
}

#[tokio::test]
async fn faulty_tickers_are_on_the_screener() {
    let market = faulty().await;
    let page = get(&market, "/finviz/screener.ashx?v=111&f=sh_avgvol_o1000,sh_opt_option,sh_price_o10").await.body;
    assert!(page.contains("#1 / 23 Total") && page.contains("data-boxover-ticker=\"BRK-B\""));
    let state = get(&market, "/_market").await.json();
    assert_eq!(state["faulty"].as_object().unwrap().len(), 22);
    market.stop().await;
}
