//! The ledger: the durable list of gateways wanted and created. Intent comes before action: nothing is created that is
//! not written here first, so that whatever a crash leaves behind can be found and deleted.
//!
//! An implementation is a store of rows with few rules, each atomic; [`crate::conformance::ledger`] holds them. Times are
//! the caller's: the ledger has no clock.
//!
//! ```text
//! intent:  Planned ─attempt→ Attempted ─made→ Made ─ready→ Ready ─┐
//!             ▲───not_made──────┘ └──────────────┴──────gone──────┴→ Gone
//! set:     Wanted ─release | expire→ Released ─close→ Closed ─forget→ (no row)
//! ```

use async_trait::async_trait;
use fleet_core::seams::Holder;
use jiff::Timestamp;

use crate::region::Region;
use crate::resource::ResourceId;
use crate::set::{GatewaySet, IntentId, SetId};

/// Why the ledger did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be reached. Trying again may help.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(String),
    /// There is no such set or intent.
    #[error("the ledger knows no {0}")]
    NotFound(String),
    /// The set, or this part of it, is not wanted any more: nothing is created for it.
    #[error("{0} is not wanted any more: it was released, or its lease ended")]
    NotWanted(String),
    /// What is written cannot be read, or was written by a newer program.
    #[error("the ledger is damaged: {0}")]
    Damaged(String),
    /// Another run holds the set.
    #[error("{0} is held by another run")]
    NotHeld(String),
}

/// How much of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What is in one Region.
    Region(Region),
}

/// Durable rows about sets and their intents.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes a new set with everything it chose; answers the set as it stands. If one of that name is there, it stays as
    /// it is and is the answer: its choices are the ones that count.
    async fn open(&self, set: &GatewaySet) -> Result<GatewaySet, LedgerError>;

    /// All sets, closed ones too, in order of their names.
    async fn sets(&self) -> Result<Vec<GatewaySet>, LedgerError>;

    /// A thing is about to be asked for. Refused if it is not wanted any more ([`LedgerError::NotWanted`]). A thing that is
    /// made keeps its state.
    async fn attempt(&self, intent: &IntentId, at: Timestamp) -> Result<(), LedgerError>;

    /// The provider refused: the last attempt made nothing. Changes attempted intents only.
    async fn not_made(&self, intent: &IntentId) -> Result<(), LedgerError>;

    /// A thing exists. Written also if it is not wanted any more: what exists must be known. The first id stays; the
    /// answer is the id that counts.
    async fn made(&self, intent: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError>;

    /// It does what it is for. Changes made intents only.
    async fn ready(&self, intent: &IntentId) -> Result<(), LedgerError>;

    /// It does not exist any more, or certainly never did. For things that are not wanted ones only.
    async fn gone(&self, intent: &IntentId) -> Result<(), LedgerError>;

    /// Takes a set that is kept warm; `false`: somebody holds it, it is not wanted, or its lease ended by `now`.
    async fn claim(
        &self,
        set: &SetId,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Moves the end of the lease; never to an earlier time. Refused if the set is not wanted any more, or if somebody else
    /// holds it.
    async fn renew(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError>;

    /// Lets go of a set without releasing it, until then. Refused as with renewing: what a run did before it died, it may
    /// do again when somebody else has the set already.
    async fn park(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError>;

    /// Nobody wants this part any more. May be repeated; a set of which nothing is wanted is released. Refused
    /// ([`LedgerError::NotHeld`]) if a `holder` is named and somebody else holds the set; without one, whoever holds it.
    async fn release(&self, set: &SetId, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError>;

    /// Releases a set whose lease ended by `now`; `false`: it has not (it was renewed meanwhile).
    async fn expire(&self, set: &SetId, now: Timestamp) -> Result<bool, LedgerError>;

    /// Closes a released set; `false`: something of it may exist, or it is wanted.
    async fn close(&self, set: &SetId) -> Result<bool, LedgerError>;

    /// Forgets closed sets that were opened before; answers how many.
    async fn forget(&self, opened_before: Timestamp) -> Result<u32, LedgerError>;
}
