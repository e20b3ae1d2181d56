//! Values the promises are checked with: small, valid, and each different where it matters.

use std::collections::BTreeMap;

use fleet_core::domain::{
    Answer, Bar, BarSeries, Confirmation, DeliveryLimits, EntryPlan, Exit, ExitReason, FailReason, Fill, Finding,
    Funnel, Instrument, Manifest, Mark, Notice, NoticeKind, OccSymbol, Outcome, Price, Provenance, RequestCounts,
    ScanId, Score, SessionSummary, SpotSource, Ticker, TradeId, TradeRecord, TradeState, TradeTransition, Transition,
    Vendor, VendorPlan,
};
use fleet_core::seams::{Commit, CommitAnswer, Holder, Lease, LeaseAnswer, PortfolioDecision};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

use super::super::{Kept, ensure_eq};
use super::fixture::StoreFixture;

pub(super) fn ticker(text: &str) -> Ticker {
    Ticker::parse(text).expect("a ticker of the suite")
}

pub(super) fn scan_id(slot: &str) -> ScanId {
    ScanId::parse(&format!("conformance-20261120-{slot}")).expect("a scan id of the suite")
}

pub(super) fn holder(name: &str) -> Holder {
    Holder(format!("{name}:1"))
}

/// All outcomes of a scan of the suite.
pub(super) const EVERY_PLACE: std::ops::Range<u32> = 0..u32::MAX;

/// Domain time of the samples; the store's clock has nothing to do with it.
pub(super) fn minute(n: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_000_000 + 60 * n)
}

pub(super) fn session(day: i8) -> Date {
    date(2026, 11, day)
}

fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).expect("a price of the suite")
}

pub(super) fn manifest(scan: &ScanId, tickers: &[&str]) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers: tickers.iter().map(|text| ticker(text)).collect(),
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::json!({ "gates": { "min_volume": 50 } }),
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe, Vendor::Yahoo],
            bars: Vendor::Yahoo,
            routes: Vec::new(),
            identity: vec![("user-agent".to_owned(), "conformance".to_owned())],
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
        deadline: minute(600),
    }
}

pub(super) fn finding(ticker: &Ticker) -> Finding {
    Finding {
        ticker: ticker.clone(),
        as_of: minute(0),
        answer: Answer::Analysed,
        provenance: Provenance {
            vendor: Vendor::Cboe,
            quote_time: Some(minute(-15)),
            fetched_at: None,
            vendor_spot: Some(price(101.25)),
            spot: Some(101.3),
            spot_source: SpotSource::Implied,
            spot_gap: Some(0.0005),
            forwards: BTreeMap::from([(session(27), 101.4)]),
            flags: vec!["delayed".to_owned()],
        },
        funnel: Funnel(BTreeMap::from([("gate:volume".to_owned(), 40)])),
        candidates: Vec::new(),
        near_misses: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        summary: None,
        metrics: None,
        iv_sessions: None,
        not_served: Vec::new(),
        requests: RequestCounts::of([(Vendor::Cboe, 1)]),
    }
}

/// A commit of an answer and nothing else.
pub(super) fn commit(scan: &ScanId, text: &str) -> Commit {
    let ticker = ticker(text);
    Commit {
        scan: scan.clone(),
        stamp: None,
        outcome: Outcome::Found(Box::new(finding(&ticker))),
        ticker,
        worker: "worker-1".to_owned(),
        attempt: 1,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: Vec::new(),
        summary: None,
    }
}

/// What a chain came to on a day of November at a minute; the volatility tells summaries apart.
pub(super) fn summary(day: i8, at: i64, iv30: f64) -> SessionSummary {
    SessionSummary {
        session: session(day),
        as_of: minute(at),
        spot: Some(101.3),
        iv30: Some(iv30),
        skew_25: None,
        term_slope: Some(0.97),
        call_volume: 12_345,
        put_volume: 0,
        call_open_interest: Some(200_000),
        put_open_interest: None,
    }
}

