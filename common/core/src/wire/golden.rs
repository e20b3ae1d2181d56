//! Holds the encoding of every [`super::Wire`] type to bytes that are committed under `golden/`: what one version
//! wrote, every later one must read, and must not write differently without a new version number.
//!
//! After a deliberate change (a new version): `UPDATE_GOLDEN=1 cargo test -p fleet-core golden`, and look at the diff.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;

use super::{Wire, WireError, decode, encode};
use crate::domain::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).unwrap()
}

fn ticker(text: &str) -> Ticker {
    Ticker::parse(text).unwrap()
}

fn scan() -> ScanId {
    ScanId::parse("finviz-20261120-1000").unwrap()
}

fn symbol() -> OccSymbol {
    OccSymbol::parse("TSLA270319C00450000").unwrap()
}

/// The file's bytes are the encoding, and the encoding's value is the sample.
#[track_caller]
fn check<T: Wire + PartialEq + Debug>(name: &str, sample: &T) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    let mut bytes = encode(sample).unwrap();
    bytes.push(b'\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&golden), "{name} is written differently");
    assert_eq!(&decode::<T>(&golden).unwrap(), sample, "{name} is read differently");
}

fn manifest() -> Manifest {
    let base = |key: &str, url: &str| (key.to_owned(), url.to_owned());
    Manifest {
        version: Manifest::VERSION,
        scan: scan(),
        tickers: vec![ticker("TSLA"), ticker("BRK.B"), ticker("SPX")],
        as_of: Some(at("2026-11-20T15:00:00Z")),
        facts: Default::default(),
        analysis: serde_json::json!({ "gates": { "min_volume": 50, "max_spread_pct": 12.5 }, "off": null }),
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe, Vendor::Yahoo],
            bars: Vendor::Yahoo,
            routes: vec![VendorRoute {
                vendor: Vendor::Yahoo,
                base_urls: BTreeMap::from([
                    base("query", "http://127.0.0.1:9/q"),
                    base("cookie", "http://127.0.0.1:9/c"),
                ]),
                budget_per_sec: Some(2.5),
                max_quote_age_secs: 1_200,
            }],
            identity: vec![("user-agent".to_owned(), "Mozilla/5.0".to_owned())],
            max_bars_per_ticker: 12,
            bar_sessions: 120,
            underlying_bar_sessions: Some(1260),
            dte_window: (20, 60),
            gateways: None,
        },
        limits: DeliveryLimits {
            timeout_secs: 120,
            max_attempts: 5,
            request_timeout_secs: 20,
            request_tries: 4,
            max_retry_after_secs: 60,
        },
        config_hash: "5f2c".to_owned(),
        deadline: at("2026-11-20T15:10:00Z"),
    }
}

fn checks() -> Vec<Check> {
    vec![
        Check::new("rsi", Some(27.125), Operator::AtMost, 30.0),
        Check::new("earnings_days", None, Operator::Above, 5.0),
    ]
}

fn score() -> Score {
    Score { parts: vec![ScorePart { name: "rsi".into(), points: 17.5, max: 25.0, unknown: false }] }
}

fn plan() -> EntryPlan {
    EntryPlan {
        buy: price(19.2),
        target: price(22.1),
        stop: price(14.4),
        valid_until: at("2026-11-20T21:00:00Z"),
        time_stop_sessions: Some(10),
        direction: crate::domain::Direction::Long,
        signals: crate::domain::ExitSignals::default(),
        confirm_pct: None,
        advice: crate::domain::Advice::Act,
        exit_rsi: Some(70.0),
        exit_dte: 7,
        commission: price(0.65),
    }
}

fn mark() -> Mark {
    Mark { at: at("2026-11-20T16:00:00Z"), bid: Some(price(19.05)), ask: None }
}

fn exit() -> Exit {
    Exit::book(at("2026-11-23T15:00:00Z"), price(19.2), price(22.1), ExitReason::Target, price(0.65))
}

