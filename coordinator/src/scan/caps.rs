//! Which proposed trades of a sealed scan are taken, by their validity and the portfolio's caps. Pure.
//!
//! Promises: the caps go by rank over the whole scan, so timing between workers cannot change the outcome; the same
//! input gives the same decision. Controls stand outside the caps and are never told of. Refuses: to decide about a trade
//! that is not proposed by this scan; to take one that is too late for anybody to act on, or a second live trade of a
//! strategy in a contract (it is in neither list, and the store withdraws it: a later scan may find it afresh).

use std::collections::{BTreeMap, BTreeSet};

use fleet_analysis::notices;
use fleet_core::domain::{Candidate, OccSymbol, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::PortfolioDecision;
use jiff::Timestamp;
use jiff::civil::Date;

use super::PortfolioCaps;

/// What there is to decide about.
#[derive(Debug, Clone, Copy)]
pub struct SealedScan<'a> {
    /// The portfolio's version before anything here was read.
    pub basis: u64,
    /// Its candidates, controls left out.
    pub candidates: &'a [Candidate],
    /// What it proposes, as stored, controls too.
    pub proposed: &'a [TradeRecord],
    /// Every live trade (controls too), and every trade signalled in the sessions of the proposed ones. One may be there
    /// twice.
    pub known: &'a [TradeRecord],
    /// The time in the scan's market: a simulated market's clock, or the wall's.
    pub now: Timestamp,
}

/// Decides.
#[must_use]
pub fn decide(scan: &SealedScan<'_>, caps: PortfolioCaps) -> PortfolioDecision {
    let known: BTreeMap<&TradeId, &TradeRecord> = scan.known.iter().map(|trade| (&trade.id, trade)).collect();
    let live = known.values().filter(|trade| trade.state.is_live());
    let mut held: BTreeSet<(&str, OccSymbol)> = live.map(|trade| (trade.strategy.as_str(), trade.symbol)).collect();
    let mut room = Room::default();
    for trade in known.values().filter(|trade| !trade.control) {
        room.fill(trade);
    }
    let mut decision = PortfolioDecision { basis: scan.basis, ..PortfolioDecision::default() };
    for trade in ranked(scan.proposed) {
        if trade.plan.tell_until() < scan.now || !held.insert((&trade.strategy, trade.symbol)) {
            continue;
        }
        if !trade.control {
            if !room.is_left_for(trade, caps) {
                decision.capped.push(trade.id.clone());
                continue;
            }
            room.take(trade);
            decision.notices.extend(candidate_of(trade, scan.candidates).map(|found| notices::buy(trade, found)));
        }
        decision.taken.push(trade.id.clone());
    }
    decision
}

/// Best score first, then by symbol and strategy.
fn ranked(proposed: &[TradeRecord]) -> Vec<&TradeRecord> {
    let mut ranked: Vec<&TradeRecord> = proposed.iter().filter(|trade| trade.state == TradeState::Proposed).collect();
    ranked.sort_by(|a, b| {
        let by_score = b.score.total().total_cmp(&a.score.total());
        by_score.then_with(|| a.symbol.cmp(&b.symbol)).then_with(|| a.strategy.cmp(&b.strategy))
    });
    ranked
}

/// The candidate that a trade was proposed for.
fn candidate_of<'a>(trade: &TradeRecord, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    candidates.iter().find(|found| found.symbol == trade.symbol && found.strategy == trade.strategy)
}

/// Room that is used up.
#[derive(Default)]
struct Room {
    live: BTreeMap<Ticker, u32>,
    new: BTreeMap<Date, u32>,
}

impl Room {
    /// By a trade that is there.
    fn fill(&mut self, trade: &TradeRecord) {
        let (live, new) = match trade.state {
            TradeState::Pending | TradeState::Open => (1, 1),
            TradeState::Lapsed | TradeState::Closed => (0, 1),
            TradeState::Capped | TradeState::Proposed => (0, 0),
        };
        *self.live.entry(trade.underlying.clone()).or_default() += live;
        *self.new.entry(trade.entry_session).or_default() += new;
    }

    /// By a trade that is taken.
    fn take(&mut self, trade: &TradeRecord) {
        *self.live.entry(trade.underlying.clone()).or_default() += 1;
        *self.new.entry(trade.entry_session).or_default() += 1;
    }

    fn is_left_for(&self, trade: &TradeRecord, caps: PortfolioCaps) -> bool {
        let live = self.live.get(&trade.underlying).copied().unwrap_or_default();
        let new = self.new.get(&trade.entry_session).copied().unwrap_or_default();
        live < caps.open_per_underlying && new < caps.new_per_day
    }
}

#[cfg(test)]
mod tests {
    use fleet_analysis::new_trades;
    use fleet_core::domain::{Finding, NoticeKind, ScanId};

    use super::super::test_world::{AS_OF, candidate, finding};
    use super::*;

    const CAPS: PortfolioCaps = PortfolioCaps { open_per_underlying: 2, new_per_day: 4 };

    /// The trades a scan proposes with these findings.
    fn proposed(by: &str, findings: &[Finding]) -> Vec<TradeRecord> {
        findings.iter().flat_map(|finding| new_trades(finding, &ScanId::parse(by).unwrap())).collect()
    }

    fn known(findings: &[Finding], state: TradeState) -> Vec<TradeRecord> {
        proposed("before", findings).into_iter().map(|trade| TradeRecord { state, ..trade }).collect()
    }

