//! Until when options are quoted: with their underlying, or a quarter of an hour longer.
//!
//! It says how long quotes are live and nothing else: whatever settles at the close settles at the session's close.
//! Source: ANALYTICS' calendar facts; the funds are those that brokers' published lists of 16:15 products agree on.
//! Refuses to know of the night sessions that a few index options have.

use jiff::{SignedDuration, Timestamp};

use super::sessions::Session;
use crate::domain::occ::Root;

/// When options of a class stop for the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionHours {
    /// With the session: 16:00, 13:00 on half days. Equities and most funds.
    Equity,
    /// 15 minutes later: 16:15, 13:15 on half days. Indices and broad funds.
    Index,
}

/// Indices and broad funds whose options are quoted until 16:15. Sorted.
const LATE_ROOTS: &[&str] = &[
    "DBA", "DBB", "DBC", "DBO", "DIA", "DJX", "EEM", "EFA", "IWM", "IWN", "IWO", "IWV", "KBE", "KRE", "MDY", "MOO",
    "MRUT", "NDX", "NDXP", "OEF", "OEX", "QQQ", "RUT", "RUTW", "SLX", "SPX", "SPXW", "SPY", "SVXY", "UNG", "UUP",
    "UVIX", "UVXY", "VIX", "VIXM", "VIXW", "VIXY", "VXX", "VXZ", "XEO", "XHB", "XLB", "XLC", "XLE", "XLF", "XLI",
    "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY", "XME", "XND", "XRT", "XSP",
];

impl OptionHours {
    /// The class of a root.
    #[must_use]
    pub fn of(root: Root) -> Self {
        if LATE_ROOTS.binary_search(&root.as_str()).is_ok() { Self::Index } else { Self::Equity }
    }

    /// When options of this class stop in a session. (PM-settled index contracts that expire on that date stop with the
    /// session.)
    #[must_use]
    pub fn close(self, session: &Session) -> Timestamp {
        match self {
            Self::Equity => session.close,
            Self::Index => session.close.saturating_add(SignedDuration::from_mins(15)).unwrap_or(session.close),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::{new_york_text, session};
    use super::*;

    #[test]
    fn indices_and_broad_funds_are_quoted_longer() {
        let close = |root: &str, day| {
            let text = new_york_text(OptionHours::of(Root::parse(root).unwrap()).close(&session(day).unwrap()));
            text[11..].to_owned()
        };
        for (root, full, half) in [
            ("AAPL", "16:00", "13:00"),
            ("SPY", "16:15", "13:15"),
            ("SPXW", "16:15", "13:15"),
            ("GLD", "16:00", "13:00"),
        ] {
            assert_eq!(close(root, date(2026, 11, 20)), full, "{root}");
            assert_eq!(close(root, date(2026, 11, 27)), half, "{root}");
        }
        assert!(LATE_ROOTS.is_sorted(), "binary search needs order");
    }
}
