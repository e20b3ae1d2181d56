//! Every setting of the program: one typed tree with its defaults, resolved once at the start.
//!
//! Promise: defaults < file < environment < flags; every mistake of one run is reported together, with the line it
//! stands on; an unknown key is refused by name with the nearest known one. `deploy/config/optionfleet.toml` is the
//! reference, and a test holds it to [`Settings::default`].
//! Refused: reading configuration anywhere else in the program.

mod check;
mod describe;
mod gateways;
pub(crate) mod plan;
mod redact;
mod reference;
mod resolve;
mod tree;
mod values;

use serde::{Deserialize, Serialize};

use fleet_analysis::AnalysisConfig;

pub use check::is_loopback;
pub use describe::{Described, described};
pub use gateways::GatewaySettings;
pub use plan::{
    asks_robinhood, budget_per_sec, config_hash, delivery_limits, for_universe_of, manifest_template, through_gateways,
    vendor_ca_file, vendor_plan,
};
pub use redact::redacted;
pub use reference::reference;
pub use resolve::{EnvironmentVariable, FlagValue, Layers, Mistake, Mistakes, Origin, Resolved, resolve};
pub use values::{AutoMinutes, Rate};

/// The whole configuration. Tables of the file have the names of these fields; the analysis' tables (`gates`,
/// `rates`, `pricing`, `costs`, `coverage`, `strategies`, `ranking`, `metrics`,
/// `indicators`) stand beside them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `[scan]`
    pub scan: ScanSettings,
    /// `[store]`
    pub store: StoreSettings,
    /// `[queue]`
    pub queue: QueueSettings,
    /// `[vendors]`
    pub vendors: VendorSettings,
    /// `[bars]`
    pub bars: BarSettings,
    /// `[limits]`
    pub limits: LimitSettings,
    /// `[identity]`
    pub identity: IdentitySettings,
    /// `[tls]`
    pub tls: TlsSettings,
    /// `[caps]`
    pub caps: CapSettings,
    /// `[notify]`
    pub notify: NotifySettings,
    /// `[earnings]`
    pub earnings: EarningsSettings,
    /// `[holdings]`
    pub holdings: HoldingsSettings,
    /// `[gateways]`
    pub gateways: GatewaySettings,
    /// `[gates]`, `[rates]`, `[pricing]`, `[costs]`, `[coverage]`, `[strategies.*]`, `[ranking]`, `[metrics]`,
    /// `[indicators]`: tables of the same tree, read by their own crate.
    #[serde(skip)]
    pub analysis: AnalysisConfig,
}

/// What a scan covers and how long it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSettings {
    /// Finviz screener filter: the universe unless tickers are given.
    pub filter: String,
    /// Universe label of a screener scan; the first part of its scan id.
    pub label: String,
    /// A scan is sealed after so many minutes; `auto` is max(10 min, 2 × planned time).
    pub deadline_minutes: AutoMinutes,
    /// Tickers worked on at once.
    pub slots: u32,
    /// Rows of the table; 0 shows all.
    pub top: u32,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self {
            filter: "sh_avgvol_o1000,sh_opt_option,sh_price_o10".to_owned(),
            label: "finviz".to_owned(),
            deadline_minutes: AutoMinutes::Auto,
            slots: 8,
            top: 20,
        }
    }
}

/// Where results live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:PATH` (`~/` is the home directory), or `redis://…` for a fleet.
    pub url: String,
    /// After a scan, scans older than so many days are deleted; 0 keeps them all.
    pub keep_scans_days: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { url: "sqlite:~/.local/share/optionfleet/optionfleet.db".to_owned(), keep_scans_days: 30 }
    }
}

/// Where tasks wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    /// `in-process`, or `nats://…` for a fleet.
    pub url: String,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { url: "in-process".to_owned() }
    }
}

/// The vendors of market data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VendorSettings {
    /// Vendors of chains, in order of preference.
    pub chain_order: Vec<String>,
    /// Vendor of daily bars.
    pub bars: String,
    /// The universe.
    pub finviz: FinvizSettings,
    /// Whole chains.
    pub cboe: CboeSettings,
    /// Chains by expiration, and bars.
    pub yahoo: YahooSettings,
    /// Chains and bars with an account's token.
    pub robinhood: RobinhoodSettings,
}

impl Default for VendorSettings {
    fn default() -> Self {
        Self {
            chain_order: vec!["cboe".to_owned(), "yahoo".to_owned()],
            bars: "yahoo".to_owned(),
            finviz: FinvizSettings::default(),
            cboe: CboeSettings::default(),
            yahoo: YahooSettings::default(),
            robinhood: RobinhoodSettings::default(),
        }
    }
}

/// Finviz.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinvizSettings {
    /// Base URL.
    pub base: String,
    /// Requests a second from one address.
    pub per_address_per_sec: Rate,
    /// Requests a second over all addresses.
    pub total_per_sec: Rate,
}

