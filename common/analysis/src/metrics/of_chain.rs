//! What a chain and its history say of an underlying, before any bar: read off the volatilities that the sifting solved,
//! once a ticker.
//!
//! Promises: the history's sessions are those before today's, whatever the store holds. Refuses, as `None`: what ANALYTICS section 1
//! refuses.

use std::collections::BTreeMap;

use fleet_core::domain::{ContractQuote, ExpirationMove, Root, SessionSummary, calendar};
use jiff::SignedDuration;
use jiff::civil::Date;

use super::across::{Across, AtTheMoney};
use super::activity::{Activity, Counted, PutCall, USUAL_SESSIONS};
use super::expected_move::ExpectedMove;
use super::positive;
use super::vol_history::VolRank;
use crate::config::AnalysisConfig;
use crate::sifting::Sifting;
use crate::snapshot::MarketSnapshot;

/// Expirations whose expected move is told: about a month of weeklies.
const FRONT: usize = 4;
/// A session's volumes are of the whole session if they were taken so shortly before its close, or later.
const WHOLE_SESSION: SignedDuration = SignedDuration::from_mins(30);
/// The sessions of a usual volume must not lie farther back than this: older ones describe another time.
const USUAL_WITHIN_SESSIONS: u32 = 40;

/// What a chain and its history say of an underlying.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainMetrics {
    /// By root and expiration.
    pub at_the_money: BTreeMap<(Root, Date), AtTheMoney>,
    /// Its place among the sessions of the past year.
    pub rank: VolRank,
    /// Puts over calls.
    pub put_call: PutCall,
    /// Volume of all its options in each of the 20 sessions before today, oldest first; empty where fewer are known.
    pub usual_option_volumes: Vec<u64>,
    /// The chain in a few numbers, for the history: IV30, skew, term slope and volumes are here.
    pub summary: SessionSummary,
}

impl ChainMetrics {
    /// Reads a sifted chain, with what its expirations say.
    #[must_use]
    pub fn of(snapshot: &MarketSnapshot, config: &AnalysisConfig, sifting: &Sifting, across: Across) -> Self {
        let iv30 = across.iv30();
        let session = sifting.entry_session;
        let earlier = || snapshot.history.iter().filter(|past| past.session < session && past.as_of <= snapshot.as_of);
        let series: Vec<Option<f64>> = earlier().map(|past| past.iv30).chain([iv30]).collect();
        let counted = counted(snapshot, config, sifting);
        let open_interest = |total: Option<u64>| total.filter(|_| !sifting.rows.unknown_oi);
        Self {
            rank: VolRank::of(&series),
            put_call: counted.ratios(),
            usual_option_volumes: whole_session_volumes(earlier(), session),
            summary: SessionSummary {
                session,
                as_of: snapshot.as_of,
                spot: sifting.parity.as_ref().and_then(|parity| parity.spot),
                iv30,
                skew_25: across.skew_25(),
                term_slope: across.term_slope(),
                call_volume: counted.all_calls.volume.unwrap_or(0),
                put_volume: counted.all_puts.volume.unwrap_or(0),
                call_open_interest: open_interest(counted.all_calls.open_interest),
                put_open_interest: open_interest(counted.all_puts.open_interest),
            },
            at_the_money: across.at_the_money,
        }
    }

    /// Mean daily volume of all options over the 20 sessions before today, contracts, above 0.
    #[must_use]
    pub fn usual_option_volume(&self) -> Option<f64> {
        let volumes = &self.usual_option_volumes;
        let total: f64 = volumes.iter().map(|volume| *volume as f64).sum();
        if volumes.len() == USUAL_SESSIONS { positive(total / USUAL_SESSIONS as f64) } else { None }
    }

    /// The expected move by an expiration of a root, in its three forms. `None` where its contracts are not priced.
    #[must_use]
    pub fn expected_move(&self, root: Root, expiration: Date) -> Option<ExpirationMove> {
        self.at_the_money.get(&(root, expiration)).map(|at| self.move_by(at))
    }

    /// The expected moves by the nearest expirations that tell one, nearest first (of two roots the one settled first,
    /// then by root).
    #[must_use]
    pub fn front_moves(&self) -> Vec<ExpirationMove> {
        let mut near: Vec<&AtTheMoney> = self.at_the_money.values().collect();
        near.sort_by(|a, b| a.expiration.cmp(&b.expiration).then(a.years.total_cmp(&b.years)));
        let told = near.into_iter().map(|at| self.move_by(at));
        told.filter(|by| by.one_sigma.is_some() || by.straddle_85.is_some()).take(FRONT).collect()
    }

    fn move_by(&self, at: &AtTheMoney) -> ExpirationMove {
        let spot = self.summary.spot.unwrap_or(f64::NAN);
        let ExpectedMove { one_sigma, straddle_85, straddle_one_sigma } =
            ExpectedMove::of(spot, at.vol, at.dte, at.straddle);
        let AtTheMoney { expiration, dte, vol, .. } = *at;
        ExpirationMove { expiration, dte, atm_iv: vol, one_sigma, straddle_85, straddle_one_sigma }
    }
}

/// Volume and open interest of the chain's standard contracts.
fn counted(snapshot: &MarketSnapshot, config: &AnalysisConfig, sifting: &Sifting) -> Counted {
    let known = |quote: &ContractQuote| quote.open_interest.filter(|_| !sifting.rows.unknown_oi);
    let standard = sifting.rows.by_symbol.iter().filter(|(symbol, _)| !symbol.root.is_adjusted());
    let mut counted = Counted::default();
    let mut last: Option<(Date, i32)> = None;
    for (symbol, row) in standard {
        // Neighbours expire together more often than not.
        let dte = match last {
            Some((expiration, dte)) if expiration == symbol.expiration => dte,
            Some(_) | None => calendar::dte(snapshot.as_of, symbol.expiration),
        };
        last = Some((symbol.expiration, dte));
        let quote = &snapshot.chain.contracts[row];
        let activity = Activity { kind: symbol.kind, dte, volume: quote.volume, open_interest: known(quote) };
        counted.count(&activity, config.metrics.put_call_max_dte);
    }
    counted
}

/// Volume of all options in each of the 20 newest sessions that were summarised near their close, oldest first. Empty
/// where there are fewer within the 40 sessions before today.
fn whole_session_volumes<'a>(earlier: impl Iterator<Item = &'a SessionSummary>, today: Date) -> Vec<u64> {
    let Some(oldest) = calendar::sessions_back(today, USUAL_WITHIN_SESSIONS) else { return Vec::new() };
    let is_whole = |past: &SessionSummary| {
        let close = calendar::close_of(past.session);
        close.and_then(|close| close.checked_sub(WHOLE_SESSION).ok()).is_some_and(|from| past.as_of >= from)
    };
    let volumes: Vec<u64> = earlier
        .filter(|past| past.session >= oldest && is_whole(past))
        .map(|past| past.call_volume.saturating_add(past.put_volume))
        .collect();
    let start = volumes.len().checked_sub(USUAL_SESSIONS);
    start.map_or_else(Vec::new, |start| volumes[start..].to_vec())
}
