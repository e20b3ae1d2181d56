//! Each strategy fires in a world made for it, and each of its mandatory checks refuses alone.

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse, analyse_explained};
use fleet_core::domain::*;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::strategy_worlds::*;
use crate::world::*;

/// The place of a contract and what the strategy checked of it.
fn judged(snapshot: &MarketSnapshot, config: &AnalysisConfig, symbol: &OccSymbol) -> (String, Vec<Check>) {
    let (finding, explained) = analyse_explained(snapshot, config);
    assert_eq!(finding.funnel.total(), snapshot.chain.rows() as u64);
    let contract = explained.into_iter().find(|e| e.quote.symbol == *symbol).unwrap();
    (contract.place.into_owned(), contract.strategies.into_iter().next().map(|(_, checks)| checks).unwrap_or_default())
}

/// The strategy fires on the contract as it is, and each change of its settings makes one mandatory check fail, that one
/// alone. `elsewhere` names the mandatory checks that other tests are about.
fn check(name: &str, snapshot: &MarketSnapshot, symbol: &OccSymbol, changes: &[(&str, Value)], elsewhere: &[&str]) {
    let (place, checks) = judged(snapshot, &only(name, &json!({})), symbol);
    let missed: Vec<&Check> = checks.iter().filter(|c| c.mandatory && c.verdict != Verdict::Pass).collect();
    assert_eq!(place, "candidate", "{name} {missed:?}");
    let candidate = analyse(snapshot, &only(name, &json!({}))).candidates.into_iter().find(|c| c.symbol == *symbol);
    let total: f64 = candidate.unwrap().score.parts.iter().map(|part| part.max).sum();
    assert_eq!(total, 100.0, "{name}");
    for check in checks.iter().filter(|check| check.mandatory) {
        let covered = changes.iter().any(|(changed, _)| *changed == check.name) || elsewhere.contains(&&*check.name);
        assert!(covered, "{name}: no test makes {} fail", check.name);
    }
    for (check, change) in changes {
        let config = only(name, change);
        let (place, checks) = judged(snapshot, &config, symbol);
        let failed: Vec<&str> =
            checks.iter().filter(|c| c.mandatory && c.verdict != Verdict::Pass).map(|c| &*c.name).collect();
        assert_eq!(failed, [*check], "{name} {change}");
        let refused = ["skip:underlying_pre_gate", "not_wanted"].contains(&place.as_str());
        assert!(refused || place == format!("strategy:{name}"), "{name} {change}: {place}");
        assert!(analyse(snapshot, &config).candidates.iter().all(|c| c.symbol != *symbol), "{name} {change}");
    }
}

/// A change of the world makes one check fail or unknown and nothing fires.
fn check_world(
    name: &str,
    mut snapshot: MarketSnapshot,
    symbol: &OccSymbol,
    change: impl FnOnce(&mut MarketSnapshot),
    wanted: &str,
) {
    change(&mut snapshot);
    let config = only(name, &json!({}));
    assert_eq!(judged(&snapshot, &config, symbol).0, wanted, "{name}");
    assert!(analyse(&snapshot, &config).candidates.iter().all(|c| c.symbol != *symbol));
}

#[test]
fn s1p_each_check_refuses_alone() {
    let changes = [
        ("dte_min", json!({"dte": [57, 270]})),
        ("dte_max", json!({"dte": [45, 55]})),
        ("abs_delta_min", json!({"abs_delta": [0.5, 0.65]})),
        ("abs_delta_max", json!({"abs_delta": [0.1, 0.2]})),
        ("bars", json!({"min_bars": 101})),
        ("min_rsi_3", json!({"max_rsi": 1.0})),
        ("min_pct_b_3", json!({"max_pct_b": -1.5})),
        ("adjusted_rsi", json!({"max_adjusted_rsi": 1.0})),
        ("close_to_sma50", json!({"max_close_to_sma50": 0.5})),
        ("net_pct", json!({"target_pct": 1.0})),
    ];
    check(
        "oversold_put",
        &falling_world(),
        &the_put(),
        &changes,
        &["is_put", "underlying_rsi", "rsi_rise", "pct_b_rise"],
    );
    // The underlying rules the ticker out before a contract's bars are asked for.
    let strict = only("oversold_put", &json!({"min_underlying_rsi": 100.0}));
    assert_eq!(judged(&falling_world(), &strict, &the_put()).0, "skip:underlying_pre_gate");
    let calls = symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 105);
    assert_eq!(judged(&falling_world(), &only("oversold_put", &json!({})), &calls).0, "not_wanted");
    check_world(
        "oversold_put",
        falling_world(),
        &the_put(),
        |s| s.contract_bars.get_mut(&the_put()).unwrap().bars.last_mut().unwrap().close = price(3.1),
        "strategy:oversold_put",
    );
}

