use fleet_analysis::config::Costs;
use fleet_core::domain::{
    Answer, BarMetrics, Candidate, Check, ContractGreeks, ContractMetrics, EntryPlan, ExpectedProfit, ExpirationMove,
    FailReason, Finding, Funnel, GatewayUse, Manifest, NamedOutput, NamedReading, NearMiss, Notice, NoticeKind,
    OccSymbol, Operator, Oscillators, Outcome, PastProfit, Position, PositionMetrics, Price, Provenance, RealisedVols,
    RequestCounts, ScanId, ScanState, Score, ScorePart, SkipReason, SpotSource, StoredOutcome, Ticker, TradeId,
    TradeTransition, TradedSessions, Transition, UnderlyingMetrics, Vendor,
};
use jiff::Timestamp;

use super::build::break_even;
use super::*;
use crate::config::{Settings, manifest_template};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn dollars(value: f64) -> Price {
    Price::from_dollars(value).unwrap()
}

fn ticker(text: &str) -> Ticker {
    Ticker::parse(text).unwrap()
}

fn scan() -> ScanId {
    ScanId::parse("demo-20261120-100500").unwrap()
}

fn manifest(tickers: &[&str]) -> Manifest {
    let as_of = at("2026-11-20T15:05:00Z");
    let mut manifest = manifest_template(&Settings::default(), &scan(), "universe", Some(as_of), as_of);
    manifest.tickers = tickers.iter().map(|text| ticker(text)).collect();
    manifest
}

fn by_name() -> Vec<NamedReading> {
    let output = |name: &str, contract, underlying| NamedOutput { name: name.to_owned(), contract, underlying };
    let macd = [("macd", -0.31), ("macdsignal", -0.19), ("macdhist", -0.12)];
    vec![
        NamedReading { spec: "rsi:14".to_owned(), outputs: vec![output("real", Some(31.2), Some(42.75))] },
        NamedReading {
            spec: "macd".to_owned(),
            outputs: macd.map(|(name, value)| output(name, Some(value), None)).to_vec(),
        },
    ]
}

fn candidate(symbol: &str, mid: f64, points: f64) -> Candidate {
    let symbol = OccSymbol::parse(symbol).unwrap();
    let (bid, ask) = (dollars(mid * 0.99), dollars(mid * 1.01));
    let buy = dollars((mid * 100.0).round() / 100.0);
    Candidate {
        underlying: ticker(symbol.root.as_str()),
        symbol,
        strategy: "oversold_call".to_owned(),
        bid,
        ask,
        mid,
        plan: EntryPlan {
            buy,
            target: dollars(buy.dollars() * 1.15),
            stop: dollars(buy.dollars() * 0.7),
            valid_until: at("2026-11-20T15:35:00Z"),
            time_stop_sessions: Some(5),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: Some(60.0),
            exit_dte: 21,
            commission: dollars(0.65),
        },
        gross_pct: 15.0,
        net_pct: 12.9,
        volume: Some(702),
        open_interest: None,
        spread_pct: 2.0,
        iv: Some(0.352),
        delta: Some(0.484),
        model: None,
        dte: 119,
        rsi: Some(31.2),
        coverage: Some(TradedSessions { traded: if mid > 1000.0 { 18 } else { 20 }, of: 20 }),
        indicators: by_name(),
        score: Score {
            parts: vec![
                ScorePart { name: "rsi".into(), points, max: 25.0, unknown: false },
                ScorePart { name: "pct_b".into(), points: 0.0, max: 15.0, unknown: true },
            ],
        },
        checks: vec![Check::new("min_rsi_3", Some(31.2), Operator::AtMost, 35.0)],
        quote_time: at("2026-11-20T14:50:00Z"),
        spot_used: Some(452.17),
        flags: vec!["earnings_unknown".to_owned()],
        control: false,
        metrics: Some(Box::new(metrics())),
    }
}

