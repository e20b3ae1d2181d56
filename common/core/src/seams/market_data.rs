//! Market data: the universe, chains and bars of the outside world.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::{BarSeries, Chain, GatewayUse, Instrument, RequestCounts, Ticker, Vendor};

/// Counts the requests of one task, also those of calls that failed, and keeps what the last one came to: a call that is
/// cut off while it waits to try again cannot say so itself.
#[derive(Debug, Default)]
pub struct RequestTally(Mutex<Tallied>);

#[derive(Debug, Default)]
struct Tallied {
    counts: RequestCounts,
    failure: Option<(Vendor, FetchFailure)>,
    passes: Vec<GatewayPass>,
}

/// The way through a gateway that an answer came by. Canaries' are none: nobody uses what they bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPass {
    /// Who was asked.
    pub vendor: Vendor,
    /// By which gateway.
    pub gateway: String,
    /// When it was asked for, on the market's own clock.
    pub at: Duration,
}

/// What canaries have told of the ways that answers came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Each way was found good by a canary that left later, or none was through a gateway.
    Vouched,
    /// Nothing is known against them, and nothing for one of them yet.
    Open,
    /// One is in doubt, or its gateway is gone and nothing can be known of it any more.
    Never,
}

impl RequestTally {
    /// One request left (or is leaving) for a vendor.
    pub fn count(&self, vendor: Vendor) {
        self.lock().counts.add(vendor, 1);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.lock().counts.clone()
    }

    /// A request came to this; `None`: it was answered, or nothing was asked yet.
    pub fn note(&self, failure: Option<(Vendor, FetchFailure)>) {
        self.lock().failure = failure;
    }

    /// How the last request failed, unless it was answered.
    #[must_use]
    pub fn last_failure(&self) -> Option<(Vendor, FetchFailure)> {
        self.lock().failure.clone()
    }

    /// A gateway was used.
    pub fn used(&self, gateway: &str, used: &GatewayUse) {
        self.lock().counts.add_use(gateway, used);
    }

    /// An answer came through a gateway.
    pub fn passed(&self, pass: GatewayPass) {
        self.lock().passes.push(pass);
    }

    /// The ways by which what this attempt uses came.
    #[must_use]
    pub fn passes(&self) -> Vec<GatewayPass> {
        self.lock().passes.clone()
    }

    /// A new attempt begins: of what earlier ones fetched it names itself what it uses. Their requests still count.
    pub fn begin_attempt(&self) {
        self.lock().passes.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tallied> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What is wanted of a chain, for vendors that serve it by expiration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRequest {
    /// The instant the analysis pretends to be at; `None`: now.
    pub as_of: Option<Timestamp>,
    /// Expirations from so many to so many calendar days away are wanted.
    pub dte_window: (i32, i32),
    /// Expirations wanted all the same (open trades).
    pub also: BTreeSet<Date>,
}

/// The universe as a screener gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniverseAnswer {
    /// In the screener's order, no ticker twice.
    pub tickers: Vec<Ticker>,
    /// The screener's own count of rows.
    pub total: u32,
    /// Pages read.
    pub pages: u32,
    /// Rows whose code is not a ticker we can scan (units, warrants), as written.
    pub left_out: Vec<String>,
}

/// Fetches market data.
#[async_trait]
pub trait MarketData: Send + Sync {
    /// All pages of a screener filter.
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError>;

