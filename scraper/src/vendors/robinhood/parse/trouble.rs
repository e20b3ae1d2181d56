//! Robinhood's own errors: `{"detail": "…"}`, or a list of sentences by field. They are small, and come with any status.

use serde_json::{Map, Value};

use crate::parse_error::{ParseError, excerpt};

/// A body larger than this is an answer.
const SMALL_BYTES: usize = 4096;

/// Keys whose lists are answers, also when they hold texts.
const ANSWERS: [&str; 4] = ["results", "data_points", "historicals", "expiration_dates"];

/// The error a body is; `None`: it is none of these.
#[must_use]
pub fn trouble(bytes: &[u8]) -> Option<ParseError> {
    if bytes.len() > SMALL_BYTES {
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let object: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    if object.keys().any(|key| ANSWERS.contains(&key.as_str())) {
        return None;
    }
    if let Some(detail) = object.get("detail").and_then(Value::as_str) {
        return Some(of_detail(detail));
    }
    // Every key names a field and every value holds sentences about it.
    let sentences = |value: &Value| {
        let list = value.as_array()?;
        list.iter().all(Value::is_string).then(|| list.first().and_then(Value::as_str).map(str::to_owned)).flatten()
    };
    let mut told = object.iter().map(|(key, value)| Some((key, sentences(value)?)));
    let (field, sentence) = told.next()??;
    if told.any(|other| other.is_none()) {
        return None;
    }
    if field == "non_field_errors" && mentions(&sentence, &["credentials", "log in"]) {
        return Some(ParseError::Unauthorized(excerpt(&sentence)));
    }
    Some(ParseError::VendorError { code: excerpt(field), description: excerpt(&sentence) })
}

fn of_detail(detail: &str) -> ParseError {
    if mentions(detail, &["throttled"]) {
        ParseError::Throttled
    } else if mentions(detail, &["credentials", "token", "unauthenticated", "not authenticated"]) {
        ParseError::Unauthorized(excerpt(detail))
    } else if mentions(detail, &["permission"]) {
        ParseError::Blocked(excerpt(detail))
    } else if mentions(detail, &["not found"]) {
        ParseError::NotFound
    } else {
        ParseError::VendorError { code: "detail".to_owned(), description: excerpt(detail) }
    }
}

fn mentions(text: &str, words: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}

/// The pause a throttling asks for in its sentence, seconds: "Expected available in 7 seconds."
#[must_use]
pub fn retry_secs(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > SMALL_BYTES {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let detail = object.get("detail")?.as_str()?;
    let (_, rest) = detail.split_once("available in ")?;
    rest.split([' ', '.']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<ParseError>) {
        assert_eq!(trouble(body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn errors_say_what_they_mean() {
        let unauthorized = |text: &str| Some(ParseError::Unauthorized(text.to_owned()));
        check(
            r#"{"detail":"Authentication credentials were not provided."}"#,
            unauthorized("Authentication credentials were not provided."),
        );
        check(r#"{"detail":"Invalid token."}"#, unauthorized("Invalid token."));
        check(r#"{"detail":"Request was throttled. Expected available in 7 seconds."}"#, Some(ParseError::Throttled));
        let permission = "You do not have permission to perform this action.";
        check(&format!("{{\"detail\":\"{permission}\"}}"), Some(ParseError::Blocked(permission.to_owned())));
        check(r#"{"detail":"Not found."}"#, Some(ParseError::NotFound));
        check(
            r#"{"interval":["This field is required."]}"#,
            Some(ParseError::VendorError { code: "interval".into(), description: "This field is required.".into() }),
        );
        check(
            r#"{"non_field_errors":["Unable to log in with provided credentials."]}"#,
            unauthorized("Unable to log in with provided credentials."),
        );
        for answer in ["{}", r#"{"results":[]}"#, r#"{"results":["x"]}"#, r#"{"symbol":"A"}"#, "[]", "x", r#"{"a":[]}"#]
        {
            check(answer, None);
        }
    }

    #[test]
    fn the_pause_is_read_from_the_sentence() {
        let secs = |text: &str| retry_secs(format!("{{\"detail\":\"{text}\"}}").as_bytes());
        assert_eq!(secs("Request was throttled. Expected available in 7 seconds."), Some(7));
        assert_eq!(secs("Request was throttled. Expected available in 1 second."), Some(1));
        assert_eq!(secs("Request was throttled."), None);
        assert_eq!(secs("available in -3 seconds"), None);
        assert_eq!(retry_secs(b"available in 3 seconds"), None);
    }
}
