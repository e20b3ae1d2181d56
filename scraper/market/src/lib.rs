//! The simulated market: the vendors' formats and manners over loopback HTTP, seeded.
//!
//! It exists so that the whole program can be run, shown and tested without a network. It promises: everything it serves
//! is a function of (seed, ticker, the market's own instant), so the same seed gives the same bytes; the bodies have the
//! shape, the delays and the traps of the real ones (CBOE fifteen minutes behind, Yahoo's chains thirty, its handshake,
//! its 32-bit floats, Finviz's pages); and what lies after the clock is already decided, so that advancing it reveals
//! one future (only the refusals of FLAP, LIMIT and the rate limit count requests). It refuses: more than 2,000 tickers, a clock more than 30 sessions ahead, any method but GET at a vendor.
//!
//! | Path | Stands for |
//! |---|---|
//! | `/finviz/screener.ashx`, `/finviz/screener` | <https://finviz.com> |
//! | `/cboe/api/global/delayed_quotes/options/SYM.json` | <https://cdn.cboe.com> |
//! | `/yahoo/v7/finance/options/SYM`, `/yahoo/v8/finance/chart/SYM`, `/yahoo/v1/test/getcrumb` | Yahoo's query host |
//! | `/yahoo-cookie/` | Yahoo's cookie host |
//! | `/robinhood/instruments/`, `…/options/chains/`, `…/options/instruments/`, `…/marketdata/…` | Robinhood's API, with the token [`ROBINHOOD_TOKEN`] |
//! | `GET /_market` | the clock, the seed, who is planted, requests by vendor |
//! | `POST /_market/advance?sessions=N&minutes=M` | moves the clock: to the same time N sessions on, and M minutes more |
//! | `POST /_market/spoil?address=A&what=W&after=N` | after N more requests, an address gets old data (`frozen`), chains without open interest (`no_interest`) or half of each screener page (`half_pages`) |
//!
//! [`serve_gateway`] is a gateway's data plane in front of it, with an address of its own on this machine.
//!
//! The clock starts at 10:30 New York on 2026-11-20, whatever the seed.
//!
//! **Planted**: one ticker in ten (the list `planted` of `GET /_market`) has fallen for six sessions inside an uptrend
//! and turned up in the last one, and its options are liquid. Nothing about the strategy is bent: it finds calls that
//! meet its rule.
//!
//! **Quarters**: companies report, and those with a yield go ex-dividend, every 63 sessions, each on days of its own. Yahoo
//! tells it; prices know nothing of it.
//!
//! **Faulty tickers** (`faults`), added to the ordinary ones. The fault is in the chain request unless stated; where CBOE
//! has no chain Yahoo is asked, and finds the same.
//!
//! | Ticker | What is wrong |
//! |---|---|
//! | `OKAY` | nothing; planted |
//! | `EMPTY` | no options: an empty list from CBOE, empty arrays from Yahoo |
//! | `WIDE` | every spread is 40 % of the mid |
//! | `CROSS` | every bid is above its ask |
//! | `BRK.B` | nothing; a share class, root `BRKB` |
//! | `DUPE` | every tenth contract is in the list twice, the second time with another bid |
//! | `FLAP` | 500, 500, 200, and again |
//! | `SOFT` | the rate limit's text with status 200, always |
//! | `LIMIT` | 429 with `Retry-After: 1` twice, then ordinary |
//! | `CUT` | valid headers, a body of 60 % of its bytes |
//! | `GONE` | 404 from CBOE and from Yahoo, bars too |
//! | `HUGE` | 10,000 contracts |
//! | `YOUNG` | listed 40 sessions ago; planted, so that nothing but its age is wrong |
//! | `HALT` | halted yesterday at 11:00; quotes and trades stand still |
//! | `NEGTV` | every fourth contract has a bid of −1, an ask of 10¹² or no ask at all |
//! | `SHAPE` | the JSON has been rearranged |
//! | `HTML` | a web page with status 200 |
//! | `BLOCK` | 403 with a challenge page |
//! | `SPLIT` | a 4:1 split 30 sessions ago, in the bars' events; some contracts also under the adjusted root `SPLIT1`; planted |
//! | `SLOW` | answers after two seconds |
//! | `EXPIR` | every contract expires today |
//! | `STALE` | everything is yesterday's, its times too, without an error |

mod cboe;
mod chart;
mod connections;
mod contracts;
mod draw;
mod faults;
mod finviz;
mod gateway;
mod listing;
mod manners;
mod path;
#[cfg(test)]
mod planted_tests;
mod quarters;
mod quotes;
mod reply;
mod request_log;
mod robinhood;
mod server;
mod spoil;
mod theory;
mod time;
mod world;
mod yahoo;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::listing::Faults;
use crate::server::{Market, Requests};

pub use crate::gateway::{GatewayConfig, GatewayError, RunningGateway, serve_gateway, serve_gateway_ready_after};
pub use crate::robinhood::TOKEN as ROBINHOOD_TOKEN;
pub use crate::spoil::Spoil;
pub use crate::time::{MAX_ADVANCE, start};

