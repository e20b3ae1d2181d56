//! What a command asks a scan's store before the scan begins: which scan it is, and where that stands.
//!
//! Promises: a store that is restarting just then is waited for as in every later step, and a person reads once for
//! what, and how long at most. Refuses: to wait for anything that waiting does not mend.

use fleet_core::seams::{Store, StoreError};

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
                eprintln!("{error}; waiting for it, at most {} s", self.patience.time().as_secs());
            }
        };
        self.patience.store_telling(|| question(self.store), tell).await
    }
}
