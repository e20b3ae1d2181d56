//! Real data: recorded bodies of AAPL (Yahoo, one expiration) and RUT (CBOE, the whole chain), served on loopback as of
//! the instant their quotes were valid, and scanned by the program.

use std::collections::BTreeMap;
use std::path::Path;

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse};
use fleet_core::domain::{
    Chain, ContractExplanation, ContractQuote, Finding, OccSymbol, OptionKind, RequestCounts, ScanId, Ticker, calendar,
};
use fleet_core::seams::{Explanations, Scans};
use fleet_engines::sqlite::SqliteStore;
use fleet_scraper::vendors::cboe;
use fleet_tests::fleet::World;
use fleet_tests::recorded_market::{Page, Pages, RecordedMarket};
use fleet_tests::recordings::shared;
use fleet_worker::explanation::unpack;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const AAPL: &str = "captures/yahoo_options/yfrs_options_v7_AAPL_1756425600.20250826T1512Z.json";
const AAPL_BARS: &str = "captures/yahoo_chart/yfrs_history_chart_AAPL.20250826T1401Z.json";
/// Continuous three-month rate of 20 September 2023 (Treasury bills at 5.5 % a year).
const RATE_2023: f64 = 0.0535;
const RUT: &str = "captures/cboe/RUT_index_full_chain.json";

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()))
}

fn parsed(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// What the store keeps of the one ticker of a scan.
fn stored(world: &World, json: &Value, ticker: &str) -> (Finding, Vec<ContractExplanation>) {
    let scan = ScanId::parse(json["scan"].as_str().expect("a scan id")).expect("a scan id");
    let ticker = Ticker::parse(ticker).expect("a ticker");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let store = SqliteStore::open(&world.store_path()).expect("the store opens");
        let outcomes = store.outcomes(&scan, 0..u32::MAX).await.expect("the store answers");
        let finding = outcomes[0].finding().unwrap_or_else(|| panic!("no finding: {:?}", outcomes[0])).clone();
        let (_, blob) = store.explanation(&ticker).await.expect("the store answers").expect("an explanation");
        (finding, unpack(&blob).expect("explanations are readable"))
    })
}

/// Bars of a contract as they might have been: the recorded equity bars scaled to an option's price, every sixth
/// session without a trade.
fn contract_bars(equity: &Value, symbol: &str) -> Value {
    let mut body = equity.clone();
    let result = &mut body["chart"]["result"][0];
    result["meta"]["symbol"] = json!(symbol);
    result["meta"]["instrumentType"] = json!("OPTION");
    let sessions = result["timestamp"].as_array().expect("timestamps").len();
    let traded = |at: &usize| at % 6 != 2;
    let kept = |values: &Value| -> Vec<Value> {
        let values = values.as_array().expect("an array");
        values.iter().enumerate().filter(|(at, _)| traded(at)).map(|(_, value)| value.clone()).collect()
    };
    assert!(sessions > 60);
    result["timestamp"] = json!(kept(&result["timestamp"]));
    let quote = &mut result["indicators"]["quote"][0];
    for field in ["open", "high", "low", "close"] {
        let scaled: Vec<Value> =
            kept(&quote[field]).iter().map(|v| v.as_f64().map_or(Value::Null, |v| json!(v * v / 10_000.0))).collect();
        quote[field] = json!(scaled);
    }
    let volume: Vec<Value> =
        kept(&quote["volume"]).iter().map(|v| v.as_i64().map_or(Value::Null, |v| json!(v / 100_000))).collect();
    quote["volume"] = json!(volume);
    if let Some(adjusted) = result["indicators"].as_object_mut() {
        adjusted.remove("adjclose");
    }
    body
}