fn trade() -> TradeRecord {
    TradeRecord {
        id: TradeId::derive("oversold_call", &symbol(), date(2026, 11, 20)),
        strategy: "oversold_call".to_owned(),
        underlying: ticker("TSLA"),
        symbol: symbol(),
        control: false,
        state: TradeState::Closed,
        scan: scan(),
        signalled_at: at("2026-11-20T15:00:00.25Z"),
        entry_session: date(2026, 11, 20),
        signal_bid: price(19.1),
        signal_ask: price(19.3),
        plan: plan(),
        score: score(),
        checks: checks(),
        fill: Some(Fill { at: at("2026-11-20T15:30:00Z"), session: date(2026, 11, 20), price: price(19.2) }),
        exit: Some(exit()),
        ignored: false,
        last_mark: Some(mark()),
        confirmation: None,
    }
}

fn notice() -> Notice {
    Notice {
        kind: NoticeKind::Filled,
        trade: trade().id,
        at: at("2026-11-20T15:30:00Z"),
        text: "TSLA 27-03-19 450C filled at 19.20".to_owned(),
    }
}

fn candidate() -> Candidate {
    Candidate {
        underlying: ticker("TSLA"),
        symbol: symbol(),
        strategy: "oversold_call".to_owned(),
        bid: price(19.1),
        ask: price(19.3),
        mid: 19.2,
        plan: plan(),
        gross_pct: 15.104_166_666_666_666,
        net_pct: 13.9,
        volume: Some(412),
        open_interest: None,
        spread_pct: 1.041_666_666_666_666_7,
        iv: Some(0.412),
        delta: Some(0.38),
        model: None,
        dte: 119,
        rsi: Some(27.125),
        coverage: None,
        indicators: Vec::new(),
        score: score(),
        checks: checks(),
        quote_time: at("2026-11-20T14:45:00Z"),
        spot_used: Some(401.25),
        flags: vec!["delayed".to_owned()],
        control: false,
        metrics: None,
    }
}

fn finding(answer: Answer) -> Finding {
    let transition = |transition, notice| TradeTransition { trade: trade().id, transition, notice };
    let fill = Fill { at: at("2026-11-20T15:30:00Z"), session: date(2026, 11, 20), price: price(19.2) };
    Finding {
        ticker: ticker("TSLA"),
        as_of: at("2026-11-20T15:00:00Z"),
        answer,
        provenance: Provenance {
            vendor: Vendor::Cboe,
            quote_time: Some(at("2026-11-20T14:45:00Z")),
            fetched_at: Some(at("2026-11-20T15:00:00.123456Z")),
            vendor_spot: Some(price(401.0)),
            spot: Some(401.25),
            spot_source: SpotSource::Implied,
            spot_gap: Some(0.000_623_441_396_508_728_2),
            forwards: BTreeMap::from([(date(2027, 3, 19), 405.5)]),
            flags: vec!["delayed".to_owned(), "yield_assumed".to_owned()],
        },
        funnel: Funnel(BTreeMap::from([("candidate".to_owned(), 1), ("gate:volume".to_owned(), 40)])),
        candidates: vec![candidate()],
        near_misses: vec![NearMiss { symbol: symbol(), strategy: "oversold_call".to_owned(), missed: checks(), of: 9 }],
        transitions: vec![
            transition(Transition::Filled(fill), Some(notice())),
            transition(Transition::Lapsed { at: at("2026-11-20T15:30:00Z") }, None),
            transition(Transition::Closed(exit()), None),
        ],
        marks: vec![(trade().id, mark())],
        summary: None,
        metrics: None,
        iv_sessions: None,
        not_served: vec![date(2026, 12, 18)],
        requests: RequestCounts::of([(Vendor::Cboe, 1), (Vendor::Yahoo, 3)]),
    }
}

fn outcome(outcome: Outcome) -> StoredOutcome {
    StoredOutcome { scan: scan(), ticker: ticker("TSLA"), outcome, worker: "host:12".to_owned(), attempt: 2 }
}