pub(super) fn failure(word: &str) -> Outcome {
    let reason = FailReason { word: word.to_owned(), detail: format!("it failed: {word}") };
    Outcome::Failed { reason, requests: RequestCounts::default() }
}

/// A trade of the standard strategy as it is once it is taken. A commit proposes it, whatever its state says.
pub(super) fn trade(scan: &ScanId, symbol: &str, day: i8, signalled: i64) -> TradeRecord {
    let symbol = OccSymbol::parse(symbol).expect("an OCC symbol of the suite");
    TradeRecord {
        id: TradeId::derive("oversold_call", &symbol, session(day)),
        strategy: "oversold_call".to_owned(),
        underlying: ticker(symbol.root.as_str()),
        symbol,
        control: false,
        state: TradeState::Pending,
        scan: scan.clone(),
        signalled_at: minute(signalled),
        entry_session: session(day),
        signal_bid: price(2.30),
        signal_ask: price(2.40),
        plan: EntryPlan {
            buy: price(2.35),
            target: price(3.10),
            stop: price(1.60),
            valid_until: minute(signalled + 390),
            time_stop_sessions: Some(10),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: Some(70.0),
            exit_dte: 7,
            commission: price(0.65),
        },
        score: Score::default(),
        checks: Vec::new(),
        fill: None,
        exit: None,
        ignored: false,
        last_mark: None,
        confirmation: None,
    }
}

pub(super) fn control(of: &TradeRecord) -> TradeRecord {
    let id = TradeId::derive("control", &of.symbol, of.entry_session);
    TradeRecord { id, strategy: "control".to_owned(), control: true, ..of.clone() }
}

pub(super) fn notice(trade: &TradeRecord, kind: NoticeKind, at: i64) -> Notice {
    let text = format!("{} {} #{}", kind.word(), trade.symbol, trade.id.short());
    Notice { kind, trade: trade.id.clone(), at: minute(at), text }
}

pub(super) fn filled(trade: &TradeRecord, at: i64) -> TradeTransition {
    let fill = Fill { at: minute(at), session: trade.entry_session, price: trade.plan.buy };
    TradeTransition {
        trade: trade.id.clone(),
        transition: Transition::Filled(fill),
        notice: Some(notice(trade, NoticeKind::Filled, at)),
    }
}

pub(super) fn confirmed(trade: &TradeRecord, state: TradeState, at: i64) -> TradeTransition {
    let confirmation = Confirmation { at: minute(at), rise: 5_000, volume: 9_000, opening: true };
    TradeTransition {
        trade: trade.id.clone(),
        transition: Transition::Confirmed { state, confirmation },
        notice: Some(notice(trade, NoticeKind::Confirmed, at)),
    }
}

pub(super) fn exit(trade: &TradeRecord, at: i64, reason: ExitReason) -> Exit {
    Exit::book(minute(at), trade.plan.buy, trade.plan.target, reason, trade.plan.commission)
}

pub(super) fn closed(trade: &TradeRecord, at: i64) -> TradeTransition {
    TradeTransition {
        trade: trade.id.clone(),
        transition: Transition::Closed(exit(trade, at, ExitReason::Target)),
        notice: Some(notice(trade, NoticeKind::Exit, at)),
    }
}

pub(super) fn lapsed(trade: &TradeRecord, at: i64) -> TradeTransition {
    TradeTransition {
        trade: trade.id.clone(),
        transition: Transition::Lapsed { at: minute(at) },
        notice: Some(notice(trade, NoticeKind::Lapsed, at)),
    }
}

pub(super) fn mark(at: i64, bid: f64) -> Mark {
    Mark { at: minute(at), bid: Some(price(bid)), ask: Some(price(bid + 0.10)) }
}

