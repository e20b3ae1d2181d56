//! A set: the gateways that one run brings up together, under one lease, in all its Regions; and the intents it is made
//! of. These are the ledger's rows.
//!
//! Everything a set's creation could choose is chosen when the set is drawn, before the first call: names and key values.
//! So a replay after a crash makes the same choices, and what exists can be recognised by them.

use std::fmt;

use fleet_core::seams::Holder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::region::{AccountId, Region};
use crate::resource::{ApiKeyValue, ResourceId, ResourceKind, ResourceRef};
use crate::spec::SpecHash;
use crate::tags::OwnerTag;

/// The longest name of a set: a scan's id, and room for what makes it one launch's own.
const MAX_SET_ID: usize = 96;

/// The name of a set: 1 to 96 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetId(String);

/// Why a text is not a set's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no name of a set of gateways", .0.escape_debug())]
pub struct BadSetId(pub String);

impl SetId {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, BadSetId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let fits = !text.is_empty() && text.len() <= MAX_SET_ID && text.chars().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadSetId(text.chars().take(MAX_SET_ID).collect())) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for SetId {
    type Error = BadSetId;
    fn try_from(text: String) -> Result<Self, BadSetId> {
        Self::parse(&text)
    }
}

impl From<SetId> for String {
    fn from(id: SetId) -> Self {
        id.0
    }
}

/// Which intent: one thing to exist, of one set, in one Region. As text `set/region/part`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntentId {
    /// Of which set.
    pub set: SetId,
    /// Where.
    pub region: Region,
    /// Which part of the Region's.
    pub part: IntentPart,
}

/// One thing among those of a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentPart {
    /// The n-th gateway, from 1.
    RestApi(u32),
    /// The usage plan over all of them.
    UsagePlan,
    /// The key to all of them.
    ApiKey,
}

impl IntentId {
    /// Reads the text form; `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('/');
        let (set, region, part) = (fields.next()?, fields.next()?, fields.next()?);
        let part = match part {
            "plan" => IntentPart::UsagePlan,
            "key" => IntentPart::ApiKey,
            _ => IntentPart::RestApi(part.strip_prefix("api-")?.parse().ok()?),
        };
        let id = Self { set: SetId::parse(set).ok()?, region: Region::parse(region).ok()?, part };
        // One spelling each: `api-01` is nobody's.
        (fields.next().is_none() && id.to_string() == text).then_some(id)
    }

    /// The kind of thing.
    #[must_use]
    pub const fn kind(&self) -> ResourceKind {
        match self.part {
            IntentPart::RestApi(_) => ResourceKind::RestApi,
            IntentPart::UsagePlan => ResourceKind::UsagePlan,
            IntentPart::ApiKey => ResourceKind::ApiKey,
        }
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.set, self.region)?;
        match self.part {
            IntentPart::RestApi(n) => write!(f, "api-{n}"),
            IntentPart::UsagePlan => f.write_str("plan"),
            IntentPart::ApiKey => f.write_str("key"),
        }
    }
}

/// How far an intent has come. Times are those of the last attempt at creating it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum IntentState {
    /// Nothing was asked of the provider, or what was asked was refused: nothing exists.
    Planned,
    /// It was asked for, and no answer is recorded: it may exist.
    Attempted {
        /// When.
        at: Timestamp,
    },
    /// It exists.
    Made {
        /// Its id.
        resource: ResourceId,
        /// When it was asked for.
        at: Timestamp,
    },
    /// It exists and does what it is for.
    Ready {
        /// Its id.
        resource: ResourceId,
        /// When it was asked for.
        at: Timestamp,
    },
    /// It was deleted, or certainly never was.
    Gone,
}

/// One thing that is to exist, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Which.
    pub id: IntentId,
    /// The name it gets.
    pub name: String,
    /// The value it gets, if it is a key.
    pub key_value: Option<ApiKeyValue>,
    /// Whether it is to exist. Once `false`, for ever `false`.
    pub wanted: bool,
    /// How far it has come.
    pub state: IntentState,
}

impl Intent {
    /// The id of what exists; `None`: nothing, or nobody knows.
    #[must_use]
    pub const fn resource(&self) -> Option<&ResourceId> {
        match &self.state {
            IntentState::Made { resource, .. } | IntentState::Ready { resource, .. } => Some(resource),
            IntentState::Planned | IntentState::Attempted { .. } | IntentState::Gone => None,
        }
    }

    /// The same with its Region and kind.
    #[must_use]
    pub fn reference(&self) -> Option<ResourceRef> {
        let id = self.resource()?.clone();
        Some(ResourceRef { region: self.id.region.clone(), kind: self.id.kind(), id })
    }

    /// Whether something may exist because of it.
    #[must_use]
    pub const fn may_exist(&self) -> bool {
        match self.state {
            IntentState::Planned | IntentState::Gone => false,
            IntentState::Attempted { .. } | IntentState::Made { .. } | IntentState::Ready { .. } => true,
        }
    }
}

/// Where a set stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetState {
    /// Its run wants it, as long as the lease lasts.
    Wanted,
    /// Nobody wants it: it is to be deleted, and nothing more is created for it.
    Released,
    /// Nothing of it exists. It is remembered for a while, so that something that appears late is recognised.
    Closed,
}

/// The gateways of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaySet {
    /// Its name.
    pub id: SetId,
    /// Whose account.
    pub account: AccountId,
    /// Its owner tag.
    pub owner: OwnerTag,
    /// What its gateways are.
    pub spec_hash: SpecHash,
    /// When it was drawn.
    pub opened_at: Timestamp,
    /// Its lease; after that nobody wants it.
    pub expires_at: Timestamp,
    /// The run that uses it; `None`: it is kept warm for the next.
    pub holder: Option<Holder>,
    /// Where it stands.
    pub state: SetState,
    /// Everything it is made of, in order of their ids.
    pub intents: Vec<Intent>,
}

