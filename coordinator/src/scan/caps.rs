//! Which new trades of a sealed scan remain, by the portfolio's caps. Pure.
//!
//! Promises: the caps go by rank over the whole scan, so timing between workers cannot change the outcome; the same
//! input gives the same settlement. Controls stand outside the caps and are never told of. A trade that an earlier scan
//! found is not told of again. Refuses: to touch a trade that is no longer pending, or is not of this scan.

use std::collections::BTreeMap;

use fleet_analysis::{new_trades, notices};
use fleet_core::domain::{Candidate, Finding, ScanId, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::Settlement;
use jiff::civil::Date;

use super::PortfolioCaps;

/// Decides. `known` holds every live trade, and every trade signalled in the sessions of the findings, as stored (those
/// of this scan included).
#[must_use]
pub fn settlement(scan: &ScanId, findings: &[&Finding], known: &[TradeRecord], caps: PortfolioCaps) -> Settlement {
    let stored: BTreeMap<&TradeId, &TradeRecord> = known.iter().map(|trade| (&trade.id, trade)).collect();
    let is_new = |trade: &TradeRecord| trade.scan == *scan && trade.state == TradeState::Pending;
    let mut taken = Taken::default();
    for trade in stored.values().filter(|trade| !trade.control && !is_new(trade)) {
        taken.add(trade);
    }
    let mut settlement = Settlement::default();
    for (id, candidate) in ranked(scan, findings) {
        let Some(trade) = stored.get(&id).filter(|trade| is_new(trade)) else { continue };
        if taken.has_room(trade, caps) {
            taken.add(trade);
            settlement.notices.push(notices::buy(trade, candidate));
        } else {
            settlement.capped.push(id);
        }
    }
    settlement
}

/// Every candidate of the scan but controls, with the id of its trade: best score first, then by symbol and strategy.
fn ranked<'a>(scan: &ScanId, findings: &[&'a Finding]) -> Vec<(TradeId, &'a Candidate)> {
    let mut ranked: Vec<(TradeId, &Candidate)> = Vec::new();
    for finding in findings {
        for trade in new_trades(finding, scan) {
            let of = |c: &&Candidate| !c.control && c.symbol == trade.symbol && c.strategy == trade.strategy;
            ranked.extend(finding.candidates.iter().find(of).map(|candidate| (trade.id, candidate)));
        }
    }
    ranked.sort_by(|(_, a), (_, b)| {
        let by_score = b.score.total().total_cmp(&a.score.total());
        by_score.then_with(|| a.symbol.cmp(&b.symbol)).then_with(|| a.strategy.cmp(&b.strategy))
    });
    ranked.dedup_by(|(a, _), (b, _)| a == b);
    ranked
}

/// Room that is used up.
#[derive(Default)]
struct Taken {
    live: BTreeMap<Ticker, u32>,
    new: BTreeMap<Date, u32>,
}

impl Taken {
    fn add(&mut self, trade: &TradeRecord) {
        if trade.state.is_live() {
            *self.live.entry(trade.underlying.clone()).or_default() += 1;
        }
        if trade.state != TradeState::Capped {
            *self.new.entry(trade.entry_session).or_default() += 1;
        }
    }