#[test]
fn the_recorded_aapl_chain_goes_through_yahoo_to_indicators() {
    let (Some(chain), Some(bars)) = (shared(AAPL), shared(AAPL_BARS)) else { return };
    let body = parsed(&chain);
    let result = &body["optionChain"]["result"][0];
    let rows = ["calls", "puts"].map(|side| result["options"][0][side].as_array().expect("rows").clone()).concat();
    assert_eq!(rows.len(), 103);
    let newest = rows.iter().filter_map(|row| row["lastTradeDate"].as_i64()).max().expect("dated rows");
    let quote_time = Timestamp::from_second(newest).expect("an instant");
    let listed = result["expirationDates"].as_array().expect("dates").clone();

    let equity = parsed(&bars);
    let mut pages = Pages::new();
    let path = "/yahoo/v7/finance/options/AAPL";
    pages.insert(path.to_owned(), Page::json(read(&chain)));
    pages.insert(format!("{path}?date={}", listed[0]), Page::json(read(&chain)));
    pages.insert("/yahoo/v8/finance/chart/AAPL".to_owned(), Page::json(read(&bars)));
    for row in &rows {
        let symbol = row["contractSymbol"].as_str().expect("a symbol");
        let body = contract_bars(&equity, symbol).to_string();
        pages.insert(format!("/yahoo/v8/finance/chart/{symbol}"), Page::json(body));
    }
    let market =
        RecordedMarket::start(quote_time.saturating_add(SignedDuration::from_secs(60)).expect("in range"), pages);

    let world = World::new();
    // S1 looks at the recorded week; the control's wide window makes every listed expiration wanted.
    let file = world.write(
        "optionfleet.toml",
        "[vendors.yahoo]\nper_address_per_sec = \"unlimited\"\ntotal_per_sec = \"unlimited\"\n\
         [strategies.oversold_call]\ndte = [0, 10]\nmax_underlying_rsi = 100.0\n\
         [strategies.control]\ndte = [0, 2000]\n[bars]\nmax_per_ticker = 100\n",
    );
    let ran = world
        .with_store(["scan", "--market", market.url(), "--tickers", "AAPL", "--format", "json", "--config"])
        .args([file])
        .run();
    let json = ran.json();
    let (finding, explained) = stored(&world, &json, "AAPL");
    assert!(
        market.asked().iter().any(|path| path.starts_with("/cboe/")),
        "CBOE comes first and does not know it: {:?}",
        market.asked()
    );
    assert_eq!(finding.provenance.vendor.word(), "yahoo");
    assert_eq!(finding.provenance.quote_time, Some(quote_time));
    assert_eq!(finding.funnel.total(), 103, "{:?}", finding.funnel);
    assert_eq!(explained.len(), 103);
    let with_indicators: Vec<&ContractExplanation> = explained
        .iter()
        .filter(|contract| {
            let checks = contract.strategies.iter().flat_map(|(_, checks)| checks);
            checks.into_iter().any(|check| check.name == "min_rsi_3" && check.value.is_some())
        })
        .collect();
    assert!(!with_indicators.is_empty(), "no contract reached its indicators: {:?}", finding.funnel);
    let not_served: Vec<Date> = listed[1..].iter().map(|at| calendar_date(at.as_i64().expect("seconds"))).collect();
    assert_eq!(not_served.len(), 20);
    assert_eq!(finding.not_served, not_served);
    eprintln!("AAPL: {:?}, {} contracts with indicators", finding.funnel.0, with_indicators.len());
    // The volatilities Yahoo prints come from another spot; only their order of magnitude is comparable.
    assert!(explained.iter().filter_map(|c| c.iv).all(|iv| (0.05..=5.0).contains(&iv)));
}

