//! Against a scripted server on loopback that speaks the vendors' formats: what is asked of whom, and what comes back.

use std::collections::BTreeSet;
use std::sync::Mutex;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::civil::{Date, date};

use super::*;
use crate::identity::default_identity;
use crate::simulated::routes;
use crate::test_support::{MemoryBudgets, Server, serve};

const LIMITS: DeliveryLimits = DeliveryLimits {
    timeout_secs: 120,
    max_attempts: 5,
    request_timeout_secs: 10,
    request_tries: 2,
    max_retry_after_secs: 5,
};

fn plan(routes: Vec<VendorRoute>) -> VendorPlan {
    VendorPlan {
        chain_order: vec![Vendor::Cboe, Vendor::Yahoo],
        bars: Vendor::Yahoo,
        routes,
        identity: default_identity(),
        max_bars_per_ticker: 12,
        bar_sessions: 130,
        underlying_bar_sessions: None,
        dte_window: (0, 60),
        gateways: None,
    }
}

fn built(plan: &VendorPlan, limits: DeliveryLimits) -> Result<VendorMarket, ClientError> {
    let endpoints = Arc::new(fleet_core::seams::MemoryEndpoints::default());
    VendorMarket::new(plan, limits, Arc::new(MemoryBudgets::default()), endpoints, TlsSettings::default())
}

fn market(server: &Server) -> VendorMarket {
    built(&plan(routes(&server.url())), LIMITS).unwrap()
}

fn as_of() -> Timestamp {
    "2026-11-20T15:00:00Z".parse().unwrap()
}

fn want() -> ChainRequest {
    ChainRequest { as_of: Some(as_of()), dte_window: (0, 60), also: BTreeSet::new() }
}

fn ticker() -> Ticker {
    Ticker::parse("AAPL").unwrap()
}

/// A chain of CBOE with these contracts.
fn cboe_body(contracts: &[&str]) -> String {
    let rows: Vec<String> = contracts
        .iter()
        .map(|symbol| {
            format!(
                r#"{{"option":"{symbol}","bid":1.0,"ask":1.1,"bid_size":1.0,"ask_size":1.0,"iv":0.2,"open_interest":10.0,
                "volume":5.0,"delta":0.5,"gamma":0.1,"vega":0.1,"theta":-0.1,"rho":0.1,"theo":1.05,"change":0.0,"open":1.0,
                "high":1.0,"low":1.0,"tick":"up","last_trade_price":1.0,"last_trade_time":"2026-11-20T09:45:00",
                "percent_change":0.0,"prev_day_close":1.0}}"#
            )
        })
        .collect();
    format!(
        r#"{{"timestamp":"2026-11-20 15:00:00","symbol":"AAPL","data":{{"symbol":"AAPL","security_type":"stock",
        "current_price":250.0,"last_trade_time":"2026-11-20T09:45:00","options":[{}]}}}}"#,
        rows.join(",")
    )
}

const LISTED: [Date; 3] = [date(2026, 11, 27), date(2026, 12, 18), date(2027, 3, 19)];

fn epoch(day: Date) -> i64 {
    crate::vendors::yahoo::urls::midnight_utc(day)
}

/// A page of Yahoo's chain: the rows of one expiration.
fn yahoo_body(day: Date) -> String {
    let listed: Vec<String> = LISTED.iter().map(|day| epoch(*day).to_string()).collect();
    let at = epoch(day);
    let yymmdd = day.strftime("%y%m%d");
    let row = |kind: &str| {
        format!(
            r#"{{"contractSymbol":"AAPL{yymmdd}{kind}00250000","strike":250,"currency":"USD","lastPrice":1.0,"change":0,
            "volume":5,"openInterest":10,"bid":1.0,"ask":1.1,"contractSize":"REGULAR","expiration":{at},
            "lastTradeDate":1795185000,"impliedVolatility":0.2,"inTheMoney":false}}"#
        )
    };
    format!(
        r#"{{"optionChain":{{"result":[{{"underlyingSymbol":"AAPL","expirationDates":[{}],"strikes":[250],
        "hasMiniOptions":false,"quote":{{"symbol":"AAPL","quoteType":"EQUITY","regularMarketPrice":250.0,
        "regularMarketTime":1795186000}},"options":[{{"expirationDate":{at},"hasMiniOptions":false,"calls":[{}],
        "puts":[{}]}}]}}],"error":null}}}}"#,
        listed.join(","),
        row("C"),
        row("P"),
    )
}

const NOT_FOUND: &str =
    r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#;
