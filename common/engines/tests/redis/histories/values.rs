//! Values that the histories are about: few of each, so that calls meet.

use fleet_core::domain::trade::Exit;
use fleet_core::domain::*;
use fleet_core::seams::Holder;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub const TICKERS: [&str; 6] = ["AAPL", "BRK.B", "F", "SPX", "TSLA", "ZM"];
pub const STRATEGIES: [&str; 2] = ["control", "oversold_call"];
pub const SCANS: [&str; 3] = ["1000", "1030", "1100"];
pub const COORDINATORS: [&str; 3] = ["a:1", "b:2", "c:3"];
pub const WORKERS: [&str; 4] = ["w1", "w2", "w3", "w4"];

pub fn one_of<T: Copy>(rng: &mut ChaCha8Rng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())]
}

pub fn chance(rng: &mut ChaCha8Rng, percent: u32) -> bool {
    rng.random_range(0..100) < percent
}

pub fn ticker(rng: &mut ChaCha8Rng) -> Ticker {
    Ticker::parse(one_of(rng, &TICKERS)).unwrap()
}

pub fn scan(rng: &mut ChaCha8Rng) -> ScanId {
    scan_of(one_of(rng, &SCANS))
}

pub fn scan_of(slot: &str) -> ScanId {
    ScanId::parse(&format!("history-20261120-{slot}")).unwrap()
}

pub fn holder(rng: &mut ChaCha8Rng) -> Holder {
    Holder(one_of(rng, &COORDINATORS).to_owned())
}

/// Domain time: the store's clock has nothing to do with it.
pub fn minute(n: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_000_000 + 60 * n)
}

pub fn session(rng: &mut ChaCha8Rng) -> Date {
    date(2026, 11, rng.random_range(18..=20))
}

fn price(rng: &mut ChaCha8Rng) -> Price {
    Price::from_dollars(f64::from(rng.random_range(1..900_u32)) / 100.0).unwrap()
}

pub fn manifest(rng: &mut ChaCha8Rng, scan: &ScanId) -> Manifest {
    let mut tickers: Vec<Ticker> = TICKERS.iter().map(|text| Ticker::parse(text).unwrap()).collect();
    for n in (1..tickers.len()).rev() {
        tickers.swap(n, rng.random_range(0..=n));
    }
    if chance(rng, 30) {
        tickers.truncate(rng.random_range(0..6));
    }
    if chance(rng, 5) {
        tickers.extend(tickers.first().cloned());
    }
    let scan = if chance(rng, 5) { scan_of("0900") } else { scan.clone() };
    Manifest {
        version: Manifest::VERSION,
        scan,
        tickers,
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::json!({ "empty": [], "none": {}, "large": 9_007_199_254_740_993_u64, "small": 1e-9 }),
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe],
            bars: Vendor::Yahoo,
            routes: Vec::new(),
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 120,
            underlying_bar_sessions: None,
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
        config_hash: "c0ffee".to_owned(),
        deadline: minute(rng.random_range(0..600)),
    }
}

pub fn outcome(rng: &mut ChaCha8Rng) -> Outcome {
    let requests = RequestCounts::of([(one_of(rng, &Vendor::ALL), rng.random_range(1..9))]);
    let detail = format!("said \"{}\" — ünïcode \u{0} too", rng.random_range(0..99_u32));
    match rng.random_range(0..3) {
        0 => Outcome::Poison { attempts: rng.random_range(1..9) },
        _ => Outcome::Failed { reason: FailReason { word: "throttled".to_owned(), detail }, requests },
    }
}

