//! What a command asks a scan's store before the scan begins: which scan it is, and where that stands.
//!
//! Promises: a store that is restarting just then is waited for as in every later step, and a person reads once for
//! what, and how long at most. Refuses: to wait for anything that waiting does not mend.

use fleet_core::seams::{Store, StoreError};
use fleet_telemetry::say;

use crate::progress::Telling;
use crate::scan::Patience;

/// A store, and how long it is waited for.
pub struct AtStart<'a> {
    store: &'a dyn Store,
    patience: Patience,
    telling: Telling,
}

impl<'a> AtStart<'a> {
    /// Asks this store.
    #[must_use]
    pub fn of(store: &'a dyn Store, patience: Patience, telling: Telling) -> Self {
        Self { store, patience, telling }
    }

    /// One question. It may be asked several times.
    pub async fn ask<T>(
        &self,
        question: impl AsyncFn(&'a dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tell = |error: &StoreError| {
            if self.telling != Telling::Quiet {
                say!("{error}; waiting for it, at most {} s", self.patience.time().as_secs());
            }
        };
        self.patience.store_telling(|| question(self.store), tell).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use fleet_engines::sqlite::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn a_store_that_is_restarting_is_asked_again_and_a_refusal_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("x.db")).unwrap();
        let at_start = AtStart::of(&store, Patience::of(Duration::from_secs(5)), Telling::Quiet);
        let asked = Cell::new(0);
        let loading = async |store: &dyn Store| {
            asked.set(asked.get() + 1);
            if asked.get() < 3 {
                return Err(StoreError::Unavailable("is still reading its data".to_owned()));
            }
            store.list_scans(1).await
        };
        assert_eq!(at_start.ask(loading).await.unwrap(), []);
        assert_eq!(asked.get(), 3);
        asked.set(0);
        let refused = async |_: &dyn Store| {
            asked.set(asked.get() + 1);
            Err::<(), _>(StoreError::Conflict("wants a password".to_owned()))
        };
        assert!(at_start.ask(refused).await.is_err());
        assert_eq!(asked.get(), 1);
    }
}
