//! What earlier deliveries of a ticker came to in this process, and what follows from it: whether it is delivered once
//! more. Pure.
//!
//! Promises: a vendor that fails is asked in at most two deliveries of a ticker, whatever a manifest allows, because each
//! delivery has tried as often as is polite already; `protocol` (which hands back) and `scan_ticker` (which goes on
//! without bars when nobody will ask again) decide by the same rule.

use std::time::Duration;

use fleet_core::domain::{DeliveryLimits, FailReason};
use fleet_core::seams::FetchFailure;

/// Deliveries of one ticker that a failing vendor gets in a process.
const VENDOR_DELIVERIES: u32 = 2;

/// A ticker's earlier deliveries in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// How many of them a vendor's failure ended.
    pub vendor_failures: u32,
    /// Why the last one that ended gave nothing; `None` when nobody lived to say, or there was none.
    pub last: Option<FailReason>,
}

impl Past {
    /// Whether this delivery is the last in which a vendor may fail like this.
    #[must_use]
    pub fn is_last(&self, failure: &FetchFailure, attempt: u32, limits: &DeliveryLimits) -> bool {
        let bearable = retry_after(failure).is_none_or(|wait| wait.as_secs() <= u64::from(limits.max_retry_after_secs));
        let asked_enough = is_the_vendors(failure) && self.vendor_failures + 1 >= VENDOR_DELIVERIES;
        !failure.is_transient() || !bearable || asked_enough || attempt >= limits.max_attempts
    }

    /// One more delivery came to nothing. `failure` is the vendor's, if one is known.
    #[must_use]
    pub fn and(&self, last: Option<FailReason>, failure: Option<&FetchFailure>) -> Self {
        let more = failure.is_some_and(is_the_vendors);
        Self { vendor_failures: self.vendor_failures + u32::from(more), last }
    }
}

/// How long the vendor asked to be left alone.
pub(crate) const fn retry_after(failure: &FetchFailure) -> Option<Duration> {
    match failure {
        FetchFailure::Throttled { retry_after } => *retry_after,
        FetchFailure::Network(_)
        | FetchFailure::Timeout(_)
        | FetchFailure::Blocked(_)
        | FetchFailure::Consent
        | FetchFailure::Unauthorized(_)
        | FetchFailure::NotFound
        | FetchFailure::Server(_)
        | FetchFailure::Status(_)
        | FetchFailure::Malformed(_)
        | FetchFailure::TooLarge { .. }
        | FetchFailure::VendorError { .. }
        | FetchFailure::WrongSymbol { .. }
        | FetchFailure::Budget(_)
        | FetchFailure::Gateway(_)
        | FetchFailure::Stale(_) => None,
    }
}

/// Whether a failure says something about the vendor (or the way to it) as a whole, and not about one answer.
pub(crate) const fn is_the_vendors(failure: &FetchFailure) -> bool {
    match failure {
        FetchFailure::Network(_)
        | FetchFailure::Timeout(_)
        | FetchFailure::Throttled { .. }
        | FetchFailure::Server(_)
        | FetchFailure::Blocked(_)
        | FetchFailure::Consent
        | FetchFailure::Unauthorized(_) => true,
        FetchFailure::NotFound
        | FetchFailure::Status(_)
        | FetchFailure::Malformed(_)
        | FetchFailure::TooLarge { .. }
        | FetchFailure::VendorError { .. }
        | FetchFailure::WrongSymbol { .. }
        // The store's.
        | FetchFailure::Budget(_)
        // The gateways': other ones, or the same later, may do.
        | FetchFailure::Gateway(_)
        | FetchFailure::Stale(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DeliveryLimits = DeliveryLimits {
        timeout_secs: 120,
        max_attempts: 5,
        request_timeout_secs: 10,
        request_tries: 4,
        max_retry_after_secs: 60,
    };

    #[track_caller]
    fn check(failure: &FetchFailure, vendor_failures: u32, attempt: u32, expected: bool) {
        let past = Past { vendor_failures, last: None };
        assert_eq!(past.is_last(failure, attempt, &LIMITS), expected, "{failure} after {vendor_failures} at {attempt}");
    }

    #[test]
    fn a_failing_vendor_is_asked_in_two_deliveries() {
        for failure in [
            FetchFailure::Network("reset".to_owned()),
            FetchFailure::Timeout(Duration::from_secs(20)),
            FetchFailure::Throttled { retry_after: None },
            FetchFailure::Server(503),
        ] {
            check(&failure, 0, 1, false);
            check(&failure, 1, 2, true);
            // Attempts that something else ended count only for the manifest's limit.
            check(&failure, 0, 4, false);
            check(&failure, 0, 5, true);
        }
        check(&FetchFailure::Budget("locked".to_owned()), 1, 4, false);
        check(&FetchFailure::NotFound, 0, 1, true);
        check(&FetchFailure::Throttled { retry_after: Some(Duration::from_secs(61)) }, 0, 1, true);
    }

    #[test]
    fn only_a_vendors_failures_are_counted() {
        let reason = || Some(FailReason { word: "w".to_owned(), detail: "d".to_owned() });
        let past = Past::default().and(reason(), Some(&FetchFailure::Server(500))).and(None, None);
        assert_eq!(past, Past { vendor_failures: 1, last: None });
        assert_eq!(past.and(reason(), Some(&FetchFailure::Budget("x".to_owned()))).vendor_failures, 1);
    }
}
