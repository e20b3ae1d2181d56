//! The market over its socket: shapes, determinism, limits, the clock, the log.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use std::net::SocketAddr;

use fleet_market::{MarketConfig, MarketError, RunningMarket, serve};
use serde_json::Value;

async fn market(config: MarketConfig) -> RunningMarket {
    serve(config).await.unwrap()
}

async fn small() -> RunningMarket {
    market(MarketConfig { tickers: 4, ..MarketConfig::default() }).await
}

/// A client that asks for nothing by itself: no proxy, no compression.
fn client() -> reqwest::Client {
    // The second test of a process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().no_gzip().no_brotli().no_deflate().no_zstd().build().unwrap()
}

async fn text(market: &RunningMarket, path: &str) -> (u16, String) {
    let answer = client().get(format!("{}{path}", market.url())).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn json(market: &RunningMarket, path: &str) -> Value {
    let (status, body) = text(market, path).await;
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{path}: {status} {e}: {}", &body[..body.len().min(200)]))
}

async fn advance(market: &RunningMarket, query: &str) -> (u16, Value) {
    let client = client();
    let answer = client.post(format!("{}/_market/advance?{query}", market.url())).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn first_ticker(market: &RunningMarket) -> String {
    json(market, "/_market").await["planted"][0].as_str().unwrap().to_owned()
}

fn cboe(ticker: &str) -> String {
    format!("/cboe/api/global/delayed_quotes/options/{ticker}.json")
}

#[tokio::test]
async fn the_market_tells_what_it_is() {
    let market = small().await;
    let state = json(&market, "/_market").await;
    assert_eq!(state["now"], "2026-11-20T15:30:00Z");
    assert_eq!(state["session"], "2026-11-20");
    assert_eq!((&state["seed"], &state["tickers"], &state["faults"]), (&1.into(), &4.into(), &false.into()));
    assert_eq!(state["planted"].as_array().unwrap().len(), 1);
    market.stop().await;
}

#[tokio::test]
async fn a_cboe_chain_is_fifteen_minutes_old_and_complete() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let body = json(&market, &cboe(&ticker)).await;
    assert_eq!(body["timestamp"], "2026-11-20 15:30:00");
    assert_eq!(body["symbol"], ticker.as_str());
    assert_eq!(body["data"]["last_trade_time"], "2026-11-20T10:15:00");
    let rows = body["data"]["options"].as_array().unwrap();
    assert!((300..=800).contains(&rows.len()), "{} rows", rows.len());
    for row in rows {
        assert_eq!(row.as_object().unwrap().len(), 23);
        assert!(row["volume"].is_f64() && row["bid_size"].is_f64(), "counts are floats at CBOE");
        assert!(row["ask"].as_f64().unwrap() > row["bid"].as_f64().unwrap(), "{row}");
        let stamp = row["last_trade_time"].as_str();
        assert!(stamp.is_none_or(|at| at <= "2026-11-20T10:15:00"), "a trade from the future: {row}");
    }
    assert_eq!(text(&market, &cboe("NOSUCH")).await.0, 404);
    market.stop().await;
}

#[tokio::test]
async fn yahoo_wants_its_cookie_and_crumb() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let client = client();
    let get = |path: String, cookie: String| {
        let request = client.get(format!("{}{path}", market.url())).header("cookie", cookie);
        async move { request.send().await.unwrap() }
    };
    let options = format!("/yahoo/v7/finance/options/{ticker}");
    let refused = get(options.clone(), String::new()).await;
    assert_eq!(refused.status(), 401);
    assert!(refused.text().await.unwrap().contains("Invalid Crumb"));
    assert_eq!(get("/yahoo/v1/test/getcrumb".into(), String::new()).await.status(), 401);

    let visit = get("/yahoo-cookie/".into(), String::new()).await;
    let cookie = visit.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("A3="));
    let crumb = get("/yahoo/v1/test/getcrumb".into(), cookie.clone()).await.text().await.unwrap();
    assert_eq!(crumb.len(), 11);

    let encoded = crumb.replace('/', "%2F");
    let body = get(format!("{options}?crumb={encoded}"), cookie.clone()).await.text().await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    let result = &body["optionChain"]["result"][0];
    let quote = &result["quote"];
    assert!(quote["marketCap"].as_f64().unwrap() > 1e6 && quote["quoteType"] == "EQUITY");
    assert!(quote["earningsTimestamp"].as_i64().unwrap() <= 1_795_188_600, "the last report was held");
    let dates = result["expirationDates"].as_array().unwrap();
    assert!(dates.len() >= 12 && dates.iter().all(|d| d.as_i64().unwrap() % 86_400 == 0));
    assert_eq!(result["options"][0]["expirationDate"], dates[0]);

    let date = dates[6].as_i64().unwrap();
    let path = format!("{options}?date={date}&crumb={encoded}");
    let page: Value = serde_json::from_str(&get(path, cookie.clone()).await.text().await.unwrap()).unwrap();
    let calls = page["optionChain"]["result"][0]["options"][0]["calls"].as_array().unwrap();
    assert!(!calls.is_empty() && calls.iter().all(|row| row["expiration"] == date));
    let newest = calls.iter().map(|row| row["lastTradeDate"].as_i64().unwrap()).max().unwrap();
    assert!(newest <= 1_795_186_800, "quotes are of 10:00 New York, half an hour ago: {newest}");

    let path = format!("{options}?date=1&crumb={encoded}");
    let empty: Value = serde_json::from_str(&get(path, cookie).await.text().await.unwrap()).unwrap();
    assert_eq!(empty["optionChain"]["result"][0]["options"][0]["calls"], Value::Array(vec![]));
    market.stop().await;
}

