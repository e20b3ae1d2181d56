//! Against a real server on loopback: what each answer becomes, what is counted, what is bounded.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use axum::routing::get;

use super::*;
use crate::client::TlsSettings;
use crate::identity::{Identity, default_identity};
use crate::test_support::{MemoryBudgets, serve, serve_raw};

const LIMITS: fleet_core::domain::DeliveryLimits = fleet_core::domain::DeliveryLimits {
    timeout_secs: 120,
    max_attempts: 5,
    request_timeout_secs: 10,
    request_tries: 3,
    max_retry_after_secs: 5,
};

fn fetcher(pacer: Pacer, timeout: Duration) -> Fetcher {
    Fetcher {
        clients: Clients::new(&TlsSettings::default()).unwrap(),
        egress: Egress::direct(Identity::new(&default_identity()).unwrap()),
        pacers: BTreeMap::from([(Vendor::Cboe, pacer)]),
        policy: RetryPolicy::new(&LIMITS),
        timeout,
    }
}

fn quick() -> Fetcher {
    fetcher(Pacer::unlimited(Vendor::Cboe), Duration::from_secs(10))
}

fn ask(url: &str) -> Ask {
    Ask {
        host: Host { vendor: Vendor::Cboe, key: "base", base: url.to_owned() },
        url: Url::parse(url).unwrap(),
        kind: RequestKind::Document,
        cookie: None,
        authorization: None,
        expected: Expected::Body,
        purpose: Purpose::Data,
    }
}

/// Asks once more than a caller would: what came, and how many requests were counted.
async fn fetched(fetcher: &Fetcher, url: &str) -> (Result<Vec<u8>, FetchFailure>, u32) {
    let tally = RequestTally::default();
    let answer = fetcher.get(&ask(url), &tally, |reply| Ok(reply.body)).await;
    (answer, tally.counts().total())
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One status for ever: the failure's word, and the tries it took.
async fn check_status(status: u16, headers: &'static [(&str, &str)], body: &'static str, word: &str, tries: u32) {
    let server = serve(Router::new().route("/", get(move || async move { answer(status, headers, body) }))).await;
    let (got, counted) = fetched(&quick(), &server.url()).await;
    assert_eq!(got.unwrap_err().word(), word, "status {status}");
    assert_eq!(counted, tries, "status {status}");
    assert_eq!(server.requests().len() as u32, counted, "the count is what the server saw");
}

#[tokio::test]
async fn answers_become_failures_and_only_passing_ones_are_tried_again() {
    tokio::join!(
        check_status(404, &[], "{}", "not_found", 1),
        check_status(403, &[], "no", "blocked", 1),
        check_status(401, &[], "", "unauthorized", 1),
        check_status(418, &[], "", "unexpected_status", 1),
        check_status(500, &[], "oops", "server_error", 3),
        check_status(429, &[("retry-after", "0")], "Too Many Requests\r\n", "throttled", 3),
        check_status(429, &[("retry-after", "6")], "", "throttled", 1),
        check_status(200, &[("retry-after", "0")], "Too many requests.", "throttled", 3),
        check_status(200, &[], "<html><title>Just a moment...</title></html>", "blocked", 1),
        check_status(302, &[("location", "https://guce.yahoo.com/consent?x=1")], "", "consent", 1),
        check_status(302, &[("location", "http://127.0.0.2/")], "", "malformed", 1),
        check_status(302, &[("location", "/")], "", "malformed", MAX_REDIRECTS + 1),
    );
}

#[tokio::test]
async fn a_server_that_recovers_is_answered() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let handler = move || {
        let count = count.clone();
        async move {
            if count.fetch_add(1, Ordering::Relaxed) < 2 { answer(500, &[], "") } else { answer(200, &[], "fine") }
        }
    };
    let server = serve(Router::new().route("/", get(handler))).await;
    assert_eq!(fetched(&quick(), &server.url()).await, (Ok(b"fine".to_vec()), 3));
}

