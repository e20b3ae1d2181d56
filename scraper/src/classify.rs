//! What an HTTP answer means, decided from its status, headers and body, and nothing else.
//!
//! Pure. A body that says what it is (a challenge page, a rate-limit text, a consent page) is believed before its
//! status: vendors send all of them with 200 too. What passes here is handed to the vendor's parser, which has the
//! last word about the format.

use std::time::Duration;

use fleet_core::seams::FetchFailure;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::parse_error::{ParseError, excerpt};
use crate::vendors::{body, robinhood};

/// What a request counts as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A successful status and a body for the parser.
    Body,
    /// Any status (Yahoo's cookie page answers 404): only throttling, blocking and consent are failures.
    AnyStatus,
}

/// `Ok` when the body may go to a parser.
pub(crate) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    bytes: &[u8],
    expected: Expected,
    now: Timestamp,
) -> Result<(), FetchFailure> {
    // Robinhood says the pause in a sentence.
    let in_words = || robinhood::parse::retry_secs(bytes).map(Duration::from_secs);
    let retry_after = retry_after(headers, now).or_else(in_words);
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(FetchFailure::Throttled { retry_after });
    }
    match body::recognised(bytes).map(|known| known.into_failure()) {
        Some(FetchFailure::Throttled { .. }) => return Err(FetchFailure::Throttled { retry_after }),
        Some(failure) => return Err(failure),
        None => {}
    }
    if expected == Expected::AnyStatus || status.is_success() {
        return Ok(());
    }
    Err(match status.as_u16() {
        401 => {
            let own = said(bytes).map(|error| error.description).or_else(|| detail(bytes));
            FetchFailure::Unauthorized(own.unwrap_or_else(|| "status 401".to_owned()))
        }
        403 => FetchFailure::Blocked(
            detail(bytes).map_or_else(|| "status 403".to_owned(), |detail| format!("status 403, {detail}")),
        ),
        404 | 410 => FetchFailure::NotFound,
        // "Come back then" is an instruction, whatever the status; without it a 503 is a server that failed.
        503 if retry_after.is_some() => FetchFailure::Throttled { retry_after },
        code @ 500..=599 => FetchFailure::Server(code),
        code => match said(bytes) {
            Some(error) => FetchFailure::VendorError { code: error.code, description: error.description },
            None => match robinhood::parse::trouble(bytes) {
                Some(ParseError::VendorError { code, description }) => FetchFailure::VendorError { code, description },
                Some(_) | None => FetchFailure::Status(code),
            },
        },
    })
}

/// What `Retry-After` says: seconds, or an HTTP date counted from now. Anything else is as if it were not there.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    // A date that has passed is no wait at all.
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Yahoo's own error: `{"<anything>":{"result":null,"error":{"code":…,"description":…}}}`.
#[derive(Debug, Deserialize)]
struct VendorSaid {
    code: String,
    description: String,
}

/// Robinhood's sentence about who may ask.
fn detail(bytes: &[u8]) -> Option<String> {
    match robinhood::parse::trouble(bytes)? {
        ParseError::Unauthorized(said) | ParseError::Blocked(said) => Some(said),
        _ => None,
    }
}

fn said(bytes: &[u8]) -> Option<VendorSaid> {
    #[derive(Deserialize)]
    struct Part {
        error: VendorSaid,
    }
    let parts: std::collections::BTreeMap<String, Part> = serde_json::from_slice(bytes).ok()?;
    let error = parts.into_values().next()?.error;
    Some(VendorSaid { code: excerpt(&error.code), description: excerpt(&error.description) })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const NOW: &str = "2026-11-20T15:00:00Z";

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Result<(), FetchFailure> {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        classify(status, &headers, body.as_bytes(), Expected::Body, NOW.parse().unwrap())
    }

    #[track_caller]
    fn check(status: u16, retry_after: Option<&str>, body: &str, expected: FetchFailure) {
        assert_eq!(answer(status, retry_after, body), Err(expected));
    }

    fn throttled(secs: Option<u64>) -> FetchFailure {
        FetchFailure::Throttled { retry_after: secs.map(Duration::from_secs) }
    }

    #[test]
    fn statuses() {
        assert_eq!(answer(200, None, "{}"), Ok(()));
        check(401, None, "", FetchFailure::Unauthorized("status 401".into()));
        let invalid = r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#;
        check(401, None, invalid, FetchFailure::Unauthorized("Invalid Crumb".into()));
        check(403, None, "no", FetchFailure::Blocked("status 403".into()));
        check(404, None, "{}", FetchFailure::NotFound);
        check(500, None, "oops", FetchFailure::Server(500));
        check(503, None, "", FetchFailure::Server(503));
        check(418, None, "", FetchFailure::Status(418));
        let range =
            r#"{"chart":{"result":null,"error":{"code":"Bad Request","description":"Data doesn't exist for"}}}"#;
        let (code, description) = ("Bad Request".into(), "Data doesn't exist for".into());
        check(400, None, range, FetchFailure::VendorError { code, description });
    }

    #[test]
    fn robinhoods_errors_say_who_may_ask_and_when() {
        let credentials = "Authentication credentials were not provided.";
        check(401, None, &format!("{{\"detail\":\"{credentials}\"}}"), FetchFailure::Unauthorized(credentials.into()));
        let permission = "You do not have permission to perform this action.";
        let expected = FetchFailure::Blocked(format!("status 403, {permission}"));
        check(403, None, &format!("{{\"detail\":\"{permission}\"}}"), expected);
        let slow = r#"{"detail":"Request was throttled. Expected available in 7 seconds."}"#;
        check(429, None, slow, throttled(Some(7)));
        check(429, Some("3"), slow, throttled(Some(3)));
        let (code, description) = ("interval".into(), "This field is required.".into());
        let required = r#"{"interval":["This field is required."]}"#;
        check(400, None, required, FetchFailure::VendorError { code, description });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check(429, Some("7"), "", throttled(Some(7)));
        check(429, Some("Fri, 20 Nov 2026 15:02:00 GMT"), "", throttled(Some(120)));
        check(429, Some("Fri, 20 Nov 2026 14:00:00 GMT"), "", throttled(Some(0)));
        check(429, Some("soon"), "", throttled(None));
        check(429, Some("-1"), "", throttled(None));
        check(429, Some("99999999999999999999999"), "", throttled(None));
        check(503, Some("30"), "", throttled(Some(30)));
    }

    #[test]
    fn a_body_that_says_what_it_is_is_believed_before_its_status() {
        let challenge = "<html><head><title>Just a moment...</title></head></html>";
        for status in [200, 403, 503] {
            assert_eq!(answer(status, None, challenge).unwrap_err().word(), "blocked", "status {status}");
            assert_eq!(answer(status, Some("3"), "Too many requests."), Err(throttled(Some(3))), "status {status}");
        }
        check(429, None, challenge, throttled(None));
    }

    #[test]
    fn the_cookie_page_may_answer_anything() {
        let any = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            classify(status, &HeaderMap::new(), body.as_bytes(), Expected::AnyStatus, NOW.parse().unwrap())
        };
        assert_eq!(any(404, "not here"), Ok(()));
        assert_eq!(any(502, ""), Ok(()));
        assert_eq!(any(429, ""), Err(throttled(None)));
        assert_eq!(any(200, "<form action='https://consent.yahoo.com/v2/collectConsent'>"), Err(FetchFailure::Consent));
    }
}
