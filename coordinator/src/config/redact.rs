//! Passwords in URLs are never printed: not in a mistake, not in the configuration in force.

pub use fleet_worker::program::redact::redacted;
use serde_json::Value;

/// A setting's value with every URL in it redacted.
#[must_use]
pub fn redacted_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(redacted_value).collect()),
        Value::Object(table) => Value::Object(table.into_iter().map(|(k, v)| (k, redacted_value(v))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_inside_a_value_are_redacted() {
        let value = serde_json::json!(["x", { "y": "http://u:p@h" }]);
        assert_eq!(redacted_value(value), serde_json::json!(["x", { "y": "http://u:***@h" }]));
    }
}