#[tokio::test]
async fn the_tally_says_how_the_last_request_failed_while_the_next_try_is_waited_for() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let handler = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if first { answer(429, &[("retry-after", "1")], "") } else { answer(200, &[], "fine") } }
    };
    let server = serve(Router::new().route("/", get(handler))).await;
    let (fetcher, tally, url) = (quick(), RequestTally::default(), server.url());
    let ask = ask(&url);
    let mut call = Box::pin(fetcher.get(&ask, &tally, |reply| Ok(reply.body)));
    let failure = loop {
        tokio::select! {
            answer = &mut call => panic!("{answer:?} before the wait was seen"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        if let Some(failure) = tally.last_failure() {
            break failure;
        }
    };
    assert_eq!(failure, (Vendor::Cboe, FetchFailure::Throttled { retry_after: Some(Duration::from_secs(1)) }));
    assert_eq!(call.await, Ok(b"fine".to_vec()));
    assert_eq!(tally.last_failure(), None);
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_and_counted() {
    let router = Router::new()
        .route("/old", get(|| async { answer(301, &[("location", "/new?a=1")], "") }))
        .route("/new", get(|| async { "here" }));
    let server = serve(router).await;
    assert_eq!(fetched(&quick(), &format!("{}/old", server.url())).await, (Ok(b"here".to_vec()), 2));
    assert_eq!(server.requests(), ["/old", "/new?a=1"]);
}

#[tokio::test]
async fn a_compressed_body_is_decoded_and_a_bomb_is_cut_off() {
    let (small, bomb) = (Bytes::from(gzip(b"hello")), Bytes::from(gzip(&vec![0; 200_000_000])));
    assert!(bomb.len() < 250_000, "the bomb is small on the wire");
    let zipped = |bytes: Bytes| move || async move { answer(200, &[("content-encoding", "gzip")], bytes) };
    let server = serve(Router::new().route("/small", get(zipped(small))).route("/bomb", get(zipped(bomb)))).await;
    assert_eq!(fetched(&quick(), &format!("{}/small", server.url())).await.0, Ok(b"hello".to_vec()));
    let (got, counted) = fetched(&quick(), &format!("{}/bomb", server.url())).await;
    assert_eq!((got, counted), (Err(FetchFailure::TooLarge { limit_bytes: BODY_LIMIT }), 1));
}

#[tokio::test]
async fn a_body_too_large_by_its_own_word_is_not_read() {
    let (url, server) = serve_raw(vec![b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec()]).await;
    let (got, _) = fetched(&quick(), &url).await;
    assert_eq!(got, Err(FetchFailure::TooLarge { limit_bytes: BODY_LIMIT }));
    assert_eq!(server.await.unwrap(), 1);
}

#[tokio::test]
async fn damaged_or_unknown_encodings_are_malformed() {
    let router = Router::new()
        .route("/bad", get(|| async { answer(200, &[("content-encoding", "gzip")], "not gzip at all") }))
        .route("/odd", get(|| async { answer(200, &[("content-encoding", "compress")], "x") }));
    let server = serve(router).await;
    for path in ["bad", "odd"] {
        let (got, _) = fetched(&quick(), &format!("{}/{path}", server.url())).await;
        assert_eq!(got.unwrap_err().word(), "malformed", "{path}");
    }
}

#[tokio::test]
async fn a_slow_body_is_timed_out_as_a_whole() {
    let drip = || async {
        // A byte every 50 ms for ever: each read succeeds, the answer never ends.
        let body = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        Response::new(Body::from_stream(body))
    };
    let server = serve(Router::new().route("/", get(drip))).await;
    let limit = Duration::from_millis(200);
    let (got, counted) = fetched(&fetcher(Pacer::unlimited(Vendor::Cboe), limit), &server.url()).await;
    assert_eq!((got, counted), (Err(FetchFailure::Timeout(limit)), 3));
}

#[tokio::test]
async fn network_failures_have_plain_reasons() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    let (url, server) = serve_raw(vec![cut.clone(), cut.clone(), cut]).await;
    let (got, counted) = fetched(&quick(), &url).await;
    let cut = FetchFailure::Network("connection closed before the answer was complete".to_owned());
    assert_eq!((got, counted), (Err(cut.clone()), 3));
    assert_eq!(server.await.unwrap(), 3);
    // Nobody listens there any more.
    let (got, counted) = fetched(&quick(), &url).await;
    assert_eq!((got, counted), (Err(FetchFailure::Network("connection refused".to_owned())), 3));

    let mut zipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\n".to_vec();
    zipped.extend_from_slice(&gzip(&vec![7; 5000])[..20]);
    let (url, _server) = serve_raw(vec![zipped.clone(), zipped.clone(), zipped]).await;
    assert_eq!(fetched(&quick(), &url).await.0, Err(cut), "a cut inside a compressed body is a cut");
}

#[tokio::test]
async fn what_a_vendor_says_reaches_the_store_first() {
    let server = serve(Router::new().route("/", get(|| async { answer(429, &[("retry-after", "4000")], "") }))).await;
    let budgets = Arc::new(MemoryBudgets::default());
    let pacer = Pacer::new(Vendor::Cboe, 100.0, budgets.clone(), Duration::from_secs(5)).unwrap();
    let fetcher = fetcher(pacer, Duration::from_secs(10));
    let wait = FetchFailure::Throttled { retry_after: Some(Duration::from_secs(4000)) };
    assert_eq!(fetched(&fetcher, &server.url()).await, (Err(wait), 1));
    assert_eq!(budgets.blocks(), [(Vendor::Cboe, Duration::from_secs(3600))], "at most an hour");
    // Nobody sends now, and the refusal by the budget is not written as if the vendor had said it again.
    let (got, counted) = fetched(&fetcher, &server.url()).await;
    assert_eq!((got.unwrap_err().word(), counted), ("throttled", 0));
    assert_eq!((budgets.blocks().len(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let handler = move || {
        let count = count.clone();
        async move {
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            if first { answer(429, &[("retry-after", "1")], "") } else { answer(200, &[], "fine") }
        }
    };
    let server = serve(Router::new().route("/", get(handler))).await;
    let started = std::time::Instant::now();
    assert_eq!(fetched(&quick(), &server.url()).await, (Ok(b"fine".to_vec()), 2));
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_parser_that_reads_slow_down_blocks_too() {
    let server = serve(Router::new().route("/", get(|| async { "{}" }))).await;
    let budgets = Arc::new(MemoryBudgets::default());
    let pacer = Pacer::new(Vendor::Cboe, 100.0, budgets.clone(), Duration::from_secs(5)).unwrap();
    let tally = RequestTally::default();
    let retry_after = Some(Duration::from_secs(6));
    let got: Result<(), _> = fetcher(pacer, Duration::from_secs(10))
        .get(&ask(&server.url()), &tally, |_| Err(FetchFailure::Throttled { retry_after }))
        .await;
    assert_eq!(got, Err(FetchFailure::Throttled { retry_after }));
    assert_eq!(budgets.blocks(), [(Vendor::Cboe, Duration::from_secs(6))]);
}

#[tokio::test]
async fn requests_are_gets_with_the_identity() {
    let echo = |method: axum::http::Method, headers: HeaderMap| async move {
        let names: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        format!("{method}\n{}", names.join("\n"))
    };
    let server = serve(Router::new().route("/", get(echo))).await;
    let body = String::from_utf8(fetched(&quick(), &server.url()).await.0.unwrap()).unwrap();
    assert!(body.starts_with("GET\n"), "{body}");
    for (name, value) in default_identity() {
        assert!(body.contains(&format!("\n{name}: {value}")), "{name} is not in {body}");
    }
    assert!(!body.contains("cookie:") && !body.contains("referer:"), "{body}");
}

/// An HTTPS server of an authority nobody knows; answers so many connections.
fn serve_tls(connections: usize) -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let certificate = CertificateDer::from_pem_slice(include_bytes!("../../tests/tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/tls/server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming().take(connections) {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket.unwrap());
            // A client that does not trust us hangs up here.
            if std::io::Read::read(&mut stream, &mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
            }
        }
    });
    url
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_its_file_is_named() {
    let url = serve_tls(4);
    let ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem").into());
    let trusting = Fetcher { clients: Clients::new(&TlsSettings { ca_file }).unwrap(), ..quick() };
    assert_eq!(fetched(&trusting, &url).await, (Ok(b"hello".to_vec()), 1));
    let failure = fetched(&quick(), &url).await.0.unwrap_err().to_string();
    assert_eq!(failure, "cannot be reached (invalid peer certificate: UnknownIssuer)");
}

/// Runs the tests above again in a process whose environment would break them, were it read.
#[test]
fn neither_proxies_nor_system_certificates_matter_on_loopback() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, "http://127.0.0.1:1");
    }
    child.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
    child.args(["--exact", "fetch::tests::a_redirect_on_the_same_host_is_followed_and_counted"]);
    child.arg("fetch::tests::an_authority_of_ones_own_is_trusted_when_its_file_is_named");
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("2 passed"), "{text}");
}
