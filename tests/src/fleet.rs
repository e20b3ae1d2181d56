//! A world of one test: a directory of its own, a store in it, and `optionfleet` run there.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::market::Market;
use crate::program::{Invocation, Ran};

/// A directory of its own, gone with the test.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
}

impl World {
    /// An empty one.
    ///
    /// # Panics
    /// When no directory can be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making a directory is not a default value")]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("optionfleet-test-").tempdir();
        Self { directory: directory.expect("a temporary directory can be made") }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file's path in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file in it and returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, content).unwrap_or_else(|why| panic!("cannot write {}: {why}", path.display()));
        path
    }

    /// The store's file.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.file("store.db")
    }

    /// `optionfleet` in this world.
    #[must_use]
    pub fn optionfleet<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        Invocation::new(self.path()).args(args)
    }

    /// `optionfleet` with this world's store.
    #[must_use]
    pub fn with_store<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        let store = format!("sqlite:{}", self.store_path().display());
        self.optionfleet([]).args(["--store", &store]).args(args)
    }

    /// `optionfleet scan` of a market, with this world's store, as fast as it goes.
    #[must_use]
    pub fn scan<'a>(&self, market: &Market, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        unlimited(self.with_store(["scan", "--market", market.url()]).args(args))
    }

    /// The same scan's result as JSON.
    #[must_use]
    pub fn scan_json<'a>(&self, market: &Market, args: impl IntoIterator<Item = &'a str>) -> (Ran, serde_json::Value) {
        let ran = self.scan(market, args).args(["--format", "json"]).run();
        let json = ran.json();
        (ran, json)
    }
}

/// Without budgets, which only loopback allows.
#[must_use]
pub fn unlimited(mut invocation: Invocation) -> Invocation {
    for vendor in ["FINVIZ", "CBOE", "YAHOO", "ROBINHOOD"] {
        for rate in ["PER_ADDRESS_PER_SEC", "TOTAL_PER_SEC"] {
            invocation = invocation.env(&format!("OPTIONFLEET_VENDORS__{vendor}__{rate}"), "unlimited");
        }
    }
    invocation
}
