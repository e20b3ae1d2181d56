//! Header names on the wire, over HTTP/1.1 and h2, against the names a gateway's description maps.
//!
//! Gateways compare names as they are: a mapping in another case than the client's silently does nothing. So what our real
//! client sends to a recording server is held to what `fleet-gateways` declares.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;

use axum::body::Body;
use axum::http::{Request, Response, Version};
use fleet_core::domain::{GatewayEndpoint, GatewayKey};
use fleet_core::seams::MemoryEndpoints;
use fleet_gateways::openapi;
use fleet_gateways::spec::{GatewaySpec, Route};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::classify::Expected;
use crate::client::{Clients, TlsSettings};
use crate::fetch::{Ask, Fetcher, Purpose};
use crate::identity::RequestKind;
use crate::pace::Pacer;
use crate::retry::RetryPolicy;

const LIMITS: fleet_core::domain::DeliveryLimits = fleet_core::domain::DeliveryLimits {
    timeout_secs: 60,
    max_attempts: 1,
    request_timeout_secs: 10,
    request_tries: 1,
    max_retry_after_secs: 1,
};

/// Names as they were on the wire, each time, and the version of HTTP.
type Recorded = Arc<Mutex<Vec<(Version, BTreeSet<String>)>>>;

fn record(recorded: &Recorded, version: Version, names: BTreeSet<String>) {
    recorded.lock().unwrap().push((version, names));
}

/// Speaks HTTP/1.1 and looks at the bytes themselves.
async fn http1(recorded: Recorded) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap() == 0 {
                    break;
                }
            }
            let text = String::from_utf8(head).unwrap();
            let names = text.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
            record(&recorded, Version::HTTP_11, names.collect());
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await.unwrap();
        }
    });
    url
}