/// The numbers beside a candidate; one of them is not known.
fn metrics() -> ContractMetrics {
    let position = PositionMetrics {
        position: Position::LongCall,
        price: 19.42,
        breakeven: Some(469.42),
        breakeven_pct: Some(3.815),
        breakeven_sigma: Some(0.187),
        pop: Some(0.3391),
        pop_delta: None,
        max_loss_per_contract: Some(1_942.0),
        ev: Some(ExpectedProfit { vol: 0.312, per_share: -1.234, to_max_loss: Some(-0.0635), per_day: Some(-0.0104) }),
        ev_hist: Some(PastProfit {
            per_share: 0.517,
            low: Some(-6.2),
            high: Some(7.9),
            won: 0.402,
            sessions: 81,
            windows: 169,
            n_eff: 169.0 / 81.0,
        }),
        yields: None,
        size_hint: Some(0),
    };
    ContractMetrics {
        cash: None,
        iv_bid: Some(0.349),
        iv_ask: Some(0.355),
        iv_uncertainty: Some(0.003),
        greeks: Some(ContractGreeks {
            delta: 0.484,
            gamma: 0.0043,
            theta_per_day: -0.1612,
            vega_per_point: 1.021,
            rho_per_point: 0.65,
        }),
        prob_itm: Some(0.412),
        prob_otm: Some(0.588),
        prob_touch: Some(0.871),
        bought: Some(position),
        sold: None,
        volume_to_open_interest: None,
        is_new: false,
        volume_to_own_median: Some(1.31),
        volume_to_underlying_mean: None,
        liquidity: Some(71.4),
        spread: Some(0.39),
        spread_ticks: Some(7.8),
        cost_to_leave_per_contract: Some(15.275),
        expected_move: Some(ExpirationMove {
            expiration: "2027-03-19".parse().unwrap(),
            dte: 119,
            atm_iv: Some(0.352),
            one_sigma: Some(90.88),
            straddle_85: Some(61.7),
            straddle_one_sigma: Some(90.97),
        }),
        bars: Some(BarMetrics {
            rsi: Some(31.2),
            traded_sessions: 18,
            adjusted: Some(Oscillators { rsi: Some(36.4), pct_b: None, macd_histogram: None, macd_rise: None }),
            ..BarMetrics::default()
        }),
    }
}

/// The numbers of an underlying with so many sessions of history.
fn underlying(sessions: u32) -> UnderlyingMetrics {
    let ranked = (sessions >= 30).then_some(22.4);
    UnderlyingMetrics {
        iv30: Some(0.361),
        iv_rank: ranked,
        iv_percentile: ranked.map(|rank| rank + 9.0),
        iv_sessions: sessions,
        realised: RealisedVols { hv20: Some(0.298), ..RealisedVols::default() },
        iv30_to_hv20: Some(0.361 / 0.298),
        put_call_max_dte: 60,
        ..UnderlyingMetrics::default()
    }
}

fn finding(name: &str, candidates: Vec<Candidate>) -> Finding {
    let mut requests = RequestCounts::default();
    requests.add(Vendor::Cboe, 1);
    requests.add(Vendor::Yahoo, 3);
    let mut funnel = Funnel::default();
    for _ in 0..1_200 {
        funnel.count("gate:spread");
    }
    funnel.count("refused:bad_symbol");
    funnel.count("strategy:oversold_call");
    for _ in &candidates {
        funnel.count("candidate");
    }
    Finding {
        ticker: ticker(name),
        as_of: at("2026-11-20T15:05:00Z"),
        answer: Answer::Analysed,
        provenance: Provenance {
            vendor: Vendor::Cboe,
            quote_time: Some(at("2026-11-20T14:50:00Z")),
            fetched_at: Some(at("2026-11-21T01:00:00Z")),
            vendor_spot: Some(dollars(452.0)),
            spot: Some(452.17),
            spot_source: SpotSource::Implied,
            spot_gap: Some(0.0004),
            forwards: BTreeMap::new(),
            flags: Vec::new(),
        },
        funnel,
        candidates,
        near_misses: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        summary: None,
        metrics: None,
        iv_sessions: None,
        not_served: Vec::new(),
        requests,
    }
}

fn stored(name: &str, outcome: Outcome) -> StoredOutcome {
    StoredOutcome { scan: scan(), ticker: ticker(name), outcome, worker: "w".to_owned(), attempt: 1 }
}

/// A report's input before its outcomes were gathered.
struct Given {
    input: ReportInput,
    outcomes: Vec<StoredOutcome>,
}

fn build(given: &Given) -> Report {
    let mut input = given.input.clone();
    given.outcomes.iter().cloned().for_each(|stored| input.gathered.add(stored));
    super::build(input)
}

