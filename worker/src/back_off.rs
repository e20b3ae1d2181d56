//! How long a task that could not be done rests before it is delivered again. Pure: the jitter comes from a hash of the
//! task and the attempt, so that tickers which failed together do not come back together, and a test sees one number.

use std::time::Duration;

use fleet_core::domain::Task;

/// The first rest. A vendor's hiccup is over in less.
const BASE: Duration = Duration::from_millis(500);
/// The longest rest, unless the vendor asked for more. Five attempts then fit well inside a scan's ten minutes.
const LONGEST: Duration = Duration::from_secs(30);

/// The rest after attempt number `attempt` (from 1): half of 0.5 s × 2^(attempt − 1) plus up to as much again by
/// jitter, at most 30 s. What the vendor asked for wins when it is longer.
pub(crate) fn rest_after(task: &Task, attempt: u32, retry_after: Option<Duration>) -> Duration {
    let doubled = BASE.saturating_mul(1_u32 << attempt.saturating_sub(1).min(10)).min(LONGEST);
    let rest = doubled / 2 + (doubled / 2).mul_f64(jitter(task, attempt));
    rest.max(retry_after.unwrap_or_default())
}

/// A fraction in [0, 1) by FNV-1a (64 bits) over the task's message id.
fn jitter(task: &Task, attempt: u32) -> f64 {
    let hash = task
        .message_id(attempt)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The lowest bits of FNV are its best mixed ones after the fold of a short text; 16 of them are plenty.
    f64::from(((hash >> 16) & 0xffff) as u16) / 65_536.0
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{ScanId, Ticker};

    use super::*;

    fn task(ticker: &str) -> Task {
        Task { scan: ScanId::parse("test-20261120-1000").unwrap(), ticker: Ticker::parse(ticker).unwrap() }
    }

    #[test]
    fn the_rest_doubles_and_stays_within_its_limits() {
        for attempt in 1..200 {
            let rest = rest_after(&task("AAPL"), attempt, None);
            let doubled = Duration::from_millis(500).saturating_mul(1 << (attempt - 1).min(6)).min(LONGEST);
            assert!(rest >= doubled / 2 && rest <= doubled, "attempt {attempt}: {rest:?}");
        }
    }

    #[test]
    fn what_the_vendor_asks_for_wins_when_longer() {
        assert_eq!(rest_after(&task("AAPL"), 1, Some(Duration::from_secs(70))), Duration::from_secs(70));
        assert!(rest_after(&task("AAPL"), 7, Some(Duration::from_secs(1))) >= Duration::from_secs(15));
    }

    #[test]
    fn tickers_that_failed_together_come_back_apart() {
        let rests: std::collections::BTreeSet<Duration> =
            ["A", "B", "C", "D", "E"].iter().map(|ticker| rest_after(&task(ticker), 3, None)).collect();
        assert_eq!(rests.len(), 5);
    }
}