#[test]
fn s2_each_check_refuses_alone() {
    let changes = [
        ("dte_min", json!({"dte": [57, 180]})),
        ("dte_max", json!({"dte": [7, 55]})),
        ("abs_delta_min", json!({"abs_delta": [0.45, 0.5]})),
        ("abs_delta_max", json!({"abs_delta": [0.1, 0.2]})),
        ("volume", json!({"min_volume": 5001})),
        ("open_interest", json!({"min_open_interest": 1001})),
        ("volume_to_oi", json!({"min_volume_to_oi": 5.01})),
        ("last", json!({"min_last": 50.0})),
        ("premium", json!({"min_premium": [1e9, 1.0, 1.0]})),
        ("net_pct", json!({"target_pct": 1.0})),
    ];
    check("unusual_volume", &busy_world(), &the_call(), &changes, &["is_fund_or_index", "ex_dividends"]);
    let check_world = |change: fn(&mut MarketSnapshot), wanted| {
        check_world("unusual_volume", busy_world(), &the_call(), change, wanted);
    };
    let refused = |change| check_world(change, "strategy:unusual_volume");
    check_world(|s| s.facts.class = Some(UnderlyingClass::Fund), "not_wanted");
    // Nobody said at what price it was traded last.
    check_world(|s| row(s, &the_call()).last = None, "unknown:last");
    // A session away; the second one is far enough.
    refused(|s| ex_dividend(s, date(2026, 11, 23)));
    refused(|s| ex_dividend(s, date(2026, 11, 19)));
    // Where the store has the usual volume, it is asked for: 5,000 of 30,000 are a sixth.
    let mut usual = busy_world();
    usual.history = history(20, 0.2, 0.3);
    let of = |share: f64| judged(&usual, &only("unusual_volume", &json!({"min_share_of_usual": share})), &the_call()).0;
    assert_eq!([of(0.16), of(0.17)], ["candidate", "strategy:unusual_volume"]);
}

fn ex_dividend(snapshot: &mut MarketSnapshot, ex_date: Date) {
    paid(snapshot, &[ex_date]);
}

fn paid(snapshot: &mut MarketSnapshot, ex_dates: &[Date]) {
    let dividends = ex_dates.iter().map(|ex_date| CashDividend { ex_date: *ex_date, amount: price(0.5) });
    snapshot.underlying_bars.as_mut().unwrap().dividends = Some(dividends.collect());
}

/// The Friday's next session is Monday the 23rd.
#[test]
fn s2_knows_the_ex_dates_to_come_or_does_not_fire() {
    let of = |ex_dates: &[Date]| {
        let mut snapshot = busy_world();
        paid(&mut snapshot, ex_dates);
        let (place, checks) = judged(&snapshot, &only("unusual_volume", &json!({})), &the_call());
        (place, checks.into_iter().find(|check| check.name == "ex_dividends").unwrap().value)
    };
    let fires = || ("candidate".to_owned(), Some(0.0));
    assert_eq!(of(&[]), fires(), "it pays nothing");
    check_world(
        "unusual_volume",
        busy_world(),
        &the_call(),
        |s| s.underlying_bars.as_mut().unwrap().dividends = None,
        "unknown:ex_dividends",
    );
    // Quarters: from 24 August the next is on the 24th, from the 21st on Saturday the 21st and so on Monday.
    let quarters = |last| [date(2026, 2, 23), date(2026, 5, 22), last];
    assert_eq!(of(&quarters(date(2026, 8, 24))), fires());
    assert_eq!(of(&quarters(date(2026, 8, 21))), ("strategy:unusual_volume".to_owned(), Some(1.0)));
    // A known one that is far enough away, and the same without its rhythm.
    assert_eq!(of(&[date(2026, 5, 26), date(2026, 8, 25), date(2026, 11, 24)]), fires());
    assert_eq!(of(&[date(2026, 11, 24)]), ("unknown:ex_dividends".to_owned(), None));
    assert_eq!(of(&[date(2026, 8, 3)]), ("unknown:ex_dividends".to_owned(), None));
    // It stopped years ago.
    assert_eq!(of(&[date(2024, 5, 22), date(2024, 8, 23), date(2024, 11, 22)]), fires());
}