/// A scan with one of everything.
fn input() -> Given {
    let mut tsla = finding("TSLA", vec![candidate("TSLA270319C00450000", 19.225, 20.0)]);
    tsla.metrics = Some(Box::new(underlying(41)));
    tsla.near_misses.push(NearMiss {
        symbol: OccSymbol::parse("TSLA270319C00460000").unwrap(),
        strategy: "oversold_call".to_owned(),
        missed: vec![
            Check::new("min_rsi_3", Some(36.21), Operator::AtMost, 35.0),
            Check::new("close_to_sma200", None, Operator::AtLeast, 0.9),
        ],
        of: 9,
    });
    let sold = TradeId::from_user("3F7KAAAAAAAA");
    tsla.transitions.push(TradeTransition {
        trade: sold.clone(),
        transition: Transition::Closed(fleet_core::domain::Exit::book(
            at("2026-11-20T15:05:00Z"),
            dollars(19.20),
            dollars(22.10),
            fleet_core::domain::ExitReason::Target,
            dollars(0.65),
        )),
        notice: None,
    });
    // The widest row a table can hold.
    let mut wide = candidate("ABCDEF270319P04512500", 1_234.56, 100.0);
    wide.gross_pct = 123.4;
    wide.net_pct = 101.0;
    (wide.volume, wide.open_interest) = (Some(84_213), Some(123_456));
    (wide.spread_pct, wide.iv, wide.delta) = (10.0, Some(0.852), Some(-0.351));
    let metrics = wide.metrics.as_mut().unwrap();
    let bought = metrics.bought.as_mut().unwrap();
    (bought.pop, bought.breakeven_pct, bought.breakeven_sigma) = (Some(0.5), Some(-12.34), Some(-10.05));
    bought.ev = bought.ev.map(|ev| ExpectedProfit { per_share: -123.4, ..ev });
    bought.ev_hist =
        bought.ev_hist.map(|ev| PastProfit { per_share: -999.99, n_eff: 1_260.0, low: Some(-1_000.0), ..ev });
    metrics.greeks = metrics.greeks.map(|greeks| ContractGreeks { theta_per_day: -123.4, ..greeks });
    metrics.expected_move = metrics.expected_move.map(|by| ExpirationMove { one_sigma: Some(1_234.5), ..by });
    (metrics.volume_to_open_interest, metrics.liquidity) = (Some(12_345.0), Some(100.0));
    let mut abcdef = finding("ABCDEF", vec![wide]);
    let of_abcdef = UnderlyingMetrics { iv_rank: Some(100.0), iv_percentile: Some(100.0), ..underlying(251) };
    abcdef.metrics = Some(Box::new(UnderlyingMetrics { iv30_to_hv20: Some(12.34), ..of_abcdef }));
    let mut aapl = finding("AAPL", Vec::new());
    aapl.answer = Answer::Skipped(SkipReason::StaleQuotes { age_secs: 4000, limit_secs: 1200 });
    aapl.provenance.vendor = Vendor::Yahoo;
    let mut msft = finding("MSFT", Vec::new());
    msft.not_served = vec!["2027-01-15".parse().unwrap()];
    msft.provenance.flags.push("bars_missing".to_owned());
    let mut universe_requests = RequestCounts::default();
    universe_requests.add(Vendor::Finviz, 3);
    let failed = Outcome::Failed {
        reason: FailReason {
            word: "blocked".to_owned(),
            detail: "cboe chain of BLOCK: the vendor refuses us: a challenge page was served instead of the chain"
                .to_owned(),
        },
        requests: RequestCounts::default(),
    };
    let outcomes = vec![
        stored("TSLA", Outcome::Found(Box::new(tsla))),
        stored("ABCDEF", Outcome::Found(Box::new(abcdef))),
        stored("AAPL", Outcome::Found(Box::new(aapl))),
        stored("MSFT", Outcome::Found(Box::new(msft))),
        stored("BLOCK", failed),
        stored("BAD", Outcome::Poison { attempts: 5 }),
        stored("LATE", Outcome::Sealed),
    ];
    let input = ReportInput {
        state: ScanState::Done,
        asked: None,
        manifest: manifest(&["TSLA", "ABCDEF", "AAPL", "MSFT", "BLOCK", "BAD", "LATE"]),
        gathered: Gathered::default(),
        trades: Vec::new(),
        notices: vec![Notice {
            kind: NoticeKind::Buy,
            trade: sold,
            at: at("2026-11-20T15:05:00Z"),
            text: "BUY S1 TSLA 19Mar27 450C\nlim 19.22 (19.03x19.42)".to_owned(),
        }],
        universe_requests,
        top: None,
    };
    Given { input, outcomes }
}

