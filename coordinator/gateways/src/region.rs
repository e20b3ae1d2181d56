//! Where gateways are, and whose: a Region's code and an account's number.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest Region code we take; the longest there is has 14 characters.
const MAX_REGION: usize = 32;

/// A Region's code, e.g. `us-east-1`: lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// Why a text is not a Region's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a Region such as us-east-1", .0.escape_debug())]
pub struct BadRegion(pub String);

impl Region {
    /// Reads a code. Whether there is such a Region, and whether it is enabled, the provider knows.
    pub fn parse(text: &str) -> Result<Self, BadRegion> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= MAX_REGION
            && text.contains('-')
            && text.chars().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadRegion(text.chars().take(MAX_REGION).collect())) }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Region {
    type Error = BadRegion;
    fn try_from(text: String) -> Result<Self, BadRegion> {
        Self::parse(&text)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

/// The Regions of AWS' main partition, as of 2026: the 17 that every account has, then those an account opts into.
pub const KNOWN: [&str; 34] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// The account that owns what is created. A ledger that was used with two accounts must not take "not found" in one for
/// "deleted" in the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub String);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_codes() {
        for good in ["us-east-1", "ap-southeast-5", "us-gov-west-1", "mx-central-1"] {
            assert_eq!(Region::parse(good).map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "us", "US-EAST-1", "us east 1", "-us-1", "1-us", "us-east-1\n", &"a-".repeat(20)] {
            assert!(Region::parse(bad).is_err(), "{bad:?}");
        }
    }
}
