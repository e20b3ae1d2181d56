//! S1 fires where it should, and each of its conditions can stop it. Controls. What is asked for.

use fleet_analysis::strategy::control::{MAX_PER_TICKER, lot};
use fleet_analysis::{MarketSnapshot, Wanted, analyse, analyse_explained, new_trades, wanted};
use fleet_core::domain::*;
use jiff::civil::date;

use crate::world::*;

fn adjusted_rsi(candidate: &Candidate) -> f64 {
    candidate.metrics.as_ref().unwrap().bars.unwrap().adjusted.unwrap().rsi.unwrap()
}

#[test]
fn the_candidate_and_its_plan() {
    let finding = analyse(&completed(), &config());
    let candidate = finding.candidates.iter().find(|c| c.symbol == the_call()).unwrap();
    let (bid, ask) = (candidate.bid.dollars(), candidate.ask.dollars());
    assert!((ask - bid - 0.02).abs() < 1e-9);
    let buy = candidate.plan.buy.dollars();
    assert!((buy - (bid + 0.4 * (ask - bid))).abs() <= 0.005, "{buy}");
    assert!(
        candidate.plan.target.dollars() <= buy * 1.15 + 1e-9 && candidate.plan.target.dollars() > buy * 1.15 - 0.01
    );
    assert!((candidate.plan.stop.dollars() - buy * 0.7).abs() <= 0.005 + 1e-9);
    assert!(candidate.net_pct > 3.0 && candidate.net_pct < candidate.gross_pct);
    assert!(candidate.checks.iter().all(|c| c.verdict == Verdict::Pass || !c.mandatory));
    assert_eq!(candidate.score.parts.iter().map(|p| p.max).sum::<f64>(), 100.0);
    assert_eq!(candidate.coverage.unwrap().to_string(), "20/20");
    let adjusted = adjusted_rsi(candidate);
    assert!(adjusted > candidate.rsi.unwrap() && adjusted <= 40.0, "{adjusted}");
    let totals: Vec<f64> = finding.candidates.iter().map(|c| c.score.total()).collect();
    assert!(totals.is_sorted_by(|a, b| a >= b), "{totals:?}");
    assert!(finding.near_misses.is_empty());
}

#[test]
fn the_example_of_the_analytics() {
    use fleet_analysis::strategy::{ContractView, Strategy as _, potential};
    let config = config();
    let quote = quote(the_call(), SPOT, as_of());
    let view = ContractView {
        quote: &quote,
        bid: price(19.05),
        ask: price(19.40),
        mid: 19.225,
        spread_pct: 1.82,
        open_interest: None,
        iv: None,
        delta: None,
        dte: 56,
        spot: None,
        market: None,
        ticks: fleet_analysis::tick::Ticks::PROGRAM,
        entry_session: date(2026, 11, 20),
        quote_time: None,
        facts: &UnderlyingFacts::default(),
    };
    let plan = config.strategies.oversold_call.plan(&view, as_of(), &config);
    assert_eq!([plan.buy, plan.target, plan.stop], [price(19.20), price(22.05), price(13.45)]);
    let potential = potential(&view, &plan, &config).unwrap();
    assert!((potential.gross_pct - 14.84).abs() < 0.005, "{}", potential.gross_pct);
    assert!((potential.net_pct - 13.17).abs() < 0.005, "{}", potential.net_pct);
}

/// Changes the contract's closes and says where the call leaves the funnel.
fn check_closes(change: impl Fn(&mut Vec<f64>), wanted: &str) {
    let mut closes = contract_closes();
    change(&mut closes);
    let bars = series(Instrument::Contract(the_call()), date(2026, 11, 20), &closes, 100);
    check_bars(
        |s| {
            s.contract_bars.insert(the_call(), bars.clone());
        },
        wanted,
    );
}

fn check_bars(change: impl Fn(&mut MarketSnapshot), wanted: &str) {
    let mut snapshot = completed();
    change(&mut snapshot);
    let (_, explained) = analyse_explained(&snapshot, &config());
    let place = explained.into_iter().find(|e| e.quote.symbol == the_call()).unwrap().place;
    assert_eq!(place, wanted);
}

fn own(snapshot: &mut MarketSnapshot) -> &mut Vec<Bar> {
    &mut snapshot.contract_bars.get_mut(&the_call()).unwrap().bars
}