/// Yahoo's expirations are midnights of UTC.
fn calendar_date(seconds: i64) -> Date {
    Timestamp::from_second(seconds).expect("an instant").to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn rut() -> Option<(Vec<u8>, Timestamp)> {
    let body = read(&shared(RUT)?);
    // `last_trade_time` is New York's wall clock.
    let wall: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(wall["data"]["last_trade_time"], "2023-09-20T16:15:04");
    Some((body, calendar::at_new_york(Date::constant(2023, 9, 20), 16, 15, 4)))
}

#[test]
fn the_recorded_rut_chain_agrees_with_the_volatilities_its_vendor_prints() {
    let Some((body, quote_time)) = rut() else { return };
    let mut pages = Pages::new();
    pages.insert("/cboe/api/global/delayed_quotes/options/_RUT.json".to_owned(), Page::json(body));
    let market =
        RecordedMarket::start(quote_time.saturating_add(SignedDuration::from_secs(60)).expect("in range"), pages);
    let world = World::new();
    // No bars of RUT were recorded: without a strategy none are asked for.
    let file = world.write(
        "optionfleet.toml",
        format!(
            "[rates]\nrisk_free = {RATE_2023}\n[strategies]\noversold_call.enabled = false\ncontrol.enabled = false\n"
        ),
    );
    let command =
        world.with_store(["scan", "--market", market.url(), "--tickers", "RUT", "--format", "json", "--config"]);
    let (finding, explained) = stored(&world, &command.args([file]).run().expect_code(0).json(), "RUT");
    assert_eq!(finding.provenance.quote_time, Some(quote_time));
    assert_eq!(finding.funnel.total(), 6680, "{:?}", finding.funnel);
    assert_eq!(explained.len(), 6680);

    let mut apart: Vec<f64> =
        explained.iter().filter_map(|contract| Some((contract.iv? - contract.quote.vendor_iv?).abs())).collect();
    apart.sort_by(f64::total_cmp);
    assert!(apart.len() > 200, "only {} contracts have both volatilities: {:?}", apart.len(), finding.funnel);
    let (median, p90) = (apart[apart.len() / 2], apart[apart.len() * 9 / 10]);
    eprintln!("RUT: {} volatilities, apart from CBOE's: median {median:.5}, p90 {p90:.5}", apart.len());
    assert!(median < 0.005, "median {median}");
    assert!(p90 < 0.02, "p90 {p90}");
}

/// A chain by itself, looked at at one instant.
pub fn snapshot(chain: Chain, as_of: Timestamp) -> MarketSnapshot {
    MarketSnapshot {
        scan: ScanId::parse("recorded").expect("a scan id"),
        ticker: chain.underlying.clone(),
        as_of,
        chain,
        fetched_at: None,
        max_quote_age_secs: 1200,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        facts: Default::default(),
        history: Vec::new(),
        max_bars: 0,
        live_trades: Vec::new(),
        requests: RequestCounts::default(),
    }
}

#[test]
fn parity_holds_on_the_strikes_the_forward_was_not_fitted_on() {
    let Some((body, quote_time)) = rut() else { return };
    let ticker = Ticker::parse("RUT").expect("a ticker");
    let mut chain = cboe::parse::chain(&body, &ticker).expect("a chain");
    // The weeklies only: each expiration has one forward then.
    chain.contracts.retain(|quote| quote.symbol.root.as_str() == "RUTW");

    let mut by_strike: BTreeMap<(Date, u32), [Option<ContractQuote>; 2]> = BTreeMap::new();
    for quote in &chain.contracts {
        let side = usize::from(quote.symbol.kind == OptionKind::Put);
        let key = (quote.symbol.expiration, quote.symbol.strike.thousandths());
        by_strike.entry(key).or_default()[side] = Some(quote.clone());
    }
    let liquid = |quote: &ContractQuote| {
        let (mid, spread) = (quote.mid()?, quote.spread()?);
        (quote.bid?.dollars() >= 0.10 && spread <= (0.10 * mid).max(0.05)).then_some((mid, spread))
    };
    let (mut fitted, mut held_out) = (Vec::new(), Vec::new());
    for (at, (_, pair)) in by_strike.into_iter().enumerate() {
        let [Some(call), Some(put)] = pair else { continue };
        if at % 2 == 0 { fitted.extend([call, put]) } else { held_out.push((call, put)) }
    }
    chain.contracts = fitted;
    let mut config = AnalysisConfig::default();
    config.rates.risk_free = RATE_2023;
    let forwards = analyse(&snapshot(chain, quote_time), &config).provenance.forwards;

    let (mut pairs, mut inside) = (0_u32, 0_u32);
    for (call, put) in &held_out {
        let (Some((call_mid, call_spread)), Some((put_mid, put_spread))) = (liquid(call), liquid(put)) else {
            continue;
        };
        let symbol: &OccSymbol = &call.symbol;
        let (Some(forward), Some(years)) =
            (forwards.get(&symbol.expiration), calendar::years_to_settlement(quote_time, symbol))
        else {
            continue;
        };
        let owed = (-config.rates.risk_free * years).exp() * (forward - symbol.strike.dollars());
        pairs += 1;
        inside += u32::from((call_mid - put_mid - owed).abs() <= (call_spread + put_spread) / 2.0);
    }
    eprintln!("RUT: parity holds inside the half-spreads on {inside} of {pairs} held-out pairs");
    assert!(pairs >= 100, "only {pairs} liquid pairs");
    assert!(inside * 100 >= pairs * 95, "{inside} of {pairs}");
}
