//! The one place where the seams get their engines: vendors over direct egress; on one machine the queue in this process
//! and the store in a SQLite file, for a fleet the queue on NATS and the store on Redis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleet_core::domain::ScanId;
use fleet_core::seams::{Budgets, Clock, Endpoints, GatewayRows, Notifier, Store, StoredEndpoints, SystemClock};
use fleet_engines::connect::{self, Engines, QueueAddress, Secrets, StoreAddress};
use fleet_scraper::{Access, RobinhoodToken, TlsSettings};
use fleet_telemetry::say;
use fleet_worker::markets::VendorMarkets;
use fleet_worker::program::opening::{self, OpeningPatience};

use crate::config::{Settings, asks_robinhood, vendor_ca_file};
use crate::failure::{Failure, chain};
use crate::progress::Telling;
use crate::scan::{Patience, ScanParts};

/// Who works on a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// This process.
    OneMachine,
    /// Workers anywhere, through servers.
    Fleet,
}

/// Where the queue is, and so who works.
pub fn place(settings: &Settings) -> Result<Place, Failure> {
    Ok(match queue_address(settings)? {
        QueueAddress::InProcess => Place::OneMachine,
        QueueAddress::Nats(_) => Place::Fleet,
    })
}

/// Whether the queue and the store go together: what a scan needs.
pub fn check_pair(settings: &Settings) -> Result<(), Failure> {
    connect::check_pair(&queue_address(settings)?, &store_address(settings)?)
        .map_err(|mixed| Failure::usage(mixed.to_string()))
}

/// How long a scan waits for a store or a queue that is away, from the first connection to the last step.
pub fn patience(settings: &Settings) -> Result<Patience, Failure> {
    Ok(match place(settings)? {
        Place::OneMachine => Patience::ONE_MACHINE,
        Place::Fleet => Patience::FLEET,
    })
}

/// Opens the queue and the store, making a store file if need be. A fleet's servers that are restarting just then are
/// waited for, and a person is told once for what and how long; a file is there or it is not.
pub async fn open(settings: &Settings, telling: Telling) -> Result<Engines, Failure> {
    let (queue, store, secrets) = (queue_address(settings)?, store_address(settings)?, secrets()?);
    match place(settings)? {
        Place::OneMachine => Ok(connect::open(&queue, &store, &secrets).await?),
        Place::Fleet => {
            let patience = OpeningPatience::of(Patience::FLEET.time());
            let tell = |line: &str| {
                if telling != Telling::Quiet {
                    say!("{line}");
                }
            };
            opening::open(&queue, &store, &secrets, patience, tell).await
        }
    }
}

/// A scan's outside things.
pub fn parts(settings: &Settings, engines: Engines, notifier: Arc<dyn Notifier>) -> Result<ScanParts, Failure> {
    let Engines { queue, store, warnings: _ } = engines;
    let budgets: Arc<dyn Budgets> = Arc::clone(&store) as Arc<dyn Budgets>;
    let endpoints: Arc<dyn Endpoints> = Arc::new(StoredEndpoints::new(Arc::clone(&store) as Arc<dyn GatewayRows>));
    Ok(ScanParts {
        queue,
        store,
        markets: Arc::new(VendorMarkets::new(budgets, endpoints, access(settings)?)),
        notifier,
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        patience: patience(settings)?,
    })
}

/// What this process brings to reach vendors. Who works on a scan that asks Robinhood needs a token; a fleet's workers bring
/// their own.
pub fn access(settings: &Settings) -> Result<Access, Failure> {
    let token = RobinhoodToken::from_env(|name| std::env::var(name).ok());
    let robinhood = token.map_err(|error| Failure::usage(error.to_string()))?;
    if robinhood.is_none() && asks_robinhood(settings) && place(settings)? == Place::OneMachine {
        let (variable, file) = (RobinhoodToken::VARIABLE, RobinhoodToken::FILE_VARIABLE);
        return Err(Failure::usage("[vendors] names robinhood, which wants an account's token, and there is none")
            .hint(format!("put one into {variable}, or into a file named by {file}")));
    }
    Ok(Access { tls: TlsSettings { ca_file: vendor_ca_file(settings) }, robinhood })
}