#[test]
fn s2_says_what_else_it_saw() {
    let flags = |change: fn(&mut MarketSnapshot)| {
        let mut snapshot = busy_world();
        change(&mut snapshot);
        let found = analyse(&snapshot, &only("unusual_volume", &json!({}))).candidates;
        found.into_iter().find(|c| c.symbol == the_call()).unwrap().flags
    };
    assert_eq!(flags(|_| {}), ["unconfirmed", "ask_side"]);
    let stale = |s: &mut MarketSnapshot| row(s, &the_call()).last.as_mut().unwrap().time = later(-6);
    assert_eq!(flags(stale), ["unconfirmed"]);
    let at_bid = |s: &mut MarketSnapshot| {
        let row = row(s, &the_call());
        row.last.as_mut().unwrap().price = row.bid.unwrap();
    };
    assert_eq!(flags(at_bid), ["unconfirmed"]);
    let other_leg =
        |s: &mut MarketSnapshot| row(s, &symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 110)).volume = Some(4_500);
    assert_eq!(flags(other_leg), ["unconfirmed", "ask_side", "spread?"]);
    let no_leg =
        |s: &mut MarketSnapshot| row(s, &symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 110)).volume = Some(4_499);
    assert_eq!(flags(no_leg), ["unconfirmed", "ask_side"]);
    assert_eq!(flags(|s| s.facts.earnings = None), ["unconfirmed", "ask_side", "earnings_unknown"]);
    // A company of unknown size must show the highest premium, which this one does; one that says nothing of itself too.
    assert_eq!(flags(|s| s.facts = UnderlyingFacts::default()), ["unconfirmed", "ask_side", "earnings_unknown"]);
}

fn later(minutes: i64) -> jiff::Timestamp {
    as_of() + jiff::SignedDuration::from_mins(minutes)
}

#[test]
fn s3_each_check_refuses_alone() {
    let call = symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 100);
    let changes = [
        ("dte_min", json!({"dte": [57, 90]})),
        ("dte_max", json!({"dte": [45, 55]})),
        ("abs_delta_min", json!({"abs_delta": [0.549, 0.55]})),
        ("abs_delta_max", json!({"abs_delta": [0.45, 0.5]})),
        ("net_pct", json!({"target_pct": 1.0})),
    ];
    let of_the_underlying = [
        ("iv_sessions", json!({"min_iv_sessions": 152})),
        ("iv_to_hv20", json!({"max_iv_to_hv": [0.1, 1.0]})),
        ("iv_to_hv60", json!({"max_iv_to_hv": [0.1, 0.11]})),
        ("term_slope", json!({"max_term_slope": 0.5})),
    ];
    let elsewhere = [
        "iv_sessions",
        "iv_rank",
        "iv_percentile",
        "iv_to_hv20",
        "iv_to_hv60",
        "term_slope",
        "recent_earnings",
        "earnings_before_expiration",
        "with_sma20",
        "past_value",
    ];
    check("cheap_iv", &cheap_world(), &call, &changes, &elsewhere);
    for (check, change) in of_the_underlying {
        let finding = analyse(&cheap_world(), &only("cheap_iv", &change));
        let Answer::Skipped(SkipReason::UnderlyingPreGate { check: first }) = &finding.answer else {
            panic!("{check}: {:?}", finding.answer)
        };
        assert!(first.name == check || (check == "iv_to_hv60" && first.name == "iv_to_hv20"), "{check} {first:?}");
    }
    let refused = |change: fn(&mut MarketSnapshot), wanted: &str| {
        check_world("cheap_iv", cheap_world(), &call, change, wanted);
    };
    // Today's volatility in the middle of the past year's.
    refused(|s| s.history = history(150, 0.20, 0.40), "skip:underlying_pre_gate");
    refused(|s| s.history = history(100, 0.60, 0.31), "skip:underlying_pre_gate");
    refused(|s| s.facts.earnings = reports(&[date(2026, 11, 4), date(2027, 2, 3)]), "skip:underlying_pre_gate");
    refused(|s| s.facts.earnings = reports(&[date(2026, 10, 15), date(2027, 1, 8)]), "strategy:cheap_iv");
    refused(|s| s.facts.earnings = None, "skip:underlying_pre_gate");
    // An underlying that came down moves the other way: its calls are of the wrong side and paid nothing.
    refused(|s| with_bars(s, &wild_rise().into_iter().rev().collect::<Vec<_>>()), "strategy:cheap_iv");
    let put = symbol("XYZ", EXPIRATIONS[1], OptionKind::Put, 100);
    assert_eq!(judged(&cheap_world(), &only("cheap_iv", &json!({})), &put).0, "strategy:cheap_iv");
}