#[test]
fn golden_manifest() {
    check("manifest.json", &manifest());
    let said = UnderlyingFacts {
        class: None,
        earnings: Some(vec![
            EarningsDate { date: date(2026, 10, 29), estimated: false },
            EarningsDate { date: date(2027, 1, 28), estimated: true },
        ]),
        market_cap: None,
        holding: Some(Holding { shares: 300, cost_basis: price(187.5) }),
    };
    let all = UnderlyingFacts { class: Some(UnderlyingClass::Fund), market_cap: Some(3.4e12), ..Default::default() };
    let facts = BTreeMap::from([(ticker("BRK.B"), all), (ticker("TSLA"), said)]);
    check("manifest-facts.json", &Manifest { facts, ..manifest() });
    let gateways = GatewayPlan {
        set: "finviz-20261120-1000".to_owned(),
        names: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
        vendors: vec![Vendor::Cboe],
        per_address_per_sec: BTreeMap::from([(Vendor::Cboe, 2.5)]),
        canary: Some(CanaryPlan { ticker: ticker("SPY"), every_requests: 50, lag_secs: 120 }),
    };
    let vendors = VendorPlan { gateways: Some(gateways), ..manifest().vendors };
    check("manifest-gateways.json", &Manifest { vendors, ..manifest() });
    check("manifest-live.json", &Manifest { as_of: None, tickers: Vec::new(), ..manifest() });
}

/// What older versions froze, as they wrote it: a scan that began before an update is worked on after it.
#[test]
fn older_manifests_are_read() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
        decode::<Manifest>(&std::fs::read(path).unwrap()).unwrap()
    };
    let facts = Default::default();
    let vendors = VendorPlan { underlying_bar_sessions: None, ..manifest().vendors };
    assert_eq!(read("manifest-of-version-1.json"), Manifest { version: 1, facts, vendors, ..manifest() });
    let second = read("manifest-of-version-2.json");
    assert_eq!((second.version, second.facts.len()), (2, 2));
    // As many bars of the underlying as of a contract, as it was.
    let underlying = Instrument::Underlying(ticker("TSLA"));
    assert_eq!([&underlying, &Instrument::Contract(symbol())].map(|of| second.vendors.bar_sessions_of(of)), [120, 120]);
    assert_eq!(manifest().vendors.bar_sessions_of(&underlying), 1260);
}

#[test]
fn golden_task() {
    check("task.json", &Task { scan: scan(), ticker: ticker("BRK.B") });
}

#[test]
fn golden_trade_record() {
    check("trade-closed.json", &trade());
    let fresh = TradeRecord { state: TradeState::Pending, fill: None, exit: None, last_mark: None, ..trade() };
    check("trade-pending.json", &fresh);
    check("trade-proposed.json", &TradeRecord { state: TradeState::Proposed, ..fresh });
}

#[test]
fn golden_notice() {
    check("notice.json", &notice());
}

#[test]
fn golden_mark() {
    check("mark.json", &mark());
}

#[test]
fn golden_bar_series() {
    let bar = Bar {
        date: date(2026, 11, 19),
        open: price(19.0),
        high: price(20.0001),
        low: price(18.5),
        close: price(19.2),
        volume: 412,
    };
    let of = |instrument| BarSeries {
        instrument,
        bars: vec![bar],
        last_split: Some(date(2022, 8, 25)),
        dividends: Some(Vec::new()),
        incomplete: 2,
        complete_from: None,
    };
    check("bars-underlying.json", &of(Instrument::Underlying(ticker("TSLA"))));
    check("bars-contract.json", &of(Instrument::Contract(symbol())));
    let complete = BarSeries { complete_from: Some(date(2025, 11, 15)), ..of(Instrument::Contract(symbol())) };
    check("bars-complete.json", &complete);
    let paid = |month, cents: f64| CashDividend { ex_date: date(2026, month, 10), amount: price(cents / 100.0) };
    let paying = BarSeries {
        dividends: Some(vec![paid(8, 26.0), paid(11, 26.25)]),
        ..of(Instrument::Underlying(ticker("TSLA")))
    };
    check("bars-dividends.json", &paying);
    let nobody_knows = BarSeries { dividends: None, ..paying };
    assert_eq!(decode::<BarSeries>(&encode(&nobody_knows).unwrap()).unwrap(), nobody_knows);
    // What a cache keeps was once written without the session; and who wants only the bars reads what has it.
    check("bars-complete.json", &KeptBars { series: complete.clone(), whole_in: None });
    let kept = KeptBars { series: complete.clone(), whole_in: Some(date(2026, 11, 18)) };
    check("bars-kept.json", &kept);
    assert_eq!(decode::<BarSeries>(&encode(&kept).unwrap()).unwrap(), complete);
}