#[tokio::test]
async fn bars_end_with_the_running_session() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let body = json(&market, &format!("/yahoo/v8/finance/chart/{ticker}?range=1y&interval=1d")).await;
    let result = &body["chart"]["result"][0];
    let stamps = result["timestamp"].as_array().unwrap();
    assert!(stamps.len() > 245, "{} bars", stamps.len());
    assert_eq!(stamps.last().unwrap().as_i64().unwrap(), 1_795_188_600, "the last bar's timestamp is now");
    let quote = &result["indicators"]["quote"][0];
    for i in 0..stamps.len() {
        let at = |name: &str| quote[name][i].as_f64().unwrap();
        assert!(at("low") <= at("open").min(at("close")) && at("high") >= at("open").max(at("close")), "bar {i}");
    }
    let closes: Vec<f64> = quote["close"].as_array().unwrap().iter().map(|c| c.as_f64().unwrap()).collect();
    assert!(closes.iter().any(|c| (c * 100.0).fract() != 0.0), "32-bit noise is expected");
    let (status, unknown) = text(&market, "/yahoo/v8/finance/chart/NOSUCH?range=1y&interval=1d").await;
    assert!(status == 404 && unknown.contains("No data found, symbol may be delisted"));
    let (status, early) = text(&market, &format!("/yahoo/v8/finance/chart/{ticker}?period1=1&period2=9")).await;
    assert!(status == 400 && early.contains("startDate = 1, endDate = 9"));
    market.stop().await;
}

/// Some companies pay, quarterly, on sessions; who does not ask is not told, and nothing is told that is still to come.
#[tokio::test]
async fn dividends_come_with_the_bars_of_who_asks() {
    let market = market(MarketConfig::default()).await;
    let planted = json(&market, "/_market").await["planted"].clone();
    let mut payers = 0;
    for ticker in planted.as_array().unwrap() {
        let path = format!("/yahoo/v8/finance/chart/{}?range=1y&interval=1d", ticker.as_str().unwrap());
        assert!(json(&market, &path).await["chart"]["result"][0]["events"].is_null());
        let body = json(&market, &format!("{path}&events=div%7Csplit")).await;
        let result = &body["chart"]["result"][0];
        let Some(dividends) = result["events"]["dividends"].as_object() else { continue };
        payers += 1;
        assert!((3..=5).contains(&dividends.len()), "{} in a year", dividends.len());
        for (key, dividend) in dividends {
            assert_eq!(*key, dividend["date"].to_string());
            assert!(dividend["amount"].as_f64().unwrap() > 0.0);
            assert!(result["timestamp"].as_array().unwrap().contains(&dividend["date"]), "{key} is no session");
        }
    }
    assert!(payers > 0, "nobody pays");
    market.stop().await;
}