const INVALID_CRUMB: &str =
    r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#;

/// Yahoo without a handshake: every page is served, but those of the dates given get this status.
fn yahoo_open(failing: &'static [Date], status: u16) -> Router {
    let options = move |Query(query): Query<std::collections::BTreeMap<String, String>>| async move {
        let day = match query.get("date") {
            None => LISTED[0],
            Some(text) => LISTED.into_iter().find(|day| epoch(*day).to_string() == *text).unwrap(),
        };
        if query.contains_key("date") && failing.contains(&day) {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        yahoo_body(day).into_response()
    };
    Router::new().route("/yahoo/v7/finance/options/AAPL", get(options))
}

/// CBOE that answers this.
fn cboe(status: u16, body: String) -> Router {
    let answer = move || async move { (StatusCode::from_u16(status).unwrap(), body) };
    Router::new().route("/cboe/api/global/delayed_quotes/options/AAPL.json", get(answer))
}

fn counts(tally: &RequestTally) -> (u32, u32) {
    let counts = tally.counts().vendors;
    let of = |vendor| counts.get(&vendor).copied().unwrap_or(0);
    (of(Vendor::Cboe), of(Vendor::Yahoo))
}

/// The chain's vendor or the failure's vendor and word, and the requests to CBOE and Yahoo.
async fn check_order(cboe_status: u16, cboe_body: String, yahoo: Router, expected: (&str, (u32, u32))) {
    let server = serve(cboe(cboe_status, cboe_body).merge(yahoo)).await;
    let tally = RequestTally::default();
    let got = match market(&server).chain(&ticker(), &want(), &tally).await {
        Ok((chain, _)) => format!("{} {}", chain.vendor, chain.rows()),
        Err(error) => format!("{} {}", error.vendor, error.failure.word()),
    };
    assert_eq!((got.as_str(), counts(&tally)), expected);
    assert_eq!(server.requests().len() as u32, tally.counts().total(), "the server's log is the count");
}

#[tokio::test]
async fn yahoo_is_asked_only_where_cboe_knows_nothing() {
    let full = cboe_body(&["AAPL261218C00250000", "AAPL261218P00250000"]);
    let unknown = || Router::new();
    tokio::join!(
        check_order(200, full, yahoo_open(&[], 200), ("cboe 2", (1, 0))),
        check_order(404, String::new(), yahoo_open(&[], 200), ("yahoo 4", (1, 2))),
        check_order(200, cboe_body(&[]), yahoo_open(&[], 200), ("yahoo 4", (1, 2))),
        check_order(200, cboe_body(&[]), unknown(), ("cboe 0", (1, 1))),
        check_order(404, String::new(), unknown(), ("cboe not_found", (1, 1))),
        check_order(403, String::new(), yahoo_open(&[], 200), ("cboe blocked", (1, 0))),
        check_order(500, String::new(), yahoo_open(&[], 200), ("cboe server_error", (2, 0))),
        check_order(200, "{\"data\":".to_owned(), yahoo_open(&[], 200), ("cboe malformed", (1, 0))),
    );
}

/// A chain from Yahoo alone.
async fn yahoo_chain(router: Router, want: &ChainRequest) -> (Result<Chain, FetchError>, u32) {
    let server = serve(router).await;
    let mut plan = plan(routes(&server.url()));
    plan.chain_order = vec![Vendor::Yahoo];
    let tally = RequestTally::default();
    let answer = built(&plan, LIMITS).unwrap().chain(&ticker(), want, &tally).await;
    (answer.map(|(chain, _)| chain), counts(&tally).1)
}

#[tokio::test]
async fn only_wanted_expirations_are_asked_for() {
    let expirations = |chain: &Chain| chain.contracts.iter().map(|row| row.symbol.expiration).collect::<BTreeSet<_>>();
    let (chain, requests) = yahoo_chain(yahoo_open(&[], 200), &want()).await;
    let chain = chain.unwrap();
    assert_eq!(
        (expirations(&chain), requests),
        (BTreeSet::from([LISTED[0], LISTED[1]]), 2),
        "the first is not repeated"
    );
    assert_eq!((chain.expirations.as_slice(), chain.not_served.len()), (LISTED.as_slice(), 0));

    let none = ChainRequest { dte_window: (200, 300), ..want() };
    let (chain, requests) = yahoo_chain(yahoo_open(&[], 200), &none).await;
    let chain = chain.unwrap();
    assert_eq!((chain.rows(), chain.expirations.len(), requests), (0, 3, 1), "nothing wanted: nothing but the list");

    let also = ChainRequest { dte_window: (200, 300), also: BTreeSet::from([LISTED[2]]), ..want() };
    let (chain, requests) = yahoo_chain(yahoo_open(&[], 200), &also).await;
    assert_eq!((expirations(&chain.unwrap()), requests), (BTreeSet::from([LISTED[2]]), 2));
}

#[tokio::test]
async fn an_expiration_that_fails_is_not_served() {
    let wide = ChainRequest { dte_window: (0, 400), ..want() };
    let (chain, requests) = yahoo_chain(yahoo_open(&[LISTED[1]], 404), &wide).await;
    let chain = chain.unwrap();
    assert_eq!((chain.rows(), chain.not_served, requests), (4, vec![LISTED[1]], 3));

    // Refused: the others are not asked for.
    let (chain, requests) = yahoo_chain(yahoo_open(&[LISTED[1], LISTED[2]], 403), &wide).await;
    let chain = chain.unwrap();
    assert_eq!((chain.rows(), chain.not_served, requests), (2, vec![LISTED[1], LISTED[2]], 2));

    // All that were wanted fail: that is the answer.
    let far = ChainRequest { dte_window: (20, 400), ..want() };
    let (chain, requests) = yahoo_chain(yahoo_open(&[LISTED[1], LISTED[2]], 404), &far).await;
    assert_eq!((chain.unwrap_err().failure, requests), (FetchFailure::NotFound, 3));
}

/// Yahoo behind a handshake. Every cookie page hands out the next cookie; its crumb is `crumb-<n>`, good while
/// `valid` says so.
fn yahoo_closed(valid: Arc<Mutex<u32>>) -> Router {
    let handed = Arc::new(Mutex::new(0));
    let cookie = move || async move {
        let mut handed = handed.lock().unwrap();
        *handed += 1;
        let set = format!("A3=cookie-{handed}; Domain=.yahoo.com; Secure");
        (StatusCode::NOT_FOUND, [("set-cookie", set)], "not here").into_response()
    };
    let number = |headers: &HeaderMap| -> Option<u32> {
        headers.get("cookie")?.to_str().ok()?.strip_prefix("A3=cookie-")?.parse().ok()
    };
    let crumb = move |headers: HeaderMap| async move {
        match number(&headers) {
            Some(n) => format!("crumb/{n:05}").into_response(),
            None => StatusCode::UNAUTHORIZED.into_response(),
        }
    };
    let options = move |headers: HeaderMap, Query(query): Query<std::collections::BTreeMap<String, String>>| async move {
        let n = number(&headers).unwrap_or(0);
        let right = query.get("crumb").is_some_and(|crumb| *crumb == format!("crumb/{n:05}"));
        if right && n >= *valid.lock().unwrap() {
            yahoo_body(LISTED[0]).into_response()
        } else {
            (StatusCode::UNAUTHORIZED, INVALID_CRUMB).into_response()
        }
    };
    Router::new()
        .route("/yahoo-cookie/", get(cookie))
        .route("/yahoo/v1/test/getcrumb", get(crumb))
        .route("/yahoo/v7/finance/options/AAPL", get(options))
}

#[tokio::test]
async fn a_401_asks_for_one_handshake_and_all_slots_share_it() {
    let valid = Arc::new(Mutex::new(1));
    let server = serve(yahoo_closed(valid.clone())).await;
    let mut plan = plan(routes(&server.url()));
    plan.chain_order = vec![Vendor::Yahoo];
    let market = built(&plan, LIMITS).unwrap();
    let near = ChainRequest { dte_window: (0, 10), ..want() };
    let (tally, aapl) = (RequestTally::default(), ticker());
    let asks = futures::future::join_all((0..4).map(|_| market.chain(&aapl, &near, &tally))).await;
    assert!(asks.iter().all(Result::is_ok), "{asks:?}");
    let handshakes =
        |server: &Server| server.requests().iter().filter(|path| path.starts_with("/yahoo-cookie/")).count();
    assert_eq!((handshakes(&server), tally.counts().total()), (1, 4 + 2 + 4));
    assert_eq!(server.requests().len() as u32, tally.counts().total(), "handshakes are counted too");

    // The session is kept; when it goes stale, it is renewed once.
    market.chain(&aapl, &near, &tally).await.unwrap();
    assert_eq!(tally.counts().total(), 11);
    *valid.lock().unwrap() = 2;
    market.chain(&aapl, &near, &tally).await.unwrap();
    assert_eq!((handshakes(&server), tally.counts().total()), (2, 11 + 4));

    // A fresh session that is refused is the end of it.
    *valid.lock().unwrap() = u32::MAX;
    let refused = market.chain(&aapl, &near, &tally).await.unwrap_err().failure;
    assert_eq!(refused, FetchFailure::Unauthorized("Invalid Crumb".to_owned()));
    assert_eq!((handshakes(&server), tally.counts().total()), (3, 15 + 4));
}

#[tokio::test]
async fn the_consent_page_is_told_as_what_it_is() {
    let consent = || async {
        (StatusCode::TEMPORARY_REDIRECT, [("location", "https://guce.yahoo.com/consent?brandType=nonEu")])
            .into_response()
    };
    let closed = || async { (StatusCode::UNAUTHORIZED, INVALID_CRUMB) };
    let router =
        Router::new().route("/yahoo-cookie/", get(consent)).route("/yahoo/v7/finance/options/AAPL", get(closed));
    let (chain, requests) = yahoo_chain(router, &want()).await;
    assert_eq!((chain.unwrap_err().failure, requests), (FetchFailure::Consent, 2));
}

fn chart(symbol: &str) -> String {
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"currency":"USD","symbol":"{symbol}","instrumentType":"OPTION",
        "exchangeTimezoneName":"America/New_York","gmtoffset":-18000,"dataGranularity":"1d","range":""}},
        "timestamp":[1795098600],"indicators":{{"quote":[{{"open":[1.0],"high":[1.2],"low":[0.9],"close":[1.1],
        "volume":[7]}}],"adjclose":[{{"adjclose":[1.1]}}]}}}}],"error":null}}}}"#
    )
}

