//! What a body is, before anything is read from it.
//!
//! Vendors answer with texts and pages where JSON is expected, often with status 200. They are recognised here, by
//! what they say and never by a status: rate-limit texts, challenge pages, consent pages. What is left and is not the
//! expected format is [`ParseError::Malformed`] with a sentence.

use serde::Deserialize;

use super::field;
use crate::parse_error::{ParseError, excerpt};

/// How far into a page its kind is looked for. Challenge and consent pages say what they are in their head.
const HEAD_BYTES: usize = 16 * 1024;

/// How far into a page the form of a consent page is looked for: six times where it was seen.
const CONSENT_BYTES: usize = 512 * 1024;

/// Rate-limit texts are a line or two; a page that only mentions the words is longer than this.
const THROTTLE_TEXT_BYTES: usize = 512;

/// Reads JSON into a wire model, or says what the body is instead.
pub fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
        None => return Err(ParseError::Malformed("the body is empty".to_owned())),
        Some(b'{' | b'[') => {}
        Some(_) => return Err(not_json(bytes)),
    }
    let read = field::within(field::ROOM, || serde_json::from_slice(bytes));
    read.map_err(|error| ParseError::Malformed(json_sentence(bytes, &error)))
}

/// The body as text, or what it is instead when it is not text.
pub fn text(bytes: &[u8]) -> Result<&str, ParseError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|error| ParseError::Malformed(format!("the body is not UTF-8 text (byte {})", error.valid_up_to())))
}

/// A page or text that means the same whatever was asked for: slow down, blocked, consent.
#[must_use]
pub fn recognised(bytes: &[u8]) -> Option<ParseError> {
    // An answer in JSON says itself what is wrong, and may quote a page.
    if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let lower = head.to_ascii_lowercase();
    if bytes.len() <= THROTTLE_TEXT_BYTES && lower.contains("too many requests") {
        return Some(ParseError::Throttled);
    }
    if !lower.contains('<') {
        return None;
    }
    if lower.contains("<title>too many requests") || lower.contains("<title>429") {
        return Some(ParseError::Throttled);
    }
    if ["collectconsent", "consent.yahoo.com", "guce.yahoo.com"].iter().any(|mark| lower.contains(mark))
        || has_consent_form(bytes)
    {
        return Some(ParseError::Consent);
    }
    const BLOCKS: &[(&str, &str)] = &[
        ("just a moment...", "a challenge page (\"Just a moment...\")"),
        ("attention required! | cloudflare", "a Cloudflare block page"),
        ("cf-browser-verification", "a Cloudflare challenge page"),
        ("challenge-platform", "a Cloudflare challenge page"),
        ("cf-chl-", "a Cloudflare challenge page"),
        ("verify you are human", "a page that asks for a human"),
        ("<title>access denied", "an \"Access Denied\" page"),
        ("<title>403 forbidden", "a \"403 Forbidden\" page"),
    ];
    // A full screener page loads Cloudflare's scripts too, so a long page is only judged by its title.
    let title = lower.split_once("<title").map_or("", |(_, rest)| rest.split("</title").next().unwrap_or_default());
    let title = format!("<title{title}");
    BLOCKS
        .iter()
        .find(|(mark, _)| title.contains(mark) || (bytes.len() < HEAD_BYTES && lower.contains(mark)))
        .map(|(_, what)| ParseError::Blocked((*what).to_owned()))
}

/// Yahoo's consent page begins with 80 kB of style sheet; its form has these hidden fields in every language.
fn has_consent_form(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(CONSENT_BYTES)]);
    text.contains("originalDoneUrl") && text.contains("csrfToken")
}

fn not_json(bytes: &[u8]) -> ParseError {
    if let Some(known) = recognised(bytes) {
        return known;
    }
    let shown = excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]));
    let what = if shown.starts_with('<') { "an HTML page" } else { "text" };
    ParseError::Malformed(format!("{what} where JSON was expected: `{shown}`"))
}

fn json_sentence(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return format!("the JSON ends too early, after {} bytes", bytes.len());
    }
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    if why == field::TOO_MUCH {
        return format!("the body has {} bytes, and {why}", bytes.len());
    }
    // serde_json counts lines and columns in bytes; what stands there helps more than the numbers.
    let line_start = bytes
        .split(|b| *b == b'\n')
        .take(error.line().saturating_sub(1))
        .map(|line| line.len() + 1)
        .sum::<usize>()
        .min(bytes.len());
    let at = (line_start + error.column().saturating_sub(1)).min(bytes.len());
    let near = excerpt(&String::from_utf8_lossy(&bytes[at..(at + 40).min(bytes.len())]));
    format!("the JSON is broken at byte {at}: {why}, near `{near}`")
}

#[cfg(test)]
mod tests {
    use super::super::field::{List, Number, Object};
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Model {
        list: List<Number>,
    }

    fn check(body: &[u8], expected: &str) {
        let error = json::<Object<Model>>(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn what_is_not_json_is_told_in_a_sentence() {
        check(b"", "the body is empty");
        check(b" \n", "the body is empty");
        check(b"<html><title>Welcome</title>", "an HTML page where JSON was expected: `<html><title>Welcome");
        check(b"hello", "text where JSON was expected: `hello`");
        check(br#"{"list":[1,2"#, "ends too early, after 12 bytes");
        check(br#"{"list":[1,NaN]}"#, "broken at byte 11");
        check(br#"{"list":[1e999]}"#, "number out of range");
        check(b"{\"list\":[\"\xFF\"]}", "invalid unicode");
        check(b"{} trailing", "trailing characters");
    }

    #[test]
    fn depth_is_an_error_or_is_skipped_and_never_a_crash() {
        let deep = "[".repeat(100_000);
        check(deep.as_bytes(), "JSON");
        check(format!("{{\"list\":{deep}").as_bytes(), "JSON");
        check(format!("{{\"x\":{deep}").as_bytes(), "JSON");
        let closed = format!("{{\"x\":{deep}{},\"list\":[1]}}", "]".repeat(100_000));
        let model: Object<Model> = json(closed.as_bytes()).unwrap();
        assert_eq!(model.into_read().unwrap().0.list.into_read().unwrap().len(), 1, "an unknown field is skipped");
    }

    #[test]
    fn pages_that_mean_the_same_everywhere() {
        assert_eq!(recognised(b"Too many requests."), Some(ParseError::Throttled));
        assert_eq!(recognised(b"Too Many Requests\r\n"), Some(ParseError::Throttled));
        assert_eq!(recognised(b"Edge: Too Many Requests"), Some(ParseError::Throttled));
        assert!(matches!(recognised(b"<html><title>Just a moment...</title>"), Some(ParseError::Blocked(_))));
        assert_eq!(
            recognised(b"<html><form action='https://consent.yahoo.com/v2/collectConsent?sessionId=x'>"),
            Some(ParseError::Consent)
        );
        assert_eq!(recognised(b"haT3oykhHqZ"), None);
        assert_eq!(recognised(b"{\"x\":1}"), None);
    }
}
