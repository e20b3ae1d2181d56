//! A gateway's own answers, told from the vendor's. Pure.
//!
//! API Gateway passes a vendor's answer on as it is. What it answers itself has the header `x-amzn-errortype`, or, from
//! imitations that leave it out, one of its few JSON texts under the status that belongs to it.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

/// What a gateway says for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GatewayFault {
    /// Our key is missing or not known, or there is no such gateway or route (any more).
    Refused,
    /// Its usage plan or its account allows no more just now.
    Busy,
    /// The vendor did not answer it in time.
    TimedOut,
    /// Something else went wrong inside.
    Failed,
}

/// The header of the answers it makes itself.
const OWN_MARK: &str = "x-amzn-errortype";
/// Its texts are shorter.
const LONGEST: usize = 512;

#[derive(Deserialize)]
struct Said {
    #[serde(alias = "Message")]
    message: String,
}

/// What an answer says of the gateway; `None`: it is the vendor's.
pub(crate) fn own_fault(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<GatewayFault> {
    if status.is_success() || body.len() > LONGEST {
        return None;
    }
    let said = serde_json::from_slice::<Said>(body).map(|said| said.message.to_ascii_lowercase()).unwrap_or_default();
    let known = |texts: &[&str]| texts.contains(&said.as_str());
    let is_own = headers.contains_key(OWN_MARK);
    match status.as_u16() {
        403 if is_own || known(&["forbidden", "missing authentication token"]) => Some(GatewayFault::Refused),
        429 if is_own || known(&["too many requests", "limit exceeded"]) => Some(GatewayFault::Busy),
        504 if is_own || known(&["endpoint request timed out", "network error communicating with endpoint"]) => {
            Some(GatewayFault::TimedOut)
        }
        500..=599 if is_own || known(&["internal server error", "service unavailable"]) => Some(GatewayFault::Failed),
        _ => None,
    }
}

impl GatewayFault {
    /// In words, after the gateway's name.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Refused => "refuses our key or knows no such route",
            Self::Busy => "allows no more requests just now (its usage plan or account)",
            Self::TimedOut => "got no answer from the vendor within its own limit",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(status: u16, mark: Option<&'static str>, body: &str, expected: Option<GatewayFault>) {
        let mut headers = HeaderMap::new();
        if let Some(mark) = mark {
            headers.insert(OWN_MARK, HeaderValue::from_static(mark));
        }
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(own_fault(status, &headers, body.as_bytes()), expected, "{status} {body}");
    }

    #[test]
    fn its_own_answers_are_known_by_mark_or_text() {
        check(403, None, r#"{"message":"Forbidden"}"#, Some(GatewayFault::Refused));
        check(403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#, Some(GatewayFault::Refused));
        check(403, None, r#"{"message": "Missing Authentication Token"}"#, Some(GatewayFault::Refused));
        check(429, Some("LimitExceededException"), r#"{"message":"Limit Exceeded"}"#, Some(GatewayFault::Busy));
        check(429, None, r#"{"message":"Too Many Requests"}"#, Some(GatewayFault::Busy));
        check(504, None, r#"{"message": "Endpoint request timed out"}"#, Some(GatewayFault::TimedOut));
        check(502, Some("InternalServerErrorException"), "", Some(GatewayFault::Failed));
        check(500, None, r#"{"message": "Internal server error"}"#, Some(GatewayFault::Failed));
    }

    #[test]
    fn a_vendors_answers_are_the_vendors() {
        check(403, None, "<html><title>Just a moment...</title></html>", None);
        check(429, None, "Too Many Requests\r\n", None);
        check(429, None, r#"{"message":"slow down please"}"#, None);
        check(504, None, "<html>Gateway Time-out</html>", None);
        check(200, Some("x"), r#"{"message":"Forbidden"}"#, None);
        check(404, None, r#"{"message":"Not Found"}"#, None);
    }
}
