//! Passwords in URLs are never printed: not in a mistake, not in the configuration in force.

use fleet_engines::connect::shown;
use serde_json::Value;

/// A text in which each URL has `***` for its password (`user:***@host`), or for the whole of what stands before the `@`
/// where there is no user name to keep.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut parts = text.split("://");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole += "://";
        whole += &redacted_authority(part);
    }
    whole
}

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

/// What follows `://`. A password may hold a slash that should have been escaped, so its end is the last `@` of the word.
fn redacted_authority(rest: &str) -> String {
    let end = rest.find(|c: char| c.is_whitespace() || "`\"'<>".contains(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    match word.rsplit_once('@') {
        None => rest.to_owned(),
        Some((secret, host)) => match secret.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}{after}"),
            None => format!("***@{host}{after}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(redacted(text), expected);
    }

    #[test]
    fn passwords_become_stars() {
        check("redis://me:s3cret@h:6379/0", "redis://me:***@h:6379/0");
        check("redis://:s3cret@h", "redis://:***@h");
        check("nats://token@h", "nats://***@h");
        check("is `http://u:p/w#d@h/x`; or https://a:b@c", "is `http://u:***@h/x`; or https://a:***@c");
        check("http://127.0.0.1:8600/cboe and a@b", "http://127.0.0.1:8600/cboe and a@b");
        check("sqlite:/tmp/x.db", "sqlite:/tmp/x.db");
        let odd = serde_json::json!(["redis://u:p \"q@h", "nats://u:p q@h", "a b://c d@e"]);
        assert_eq!(redacted_value(odd), serde_json::json!(["redis://***@h", "nats://***@h", "a b://c d@e"]));
        let value = serde_json::json!(["x", "http://u:p@h"]);
        assert_eq!(redacted_value(value), serde_json::json!(["x", "http://u:***@h"]));
    }
}
