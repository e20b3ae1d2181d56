//! What this crate's tests share: budgets in memory, a scripted loopback server, a plan over it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, BudgetStand, Budgets, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

#[derive(Default)]
struct VendorState {
    /// When the next permit is due.
    due: Option<Instant>,
    /// Nobody draws before.
    blocked: Option<Instant>,
}

/// Real budgets, in memory, on tokio's clock: GCRA without burst, 0.3 s of every 10 s left free, as the stores do it.
#[derive(Default)]
pub(crate) struct MemoryBudgets {
    state: Mutex<BTreeMap<Vendor, VendorState>>,
    draws: AtomicU32,
    blocks: Mutex<Vec<(Vendor, Duration)>>,
}

impl MemoryBudgets {
    /// Draws so far.
    pub(crate) fn draws(&self) -> u32 {
        self.draws.load(Ordering::Relaxed)
    }

    /// Blocks so far.
    pub(crate) fn blocks(&self) -> Vec<(Vendor, Duration)> {
        self.blocks.lock().unwrap().clone()
    }
}

#[async_trait]
impl Budgets for MemoryBudgets {
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Result<BudgetAnswer, StoreError> {
        self.draws.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut state = self.state.lock().unwrap();
        let VendorState { due, blocked } = state.entry(vendor).or_default();
        if let Some(until) = *blocked
            && until > now
        {
            return Ok(BudgetAnswer::Blocked { retry_in: until - now });
        }
        let spacing = Duration::from_secs_f64(10.3 / (per_sec * 10.0).floor());
        let start = due.unwrap_or(now).max(now);
        let second = Duration::from_secs(1).max(spacing);
        if start - now > second {
            return Ok(BudgetAnswer::Blocked { retry_in: start - now - second });
        }
        let permits = want.min(per_sec as u32).max(1);
        *due = Some(start + spacing * permits);
        Ok(BudgetAnswer::Granted { permits, start_in: start - now, spacing })
    }

    async fn budget_stands(&self) -> Result<Vec<BudgetStand>, StoreError> {
        let (now, state) = (Instant::now(), self.state.lock().unwrap());
        let left = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let stands = state.iter().map(|(vendor, VendorState { due, blocked })| BudgetStand {
            vendor: *vendor,
            next_in: left(*due),
            blocked_for: left(*blocked),
        });
        Ok(stands.collect())
    }

    async fn block(&self, vendor: Vendor, wait: Duration) -> Result<(), StoreError> {
        self.blocks.lock().unwrap().push((vendor, wait));
        let until = Instant::now() + wait;
        let mut state = self.state.lock().unwrap();
        let blocked = &mut state.entry(vendor).or_default().blocked;
        *blocked = Some(blocked.map_or(until, |earlier| earlier.max(until)));
        Ok(())
    }
}

/// A loopback server that counts what it is asked.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Its URL, without a slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Path and query of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a router on a free port of this machine until the server is dropped.
pub(crate) async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = requests.clone();
    let router = router.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        log.lock().unwrap().push(request.uri().to_string());
        next.run(request)
    }));
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { address, requests, task }
}

/// Serves raw bytes, one connection each, whatever is asked; for answers no HTTP library would write.
pub(crate) async fn serve_raw(answers: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut served = 0;
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await.unwrap();
            socket.write_all(&answer).await.unwrap();
            served += 1;
        }
        served
    });
    (url, task)
}
