//! A small scan, for tests of the server.

use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::Timestamp;

/// A scan in PUBLISHING with tickers `T0` to `T<n - 1>`, and its lease for a minute.
pub async fn frozen(store: &dyn Store, slot: &str, tickers: usize) -> Lease {
    let scan = ScanId::parse(&format!("server-20261120-{slot}")).unwrap();
    store.open_scan(&scan, "c0ffee").await.unwrap();
    let holder = Holder("a:1".to_owned());
    let LeaseAnswer::Taken(lease) = store.take_lease(&scan, &holder, Duration::from_secs(60)).await.unwrap() else {
        panic!("the lease of a new scan is held");
    };
    store.freeze_manifest(&lease, &manifest(&scan, tickers)).await.unwrap();
    lease
}

pub fn ticker(n: usize) -> Ticker {
    Ticker::parse(&format!("T{n}")).unwrap()
}

fn manifest(scan: &ScanId, tickers: usize) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers: (0..tickers).map(ticker).collect(),
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::Value::Null,
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
        deadline: Timestamp::UNIX_EPOCH,
    }
}

/// A commit of a failure with an explanation.
pub fn commit(scan: &ScanId, n: usize, detail: &str) -> Commit {
    let reason = FailReason { word: "throttled".to_owned(), detail: detail.to_owned() };
    Commit {
        scan: scan.clone(),
        stamp: None,
        ticker: ticker(n),
        outcome: Outcome::Failed { reason, requests: RequestCounts::default() },
        worker: "w1".to_owned(),
        attempt: 1,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: vec![7; 100],
        summary: None,
    }
}
