//! Opens the pair of engines that two addresses name. The only I/O of [`connect`](super) beside secrets in files.

use std::sync::Arc;

use fleet_core::seams::{QueueError, Store, StoreError, TaskQueue};

use super::store_queue::StoreQueue;
use super::{ACK_WAIT, MixedPair, NatsAddress, QueueAddress, RedisAddress, Secret, Secrets, StoreAddress, check_pair};
use crate::in_process::InProcessQueue;
use crate::nats::{NatsQueue, NatsSettings};
use crate::redis::{RedisSettings, RedisStore};
use crate::sqlite::SqliteStore;

/// A queue and a store that answer.
#[derive(Clone)]
pub struct Engines {
    /// The queue.
    pub queue: Arc<dyn TaskQueue>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Sentences about settings of the store's server that may lose data.
    pub warnings: Vec<String>,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// They do not go together.
    #[error(transparent)]
    Pair(#[from] MixedPair),
    /// The queue does not answer.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens both.
pub async fn open(queue: &QueueAddress, store: &StoreAddress, secrets: &Secrets) -> Result<Engines, OpenError> {
    check_pair(queue, store)?;
    match (queue, store) {
        (QueueAddress::Nats(queue), StoreAddress::Redis(address)) => {
            let (store, warnings) = redis(address, secrets).await?;
            let queue = nats(queue, secrets, &store).await?;
            Ok(Engines { queue: Arc::new(queue), store: Arc::new(store), warnings })
        }
        // Mixed pairs are refused above.
        (QueueAddress::InProcess | QueueAddress::Nats(_), store) => {
            let (store, warnings) = open_store(store, secrets).await?;
            Ok(Engines { queue: Arc::new(InProcessQueue::new(ACK_WAIT)), store, warnings })
        }
    }
}

/// Opens a store alone, for whoever only asks it; and what should be said about it.
pub async fn open_store(
    address: &StoreAddress,
    secrets: &Secrets,
) -> Result<(Arc<dyn Store>, Vec<String>), StoreError> {
    match address {
        StoreAddress::Sqlite(path) => Ok((Arc::new(SqliteStore::open(path)?), Vec::new())),
        StoreAddress::Redis(address) => {
            let (store, warnings) = redis(address, secrets).await?;
            Ok((Arc::new(store), warnings))
        }
    }
}

async fn redis(address: &RedisAddress, secrets: &Secrets) -> Result<(RedisStore, Vec<String>), StoreError> {
    let store = RedisStore::connect(&url(address), settings(address, secrets)).await?;
    let warnings = store.durability_warnings().await?;
    Ok((store, warnings))
}

/// The queue of a store.
async fn nats(address: &NatsAddress, secrets: &Secrets, store: &RedisStore) -> Result<StoreQueue, OpenError> {
    let id = store.id().await?;
    let settings = NatsSettings::new(address, secrets, &id).map_err(|error| QueueError::Refused(error.to_string()))?;
    StoreQueue::open(store.clone(), id, NatsQueue::connect(settings).await?).await
}

/// Without credentials: those go another way, and are never part of a text.
fn url(address: &RedisAddress) -> String {
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    format!("{}://{host}:{}/{}", address.scheme, address.port, address.database)
}

/// What the address says wins over what the environment says.
fn settings(address: &RedisAddress, secrets: &Secrets) -> RedisSettings {
    RedisSettings {
        user: address.user.clone().or_else(|| secrets.redis_user.clone()),
        password: address.password.as_ref().or(secrets.redis_password.as_ref()).map(Secret::expose).map(str::to_owned),
        ca_file: secrets.ca_file.clone(),
        ..RedisSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_no_part_of_the_url() {
        let check = |text, expected: &str| {
            let StoreAddress::Redis(address) = StoreAddress::parse(text).unwrap() else { panic!("{text} is no Redis") };
            assert_eq!(url(&address), expected);
        };
        check("redis://me:s3cret@h", "redis://h:6379/0");
        check("rediss://:s3cret@[::1]:7/3", "rediss://[::1]:7/3");
    }

    #[test]
    fn the_address_wins_over_the_environment() {
        let secrets = Secrets {
            redis_password: Some(Secret::new("env")),
            redis_user: Some("e".to_owned()),
            ..Secrets::default()
        };
        let check = |text, user, password| {
            let StoreAddress::Redis(address) = StoreAddress::parse(text).unwrap() else { panic!("{text} is no Redis") };
            let settings = settings(&address, &secrets);
            assert_eq!((settings.user.as_deref(), settings.password.as_deref()), (Some(user), Some(password)));
        };
        check("redis://h", "e", "env");
        check("redis://me:own@h", "me", "own");
    }
}
