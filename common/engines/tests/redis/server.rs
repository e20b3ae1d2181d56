//! What happens to a store when its server dies, hangs, forgets its scripts or has no room; and when several use it.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::budget::{JITTER, WINDOW};
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_servers::{RedisOptions, RedisServer};

use crate::place::Place;
use crate::scan::{commit, frozen, ticker};

/// Tickers of the scans here.
const TICKERS: usize = 400;
/// A call that the server does not answer ends within this: three seconds to connect, three for the call, and some for
/// a machine that is busy.
const CALL_ENDS_WITHIN: Duration = Duration::from_secs(9);

/// A command of the server's own.
async fn command(server: &RedisServer, words: &[&str]) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query_async::<()>(&mut connection).await.unwrap();
}

/// Tries again until it is done; a server that was just restarted may need a moment.
async fn eventually<T, F: Future<Output = Result<T, StoreError>>>(mut ask: impl FnMut() -> F) -> T {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(StoreError::Unavailable(_)) if Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_the_servers_death() {
    let mut server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", TICKERS).await;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let (store, scan) = (store.clone(), lease.scan.clone());
        workers.spawn(async move {
            let mut answered = Vec::new();
            for n in (worker..TICKERS).step_by(4) {
                match store.commit(&commit(&scan, n, "before")).await {
                    Ok(CommitAnswer::Committed) => answered.push(ticker(n)),
                    Ok(other) => panic!("a first commit was {other:?}"),
                    // Whether it was written is not known.
                    Err(StoreError::Unavailable(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            answered
        });
    }
    // Killed in the middle of it: after the first hundred.
    while store.missing_count(&lease.scan).await.unwrap() > 300 {
        tokio::task::yield_now().await;
    }
    server.kill();
    let answered: BTreeSet<Ticker> = workers.join_all().await.into_iter().flatten().collect();
    assert!(answered.len() >= 90 && answered.len() < TICKERS, "{} commits were answered", answered.len());
    server.restart();
    let outcomes = eventually(|| store.outcomes(&lease.scan, 0..u32::MAX)).await;
    let stored: BTreeSet<Ticker> = outcomes.into_iter().map(|stored| stored.ticker).collect();
    assert!(answered.is_subset(&stored), "lost: {:?}", answered.difference(&stored));
    assert!(stored.len() <= answered.len() + 4, "{} stored of {} answered", stored.len(), answered.len());
    // The scripts are not known to the new server; the lease and the rest of the scan are.
    store.renew_lease(&lease, Duration::from_secs(60)).await.unwrap();
    for n in 0..TICKERS {
        let expected = if stored.contains(&ticker(n)) { CommitAnswer::Duplicate } else { CommitAnswer::Committed };
        assert_eq!(store.commit(&commit(&lease.scan, n, "after")).await.unwrap(), expected);
    }
    assert_eq!(store.missing_count(&lease.scan).await.unwrap(), 0);
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", 3).await;
    for n in 0..3 {
        command(&server, &["SCRIPT", "FLUSH", "SYNC"]).await;
        let answer = store.commit(&commit(&lease.scan, n, "x")).await.unwrap();
        assert_eq!(answer, CommitAnswer::Committed);
    }
    command(&server, &["SCRIPT", "FLUSH", "SYNC"]).await;
    assert_eq!(store.outcomes(&lease.scan, 0..9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_broken_connection_is_made_anew() {
    let server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", 3).await;
    for n in 0..3 {
        command(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        // Reading is tried again by the store, writing by its caller.
        assert_eq!(store.missing_count(&lease.scan).await.unwrap(), 3 - n as u32);
        command(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        eventually(|| async { store.commit(&commit(&lease.scan, n, "x")).await }).await;
    }
    assert_eq!(store.missing_count(&lease.scan).await.unwrap(), 0);
}

#[tokio::test]
async fn a_hanging_server_is_unavailable_until_it_answers_again() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let store = place.store().await;
    let lease = frozen(&store, "1000", 3).await;
    server.freeze();
    let asked = Instant::now();
    let (read, write, connect) = tokio::join!(
        store.missing(&lease.scan),
        async { store.commit(&commit(&lease.scan, 0, "x")).await },
        RedisStore::connect(&place.url, place.settings.clone())
    );
    assert!(asked.elapsed() < CALL_ENDS_WITHIN, "answered after {:?}", asked.elapsed());
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    assert!(matches!(connect.map(drop), Err(StoreError::Unavailable(_))));
    // Hanging for longer than one call waits.
    let asked = Instant::now();
    let again = store.missing(&lease.scan).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    assert!(asked.elapsed() < CALL_ENDS_WITHIN, "answered after {:?}", asked.elapsed());
    server.thaw();
    eventually(|| async { store.commit(&commit(&lease.scan, 1, "x")).await }).await;
    // The commit that was on its way when the server hung is done by now, or never.
    let answer = eventually(|| async { store.commit(&commit(&lease.scan, 0, "again")).await }).await;
    assert!(matches!(answer, CommitAnswer::Committed | CommitAnswer::Duplicate), "{answer:?}");
    assert_eq!(store.outcomes(&lease.scan, 0..9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_found_again() {
    let mut server = RedisServer::start();
    let store = Place::on(&server).store().await;
    store.ping().await.unwrap();
    server.kill();
    let asked = Instant::now();
    let gone = store.ping().await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    server.restart();
    eventually(|| store.ping()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_commit_each_ticker_once() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let stores = [place.store().await, place.store().await];
    let lease = frozen(&stores[0], "1000", TICKERS).await;
    let mut workers = tokio::task::JoinSet::new();
    for store in stores.iter().cycle().take(4) {
        let (store, scan) = (store.clone(), lease.scan.clone());
        workers.spawn(async move {
            let mut won = 0;
            for n in 0..TICKERS {
                match store.commit(&commit(&scan, n, "x")).await.unwrap() {
                    CommitAnswer::Committed => won += 1,
                    CommitAnswer::Duplicate => {}
                    other @ (CommitAnswer::Late | CommitAnswer::MadeAnew) => panic!("{other:?}"),
                }
            }
            won
        });
    }
    assert_eq!(workers.join_all().await.into_iter().sum::<usize>(), TICKERS);
    assert_eq!(stores[1].missing_count(&lease.scan).await.unwrap(), 0);
}

/// On the server's own clock: eight processes draw as fast as they may.
#[tokio::test(flavor = "multi_thread")]
async fn eight_greedy_processes_keep_one_budget() {
    const PER_SEC: f64 = 40.0;
    let server = RedisServer::start();
    let place = Place::on(&server);
    let started = Instant::now();
    let mut drawers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = place.store().await;
        drawers.spawn(async move {
            let mut leaves = Vec::new();
            while started.elapsed() < Duration::from_secs(3) {
                let asked = Instant::now();
                match store.draw(Vendor::Cboe, PER_SEC, 3).await.unwrap() {
                    BudgetAnswer::Granted { permits, start_in, spacing } => {
                        leaves.extend((0..permits).map(|n| asked + start_in + spacing * n));
                    }
                    BudgetAnswer::Blocked { retry_in } => {
                        assert!(retry_in <= Duration::from_secs(1), "told to wait {retry_in:?}");
                        tokio::time::sleep(retry_in).await;
                    }
                }
            }
            leaves
        });
    }
    let mut leaves: Vec<Instant> = drawers.join_all().await.into_iter().flatten().collect();
    leaves.sort();
    // Handed out for three seconds and the one ahead; a permit's instant is known but for the time of a call.
    let allowed = PER_SEC * 4.5;
    assert!(leaves.len() as f64 > PER_SEC * 2.5 && (leaves.len() as f64) < allowed, "{} permits", leaves.len());
    let spacing = (WINDOW + JITTER) / (10.0 * PER_SEC) as u32;
    let span = *leaves.last().unwrap() - leaves[0];
    let fits = span.as_secs_f64() / spacing.as_secs_f64();
    assert!(leaves.len() as f64 <= fits * 1.05 + 3.0, "{} permits within {span:?}", leaves.len());
}

/// The server's clock ends a lease; nobody's own.
#[tokio::test]
async fn the_servers_clock_ends_a_lease() {
    let server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", 1).await;
    store.renew_lease(&lease, Duration::from_millis(200)).await.unwrap();
    let other = Holder("b:2".to_owned());
    let taken = loop {
        match store.take_lease(&lease.scan, &other, Duration::from_secs(9)).await.unwrap() {
            LeaseAnswer::Taken(taken) => break taken,
            LeaseAnswer::Held { holder, expires_in } => {
                assert_eq!(holder, lease.holder);
                assert!(expires_in <= Duration::from_millis(200), "ends in {expires_in:?}");
                tokio::time::sleep(expires_in).await;
            }
        }
    };
    assert_eq!(taken.epoch, lease.epoch + 1);
    let age = jiff::Timestamp::now().duration_since(store.list_scans(1).await.unwrap()[0].created_at);
    assert!(age.as_secs().abs() < 60, "created {age} ago");
}

#[tokio::test]
async fn a_full_server_takes_nothing_by_halves() {
    let options = RedisOptions { extra: "maxmemory 6mb\n".to_owned(), ..RedisOptions::default() };
    let server = RedisServer::start_with(options);
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", TICKERS).await;
    let mut written = 0;
    let full = loop {
        let detail = "x".repeat(50_000);
        match store.commit(&commit(&lease.scan, written, &detail)).await {
            Ok(CommitAnswer::Committed) => written += 1,
            Ok(other) => panic!("a first commit was {other:?}"),
            Err(full) => break full,
        }
        assert!(written < TICKERS, "six megabytes held {written} outcomes of 50 KB");
    };
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    assert_eq!(store.outcomes(&lease.scan, 0..900).await.unwrap().len(), written);
    assert_eq!(store.missing_count(&lease.scan).await.unwrap() as usize, TICKERS - written);
}

/// A full server is said to be full at the start, not by the first commit of somebody's work.
#[tokio::test]
async fn a_full_server_is_refused_at_the_start() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let store = place.store().await;
    command(&server, &["SET", "ballast", &"x".repeat(4_000_000)]).await;
    command(&server, &["CONFIG", "SET", "maxmemory", "3mb"]).await;
    let refused = RedisStore::connect(&place.url, place.settings.clone()).await.map(drop);
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    // Who is in reads on, and room that is made is found.
    assert!(store.list_scans(9).await.unwrap().is_empty());
    command(&server, &["CONFIG", "SET", "maxmemory", "64mb"]).await;
    place.store().await;
}

/// The first connection is made before the user loses a right, all later ones after it.
#[tokio::test]
async fn a_connection_that_could_not_be_made_is_tried_again() {
    let users = vec!["fleet on >pw ~optionfleet:1:* +@all".to_owned()];
    let server = RedisServer::start_with(RedisOptions { users, ..RedisOptions::default() });
    let url = format!("{}3", server.url().replacen("://", "://fleet:pw@", 1));
    let store = RedisStore::connect(&url, RedisSettings::default()).await.unwrap();
    for right in ["select", "evalsha"] {
        command(&server, &["ACL", "SETUSER", "fleet", &format!("-{right}")]).await;
        command(&server, &["CLIENT", "KILL", "USER", "fleet"]).await;
        // Side by side, so that every connection is asked for.
        let refused = |n: u32| {
            let store = &store;
            async move {
                let error = store.list_scans(n).await.unwrap_err().to_string();
                assert!(error.contains("does not let this user"), "without {right}: {error}");
            }
        };
        tokio::join!(refused(1), refused(2), refused(3), refused(4), refused(5));
        command(&server, &["ACL", "SETUSER", "fleet", &format!("+{right}")]).await;
        let asked = |n: u32| store.list_scans(n);
        let (a, b, c, d, e) = tokio::join!(asked(1), asked(2), asked(3), asked(4), asked(5));
        for answer in [a, b, c, d, e] {
            assert!(answer.as_ref().is_ok_and(Vec::is_empty), "with {right} again: {answer:?}");
        }
    }
}
