//! A simulated market for one test, on a free loopback port, and the raw bodies it serves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet_market::{MarketConfig, RunningMarket, serve};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A loopback answer takes longer only on a machine that is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A running market with its own runtime, so that tests can be plain functions.
#[derive(Debug)]
pub struct Market {
    runtime: Runtime,
    client: reqwest::Client,
    running: Option<RunningMarket>,
    url: String,
    log: Option<PathBuf>,
}

/// One line of the market's request log.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// When it came, in milliseconds of the wall clock.
    pub at_ms: i64,
    /// Its path with its query.
    pub path: String,
    /// What was answered.
    pub status: u64,
}

impl LoggedRequest {
    /// The first part of the path: `finviz`, `yahoo`, `yahoo-cookie`, `cboe` or `_market`.
    #[must_use]
    pub fn site(&self) -> &str {
        self.path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default()
    }

    /// The vendor whose budget it is counted against; `None` for the market's own pages.
    #[must_use]
    pub fn vendor(&self) -> Option<&str> {
        match self.site() {
            "yahoo" | "yahoo-cookie" => Some("yahoo"),
            site @ ("finviz" | "cboe" | "robinhood") => Some(site),
            _ => None,
        }
    }
}

/// A market of a seed with so many tickers.
#[must_use]
pub fn config(seed: u64, tickers: u32) -> MarketConfig {
    MarketConfig { seed, tickers, ..MarketConfig::default() }
}

impl Market {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(config: MarketConfig) -> Self {
        fleet_scraper::install_crypto_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let log = config.log.clone();
        let running = runtime.block_on(serve(config)).unwrap_or_else(|why| panic!("the market did not start: {why}"));
        let url = running.url();
        let client =
            reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build().expect("a plain client can be built");
        Self { runtime, client, running: Some(running), url, log }
    }

    /// Starts it with a request log in a directory.
    #[must_use]
    pub fn logged(config: MarketConfig, directory: &Path) -> Self {
        Self::start(MarketConfig { log: Some(directory.join("requests.jsonl")), ..config })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Status and body of a page, `path` with its leading slash.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let request = self.client.get(format!("{}{path}", self.url)).header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        );
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap_or_else(|why| panic!("no answer to {path}: {why}"));
            let status = answer.status().as_u16();
            let body = answer.bytes().await.unwrap_or_else(|why| panic!("half an answer to {path}: {why}"));
            (status, body.to_vec())
        })
    }

    /// A page's JSON.
    ///
    /// # Panics
    /// When the answer is not 200 with JSON.
    #[must_use]
    pub fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}");
        serde_json::from_slice(&body).unwrap_or_else(|why| panic!("{path} is not JSON: {why}"))
    }

    /// What the market says of itself.
    #[must_use]
    pub fn about(&self) -> Value {
        self.json("/_market")
    }

    /// Moves its clock.
    ///
    /// # Panics
    /// When it refuses.
    pub fn advance(&self, sessions: u32, minutes: u32) -> Value {
        let url = format!("{}/_market/advance?sessions={sessions}&minutes={minutes}", self.url);
        self.runtime.block_on(async {
            let answer = self.client.post(url).send().await.expect("the market answers");
            assert_eq!(answer.status().as_u16(), 200, "the market's clock was not moved");
            let body = answer.bytes().await.expect("the market answers in full");
            serde_json::from_slice(&body).expect("the market answers with JSON")
        })
    }

    /// Requests it served, by its own count.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.running.as_ref().map_or(0, RunningMarket::requests)
    }

    /// Its request log so far: requests to vendors only.
    ///
    /// # Panics
    /// When it was started without one, or a line of it cannot be read.
    #[must_use]
    pub fn log(&self) -> Vec<LoggedRequest> {
        let path = self.log.as_ref().expect("the market was started with a log");
        read_log(path).into_iter().filter(|request| request.vendor().is_some()).collect()
    }
}

/// Reads a market's request log.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn read_log(path: &Path) -> Vec<LoggedRequest> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()));
    let parse = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("bad log line {line}: {why}"));
        let time = line["time"].as_str().unwrap_or_else(|| panic!("no time in {line}"));
        let at: jiff::Timestamp = time.parse().unwrap_or_else(|why| panic!("bad time in {line}: {why}"));
        let path = line["path"].as_str().unwrap_or_else(|| panic!("no path in {line}")).to_owned();
        let status = line["status"].as_u64().unwrap_or_else(|| panic!("no status in {line}"));
        LoggedRequest { at_ms: at.as_millisecond(), path, status }
    };
    text.lines().map(parse).collect()
}

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}
