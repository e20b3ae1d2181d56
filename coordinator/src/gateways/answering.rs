//! Whether new gateways answer. AWS says that a gateway is there seconds before every server of its data plane knows its
//! deployment and its key; a scan that began at once would meet refusals everywhere and end before it began.
//!
//! Each gateway is asked over the test route until the answer is the other side's. No vendor is asked: where there is no
//! test route, nothing is.

use std::time::Duration;

use fleet_core::domain::GatewayEndpoint;
use fleet_scraper::probe::{Probed, Speaker};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

/// How often and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// The first wait after a refusal; each next one is twice as long,
    pub first: Duration,
    /// up to this.
    pub longest: Duration,
    /// All of it.
    pub in_all: Duration,
}

/// Simulated gateways are ready in less than a second, AWS' in some.
pub const WAITING: Waiting =
    Waiting { first: Duration::from_millis(250), longest: Duration::from_secs(2), in_all: Duration::from_secs(90) };

/// What one answer says of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It leads to the other side.
    Ready,
    /// It does not know its key or its routes, or is not there: nothing goes through it.
    Closed(String),
    /// It fails in another way, which may be the other side's doing.
    Unclear(String),
}

/// Judges an answer over the test route.
#[must_use]
pub fn readiness(answer: &Result<Probed, String>) -> Readiness {
    match answer {
        Ok(Probed { by: Speaker::Target, .. }) => Readiness::Ready,
        Ok(Probed { status, .. }) => match status {
            403 => Readiness::Closed("it refuses its key or knows no such route".to_owned()),
            // It takes the key: that it allows no more, or gets no answer from the other side, is another matter.
            429 | 504 => Readiness::Ready,
            status => Readiness::Unclear(format!("it answers {status} itself")),
        },
        Err(why) => Readiness::Closed(why.clone()),
    }
}

/// What became of waiting.
#[derive(Debug, Default)]
pub struct Answering {
    /// Those to be used, in their order.
    pub endpoints: Vec<GatewayEndpoint>,
    /// Those that stayed closed, and why.
    pub closed: Vec<(String, String)>,
    /// Those that are used although it is not clear that they answer, and why.
    pub unclear: Vec<(String, String)>,
}

/// Waits until each answers. `tell` is called once, with how many are waited for, if any is.
pub async fn until_they_answer<F>(
    endpoints: Vec<GatewayEndpoint>,
    waiting: Waiting,
    ask: impl Fn(GatewayEndpoint) -> F,
    tell: impl Fn(usize),
) -> Answering
where
    F: Future<Output = Result<Probed, String>>,
{
    let end = Instant::now() + waiting.in_all;
    let first = join_all(endpoints.iter().map(|endpoint| ask(endpoint.clone()))).await;
    let first: Vec<Readiness> = first.iter().map(readiness).collect();
    let behind = first.iter().filter(|answer| **answer != Readiness::Ready).count();
    if behind > 0 {
        tell(behind);
    }
    let last = join_all(endpoints.iter().zip(first).map(|(endpoint, first)| async {
        let (mut answer, mut wait) = (first, waiting.first);
        while answer != Readiness::Ready && Instant::now() + wait <= end {
            sleep(wait).await;
            wait = (wait * 2).min(waiting.longest);
            answer = readiness(&ask(endpoint.clone()).await);
        }
        answer
    }))
    .await;
    let mut found = Answering::default();
    for (endpoint, answer) in endpoints.into_iter().zip(last) {
        match answer {
            Readiness::Ready => found.endpoints.push(endpoint),
            Readiness::Closed(why) => found.closed.push((endpoint.name, why)),
            Readiness::Unclear(why) => {
                found.unclear.push((endpoint.name.clone(), why));
                found.endpoints.push(endpoint);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use fleet_core::domain::GatewayKey;

    use super::*;

    fn probed(status: u16, by: Speaker) -> Result<Probed, String> {
        Ok(Probed { status, by, latency: Duration::ZERO, address: None })
    }

    #[test]
    fn a_gateway_is_ready_when_the_other_side_speaks() {
        for status in [200, 301, 403, 404, 429, 500, 503] {
            assert_eq!(readiness(&probed(status, Speaker::Target)), Readiness::Ready, "{status}");
        }
        assert_eq!(readiness(&probed(504, Speaker::Gateway)), Readiness::Ready, "the other side is away");
        assert_eq!(readiness(&probed(429, Speaker::Gateway)), Readiness::Ready, "it takes the key");
        assert!(matches!(readiness(&probed(403, Speaker::Gateway)), Readiness::Closed(_)));
        assert!(matches!(readiness(&probed(500, Speaker::Gateway)), Readiness::Unclear(_)));
        assert!(matches!(readiness(&Err("no connection".to_owned())), Readiness::Closed(_)));
    }

    fn endpoint(name: &str) -> GatewayEndpoint {
        let (name, base_url) = (name.to_owned(), "http://127.0.0.1:1/v1".to_owned());
        GatewayEndpoint { name, base_url, api_key: GatewayKey::new("k".to_owned()) }
    }

    #[tokio::test]
    async fn those_that_come_late_are_waited_for_and_those_that_do_not_are_left_out() {
        let ms = Duration::from_millis;
        let waiting = Waiting { first: ms(2), longest: ms(10), in_all: ms(200) };
        let (began, told) = (Instant::now(), AtomicUsize::new(0));
        let ask = |endpoint: GatewayEndpoint| async move {
            let late = began.elapsed() > ms(60);
            match endpoint.name.as_str() {
                "late" if !late => probed(403, Speaker::Gateway),
                "closed" => probed(403, Speaker::Gateway),
                "unclear" => probed(500, Speaker::Gateway),
                _ => probed(200, Speaker::Target),
            }
        };
        let endpoints = ["late", "closed", "unclear", "at once"].map(endpoint).to_vec();
        let found = until_they_answer(endpoints, waiting, ask, |behind| {
            told.fetch_add(behind, Ordering::SeqCst);
        })
        .await;
        fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
            names.map(String::as_str).collect()
        }
        assert_eq!(names(found.endpoints.iter().map(|one| &one.name)), ["late", "unclear", "at once"]);
        assert_eq!(names(found.closed.iter().map(|(name, _)| name)), ["closed"]);
        assert_eq!(names(found.unclear.iter().map(|(name, _)| name)), ["unclear"]);
        assert_eq!(told.load(Ordering::SeqCst), 3, "once, for three");
        assert!(began.elapsed() < ms(2_000), "{:?}", began.elapsed());
    }
}