/// 37 sessions lie before the call's expiration: five independent stretches are 185 windows, of 222 closes.
#[test]
fn s3_is_not_fired_by_a_past_that_is_not_told() {
    let call = symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 100);
    let config = only("cheap_iv", &json!({}));
    let judged_with = |closes: usize| {
        let mut snapshot = cheap_world();
        let all = wild_rise();
        with_bars(&mut snapshot, &all[all.len() - closes..]);
        let (place, checks) = judged(&snapshot, &config, &call);
        let value = checks.into_iter().find(|check| check.name == "past_value").unwrap();
        (place, value.verdict, value.value.is_some())
    };
    assert_eq!(judged_with(222), ("candidate".to_owned(), Verdict::Pass, true));
    assert_eq!(judged_with(221), ("unknown:past_value".to_owned(), Verdict::Unknown, false));
}

#[test]
fn s4_each_check_refuses_alone() {
    let changes = [
        ("dte_min", json!({"dte": [29, 45]})),
        ("dte_max", json!({"dte": [21, 27]})),
        ("abs_delta_min", json!({"abs_delta": [0.21, 0.3]})),
        ("abs_delta_max", json!({"abs_delta": [0.1, 0.15]})),
        ("spot_min", json!({"spot": [101.0, 300.0]})),
        ("spot_max", json!({"spot": [10.0, 99.0]})),
        ("spread_pct", json!({"max_spread_pct": 1.0})),
        ("open_interest", json!({"min_open_interest": 501})),
        ("annual_roc_pct", json!({"annual_roc_pct": [20.0, 80.0]})),
        ("too_good", json!({"annual_roc_pct": [1.0, 2.0]})),
        ("net_pct", json!({"target_pct": 1.0})),
        ("breakeven_moves", json!({"min_breakeven_moves": 2.0})),
    ];
    let elsewhere = ["is_put", "trend", "dear_volatility", "earnings_before_expiration", "expected_value"];
    check("csp_yield", &csp_world(), &the_short_put(), &changes, &elsewhere);
    let refused = |change: fn(&mut MarketSnapshot), wanted: &str| {
        check_world("csp_yield", csp_world(), &the_short_put(), change, wanted);
    };
    refused(|s| s.facts.earnings = None, "unknown:earnings_before_expiration");
    refused(|s| s.facts.earnings = reports(&[date(2026, 12, 10)]), "strategy:csp_yield");
    // A broken trend: far below the year's highest and its long average.
    refused(
        |s| with_bars(s, &(0..260).map(|i| 160.0 - 0.23 * f64::from(i)).collect::<Vec<_>>()),
        "skip:underlying_pre_gate",
    );
    // An underlying that moves more than its options say: neither dear nor worth its risk.
    refused(|s| with_bars(s, &wild_rise()), "skip:underlying_pre_gate");
    let dear = only("csp_yield", &json!({"min_iv_to_hv20": 0.1}));
    let mut moving = csp_world();
    with_bars(&mut moving, &wild_rise());
    let (_, checks) = judged(&moving, &dear, &the_short_put());
    let failed: Vec<&str> =
        checks.iter().filter(|c| c.mandatory && c.verdict != Verdict::Pass).map(|c| &*c.name).collect();
    assert_eq!(failed, ["expected_value"]);
    let call = symbol("XYZ", EXPIRATIONS[0], OptionKind::Call, 105);
    assert_eq!(judged(&csp_world(), &only("csp_yield", &json!({})), &call).0, "not_wanted");
}

