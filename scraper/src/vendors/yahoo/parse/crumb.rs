//! The crumb: a short opaque text that goes with the cookie. A rate-limit text or a page must never be taken for one;
//! some clients stored `Too Many Requests` and sent it with every request.

use super::envelope;
use crate::parse_error::{ParseError, excerpt};
use crate::vendors::body;

/// Crumbs have 11 characters; the limits leave room for a change, not for a sentence.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=40;

/// Reads a crumb. It may hold `/` and `.`; [`super::super::urls::chain`] encodes it.
pub fn crumb(bytes: &[u8]) -> Result<String, ParseError> {
    if let Some(known) = body::recognised(bytes) {
        return Err(known);
    }
    let text = body::text(bytes)?.trim();
    if text.is_empty() {
        return Err(ParseError::Unauthorized("an empty crumb".to_owned()));
    }
    if text.starts_with('{') {
        let error = envelope(bytes).err();
        return Err(error.unwrap_or_else(|| ParseError::Malformed("JSON where a crumb was expected".to_owned())));
    }
    let looks_right = LENGTHS.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\'' | b'{' | b'}' | b'&'));
    if looks_right { Ok(text.to_owned()) } else { Err(ParseError::Malformed(format!("no crumb: `{}`", excerpt(text)))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_are_accepted() {
        assert_eq!(crumb(b"haT3oykhHqZ").unwrap(), "haT3oykhHqZ");
        assert_eq!(crumb(b"a/b.cDeFgHi\n").unwrap(), "a/b.cDeFgHi");
    }

    fn check(body: &[u8], word: &str) {
        assert_eq!(crumb(body).unwrap_err().into_failure().word(), word, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn nothing_else_is() {
        check(b"Too Many Requests\r\n", "throttled");
        check(b"Edge: Too Many Requests", "throttled");
        check(b"", "unauthorized");
        check(b"<html><body>Sign in</body></html>", "malformed");
        check(b"two words", "malformed");
        check(b"abc", "malformed");
        check(&[b'a'; 41], "malformed");
        check(b"caf\xC3\xA9caf", "malformed");
        check(b"\xFF\xFE\xFD\xFC\xFB\xFA", "malformed");
        check(b"{}", "malformed");
        check(
            br#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Cookie"}}}"#,
            "unauthorized",
        );
    }
}
