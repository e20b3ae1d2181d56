//! The three pages, as a watcher sees them: over a socket of this machine.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fleet_telemetry::{Health, Served, WorkerMetrics, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct World {
    health: Health,
    metrics: WorkerMetrics,
    served: Served,
}

impl World {
    async fn new() -> Self {
        let (health, metrics) = (Health::new(), WorkerMetrics::default());
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let served = serve(anywhere, health.clone(), metrics.page()).await.expect("a free port");
        Self { health, metrics, served }
    }

    /// Status, head in lower case, body.
    async fn ask(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.served.addr).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }
}

#[tokio::test]
async fn readiness_says_why_not_a_reason_a_line() {
    let world = World::new().await;
    assert_eq!(world.get("/readyz").await.0, 200);
    world.health.expect("store", Duration::from_secs(15));
    world.health.hold("drain", "asked to stop");
    let (status, _, body) = world.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "drain: asked to stop\nstore: no success yet\n"));
    assert_eq!(world.get("/livez").await.0, 200, "who is not ready may live");
    world.health.lift("drain");
    world.health.succeeded("store");
    assert_eq!(world.get("/readyz").await.2, "ready\n");
}

#[tokio::test]
async fn a_dead_process_says_so() {
    let world = World::new().await;
    world.health.die("the disk is full");
    let (status, _, body) = world.get("/livez").await;
    assert_eq!((status, body.as_str()), (503, "the disk is full\n"));
    assert_eq!(world.get("/readyz").await.0, 503);
}

#[tokio::test]
async fn metrics_have_their_content_type() {
    let world = World::new().await;
    world.metrics.attempt();
    let (status, head, body) = world.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    assert!(body.contains("optionfleet_worker_attempts_total 1\n"), "{body}");
}

#[tokio::test]
async fn nothing_else_is_served() {
    let world = World::new().await;
    for path in ["/", "/metrics/x", "/healthz"] {
        assert_eq!(world.get(path).await.0, 404, "{path}");
    }
    let post = "POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n";
    assert_eq!(world.ask(post).await.0, 405, "a body is refused, not read");
    let long = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    assert_eq!(world.ask(&long).await.0, 431);
}

/// Sixteen connections that never say anything keep the seventeenth waiting for 5 s, not for ever.
#[tokio::test]
async fn silent_watchers_do_not_keep_others_out() {
    let world = World::new().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(world.served.addr).await.unwrap());
    }
    drop(silent.split_off(16));
    let began = Instant::now();
    assert_eq!(world.get("/livez").await.0, 200);
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let World { served, .. } = World::new().await;
    let addr = served.addr;
    served.stop().await;
    assert!(TcpStream::connect(addr).await.is_err());
}
