//! The SQLite store and its file: whose it is, what it refuses, and what happens when the disk or a lock is in the way.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::sqlite::{APPLICATION_ID, MAX_SERIES, SCHEMA_VERSION, SqliteSettings, SqliteStore};
use jiff::civil::date;
use rusqlite::Connection;

/// A directory and a store's path in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("store.db")
    }

    /// A store that was made and closed again.
    fn made(&self) -> std::path::PathBuf {
        drop(SqliteStore::open(&self.file()).unwrap());
        self.file()
    }
}

fn refusal(path: &Path) -> StoreError {
    let quick = SqliteSettings { busy_wait: Duration::from_millis(50), ..SqliteSettings::default() };
    match SqliteStore::open_with(path, quick) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// It names the file.
#[track_caller]
fn check_names(error: &StoreError, path: &Path) {
    let sentence = error.to_string();
    assert!(sentence.contains(&path.display().to_string()), "{sentence:?} does not name {}", path.display());
}

fn bars(n: usize, padding: usize) -> BarSeries {
    let price = Price::from_dollars(2.5).unwrap();
    let bar = Bar { date: date(2026, 11, 19), open: price, high: price, low: price, close: price, volume: 1 };
    let instrument = Instrument::Underlying(Ticker::parse(&format!("T{n}")).unwrap());
    BarSeries {
        instrument,
        bars: vec![bar; padding],
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 0,
        complete_from: None,
    }
}

fn kept_bars(series: &BarSeries) -> KeptBars {
    KeptBars { series: series.clone(), whole_in: None }
}

#[tokio::test]
async fn a_new_file_is_made_with_its_directory_for_this_user_only() {
    let place = Place::new();
    let path = place.0.path().join("a/b/store.db");
    let store = SqliteStore::open(&path).unwrap();
    store.open_scan(&ScanId::parse("x-20261120-1000").unwrap(), "hash").await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
    drop(store);
    let raw = Connection::open(&path).unwrap();
    let pragma = |name: &str| raw.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("application_id"), i64::from(APPLICATION_ID));
    assert_eq!(pragma("user_version"), SCHEMA_VERSION);
}

#[test]
fn two_that_make_the_same_file_at_once_both_get_it() {
    let place = Place::new();
    let path = place.file();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| SqliteStore::open(&path).map(|_| ()))).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let path = place.file();
    fs::write(&path, "Date,Open,High\n").unwrap();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Foreign(_)), "{error:?}");
    check_names(&error, &path);
    assert_eq!(fs::read(&path).unwrap(), b"Date,Open,High\n");

    let path = place.0.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text); PRAGMA user_version = 3").unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Foreign(_)), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let place = Place::new();
    let path = place.made();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    let error = refusal(&path);
    assert!(
        matches!(error, StoreError::Newer { found, known, .. } if (found, known) == (SCHEMA_VERSION + 1, SCHEMA_VERSION)),
        "{error:?}"
    );
    check_names(&error, &path);
}

/// A file of the version before: what it holds stays, and what it cannot hold yet has a place.
#[tokio::test]
async fn an_older_file_is_brought_up_to_date() {
    let place = Place::new();
    let path = place.made();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE summaries; DROP TABLE gateways; PRAGMA user_version = 3").unwrap();
    drop(raw);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.summaries(&Ticker::parse("AAPL").unwrap(), 9).await.unwrap(), []);
    let scan = ScanId::parse("x-20261120-1000").unwrap();
    assert_eq!(store.open_scan(&scan, "hash").await.unwrap(), OpenedScan::Created);
    drop(store);
    let raw = Connection::open(&path).unwrap();
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION);
}

#[test]
fn a_damaged_file_is_refused() {
    let place = Place::new();
    let path = place.made();
    let mut bytes = fs::read(&path).unwrap();
    // Everything after the header: the pages say nothing any more.
    bytes[100..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    check_names(&error, &path);
}

#[tokio::test]
async fn a_damaged_row_is_named_not_skipped() {
    let place = Place::new();
    let path = place.file();
    let store = SqliteStore::open(&path).unwrap();
    let series = bars(1, 1);
    store.cache_bars(date(2026, 11, 20), &kept_bars(&series)).await.unwrap();
    let raw = Connection::open(&path).unwrap();
    for (body, newer) in [(&b"{\"v\":1,\"body\":{}}"[..], false), (&b"{\"v\":99,\"body\":{}}"[..], true)] {
        raw.execute("UPDATE bar_cache SET body = ?", [body]).unwrap();
        let error = store.cached_bars(&series.instrument, date(2026, 11, 20)).await.unwrap_err();
        assert_eq!(matches!(error, StoreError::Newer { found: 99, .. }), newer, "{error:?}");
        assert_eq!(matches!(error, StoreError::Damaged(_)), !newer, "{error:?}");
        check_names(&error, &path);
    }
}

#[tokio::test]
async fn a_locked_file_is_unavailable_after_a_bounded_wait() {
    let place = Place::new();
    let path = place.made();
    let busy_wait = Duration::from_millis(100);
    let store = SqliteStore::open_with(&path, SqliteSettings { busy_wait, ..SqliteSettings::default() }).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let scan = ScanId::parse("x-20261120-1000").unwrap();
    let error = store.open_scan(&scan, "hash").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    check_names(&error, &path);
    assert!(started.elapsed() < Duration::from_secs(5));
    // Reading goes on meanwhile, and writing once the lock is gone.
    assert_eq!(store.scan_state(&scan).await.unwrap(), None);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.open_scan(&scan, "hash").await.unwrap(), OpenedScan::Created);
}