#[test]
fn golden_outcome() {
    let found = |answer| Outcome::Found(Box::new(finding(answer)));
    check("outcome-found.json", &outcome(found(Answer::Analysed)));
    let reason = FailReason { word: "throttled".to_owned(), detail: "the vendor asks us to slow down".to_owned() };
    let requests = RequestCounts::of([(Vendor::Cboe, 4)]);
    check("outcome-failed.json", &outcome(Outcome::Failed { reason, requests }));
    check("outcome-poison.json", &outcome(Outcome::Poison { attempts: 5 }));
    check("outcome-sealed.json", &outcome(Outcome::Sealed));
    let skips = [
        ("no-options", SkipReason::NoOptions),
        ("stale", SkipReason::StaleQuotes { age_secs: 5_000, limit_secs: 1_200 }),
        ("undated", SkipReason::UndatedQuotes),
        ("spot-gap", SkipReason::SpotGap { gap: -0.031 }),
        ("pre-gate", SkipReason::UnderlyingPreGate { check: checks().remove(0) }),
        ("thin", SkipReason::ThinUnderlying { bars: 12, needed: 60 }),
    ];
    for (name, reason) in skips {
        let skipped = Finding {
            candidates: Vec::new(),
            near_misses: Vec::new(),
            transitions: Vec::new(),
            ..finding(Answer::Skipped(reason))
        };
        check(&format!("outcome-skipped-{name}.json"), &outcome(Outcome::Found(Box::new(skipped))));
    }
}

fn contract_metrics() -> ContractMetrics {
    let held = |position, yields, ev_hist| PositionMetrics {
        position,
        price: 19.3,
        breakeven: Some(469.3),
        breakeven_pct: Some(16.959_5),
        breakeven_sigma: None,
        pop: Some(0.25),
        pop_delta: Some(0.625),
        max_loss_per_contract: Some(1930.0),
        ev: Some(ExpectedProfit { vol: 0.375, per_share: -1.5, to_max_loss: Some(-0.078_125), per_day: None }),
        ev_hist,
        yields,
        size_hint: Some(0),
    };
    let past = PastProfit {
        per_share: 2.5,
        low: Some(-1.25),
        high: Some(6.0),
        won: 0.5,
        sessions: 40,
        windows: 210,
        n_eff: 5.25,
    };
    let called = PremiumYield::CoveredCall {
        static_pct: 5.0,
        static_annual_pct: Some(15.25),
        if_called_pct: 17.5,
        if_called_annual_pct: None,
    };
    ContractMetrics {
        iv_bid: Some(0.4375),
        iv_ask: Some(0.453_125),
        iv_uncertainty: Some(0.007_812_5),
        greeks: Some(ContractGreeks {
            delta: 0.375,
            gamma: 0.0039,
            theta_per_day: -0.125,
            vega_per_point: 0.875,
            rho_per_point: 0.5,
        }),
        prob_itm: Some(0.312_5),
        bought: Some(held(Position::LongCall, None, Some(past))),
        sold: Some(held(Position::CoveredCall, Some(called), None)),
        is_new: true,
        liquidity: Some(75.5),
        expected_move: Some(expiration_move()),
        bars: Some(BarMetrics { rsi: Some(27.125), traded_sessions: 18, ..BarMetrics::default() }),
        ..ContractMetrics::default()
    }
}

fn expiration_move() -> ExpirationMove {
    let (expiration, dte) = (date(2027, 3, 19), 119);
    let (one_sigma, straddle_85) = (Some(100.5), Some(68.25));
    ExpirationMove { expiration, dte, atm_iv: Some(0.4375), one_sigma, straddle_85, straddle_one_sigma: None }
}

