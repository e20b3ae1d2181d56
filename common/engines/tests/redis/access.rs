//! Who is let in, to what, and in which words not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fleet_core::seams::*;
use fleet_engines::redis::{MAX_BODY_BYTES, RedisSettings, RedisStore, SCHEMA_VERSION};
use fleet_servers::{AppendOnly, Certificates, RedisOptions, RedisServer};

use crate::place::Place;
use crate::scan::{commit, frozen};

const SECRET: &str = "s3cret-p4ss";

/// How connecting fails; soon enough, and without the secret.
async fn refused(url: &str, settings: RedisSettings) -> StoreError {
    let asked = Instant::now();
    let Err(error) = RedisStore::connect(url, settings).await else { panic!("{url} was let in") };
    assert!(asked.elapsed() < Duration::from_secs(5), "{error} after {:?}", asked.elapsed());
    let words = format!("{error} {error:?}");
    assert!(!words.contains(SECRET) && !words.contains("wrong-pass"), "it tells a secret: {words}");
    error
}

fn with_user(url: &str, login: &str) -> String {
    url.replacen("://", &format!("://{login}@"), 1)
}

#[tokio::test]
async fn a_password_is_asked_for_and_taken() {
    let server = RedisServer::start_with(RedisOptions { password: Some(SECRET.to_owned()), ..RedisOptions::default() });
    let url = server.url();
    RedisStore::connect(&with_user(&url, &format!(":{SECRET}")), RedisSettings::default()).await.unwrap();
    let apart = RedisSettings { password: Some(SECRET.to_owned()), ..RedisSettings::default() };
    let shown = format!("{apart:?}");
    assert!(shown.contains("***") && !shown.contains(SECRET), "{shown}");
    let store = RedisStore::connect(&url, apart).await.unwrap();
    assert_eq!(store.address(), format!("{url}0"));
    for error in [
        refused(&with_user(&url, ":wrong-pass"), RedisSettings::default()).await,
        refused(&url, RedisSettings { password: Some("wrong-pass".to_owned()), ..RedisSettings::default() }).await,
        refused(&url, RedisSettings::default()).await,
    ] {
        assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    }
}

#[tokio::test]
async fn a_user_needs_our_keys_and_commands_and_nothing_else() {
    let users = [
        format!("fleet on >{SECRET} ~optionfleet:1:* -@all +@read +@write +@scripting +@connection -@dangerous +time"),
        format!("keyless on >{SECRET} ~other:* +@all"),
        format!("reader on >{SECRET} ~optionfleet:1:* +@all -hset -rename"),
        format!("scriptless on >{SECRET} ~optionfleet:1:* +@all -@scripting"),
    ];
    let server = RedisServer::start_with(RedisOptions { users: users.to_vec(), ..RedisOptions::default() });
    let url = |user: &str| with_user(&server.url(), &format!("{user}:{SECRET}"));
    let store = RedisStore::connect(&url("fleet"), RedisSettings::default()).await.unwrap();
    let lease = frozen(&store, "1000", 2).await;
    store.commit(&commit(&lease.scan, 0, "x")).await.unwrap();
    store.seal(&lease).await.unwrap();
    let warnings = store.durability_warnings().await.unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("CONFIG GET"), "{warnings:?}");
    for (user, named) in [("keyless", "optionfleet:1:*"), ("reader", "HSET, RENAME"), ("scriptless", "evalsha")] {
        let error = refused(&url(user), RedisSettings::default()).await;
        assert!(matches!(&error, StoreError::Conflict(words) if words.contains(named)), "{user}: {error}");
    }
}

#[tokio::test]
async fn tls_is_spoken_with_a_server_that_an_authority_vouches_for() {
    // What `main` does first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = Certificates::make();
    let tls = Some(certificates.clone());
    let server = RedisServer::start_with(RedisOptions { tls, ..RedisOptions::default() });
    let known = RedisSettings { ca_file: Some(certificates.authority()), ..RedisSettings::default() };
    let store = RedisStore::connect(&server.url(), known.clone()).await.unwrap();
    store.ping().await.unwrap();
    let stranger = refused(&server.url(), RedisSettings::default()).await;
    assert!(matches!(stranger, StoreError::Unavailable(_)), "{stranger}");
    let plain = refused(&server.url().replace("rediss", "redis"), RedisSettings::default()).await;
    assert!(matches!(plain, StoreError::Unavailable(_)), "{plain}");
    let no_file = RedisSettings { ca_file: Some(PathBuf::from("/no/such/file.pem")), ..RedisSettings::default() };
    let no_file = refused(&server.url(), no_file).await;
    assert!(matches!(&no_file, StoreError::Conflict(words) if words.contains("/no/such/file.pem")), "{no_file}");
}

