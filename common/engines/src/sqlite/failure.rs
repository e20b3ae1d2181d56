//! What goes wrong in a transaction, and how it is said: each sentence names the file and what to do about it.

use std::path::Path;

use fleet_core::seams::StoreError;
use fleet_core::wire::WireError;
use rusqlite::ErrorCode;

/// Why a transaction was given up. Everything it had written is undone.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite's word.
    Sqlite(rusqlite::Error),
    /// A stored value cannot be read, or a new one cannot be written.
    Wire(WireError),
    /// A stored value is no value of its kind: which, and what it is.
    BadValue(&'static str, String),
    /// The seam's own answer.
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// In the seam's terms, naming the file.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let file = path.display();
        match self {
            Self::Store(error) => error,
            Self::Wire(WireError::Newer { what, found, known }) => {
                StoreError::Newer { what: format!("a {what} in {file}"), found: found.into(), known: known.into() }
            }
            Self::Wire(WireError::Unreadable { what, source }) => {
                StoreError::Damaged(format!("{file} holds a {what} that cannot be read ({source}); {KEEP}"))
            }
            Self::Wire(WireError::Damaged { what }) => {
                StoreError::Damaged(format!("{file} holds a {what} that cannot be read; {KEEP}"))
            }
            Self::BadValue(what, value) => {
                StoreError::Damaged(format!("{file} holds the {what} `{value}`, which is none; {KEEP}"))
            }
            Self::Sqlite(error) => sqlite(&error, path),
        }
    }
}

const KEEP: &str = "move the file away (it is not changed) and start with another, or put a copy back";

fn sqlite(error: &rusqlite::Error, path: &Path) -> StoreError {
    let file = path.display();
    let unavailable = |what: &str| StoreError::Unavailable(format!("{file} {what}"));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            unavailable("is locked by another program; wait for it or end it, then try again")
        }
        Some(ErrorCode::DiskFull) => {
            StoreError::Full(format!("{file} cannot grow; make room and try again, nothing was half written"))
        }
        Some(ErrorCode::NotADatabase) => StoreError::Foreign(file.to_string()),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged(format!("{file} is not whole ({error}); {KEEP}")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            unavailable("cannot be written; make it and its directory writable for this user")
        }
        Some(ErrorCode::CannotOpen) => {
            unavailable("cannot be opened; its directory must exist and be writable for this user")
        }
        Some(ErrorCode::SystemIoFailure) => {
            StoreError::Unavailable(format!("{file}: the disk does not answer properly ({error})"))
        }
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            StoreError::Damaged(format!("{file} contradicts itself ({error}); {KEEP}"))
        }
        Some(_) | None => StoreError::Damaged(format!("{file} cannot be used ({error}); {KEEP}")),
    }
}

/// What the file system said of the file or its directory.
pub(super) fn file_system(path: &Path, error: &std::io::Error) -> StoreError {
    let file = path.display();
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            StoreError::Full(format!("{file} cannot be made; make room and try again"))
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => StoreError::Unavailable(
            format!("{file} cannot be opened for writing ({error}); make it and its directory writable for this user"),
        ),
        _ => StoreError::Unavailable(format!("{file} cannot be opened ({error}); name another file, or mend its path")),
    }
}
