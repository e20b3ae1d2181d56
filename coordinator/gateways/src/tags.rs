//! The tags that everything of ours carries, and what may be concluded from them.
//!
//! Ownership is an exact match of one tag, key and value: nothing else (name, other tags, a similar value) makes a thing
//! ours. The tags also tell a finder without our ledger whose lease it is under and which intent it answers.

use jiff::Timestamp;

use crate::resource::Tags;
use crate::set::{GatewaySet, Intent, IntentId, SetId};

/// Whose it is.
pub const OWNER: &str = "optionfleet-owner";
/// Which set of gateways it belongs to.
pub const SET: &str = "optionfleet-set";
/// Which intent of the ledger it answers.
pub const INTENT: &str = "optionfleet-intent";
/// The hash of the specification it was made to.
pub const SPEC: &str = "optionfleet-spec";
/// Until when its run says that it needs it.
pub const EXPIRES_AT: &str = "optionfleet-expires-at";

/// The value of the owner tag: everything with exactly this value is ours, nothing else is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerTag(String);

/// Why a text cannot be an owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no owner tag: 1 to 64 letters, digits, `.`, `_` and `-`", .0.escape_debug())]
pub struct BadOwnerTag(pub String);

impl OwnerTag {
    /// Reads an owner: 1 to 64 letters, digits, `.`, `_`, `-`, so that a tag, a policy and a person spell it alike.
    pub fn parse(text: &str) -> Result<Self, BadOwnerTag> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = !text.is_empty() && text.len() <= 64 && text.chars().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadOwnerTag(text.chars().take(64).collect())) }
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a thing with these tags is ours.
    #[must_use]
    pub fn owns(&self, tags: &Tags) -> bool {
        tags.get(OWNER) == Some(&self.0)
    }
}

impl TryFrom<String> for OwnerTag {
    type Error = BadOwnerTag;
    fn try_from(text: String) -> Result<Self, BadOwnerTag> {
        Self::parse(&text)
    }
}

impl From<OwnerTag> for String {
    fn from(owner: OwnerTag) -> Self {
        owner.0
    }
}

/// The tags of a thing that is about to be created.
#[must_use]
pub fn of_intent(set: &GatewaySet, intent: &Intent) -> Tags {
    let mut tags = lease(set.expires_at);
    tags.insert(OWNER.to_owned(), set.owner.as_str().to_owned());
    tags.insert(SET.to_owned(), set.id.to_string());
    tags.insert(INTENT.to_owned(), intent.id.to_string());
    tags.insert(SPEC.to_owned(), set.spec_hash.to_string());
    tags
}

/// The tag that a renewal writes.
#[must_use]
pub fn lease(expires_at: Timestamp) -> Tags {
    Tags::from([(EXPIRES_AT.to_owned(), expires_at.to_string())])
}

/// Until when its tags say it is needed; `None`: they say nothing that can be read.
#[must_use]
pub fn expires_at(tags: &Tags) -> Option<Timestamp> {
    tags.get(EXPIRES_AT)?.parse().ok()
}

/// The set it says it belongs to.
#[must_use]
pub fn set(tags: &Tags) -> Option<SetId> {
    SetId::parse(tags.get(SET)?).ok()
}

/// The intent it says it answers.
#[must_use]
pub fn intent(tags: &Tags) -> Option<IntentId> {
    IntentId::parse(tags.get(INTENT)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_tag_is_ours() {
        let owner = OwnerTag::parse("desk-7").unwrap();
        let owns = |key: &str, value: &str| owner.owns(&Tags::from([(key.to_owned(), value.to_owned())]));
        assert!(owns(OWNER, "desk-7"));
        for value in ["desk-77", "desk", "Desk-7", " desk-7", "desk-7 ", "", "*"] {
            assert!(!owns(OWNER, value), "{value:?}");
        }
        for key in ["Optionfleet-Owner", "optionfleet-owner2", "owner", "optionfleet_owner"] {
            assert!(!owns(key, "desk-7"), "{key:?}");
        }
        assert!(!owner.owns(&Tags::new()));
    }

    #[test]
    fn an_owner_is_plain_text() {
        for bad in ["", "a b", "a/b", "a*", "ä", &"x".repeat(65)] {
            assert!(OwnerTag::parse(bad).is_err(), "{bad:?}");
        }
    }
}
