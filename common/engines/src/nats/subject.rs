//! Subjects: `<prefix>.<scan>.<ticker>`, the ticker escaped so that it is one token. The prefix names the store.

use fleet_core::domain::{ScanId, Task, Ticker};

/// The subject of one task. Letters, digits and `-` stand for themselves; any other byte is `_` and two hexadecimal
/// digits, so that no two tickers share a subject: `BRK.B` is `BRK_2EB`.
pub(super) fn of_task(prefix: &str, task: &Task) -> String {
    of(prefix, &task.scan, Some(&task.ticker))
}

/// The subject of one ticker, or the filter for all tickers of a scan.
pub(super) fn of(prefix: &str, scan: &ScanId, ticker: Option<&Ticker>) -> String {
    // A scan id is one token as it is: letters, digits, `_` and `-`.
    match ticker {
        Some(ticker) => format!("{prefix}.{scan}.{}", escape(ticker.as_str())),
        None => format!("{prefix}.{scan}.*"),
    }
}

/// The filter for all tasks of all scans.
pub(super) fn all(prefix: &str) -> String {
    format!("{prefix}.*.*")
}

/// Whether a text is one token or several, as prefixes must be.
pub(super) fn is_tokens(text: &str) -> bool {
    text.split('.').all(is_token)
}

/// Whether a text is one token, as stream names and consumer names must be.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "_{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The other way round, written only to show that there is one.
    fn unescape(token: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let mut rest = token.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'_' {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn a_task_has_a_subject() {
        let task = |ticker| Task { scan: ScanId::parse("us_all-1").unwrap(), ticker: Ticker::parse(ticker).unwrap() };
        assert_eq!(of_task("work", &task("AAPL")), "work.us_all-1.AAPL");
        assert_eq!(of_task("work", &task("BRK.B")), "work.us_all-1.BRK_2EB");
        let subjects: BTreeSet<_> = ["BRK.B", "BRKB", "BRK"].map(|t| of_task("work", &task(t))).into();
        assert_eq!(subjects.len(), 3);
    }

    #[test]
    fn names_are_single_tokens() {
        assert!(is_token("WORK-1_a") && is_tokens("work.1_a") && is_tokens("work"));
        assert!(!is_tokens("") && !is_tokens("work.") && !is_tokens("work..a") && !is_tokens("work.*"));
        for text in ["", "a.b", "a b", "*", ">", "ä", &"x".repeat(65)] {
            assert!(!is_token(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn escaping_is_reversible_and_gives_one_token(text in "\\PC{1,12}|[ -~]{1,12}|[_.*> A-Z]{1,12}") {
            let token = escape(&text);
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(unescape(&token), Some(text));
        }
    }
}
