//! A loopback server that serves bodies a test hands it under the paths of a simulated market, as of an instant the
//! test names. Everything else is answered as the vendor answers an unknown symbol.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const UNKNOWN_SYMBOL: &[u8] = br#"{"finance":{"result":null,"error":{"code":"Not Found"}}}"#;

/// What is served where: an exact path with its query, or a path for every query. The longer one wins.
pub type Pages = BTreeMap<String, Page>;

/// One answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its content type.
    pub content_type: &'static str,
    /// Its body, as it is sent.
    pub body: Vec<u8>,
    /// Its content encoding, where it has one.
    pub encoding: Option<&'static str>,
}

impl Page {
    /// A JSON body with status 200.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: "application/json", body: body.into(), encoding: None }
    }

    /// A body of so many blanks, gzipped to about a thousandth of it.
    ///
    /// # Panics
    /// Never: memory can be written to.
    #[must_use]
    pub fn gzip_bomb(bytes: usize) -> Self {
        const BLOCK: usize = 1 << 20;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..bytes.div_ceil(BLOCK) {
            packer.write_all(&[b' '; BLOCK]).expect("memory can be written to");
        }
        let body = packer.finish().expect("memory can be written to");
        Self { encoding: Some("gzip"), ..Self::json(body) }
    }
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct RecordedMarket {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

struct Shared {
    pages: Pages,
    about: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl RecordedMarket {
    /// Serves the pages; its `GET /_market` says that it is `now`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(now: Timestamp, pages: Pages) -> Self {
        let session = fleet_core::domain::calendar::session_date(now);
        let about = serde_json::json!({
            "now": now.to_string(), "seed": 0, "tickers": 1, "session": session.to_string(), "filter": "", "faults": false,
        });
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared { pages, about: about.to_string(), asked: asked.clone() });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a loopback port can be had");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let (stop, stopped) = oneshot::channel();
        let router = axum::Router::new().fallback(answer).with_state(shared);
        runtime.spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served.expect("the recorded market serves"),
                _ = stopped => {}
            }
        });
        Self { url, asked, stop: Some(stop), runtime: Some(runtime) }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every path asked for so far, with its query, in order; its own pages left out.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Drop for RecordedMarket {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself, which is as good.
            let _ = stop.send(());
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/_market" {
        return page(Page::json(shared.about.clone()));
    }
    let whole = request.uri().query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    shared.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(whole.clone());
    let dated = request.uri().query().and_then(|query| query.split('&').find(|pair| pair.starts_with("date=")));
    let dated = dated.map(|pair| format!("{path}?{pair}"));
    let keys = [Some(whole), dated.clone(), dated.is_none().then(|| path.clone())];
    match keys.into_iter().flatten().find_map(|key| shared.pages.get(&key)) {
        Some(found) => page(found.clone()),
        None => page(Page { status: 404, ..Page::json(UNKNOWN_SYMBOL) }),
    }
}

fn page(page: Page) -> Response {
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, page.content_type)], page.body).into_response();
    if let Some(encoding) = page.encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}