#[test]
fn the_contracts_own_history_decides() {
    check_closes(|_| {}, "candidate");
    check_closes(|c| *c.last_mut().unwrap() = 3.1, "strategy:oversold_call");
    // An unchanged close is no turn, whatever rounding makes of it.
    for low in [3.13, 3.17, 3.2, 3.21, 3.23, 3.29] {
        check_closes(|c| c[98..].fill(low), "strategy:oversold_call");
    }
    check_closes(|c| c.extend([3.6, 4.0, 4.4, 4.7]), "strategy:oversold_call");
    check_closes(
        |c| {
            c.drain(..c.len() - 60);
        },
        "candidate",
    );
    check_closes(
        |c| {
            c.drain(..c.len() - 59);
        },
        "strategy:oversold_call",
    );
    check_closes(
        |c| {
            c.drain(..c.len() - 35);
        },
        "gate:coverage",
    );
    // Fifteen equal closes have no RSI of their own; held while time went by, they are anything but oversold.
    check_closes(|c| c.fill(2.35), "strategy:oversold_call");
}

/// The raw closes fire, and the decay-adjusted ones must agree.
#[test]
fn the_decay_adjusted_closes_decide_too() {
    let snapshot = completed();
    let candidate = |config: &fleet_analysis::AnalysisConfig| {
        analyse(&snapshot, config).candidates.into_iter().find(|candidate| candidate.symbol == the_call())
    };
    let mut config = config();
    let rsi = adjusted_rsi(&candidate(&config).unwrap());
    config.strategies.oversold_call.max_adjusted_rsi = rsi;
    assert!(candidate(&config).is_some());
    config.strategies.oversold_call.max_adjusted_rsi = rsi - 1e-9;
    assert_eq!(candidate(&config), None);
    // One session of the underlying is missing: what the contract's close of that day implied is not known.
    let without = |s: &mut MarketSnapshot| {
        let bars = &mut s.underlying_bars.as_mut().unwrap().bars;
        bars.remove(bars.len() - 30);
    };
    check_bars(without, "unknown:adjusted_rsi");
}

/// What comes after `as_of` is in no bar, and a price of the future changes no decay of the past.
#[test]
fn a_later_close_changes_no_earlier_adjusted_one() {
    use fleet_analysis::decay::{Decaying, traded_closes};
    let snapshot = completed();
    let (own, underlying) =
        (&snapshot.contract_bars[&the_call()].bars, &snapshot.underlying_bars.as_ref().unwrap().bars);
    let closes = traded_closes(&the_call(), own, underlying, &config().pricing).unwrap();
    let decaying = Decaying {
        kind: OptionKind::Call,
        strike: 105.0,
        rate: RATE,
        yield_: 0.0,
        mid_iv: 0.30,
        ticks: fleet_analysis::tick::Ticks::PENNY,
    };
    let whole = decaying.adjusted(&closes).unwrap();
    for known in [1, 2, 20, 60, 99] {
        assert_eq!(decaying.adjusted(&closes[..known]).unwrap(), whole[..known]);
    }
}

#[test]
fn indicators_by_name_are_the_librarys() {
    use fleet_indicators::{Bars, Column, compute};
    let mut config = config();
    config.indicators.shown = ["rsi:14", "macd", "bbands:20:2", "obv"].map(str::to_owned).to_vec();
    let snapshot = completed();
    let finding = analyse(&snapshot, &config);
    let candidate = finding.candidates.iter().find(|candidate| candidate.symbol == the_call()).unwrap();
    let columns = |series: &BarSeries| {
        let column = |of: fn(&Bar) -> f64| series.bars.iter().map(of).collect::<Vec<f64>>();
        let (close, volume) = (column(|bar| bar.close.dollars()), column(|bar| bar.volume as f64));
        Bars::new([(Column::Close, close), (Column::Volume, volume)]).unwrap()
    };
    let own = columns(&snapshot.contract_bars[&the_call()]);
    let underlying = columns(snapshot.underlying_bars.as_ref().unwrap());
    assert_eq!(candidate.indicators.len(), 4);
    for reading in &candidate.indicators {
        let spec = reading.spec.parse().unwrap();
        let (own, underlying) = (compute(&spec, &own).unwrap(), compute(&spec, &underlying).unwrap());
        assert_eq!(reading.outputs.len(), own.len());
        for ((told, own), underlying) in reading.outputs.iter().zip(own).zip(underlying) {
            assert_eq!((told.name.as_str(), told.contract), (own.name(), own.last()));
            assert_eq!(told.underlying, underlying.last(), "{}", reading.spec);
            assert!(told.contract.is_some());
        }
    }
    assert_eq!(candidate.indicators[0].outputs[0].contract, candidate.rsi);
    config.indicators.shown = vec!["rsy".to_owned()];
    assert_eq!(config.problems(), ["indicators.shown is not understood: no indicator `rsy`; did you mean `rsi`?"]);
}