/// 256 bits that nobody can guess: the keys' values come from them.
#[derive(Clone)]
pub struct Entropy(pub [u8; 32]);

/// What a run asks for.
#[derive(Clone)]
pub struct Order {
    /// The set's name; a name that is there is a replay.
    pub set: SetId,
    /// Who uses it.
    pub holder: Holder,
    /// In which Regions, each once.
    pub regions: Vec<Region>,
    /// Gateways in each Region, 1 or more: one is enough (more buy no addresses), more is for load.
    pub per_region: u32,
    /// Until when it is needed, unless renewed.
    pub expires_at: Timestamp,
    /// For the keys. Used only if the set is new.
    pub entropy: Entropy,
}

/// What a set is drawn under, beside what its run asks for.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Whose account.
    pub account: AccountId,
    /// The owner tag.
    pub owner: OwnerTag,
    /// What the gateways are.
    pub spec_hash: SpecHash,
    /// When.
    pub at: Timestamp,
}

impl GatewaySet {
    /// Makes every choice of a set.
    #[must_use]
    pub fn draw(order: &Order, opening: Opening) -> Self {
        let mut intents = Vec::new();
        for region in &order.regions {
            let apis = (1..=order.per_region.max(1)).map(IntentPart::RestApi);
            for part in apis.chain([IntentPart::UsagePlan, IntentPart::ApiKey]) {
                let id = IntentId { set: order.set.clone(), region: region.clone(), part };
                let key_value = (part == IntentPart::ApiKey).then(|| key_value(&order.entropy, &id));
                let name = format!("optionfleet-{}", id.to_string().replace('/', "-"));
                intents.push(Intent { id, name, key_value, wanted: true, state: IntentState::Planned });
            }
        }
        intents.sort_by(|one, other| one.id.cmp(&other.id));
        intents.dedup_by(|one, other| one.id == other.id);
        Self {
            id: order.set.clone(),
            account: opening.account,
            owner: opening.owner,
            spec_hash: opening.spec_hash,
            opened_at: opening.at,
            expires_at: order.expires_at,
            holder: Some(order.holder.clone()),
            state: SetState::Wanted,
            intents,
        }
    }

    /// Its Regions, each once, in order.
    #[must_use]
    pub fn regions(&self) -> Vec<Region> {
        let mut regions: Vec<Region> = self.intents.iter().map(|intent| intent.id.region.clone()).collect();
        regions.dedup();
        regions
    }

    /// Its intents in one Region.
    pub fn in_region<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a Intent> {
        self.intents.iter().filter(move |intent| intent.id.region == *region)
    }

    /// Whether its run may still count on it.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SetState::Wanted && now < self.expires_at
    }
}

/// 48 hexadecimal digits (192 bits), another one for each Region: AWS takes 20 to 128 characters.
fn key_value(entropy: &Entropy, id: &IntentId) -> ApiKeyValue {
    let digest = Sha256::new().chain_update(entropy.0).chain_update(id.to_string()).finalize();
    ApiKeyValue::new(digest.iter().take(24).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn order(entropy: u8) -> Order {
        Order {
            set: SetId::parse("finviz-20261120-1000").unwrap(),
            holder: Holder("host:1".to_owned()),
            regions: ["us-west-2", "us-east-1"].map(|region| Region::parse(region).unwrap()).to_vec(),
            per_region: 2,
            expires_at: Timestamp::UNIX_EPOCH,
            entropy: Entropy([entropy; 32]),
        }
    }

    fn drawn(entropy: u8) -> GatewaySet {
        let opening = Opening {
            account: AccountId("123456789012".to_owned()),
            owner: OwnerTag::parse("desk").unwrap(),
            spec_hash: SpecHash("0".to_owned()),
            at: Timestamp::UNIX_EPOCH,
        };
        GatewaySet::draw(&order(entropy), opening)
    }

    #[test]
    fn every_choice_is_made_at_once_and_again_alike() {
        let set = drawn(7);
        assert_eq!(set, drawn(7));
        assert_eq!(set.intents.len(), 8, "two APIs, a plan and a key in each Region");
        assert_eq!(set.regions().len(), 2);
        let keys = |set: &GatewaySet| {
            set.intents
                .iter()
                .filter_map(|i| i.key_value.as_ref())
                .map(|k| k.reveal().to_owned())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(&set).len(), 2, "each Region has a key of its own");
        assert!(keys(&set).is_disjoint(&keys(&drawn(8))), "other bits, other keys");
        assert!(keys(&set).iter().all(|key| (20..=128).contains(&key.len())));
        let names: BTreeSet<&str> = set.intents.iter().map(|intent| intent.name.as_str()).collect();
        assert_eq!(names.len(), 8);
    }

    #[test]
    fn an_intent_is_read_as_it_is_written() {
        for intent in drawn(7).intents {
            assert_eq!(IntentId::parse(&intent.id.to_string()), Some(intent.id));
        }
        for bad in ["", "a/us-east-1", "a/us-east-1/api-", "a/us-east-1/api-01", "a/us-east-1/plan/x", "a/x y/key"] {
            assert_eq!(IntentId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let set = drawn(7);
        let key = set.intents.iter().find_map(|intent| intent.key_value.clone()).unwrap();
        assert!(!format!("{set:?}").contains(key.reveal()));
    }
}
