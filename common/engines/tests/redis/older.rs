//! A store that the version before wrote: brought to the present one when it is opened, in one step, with all it holds.

use std::collections::BTreeMap;

use fleet_core::domain::SessionSummary;
use fleet_core::seams::*;
use fleet_engines::redis::SCHEMA_VERSION;
use fleet_servers::RedisServer;
use jiff::civil::date;
use redis::aio::MultiplexedConnection;

use crate::place::Place;
use crate::scan::{commit, frozen, ticker};

fn summary() -> SessionSummary {
    SessionSummary {
        session: date(2026, 11, 20),
        as_of: "2026-11-20T15:30:00Z".parse().unwrap(),
        spot: Some(101.25),
        iv30: Some(0.31),
        skew_25: None,
        term_slope: Some(0.97),
        call_volume: 120,
        put_volume: 80,
        call_open_interest: None,
        put_open_interest: Some(7),
    }
}

/// Every key of a store with what it holds.
async fn contents(place: &Place, connection: &mut MultiplexedConnection) -> BTreeMap<String, Vec<u8>> {
    let pattern = format!("{}*", place.settings.prefix);
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(connection).await.unwrap();
    let mut contents = BTreeMap::new();
    for key in keys {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(connection).await.unwrap();
        contents.insert(key, dump);
    }
    contents
}

/// Schema 2 knew no summaries. What it held is as it was but for the number, a scan that was running goes on, and there is
/// a place for summaries.
#[tokio::test]
async fn a_store_of_the_second_schema_keeps_all_it_holds_and_has_a_place_for_summaries() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let store = place.store().await;
    let lease = frozen(&store, "1000", 3).await;
    store.commit(&commit(&lease.scan, 0, "before")).await.unwrap();
    let (id, manifest) = (store.id().await.unwrap(), store.manifest(&lease.scan).await.unwrap());
    drop(store);

    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let schema = format!("{}schema", place.settings.prefix);
    redis::cmd("SET").arg(&schema).arg("2").query_async::<()>(&mut connection).await.unwrap();
    let mut before = contents(&place, &mut connection).await;
    assert!(before.len() > 5 && before.keys().all(|key| !key.contains("summaries")), "{:?}", before.keys());

    // Twice, as by two workers that start at once.
    let (store, other) = tokio::join!(place.store(), place.store());
    let number: String = redis::cmd("GET").arg(&schema).query_async(&mut connection).await.unwrap();
    assert_eq!(number, SCHEMA_VERSION.to_string());
    let mut after = contents(&place, &mut connection).await;
    assert!(before.remove(&schema) != after.remove(&schema), "the number has changed");
    assert_eq!(after, before, "and nothing else");
    assert_eq!((store.id().await.unwrap(), other.id().await.unwrap()), (id.clone(), id));

    assert_eq!(store.manifest(&lease.scan).await.unwrap(), manifest);
    assert_eq!(store.outcomes(&lease.scan, 0..9).await.unwrap().len(), 1);
    assert!(store.summaries(&ticker(1), 9).await.unwrap().is_empty());
    store.commit(&Commit { summary: Some(summary()), ..commit(&lease.scan, 1, "after") }).await.unwrap();
    assert_eq!(other.summaries(&ticker(1), 9).await.unwrap(), [summary()]);
    store.commit(&commit(&lease.scan, 2, "after")).await.unwrap();
    assert!(store.missing(&lease.scan).await.unwrap().is_empty(), "the scan goes on to its end");
}
