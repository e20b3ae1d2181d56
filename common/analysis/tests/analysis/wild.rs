//! Whatever a vendor sends: the funnel sums, nothing panics, no NaN comes out, nothing later than as-of is read, and the
//! same snapshot gives the same bytes.

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse_explained, wanted};
use fleet_core::domain::*;
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use crate::world::*;

fn wild_price() -> impl Strategy<Value = Option<Price>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Price::ZERO)),
        6 => (1u64..2_000).prop_map(|cents| Some(Price::from_units(cents * 100))),
        1 => (1u64..100_000_000_000).prop_map(|units| Some(Price::from_units(units))),
    ]
}

fn wild_count() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(0)), (0u64..5_000).prop_map(Some), any::<u64>().prop_map(Some)]
}

fn wild_symbol() -> impl Strategy<Value = OccSymbol> {
    let roots = prop::sample::select(vec!["XYZ", "XYZ", "XYZ", "XYZ1", "SPX", "SPXW"]);
    // Mostly days on which options expire.
    let days = prop_oneof![8 => prop::sample::select(vec![-28i64, 0, 7, 28, 56, 91, 119]), 1 => -30i64..400];
    (roots, days, any::<bool>(), 1u32..40).prop_map(|(root, days, call, strike)| {
        let expiration = date(2026, 11, 20).saturating_add(jiff::Span::new().days(days));
        symbol(root, expiration, if call { OptionKind::Call } else { OptionKind::Put }, strike * 5)
    })
}

fn wild_quotes() -> impl Strategy<Value = Vec<ContractQuote>> {
    // Half of the time they are sound quotes of a pair, so that forwards and strategies have something to work on.
    let sound = wild_symbol().prop_map(|symbol| {
        let both = [OptionKind::Call, OptionKind::Put].map(|kind| OccSymbol { kind, ..symbol });
        both.map(|symbol| quote(symbol, SPOT, as_of())).to_vec()
    });
    let wild = (wild_symbol(), wild_price(), wild_price(), wild_count(), wild_count()).prop_map(
        |(symbol, bid, ask, volume, open_interest)| {
            vec![ContractQuote { symbol, bid, ask, last: None, volume, open_interest, vendor_iv: None }]
        },
    );
    prop_oneof![sound, wild]
}

fn wild_bars(instrument: Instrument) -> impl Strategy<Value = BarSeries> {
    let bar = (-400i64..5, wild_price(), wild_price(), 0u64..300).prop_map(|(days, close, high, volume)| Bar {
        date: date(2026, 11, 20).saturating_add(jiff::Span::new().days(days)),
        open: close.unwrap_or_default(),
        high: high.unwrap_or_default(),
        low: Price::ZERO,
        close: close.unwrap_or_default(),
        volume,
    });
    prop_oneof![
        1 => prop::collection::vec(bar, 0..250).prop_map({
            let instrument = instrument.clone();
            move |bars| BarSeries { instrument: instrument.clone(), bars, last_split: None, dividends: Some(Vec::new()), incomplete: 0 , complete_from: None }
        }),
        1 => prop::collection::vec(0.01f64..20.0, 0..250).prop_map({
            let instrument = instrument.clone();
            move |closes| series(instrument.clone(), date(2026, 11, 20), &closes, 100)
        }),
        3 => any::<bool>().prop_map(move |_| {
            let closes = match &instrument {
                Instrument::Underlying(_) => underlying_closes(),
                Instrument::Contract(_) => contract_closes(),
            };
            series(instrument.clone(), date(2026, 11, 20), &closes, 100)
        }),
    ]
}

