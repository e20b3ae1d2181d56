//! What stands between a request and its answer: the rate limit of each peer, and the faults that are not in the data.
//!
//! The only state of the market beside its clock lives here, and it is about requests, never about prices.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleet_core::domain::Vendor;

use crate::faults::Fault;
use crate::reply::{HTML, JSON, Reply, TEXT};

/// Peers remembered by the limiter. Loopback has 16 million addresses; the oldest knowledge is dropped first.
const MAX_PEERS: usize = 4096;
/// How long SLOW takes.
const SLOW: Duration = Duration::from_secs(2);

/// Allows each peer so many requests a second at each vendor.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: f64,
    at_once: f64,
    /// When the peer's bucket will be full again (a GCRA: theoretical arrival time).
    full_at: Mutex<BTreeMap<(IpAddr, Vendor), Instant>>,
}

impl Limiter {
    /// As many at once as in a second.
    pub(crate) fn new(per_second: f64) -> Self {
        Self::with_burst(per_second, per_second)
    }

    pub(crate) fn with_burst(per_second: f64, at_once: f64) -> Self {
        Self { per_second, at_once, full_at: Mutex::default() }
    }

    /// Takes one request, or says that there are too many.
    pub(crate) fn admits(&self, peer: IpAddr, vendor: Vendor, now: Instant) -> bool {
        let each = Duration::from_secs_f64(1.0 / self.per_second);
        let burst = Duration::from_secs_f64((self.at_once.max(1.0) - 1.0) / self.per_second);
        let mut peers = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_PEERS {
            peers.retain(|_, full_at| *full_at > now);
        }
        let full_at = peers.entry((peer, vendor)).or_insert(now);
        let from = (*full_at).max(now);
        if from.duration_since(now) > burst {
            return false;
        }
        *full_at = from + each;
        true
    }
}

/// How each vendor says that there were too many requests.
pub(crate) fn too_many(vendor: Vendor, retry_after: Duration) -> Reply {
    let wait = retry_after.as_secs().to_string();
    match vendor {
        Vendor::Finviz => Reply::new(200, "text/html", "Too many requests."),
        // It does not say for how long.
        Vendor::Yahoo => Reply::new(429, TEXT, "Too Many Requests\r\n"),
        Vendor::Robinhood => {
            // The pause is in its sentence alone.
            let text = format!("Request was throttled. Expected available in {wait} seconds.");
            crate::robinhood::detail(429, &text)
        }
        Vendor::Cboe => {
            Reply::new(429, HTML, "<html><body>Too Many Requests</body></html>").header("retry-after", wait)
        }
    }
}

/// Counts chain requests by ticker and vendor, for the faults that depend on how often one asked.
#[derive(Debug, Default)]
pub(crate) struct ChainCounts(Mutex<BTreeMap<(&'static str, Vendor), u64>>);

impl ChainCounts {
    /// How many came before this one.
    fn before(&self, fault: &'static str, vendor: Vendor) -> u64 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((fault, vendor)).or_default();
        *count += 1;
        *count - 1
    }
}

/// A fault's effect on the answer to a chain request.
pub(crate) fn interfere(fault: Fault, vendor: Vendor, counts: &ChainCounts, chain: impl FnOnce() -> Reply) -> Reply {
    match fault {
        Fault::Flap if counts.before("FLAP", vendor) % 3 < 2 => {
            Reply::new(500, HTML, "<html><body>Internal Server Error</body></html>")
        }
        Fault::Limit if counts.before("LIMIT", vendor) < 2 => too_many(vendor, Duration::from_secs(1)),
        Fault::Soft => match vendor {
            Vendor::Yahoo => Reply::new(200, TEXT, "Too Many Requests\r\n"),
            Vendor::Finviz | Vendor::Cboe | Vendor::Robinhood => Reply::new(200, "text/html", "Too many requests."),
        },
        Fault::Block => Reply::new(
            403,
            HTML,
            "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title></head><body><div \
             id=\"challenge-error-text\">Enable JavaScript and cookies to continue</div><script>window._cf_chl_opt={}\
             </script></body></html>",
        )
        .header("server", "cloudflare"),
        Fault::Html => Reply::new(
            200,
            HTML,
            "<!DOCTYPE html><html><head><title>Scheduled maintenance</title></head><body><h1>We will be back \
             soon</h1></body></html>",
        ),
        Fault::Shape => Reply::new(
            200,
            JSON,
            "{\"version\":2,\"payload\":{\"symbol\":\"SHAPE\",\"contracts\":[{\"id\":\"SHAPE261218C00100000\",\
             \"market\":{\"b\":\"1.20\",\"a\":\"1.25\"}}]}}",
        ),
        Fault::Cut => {
            let mut reply = chain();
            reply.body.truncate(reply.body.len() * 6 / 10);
            reply
        }
        Fault::Slow => Reply { delay: SLOW, ..chain() },
        Fault::Okay
        | Fault::Empty
        | Fault::Wide
        | Fault::Cross
        | Fault::Dotted
        | Fault::Dupe
        | Fault::Flap
        | Fault::Limit
        | Fault::Gone
        | Fault::Huge
        | Fault::Young
        | Fault::Halt
        | Fault::Negtv
        | Fault::Split
        | Fault::Expir
        | Fault::Stale => chain(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_peer_gets_its_limit_and_no_more() {
        let limiter = Limiter::new(5.0);
        let (peer, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
        let start = Instant::now();
        let taken =
            |ms| (0..20).filter(|_| limiter.admits(peer, Vendor::Cboe, start + Duration::from_millis(ms))).count();
        assert_eq!(taken(0), 5);
        assert_eq!(taken(200), 1);
        assert_eq!(taken(1200), 5);
        assert!(limiter.admits(other, Vendor::Cboe, start), "another address has its own limit");
        assert!(limiter.admits(peer, Vendor::Yahoo, start), "another vendor has its own limit");
    }

    #[test]
    fn slow_limits_admit_one_at_a_time() {
        let limiter = Limiter::new(0.5);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let start = Instant::now();
        assert!(limiter.admits(peer, Vendor::Finviz, start));
        assert!(!limiter.admits(peer, Vendor::Finviz, start + Duration::from_secs(1)));
        assert!(limiter.admits(peer, Vendor::Finviz, start + Duration::from_secs(2)));
    }

    #[test]
    fn flap_fails_twice_and_then_answers() {
        let counts = ChainCounts::default();
        let ask = || interfere(Fault::Flap, Vendor::Cboe, &counts, || Reply::new(200, JSON, "{}")).status;
        assert_eq!([ask(), ask(), ask(), ask()], [500, 500, 200, 500]);
    }

    #[test]
    fn limit_asks_for_a_second_twice_and_then_answers() {
        let counts = ChainCounts::default();
        let ask = || interfere(Fault::Limit, Vendor::Cboe, &counts, || Reply::new(200, JSON, "{}")).status;
        assert_eq!([ask(), ask(), ask(), ask()], [429, 429, 200, 200]);
    }
}
