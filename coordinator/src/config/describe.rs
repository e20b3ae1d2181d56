//! The configuration in force, for people: every key, its value, where it came from.

use serde::Serialize;
use serde_json::Value;

use super::redact::redacted_value;
use super::{Resolved, tree};

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Described {
    /// Dotted key.
    pub key: String,
    /// Its value; passwords in URLs are `***`.
    pub value: Value,
    /// `default`, a file and line, a variable or a flag.
    pub origin: String,
}

/// Every setting, by key.
#[must_use]
pub fn described(resolved: &Resolved) -> Vec<Described> {
    tree::leaves(&tree::to_tree(&resolved.settings))
        .into_iter()
        .map(|(key, value)| {
            let origin = resolved.origins.get(&key).map_or_else(|| "default".to_owned(), ToString::to_string);
            Described { key, value: redacted_value(value), origin }
        })
        .collect()
}
