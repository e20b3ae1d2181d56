//! Where the queue and the store are, and the secrets to get in: read from text, and opened.
//!
//! - [`QueueAddress`], [`StoreAddress`]: what `--queue` and `--store` say. [`check_pair`]: which go together.
//! - [`Secrets`]: what the environment holds, each also from a file.
//! - [`connect_queue`], [`open_store`], [`open`]: the queue, the store, and the pair that addresses name.
//!
//! A password is never shown: not by `Debug`, not by `Display`, not in an error. Whatever stands before an `@` counts
//! as a secret in a text that cannot be read, and so does a user without a password (it may be a token).

mod address;
mod open;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{QueueError, TaskQueue};

pub use self::address::{
    BadAddress, MixedPair, NatsAddress, QueueAddress, RedisAddress, StoreAddress, check_pair, shown,
};
pub use self::open::{Engines, OpenError, open, open_store};
pub use self::secrets::{BadSecret, Secret, Secrets};
pub(crate) use self::secrets::{MAX_FILE, read_bounded};

use crate::in_process::InProcessQueue;
use crate::nats::{NatsQueue, NatsSettings};

/// A holder of a delivery that shows no sign of life for so long loses it: three times the progress interval (10 s),
/// so that one lost sign is no loss.
pub const ACK_WAIT: Duration = Duration::from_secs(30);

/// The queue an address names: a new one of this process, or the one on a NATS server, which answers by now.
pub async fn connect_queue(address: &QueueAddress, secrets: &Secrets) -> Result<Arc<dyn TaskQueue>, QueueError> {
    match address {
        QueueAddress::InProcess => Ok(Arc::new(InProcessQueue::new(ACK_WAIT))),
        QueueAddress::Nats(address) => {
            let settings =
                NatsSettings::new(address, secrets).map_err(|error| QueueError::Refused(error.to_string()))?;
            Ok(Arc::new(NatsQueue::connect(settings).await?))
        }
    }
}
