//! One request over one gateway, to see whether it answers, how fast, and which address the other side sees.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use fleet_core::domain::GatewayEndpoint;
use fleet_core::domain::gateway::KEY_HEADER;
use url::Url;

use crate::client::{Clients, TlsSettings};
use crate::egress::answer::own_fault;

/// A gateway gives up after 29 s by itself; who tests it wants to know sooner.
const LIMIT: Duration = Duration::from_secs(15);
/// An address is shorter than this.
const MAX_ADDRESS: usize = 64;

/// What a gateway answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The status of its answer.
    pub status: u16,
    /// Who says that.
    pub by: Speaker,
    /// Time until the whole answer was there.
    pub latency: Duration,
    /// The address the other side sees, where its answer is one.
    pub address: Option<IpAddr>,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The other side.
    Target,
    /// The gateway itself.
    Gateway,
}

/// Asks the root of a route once. An error is a sentence.
pub async fn probe(endpoint: &GatewayEndpoint, route: &str, tls: &TlsSettings) -> Result<Probed, String> {
    let url = Url::parse(&format!("{}/{route}", endpoint.base_url)).map_err(|error| error.to_string())?;
    let clients = Clients::new(tls).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let asked = async {
        let request = clients.client_for(&url).get(url.clone()).header(KEY_HEADER, endpoint.api_key.reveal());
        let answer = request.send().await.map_err(words)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(words)?;
        let by = if own_fault(status, &headers, &body).is_some() { Speaker::Gateway } else { Speaker::Target };
        Ok::<_, String>((status.as_u16(), by, body))
    };
    let (status, by, body) =
        tokio::time::timeout(LIMIT, asked).await.map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))??;
    let address = if body.len() <= MAX_ADDRESS { std::str::from_utf8(&body).ok() } else { None };
    let address = address.and_then(|text| text.trim().parse().ok());
    Ok(Probed { status, by, latency: began.elapsed(), address })
}

/// Without the URL, which names the API.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
