//! What an attempt that gave no commit means for its ticker: whether it comes back, and as what it is accounted for
//! otherwise. Pure.

use std::time::Duration;

use fleet_core::domain::{DeliveryLimits, FailReason, Outcome, RequestCounts, Task, Vendor};
use fleet_core::seams::FetchFailure;

use crate::back_off::rest_after;
use crate::past::{Past, retry_after};
use crate::scan_ticker::TickerError;

/// How an attempt ended without a commit.
#[derive(Debug)]
pub(crate) enum Mishap {
    /// It failed.
    Error(TickerError),
    /// It took longer than a delivery may; how the last request had failed by then, unless it was answered.
    TimedOut { last: Option<(Vendor, FetchFailure)> },
    /// It panicked; what was said.
    Panicked(String),
    /// It was not made, being one too many; why the one before gave nothing, if anybody lived to say.
    NotMade(Option<FailReason>),
}

/// What a mishap means for the ticker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ruling {
    /// Trying again may help.
    Again(Duration),
    /// It will not: the ticker is accounted for like this.
    Give(Outcome),
}

impl Mishap {
    /// How numbers and events call it.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Error(TickerError::Fetch(error)) => error.failure.word(),
            Self::Error(TickerError::Store(_)) => "store",
            Self::Error(TickerError::NoRoute(_)) => "no_route",
            Self::TimedOut { .. } => "delivery_timeout",
            Self::Panicked(_) => "panic",
            Self::NotMade(_) => "one_too_many",
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Error(error) => error.to_string(),
            Self::TimedOut { last: None } => "it took too long".to_owned(),
            Self::TimedOut { last: Some((vendor, failure)) } => format!("it took too long; last: {vendor}: {failure}"),
            Self::Panicked(text) => format!("panic: {text}"),
            Self::NotMade(_) => "one attempt too many".to_owned(),
        }
    }
}

/// Decides what a mishap means. What may pass comes back until the last attempt, a vendor's failure only once; a panic
/// is poison at the end, and so are deliveries of which nobody can say why they gave nothing.
pub(crate) fn rule(
    mishap: &Mishap,
    task: &Task,
    attempt: u32,
    past: &Past,
    limits: &DeliveryLimits,
    requests: impl FnOnce() -> RequestCounts,
) -> Ruling {
    let last_attempt = attempt >= limits.max_attempts;
    let (is_over, rest) = match mishap {
        Mishap::Error(TickerError::Store(_)) => (false, None),
        Mishap::Error(TickerError::Fetch(error)) => {
            (past.is_last(&error.failure, attempt, limits), retry_after(&error.failure))
        }
        Mishap::Error(TickerError::NoRoute(_)) | Mishap::NotMade(_) => (true, None),
        Mishap::Panicked(_) => (last_attempt, None),
        // The vendor asked for more time than there was: it would again.
        Mishap::TimedOut { last: Some((_, FetchFailure::Throttled { .. })) } => (true, None),
        Mishap::TimedOut { last: Some((_, failure)) } => (last_attempt || past.is_last(failure, attempt, limits), None),
        Mishap::TimedOut { last: None } => (last_attempt, None),
    };
    if !is_over {
        return Ruling::Again(rest_after(task, attempt, rest));
    }
    Ruling::Give(match reason(mishap, limits) {
        Some(reason) => Outcome::Failed { reason, requests: requests() },
        None => Outcome::Poison { attempts: attempt.min(limits.max_attempts.max(1)) },
    })
}

/// A mishap in words; `None` when there are none but that it broke.
fn reason(mishap: &Mishap, limits: &DeliveryLimits) -> Option<FailReason> {
    let (word, detail) = match mishap {
        Mishap::Error(TickerError::Fetch(error)) => (error.failure.word(), error.to_string()),
        Mishap::Error(TickerError::Store(error)) => ("store", error.to_string()),
        Mishap::Error(error @ TickerError::NoRoute(_)) => ("no_route", error.to_string()),
        Mishap::TimedOut { last: None } => ("delivery_timeout", format!("not done within {} s", limits.timeout_secs)),
        Mishap::TimedOut { last: Some((vendor, failure)) } => {
            let throttled = matches!(failure, FetchFailure::Throttled { .. });
            let word = if throttled { failure.word() } else { "delivery_timeout" };
            (word, format!("not done within {} s; last: {vendor}: {failure}", limits.timeout_secs))
        }
        Mishap::Panicked(_) => return None,
        Mishap::NotMade(reason) => return reason.clone(),
    };
    Some(FailReason { word: word.to_owned(), detail })
}