/// A control of a ticker without eligible contracts: its underlying's bars are wanted only where indicators are shown.
#[test]
fn controls_have_indicators_by_name_too() {
    let mut config = with_controls(1000);
    config.strategies.oversold_call.delta = [1.0, 1.0];
    let mut snapshot = crate::world::snapshot();
    assert!(matches!(wanted(&snapshot, &config), Wanted::ContractBars(_)));
    config.indicators.shown = vec!["rsi:14".to_owned()];
    assert_eq!(wanted(&snapshot, &config), Wanted::UnderlyingBars);
    complete(&mut snapshot, &config);
    let finding = analyse(&snapshot, &config);
    let controls: Vec<&Candidate> = finding.candidates.iter().filter(|candidate| candidate.control).collect();
    assert!(!controls.is_empty());
    for control in controls {
        let output = &control.indicators[0].outputs[0];
        assert!(output.contract.is_some() && output.contract == control.rsi && output.underlying.is_some());
        assert!(adjusted_rsi(control) > 0.0);
    }
}

#[test]
fn thin_trading_is_no_history() {
    check_bars(|s| own(s).clear(), "gate:coverage");
    check_bars(|s| own(s).iter_mut().for_each(|b| b.volume = 19), "gate:coverage");
    check_bars(|s| own(s).iter_mut().rev().skip(3).step_by(3).for_each(|b| b.volume = 0), "gate:coverage");
    check_bars(
        |s| {
            own(s).truncate(98);
        },
        "gate:coverage",
    );
    check_bars(|s| s.underlying_bars.as_mut().unwrap().last_split = Some(date(2026, 11, 2)), "gate:coverage");
    check_bars(|s| s.underlying_bars.as_mut().unwrap().last_split = Some(date(2027, 11, 2)), "candidate");
}

/// Vendors give no volume for indices.
#[test]
fn bars_without_volume_are_bars_of_an_underlying_and_none_of_a_contract() {
    check_bars(|s| s.underlying_bars.as_mut().unwrap().bars.iter_mut().for_each(|b| b.volume = 0), "candidate");
    check_bars(|s| own(s).iter_mut().for_each(|b| b.volume = 0), "gate:coverage");
}

#[test]
fn the_underlyings_trend_decides() {
    let broken: Vec<f64> = (0..252).map(|i| 220.0 - 0.45 * f64::from(i) + 0.4 * f64::from(i % 2)).collect();
    check_bars(
        |s| {
            let instrument = Instrument::Underlying(s.ticker.clone());
            s.underlying_bars = Some(series(instrument, date(2026, 11, 20), &broken, 1));
        },
        "strategy:oversold_call",
    );
    check_bars(
        |s| {
            let bars = &mut s.underlying_bars.as_mut().unwrap().bars;
            bars.drain(..bars.len() - 199);
        },
        "unknown:close_to_sma200",
    );
}

#[test]
fn bars_are_asked_for_in_order_and_only_where_they_can_matter() {
    let config = config();
    let mut snapshot = snapshot();
    assert_eq!(wanted(&snapshot, &config), Wanted::UnderlyingBars);
    row(&mut snapshot, &the_call()).volume = Some(5000);
    snapshot.max_bars = 3;
    let asked = complete(&mut snapshot, &config);
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0], the_call(), "the highest volume first");
    assert!(asked.iter().all(|s| s.kind == OptionKind::Call && s.expiration != EXPIRATIONS[0]));
    let finding = analyse(&snapshot, &config);
    assert!(finding.funnel.0.contains_key("not_examined"));
    // No eligible contract: nothing is asked for at all.
    let mut dull = crate::world::snapshot();
    dull.chain.contracts.iter_mut().for_each(|q| q.volume = Some(0));
    assert_eq!(wanted(&dull, &config), Wanted::Nothing);
}