#[tokio::test]
async fn bars_of_what_never_traded_are_none_and_of_the_unknown_an_error() {
    let no_range = r#"{"chart":{"result":null,"error":{"code":"Bad Request","description":"Data doesn't exist for startDate = 1, endDate = 2"}}}"#;
    let answer = move |Path(symbol): Path<String>| async move {
        let response: Response = match symbol.as_str() {
            "AAPL" => chart("AAPL").into_response(),
            "AAPL261218C00250000" => chart("AAPL261218C00250000").into_response(),
            "YOUNG" => (StatusCode::BAD_REQUEST, no_range).into_response(),
            _ => (StatusCode::NOT_FOUND, NOT_FOUND).into_response(),
        };
        response
    };
    let server = serve(Router::new().route("/yahoo/v8/finance/chart/{symbol}", get(answer))).await;
    let market = market(&server);
    let tally = RequestTally::default();
    let bars = |instrument: Instrument| {
        let (market, tally) = (&market, &tally);
        async move {
            let from = date(2026, 5, 15);
            let series = market.bars(&instrument, from, as_of(), tally).await?;
            assert_eq!(series.complete_from, Some(from), "what was asked for is known, also of an empty answer");
            Ok::<usize, FetchError>(series.bars.len())
        }
    };
    let underlying = |code: &str| Instrument::Underlying(Ticker::parse(code).unwrap());
    let contract = |code: &str| Instrument::Contract(code.parse().unwrap());
    assert_eq!(bars(underlying("AAPL")).await, Ok(1));
    assert_eq!(bars(contract("AAPL261218C00250000")).await, Ok(1));
    assert_eq!(bars(contract("AAPL261218C00999000")).await, Ok(0));
    assert_eq!(bars(underlying("YOUNG")).await, Ok(0));
    let gone = bars(underlying("GONE")).await.unwrap_err();
    assert_eq!((gone.failure.word(), gone.what.as_str()), ("not_found", "bars of GONE"));
    assert_eq!(tally.counts().total(), 5);
    // From the date's midnight in New York.
    let (from, until) = ("1778817600", as_of().as_second());
    let asked = &server.requests()[0];
    assert!(asked.contains(&format!("period1={from}&period2={until}&interval=1d")), "{asked}");
}

