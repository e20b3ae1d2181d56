//! The pure core: a market snapshot goes in, a finding comes out. Same input, same bytes out.
//!
//! No clock, randomness, logging, I/O or panic. Missing inputs are `None` and travel as `None`.

pub mod config;
pub mod pricing;
pub mod snapshot;

pub use config::AnalysisConfig;
pub use snapshot::{MarketSnapshot, Wanted};

use fleet_core::domain::{ContractExplanation, Finding, ScanId, TradeRecord};

/// What to fetch next.
#[must_use]
pub fn wanted(_snapshot: &MarketSnapshot, _config: &AnalysisConfig) -> Wanted {
    Wanted::Nothing
}

/// The one answer.
#[must_use]
pub fn analyse(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Finding {
    analyse_explained(snapshot, config).0
}

/// The one answer, and everything known of each contract.
#[must_use]
pub fn analyse_explained(snapshot: &MarketSnapshot, _config: &AnalysisConfig) -> (Finding, Vec<ContractExplanation>) {
    use fleet_core::domain::{Answer, Funnel, Provenance, SpotSource};
    let mut funnel = Funnel::default();
    for _ in 0..snapshot.chain.rows() {
        funnel.count("not_examined");
    }
    let finding = Finding {
        ticker: snapshot.ticker.clone(),
        as_of: snapshot.as_of,
        answer: Answer::Analysed,
        provenance: Provenance {
            vendor: snapshot.chain.vendor,
            quote_time: snapshot.chain.quote_time,
            fetched_at: snapshot.fetched_at,
            vendor_spot: snapshot.chain.vendor_spot.map(|s| s.price),
            spot: None,
            spot_source: SpotSource::None,
            spot_gap: None,
            forwards: std::collections::BTreeMap::new(),
            flags: Vec::new(),
        },
        funnel,
        candidates: Vec::new(),
        near_misses: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        not_served: snapshot.chain.not_served.clone(),
        requests: snapshot.requests.clone(),
    };
    (finding, Vec::new())
}

/// Pending trades of a finding's candidates.
#[must_use]
pub fn new_trades(_finding: &Finding, _scan: &ScanId) -> Vec<TradeRecord> {
    Vec::new()
}