#[test]
fn todays_bar_changes_nothing() {
    let plain = completed();
    let mut later = completed();
    let today = date(2026, 11, 20);
    let bar = Bar { date: today, ..*own(&mut later).last().unwrap() };
    let (high, low, close) = (price(50.0), price(0.01), price(49.0));
    own(&mut later).push(Bar { high, low, close, volume: 900_000, ..bar });
    later.underlying_bars.as_mut().unwrap().bars.push(Bar { close, ..bar });
    assert_eq!(analyse_explained(&plain, &config()), analyse_explained(&later, &config()));
}

#[test]
fn controls_are_drawn_by_lot_and_kept_apart() {
    let mut config = config();
    config.strategies.control.enabled = true;
    config.strategies.control.per_mille = 300;
    let mut snapshot = snapshot();
    let asked = complete(&mut snapshot, &config);
    let finding = analyse(&snapshot, &config);
    let controls: Vec<&Candidate> = finding.candidates.iter().filter(|c| c.control).collect();
    assert_eq!(controls.len(), MAX_PER_TICKER);
    assert!(controls.iter().all(|c| asked.contains(&c.symbol)), "their exits need their bars");
    assert!(finding.candidates.is_sorted_by_key(|c| c.control), "controls stand last");
    let without = analyse(&completed(), &crate::world::config());
    assert_eq!(finding.funnel, without.funnel, "controls change no place");
    let trades = new_trades(&finding, &snapshot.scan);
    assert_eq!(trades.len(), finding.candidates.len());
    assert_eq!(trades.iter().filter(|t| t.control).count(), controls.len());
    assert!(trades.iter().all(|t| t.state == TradeState::Proposed && t.entry_session == date(2026, 11, 20)));
}

/// Symbols of the controls that a scan takes.
fn drawn(snapshot: &MarketSnapshot, config: &fleet_analysis::AnalysisConfig) -> Vec<OccSymbol> {
    analyse(snapshot, config).candidates.iter().filter(|c| c.control).map(|c| c.symbol).collect()
}

fn with_controls(per_mille: u32) -> fleet_analysis::AnalysisConfig {
    let mut config = config();
    config.strategies.control.enabled = true;
    config.strategies.control.per_mille = per_mille;
    config
}

#[test]
fn controls_are_bounded_by_ticker_and_so_are_their_bars() {
    let config = with_controls(1000);
    let mut snapshot = snapshot();
    snapshot.max_bars = 3;
    let asked = complete(&mut snapshot, &config);
    let first = drawn(&snapshot, &config);
    assert_eq!(first.len(), MAX_PER_TICKER);
    let highest = first.iter().map(|symbol| lot(date(2026, 11, 20), symbol)).max().unwrap();
    assert_eq!(
        drawn(&snapshot, &with_controls(highest + 1)),
        first,
        "the lowest lots are drawn, not the first symbols"
    );
    assert_eq!(drawn(&snapshot, &with_controls(highest)).len(), 1);
    assert!(asked.len() <= MAX_PER_TICKER + 3, "{asked:?}");
    // A repetition draws the same; while they are followed nothing else is drawn, in a later session neither.
    let controls = new_trades(&analyse(&snapshot, &config), &snapshot.scan).into_iter().filter(|t| t.control);
    snapshot.live_trades = controls.map(|t| TradeRecord { state: TradeState::Pending, ..t }).collect();
    assert_eq!(drawn(&snapshot, &config), first);
    snapshot.live_trades.iter_mut().for_each(|t| t.entry_session = date(2026, 11, 19));
    assert_eq!(drawn(&snapshot, &config), first);
    snapshot.live_trades.truncate(1);
    assert_eq!(drawn(&snapshot, &config).len(), MAX_PER_TICKER);
    // However many controls an older store follows.
    let template = snapshot.live_trades[0].clone();
    let rows = snapshot.chain.contracts.iter().filter(|q| q.symbol.expiration > EXPIRATIONS[0]).take(20);
    snapshot.live_trades = rows.map(|q| TradeRecord { symbol: q.symbol, ..template.clone() }).collect();
    snapshot.contract_bars.clear();
    snapshot.max_bars = 0;
    let Wanted::ContractBars(asked) = wanted(&snapshot, &config) else { panic!("nothing is wanted") };
    let of_live = asked.iter().filter(|s| snapshot.live_trades.iter().any(|t| t.symbol == **s)).count();
    assert!(of_live == MAX_PER_TICKER && asked.len() == MAX_PER_TICKER, "{asked:?}");
}