/// A screener of 45 tickers at 20 a page.
fn screener(total: u32, throttled_first: bool) -> Router {
    let asked = Arc::new(Mutex::new(0));
    let page = move |Query(query): Query<std::collections::BTreeMap<String, String>>| async move {
        *asked.lock().unwrap() += 1;
        if throttled_first && *asked.lock().unwrap() == 2 {
            return ([("content-type", "text/html")], "Too many requests.".to_owned());
        }
        let first: u32 = query.get("r").map_or(1, |text| text.parse().unwrap());
        let codes: Vec<String> = (first..(first + 20).min(46)).map(code).collect();
        let rows: String = codes
            .iter()
            .enumerate()
            .map(|(at, code)| {
                format!(
                    "<tr class=\"styled-row is-bordered\"><td>{}</td><td data-boxover-ticker=\"{code}\"><a class=\"tab-link\" \
                     href=\"quote.ashx?t={code}\">{code}</a></td><td>10.00</td><td>1,000</td></tr>",
                    first as usize + at
                )
            })
            .collect();
        let ts: String = codes.iter().map(|code| format!("{code}|10.00|1000\n")).collect();
        let options: String = [1, 21, 41].iter().map(|r| format!("<option value={r}>Page</option>")).collect();
        let html = format!(
            "<html><body><div id=\"screener-total\" class=\"count-text\">#{first} / {total} Total</div>\
             <select id=\"pageSelect\">{options}</select><!-- TS\n{ts}TE -->\
             <table class=\"styled-table-new screener_table\"><thead><tr><th>No.</th><th>Ticker</th><th>Price</th>\
             <th>Volume</th></tr></thead>{rows}</table></body></html>"
        );
        ([("content-type", "text/html")], html)
    };
    Router::new().route("/finviz/screener.ashx", get(page))
}