fn wild_snapshot() -> impl Strategy<Value = MarketSnapshot> {
    let rows = prop::collection::vec(wild_quotes(), 0..40);
    let copies = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let spot = prop_oneof![Just(None), Just(Some(100.0)), (0.0f64..300.0).prop_map(Some)];
    let age = prop_oneof![12 => Just(Some(0i64)), 1 => Just(None), 2 => (-300i64..3_000).prop_map(Some)];
    let underlying = proptest::option::weighted(0.8, wild_bars(Instrument::Underlying(Ticker::parse("XYZ").unwrap())));
    let own = prop::collection::vec(wild_bars(Instrument::Contract(the_call())), 1..4);
    (rows, copies, spot, age, underlying, own, any::<bool>()).prop_map(
        |(rows, copies, spot, age, underlying, own, sound)| {
            let mut snapshot = snapshot();
            if !sound {
                snapshot.chain.contracts.clear();
            }
            snapshot.chain.contracts.extend(rows.into_iter().flatten());
            for copy in copies.iter().filter(|_| !snapshot.chain.contracts.is_empty()).collect::<Vec<_>>() {
                let again = copy.get(&snapshot.chain.contracts).clone();
                snapshot.chain.contracts.push(again);
            }
            snapshot.chain.refused = vec![RefusedRow { symbol: "?".to_owned(), reason: RowRefusal::BadPrice }];
            snapshot.chain.quote_time = age.map(|secs| as_of() - SignedDuration::from_secs(secs));
            snapshot.chain.vendor_spot =
                spot.map(|dollars| VendorSpot { price: price(dollars), time: snapshot.chain.quote_time });
            snapshot.underlying_bars = underlying;
            snapshot.max_bars = 25;
            snapshot.facts = facts();
            snapshot.history = history();
            for (n, quote) in snapshot.chain.contracts.clone().iter().enumerate() {
                snapshot.contract_bars.insert(quote.symbol, own[n % own.len()].clone());
            }
            snapshot
        },
    )
}

fn facts() -> UnderlyingFacts {
    let report = |date| EarningsDate { date, estimated: true };
    UnderlyingFacts {
        class: Some(UnderlyingClass::Stock),
        earnings: Some(vec![report(date(2026, 9, 1)), report(date(2027, 12, 1))]),
        market_cap: Some(1e9),
        holding: Some(Holding { shares: 100, cost_basis: price(1.0) }),
    }
}

fn history() -> Vec<SessionSummary> {
    let of = |(at, session): (u32, Date)| SessionSummary {
        session,
        as_of: calendar::at_new_york(session, 15, 45, 0),
        spot: None,
        iv30: (at % 7 > 0).then(|| 0.2 + f64::from(at % 40) / 100.0),
        skew_25: None,
        term_slope: None,
        call_volume: u64::from(at),
        put_volume: 1,
        call_open_interest: None,
        put_open_interest: None,
    };
    (0..).zip(sessions(date(2026, 11, 20), 200)).map(of).collect()
}

/// Loose settings, so that wild contracts come far.
fn loose() -> AnalysisConfig {
    let mut config = AnalysisConfig::default();
    config.gates.max_spot_gap_pct = 100.0;
    config.gates.min_open_interest = 0;
    config.gates.min_volume = 0;
    config.gates.max_spread_pct = 200.0;
    config.coverage.min_bars = 21;
    config.coverage.min_traded_sessions = 0;
    config.coverage.max_age_sessions = 250;
    config.strategies.oversold_call.dte = [0, 1000];
    config.strategies.oversold_call.delta = [0.0, 1.0];
    config.strategies.oversold_call.max_underlying_rsi = 100.0;
    config.strategies.control.dte = [0, 1000];
    config.strategies.control.per_mille = 100;
    every_strategy(&config)
}

/// The same with every strategy enabled, over all expirations and deltas.
fn every_strategy(config: &AnalysisConfig) -> AnalysisConfig {
    let mut all = serde_json::to_value(config).unwrap();
    for table in all["strategies"].as_object_mut().unwrap().values_mut() {
        table["enabled"] = true.into();
        table["dte"] = serde_json::json!([0, 1000]);
        for deltas in ["delta", "abs_delta"] {
            if table.get(deltas).is_some() {
                table[deltas] = serde_json::json!([0.0, 1.0]);
            }
        }
    }
    serde_json::from_value(all).unwrap()
}

