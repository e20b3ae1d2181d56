//! The analysis: what a finding must be, whatever a vendor served.

use std::collections::BTreeSet;

use fleet_analysis::{AnalysisConfig, MarketSnapshot, Wanted, analyse_explained, gsm7, new_trades, wanted};
use fleet_core::domain::*;

use super::snapshot::{series, settings, snapshot};
use super::stream::Stream;
use super::{promises, world};

/// Bars are asked for once for the underlying and once for contracts; then nothing more is wanted.
const QUESTIONS: usize = 3;

/// The bytes make settings and a market, and answer what the analysis asks for.
pub fn analyse(bytes: &[u8]) {
    let mut bytes = Stream(bytes);
    let config = settings(&mut bytes);
    // Bars are drawn from the far end, so that a change of the chain does not change them all.
    let (head, tail) = bytes.0.split_at(bytes.0.len() - bytes.0.len() / 3);
    let mut snapshot = snapshot(&mut Stream(head));
    complete(&mut snapshot, &config, &mut Stream(tail));
    let finding = check(&snapshot, &config);
    turned(&snapshot, &config, &finding);
    later(&snapshot, &config, &finding);
}

/// Gives the analysis what it wants until it wants nothing.
fn complete(snapshot: &mut MarketSnapshot, config: &AnalysisConfig, bytes: &mut Stream<'_>) {
    for _ in 0..QUESTIONS {
        match wanted(snapshot, config) {
            Wanted::Nothing => return,
            Wanted::UnderlyingBars => {
                assert!(snapshot.underlying_bars.is_none(), "asked for what is there");
                snapshot.underlying_bars = Some(series(bytes, &Instrument::Underlying(world::ticker())));
            }
            Wanted::ContractBars(symbols) => {
                let room = snapshot.max_bars as usize + snapshot.live_trades.len() + 2;
                assert!(!symbols.is_empty() && symbols.len() <= room, "{} contracts", symbols.len());
                for symbol in symbols {
                    let bars = series(bytes, &Instrument::Contract(symbol));
                    assert!(snapshot.contract_bars.insert(symbol, bars).is_none(), "asked twice for {symbol}");
                }
            }
        }
    }
    assert_eq!(wanted(snapshot, config), Wanted::Nothing, "after {QUESTIONS} answers");
}