fn code(n: u32) -> String {
    format!("T{}{}", char::from(b'A' + (n / 26) as u8), char::from(b'A' + (n % 26) as u8))
}

#[tokio::test]
async fn the_universe_is_every_page() {
    let server = serve(screener(45, true)).await;
    let tally = RequestTally::default();
    let answer = market(&server).universe("v=111&f=sh_opt_option", &tally).await.unwrap();
    assert_eq!((answer.tickers.len(), answer.total, answer.pages), (45, 45, 3));
    assert_eq!(answer.tickers[44].as_str(), code(45));
    assert_eq!(tally.counts().total(), 4, "the throttled page was asked for again");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn an_incomplete_universe_is_an_error() {
    let server = serve(screener(52, false)).await;
    let error = market(&server).universe("v=111", &RequestTally::default()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "finviz screener v=111: the answer is not understood: the screener counts 52 rows, its 3 pages hold 45"
    );
}

#[tokio::test]
async fn an_unreachable_vendor_is_told_once_and_plainly() {
    let server = serve(Router::new()).await;
    let market = market(&server);
    drop(server);
    // The server's task ends at its next turn.
    tokio::task::yield_now().await;
    let error = market.chain(&ticker(), &want(), &RequestTally::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "cboe chain of AAPL: cannot be reached (connection refused)");
}

#[test]
fn a_plan_that_cannot_work_is_refused() {
    let good = || plan(routes("http://127.0.0.1:9"));
    assert!(built(&good(), LIMITS).is_ok());

    let mut unlimited = good();
    unlimited.routes[1].base_urls.insert("base".to_owned(), "https://cdn.cboe.com".to_owned());
    assert!(matches!(built(&unlimited, LIMITS), Err(ClientError::Unlimited { vendor: Vendor::Cboe })));
    unlimited.routes[1].budget_per_sec = Some(2.0);
    assert!(built(&unlimited, LIMITS).is_ok());

    let mut plain = good();
    plain.routes[0].base_urls.insert("base".to_owned(), "http://finviz.com".to_owned());
    assert!(matches!(built(&plain, LIMITS), Err(ClientError::BaseUrl { vendor: Vendor::Finviz, .. })));

    let mut half = good();
    half.routes[2].base_urls.remove("cookie");
    assert!(matches!(built(&half, LIMITS), Err(ClientError::BaseUrl { vendor: Vendor::Yahoo, .. })));

    let mut robinhood = good();
    robinhood.chain_order = vec![Vendor::Robinhood];
    assert!(matches!(built(&robinhood, LIMITS), Err(ClientError::NoRoute { vendor: Vendor::Robinhood, .. })));
    let mut finviz = good();
    finviz.chain_order = vec![Vendor::Finviz];
    assert!(matches!(built(&finviz, LIMITS), Err(ClientError::CannotServe { vendor: Vendor::Finviz, .. })));

    let mut missing = good();
    missing.routes.remove(1);
    assert!(matches!(built(&missing, LIMITS), Err(ClientError::NoRoute { vendor: Vendor::Cboe, .. })));

    assert!(matches!(built(&good(), DeliveryLimits { request_tries: 0, ..LIMITS }), Err(ClientError::Limit(_))));
}