impl Default for FinvizSettings {
    fn default() -> Self {
        Self {
            base: "https://finviz.com".to_owned(),
            per_address_per_sec: Rate::PerSec(1.0),
            total_per_sec: Rate::PerSec(1.0),
        }
    }
}

/// CBOE delayed quotes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CboeSettings {
    /// Base URL.
    pub base: String,
    /// Requests a second from one address.
    pub per_address_per_sec: Rate,
    /// Requests a second over all addresses.
    pub total_per_sec: Rate,
    /// Older quotes are not analysed.
    pub max_quote_age_minutes: u32,
}

impl Default for CboeSettings {
    fn default() -> Self {
        Self {
            base: "https://cdn.cboe.com".to_owned(),
            per_address_per_sec: Rate::PerSec(2.0),
            total_per_sec: Rate::PerSec(10.0),
            max_quote_age_minutes: 20,
        }
    }
}

/// Yahoo Finance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct YahooSettings {
    /// Base URL of chains and bars.
    pub query: String,
    /// Base URL of the cookie.
    pub cookie: String,
    /// Requests a second from one address.
    pub per_address_per_sec: Rate,
    /// Requests a second over all addresses.
    pub total_per_sec: Rate,
    /// Older quotes are not analysed.
    pub max_quote_age_minutes: u32,
}

impl Default for YahooSettings {
    fn default() -> Self {
        Self {
            query: "https://query2.finance.yahoo.com".to_owned(),
            cookie: "https://fc.yahoo.com".to_owned(),
            per_address_per_sec: Rate::PerSec(2.0),
            total_per_sec: Rate::PerSec(20.0),
            max_quote_age_minutes: 35,
        }
    }
}

/// Robinhood. Its token is a secret of each process that asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RobinhoodSettings {
    /// Base URL.
    pub base: String,
    /// Requests a second from one address.
    pub per_address_per_sec: Rate,
    /// Requests a second over all addresses: one account's.
    pub total_per_sec: Rate,
    /// Older quotes are not analysed.
    pub max_quote_age_minutes: u32,
}

impl Default for RobinhoodSettings {
    fn default() -> Self {
        Self {
            base: "https://api.robinhood.com".to_owned(),
            per_address_per_sec: Rate::PerSec(1.0),
            total_per_sec: Rate::PerSec(1.0),
            max_quote_age_minutes: 2,
        }
    }
}

/// Daily bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BarSettings {
    /// Contracts of one ticker whose bars are asked for, the most traded first.
    pub max_per_ticker: u32,
    /// Sessions asked for.
    pub sessions: u32,
    /// Sessions asked for of underlyings, never fewer than `sessions`.
    pub underlying_sessions: u32,
}

impl Default for BarSettings {
    fn default() -> Self {
        Self { max_per_ticker: 12, sessions: 250, underlying_sessions: 1260 }
    }
}

/// Limits of one delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// A delivery may take so long.
    pub delivery_timeout_secs: u32,
    /// A ticker is poison after so many deliveries.
    pub max_attempts: u32,
    /// One request may take so long.
    pub request_timeout_secs: u32,
    /// A request is tried so often in all.
    pub request_tries: u32,
    /// A longer Retry-After fails the ticker.
    pub max_retry_after_secs: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            delivery_timeout_secs: 120,
            max_attempts: 5,
            request_timeout_secs: 20,
            request_tries: 4,
            max_retry_after_secs: 90,
        }
    }
}

/// The client every request claims to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// Header names and values, in the order they are sent.
    pub headers: Vec<(String, String)>,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { headers: fleet_scraper::default_identity() }
    }
}

/// Trust.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// A PEM file of certificate authorities to trust for vendors, beside the public ones; empty is none. A fleet's own
    /// servers are `OPTIONFLEET_CA_FILE`'s.
    pub ca_file: String,
}

/// Portfolio caps, applied when a scan is sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapSettings {
    /// Live trades on one underlying.
    pub open_per_underlying: u32,
    /// New trades in one exchange session.
    pub new_per_day: u32,
}

impl Default for CapSettings {
    fn default() -> Self {
        Self { open_per_underlying: 3, new_per_day: 10 }
    }
}

/// Where notices go beside the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySettings {
    /// `report`: nowhere else; `file:PATH` (`~/` is the home directory): a line of JSON each.
    pub to: String,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self { to: "report".to_owned() }
    }
}

/// Dates of reports, as a person knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarningsSettings {
    /// A CSV file: a heading `ticker,date,estimated`, then a line a report (`~/` is the home directory); empty is none.
    /// Its dates go before a vendor's.
    pub file: String,
}

/// What a person holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldingsSettings {
    /// Ticker, shares, dollars paid per share.
    pub shares: Vec<(String, u32, f64)>,
}
