//! Whether the vendors can be reached at all: one connection to each host, closed again, before a scan asks hundreds of
//! times in vain.
//!
//! Promises: no request is sent. Refuses to judge where a proxy may stand between: then a direct connection says
//! nothing.

use std::time::Duration;

use fleet_core::domain::{Vendor, VendorPlan};
use tokio::net::TcpStream;
use url::Url;

use crate::client::is_loopback;

/// A host that is there answers a connection within a second or two, anywhere on earth.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A vendor no connection can be made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Which.
    pub vendor: Vendor,
    /// `host:port`.
    pub address: String,
    /// The system's words.
    pub why: String,
}

/// The vendors of chains that cannot be reached; empty unless **none** of them can: one that answers is enough to scan.
pub async fn unreachable(plan: &VendorPlan) -> Vec<Unreachable> {
    let mut out = Vec::new();
    for vendor in &plan.chain_order {
        let Some(url) = plan.routes.iter().find(|route| route.vendor == *vendor).and_then(|route| {
            let base = route.base_urls.get("base").or_else(|| route.base_urls.get("query"))?;
            Url::parse(base).ok()
        }) else {
            continue;
        };
        if !is_loopback(&url) && proxy_is_set() {
            return Vec::new();
        }
        match refusal(&url).await {
            None => return Vec::new(),
            Some((address, why)) => out.push(Unreachable { vendor: *vendor, address, why }),
        }
    }
    out
}

async fn refusal(url: &Url) -> Option<(String, String)> {
    // Without brackets around an IPv6 address, as the resolver wants it.
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default()?;
    let address = format!("{host}:{port}");
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some((address, error.to_string())),
        Err(_) => Some((address, format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// The variables the HTTP client reads for the world's hosts.
fn proxy_is_set() -> bool {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().any(|name| std::env::var_os(name).is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fleet_core::domain::VendorRoute;
    use tokio::net::TcpListener;

    use super::*;

    fn plan(urls: &[(Vendor, &str, String)]) -> VendorPlan {
        VendorPlan {
            chain_order: urls.iter().map(|(vendor, ..)| *vendor).collect(),
            bars: Vendor::Yahoo,
            routes: urls
                .iter()
                .map(|(vendor, key, url)| VendorRoute {
                    vendor: *vendor,
                    base_urls: BTreeMap::from([((*key).to_owned(), url.clone())]),
                    budget_per_sec: None,
                    max_quote_age_secs: 60,
                })
                .collect(),
            identity: Vec::new(),
            max_bars_per_ticker: 1,
            bar_sessions: 1,
            underlying_bar_sessions: None,
            dte_window: (0, 1),
            gateways: None,
        }
    }

    #[tokio::test]
    async fn one_vendor_that_answers_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = format!("http://{}", listener.local_addr().unwrap());
        let closed = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            format!("http://{}", gone.local_addr().unwrap())
        };
        let both = plan(&[(Vendor::Cboe, "base", closed.clone()), (Vendor::Yahoo, "query", open)]);
        assert_eq!(unreachable(&both).await, []);
        let none = plan(&[(Vendor::Cboe, "base", closed.clone()), (Vendor::Yahoo, "query", closed)]);
        let found = unreachable(&none).await;
        assert_eq!(found.iter().map(|u| u.vendor).collect::<Vec<_>>(), [Vendor::Cboe, Vendor::Yahoo]);
        assert!(found[0].why.contains("refused"), "{found:?}");
    }
}