#[tokio::test]
async fn contract_bars_exist_only_where_it_traded() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let chain = json(&market, &cboe(&ticker)).await;
    let (mut full, mut gaps) = (0, 0);
    for row in chain["data"]["options"].as_array().unwrap().iter().step_by(19) {
        let symbol = row["option"].as_str().unwrap();
        let body = json(&market, &format!("/yahoo/v8/finance/chart/{symbol}?range=1y&interval=1d")).await;
        let result = &body["chart"]["result"][0];
        assert_eq!(result["meta"]["instrumentType"], "OPTION");
        let Some(stamps) = result.get("timestamp") else { continue };
        let volumes = result["indicators"]["quote"][0]["volume"].as_array().unwrap();
        assert_eq!(volumes.len(), stamps.as_array().unwrap().len());
        assert!(volumes.iter().all(|v| v.is_null() || v.as_u64().unwrap() > 0), "a bar without a trade");
        if volumes.len() > 200 && volumes.iter().all(|v| !v.is_null()) { full += 1 } else { gaps += 1 }
    }
    assert!(full > 0 && gaps > 0, "full {full}, gaps {gaps}");
    assert_eq!(text(&market, "/yahoo/v8/finance/chart/NOSUCH270319C00100000").await.0, 404);
    market.stop().await;
}

#[tokio::test]
async fn a_contract_that_never_traded_has_no_timestamps() {
    let market = market(MarketConfig { tickers: 12, ..MarketConfig::default() }).await;
    let screener = text(&market, "/finviz/screener.ashx?v=111").await.1;
    for ticker in screener.split("data-boxover-ticker=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let chain = json(&market, &cboe(&ticker.replace('-', "."))).await;
        for row in chain["data"]["options"].as_array().unwrap().iter().filter(|row| row["last_trade_time"].is_null()) {
            let symbol = row["option"].as_str().unwrap();
            let body = json(&market, &format!("/yahoo/v8/finance/chart/{symbol}?range=2y&interval=1d")).await;
            let result = &body["chart"]["result"][0];
            if result.get("timestamp").is_none() {
                assert_eq!(result["indicators"]["quote"], serde_json::json!([{}]));
                return;
            }
        }
    }
    panic!("every contract of every ticker traded");
}

#[tokio::test]
async fn the_screener_pages_through_everything() {
    let market = market(MarketConfig { tickers: 45, ..MarketConfig::default() }).await;
    let page = async |r: u32| text(&market, &format!("/finviz/screener.ashx?v=111&f=sh_price_o10&r={r}")).await.1;
    let (first, last, past) = (page(1).await, page(41).await, page(900).await);
    assert!(first.contains("#1 / 45 Total") && last.contains("#41 / 45 Total"));
    assert_eq!(first.matches("class=\"tab-link\"").count(), 20);
    assert_eq!(last.matches("class=\"tab-link\"").count(), 5);
    assert_eq!(last, past, "an offset past the end repeats the last page");
    assert!(first.contains("<option value=41>Page 3 / 3</option>") && first.contains("<!-- TS\n"));
    let everything = format!("{first}{}{last}", page(21).await);
    assert_eq!(everything.matches("data-boxover-ticker=").count(), 45);
    assert!(everything.contains("-B\""), "the share class is spelled with a dash");
    let (_, none) = text(&market, "/finviz/screener?v=111&f=sh_price_o100000").await;
    assert!(none.contains("js-screener-body-empty") && none.contains("0 Total"));
    market.stop().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let (one, two) = (small().await, small().await);
    let other = market(MarketConfig { tickers: 4, seed: 2, ..MarketConfig::default() }).await;
    let ticker = first_ticker(&one).await;
    for path in [
        cboe(&ticker),
        format!("/yahoo/v8/finance/chart/{ticker}?range=1y&interval=1d"),
        "/finviz/screener.ashx?v=111".to_owned(),
    ] {
        assert_eq!(text(&one, &path).await, text(&two, &path).await, "{path}");
        assert_ne!(text(&one, &path).await, text(&other, &path).await, "{path}");
    }
}

