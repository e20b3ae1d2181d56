//! The store of one machine: one SQLite file, bundled, nothing to install.
//!
//! It promises what every store promises (see [`fleet_core::seams::store`]), and that whatever it answered is on the
//! disk: journal in write-ahead mode with `synchronous = FULL`, so that a commit is flushed before it is answered.
//! (`NORMAL` would keep the file whole but may forget the last commits when the power fails, after their tasks were
//! acknowledged and their messages sent. One flush a ticker costs about a millisecond; the requests of that ticker
//! cost seconds.)
//!
//! It refuses files that are not its own, that a newer version wrote, or that are damaged, each with a sentence that
//! names the file and what to do; it never repairs or overwrites one.
//!
//! One connection, used by one blocking task at a time, in the order asked: no async thread ever waits for the disk.
//! Several processes may use one file: every writing transaction takes SQLite's write lock at its start and waits for
//! it for at most [`SqliteSettings::busy_wait`].
//!
//! The files, in reading order: `schema` (tables, versions), `row` (how values are written), `failure` (what went
//! wrong, in words), then one file a concern: `scans`, `lease`, `commit`, `settle`, `trades`, `outbox`, `budgets`,
//! `bars`, `explanations`, `summaries`, `roster`, `gateway_rows`.

mod bars;
mod budgets;
mod commit;
mod explanations;
mod failure;
mod gateway_rows;
mod lease;
mod outbox;
mod roster;
mod row;
mod scans;
mod schema;
mod settle;
mod summaries;
mod trades;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{Clock, StoreError, SystemClock};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Mutex;

use failure::Failure;

pub use bars::MAX_SERIES;
pub use explanations::{MAX_EXPLANATION_BYTES, MAX_EXPLANATIONS};
pub use schema::{APPLICATION_ID, SCHEMA_VERSION};

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Statements kept compiled; there are about sixty different ones.
const CACHED_STATEMENTS: usize = 96;
/// The journal file is cut back to this after a checkpoint, so that one large scan does not leave it large for ever.
const JOURNAL_LIMIT_BYTES: i64 = 16 << 20;
/// SQLite's page size as we create files.
const PAGE_BYTES: u64 = 4096;

/// How a store file is used.
#[derive(Clone)]
pub struct SqliteSettings {
    /// Decides about leases, claims and budgets.
    pub clock: Arc<dyn Clock>,
    /// How long to wait for another process that is writing. Ours write for milliseconds.
    pub busy_wait: Duration,
    /// The file may not grow beyond this; `None` leaves it to the disk. Reaching it is [`StoreError::Full`].
    pub max_bytes: Option<u64>,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), busy_wait: Duration::from_secs(5), max_bytes: None }
    }
}

/// A store in one SQLite file. Cheap to clone: clones share one connection, which the last one closes.
#[derive(Clone)]
pub struct SqliteStore {
    /// The lock is held by one blocking task at a time, never by an async one.
    connection: Arc<Mutex<Connection>>,
    clock: Arc<dyn Clock>,
    path: Arc<Path>,
}

/// What a transaction works with.
struct Work<'a> {
    tx: &'a Transaction<'a>,
    /// The store's clock at the start of the transaction, in microseconds since 1970.
    now: i64,
}

impl SqliteStore {
    /// Opens a store file, or makes one (with its directory, readable by this user only).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteSettings::default())
    }

    /// Opens a store file under another clock.
    pub fn open_with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteSettings { clock, ..SqliteSettings::default() })
    }

    /// Opens a store file with settings of one's own.
    pub fn open_with(path: &Path, settings: SqliteSettings) -> Result<Self, StoreError> {
        // Absolute, so that messages name the file wherever they are read, and SQLite's names for files that are
        // none (`:memory:`, an empty name) are files like any other.
        let path = std::path::absolute(path).map_err(|e| failure::file_system(path, &e))?;
        prepare_file(&path)?;
        let connection = connect(&path, &settings).map_err(|failure| failure.at(&path))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), clock: settings.clock, path: path.into() })
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a job that writes, in one transaction that holds the write lock from its start. An error undoes all of it.
    async fn write<T, J>(&self, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: FnOnce(&Work<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.transact(TransactionBehavior::Immediate, job).await
    }

    /// Runs a job that only reads, on one consistent state.
    async fn read<T, J>(&self, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: FnOnce(&Work<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.transact(TransactionBehavior::Deferred, job).await
    }

    /// A caller that is cancelled while its job runs does not stop the job: it is written or not, as a whole.
    async fn transact<T, J>(&self, behavior: TransactionBehavior, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: FnOnce(&Work<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        let clock = Arc::clone(&self.clock);
        let run = move || -> Result<T, Failure> {
            let tx = connection.transaction_with_behavior(behavior)?;
            // Looked at after the lock was taken: time in the file never runs backwards because somebody waited.
            let now = clock.now().as_microsecond();
            let answer = job(&Work { tx: &tx, now })?;
            tx.commit()?;
            Ok(answer)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(answer) => answer.map_err(|failure| failure.at(&self.path)),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Unavailable("the program is ending".to_owned())),
            },
        }
    }
}

/// Makes the directory and an empty file where there is none, and refuses what is no SQLite file.
fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let wrong = |e: std::io::Error| failure::file_system(path, &e);
    if path.is_dir() {
        return Err(StoreError::Unavailable(format!(
            "{} is a directory; name a file in it, such as {}",
            path.display(),
            path.join("optionfleet.db").display()
        )));
    }
    if let Some(directory) = path.parent() {
        private_directory(directory).map_err(wrong)?;
    }
    let mut file = private_file(path).map_err(wrong)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(wrong)?;
    if head.is_empty() || head == MAGIC { Ok(()) } else { Err(StoreError::Foreign(path.display().to_string())) }
}

#[cfg(unix)]
fn private_directory(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn private_directory(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)
}

/// Readable and writable by this user only; SQLite gives its journal the same mode.
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn connect(path: &Path, settings: &SqliteSettings) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy_wait)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Whether it is ours, before anything is changed.
    schema::examine(&mut connection, path)?;
    schema::journal(&connection, path, settings.busy_wait)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_LIMIT_BYTES)?;
    schema::migrate(&mut connection, path)?;
    if let Some(bytes) = settings.max_bytes {
        let pages = i64::try_from((bytes / PAGE_BYTES).max(1)).unwrap_or(i64::MAX);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    Ok(connection)
}