fn check(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> Finding {
    let (finding, explained) = analyse_explained(snapshot, config);
    assert_eq!(finding.funnel.total(), snapshot.chain.rows() as u64, "{:?}", finding.funnel);
    assert_eq!(explained.len(), snapshot.chain.contracts.len());
    assert!(explained.iter().zip(&snapshot.chain.contracts).all(|(said, row)| said.quote == *row));
    promises::survives_json(&explained);
    let signals: Vec<&Candidate> = finding.candidates.iter().filter(|candidate| !candidate.control).collect();
    assert_eq!(signals.len() as u64, finding.funnel.0.get("candidate").copied().unwrap_or(0));
    assert!(finding.candidates.is_sorted_by_key(|candidate| candidate.control), "a control before a signal");
    assert!(signals.is_sorted_by(|a, b| a.score.total() >= b.score.total()), "not the best first");
    assert!(finding.candidates.len() - signals.len() <= 2, "too many controls");
    assert!(signals.len() <= snapshot.max_bars as usize);
    for found in &finding.candidates {
        candidate(found, config);
    }
    assert!(finding.near_misses.len() <= 10);
    assert!(finding.near_misses.iter().all(|miss| !miss.missed.is_empty() && miss.missed.len() <= miss.of as usize));
    follow(snapshot, &finding);
    let trades = new_trades(&finding, &snapshot.scan);
    let ids: BTreeSet<_> = trades.iter().map(|trade| &trade.id).collect();
    assert_eq!(ids.len(), trades.len(), "two trades of one id");
    trades.iter().for_each(promises::survives_wire);
    // A number that is none would be lost in JSON, and missed here.
    promises::survives_wire(&StoredOutcome {
        scan: snapshot.scan.clone(),
        ticker: snapshot.ticker.clone(),
        outcome: Outcome::Found(Box::new(finding.clone())),
        worker: "fuzz:1".to_owned(),
        attempt: 1,
    });
    finding
}

/// RULES.md: 0 < bid < ask, a plan that pays, every mandatory check passed, a score within its parts.
fn candidate(found: &Candidate, config: &AnalysisConfig) {
    let plan = &found.plan;
    assert!(!found.bid.is_zero() && found.bid < found.ask, "{found:?}");
    assert!(plan.stop <= plan.buy && plan.buy <= plan.target && !plan.buy.is_zero(), "{plan:?}");
    if config.strategies == AnalysisConfig::default().strategies && config.costs == AnalysisConfig::default().costs {
        assert!(!plan.stop.is_zero() && plan.stop < plan.buy && plan.buy < plan.target, "{plan:?}");
    }
    let mandatory = found.checks.iter().filter(|check| check.mandatory);
    assert!(mandatory.clone().all(|check| check.verdict == Verdict::Pass), "{:?}", found.checks);
    assert!(found.net_pct >= config.costs.min_net_pct && found.gross_pct.is_finite(), "{found:?}");
    assert!(found.control || found.checks.iter().any(|check| check.name == "net_pct"));
    let [low, high] = config.gates.iv;
    assert!(found.iv.is_some_and(|iv| (low..=high).contains(&iv)), "{:?}", found.iv);
    delta(found, config);
    assert!(found.spot_used.is_some_and(|spot| spot.is_finite() && spot > 0.0), "{:?}", found.spot_used);
    assert!(found.spread_pct > 0.0 && found.spread_pct <= 200.0 && found.mid > 0.0, "{found:?}");
    assert!(found.rsi.is_none_or(|rsi| (0.0..=100.0).contains(&rsi)), "{:?}", found.rsi);
    assert!(found.score.parts.iter().all(|part| (0.0..=part.max).contains(&part.points)), "{:?}", found.score);
    assert!(found.score.total() <= 100.0);
}

/// RULES.md: ±e^{−qT}·N(±d1), the sign being the kind's. With a negative yield that is more than 1; with a forward of at
/// most twice the spot, and rates and expirations as in `settings`, never more than this.
const MAX_DELTA: f64 = 3.0;

fn delta(found: &Candidate, config: &AnalysisConfig) {
    let upward = match found.symbol.kind {
        OptionKind::Call => found.delta,
        OptionKind::Put => found.delta.map(|delta| -delta),
    };
    assert!(upward.is_some_and(|delta| (0.0..=MAX_DELTA).contains(&delta)), "{:?} of {}", found.delta, found.symbol);
    let [low, high] = config.strategies.oversold_call.delta;
    let asked_for = found.delta.is_some_and(|delta| (low..=high).contains(&delta));
    assert!(found.control || asked_for, "a signal with a delta of {:?}", found.delta);
}

/// Each live trade changes at most once, from the state it is in, and a notice fits one message.
fn follow(snapshot: &MarketSnapshot, finding: &Finding) {
    let live = |id: &TradeId| snapshot.live_trades.iter().find(|trade| trade.id == *id && trade.state.is_live());
    for step in &finding.transitions {
        let trade = live(&step.trade).unwrap_or_else(|| panic!("{} is no live trade", step.trade));
        let possible = snapshot.live_trades.iter().any(|t| t.id == step.trade && t.after(&step.transition).is_some());
        assert!(possible, "{trade:?} cannot become {step:?}");
        if let Some(notice) = &step.notice {
            let septets = gsm7::septets(&notice.text);
            assert!(septets.is_some_and(|n| n <= gsm7::SEGMENT), "{septets:?} septets: {:?}", notice.text);
            promises::survives_wire(notice);
        }
    }
    assert!(finding.transitions.len() <= snapshot.live_trades.len());
    assert!(finding.marks.iter().all(|(id, mark)| live(id).is_some() && mark.at == snapshot.as_of));
}

/// The order of a vendor's rows changes nothing.
fn turned(snapshot: &MarketSnapshot, config: &AnalysisConfig, finding: &Finding) {
    let mut turned = snapshot.clone();
    turned.chain.contracts.reverse();
    assert_eq!(&analyse_explained(&turned, config).0, finding, "the order of rows");
}

/// Nothing later than `as_of` is read: bars of the running session and after it change nothing.
fn later(snapshot: &MarketSnapshot, config: &AnalysisConfig, finding: &Finding) {
    let today = calendar::exchange_date(snapshot.as_of);
    let mut later = snapshot.clone();
    let add = |series: &mut BarSeries| {
        // From tomorrow on: today's bar may be final already when `as_of` is after the close.
        series.bars.retain(|bar| bar.date <= today);
        let price = Price::from_units(1_234_500);
        // The years of the calendar: what is beyond them has no session.
        let Some(day) = calendar::next_session(today) else { return };
        series.bars.push(Bar { date: day, open: price, high: price, low: price, close: price, volume: 7 });
    };
    later.underlying_bars.iter_mut().for_each(add);
    later.contract_bars.values_mut().for_each(add);
    assert_eq!(&analyse_explained(&later, config).0, finding, "a bar of the future was read");
}