#[tokio::test]
async fn advancing_closes_todays_bar_and_keeps_the_past() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let path = format!("/yahoo/v8/finance/chart/{ticker}?range=2y&interval=1d");
    let before = json(&market, &path).await;
    let (status, state) = advance(&market, "sessions=1&minutes=10").await;
    assert_eq!((status, &state["now"]), (200, &"2026-11-23T15:40:00Z".into()));
    let after = json(&market, &path).await;
    let closes =
        |body: &Value| body["chart"]["result"][0]["indicators"]["quote"][0]["close"].as_array().unwrap().clone();
    let (before, after) = (closes(&before), closes(&after));
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(before[..before.len() - 1], after[..before.len() - 1], "closed bars do not change");
    for (query, words) in
        [("sessions=31", "30"), ("minutes=400", "past the close"), ("days=1", "not known"), ("", "nothing")]
    {
        let (status, error) = advance(&market, query).await;
        assert_eq!(status, 400, "{query}");
        assert!(error["error"].as_str().unwrap().contains(words), "{query}: {error}");
    }
    market.stop().await;
}

#[tokio::test]
async fn each_vendor_refuses_in_its_own_way() {
    let market = market(MarketConfig { tickers: 2, limit_per_sec: Some(0.05), ..MarketConfig::default() }).await;
    let paths = [cboe("NOSUCH"), "/yahoo/v8/finance/chart/NOSUCH".to_owned(), "/finviz/screener.ashx".to_owned()];
    let mut answers = Vec::new();
    for path in &paths {
        assert_ne!(text(&market, path).await.0, 429, "the first is admitted");
        answers.push(text(&market, path).await);
    }
    assert_eq!(answers[0].0, 429);
    assert_eq!(answers[1], (429, "Too Many Requests\r\n".to_owned()));
    assert_eq!(answers[2], (200, "Too many requests.".to_owned()));
    assert_eq!(market.requests(), 6);
    market.stop().await;
}

#[tokio::test]
async fn the_log_has_a_line_before_the_answer_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let market = market(MarketConfig { tickers: 2, log: Some(log.clone()), ..MarketConfig::default() }).await;
    text(&market, "/finviz/screener.ashx?v=111&r=21").await;
    let lines = std::fs::read_to_string(&log).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(line["path"], "/finviz/screener.ashx?v=111&r=21");
    assert_eq!((&line["method"], &line["vendor"], &line["status"]), (&"GET".into(), &"finviz".into(), &200.into()));
    assert!(line["peer"].as_str().unwrap().parse::<SocketAddr>().is_ok());
    assert!(line["headers"]["host"].is_string() && line["time"].is_string());
    text(&market, "/_market").await;
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 2);
    assert_eq!(market.requests(), 1, "the market's own endpoints are logged, not counted");
    market.stop().await;
}

#[tokio::test]
async fn bodies_are_compressed_for_who_accepts_it() {
    let market = small().await;
    let ticker = first_ticker(&market).await;
    let client = client();
    let get = |encoding: &'static str| {
        let request = client.get(format!("{}{}", market.url(), cboe(&ticker))).header("accept-encoding", encoding);
        async move { request.send().await.unwrap() }
    };
    let (plain, packed) = (get("br").await, get("gzip, deflate, br").await);
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let (plain, packed) = (plain.bytes().await.unwrap(), packed.bytes().await.unwrap());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    market.stop().await;
}

#[tokio::test]
async fn a_taken_port_and_bad_settings_are_named() {
    let market = small().await;
    let again = MarketConfig { listen: market.address(), ..MarketConfig::default() };
    let error = serve(again).await.unwrap_err();
    assert!(matches!(error, MarketError::AddressInUse(_)));
    assert!(error.to_string().contains(&market.address().to_string()) && error.to_string().contains("--listen"));
    assert!(serve(MarketConfig { tickers: 0, ..MarketConfig::default() }).await.is_err());
    assert!(serve(MarketConfig { limit_per_sec: Some(f64::NAN), ..MarketConfig::default() }).await.is_err());
    let nowhere = Some("/nonexistent/folder/log".into());
    assert!(matches!(
        serve(MarketConfig { log: nowhere, ..MarketConfig::default() }).await,
        Err(MarketError::Log { .. })
    ));
    market.stop().await;
}