/// Compares with a file of `testdata`. `UPDATE_GOLDEN=1` writes it instead; the change is then reviewed in the diff.
#[track_caller]
fn check_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name} differs from its golden file");
}

#[test]
fn the_table_is_as_recorded() {
    check_golden("report.txt", &table::render(&build(&input())));
}

#[test]
fn the_json_is_as_recorded() {
    check_golden("report.json", &build(&input()).json().unwrap());
}

#[test]
fn the_csv_is_as_recorded() {
    check_golden("report.csv", &csv::render(&build(&input())));
}

#[test]
fn the_widest_row_fits_and_nothing_is_wider() {
    let text = table::render(&build(&input()));
    for line in text.lines() {
        assert!(line.chars().count() <= layout::WIDTH, "{} columns: {line}", line.chars().count());
    }
    let widest: Vec<&str> = text.lines().filter(|line| line.starts_with("ABCDEF 27-03-19")).collect();
    assert_eq!(widest.len(), 2, "one in the table, one below it");
    for row in widest {
        assert!(row.chars().count() > 90, "this row no longer tests the width: {row}");
    }
}

#[test]
fn counts_and_funnel_sum() {
    let report = build(&input());
    let t = report.tickers;
    assert_eq!(t.total, t.analysed + t.skipped + t.failed + t.poison + t.sealed + t.missing);
    assert_eq!(report.funnel.total, report.funnel.places.values().sum::<u64>());
    assert_eq!(report.failed.len(), 3);
    assert_eq!(report.completion, Completion::Complete);
}

#[test]
fn an_interrupted_scan_says_so() {
    let mut input = input();
    input.outcomes.truncate(2);
    input.input.state = ScanState::Running;
    let report = build(&input);
    assert_eq!(report.completion, Completion::Partial);
    assert_eq!(report.tickers.missing, 5);
    let text = table::render(&report);
    assert!(text.contains("PARTIAL"), "{text}");
    assert!(text.contains("2 candidates; the caps are applied when the scan is finished."), "{text}");
    assert!(!text.contains("on paper"), "{text}");
    assert_eq!(report.new_trades, Vec::new());
}

#[test]
fn tickers_that_nobody_asked_for_are_told_apart() {
    let mut input = input();
    input.input.asked = Some(vec![ticker("TSLA"), ticker("AAPL")]);
    let text = table::render(&build(&input));
    assert!(text.contains("Tickers   7 (2 asked for, 5 followed for live trades): 3 analysed"), "{text}");
}