    fn has_room(&self, trade: &TradeRecord, caps: PortfolioCaps) -> bool {
        let live = self.live.get(&trade.underlying).copied().unwrap_or_default();
        let new = self.new.get(&trade.entry_session).copied().unwrap_or_default();
        live < caps.open_per_underlying && new < caps.new_per_day
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{
        Answer, EntryPlan, Funnel, NoticeKind, OccSymbol, Price, Provenance, RequestCounts, Score, ScorePart,
        SpotSource, Vendor,
    };
    use jiff::Timestamp;

    use super::*;

    const CAPS: PortfolioCaps = PortfolioCaps { open_per_underlying: 2, new_per_day: 4 };

    fn scan(text: &str) -> ScanId {
        ScanId::parse(text).unwrap()
    }

    fn candidate(ticker: &str, strike: u32, points: f64) -> Candidate {
        let as_of: Timestamp = "2026-11-20T16:00:00Z".parse().unwrap();
        let price = |dollars| Price::from_dollars(dollars).unwrap();
        Candidate {
            underlying: Ticker::parse(ticker).unwrap(),
            symbol: OccSymbol::parse(&format!("{ticker}270115C{:08}", strike * 1000)).unwrap(),
            strategy: "oversold_call".to_owned(),
            bid: price(2.3),
            ask: price(2.4),
            mid: 2.35,
            plan: EntryPlan {
                buy: price(2.35),
                target: price(3.0),
                stop: price(1.5),
                valid_until: as_of,
                time_stop_sessions: 5,
                exit_rsi: None,
                exit_dte: 7,
                commission: price(0.65),
            },
            gross_pct: 27.0,
            net_pct: 24.0,
            volume: None,
            open_interest: None,
            spread_pct: 4.0,
            iv: None,
            delta: None,
            dte: 56,
            rsi: None,
            score: Score { parts: vec![ScorePart { name: "all".into(), points, max: 100.0, unknown: false }] },
            checks: Vec::new(),
            quote_time: as_of,
            spot_used: None,
            flags: Vec::new(),
            control: false,
        }
    }

    fn finding(candidates: Vec<Candidate>) -> Finding {
        Finding {
            ticker: candidates[0].underlying.clone(),
            as_of: "2026-11-20T16:00:00Z".parse().unwrap(),
            answer: Answer::Analysed,
            provenance: Provenance {
                vendor: Vendor::Cboe,
                quote_time: None,
                fetched_at: None,
                vendor_spot: None,
                spot: None,
                spot_source: SpotSource::None,
                spot_gap: None,
                forwards: BTreeMap::new(),
                flags: Vec::new(),
            },
            funnel: Funnel::default(),
            candidates,
            near_misses: Vec::new(),
            transitions: Vec::new(),
            marks: Vec::new(),
            not_served: Vec::new(),
            requests: RequestCounts::default(),
        }
    }

    /// The trades a store holds after these findings were committed by a scan.
    fn stored(by: &str, findings: &[Finding]) -> Vec<TradeRecord> {
        findings.iter().flat_map(|finding| new_trades(finding, &scan(by))).collect()
    }

    /// Settles scan `now`; gives the strikes told of and the strikes capped.
    fn check(findings: &[Finding], known: &[TradeRecord], told: &[u32], capped: &[u32]) {
        let settled = settlement(&scan("now"), &findings.iter().collect::<Vec<_>>(), known, CAPS);
        let strike = |id: &TradeId| {
            let trade = known.iter().find(|trade| trade.id == *id).unwrap();
            trade.symbol.strike.thousandths() / 1000
        };
        assert!(settled.notices.iter().all(|notice| notice.kind == NoticeKind::Buy));
        assert_eq!(settled.notices.iter().map(|notice| strike(&notice.trade)).collect::<Vec<_>>(), told);
        assert_eq!(settled.capped.iter().map(strike).collect::<Vec<_>>(), capped);
        let reversed: Vec<&Finding> = findings.iter().rev().collect();
        assert_eq!(settlement(&scan("now"), &reversed, known, CAPS), settled, "the order of findings mattered");
    }

    #[test]
    fn the_best_of_an_underlying_remain() {
        let findings = [finding(vec![candidate("AAA", 1, 50.0), candidate("AAA", 2, 70.0), candidate("AAA", 3, 60.0)])];
        check(&findings, &stored("now", &findings), &[2, 3], &[1]);
    }

    #[test]
    fn the_best_of_a_day_remain() {
        let findings: Vec<Finding> = ["A", "B", "C", "D", "E", "F"]
            .iter()
            .zip(1..)
            .map(|(t, n)| finding(vec![candidate(t, n, f64::from(n))]))
            .collect();
        check(&findings, &stored("now", &findings), &[6, 5, 4, 3], &[2, 1]);
    }

    #[test]
    fn equal_scores_go_by_symbol() {
        let findings = [finding(vec![candidate("AAA", 3, 50.0), candidate("AAA", 1, 50.0), candidate("AAA", 2, 50.0)])];
        check(&findings, &stored("now", &findings), &[1, 2], &[3]);
    }

    #[test]
    fn trades_of_earlier_scans_take_room_and_are_not_told_of_again() {
        let earlier = [finding(vec![candidate("AAA", 1, 10.0)])];
        let findings = [finding(vec![candidate("AAA", 1, 90.0), candidate("AAA", 2, 80.0), candidate("AAA", 3, 70.0)])];
        let mut known = stored("before", &earlier);
        known.extend(stored("now", &findings).into_iter().filter(|trade| trade.id != known[0].id).collect::<Vec<_>>());
        check(&findings, &known, &[2], &[3]);
    }

    #[test]
    fn lapsed_trades_count_for_the_day_and_capped_ones_do_not() {
        let earlier: Vec<Finding> =
            ["A", "B", "C", "D"].iter().zip(1..).map(|(t, n)| finding(vec![candidate(t, n, 10.0)])).collect();
        let findings = [finding(vec![candidate("X", 9, 5.0)])];
        let known = |state| {
            let mut known = stored("before", &earlier);
            for trade in &mut known {
                trade.state = state;
            }
            known.extend(stored("now", &findings));
            known
        };
        check(&findings, &known(TradeState::Lapsed), &[], &[9]);
        check(&findings, &known(TradeState::Capped), &[9], &[]);
    }

    #[test]
    fn controls_stand_outside() {
        let control =
            |strike| Candidate { control: true, strategy: "control".to_owned(), ..candidate("AAA", strike, 99.0) };
        let findings = [finding(vec![candidate("AAA", 1, 50.0), control(2), control(3), control(4)])];
        check(&findings, &stored("now", &findings), &[1], &[]);
    }
}