#[test]
fn s4_sells_at_the_bid_and_says_what_it_may_cost() {
    let config = only("csp_yield", &json!({}));
    let finding = analyse(&csp_world(), &config);
    let found = finding.candidates.iter().find(|c| c.symbol == the_short_put()).unwrap();
    assert_eq!((found.plan.direction, found.plan.buy), (Direction::Short, found.bid));
    let credit = found.bid.dollars();
    assert!((found.plan.target.dollars() - credit / 2.0).abs() <= 0.01);
    assert!((found.plan.stop.dollars() - credit * 3.0).abs() <= 0.01, "a loss of twice the credit");
    assert!((found.gross_pct - 50.0).abs() < 1.0 && found.net_pct < found.gross_pct);
    let risk = found.plan.max_loss(&found.symbol).unwrap().dollars();
    assert!((risk - (94.0 - credit) * 100.0).abs() < 1e-6);
}

#[test]
fn s5_each_check_refuses_alone() {
    let call = symbol("XYZ", EXPIRATIONS[2], OptionKind::Call, 90);
    for name in ["sma_cross", "macd_cross"] {
        let changes = [
            ("dte_min", json!({"dte": [120, 121]})),
            ("dte_max", json!({"dte": [60, 118]})),
            ("delta_min", json!({"delta": [0.79, 0.8]})),
            ("delta_max", json!({"delta": [0.68, 0.7]})),
            ("extrinsic_share", json!({"max_extrinsic_share": 0.1})),
            ("net_pct", json!({"target_pct": 1.0})),
        ];
        let elsewhere = ["is_call", "fast_over_slow", "fast_over_slow_before", "close_to_trend"];
        check(name, &crossing_world(), &call, &changes, &elsewhere);
        let refused = |change: fn(&mut MarketSnapshot)| {
            check_world(name, crossing_world(), &call, change, "skip:underlying_pre_gate");
        };
        // The day before, the day after, and a cross below the long average.
        refused(|s| with_bars(s, &crossing()[..237]));
        refused(|s| with_bars(s, &[crossing(), vec![130.0]].concat()));
        refused(|s| with_bars(s, &crossing().into_iter().enumerate().map(below_average).collect::<Vec<_>>()));
        let put = symbol("XYZ", EXPIRATIONS[2], OptionKind::Put, 90);
        assert_eq!(judged(&crossing_world(), &only(name, &json!({})), &put).0, "not_wanted");
    }
    let long = only("sma_cross", &json!({"trend_sessions": 400}));
    assert_eq!(judged(&crossing_world(), &long, &call).0, "skip:underlying_pre_gate", "an average nobody can know");
}

/// The same with a past so high that the last close is below the average of 50.
fn below_average((at, close): (usize, f64)) -> f64 {
    if at < 210 { 200.0 + close } else { close }
}

#[test]
fn s6_each_check_refuses_alone() {
    let changes = [
        ("dte_min", json!({"dte": [29, 45]})),
        ("dte_max", json!({"dte": [21, 27]})),
        ("abs_delta_min", json!({"delta": [0.28, 0.3]})),
        ("abs_delta_max", json!({"delta": [0.1, 0.2]})),
        ("static_annual_pct", json!({"min_static_annual_pct": 50.0})),
        ("strength", json!({"min_rsi": 100.0, "min_pct_b": 3.0})),
        ("net_pct", json!({"target_pct": 1.0})),
    ];
    let elsewhere =
        ["is_call", "shares", "strike_over_cost", "iv_rank", "earnings_before_expiration", "ex_dividends_in_the_money"];
    check("covered_call_yield", &covered_world(), &the_covered_call(), &changes, &elsewhere);
    let refused = |change: fn(&mut MarketSnapshot), wanted: &str| {
        check_world("covered_call_yield", covered_world(), &the_covered_call(), change, wanted);
    };
    refused(|s| s.facts.holding = None, "unknown:shares");
    refused(|s| s.facts.holding = Some(Holding { shares: 99, cost_basis: price(90.0) }), "not_wanted");
    refused(|s| s.facts.holding = Some(Holding { shares: 100, cost_basis: price(106.01) }), "not_wanted");
    refused(|s| s.facts.earnings = None, "unknown:earnings_before_expiration");
    refused(|s| s.history = history(60, 0.29, 0.60), "skip:underlying_pre_gate");
    refused(|s| s.history.truncate(20), "skip:underlying_pre_gate");
    refused(|s| s.contract_bars.clear(), "not_examined");
}