/// The largest market: twice the largest test four times over, and codes do not run out.
const MAX_TICKERS: u32 = 2000;
/// How long connections get to finish when the market stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What market to run.
#[derive(Debug, Clone)]
pub struct MarketConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides everything.
    pub seed: u64,
    /// Ordinary tickers, 1 to 2,000.
    pub tickers: u32,
    /// Whether the faulty tickers are added.
    pub faults: bool,
    /// Waited before each vendor's answer.
    pub latency: Duration,
    /// Requests a second allowed at each vendor, to each of what [`limit_by`](Self::limit_by) says; `None` for no limit.
    pub limit_per_sec: Option<f64>,
    /// Who is limited.
    pub limit_by: LimitBy,
    /// What an address that asks for more is told to wait (`Retry-After`, whole seconds; Yahoo tells none).
    pub retry_after: Duration,
    /// Where to write the request log, in JSON lines, appended.
    pub log: Option<PathBuf>,
}

/// Whom a vendor's limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitBy {
    /// Each address has its own, a second's worth at once.
    Address,
    /// Each address has its own, and so many at once.
    AddressAtOnce(u32),
    /// All addresses together have one, as those of one account.
    Account,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            tickers: 60,
            faults: false,
            latency: Duration::ZERO,
            limit_per_sec: None,
            limit_by: LimitBy::Address,
            retry_after: Duration::from_secs(1),
            log: None,
        }
    }
}

/// Why a market does not run.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The port is taken.
    #[error("{0} is in use by another program; give --listen another port, or port 0 for a free one")]
    AddressInUse(SocketAddr),
    /// Any other trouble with the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The request log.
    #[error("cannot open the request log {}", .path.display())]
    Log {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A setting out of range.
    #[error("{0}")]
    Setting(String),
}

/// A market that is being served. Dropping it stops it, without waiting.
#[derive(Debug)]
pub struct RunningMarket {
    address: SocketAddr,
    market: Arc<Market>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

/// Starts a market. It is ready when this returns.
pub async fn serve(config: MarketConfig) -> Result<RunningMarket, MarketError> {
    if !(1..=MAX_TICKERS).contains(&config.tickers) {
        let given = config.tickers;
        return Err(MarketError::Setting(format!("{given} tickers asked for; a market has 1 to {MAX_TICKERS}")));
    }
    if let Some(limit) = config.limit_per_sec
        && !(limit.is_finite() && (0.01..=100_000.0).contains(&limit))
    {
        return Err(MarketError::Setting(format!("a limit of {limit} a second; it must be 0.01 to 100000")));
    }
    if config.latency > Duration::from_secs(60) {
        let seconds = config.latency.as_secs();
        return Err(MarketError::Setting(format!("a latency of {seconds} s; it must be 60 s or less")));
    }
    let log = match &config.log {
        Some(path) => Some(
            request_log::RequestLog::open(path).map_err(|source| MarketError::Log { path: path.clone(), source })?,
        ),
        None => None,
    };
    let cannot = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => MarketError::AddressInUse(config.listen),
        _ => MarketError::Listen { address: config.listen, source },
    };
    let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let faults = if config.faults { Faults::Added } else { Faults::None };
    let market = Arc::new(Market {
        world: world::World::new(config.seed, config.tickers, faults),
        faults,
        now: Mutex::new(start()),
        latency: config.latency,
        limiter: config.limit_per_sec.map(|per_second| match config.limit_by {
            LimitBy::AddressAtOnce(at_once) => manners::Limiter::with_burst(per_second, at_once.into()),
            LimitBy::Address | LimitBy::Account => manners::Limiter::new(per_second),
        }),
        limit_by: config.limit_by,
        spoils: spoil::Spoils::default(),
        retry_after: config.retry_after,
        log,
        counts: manners::ChainCounts::default(),
        requests: Requests::default(),
    });
    let app = axum::Router::new().fallback(server::handle).with_state(Arc::clone(&market));
    let (stop, stopped) = oneshot::channel::<()>();
    let service = app.into_make_service_with_connect_info::<connections::Peer>();
    let server = tokio::spawn(async move {
        axum::serve(connections::Bounded::new(listener), service)
            .with_graceful_shutdown(async move {
                // A dropped sender stops the market too.
                let _ = stopped.await;
            })
            .await
    });
    tracing::info!(%address, seed = config.seed, tickers = config.tickers, "simulated market is served");
    Ok(RunningMarket { address, market, stop, server })
}

impl RunningMarket {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Vendor requests answered so far; the market's own endpoints do not count.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.market.requests.total()
    }

    /// After so many more requests to vendors, an address is served badly.
    pub fn spoil(&self, address: IpAddr, what: Spoil, after: u64) {
        self.market.spoils.add(address, what, after);
    }

    /// Stops listening and waits for answers under way, two seconds at most.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let abort = self.server.abort_handle();
        if tokio::time::timeout(STOP_WITHIN, self.server).await.is_err() {
            abort.abort();
        }
    }
}