/// A finding with the metrics of a contract and of its underlying, and the summary of its chain.
#[test]
fn golden_metrics() {
    let summary = SessionSummary {
        session: date(2026, 11, 20),
        as_of: at("2026-11-20T15:00:00Z"),
        spot: Some(401.25),
        iv30: Some(0.421_875),
        skew_25: None,
        term_slope: Some(1.0625),
        call_volume: 120_000,
        put_volume: 80_000,
        call_open_interest: Some(900_000),
        put_open_interest: None,
    };
    let metrics = UnderlyingMetrics {
        iv30: Some(0.421_875),
        iv_rank: Some(62.5),
        iv_sessions: 41,
        realised: RealisedVols { hv20: Some(0.375), ..RealisedVols::default() },
        iv30_to_hv20: Some(1.125),
        put_call_max_dte: 60,
        expected_moves: vec![expiration_move()],
        ..UnderlyingMetrics::default()
    };
    let told = Finding {
        candidates: vec![Candidate { metrics: Some(Box::new(contract_metrics())), ..candidate() }],
        summary: Some(summary),
        metrics: Some(Box::new(metrics)),
        ..finding(Answer::Analysed)
    };
    check("outcome-metrics.json", &outcome(Outcome::Found(Box::new(told))));
}

#[test]
fn golden_cash_dividends() {
    let model = PricingModel {
        exercise: ExerciseModel::AmericanCashDividends,
        spot: 401.5,
        spot_source: SpotSource::Implied,
        rate: 0.0425,
        yield_: -0.001_953_125,
        yield_assumed: false,
        dividend_bound: None,
    };
    let dividend = ExpectedDividend { ex_date: date(2026, 12, 10), amount: price(0.26), projected: true };
    let cash = CashPriced { iv: 0.4375, delta: 0.390_625, model, dividends: vec![dividend] };
    let by_yield = PricingModel { exercise: ExerciseModel::American, dividend_bound: Some(0.52), ..model };
    let metrics = ContractMetrics { cash: Some(Box::new(cash)), ..contract_metrics() };
    let told = Finding {
        candidates: vec![
            Candidate { model: Some(model), metrics: Some(Box::new(metrics)), ..candidate() },
            Candidate { model: Some(by_yield), ..candidate() },
        ],
        ..finding(Answer::Analysed)
    };
    check("outcome-cash-dividends.json", &outcome(Outcome::Found(Box::new(told))));
}

#[test]
fn a_newer_version_is_refused_by_name_before_its_body_is_read() {
    let error = decode::<Task>(br#"{"v":2,"body":{"what":"nobody knows yet"}}"#).unwrap_err();
    assert!(matches!(error, WireError::Newer { what: "task", found: 2, known: 1 }), "{error:?}");
}

#[test]
fn fields_of_a_later_revision_are_passed_over() {
    let bytes = br#"{"v":1,"body":{"scan":"finviz-20261120-1000","ticker":"TSLA","lane":3},"by":"x"}"#;
    assert_eq!(decode::<Task>(bytes).unwrap(), Task { scan: scan(), ticker: ticker("TSLA") });
}

#[test]
fn what_is_no_encoding_is_refused() {
    for bytes in ["", "{", "[]", r#"{"v":1}"#, r#"{"body":{}}"#, r#"{"v":1,"body":{"scan":"a b","ticker":"TSLA"}}"#] {
        assert!(decode::<Task>(bytes.as_bytes()).is_err(), "{bytes:?} was read");
    }
    let deep = format!(r#"{{"v":1,"body":{}}}"#, "[".repeat(100_000));
    assert!(decode::<Task>(deep.as_bytes()).is_err());
}

#[test]
fn golden_worker_report() {
    let report = WorkerReport {
        name: "host:12".to_owned(),
        version: "0.1.0".to_owned(),
        slots: 8,
        busy: 3,
        committed: 41,
        draining: false,
        started_at: at("2026-11-20T14:55:00Z"),
    };
    check("worker-report.json", &report);
}

#[test]
fn golden_endpoints() {
    let endpoint = |name: &str| GatewayEndpoint {
        name: name.to_owned(),
        base_url: "https://abc123defg.execute-api.us-east-1.amazonaws.com/v1".to_owned(),
        api_key: GatewayKey::new("0123456789abcdef".to_owned()),
    };
    check("endpoints.json", &super::KeptEndpoints(vec![endpoint("us-east-1"), endpoint("us-east-1/2")]));
}