pub(super) fn bars(instrument: Instrument, close: f64) -> BarSeries {
    let close = price(close);
    let bar = Bar { date: session(19), open: close, high: close, low: close, close, volume: 12 };
    BarSeries {
        instrument,
        bars: vec![bar],
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 1,
        complete_from: None,
    }
}

/// A lease of a scan that nobody holds, for a hundred beats.
pub(super) async fn lease(at: &dyn StoreFixture, scan: &ScanId, name: &str) -> Result<Lease, String> {
    match at.store().take_lease(scan, &holder(name), at.beat() * 100).await.kept("taking a lease")? {
        LeaseAnswer::Taken(lease) => Ok(lease),
        LeaseAnswer::Held { holder, .. } => Err(format!("a free lease was held by {}", holder.0)),
    }
}

/// A scan that was opened, leased and frozen.
pub(super) async fn frozen(at: &dyn StoreFixture, slot: &str, tickers: &[&str]) -> Result<Lease, String> {
    let scan = scan_id(slot);
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let lease = lease(at, &scan, "coordinator").await?;
    at.store().freeze_manifest(&lease, &manifest(&scan, tickers)).await.kept("freezing a manifest")?;
    Ok(lease)
}

/// A commit that must be written.
pub(super) async fn committed(at: &dyn StoreFixture, commit: &Commit) -> Result<(), String> {
    let answer = at.store().commit(commit).await.kept("committing")?;
    ensure_eq!(answer, CommitAnswer::Committed, "the first commit of {} in {}", commit.ticker, commit.scan);
    Ok(())
}

/// One scan of one ticker that commits these trades, transitions and marks.
pub(super) async fn one_scan(
    at: &dyn StoreFixture,
    slot: &str,
    fill: impl FnOnce(&ScanId, &mut Commit) + Send,
) -> Result<Lease, String> {
    let lease = frozen(at, slot, &["TSLA"]).await?;
    let mut commit = commit(&lease.scan, "TSLA");
    fill(&lease.scan, &mut commit);
    committed(at, &commit).await?;
    Ok(lease)
}

/// One scan of one ticker, sealed and settled: all trades it proposes are taken, without a notice.
pub(super) async fn taken(
    at: &dyn StoreFixture,
    slot: &str,
    fill: impl FnOnce(&ScanId, &mut Commit) + Send,
) -> Result<Lease, String> {
    let mut ids = Vec::new();
    let lease = one_scan(at, slot, |scan, commit| {
        fill(scan, commit);
        ids.extend(commit.trades.iter().map(|trade| trade.id.clone()));
    })
    .await?;
    settled(at, &lease, &PortfolioDecision { taken: ids, ..PortfolioDecision::default() }).await?;
    Ok(lease)
}

/// Seals a scan and settles it on the portfolio as it is.
pub(super) async fn settled(at: &dyn StoreFixture, lease: &Lease, decision: &PortfolioDecision) -> Result<(), String> {
    at.store().seal(lease).await.kept("sealing")?;
    let basis = at.store().portfolio_version().await.kept("reading the portfolio's version")?;
    let decision = PortfolioDecision { basis, ..decision.clone() };
    at.store().settle(lease, &decision).await.kept("settling")
}

/// A trade as a scan proposes it.
pub(super) fn proposed(trade: &TradeRecord) -> TradeRecord {
    TradeRecord { state: TradeState::Proposed, ..trade.clone() }
}

/// A trade as it is stored.
pub(super) async fn stored(at: &dyn StoreFixture, id: &TradeId) -> Result<TradeRecord, String> {
    let found = at.store().trade(id).await.kept("reading a trade")?;
    found.map(|(trade, _)| trade).ok_or_else(|| format!("trade {id} is not there"))
}

/// Texts of all notices, oldest first.
pub(super) async fn told(at: &dyn StoreFixture) -> Result<Vec<String>, String> {
    let notices = at.store().notices().await.kept("reading the outbox")?;
    Ok(notices.into_iter().map(|(notice, _)| notice.key()).collect())
}
