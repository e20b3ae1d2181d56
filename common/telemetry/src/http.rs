//! Health and metrics over HTTP, for whoever asked for an address: `/livez`, `/readyz`, `/metrics`, nothing else.
//!
//! Promises: a watcher that misbehaves costs nothing but itself. Limits: 16 connections at once (further ones wait in
//! the system's own queue), one request each, 5 s for its head and 10 s in all, 8 KiB of head; bodies are not read. Refuses
//! secrets: there are none on these pages, and there is no authentication either, so the address belongs to the machine
//! or to a private network (`127.0.0.1:9600` unless there is a reason).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::health::Health;
use crate::metrics::{CONTENT_TYPE, Metrics};

/// A watcher asks every few seconds; a handful of them may watch.
const CONNECTIONS: usize = 16;
/// A request's head, from a machine near by.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Request and answer together.
const ALL_WITHIN: Duration = Duration::from_secs(10);
/// The least hyper allows; a watcher's head is a few hundred bytes.
const HEAD_BYTES: usize = 8 * 1024;
/// Rest after a connection could not be taken (no more files, most often).
const ACCEPT_REST: Duration = Duration::from_millis(200);
/// Plain text pages.
const TEXT: &str = "text/plain; charset=utf-8";

/// A server at work. Dropping it leaves it running until the process ends.
#[derive(Debug)]
pub struct Served {
    /// Where it listens; the port that was taken, where port 0 was asked for.
    pub addr: SocketAddr,
    accepting: JoinHandle<Infallible>,
}

impl Served {
    /// Ends it, and every connection with it.
    pub async fn stop(self) {
        self.accepting.abort();
        // An aborted task ends at its next await; the connections are its own and end with it.
        let _ = self.accepting.await;
    }
}

/// Serves until it is stopped. An error means that the address cannot be had.
pub async fn serve(addr: SocketAddr, health: Health, metrics: Metrics) -> io::Result<Served> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let accepting = tokio::spawn(accept(listener, pages(health, metrics)));
    Ok(Served { addr, accepting })
}

fn pages(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(numbers))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n") })
        .with_state((health, metrics))
}

async fn livez(State((health, _)): State<(Health, Metrics)>) -> Response {
    page(health.dead().into_iter().collect(), "alive\n")
}

async fn readyz(State((health, _)): State<(Health, Metrics)>) -> Response {
    page(health.reasons(), "ready\n")
}

/// Fine when there is no reason against it; else 503 with the reasons, one a line.
fn page(reasons: Vec<String>, fine: &'static str) -> Response {
    let kind = [(header::CONTENT_TYPE, TEXT)];
    if reasons.is_empty() {
        return (kind, fine).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, kind, reasons.join("\n") + "\n").into_response()
}

async fn numbers(State((_, metrics)): State<(Health, Metrics)>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.text()).into_response()
}

async fn accept(listener: TcpListener, pages: Router) -> Infallible {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { continue };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let pages = pages.clone();
                connections.spawn(async move {
                    connection(stream, pages).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "watcher's connection not taken");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, pages: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    match tokio::time::timeout(ALL_WITHIN, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "watcher's connection broke"),
        Err(_) => tracing::debug!(limit_secs = ALL_WITHIN.as_secs(), "watcher's connection took too long"),
    }
}
