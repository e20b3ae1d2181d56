//! A token bucket, exact to the nanosecond: kept as the time at which it would be full.

use std::time::Duration;

use tokio::time::Instant;

use crate::quota::Quota;

/// Tokens of one quota.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    quota: Quota,
    full_at: Instant,
}

impl Bucket {
    /// All tokens there.
    pub(super) fn full(quota: Quota, now: Instant) -> Self {
        Self { quota, full_at: now }
    }

    /// Takes a token, or says when there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + self.quota.interval;
        let room = now + self.quota.interval * self.quota.burst;
        if full_at > room {
            return Err(full_at - room);
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut bucket = Bucket::full(Quota { interval: Duration::from_millis(100), burst: 3 }, start);
        assert_eq!([(); 3].map(|()| bucket.take(at(0))), [Ok(()); 3]);
        assert_eq!(bucket.take(at(0)), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(at(99)), Err(Duration::from_millis(1)), "a refusal costs nothing");
        assert_eq!(bucket.take(at(100)), Ok(()));
        assert_eq!(bucket.take(at(199)), Err(Duration::from_millis(1)));
        assert_eq!([(); 3].map(|()| bucket.take(at(10_000))), [Ok(()); 3], "it is never more than full");
        assert!(bucket.take(at(10_000)).is_err());
    }
}
