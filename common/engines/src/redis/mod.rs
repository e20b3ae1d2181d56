//! The store of a fleet: one Redis server (7 or newer; a primary with replicas is fine, a cluster is not), shared by a
//! coordinator and any number of workers.
//!
//! It promises what every store promises (see [`fleet_core::seams::store`]). Each method is one Lua script, which the
//! server runs as a whole; reading what is large (outcomes, all scans, all notices, hundreds of trades) and pruning go
//! by pages, so that no other caller waits long behind them: there a page is one consistent state, the whole is not.
//! The store's clock is the server's.
//!
//! Whether an answer survives the server's death is the server's setting: `appendonly yes` with `appendfsync always`
//! loses nothing, `everysec` at most a second, which the protocol repairs. [`RedisStore::durability_warnings`] names
//! settings that lose more.
//!
//! Each store calls itself by an id of its own ([`RedisStore::id`]), drawn when it is first opened; a store that was emptied
//! is another one. A copy of a store has its id, and finds that out by the claims in `queue_claim`.
//!
//! It refuses a schema it does not know, a server whose user may not do everything the scripts do (asked once, at the
//! start: a script that is refused half way would leave half of its writes), and a body beyond [`MAX_BODY_BYTES`],
//! before it is sent. No message of it holds a password.
//!
//! When a connection breaks or an answer is late the call fails with [`StoreError::Unavailable`] and the next one
//! connects anew. Only calls whose repetition has the same answer are sent again by themselves, once.
//!
//! The files, in reading order: `lua/prelude.lua` (all keys), `settings`, `link` (the connections), `scripts`, `call` (a
//! script and its arguments), `reply` (its answer), `failure` (what went wrong, in words), then one file a concern, each beside its scripts:
//! `scans`, `lease`, `commit`, `settle`, `trades`, `outbox`, `budgets`, `bars`, `explanations`, `summaries`, `roster`,
//! `gateway_rows`, `warnings`.

mod bars;
mod budgets;
mod call;
mod commit;
mod explanations;
mod failure;
mod gateway_rows;
mod lease;
mod link;
mod outbox;
mod queue_claim;
mod record;
mod reply;
mod roster;
mod scans;
mod scripts;
mod settings;
mod settle;
mod summaries;
mod trades;
mod warnings;

use std::sync::Arc;

use fleet_core::seams::StoreError;

use crate::store_id::StoreId;

use call::{Again, Call};
use link::Link;
use scripts::Script;

pub use call::MAX_BODY_BYTES;
pub(crate) use queue_claim::QueueClaim;
pub use settings::{DEFAULT_PREFIX, RedisSettings};

/// The layout this program writes, and the newest it reads. An older one becomes it when it is opened, in one step; a
/// program that knows only the older one is refused from then on, and should be stopped before (what it writes until its
/// end is kept).
pub const SCHEMA_VERSION: i64 = 4;

/// A store in a Redis server. Cheap to clone: clones share its few connections.
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
    settings: Arc<RedisSettings>,
}

impl RedisStore {
    /// Connects to `redis[s]://[user[:password]@]host[:port][/db]` and looks whether what is there is ours. Answers within
    /// about six seconds, whatever the server does.
    pub async fn connect(url: &str, settings: RedisSettings) -> Result<Self, StoreError> {
        let link = Link::new(url, &settings)?;
        let store = Self { link: Arc::new(link), settings: Arc::new(settings) };
        store.open().await?;
        Ok(store)
    }

    /// The server, without user and password: `redis://host:port/db`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.link.address()
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let command = ::redis::cmd("PING");
        self.link.send(&command, Again::Safe).await.map(drop).map_err(|error| failure::of(&error, self.address()))
    }

    /// What the store calls itself. One that was emptied meanwhile is made a store again, and calls itself otherwise.
    pub async fn id(&self) -> Result<StoreId, StoreError> {
        let mut row = self.call(&scripts::ID).send(Again::Safe).await?.ok()?;
        match row.optional_text()? {
            Some(text) => id(&text, self.address()),
            None => self.open().await,
        }
    }

    /// A script, with what every script is told.
    fn call(&self, script: &'static Script) -> Call<'_> {
        Call::new(&self.link, script, &self.settings)
    }

    /// Looks whether what is there is ours, and makes it a store if nothing is.
    async fn open(&self) -> Result<StoreId, StoreError> {
        let offered = StoreId::draw();
        let answer = self.call(&scripts::OPEN).int(SCHEMA_VERSION).text(offered.as_str()).send(Again::Safe).await?;
        let (server, prefix) = (self.address(), &self.settings.prefix);
        match answer.word() {
            "ok" => id(&answer.rest().text()?, server),
            "schema" => {
                let found = answer.rest().text()?;
                let what = format!("{server} (keys {prefix}*)");
                Err(match found.parse().ok().filter(|found| *found > SCHEMA_VERSION) {
                    Some(found) => StoreError::Newer { what, found, known: SCHEMA_VERSION },
                    None => StoreError::Foreign(what),
                })
            }
            "keys" => Err(StoreError::Conflict(format!(
                "{server} does not let this user use the keys {prefix}*; allow them (`ACL SETUSER … ~{prefix}*`)"
            ))),
            "refused" => {
                let mut commands = answer.rest().row()?;
                let mut names = Vec::new();
                while !commands.is_over() {
                    names.push(commands.text()?);
                }
                let names = names.join(", ");
                Err(StoreError::Conflict(format!("{server} does not let this user run {names}; allow these commands")))
            }
            "old" => Err(StoreError::Conflict(format!("{server} is older than Redis 6.2; use a newer server"))),
            _ => Err(answer.surprise()),
        }
    }
}

fn id(text: &str, server: &str) -> Result<StoreId, StoreError> {
    StoreId::parse(text).ok_or_else(|| failure::damaged(server, "store id", text))
}