/// What a ticker's next delivery should know of this one.
pub(crate) fn remembered(past: &Past, mishap: &Mishap, limits: &DeliveryLimits) -> Past {
    let failure = match mishap {
        Mishap::Error(TickerError::Fetch(error)) => Some(&error.failure),
        Mishap::TimedOut { last } => last.as_ref().map(|(_, failure)| failure),
        Mishap::Error(TickerError::Store(_) | TickerError::NoRoute(_)) | Mishap::Panicked(_) | Mishap::NotMade(_) => {
            None
        }
    };
    past.and(reason(mishap, limits), failure)
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{ScanId, Ticker, Vendor};
    use fleet_core::seams::FetchError;

    use super::*;

    const LIMITS: DeliveryLimits = DeliveryLimits {
        timeout_secs: 120,
        max_attempts: 3,
        request_timeout_secs: 10,
        request_tries: 3,
        max_retry_after_secs: 60,
    };

    fn ruling(mishap: &Mishap, attempt: u32) -> Ruling {
        let task = Task { scan: ScanId::parse("s").unwrap(), ticker: Ticker::parse("AAPL").unwrap() };
        // What earlier attempts would have left behind had they ended like this one.
        let past = (1..attempt).fold(Past::default(), |past, _| remembered(&past, mishap, &LIMITS));
        rule(mishap, &task, attempt, &past, &LIMITS, RequestCounts::default)
    }

    fn fetch(failure: FetchFailure) -> Mishap {
        Mishap::Error(TickerError::Fetch(FetchError {
            vendor: Vendor::Cboe,
            what: "chain of AAPL".to_owned(),
            failure,
        }))
    }

    fn check_again(mishap: &Mishap, attempt: u32) {
        assert!(matches!(ruling(mishap, attempt), Ruling::Again(_)), "{mishap:?} at {attempt}");
    }

    fn check_failed(mishap: &Mishap, attempt: u32, word: &str) {
        match ruling(mishap, attempt) {
            Ruling::Give(Outcome::Failed { reason, .. }) => assert_eq!(reason.word, word),
            other => panic!("{mishap:?} at {attempt}: {other:?}"),
        }
    }

    #[test]
    fn a_vendors_failure_comes_back_once_and_others_until_the_last_attempt() {
        check_again(&fetch(FetchFailure::Server(503)), 1);
        check_failed(&fetch(FetchFailure::Server(503)), 2, "server_error");
        check_again(&fetch(FetchFailure::Network("reset".to_owned())), 1);
        check_failed(&fetch(FetchFailure::Network("reset".to_owned())), 2, "network");
        check_again(&fetch(FetchFailure::Budget("locked".to_owned())), 2);
        check_failed(&fetch(FetchFailure::Budget("locked".to_owned())), 3, "budget");
    }

    #[test]
    fn permanent_failures_are_final_at_once() {
        check_failed(&fetch(FetchFailure::NotFound), 1, "not_found");
        check_failed(&fetch(FetchFailure::Blocked("challenge".to_owned())), 1, "blocked");
        check_failed(&Mishap::Error(TickerError::NoRoute(Vendor::Cboe)), 1, "no_route");
    }

    #[test]
    fn a_retry_after_beyond_the_limit_fails_the_ticker() {
        let throttled = |secs| fetch(FetchFailure::Throttled { retry_after: Some(Duration::from_secs(secs)) });
        assert_eq!(ruling(&throttled(60), 1), Ruling::Again(Duration::from_secs(60)));
        check_failed(&throttled(61), 1, "throttled");
    }

    #[test]
    fn panics_become_poison_and_hung_vendors_a_failure() {
        let panic = Mishap::Panicked("boom".to_owned());
        check_again(&panic, 2);
        assert_eq!(ruling(&panic, 3), Ruling::Give(Outcome::Poison { attempts: 3 }));
        check_again(&Mishap::TimedOut { last: None }, 2);
        check_failed(&Mishap::TimedOut { last: None }, 3, "delivery_timeout");
    }

    #[test]
    fn an_attempt_too_many_tells_why_the_one_before_failed() {
        let known = FailReason { word: "store".to_owned(), detail: "the store is unavailable: locked".to_owned() };
        check_failed(&Mishap::NotMade(Some(known)), 4, "store");
        assert_eq!(ruling(&Mishap::NotMade(None), 4), Ruling::Give(Outcome::Poison { attempts: 3 }));
    }

    #[test]
    fn a_timeout_says_how_the_last_request_failed() {
        let check = |failure: FetchFailure, attempt, expected: &str| match ruling(
            &Mishap::TimedOut { last: Some((Vendor::Yahoo, failure)) },
            attempt,
        ) {
            Ruling::Give(Outcome::Failed { reason, .. }) => {
                assert_eq!(format!("{}: {}", reason.word, reason.detail), expected);
            }
            other => panic!("{other:?}"),
        };
        let wait = Some(Duration::from_secs(50));
        check(
            FetchFailure::Throttled { retry_after: wait },
            1,
            "throttled: not done within 120 s; last: yahoo: the vendor asks us to slow down for 50 s",
        );
        let timeout = FetchFailure::Timeout(Duration::from_secs(20));
        check_again(&Mishap::TimedOut { last: Some((Vendor::Yahoo, timeout.clone())) }, 1);
        check(timeout, 2, "delivery_timeout: not done within 120 s; last: yahoo: no answer within 20 s");
    }
}