/// Speaks h2 over TLS, and nothing else.
async fn h2(recorded: Recorded, certificates: &fleet_servers::Certificates) -> String {
    let chain = CertificateDer::pem_file_iter(certificates.certificate()).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, recorded) = (acceptor.clone(), Arc::clone(&recorded));
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let answer = service_fn(|request: Request<hyper::body::Incoming>| {
                    let names = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
                    record(&recorded, request.version(), names);
                    async { Ok::<_, Infallible>(Response::new(Body::from("{}"))) }
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    url
}

/// Names that a description maps: `integration.request.header.<name>`.
fn mapped() -> BTreeSet<String> {
    let route = Route::new("cboe.base", "https://cdn.cboe.com").unwrap();
    let body: serde_json::Value =
        serde_json::from_str(openapi::body(&GatewaySpec::new(vec![route]).unwrap()).as_str()).unwrap();
    let method = &body["paths"]["/cboe.base/{proxy+}"]["x-amazon-apigateway-any-method"];
    let parameters = method["x-amazon-apigateway-integration"]["requestParameters"].as_object().unwrap();
    parameters.keys().filter_map(|name| name.strip_prefix("integration.request.header.")).map(str::to_owned).collect()
}

/// Sends pages and data with a cookie over gateways of these names, each with an identity of its own.
async fn send(url: &str, tls: &TlsSettings) {
    let plan = GatewayPlan {
        set: "wire".to_owned(),
        names: Vec::new(),
        vendors: vec![Vendor::Cboe],
        per_address_per_sec: BTreeMap::new(),
        canary: None,
    };
    let endpoints = Arc::new(MemoryEndpoints::default());
    let endpoint = |n: u32| GatewayEndpoint {
        name: format!("region-{n}"),
        base_url: format!("{url}/v1"),
        api_key: GatewayKey::new("k3y".to_owned()),
    };
    endpoints.tell("wire", (0..20).map(endpoint).collect());
    let direct = Egress::direct(Identity::new(&crate::identity::default_identity()).unwrap());
    let fetcher = Fetcher {
        clients: Clients::new(tls).unwrap(),
        egress: direct.through(plan, BTreeMap::new(), Persona::Drawn, endpoints, Duration::ZERO),
        pacers: BTreeMap::from([(Vendor::Cboe, Pacer::unlimited(Vendor::Cboe))]),
        policy: RetryPolicy::new(&LIMITS),
        timeout: Duration::from_secs(10),
    };
    let base = "https://cdn.cboe.com".to_owned();
    for n in 0..40 {
        let kind = if n < 20 { RequestKind::Document } else { RequestKind::Data { origin: "https://www.cboe.com" } };
        let ask = Ask {
            host: Host { vendor: Vendor::Cboe, key: "base", base: base.clone() },
            url: Url::parse(&format!("{base}/x.json?n={n}")).unwrap(),
            kind,
            cookie: Some(HeaderValue::from_static("A3=x")),
            authorization: None,
            expected: Expected::Body,
            purpose: Purpose::Data,
        };
        let read = |reply: crate::fetch::Reply| Ok(reply.body);
        assert_eq!(fetcher.get(&ask, &RequestTally::default(), read).await, Ok(b"{}".to_vec()));
    }
}

/// Names that HTTP itself wants, and that no vendor's mapping is about.
const HTTPS_OWN: [&str; 1] = ["host"];

fn check(recorded: &Recorded, version: Version) {
    let recorded = recorded.lock().unwrap();
    let mapped = mapped();
    assert_eq!(recorded.len(), 40);
    let mut all = BTreeSet::new();
    for (seen, names) in recorded.iter() {
        assert_eq!(*seen, version);
        all.extend(names.iter().cloned());
    }
    for name in &all {
        let known = mapped.contains(name) || HTTPS_OWN.contains(&name.as_str());
        assert!(known, "our client sends `{name}` over {version:?}, which the description does not map like this");
    }
    for name in ["x-api-key", "user-agent", "accept", "accept-encoding", "cookie", "sec-fetch-mode", "referer"] {
        assert!(all.contains(name), "{name} was not sent over {version:?}: {all:?}");
    }
}

#[tokio::test]
async fn over_http1_names_are_those_that_are_mapped() {
    let recorded = Recorded::default();
    let url = http1(Arc::clone(&recorded)).await;
    send(&url, &TlsSettings::default()).await;
    check(&recorded, Version::HTTP_11);
}

#[tokio::test]
async fn over_h2_names_are_those_that_are_mapped() {
    let (recorded, certificates) = (Recorded::default(), fleet_servers::Certificates::make());
    let url = h2(Arc::clone(&recorded), &certificates).await;
    send(&url, &TlsSettings { ca_file: Some(certificates.authority()) }).await;
    check(&recorded, Version::HTTP_2);
}

/// And what happens otherwise: a mapping in upper case does nothing, and the key goes on to the vendor.
#[tokio::test]
async fn a_mapping_in_another_case_does_nothing() {
    let route = Route::new("cboe.base", "http://127.0.0.1:1").unwrap();
    let body = openapi::body(&GatewaySpec::new(vec![route]).unwrap());
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = |openapi: String| {
        let keys = Arc::clone(&keys);
        async move {
            let vendor = crate::test_support::serve(axum::Router::new().fallback(
                move |headers: axum::http::HeaderMap| async move {
                    let all: Vec<String> =
                        headers.get_all("x-api-key").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
                    keys.lock().unwrap().push(all);
                    "{}"
                },
            ))
            .await;
            let openapi = openapi.replace("http://127.0.0.1:1", &vendor.url());
            let config = fleet_market::GatewayConfig {
                source: std::net::Ipv4Addr::new(127, 0, 0, 9),
                key: "k3y".to_owned(),
                openapi,
                limit_per_sec: None,
            };
            let gateway = fleet_market::serve_gateway(config).await.unwrap();
            send_one(&gateway.base_url()).await;
        }
    };
    let lower = body.as_str().to_owned();
    seen(lower.clone()).await;
    seen(lower.replace("request.header.x-api-key", "request.header.X-Api-Key")).await;
    assert_eq!(keys.lock().unwrap().as_slice(), [vec!["-".to_owned()], vec!["k3y".to_owned(), "-".to_owned()]]);
}

async fn send_one(base_url: &str) {
    let clients = Clients::new(&TlsSettings::default()).unwrap();
    let url = Url::parse(&format!("{base_url}/cboe.base/x")).unwrap();
    let answer = clients.client_for(&url).get(url.clone()).header(KEY_HEADER, "k3y").send().await.unwrap();
    assert!(answer.status().is_success());
}