/// Who holds a call in the money takes the dividend by exercising it before.
#[test]
fn s6_knows_the_ex_dates_to_come_or_sells_nothing_in_the_money() {
    let of = |strike: u32, ex_dates: &[Date]| {
        let mut snapshot = covered_world();
        let call = symbol("XYZ", EXPIRATIONS[0], OptionKind::Call, strike);
        let bars = snapshot.contract_bars[&the_covered_call()].clone();
        snapshot.contract_bars.insert(call, BarSeries { instrument: Instrument::Contract(call), ..bars });
        paid(&mut snapshot, ex_dates);
        let config = only("covered_call_yield", &json!({"delta": [0.2, 0.95]}));
        let (place, checks) = judged(&snapshot, &config, &call);
        (place, checks.into_iter().find(|check| check.name == "ex_dividends_in_the_money").unwrap().value)
    };
    let fires = || ("candidate".to_owned(), Some(0.0));
    let refused = || ("strategy:covered_call_yield".to_owned(), Some(1.0));
    assert_eq!(of(95, &[]), fires(), "it pays nothing");
    // Quarters: the next after 15 September is inside, the next after the 21st is the Monday after the expiration.
    let quarters = |last| [date(2026, 3, 23), date(2026, 6, 22), last];
    assert_eq!(of(95, &quarters(date(2026, 9, 15))), refused());
    assert_eq!(of(95, &quarters(date(2026, 9, 21))), fires());
    // A told one counts whatever the rhythm; without either nobody knows.
    assert_eq!(of(95, &[date(2026, 12, 18)]), refused());
    assert_eq!(of(95, &[date(2026, 8, 3)]), ("unknown:ex_dividends_in_the_money".to_owned(), None));
    // Out of the money nobody exercises for it.
    assert_eq!(of(106, &quarters(date(2026, 9, 15))), fires());
}

#[test]
fn a_strategy_says_how_much_history_there_is() {
    let sessions = |snapshot: &MarketSnapshot| analyse(snapshot, &only("cheap_iv", &json!({}))).iv_sessions;
    assert_eq!(sessions(&cheap_world()), Some(151), "today's is one of them");
    let mut short = cheap_world();
    short.history.truncate(40);
    assert_eq!(sessions(&short), Some(41));
    // What this session or a later one left behind is none of its past.
    short.history.push(SessionSummary { session: TODAY, ..short.history[0].clone() });
    short.history.push(SessionSummary { session: date(2026, 11, 23), ..short.history[0].clone() });
    assert_eq!(sessions(&short), Some(41));
    assert_eq!(analyse(&short, &config()).iv_sessions, None, "nobody asks");
}

#[test]
fn no_contract_is_asked_for_where_no_strategy_wants_its_bars() {
    for name in ["unusual_volume", "cheap_iv", "csp_yield", "sma_cross"] {
        let mut snapshot = csp_world();
        snapshot.underlying_bars = None;
        snapshot.chain.contracts.extend(busy_world().chain.contracts.into_iter().filter(|q| q.symbol == the_call()));
        assert_eq!(complete(&mut snapshot, &only(name, &json!({}))), Vec::new(), "{name}");
    }
}

#[test]
fn two_strategies_find_what_each_finds_alone() {
    let mut both = only("csp_yield", &json!({}));
    both.strategies.oversold_call.enabled = true;
    let mut snapshot = csp_world();
    complete(&mut snapshot, &both);
    let found = |config: &AnalysisConfig| {
        let all = analyse(&snapshot, config).candidates;
        all.into_iter().map(|c| (c.strategy, c.symbol)).collect::<std::collections::BTreeSet<_>>()
    };
    let alone = [only("csp_yield", &json!({})), only("oversold_call", &json!({}))].map(|config| found(&config));
    assert!(alone.iter().all(|found| !found.is_empty()));
    assert_eq!(found(&both), alone.into_iter().flatten().collect());
}
