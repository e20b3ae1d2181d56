//! What of a scan's JSON must not depend on who did the work.

use serde_json::Value;

/// Everything but the wall clock's times.
pub fn without_fetch_times(json: &Value) -> Value {
    without(json, &["fetched_at"])
}

/// Everything but the wall clock's times and the requests, which a killed delivery makes again.
pub fn result(json: &Value) -> Value {
    without(json, &["fetched_at", "requests"])
}

fn without(json: &Value, names: &[&str]) -> Value {
    match json {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), without(value, names)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| without(item, names)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json.clone(),
    }
}