#[test]
fn gateways_are_told_of_where_there_are_any() {
    let mut given = input();
    assert!(!table::render(&build(&given)).contains("Gateways"));
    assert!(!serde_json::to_string(&build(&given)).unwrap().contains("gateways"));
    let used = GatewayUse { requests: 1204, errors: 3, answered: 1201, latency_ms: 120_100, quarantined: 0 };
    let doubted = GatewayUse { requests: 7, quarantined: 1, ..GatewayUse::default() };
    let more = [("us-east-1", used), ("eu-west-1", doubted)];
    for stored in &mut given.outcomes {
        if let Outcome::Failed { requests, .. } = &mut stored.outcome {
            requests.gateways = more.iter().map(|(name, used)| ((*name).to_owned(), *used)).collect();
        }
    }
    let report = build(&given);
    let text = table::render(&report);
    let told = "eu-west-1 7 requests, not believed 1 time(s): run the scan again; us-east-1 1,204 requests, 3 failed,";
    assert!(text.replace("\n          ", " ").contains(&format!("Gateways  {told} 100 ms")), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    let row = serde_json::json!({ "requests": 1204, "errors": 3, "mean_latency_ms": 100, "quarantined": 0 });
    assert_eq!(json["gateways"]["us-east-1"], row);
}

#[test]
fn only_quotes_that_are_late_are_called_delayed() {
    let mut report = build(&input());
    assert!(table::render(&report).contains(" min old (delayed)"));
    assert!(table::render(&report).ends_with("Not advice; delayed data; no order was placed.\n"));
    for source in &mut report.sources {
        source.vendor = Vendor::Robinhood;
    }
    assert!(!table::render(&report).contains("delayed"));
}

#[test]
fn candidates_are_ordered_by_score_then_symbol_and_top_cuts() {
    let mut input = input();
    let (a, b) = (candidate("AA270319C00450000", 1.0, 20.0), candidate("AB270319C00450000", 1.0, 20.0));
    input.outcomes[1] = stored("ABCDEF", Outcome::Found(Box::new(finding("ABCDEF", vec![b, a]))));
    input.input.top = Some(2);
    let report = build(&input);
    let order: Vec<&str> = report.candidates.iter().map(|row| row.underlying.as_str()).collect();
    assert_eq!(order, ["AA", "AB"]);
    assert_eq!(report.candidates_not_shown, 1);
}

#[test]
fn break_even_follows_from_target_stop_and_costs() {
    let row = &build(&input()).candidates[1];
    assert!((row.break_even_pct - 66.7).abs() < 0.2, "{}", row.break_even_pct);
    // ANALYTICS 2.3: about 70 % at a spread of 2 %.
    assert!((row.break_even_net_pct - 70.0).abs() < 0.6, "{}", row.break_even_net_pct);
}

/// The quote of ANALYTICS' net potential, 19.05 x 19.40 bought at 19.20: entered at 19.225 + .75 · .175 = 19.35625, the
/// target brings 22.05 − .13125 − .013 and so 2.5495 (13.17 %); the stop at 13.45 costs 19.35625 − 13.31875 + .013 =
/// 6.0505; 6.0505/8.6 = 70.355 %. Sold first, at 2.00 of 2.00 x 2.10: 2.0125 come in, bought back at 1.00 + .0375 or at
/// 6.00 + .0375; gains .962, loses 4.038: 80.76 %.
#[test]
fn what_is_told_after_costs_is_entered_at_one_price() {
    let costs = Costs::default();
    let mut one = candidate("AA270319C00450000", 19.225, 20.0);
    (one.bid, one.ask, one.plan.buy) = (dollars(19.05), dollars(19.40), dollars(19.20));
    (one.plan.target, one.plan.stop, one.net_pct) = (dollars(22.05), dollars(13.45), 100.0 * 2.5495 / 19.35625);
    assert!((one.net_pct - 13.17).abs() < 0.005);
    let (before, after) = break_even(&one, &costs);
    assert!((before - 100.0 * 5.75 / 8.60).abs() < 1e-9 && (after - 70.355).abs() < 0.001, "{before} {after}");
    // At the rate of its own break-even a plan earns nothing: the two numbers are of one entry.
    let gain = one.net_pct / 100.0 * 19.35625;
    let mean = after / 100.0 * gain - (1.0 - after / 100.0) * 6.0505;
    assert!(mean.abs() < 1e-9, "{mean}");
    let mut short = one;
    (short.bid, short.ask, short.mid) = (dollars(2.00), dollars(2.10), 2.05);
    (short.plan.direction, short.plan.buy) = (fleet_core::domain::Direction::Short, dollars(2.00));
    (short.plan.target, short.plan.stop, short.net_pct) = (dollars(1.00), dollars(6.00), 100.0 * 0.962 / 2.0125);
    let (before, after) = break_even(&short, &costs);
    assert!((before - 80.0).abs() < 1e-9 && (after - 80.76).abs() < 0.001, "{before} {after}");
}

#[test]
fn what_an_earlier_version_stored_has_no_section_of_metrics() {
    let mut input = input();
    for stored in &mut input.outcomes {
        if let Outcome::Found(finding) = &mut stored.outcome {
            finding.metrics = None;
            finding.candidates.iter_mut().for_each(|candidate| candidate.metrics = None);
        }
    }
    let report = build(&input);
    assert!(!table::render(&report).contains("More on each candidate"));
    // Its columns are there and empty.
    let text = csv::render(&report);
    let fields: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
    assert!(fields.iter().all(|n| *n == fields[0] && *n > 80), "{fields:?}");
}

#[test]
fn the_contract_is_explained_in_groups() {
    check_golden("explained.txt", &explained_metrics::render(&metrics()));
    let nothing = explained_metrics::render(&ContractMetrics::default());
    assert!(nothing.contains("Greeks     -") && !nothing.contains(" 0 "), "what is not known is no 0: {nothing}");
}

/// 24 windows of 22 sessions, nearly all of which won: one rise.
#[test]
fn a_past_of_one_rise_is_no_finding() {
    let mut metrics = metrics();
    let bought = metrics.bought.as_mut().unwrap();
    let one = PastProfit { low: None, high: None, won: 0.969, sessions: 22, windows: 24, ..bought.ev_hist.unwrap() };
    bought.ev_hist = Some(PastProfit { n_eff: 24.0 / 22.0, ..one });
    let text = explained_metrics::render(&metrics).replace("\n                ", " ");
    assert!(text.contains("too few to say: 24 stretches of 22 sessions are about 1.1 independent ones"), "{text}");
    assert!(!text.contains("96.9 %") && !text.contains("won"), "{text}");
}

#[test]
fn the_underlying_is_explained() {
    let mut finding = finding("TSLA", Vec::new());
    finding.metrics = Some(Box::new(underlying(41)));
    let scan = scan();
    let text = explained_underlying::render(&explained_underlying::explained(&scan, None, &finding));
    assert!(text.contains("IV rank    22.4, percentile 31.4 (of 41 sessions, less than a year)"), "{text}");
    assert!(text.contains("Term       - (front over"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= layout::WIDTH), "{text}");
    finding.metrics = None;
    let text = explained_underlying::render(&explained_underlying::explained(&scan, None, &finding));
    assert!(text.contains("Metrics    none"), "{text}");
}

#[test]
fn indicators_of_an_underlying_are_told_once() {
    let row = build(&input()).candidates[1].clone();
    let mut second = row.clone();
    second.symbol = OccSymbol::parse("TSLA270319C00460000").unwrap();
    let mut other = row.clone();
    other.underlying = ticker("AAPL");
    let text = own_bars::by_name(&[row, other, second]);
    let begins: Vec<&str> = text.lines().filter_map(|line| line.split_once("  rsi:14")).map(|(name, _)| name).collect();
    assert_eq!(
        begins,
        ["  TSLA", "    TSLA 27-03-19 450C", "    TSLA 27-03-19 460C", "  AAPL", "    AAPL 27-03-19 450C"]
    );
    assert_eq!((text.matches("rsi:14 42.75").count(), text.matches("rsi:14 31.2").count()), (2, 3), "{text}");
}

#[test]
fn near_misses_tell_what_is_not_known_from_what_missed() {
    let mut report = build(&input());
    let miss = &mut report.near_misses[0];
    miss.missed.retain(|check| check.value.is_none());
    let text = table::render(&report);
    assert!(text.contains("S1 1 of 9 not known: close_to_sma200, wants >= 0.9\n"), "{text}");
}

#[test]
fn darkness_and_contracts_sold_first_are_told_below_the_table() {
    let mut report = build(&input());
    let (strategy, code) = ("cheap_iv".to_owned(), "S3");
    report.dark = vec![DarkRow { strategy, code, needs_sessions: 120, has_sessions: 41, sessions_to_go: 79 }];
    let sold = &mut report.candidates[1];
    (sold.direction, sold.strategy, sold.code) =
        (fleet_core::domain::Direction::Short, "csp_yield".to_owned(), "S4".to_owned());
    (sold.break_even_pct, sold.break_even_net_pct) = (67.4, 70.2);
    (report.candidates[0].break_even_pct, report.candidates[0].break_even_net_pct) = (25.9, 26.6);
    let text = table::render(&report);
    // Each strategy has a plan of its own.
    let even = |code, before, after| {
        format!(
            "{code}: to break even at these targets and stops {before} % of trades must win before costs, {after} % after."
        )
    };
    assert!(text.contains(&even("S1", 26, 27)) && text.contains(&even("S4", 67, 70)), "{text}");
    assert!(text.contains("\nS3 cheap_iv dark: 41 of 120 sessions of IV history, 79 to go\n"), "{text}");
    assert!(
        text.contains("\nS4 csp_yield\n") && text.contains("450 -C") && text.contains("\n-P, -C: sold first"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= layout::WIDTH), "{text}");
    report.candidates.clear();
    assert!(table::render(&report).contains("No candidates.\nS3 cheap_iv dark: "));
}

#[path = "priced_tests.rs"]
mod priced;