#[test]
fn a_path_that_can_be_no_file_is_refused() {
    let place = Place::new();
    let error = refusal(place.0.path());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    check_names(&error, place.0.path());
    fs::write(place.file(), "").unwrap();
    let below_a_file = place.file().join("store.db");
    let error = refusal(&below_a_file);
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    check_names(&error, &below_a_file);
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_written_is_unavailable() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(place.0.path().join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere (root)");
        return;
    }
    let error = refusal(&place.file());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    check_names(&error, &place.file());
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_half_written() {
    let place = Place::new();
    let path = place.file();
    let settings = SqliteSettings { max_bytes: Some(512 << 10), ..SqliteSettings::default() };
    let store = SqliteStore::open_with(&path, settings).unwrap();
    let day = date(2026, 11, 20);
    let mut kept = Vec::new();
    let full = loop {
        assert!(kept.len() < 1_000, "half a megabyte held a thousand series");
        let series = bars(kept.len(), 400);
        match store.cache_bars(day, &kept_bars(&series)).await {
            Ok(()) => kept.push(series),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    check_names(&full, &path);
    let scan = ScanId::parse("x-20261120-1000").unwrap();
    // What a commit of this size would leave behind: nothing of it.
    let opened = store.open_scan(&scan, &"h".repeat(200_000)).await;
    assert!(matches!(opened, Err(StoreError::Full(_))), "{opened:?}");
    assert_eq!(store.scan_state(&scan).await.unwrap(), None);
    for series in &kept {
        assert_eq!(store.cached_bars(&series.instrument, day).await.unwrap().as_ref(), Some(series));
    }
    let refused = bars(kept.len(), 400);
    assert_eq!(store.cached_bars(&refused.instrument, day).await.unwrap(), None);
    drop(store);
    // With room again it goes on.
    let roomy = SqliteStore::open(&path).unwrap();
    roomy.cache_bars(day, &kept_bars(&refused)).await.unwrap();
    assert_eq!(roomy.open_scan(&scan, "hash").await.unwrap(), OpenedScan::Created);
}

#[tokio::test]
async fn the_first_series_of_a_new_session_clears_those_of_all_but_the_newest_before() {
    let place = Place::new();
    let store = SqliteStore::open(&place.file()).unwrap();
    let raw = Connection::open(place.file()).unwrap();
    let kept = || -> i64 { raw.query_row("SELECT count(*) FROM bar_cache", [], |row| row.get(0)).unwrap() };
    for n in 0..5 {
        store.cache_bars(date(2026, 11, 17), &kept_bars(&bars(n, 1))).await.unwrap();
    }
    store.cache_bars(date(2026, 11, 19), &kept_bars(&bars(9, 1))).await.unwrap();
    assert_eq!(kept(), 6);
    store.cache_bars(date(2026, 11, 20), &kept_bars(&bars(8, 1))).await.unwrap();
    assert_eq!(kept(), 2);
    // Full: what is left of earlier sessions makes room, this session's does not.
    let fill = |session: &str, n: i64| {
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
            INSERT INTO bar_cache (instrument, session, body) SELECT 'u:' || i, ?1, x'' FROM n";
        assert_eq!(raw.execute(many, (session, n)).unwrap() as i64, n);
    };
    fill("2026-11-19", MAX_SERIES - 2);
    store.cache_bars(date(2026, 11, 20), &kept_bars(&bars(7, 1))).await.unwrap();
    assert_eq!(kept(), 2);
    fill("2026-11-20", MAX_SERIES - 2);
    let refused = bars(6, 1);
    store.cache_bars(date(2026, 11, 20), &kept_bars(&refused)).await.unwrap();
    assert_eq!(kept(), MAX_SERIES);
    assert_eq!(store.cached_bars(&refused.instrument, date(2026, 11, 20)).await.unwrap(), None);
}

#[tokio::test]
async fn a_cancelled_caller_leaves_the_store_usable() {
    let place = Place::new();
    let store = SqliteStore::open(&place.file()).unwrap();
    let scan = ScanId::parse("x-20261120-1000").unwrap();
    for _ in 0..20 {
        let call = store.open_scan(&scan, "hash");
        // Polled once, then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, call).await;
    }
    let opened = store.open_scan(&scan, "hash").await.unwrap();
    assert!(matches!(opened, OpenedScan::Created | OpenedScan::Existing(ScanState::Init)), "{opened:?}");
}
