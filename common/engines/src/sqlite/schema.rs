//! The tables, whose file it is, and how an older one becomes the present one.
//!
//! A file is ours if its `application_id` says so; `user_version` counts the migrations it has been through. Each
//! migration is one transaction and stays as it is for ever; a change is a new one.

use std::path::Path;
use std::time::{Duration, Instant};

use fleet_core::seams::StoreError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::failure::Failure;

/// Marks our files: `OPFL` in ASCII.
pub const APPLICATION_ID: i32 = 0x4f50_464c;
/// The schema this program writes, and the newest it reads.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// From version n to n + 1. Bodies are the JSON of `fleet_core::wire`; the columns beside them are what is looked up,
/// and are written from the same value in the same statement. Instants (`…_us`) are microseconds since 1970 of the
/// store's clock, unless they belong to a domain value.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE scans (
        seq            INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of creation, whatever the clock said
        scan           TEXT NOT NULL UNIQUE,
        config_hash    TEXT NOT NULL,
        state          TEXT NOT NULL,
        created_us     INTEGER NOT NULL,
        epoch          INTEGER NOT NULL DEFAULT 0,
        holder         TEXT,                               -- NULL: nobody
        lease_until_us INTEGER NOT NULL DEFAULT 0,
        manifest       BLOB
    );
    CREATE TABLE attempts (                                -- one row for each ticker of a frozen manifest
        scan     TEXT NOT NULL,
        ticker   TEXT NOT NULL,
        place    INTEGER NOT NULL,                         -- in the manifest
        attempts INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (scan, ticker)
    ) WITHOUT ROWID;
    CREATE TABLE outcomes (
        scan   TEXT NOT NULL,
        ticker TEXT NOT NULL,
        sealed INTEGER NOT NULL,                           -- 1: the deadline came first
        body   BLOB NOT NULL,
        UNIQUE (scan, ticker)
    );
    CREATE TABLE trades (
        id            TEXT PRIMARY KEY,
        strategy      TEXT NOT NULL,
        symbol        TEXT NOT NULL,
        underlying    TEXT NOT NULL,
        state         TEXT NOT NULL,
        control       INTEGER NOT NULL,
        ignored       INTEGER NOT NULL,
        scan          TEXT NOT NULL,
        signalled_us  INTEGER NOT NULL,
        entry_session TEXT NOT NULL,
        body          BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX trades_newest ON trades (signalled_us DESC, id);
    CREATE UNIQUE INDEX trades_live ON trades (underlying, strategy, symbol) WHERE state IN ('pending', 'open');
    CREATE TABLE marks (
        trade TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        body  BLOB NOT NULL,
        PRIMARY KEY (trade, at_us)
    ) WITHOUT ROWID;
    CREATE TABLE outbox (
        seq              INTEGER PRIMARY KEY AUTOINCREMENT,
        key              TEXT NOT NULL UNIQUE,
        trade            TEXT NOT NULL,
        sent             INTEGER NOT NULL DEFAULT 0,
        holder           TEXT,                             -- of the claim; NULL: nobody
        claimed_until_us INTEGER NOT NULL DEFAULT 0,
        body             BLOB NOT NULL
    );
    CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent = 0;
    CREATE TABLE budgets (
        vendor           TEXT PRIMARY KEY,
        next_us          INTEGER NOT NULL,
        blocked_until_us INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE bar_cache (
        instrument TEXT NOT NULL,
        session    TEXT NOT NULL,
        body       BLOB NOT NULL,
        UNIQUE (instrument, session)
    );
    CREATE INDEX bar_cache_session ON bar_cache (session);
    CREATE TABLE explanations (
        ticker TEXT PRIMARY KEY,
        scan   TEXT NOT NULL,
        seq    INTEGER NOT NULL,                           -- of the scan
        body   BLOB NOT NULL
    );
    CREATE INDEX explanations_age ON explanations (seq);
    CREATE INDEX explanations_scan ON explanations (scan);
",
    "
    CREATE INDEX trades_proposed ON trades (scan) WHERE state = 'proposed';
    ALTER TABLE outbox ADD COLUMN scan TEXT;               -- that wrote it; NULL: before this column was
    ALTER TABLE outbox ADD COLUMN expires_us INTEGER;      -- of the market's clock; NULL: never
    CREATE TABLE requests (                                -- the coordinator's own, for each scan
        scan     TEXT NOT NULL,
        vendor   TEXT NOT NULL,
        requests INTEGER NOT NULL,
        PRIMARY KEY (scan, vendor)
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE portfolio (                               -- one row
        version INTEGER NOT NULL                           -- grows whenever a scan is settled
    );
    INSERT INTO portfolio VALUES (0);
    CREATE TABLE workers (
        name     TEXT PRIMARY KEY,
        seen_us  INTEGER NOT NULL,
        until_us INTEGER NOT NULL,                         -- then it is forgotten
        body     BLOB NOT NULL
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE summaries (                               -- what chains came to
        ticker   TEXT NOT NULL,
        session  TEXT NOT NULL,
        as_of_us INTEGER NOT NULL,
        body     BLOB NOT NULL,                            -- packed, see fleet_core::wire
        PRIMARY KEY (ticker, session)
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE gateways (                                -- what the coordinator knows of gateways, for itself and workers
        name TEXT PRIMARY KEY,
        body BLOB NOT NULL
    );
",
];

/// A file's own account of itself.
struct Identity {
    application_id: i32,
    version: i64,
    objects: i64,
}

fn identity(connection: &Connection) -> Result<Identity, Failure> {
    Ok(Identity {
        application_id: connection.query_row("PRAGMA application_id", [], |row| row.get(0))?,
        version: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        objects: connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

/// Refuses a file that is not ours or too new. Changes nothing. Inside a transaction: it looks more than once.
fn check(connection: &Connection, path: &Path) -> Result<i64, Failure> {
    let file = identity(connection)?;
    let untouched = file.application_id == 0 && file.version == 0 && file.objects == 0;
    if file.application_id != APPLICATION_ID && !untouched {
        return Err(StoreError::Foreign(path.display().to_string()).into());
    }
    if file.version > SCHEMA_VERSION {
        let what = path.display().to_string();
        return Err(StoreError::Newer { what, found: file.version, known: SCHEMA_VERSION }.into());
    }
    if file.version < 0 || (file.version > 0 && file.objects == 0) {
        return Err(Failure::BadValue("schema version", file.version.to_string()));
    }
    Ok(file.version)
}

/// Puts the journal into write-ahead mode, which the file remembers.
pub(super) fn journal(connection: &Connection, path: &Path, patience: Duration) -> Result<(), Failure> {
    // Two processes that make the file at the same time: here SQLite does not wait by itself, so we do.
    let give_up = Instant::now() + patience;
    let mode: String = loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(10));
            }
            answer => break answer?,
        }
    };
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "{} is on a file system without shared memory (a network drive?); put it on a local disk",
        path.display()
    ))
    .into())
}

/// Looks at a file as it is at one instant: another process may be making it just now.
pub(super) fn examine(connection: &mut Connection, path: &Path) -> Result<i64, Failure> {
    let tx = connection.transaction()?;
    check(&tx, path)
}

/// Brings the file to [`SCHEMA_VERSION`], one transaction a step.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    if examine(connection, path)? == SCHEMA_VERSION {
        return Ok(());
    }
    for (version, step) in (1..).zip(MIGRATIONS) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Looked at again under the write lock: another process may have been faster.
        if check(&tx, path)? >= version {
            continue;
        }
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}