/// A price of a few ticks: the target is rounded down onto the buy price.
#[test]
fn a_plan_that_cannot_pay_is_no_control() {
    let mut config = with_controls(1000);
    let mut snapshot = snapshot();
    for quote in &mut snapshot.chain.contracts {
        if quote.symbol.expiration != EXPIRATIONS[0] {
            quote.volume = Some(0);
        }
    }
    let cheap = row(&mut snapshot, &the_call());
    cheap.volume = Some(100);
    assert_eq!(drawn(&snapshot, &config), vec![the_call()]);
    config.costs.min_net_pct = 14.9;
    assert_eq!(drawn(&snapshot, &config), Vec::new(), "less is left than must be");
    config.costs.min_net_pct = -100.0;
    config.strategies.oversold_call.target_pct = 0.1;
    assert_eq!(drawn(&snapshot, &config), Vec::new(), "the target is rounded onto the buy price");
}

#[test]
fn near_misses_are_few_and_begin_with_the_nearest() {
    let mut config = config();
    config.strategies.oversold_call.delta = [0.05, 0.99];
    let mut snapshot = snapshot();
    complete(&mut snapshot, &config);
    let symbols: Vec<OccSymbol> = snapshot.contract_bars.keys().copied().collect();
    for (n, symbol) in symbols.iter().enumerate() {
        let mut closes = contract_closes();
        // One that goes on falling misses two checks; the others recovered long ago and miss more.
        if n == 1 {
            *closes.last_mut().unwrap() = 3.1;
        } else {
            closes.extend([4.7, 5.2, 5.8, 5.6]);
        }
        let instrument = Instrument::Contract(*symbol);
        snapshot.contract_bars.insert(*symbol, series(instrument, date(2026, 11, 20), &closes, 100));
    }
    let finding = analyse(&snapshot, &config);
    assert!(finding.candidates.is_empty());
    assert_eq!((symbols.len(), finding.near_misses.len()), (12, 10));
    assert!(finding.near_misses.is_sorted_by_key(|m| m.missed.len()));
    assert_eq!(finding.near_misses[0].symbol, symbols[1]);
    assert!(finding.near_misses.iter().all(|m| m.of == 15));
}

#[test]
fn what_truly_missed_is_not_crowded_out_by_what_is_in_the_dark() {
    let mut config = config();
    config.strategies.oversold_call.delta = [0.05, 0.99];
    let mut snapshot = snapshot();
    complete(&mut snapshot, &config);
    let symbols: Vec<OccSymbol> = snapshot.contract_bars.keys().copied().collect();
    // Without the underlying's close of a day, a contract that was traded on it has no decay-adjusted series.
    let lost = snapshot.underlying_bars.as_mut().unwrap();
    let lost = lost.bars.remove(lost.bars.len() - 30).date;
    // Contracts by place: the last closes, and whether they were traded on that day. One goes on falling, one recovered.
    let cases: [(usize, &[f64], bool); 3] =
        [(1, &[3.1], false), (7, &[3.1], true), (5, &[3.3, 4.7, 5.2, 5.8, 5.6], false)];
    for (n, last, traded) in cases {
        let closes = [&contract_closes()[..99], last].concat();
        let mut bars = series(Instrument::Contract(symbols[n]), date(2026, 11, 20), &closes, 100);
        bars.bars.retain(|bar| traded || bar.date != lost);
        snapshot.contract_bars.insert(symbols[n], bars);
    }
    let finding = analyse(&snapshot, &config);
    assert!(finding.candidates.is_empty());
    let told = finding.near_misses.iter().map(|miss| {
        let of = |verdict| miss.missed.iter().filter(|check| check.verdict == verdict).count();
        (miss.symbol, of(Verdict::Fail), of(Verdict::Unknown))
    });
    let dark = (0..12).filter(|n| ![1, 5, 7].contains(n)).map(|n| (symbols[n], 0, 1)).take(7);
    let missed = [(symbols[1], 1, 0), (symbols[7], 1, 1), (symbols[5], 5, 0)];
    assert_eq!(told.collect::<Vec<_>>(), missed.into_iter().chain(dark).collect::<Vec<_>>());
}