/// Tasks of a scan in a fleet's queue. `None`: on one machine only the scanning process knows, or nobody answers.
pub async fn backlog(settings: &Settings, scan: &ScanId) -> Option<u64> {
    match place(settings).ok()? {
        Place::OneMachine => None,
        Place::Fleet => {
            let (queue, store, secrets) =
                (queue_address(settings).ok()?, store_address(settings).ok()?, secrets().ok()?);
            // Once, without patience: who asks where a scan stands does not wait for servers.
            connect::open(&queue, &store, &secrets).await.ok()?.queue.backlog(scan).await.ok()
        }
    }
}

/// The command that starts a worker of the fleet. Passwords are `***`: they belong into the environment.
#[must_use]
pub fn worker_command(settings: &Settings) -> String {
    format!(
        "optionfleet-worker --queue {} --store {}",
        connect::shown(&settings.queue.url),
        connect::shown(&settings.store.url)
    )
}

fn queue_address(settings: &Settings) -> Result<QueueAddress, Failure> {
    QueueAddress::parse(&settings.queue.url).map_err(|error| Failure::usage(format!("the queue {error}")))
}

/// With `~/` made the home directory.
fn store_address(settings: &Settings) -> Result<StoreAddress, Failure> {
    let address =
        StoreAddress::parse(&settings.store.url).map_err(|error| Failure::usage(format!("the store {error}")))?;
    Ok(match address {
        StoreAddress::Sqlite(path) => StoreAddress::Sqlite(at_home(path)?),
        redis @ StoreAddress::Redis(_) => redis,
    })
}

/// A path with `~/` made the home directory.
pub fn at_home(path: PathBuf) -> Result<PathBuf, Failure> {
    match path.strip_prefix("~") {
        Ok(rest) => Ok(home()?.join(rest)),
        Err(_) => Ok(path),
    }
}

fn secrets() -> Result<Secrets, Failure> {
    Secrets::from_env(|name| std::env::var(name).ok()).map_err(|error| Failure::usage(chain(&error)))
}

/// The home directory.
pub fn home() -> Result<PathBuf, Failure> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
        Failure::usage("there is no home directory (HOME is not set)")
            .hint("name the store with --store sqlite:PATH and the configuration with --config PATH")
    })
}

/// Opens a store that must be there: a question to a file that does not exist would leave an empty one behind.
pub async fn existing_store(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    let address = store_address(settings)?;
    if let StoreAddress::Sqlite(path) = &address
        && !exists(path)?
    {
        return Err(Failure::broken(format!("there is no store at {} yet", path.display()))
            .hint("`optionfleet scan` makes it; or name another with --store sqlite:PATH"));
    }
    Ok(connect::open_store(&address, &secrets()?).await?.0)
}

/// The same; `None`: there is none.
pub async fn store_if_there(settings: &Settings) -> Result<Option<Arc<dyn Store>>, Failure> {
    match store_address(settings)? {
        StoreAddress::Sqlite(path) if !exists(&path)? => Ok(None),
        StoreAddress::Sqlite(_) | StoreAddress::Redis(_) => open_store(settings).await.map(Some),
    }
}

/// Opens a store, making a store file if need be.
pub async fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    Ok(connect::open_store(&store_address(settings)?, &secrets()?).await?.0)
}

/// An empty store of a question's own, where the configured file is not there yet: `settings` name it from here on. It goes
/// away with what is returned. `None`: the configured store is asked.
pub fn passing_store(settings: &mut Settings) -> Result<Option<PassingStore>, Failure> {
    match store_address(settings)? {
        StoreAddress::Sqlite(path) if !exists(&path)? => {
            let directory = std::env::temp_dir().join(format!("optionfleet-dry-run-{}", std::process::id()));
            settings.store.url = format!("sqlite:{}", directory.join("optionfleet.db").display());
            Ok(Some(PassingStore { directory }))
        }
        StoreAddress::Sqlite(_) | StoreAddress::Redis(_) => Ok(None),
    }
}

/// A store among the temporary files, removed when this is dropped.
#[derive(Debug)]
pub struct PassingStore {
    directory: PathBuf,
}

impl Drop for PassingStore {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                say!("warning: cannot remove {}: {error}", self.directory.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| Failure::broken(format!("cannot look for the store {}: {error}", path.display())))
}