/// A trade of few contracts, strategies and sessions: the same one is found again and again, at another price.
pub fn trade(rng: &mut ChaCha8Rng, underlying: &Ticker) -> TradeRecord {
    let root = underlying.as_str().replace('.', "");
    let strike = one_of(rng, &["00450000", "00460000"]);
    let symbol = OccSymbol::parse(&format!("{root}270319C{strike}")).unwrap();
    let strategy = one_of(rng, &STRATEGIES).to_owned();
    let entry_session = session(rng);
    let signalled = rng.random_range(0..20);
    TradeRecord {
        id: TradeId::derive(&strategy, &symbol, entry_session),
        control: strategy == "control",
        strategy,
        underlying: underlying.clone(),
        symbol,
        state: TradeState::Pending,
        scan: scan_of("0900"),
        signalled_at: minute(signalled),
        entry_session,
        signal_bid: price(rng),
        signal_ask: price(rng),
        plan: EntryPlan {
            buy: price(rng),
            target: price(rng),
            stop: price(rng),
            valid_until: minute(signalled + 10),
            time_stop_sessions: Some(10),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: chance(rng, 50).then_some(70.1),
            exit_dte: 7,
            commission: price(rng),
        },
        score: Score::default(),
        checks: Vec::new(),
        fill: None,
        exit: None,
        ignored: chance(rng, 5),
        last_mark: None,
        confirmation: None,
    }
}

pub fn exit(rng: &mut ChaCha8Rng) -> Exit {
    Exit::book(minute(rng.random_range(0..60)), price(rng), price(rng), ExitReason::Target, price(rng))
}

pub fn mark(rng: &mut ChaCha8Rng) -> Mark {
    Mark { at: minute(rng.random_range(0..6)), bid: chance(rng, 80).then(|| price(rng)), ask: Some(price(rng)) }
}

/// Mostly one that can happen to the trade.
pub fn transition(rng: &mut ChaCha8Rng, trade: &TradeRecord) -> TradeTransition {
    let at = minute(rng.random_range(0..60));
    let fits = if trade.state == TradeState::Open { 2 } else { one_of(rng, &[0, 0, 1]) };
    let which = if chance(rng, 80) { fits } else { rng.random_range(0..3) };
    let (transition, kind) = match which {
        0 => (Transition::Filled(Fill { at, session: session(rng), price: price(rng) }), NoticeKind::Filled),
        1 => (Transition::Lapsed { at }, NoticeKind::Lapsed),
        _ => (Transition::Closed(exit(rng)), NoticeKind::Exit),
    };
    let notice = chance(rng, 80).then(|| notice(rng, &trade.id, kind));
    TradeTransition { trade: trade.id.clone(), transition, notice }
}

pub fn notice(rng: &mut ChaCha8Rng, trade: &TradeId, kind: NoticeKind) -> Notice {
    let at = minute(rng.random_range(0..60));
    Notice { kind, trade: trade.clone(), at, text: format!("{} #{}", kind.word(), trade.short()) }
}

pub fn instrument(rng: &mut ChaCha8Rng) -> Instrument {
    match rng.random_range(0..2) {
        0 => Instrument::Underlying(ticker(rng)),
        _ => Instrument::Contract(OccSymbol::parse("F270319C00450000").unwrap()),
    }
}

pub fn bars(rng: &mut ChaCha8Rng) -> BarSeries {
    let (instrument, close, volume) = (instrument(rng), price(rng), rng.random());
    let bar = Bar { date: date(2026, 11, 17), open: close, high: close, low: close, close, volume };
    BarSeries {
        instrument,
        bars: vec![bar],
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: rng.random_range(0..3),
        complete_from: None,
    }
}

/// Few instants, so that some are earlier than what is kept, some later and some the same.
pub fn summary(rng: &mut ChaCha8Rng) -> SessionSummary {
    SessionSummary {
        session: session(rng),
        as_of: minute(rng.random_range(0..6)),
        spot: chance(rng, 90).then(|| rng.random_range(1.0..500.0)),
        iv30: chance(rng, 80).then(|| rng.random()),
        skew_25: chance(rng, 50).then(|| rng.random_range(-0.1..0.1)),
        term_slope: chance(rng, 50).then(|| rng.random_range(0.5..1.5)),
        call_volume: rng.random(),
        put_volume: rng.random_range(0..200),
        call_open_interest: chance(rng, 50).then(|| rng.random_range(0..1_000_000)),
        put_open_interest: chance(rng, 50).then(|| rng.random()),
    }
}

pub fn report(rng: &mut ChaCha8Rng) -> WorkerReport {
    WorkerReport {
        name: one_of(rng, &WORKERS).to_owned(),
        version: "0.1.0".to_owned(),
        slots: 8,
        busy: rng.random_range(0..8),
        committed: rng.random(),
        draining: chance(rng, 10),
        started_at: minute(0),
    }
}
