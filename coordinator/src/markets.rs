//! The one place where the seams get their engines: vendors over direct egress, the queue in this process, the store in
//! a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::Manifest;
use fleet_core::seams::{Budgets, Clock, MarketData, Notifier, Store, SystemClock};
use fleet_engines::in_process::InProcessQueue;
use fleet_engines::sqlite::SqliteStore;
use fleet_scraper::{TlsSettings, VendorMarket};
use fleet_worker::MarketFactory;

use crate::config::{Settings, ca_file};
use crate::failure::{Failure, chain};
use crate::scan::ScanParts;

/// Reaches the vendors a manifest names, within budgets the store holds.
pub struct DirectMarkets {
    budgets: Arc<dyn Budgets>,
    tls: TlsSettings,
}

impl MarketFactory for DirectMarkets {
    fn market_for(&self, manifest: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        VendorMarket::new(&manifest.vendors, manifest.limits, Arc::clone(&self.budgets), self.tls.clone())
            .map(|market| Arc::new(market) as Arc<dyn MarketData>)
            .map_err(|error| chain(&error))
    }
}

/// A task that was taken and not finished goes back after so long; in one process only a lost slot lets it come to that.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// A scan's outside things.
#[must_use]
pub fn parts(settings: &Settings, store: Arc<dyn Store>, notifier: Arc<dyn Notifier>) -> ScanParts {
    let budgets: Arc<dyn Budgets> = Arc::clone(&store) as Arc<dyn Budgets>;
    ScanParts {
        queue: Arc::new(InProcessQueue::new(ACK_WAIT)),
        store,
        markets: Arc::new(DirectMarkets { budgets, tls: TlsSettings { ca_file: ca_file(settings) } }),
        notifier,
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
    }
}

/// The file of `sqlite:PATH`.
pub fn store_path(settings: &Settings) -> Result<PathBuf, Failure> {
    let path = settings.store.url.strip_prefix("sqlite:").unwrap_or(&settings.store.url);
    match path.strip_prefix("~/") {
        None => Ok(PathBuf::from(path)),
        Some(rest) => Ok(home()?.join(rest)),
    }
}

/// The home directory.
pub fn home() -> Result<PathBuf, Failure> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
        Failure::usage("there is no home directory (HOME is not set)")
            .hint("name the store with --store sqlite:PATH and the configuration with --config PATH")
    })
}

/// Opens the store, making it if need be.
pub fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(SqliteStore::open(&store_path(settings)?)?))
}

/// Opens a store that must be there: a question to a store that does not exist would leave an empty one behind.
pub fn existing_store(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    let path = store_path(settings)?;
    if !exists(&path)? {
        return Err(Failure::broken(format!("there is no store at {} yet", path.display()))
            .hint("`optionfleet scan` makes it; or name another with --store sqlite:PATH"));
    }
    Ok(Arc::new(SqliteStore::open(&path)?))
}

fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| Failure::broken(format!("cannot look for the store {}: {error}", path.display())))
}
