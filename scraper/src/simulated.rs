//! The simulated market as seen from here: where it serves each vendor, and what its clock says.

use std::collections::BTreeMap;
use std::time::Duration;

use fleet_core::domain::{Vendor, VendorRoute};
use fleet_core::seams::{FetchError, FetchFailure};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use url::Url;

use crate::client::{Clients, TlsSettings, base_url};
use crate::fetch::transmit;

/// The market is on this machine or near; it answers at once or not at all.
const LIMIT: Duration = Duration::from_secs(10);

/// What a simulated market tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MarketInfo {
    /// Its clock.
    pub now: Timestamp,
    /// What it was drawn from.
    pub seed: u64,
    /// Tickers it lists.
    pub tickers: u32,
    /// Whether the faulty tickers are listed too.
    #[serde(default)]
    pub faults: bool,
    /// The screener filter that lists its tickers, if it names one.
    #[serde(default)]
    pub filter: Option<String>,
}

/// Asks a simulated market for its clock, seed and size: `GET <url>/_market`. No vendor's request, so it is not
/// counted.
pub async fn market_info(url: &str) -> Result<MarketInfo, FetchError> {
    // A failure must name a vendor; the market stands in for all of them, the chain's default comes first.
    let fail = |failure| FetchError { vendor: Vendor::Cboe, what: format!("simulated market at {url}"), failure };
    let mut at: Url = base_url(url).map_err(|why| fail(FetchFailure::Network(why)))?;
    at.set_path(&format!("{}/_market", at.path().trim_end_matches('/')));
    let clients =
        Clients::new(&TlsSettings::default()).map_err(|error| fail(FetchFailure::Network(error.to_string())))?;
    let answer = transmit(clients.client_for(&at), &at, HeaderMap::new(), LIMIT).await.map_err(fail)?;
    if !answer.status.is_success() {
        return Err(fail(FetchFailure::Status(answer.status.as_u16())));
    }
    serde_json::from_slice(&answer.reply.body)
        .map_err(|error| fail(FetchFailure::Malformed(format!("it is no simulated market ({error})"))))
}

/// The routes of a market at a URL, without budgets. `max_quote_age_secs` are ANALYTICS 2.2's.
#[must_use]
pub fn routes(url: &str) -> Vec<VendorRoute> {
    let url = url.trim_end_matches('/');
    let route = |vendor, max_quote_age_secs, bases: &[(&str, &str)]| VendorRoute {
        vendor,
        base_urls: bases
            .iter()
            .map(|(key, path)| ((*key).to_owned(), format!("{url}/{path}")))
            .collect::<BTreeMap<_, _>>(),
        budget_per_sec: None,
        max_quote_age_secs,
    };
    vec![
        route(Vendor::Finviz, 24 * 3600, &[("base", "finviz")]),
        route(Vendor::Cboe, 20 * 60, &[("base", "cboe")]),
        route(Vendor::Yahoo, 35 * 60, &[("query", "yahoo"), ("cookie", "yahoo-cookie")]),
    ]
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::test_support::serve;

    #[tokio::test]
    async fn a_market_tells_its_clock() {
        let body = r#"{"now":"2026-11-20T15:00:00Z","seed":7,"tickers":60,"session":"2026-11-20","filter":"v=111","faults":false}"#;
        let server = serve(Router::new().route("/_market", get(move || async move { body }))).await;
        let info = market_info(&format!("{}/", server.url())).await.unwrap();
        assert_eq!((info.now.to_string().as_str(), info.seed, info.tickers), ("2026-11-20T15:00:00Z", 7, 60));
    }

    #[tokio::test]
    async fn what_is_no_market_is_told() {
        let server = serve(Router::new().route("/_market", get(|| async { "hello" }))).await;
        let error = market_info(&server.url()).await.unwrap_err().to_string();
        assert!(error.contains("it is no simulated market"), "{error}");
        let error = market_info("http://example.com").await.unwrap_err().to_string();
        assert!(error.contains("must be https"), "{error}");
    }

    #[test]
    fn every_route_is_under_the_market() {
        for route in routes("http://127.0.0.1:9/") {
            assert!(route.base_urls.values().all(|base| base.starts_with("http://127.0.0.1:9/")), "{route:?}");
        }
    }
}
