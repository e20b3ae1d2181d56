//! Where the queue and the store are, and the secrets to get in: read from text, and opened.
//!
//! - [`QueueAddress`], [`StoreAddress`]: what `--queue` and `--store` say. [`check_pair`]: which go together.
//! - [`Secrets`]: what the environment holds, each also from a file.
//! - [`open_store`], [`open`]: the store, and the pair of both that two addresses name. The store comes first: a fleet's
//!   queue is named by the id of its store.
//!
//! A password is never shown: not by `Debug`, not by `Display`, not in an error. Whatever stands before an `@` counts
//! as a secret in a text that cannot be read, and so does a user without a password (it may be a token).

mod address;
mod open;
mod secrets;
mod store_queue;

use std::time::Duration;

pub use self::address::{
    BadAddress, MixedPair, NatsAddress, QueueAddress, RedisAddress, StoreAddress, check_pair, shown,
};
pub use self::open::{Engines, OpenError, open, open_store};
pub use self::secrets::{BadSecret, Secret, Secrets};
pub(crate) use self::secrets::{MAX_FILE, read_bounded};

/// A holder of a delivery that shows no sign of life for so long loses it: three times the progress interval (10 s),
/// so that one lost sign is no loss.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
