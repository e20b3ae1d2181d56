//! What the store and a person know before the scan: forty sessions of every ticker, dates of reports, holdings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::{Commit, Holder, LeaseAnswer, Scans};
use fleet_engines::sqlite::SqliteStore;
use fleet_scraper::vendors::finviz::parse::screener;
use fleet_tests::fleet::World;
use fleet_tests::market::Market;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::oracle::calendar;
use crate::oracle::metrics::Session;

const SESSIONS: usize = 40;

/// What is known of one ticker.
pub struct Known {
    /// Oldest first.
    pub sessions: Vec<Session>,
    pub reports: Vec<Date>,
    /// Shares and what was paid for each.
    pub holding: Option<(u32, f64)>,
}

/// What is known of all.
pub struct History(BTreeMap<Ticker, Known>);

impl History {
    pub fn of(&self, ticker: &str) -> &Known {
        &self.0[&Ticker::parse(ticker).expect("a ticker")]
    }

    /// Puts forty sessions into a world's store, each scanned a quarter of an hour before its close.
    pub fn seeded(world: &World, market: &Market) -> Self {
        let now: Timestamp = market.about()["now"].as_str().expect("the clock").parse().expect("an instant");
        let today = calendar::new_york_date(now);
        let tickers = tickers(market);
        let known = tickers.iter().enumerate().map(|(at, ticker)| (ticker.clone(), known(at, today))).collect();
        let history = Self(known);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let store = SqliteStore::open(&world.store_path()).expect("the store opens");
            for (nth, session) in calendar::sessions_before(today, SESSIONS).into_iter().enumerate() {
                history.keep(&store, nth, session).await;
            }
        });
        history
    }

    async fn keep(&self, store: &SqliteStore, nth: usize, session: Date) {
        let scan = ScanId::parse(&format!("seeded-{}-1545", session.strftime("%Y%m%d"))).expect("a scan id");
        store.open_scan(&scan, "seeded").await.expect("the store answers");
        let holder = Holder("oracle:1".to_owned());
        let taken = store.take_lease(&scan, &holder, Duration::from_secs(60)).await.expect("the store answers");
        let LeaseAnswer::Taken(lease) = taken else { panic!("nobody else is here") };
        let tickers = self.0.keys().cloned().collect();
        store.freeze_manifest(&lease, &manifest(&scan, tickers)).await.expect("the store answers");
        for (ticker, known) in &self.0 {
            let Session { iv30, volume } = known.sessions[nth];
            let call_volume = (volume / 2.0) as u64;
            let summary = SessionSummary {
                session,
                as_of: calendar::close(session).expect("a session") - jiff::SignedDuration::from_mins(15),
                spot: Some(100.0),
                iv30,
                skew_25: None,
                term_slope: None,
                call_volume,
                put_volume: volume as u64 - call_volume,
                call_open_interest: None,
                put_open_interest: None,
            };
            let reason = FailReason { word: "seeded".to_owned(), detail: String::new() };
            let commit = Commit {
                scan: scan.clone(),
                stamp: None,
                ticker: ticker.clone(),
                outcome: Outcome::Failed { reason, requests: RequestCounts::default() },
                worker: "oracle".to_owned(),
                attempt: 1,
                trades: Vec::new(),
                transitions: Vec::new(),
                marks: Vec::new(),
                explanations: Vec::new(),
                summary: Some(summary),
            };
            store.commit(&commit).await.expect("the store answers");
        }
    }

    /// What a person says, as configuration.
    pub fn settings(&self, world: &World) -> String {
        let mut reports = "ticker,date,estimated\n".to_owned();
        let mut holdings = Vec::new();
        for (ticker, known) in &self.0 {
            for date in &known.reports {
                let _ = writeln!(reports, "{ticker},{date},");
            }
            holdings.extend(known.holding.map(|(shares, paid)| format!("[\"{ticker}\", {shares}, {paid:?}]")));
        }
        let file = world.write("reports.csv", reports);
        format!("[earnings]\nfile = {:?}\n[holdings]\nshares = [{}]\n", file.display().to_string(), holdings.join(", "))
    }
}

/// Every third ticker's volatility was always higher than today's can be, every third's always lower, the others' both.
fn known(at: usize, today: Date) -> Known {
    let day = |from_today: i64| today.saturating_add(jiff::Span::new().days(from_today));
    let level = |nth: usize| match at % 3 {
        0 => 3.0 - 0.01 * nth as f64,
        1 => 0.02 + 0.0001 * nth as f64,
        _ if nth.is_multiple_of(2) => 3.0,
        _ => 0.02,
    };
    let sessions = (0..SESSIONS).map(|nth| Session {
        // Some sessions told none.
        iv30: (at % 7 != 6 || nth % 5 != 0).then(|| level(nth)),
        volume: 2000.0 + 100.0 * at as f64 + 10.0 * nth as f64,
    });
    // One in four reports soon, one in five did lately, one in eleven says nothing.
    let mut reports = vec![day(-70), day(if at.is_multiple_of(4) { 9 } else { 200 })];
    reports.extend(at.is_multiple_of(5).then(|| day(-10)));
    Known {
        sessions: sessions.collect(),
        reports: if at % 11 == 10 { Vec::new() } else { reports },
        holding: match at % 6 {
            5 => None,
            4 => Some((99, 1.0)),
            // Dearer than any strike.
            3 => Some((300, 9_000.0)),
            _ => Some((100, 1.25)),
        },
    }
}

/// Every ticker of the market, by its screener.
fn tickers(market: &Market) -> Vec<Ticker> {
    let mut found: Vec<Ticker> = Vec::new();
    loop {
        let path = format!("/finviz/screener.ashx?v=111&f=sh_opt_option&r={}", found.len() + 1);
        let page = screener(&market.get(&path).1).expect("a screener's page");
        found.extend(page.tickers);
        if found.len() >= page.total as usize {
            found.sort();
            return found;
        }
    }
}

fn manifest(scan: &ScanId, tickers: Vec<Ticker>) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers,
        as_of: None,
        facts: BTreeMap::new(),
        analysis: serde_json::Value::Null,
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe],
            bars: Vendor::Yahoo,
            routes: Vec::new(),
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 250,
            underlying_bar_sessions: None,
            dte_window: (20, 60),
            gateways: None,
        },
        limits: DeliveryLimits {
            timeout_secs: 60,
            max_attempts: 1,
            request_timeout_secs: 5,
            request_tries: 1,
            max_retry_after_secs: 1,
        },
        config_hash: "seeded".to_owned(),
        deadline: Timestamp::UNIX_EPOCH,
    }
}