#[tokio::test]
async fn a_wrong_address_is_said_in_words() {
    let plain = RedisSettings::default;
    for (url, named) in [
        ("nats://127.0.0.1:4222", "`nats:`"),
        ("127.0.0.1:6379", "redis://host:port"),
        ("redis://127.0.0.1:6379/x", "database number"),
        ("rediss://127.0.0.1:6379/#insecure", "behind"),
        ("redis://", "host"),
    ] {
        let error = refused(&with_user(url, &format!("u:{SECRET}")), plain()).await;
        assert!(matches!(&error, StoreError::Conflict(words) if words.contains(named)), "{url}: {error}");
    }
    // Nobody listens there.
    let error = refused("redis://127.0.0.1:1/", plain()).await;
    assert!(matches!(&error, StoreError::Unavailable(words) if words.contains("127.0.0.1:1")), "{error}");
    let error = refused("redis://no-such-host.invalid/", plain()).await;
    assert!(matches!(&error, StoreError::Unavailable(words) if words.contains("no-such-host.invalid")), "{error}");
}

#[tokio::test]
async fn databases_and_prefixes_are_stores_of_their_own() {
    let server = RedisServer::start();
    let here = RedisStore::connect(&server.url(), RedisSettings::default()).await.unwrap();
    let there = RedisStore::connect(&format!("{}3", server.url()), RedisSettings::default()).await.unwrap();
    let aside = Place::on(&server).store().await;
    frozen(&here, "1000", 2).await;
    for other in [there, aside] {
        assert!(other.list_scans(9).await.unwrap().is_empty());
    }
    assert_eq!(here.list_scans(9).await.unwrap().len(), 1);
    let beyond = refused(&format!("{}99", server.url()), RedisSettings::default()).await;
    assert!(!matches!(beyond, StoreError::Unavailable(_)), "{beyond}");
}

#[tokio::test]
async fn keys_of_others_and_of_newer_versions_are_left_alone() {
    let server = RedisServer::start();
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut schema = async |value: String| {
        redis::cmd("SET").arg("optionfleet:1:schema").arg(value).query_async::<()>(&mut connection).await.unwrap();
        refused(&server.url(), RedisSettings::default()).await
    };
    let newer = schema((SCHEMA_VERSION + 1).to_string()).await;
    assert!(
        matches!(newer, StoreError::Newer { found, known: SCHEMA_VERSION, .. } if found > SCHEMA_VERSION),
        "{newer}"
    );
    for foreign in ["hello", "", "0", "-1", "1.0", " 1"] {
        let error = schema(foreign.to_owned()).await;
        assert!(matches!(error, StoreError::Foreign(_)), "{foreign:?}: {error}");
    }
}

#[tokio::test]
async fn something_else_under_a_key_of_ours_is_damage() {
    let server = RedisServer::start();
    let store = RedisStore::connect(&server.url(), RedisSettings::default()).await.unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("SET").arg("optionfleet:1:scans").arg("x").query_async::<()>(&mut connection).await.unwrap();
    let error = store.list_scans(9).await.unwrap_err();
    assert!(matches!(&error, StoreError::Damaged(words) if words.contains("127.0.0.1")), "{error}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_sent() {
    let server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let lease = frozen(&store, "1000", 2).await;
    let large = commit(&lease.scan, 0, &"x".repeat(MAX_BODY_BYTES));
    let error = store.commit(&large).await.unwrap_err();
    assert!(matches!(&error, StoreError::TooLarge(words) if words.contains("8 MB")), "{error}");
    assert_eq!(store.missing_count(&lease.scan).await.unwrap(), 2);
    // Just below, it is.
    let fits = commit(&lease.scan, 1, &"x".repeat(MAX_BODY_BYTES - 1_000));
    assert_eq!(store.commit(&fits).await.unwrap(), CommitAnswer::Committed);
    assert_eq!(store.outcomes(&lease.scan, 0..9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn settings_that_lose_data_are_named() {
    let good = RedisServer::start();
    let store = RedisStore::connect(&good.url(), RedisSettings::default()).await.unwrap();
    assert_eq!(store.durability_warnings().await.unwrap(), Vec::<String>::new());
    let bad = RedisServer::start_with(RedisOptions {
        append_only: AppendOnly::Off,
        maxmemory_policy: Some("allkeys-lru".to_owned()),
        ..RedisOptions::default()
    });
    let store = RedisStore::connect(&bad.url(), RedisSettings::default()).await.unwrap();
    let warnings = store.durability_warnings().await.unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("appendonly") && warnings[1].contains("allkeys-lru"), "{warnings:?}");
    // A replica is named too, and refuses what writes.
    let client = redis::Client::open(bad.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg("1").query_async::<()>(&mut connection).await.unwrap();
    let warnings = store.durability_warnings().await.unwrap();
    assert!(warnings.iter().any(|warning| warning.contains("replica") || warning.contains("slave")), "{warnings:?}");
    let error = refused(&bad.url(), RedisSettings::default()).await;
    assert!(matches!(&error, StoreError::Unavailable(words) if words.contains("replica")), "{error}");
}
