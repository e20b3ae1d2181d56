//! Passwords in URLs are never printed: not in a mistake, not in the configuration in force.

use fleet_engines::connect::shown;
pub use fleet_worker::program::redact::redacted;
use serde_json::Value;

/// A setting's value with every URL in it redacted. A text that is one address and has an `@` left then (its password
/// holds a space or a quotation mark) loses everything before it.
#[must_use]
pub fn redacted_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted_address(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(redacted_value).collect()),
        Value::Object(table) => Value::Object(table.into_iter().map(|(k, v)| (k, redacted_value(v))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn redacted_address(text: &str) -> String {
    let quiet = redacted(text);
    let is_address = text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()));
    let unsure = quiet.matches('@').count() > quiet.matches("***@").count();
    if is_address && unsure { shown(text) } else { quiet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_inside_a_value_are_redacted() {
        let value = serde_json::json!(["x", { "y": "http://u:p@h" }]);
        assert_eq!(redacted_value(value), serde_json::json!(["x", { "y": "http://u:***@h" }]));
        let odd = serde_json::json!(["redis://u:p \"q@h", "nats://u:p q@h", "a b://c d@e"]);
        assert_eq!(redacted_value(odd), serde_json::json!(["redis://***@h", "nats://***@h", "a b://c d@e"]));
    }
}