fn bytes(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> String {
    serde_json::to_string(&analyse_explained(snapshot, config)).unwrap()
}

/// JSON has no NaN: serde writes it as null, which only an `Option` reads back.
fn survives_json(finding: &Finding) -> bool {
    let text = serde_json::to_string(finding).unwrap();
    serde_json::from_str::<Finding>(&text).is_ok_and(|again| again == *finding)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_counted_once(snapshot in wild_snapshot(), strict in any::<bool>()) {
        let config = if strict { AnalysisConfig::default() } else { loose() };
        let (finding, explained) = analyse_explained(&snapshot, &config);
        prop_assert_eq!(finding.funnel.total(), snapshot.chain.rows() as u64, "{:?}", finding.funnel);
        prop_assert_eq!(explained.len(), snapshot.chain.contracts.len());
        // A contract that two strategies find is one contract.
        let signals = finding.candidates.iter().filter(|c| !c.control).map(|c| c.symbol);
        let signals = signals.collect::<std::collections::BTreeSet<_>>().len() as u64;
        prop_assert_eq!(signals, finding.funnel.0.get("candidate").copied().unwrap_or(0));
        prop_assert!(survives_json(&finding));
        let _ = wanted(&snapshot, &config);
    }

    #[test]
    fn the_same_snapshot_gives_the_same_bytes(snapshot in wild_snapshot()) {
        prop_assert_eq!(bytes(&snapshot, &loose()), bytes(&snapshot.clone(), &loose()));
    }

    #[test]
    fn the_future_changes_nothing(snapshot in wild_snapshot(), close in 1u64..1_000_000, volume in 1u64..1_000_000) {
        let mut later = snapshot.clone();
        let price = Price::from_units(close * 100);
        let days: Vec<Date> = (0..5).map(|n| date(2026, 11, 20).saturating_add(jiff::Span::new().days(n))).collect();
        let poison = |series: &mut BarSeries| {
            series.bars.retain(|bar| bar.date < days[0]);
            series.bars.extend(
                days.iter().map(|date| Bar { date: *date, open: price, high: price, low: price, close: price, volume }),
            );
            series.last_split = Some(days[1]);
        };
        let mut tomorrow = later.history[0].clone();
        (tomorrow.session, tomorrow.iv30) = (days[3], Some(0.01 + volume as f64 / 1e6));
        later.history.push(SessionSummary { session: days[0], ..tomorrow.clone() });
        later.history.push(tomorrow);
        later.underlying_bars.iter_mut().for_each(poison);
        later.contract_bars.values_mut().for_each(poison);
        prop_assert_eq!(bytes(&snapshot, &loose()), bytes(&later, &loose()));
    }

    #[test]
    fn the_order_of_rows_changes_no_answer(snapshot in wild_snapshot()) {
        let mut turned = snapshot.clone();
        turned.chain.contracts.reverse();
        let (a, b) = (analyse_explained(&snapshot, &loose()).0, analyse_explained(&turned, &loose()).0);
        prop_assert_eq!(a, b);
    }
}

#[test]
fn wild_snapshots_come_far_enough_to_mean_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut places = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..100 {
        let snapshot = wild_snapshot().new_tree(&mut runner).unwrap().current();
        for (place, n) in analyse_explained(&snapshot, &loose()).0.funnel.0 {
            *places.entry(place).or_default() += n;
        }
    }
    for place in [
        "candidate",
        "strategy:oversold_call",
        "strategy:oversold_put",
        "strategy:cheap_iv",
        "gate:coverage",
        "gate:crossed",
        "gate:deliverable",
        "gate:expired",
        "refused:duplicate",
        "refused:bad_price",
        "not_examined",
        "skip:stale_quotes",
        "skip:undated_quotes",
    ] {
        assert!(places.contains_key(place), "no wild row reaches {place}: {places:?}");
    }
}

/// Ten thousand contracts. The time is not measured here; a quadratic loop would make the suite hang visibly.
#[test]
fn a_huge_chain_is_analysed() {
    let mut snapshot = snapshot();
    snapshot.chain.contracts.clear();
    for week in 1..=50i64 {
        let expiration = date(2026, 11, 20).saturating_add(jiff::Span::new().days(7 * week));
        for strike in 50..150 {
            for kind in [OptionKind::Call, OptionKind::Put] {
                snapshot.chain.contracts.push(quote(symbol("XYZ", expiration, kind, strike), SPOT, as_of()));
            }
        }
    }
    let asked = complete(&mut snapshot, &config());
    assert_eq!(asked.len(), 12);
    let started = std::time::Instant::now();
    let (finding, explained) = analyse_explained(&snapshot, &config());
    eprintln!("10,000 contracts: {:?}", started.elapsed());
    assert_eq!((finding.funnel.total(), explained.len()), (10_000, 10_000));
    assert_eq!(finding.funnel.0.get("candidate"), Some(&12));
}
