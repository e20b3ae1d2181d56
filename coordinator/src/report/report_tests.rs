use fleet_core::domain::{
    Answer, Candidate, Check, EntryPlan, FailReason, Finding, Funnel, Manifest, NearMiss, Notice, NoticeKind,
    OccSymbol, Operator, Outcome, Price, Provenance, RequestCounts, ScanId, ScanState, Score, ScorePart, SkipReason,
    SpotSource, StoredOutcome, Ticker, TradeId, TradeTransition, Transition, Vendor,
};
use jiff::Timestamp;

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
            time_stop_sessions: 5,
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
        dte: 119,
        rsi: Some(31.2),
        score: Score {
            parts: vec![
                ScorePart { name: "rsi".into(), points, max: 25.0, unknown: false },
                ScorePart { name: "pct_b".into(), points: 0.0, max: 15.0, unknown: true },
            ],
        },
        checks: vec![Check::new("min_rsi_3", Some(31.2), Operator::AtMost, 35.0)],
        quote_time: at("2026-11-20T14:50:00Z"),
        spot_used: Some(452.17),
        flags: vec!["raw_rsi".to_owned(), "earnings_unknown".to_owned()],
        control: false,
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
        stored("ABCDEF", Outcome::Found(Box::new(finding("ABCDEF", vec![wide])))),
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
    let widest = text.lines().find(|line| line.starts_with("ABCDEF 27-03-19")).unwrap();
    assert!(widest.chars().count() > 90, "this row no longer tests the width: {widest}");
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