    fn decide_at(now: &str, findings: &[Finding], known: &[TradeRecord]) -> PortfolioDecision {
        let all = findings.iter().flat_map(|finding| &finding.candidates).filter(|c| !c.control);
        let (mut candidates, mut proposed) = (all.cloned().collect::<Vec<_>>(), proposed("now", findings));
        let now = now.parse().unwrap();
        let scan = SealedScan { basis: 0, candidates: &candidates, proposed: &proposed, known, now };
        let decision = decide(&scan, CAPS);
        candidates.reverse();
        proposed.reverse();
        let reversed = SealedScan { basis: 0, candidates: &candidates, proposed: &proposed, known, now };
        assert_eq!(decide(&reversed, CAPS), decision, "the order of candidates mattered");
        decision
    }

    /// Decides in time; by the strikes told of, taken and capped.
    fn check(findings: &[Finding], known: &[TradeRecord], told: &[u32], taken: &[u32], capped: &[u32]) {
        let decision = decide_at(AS_OF, findings, known);
        let proposed = proposed("now", findings);
        let strike = |id: &TradeId| {
            let trade = proposed.iter().find(|trade| trade.id == *id).unwrap();
            trade.symbol.strike.thousandths() / 1000
        };
        assert!(decision.notices.iter().all(|notice| notice.kind == NoticeKind::Buy));
        assert_eq!(decision.notices.iter().map(|notice| strike(&notice.trade)).collect::<Vec<_>>(), told, "told");
        assert_eq!(decision.taken.iter().map(strike).collect::<Vec<_>>(), taken, "taken");
        assert_eq!(decision.capped.iter().map(strike).collect::<Vec<_>>(), capped, "capped");
    }

    #[test]
    fn the_best_of_an_underlying_remain() {
        let findings = [finding(vec![candidate("AAA", 1, 50.0), candidate("AAA", 2, 70.0), candidate("AAA", 3, 60.0)])];
        check(&findings, &[], &[2, 3], &[2, 3], &[1]);
    }

    #[test]
    fn the_best_of_a_day_remain() {
        let findings: Vec<Finding> = ["A", "B", "C", "D", "E", "F"]
            .iter()
            .zip(1..)
            .map(|(t, n)| finding(vec![candidate(t, n, f64::from(n))]))
            .collect();
        check(&findings, &[], &[6, 5, 4, 3], &[6, 5, 4, 3], &[2, 1]);
    }

    #[test]
    fn equal_scores_go_by_symbol() {
        let findings = [finding(vec![candidate("AAA", 3, 50.0), candidate("AAA", 1, 50.0), candidate("AAA", 2, 50.0)])];
        check(&findings, &[], &[1, 2], &[1, 2], &[3]);
    }

    #[test]
    fn live_trades_of_earlier_scans_take_room_and_what_is_only_proposed_takes_none() {
        let earlier = [finding(vec![candidate("AAA", 9, 10.0)])];
        let findings = [finding(vec![candidate("AAA", 2, 80.0), candidate("AAA", 3, 70.0)])];
        check(&findings, &known(&earlier, TradeState::Pending), &[2], &[2], &[3]);
        check(&findings, &known(&earlier, TradeState::Open), &[2], &[2], &[3]);
        check(&findings, &known(&earlier, TradeState::Proposed), &[2, 3], &[2, 3], &[]);
        let twice = [known(&earlier, TradeState::Open), known(&earlier, TradeState::Open)].concat();
        check(&findings, &twice, &[2], &[2], &[3]);
    }

    #[test]
    fn a_contract_gets_no_second_live_trade_of_its_strategy() {
        let findings = [finding(vec![candidate("AAA", 1, 90.0), candidate("AAA", 2, 80.0)])];
        let earlier = [finding(vec![candidate("AAA", 1, 10.0)])];
        let yesterday = known(&earlier, TradeState::Open)
            .into_iter()
            .map(|trade| TradeRecord { id: TradeId::from_user("yesterday"), ..trade });
        check(&findings, &yesterday.collect::<Vec<_>>(), &[2], &[2], &[]);
    }

    #[test]
    fn lapsed_trades_count_for_the_day_and_capped_ones_do_not() {
        let earlier: Vec<Finding> =
            ["A", "B", "C", "D"].iter().zip(1..).map(|(t, n)| finding(vec![candidate(t, n, 10.0)])).collect();
        let findings = [finding(vec![candidate("X", 9, 5.0)])];
        check(&findings, &known(&earlier, TradeState::Lapsed), &[], &[], &[9]);
        check(&findings, &known(&earlier, TradeState::Capped), &[9], &[9], &[]);
    }

    #[test]
    fn controls_stand_outside() {
        let control =
            |strike| Candidate { control: true, strategy: "control".to_owned(), ..candidate("AAA", strike, 40.0) };
        let findings = [finding(vec![candidate("AAA", 1, 50.0), control(2), control(3), control(4)])];
        check(&findings, &[], &[1], &[1, 2, 3, 4], &[]);
        let controls = [finding(vec![control(5), control(6), control(7)])];
        check(&findings, &known(&controls, TradeState::Open), &[1], &[1, 2, 3, 4], &[]);
    }

    #[test]
    fn what_is_too_late_is_neither_taken_nor_told_nor_takes_room() {
        let findings = [finding(vec![candidate("AAA", 1, 50.0)])];
        // The candidate is valid until its signal, and its quotes are delayed by 15 minutes.
        assert_eq!(decide_at("2026-11-20T16:15:00Z", &findings, &[]).taken.len(), 1);
        assert_eq!(decide_at("2026-11-20T16:15:01Z", &findings, &[]), PortfolioDecision::default());
    }
}
