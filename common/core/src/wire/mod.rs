//! What crosses a process or a database: JSON of the domain types inside an envelope with a version, refused by name
//! when it is newer than this code.

#[cfg(test)]
mod golden;
mod packed_summary;

pub use packed_summary::{pack_summary, unpack_summary};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why bytes were not read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Written by a newer version.
    #[error("the {what} has wire version {found}; this program knows {known}")]
    Newer {
        /// Which type.
        what: &'static str,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Not what it should be.
    #[error("the {what} cannot be read")]
    Unreadable {
        /// Which type.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Not the packed bytes it should be.
    #[error("the {what} is damaged")]
    Damaged {
        /// Which type.
        what: &'static str,
    },
}

/// A type that crosses a process or a database.
pub trait Wire: Serialize + DeserializeOwned {
    /// Its name in errors.
    const NAME: &'static str;
    /// The version this code writes, and the newest it reads.
    const VERSION: u32;
}

#[derive(Serialize)]
struct EnvelopeRef<'a, T> {
    v: u32,
    body: &'a T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Envelope<T> {
    body: T,
}

/// Writes a value with its version. Fails only for a value JSON cannot hold, which the domain types exclude.
pub fn encode<T: Wire>(value: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(&EnvelopeRef { v: T::VERSION, body: value })
        .map_err(|source| WireError::Unreadable { what: T::NAME, source })
}

/// Reads a value; a newer version is refused before its body is looked at.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    let unreadable = |source| WireError::Unreadable { what: T::NAME, source };
    let Version { v } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if v > T::VERSION {
        return Err(WireError::Newer { what: T::NAME, found: v, known: T::VERSION });
    }
    serde_json::from_slice::<Envelope<T>>(bytes).map(|envelope| envelope.body).map_err(unreadable)
}

/// A set's gateways, as a store keeps them for workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptEndpoints(pub Vec<crate::domain::GatewayEndpoint>);

macro_rules! wire {
    ($($type:ty => $name:literal, $version:literal;)*) => {$(
        impl Wire for $type {
            const NAME: &'static str = $name;
            const VERSION: u32 = $version;
        }
    )*};
}

wire! {
    crate::domain::Manifest => "manifest", 1;
    crate::domain::Task => "task", 1;
    crate::domain::StoredOutcome => "outcome", 1;
    crate::domain::TradeRecord => "trade record", 1;
    crate::domain::Notice => "notice", 1;
    crate::domain::BarSeries => "bar series", 1;
    // The same, with one field more: either is read as the other.
    crate::domain::KeptBars => "bar series", 1;
    crate::domain::Mark => "mark", 1;
    crate::domain::WorkerReport => "worker report", 1;
    KeptEndpoints => "set of gateways for workers", 1;
}