    /// The chain of one underlying and when it arrived. A symbol without options is a chain without contracts.
    async fn chain(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError>;

    /// Daily bars of an underlying or a contract from a date (included) up to `until` (exclusive). A contract that never
    /// traded has an empty series.
    async fn bars(
        &self,
        instrument: &Instrument,
        from: Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError>;

    /// Why what this attempt's requests brought is not to be used after all; `None`: nothing is known against it. Asked last,
    /// before a commit.
    fn doubt(&self, _tally: &RequestTally) -> Option<FetchError> {
        None
    }

    /// Whether what came by these ways may be kept for others to use.
    fn trust(&self, _passes: &[GatewayPass]) -> Trust {
        Trust::Vouched
    }
}

/// A request that did not give an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{vendor} {what}: {failure}")]
pub struct FetchError {
    /// Who.
    pub vendor: Vendor,
    /// The act and its object, e.g. `chain of AAPL`.
    pub what: String,
    /// How it failed.
    pub failure: FetchFailure,
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    /// No connection, reset, name not found.
    #[error("cannot be reached ({0})")]
    Network(String),
    /// No whole answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The vendor asked us to slow down (429, or its text with another status).
    #[error("the vendor asks us to slow down{}", retry_text(.retry_after))]
    Throttled {
        /// What Retry-After said.
        retry_after: Option<Duration>,
    },
    /// A challenge or block page, or 403.
    #[error("the vendor refuses us: {0}")]
    Blocked(String),
    /// The vendor wants consent to cookies first.
    #[error("the vendor wants consent to its cookies; open its site in a browser from this address once")]
    Consent,
    /// Credentials or handshake were refused, after a fresh handshake too.
    #[error("the vendor refuses our session: {0}")]
    Unauthorized(String),
    /// 404, or the vendor's "unknown symbol".
    #[error("not known to the vendor")]
    NotFound,
    /// 5xx.
    #[error("the vendor's server failed with status {0}")]
    Server(u16),
    /// A status we have no rule for.
    #[error("unexpected status {0}")]
    Status(u16),
    /// A body that is not what the vendor's format says.
    #[error("the answer is not understood: {0}")]
    Malformed(String),
    /// More bytes than we accept.
    #[error("the answer is larger than {} MB", .limit_bytes / 1_000_000)]
    TooLarge {
        /// The limit after decompression.
        limit_bytes: u64,
    },
    /// The vendor answered with an error of its own.
    #[error("the vendor says {code}: {description}")]
    VendorError {
        /// Its code.
        code: String,
        /// Its words.
        description: String,
    },
    /// The answer is about something else.
    #[error("asked for {asked}, the answer is about {got}")]
    WrongSymbol {
        /// What was asked.
        asked: String,
        /// What came.
        got: String,
    },
    /// The budget in the store could not be drawn from.
    #[error("the request budget is unavailable: {0}")]
    Budget(String),
    /// No gateway can be used; the vendor is never asked from this machine instead.
    #[error("no gateway can be used: {0}")]
    Gateway(String),
    /// What came over a gateway is not believed: a canary over the same gateway was stale or incomplete.
    #[error("the answer is not believed: {0}")]
    Stale(String),
}

fn retry_text(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!(" for {} s", wait.as_secs()))
}

impl FetchFailure {
    /// Stable word for outcomes, logs and JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Timeout(_) => "timeout",
            Self::Throttled { .. } => "throttled",
            Self::Blocked(_) => "blocked",
            Self::Consent => "consent",
            Self::Unauthorized(_) => "unauthorized",
            Self::NotFound => "not_found",
            Self::Server(_) => "server_error",
            Self::Status(_) => "unexpected_status",
            Self::Malformed(_) => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::VendorError { .. } => "vendor_error",
            Self::WrongSymbol { .. } => "wrong_symbol",
            Self::Budget(_) => "budget",
            Self::Gateway(_) => "gateway",
            Self::Stale(_) => "stale",
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Network(_)
            | Self::Timeout(_)
            | Self::Throttled { .. }
            | Self::Server(_)
            | Self::Budget(_)
            | Self::Gateway(_)
            | Self::Stale(_) => true,
            Self::Blocked(_)
            | Self::Consent
            | Self::Unauthorized(_)
            | Self::NotFound
            | Self::Status(_)
            | Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::VendorError { .. }
            | Self::WrongSymbol { .. } => false,
        }
    }
}
