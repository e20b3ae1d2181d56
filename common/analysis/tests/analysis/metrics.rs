//! The numbers beside a ticker and its contracts, in the small market where every option costs what 30 % make it cost.

use fleet_analysis::config::ExerciseRule;
use fleet_analysis::metrics::priced_as;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse, analyse_explained};
use fleet_core::domain::*;
use fleet_pricing::black;
use jiff::SignedDuration;
use jiff::civil::{Date, date};

use crate::world::*;

/// An expiration that neither IV30 nor term slope is read off.
const FAR: Date = date(2027, 5, 21);

/// This world's prices are European ones: read as American they would tell less volatility in puts.
fn european() -> AnalysisConfig {
    let mut config = config();
    config.pricing.exercise = ExerciseRule::European;
    config
}

fn of(snapshot: &MarketSnapshot) -> UnderlyingMetrics {
    *analyse(snapshot, &european()).metrics.unwrap()
}

#[track_caller]
fn near(got: Option<f64>, wanted: f64, within: f64) {
    let got = got.unwrap_or(f64::NAN);
    assert!((got - wanted).abs() <= within, "{got} is not {wanted} within {within}");
}

/// A session's summary, taken at its close.
fn past(session: Date, iv30: Option<f64>, volume: u64) -> SessionSummary {
    SessionSummary {
        session,
        as_of: calendar::close_of(session).unwrap(),
        spot: Some(100.0),
        iv30,
        skew_25: None,
        term_slope: None,
        call_volume: volume,
        put_volume: volume,
        call_open_interest: None,
        put_open_interest: None,
    }
}

/// The last `n` sessions before the Friday of this world, IV30 rising from 20 % by a tenth of a point a session.
fn rising(n: usize) -> Vec<SessionSummary> {
    let days = sessions(date(2026, 11, 20), n);
    days.into_iter().enumerate().map(|(at, day)| past(day, Some(0.20 + 0.001 * at as f64), 500)).collect()
}

#[test]
fn a_flat_smile_is_read_as_it_was_priced() {
    let metrics = of(&completed());
    near(metrics.iv30, 0.30, 0.0005);
    // 28 days: 100·.30·√(28/365) = 8.3092.
    let front = metrics.expected_moves.first().unwrap();
    assert_eq!((front.expiration, front.dte), (EXPIRATIONS[0], 28));
    near(front.one_sigma, 8.3092, 0.02);
    near(front.straddle_one_sigma, 8.3092, 0.04);
    near(front.straddle_85, 0.68 * 8.3092, 0.04);
    assert_eq!(metrics.expected_moves.len(), 3);
    // Thirteen strikes of one expiration within 60 days and another, each side alike.
    assert_eq!((metrics.put_call_volume, metrics.put_call_open_interest), (Some(1.0), Some(1.0)));
    // Strikes every five dollars: the 25-delta wings have neighbours on both sides only at 28 days, and a flat smile no skew.
    assert!(metrics.skew_25.is_none_or(|skew| skew.abs() < 0.002), "{:?}", metrics.skew_25);
}

/// In puts the right to exercise is worth a tenth of a volatility point and more: by another engine for who traded nine
/// contracts instead of ten, a day's volume would be a step in the series that ranks are made of.
#[test]
fn volume_moves_nothing_that_is_read_off_the_smile() {
    let of = |snapshot: &MarketSnapshot| {
        let metrics = analyse(snapshot, &config()).metrics.unwrap();
        let moves: Vec<f64> = metrics.expected_moves.iter().map(|by| by.atm_iv.unwrap()).collect();
        let all = [metrics.iv30, metrics.term_slope, metrics.skew_25].map(Option::unwrap);
        all.into_iter().chain(moves).collect::<Vec<f64>>()
    };
    let mut snapshot = completed();
    // Nothing but the expected move is read off one of 182 days.
    let kinds = [OptionKind::Call, OptionKind::Put];
    let far = (90..=110).step_by(5).flat_map(|strike| kinds.map(|kind| symbol("XYZ", FAR, kind, strike)));
    snapshot.chain.contracts.extend(far.map(|symbol| quote(symbol, SPOT, as_of())));
    let traded = of(&snapshot);
    assert_eq!(traded.len(), 3 + 4);
    let rows = snapshot.chain.contracts.len();
    for thin in (0..rows).map(|row| row..row + 1).chain(std::iter::once(0..rows)) {
        snapshot.chain.contracts[thin.clone()].iter_mut().for_each(|quote| quote.volume = Some(9));
        for (was, is) in traded.iter().zip(of(&snapshot)) {
            // Boundaries shared by a side and solved alone differ by a hundredth of a cent.
            assert!((was - is).abs() < 3e-5, "{thin:?}: {was} {is} of {traded:?}");
        }
        snapshot.chain.contracts[thin].iter_mut().for_each(|quote| quote.volume = Some(100));
    }
    // Where nothing traded, the contracts that the numbers are read off are American, the rest as before.
    snapshot.chain.contracts.iter_mut().for_each(|quote| quote.volume = Some(9));
    let (_, explained) = analyse_explained(&snapshot, &config());
    let model = |kind, strike| {
        let symbol = symbol("XYZ", EXPIRATIONS[0], kind, strike);
        explained.iter().find(|row| row.quote.symbol == symbol).unwrap().model.unwrap().exercise
    };
    use OptionKind::{Call, Put};
    assert_eq!([model(Put, 100), model(Call, 105)], [ExerciseModel::American; 2]);
    assert_eq!([model(Call, 100), model(Put, 105), model(Put, 90)], [ExerciseModel::EuropeanApproximation; 3]);
}

/// Where the engine tells no volatility of a contract at the money, its neighbour is read, by the same engine.
#[test]
fn a_neighbour_that_is_read_instead_is_of_the_same_engine() {
    use OptionKind::{Call, Put};
    let mut snapshot = completed();
    let years = calendar::years_to_settlement(as_of(), &symbol("XYZ", FAR, Call, 100)).unwrap();
    // The forward is a cent above the strike at the money. Priced as European its put has a volatility just inside the range,
    // and the right to exercise leaves less than that.
    for strike in 95..=105 {
        for kind in [Call, Put] {
            let vol = if strike == 100 { 0.01004 } else { 0.03 };
            let fair =
                black::on_forward(priced_as(kind), 100.01, f64::from(strike), years, vol) * (-RATE * years).exp();
            let (bid, ask) = (Some(price(fair - 0.001)), Some(price(fair + 0.001)));
            let volume = Some(9);
            let far = symbol("XYZ", FAR, kind, strike);
            snapshot.chain.contracts.push(ContractQuote { bid, ask, volume, ..quote(far, SPOT, as_of()) });
        }
    }
    let (finding, explained) = analyse_explained(&snapshot, &config());
    let known = |kind, strike| {
        let row = explained.iter().find(|row| row.quote.symbol == symbol("XYZ", FAR, kind, strike)).unwrap();
        (row.model.unwrap().exercise, row.iv.is_some())
    };
    assert_eq!(known(Put, 100), (ExerciseModel::American, false));
    assert_eq!([known(Put, 99), known(Call, 101)], [(ExerciseModel::American, true); 2]);
    assert_eq!(known(Put, 98), (ExerciseModel::EuropeanApproximation, true));
    let metrics = finding.metrics.unwrap();
    let by = metrics.expected_moves.iter().find(|by| by.expiration == FAR).unwrap();
    assert!((0.0299..0.02998).contains(&by.atm_iv.unwrap()), "{by:?}");
}

#[test]
fn the_underlyings_bars_give_realised_volatility_and_the_ratios() {
    let metrics = of(&completed());
    let hv20 = metrics.realised.hv20.unwrap();
    near(metrics.iv30_to_hv20, metrics.iv30.unwrap() / hv20, 1e-12);
    let mut closes = underlying_closes();
    closes.drain(..closes.len() - 21);
    let returns: Vec<f64> = closes.windows(2).map(|two| (two[1] / two[0]).ln()).collect();
    let mean = returns.iter().sum::<f64>() / 20.0;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 19.0;
    // Prices are ten-thousandths.
    near(Some(hv20), (252.0 * variance).sqrt(), 1e-5);
}

#[test]
fn a_dividend_is_no_move_of_the_underlying() {
    let mut snapshot = completed();
    let before = of(&snapshot).realised;
    let series = snapshot.underlying_bars.as_mut().unwrap();
    let last = series.bars.len() - 1;
    // All of a session's fall was a dividend.
    let (from, to) = (series.bars[last - 3].close, series.bars[last - 2].close);
    let amount = Price::from_units(from.units() - to.units());
    series.dividends = Some(vec![CashDividend { ex_date: series.bars[last - 2].date, amount }]);
    let after = of(&snapshot).realised;
    assert!(after.hv20 < before.hv20, "{after:?} {before:?}");
    // One that has not happened yet is not known.
    let series = snapshot.underlying_bars.as_mut().unwrap();
    series.dividends = Some(vec![CashDividend { ex_date: date(2026, 11, 20), amount }]);
    assert_eq!(of(&snapshot).realised, before);
}

#[test]
fn old_or_missing_bars_say_nothing_of_now() {
    let mut snapshot = completed();
    let series = snapshot.underlying_bars.as_mut().unwrap();
    series.bars.truncate(series.bars.len() - 2);
    let metrics = of(&snapshot);
    assert_eq!((metrics.realised, metrics.iv30_to_hv20), (RealisedVols::default(), None));
    assert!(metrics.iv30.is_some());
}

#[test]
fn rank_and_percentile_are_of_the_history_and_today() {
    let mut snapshot = completed();
    snapshot.history = rising(28);
    let metrics = of(&snapshot);
    assert_eq!((metrics.iv_rank, metrics.iv_percentile, metrics.iv_sessions), (None, None, 29));
    // Above all of 40 sessions from .20 to .239.
    snapshot.history = rising(40);
    let metrics = of(&snapshot);
    near(metrics.iv_rank, 100.0, 1e-9);
    near(metrics.iv_percentile, 100.0, 0.0);
    assert_eq!(metrics.iv_sessions, 41);
    // 200 sessions from .20 to .399: some hundred are below .30, and the rank is about half.
    snapshot.history = rising(200);
    let metrics = of(&snapshot);
    near(metrics.iv_rank, 100.0 * (metrics.iv30.unwrap() - 0.20) / 0.199, 1e-9);
    near(metrics.iv_percentile, 50.5, 0.6);
}

#[test]
fn todays_earlier_summary_is_replaced_and_a_later_one_is_not_read() {
    let mut snapshot = completed();
    snapshot.history = rising(40);
    let before = analyse(&snapshot, &config());
    snapshot.history.push(past(date(2026, 11, 20), Some(9.0), 1));
    snapshot.history.push(past(date(2026, 11, 23), Some(9.0), 1));
    assert_eq!(analyse(&snapshot, &config()), before);
}

#[test]
fn usual_option_volume_is_of_whole_sessions() {
    let mut snapshot = completed();
    snapshot.history = rising(20);
    assert_eq!(of(&snapshot).usual_option_volume, Some(1000.0));
    let call = |snapshot: &MarketSnapshot| {
        let (_, explained) = analyse_explained(snapshot, &config());
        explained.into_iter().find(|row| *row.symbol() == the_call()).unwrap().metrics.unwrap()
    };
    near(call(&snapshot).volume_to_underlying_mean, 0.1, 1e-12);
    near(call(&snapshot).volume_to_own_median, 1.0, 1e-12);
    // One of them was taken in the morning.
    let morning = &mut snapshot.history[5];
    morning.as_of -= SignedDuration::from_hours(5);
    assert_eq!(of(&snapshot).usual_option_volume, None);
    assert_eq!(call(&snapshot).volume_to_underlying_mean, None);
}

#[test]
fn the_summary_is_for_the_history() {
    let finding = analyse(&completed(), &config());
    let (summary, metrics) = (finding.summary.unwrap(), finding.metrics.unwrap());
    assert_eq!((summary.session, summary.as_of), (date(2026, 11, 20), as_of()));
    assert_eq!(
        (summary.iv30, summary.skew_25, summary.term_slope),
        (metrics.iv30, metrics.skew_25, metrics.term_slope)
    );
    assert_eq!(summary.spot, finding.provenance.spot);
    // Three expirations of thirteen strikes.
    assert_eq!((summary.call_volume, summary.put_volume), (3900, 3900));
    assert_eq!((summary.call_open_interest, summary.put_open_interest), (Some(19_500), Some(19_500)));
    let mut blind = completed();
    blind.chain.contracts.iter_mut().for_each(|row| row.open_interest = Some(0));
    let summary = analyse(&blind, &config()).summary.unwrap();
    assert_eq!((summary.call_open_interest, summary.put_open_interest), (None, None));
}

#[test]
fn quotes_that_cannot_be_used_have_no_metrics() {
    let mut stale = completed();
    stale.chain.quote_time = Some(as_of() - SignedDuration::from_hours(1));
    let mut apart = completed();
    apart.chain.vendor_spot = Some(VendorSpot { price: price(90.0), time: Some(as_of()) });
    for snapshot in [stale, apart] {
        let finding = analyse(&snapshot, &config());
        assert!(matches!(finding.answer, Answer::Skipped(_)));
        assert_eq!((finding.summary, finding.metrics), (None, None));
    }
    // What is set aside for its underlying alone has them.
    let mut risen = completed();
    let series = risen.underlying_bars.as_mut().unwrap();
    let closes: Vec<f64> = (0..260).map(|i| 50.0 + 0.2 * f64::from(i) + 0.1 * f64::from(i % 2)).collect();
    *series = crate::world::series(series.instrument.clone(), date(2026, 11, 20), &closes, 1_000_000);
    let finding = analyse(&risen, &config());
    assert!(matches!(finding.answer, Answer::Skipped(SkipReason::UnderlyingPreGate { .. })), "{:?}", finding.answer);
    assert!(finding.summary.is_some() && finding.metrics.unwrap().realised.hv20.is_some());
}

#[test]
fn contracts_that_reached_a_strategy_have_metrics_and_no_others() {
    let (finding, explained) = analyse_explained(&completed(), &config());
    assert!(!finding.candidates.is_empty());
    for candidate in &finding.candidates {
        let row = explained.iter().find(|row| *row.symbol() == candidate.symbol).unwrap();
        assert!(candidate.metrics.is_some());
        assert_eq!(candidate.metrics, row.metrics);
    }
    for row in &explained {
        let reached = row.place == "candidate" || row.strategies.iter().any(|(_, checks)| checks.len() > 5);
        assert_eq!(row.metrics.is_some(), reached, "{}", row.symbol());
    }
}

#[test]
fn a_contract_is_told_as_bought_at_the_ask_and_sold_at_the_bid() {
    let snapshot = completed();
    let (finding, explained) = analyse_explained(&snapshot, &config());
    let row = explained.into_iter().find(|row| *row.symbol() == the_call()).unwrap();
    let (metrics, spot) = (row.metrics.unwrap(), finding.provenance.spot.unwrap());
    let (bid, ask) = (row.quote.bid.unwrap().dollars(), row.quote.ask.unwrap().dollars());
    let (bought, sold) = (metrics.bought.unwrap(), metrics.sold.unwrap());
    assert_eq!((bought.position, bought.price), (Position::LongCall, ask));
    assert_eq!((sold.position, sold.price), (Position::CoveredCall, bid));
    near(bought.breakeven, 105.0 + ask, 1e-12);
    near(bought.max_loss_per_contract, 100.0 * ask, 1e-9);
    near(sold.breakeven, spot - bid, 1e-12);
    let Some(PremiumYield::CoveredCall { static_pct, if_called_annual_pct, .. }) = sold.yields else {
        panic!("{:?}", sold.yields)
    };
    near(Some(static_pct), 100.0 * bid / (spot - bid), 1e-9);
    near(if_called_annual_pct, 100.0 * (105.0 - spot + bid) / (spot - bid) * 365.0 / 56.0, 1e-9);
    assert_eq!(bought.yields, None);
    let wanted = (1000.0 / (100.0 * ask + 1.30)).floor() as u32;
    assert_eq!((bought.size_hint, sold.size_hint), (Some(wanted), Some(0)));
    // Two cents either side of the fair price: IV within a twentieth of a point.
    near(metrics.iv_uncertainty, 0.0006, 0.0003);
    assert_eq!(metrics.greeks.map(|greeks| greeks.delta), row.delta);
    near(metrics.spread_ticks, 2.0, 1e-9);
    near(metrics.prob_itm.zip(metrics.prob_otm).map(|(itm, otm)| itm + otm), 1.0, 1e-12);
    assert!(metrics.prob_touch > metrics.prob_itm && bought.pop < metrics.prob_itm);
    // The underlying moved by some 12 % a year, so what is priced at 30 % loses who buys it.
    assert!(bought.ev.unwrap().per_share < 0.0 && sold.ev.unwrap().per_share > 0.0);
    let hist = bought.ev_hist.unwrap();
    // From 20 November to 15 January are 37 sessions (Thanksgiving, Christmas and New Year's Day are none); 260 closes.
    assert_eq!((hist.sessions, hist.windows), (37, 223));
    assert!(hist.low.unwrap() <= hist.per_share && hist.per_share <= hist.high.unwrap());
    let bars = metrics.bars.unwrap();
    assert_eq!((bars.traded_sessions, bars.rsi.is_some(), bars.atr14_pct.is_some()), (20, true, true));
}

#[test]
fn greeks_of_a_quote_that_tells_no_volatility_are_hidden() {
    // A call far out of the money: its fair price is some cents, and a spread of five always passes.
    let mut snapshot = completed();
    let far = row(&mut snapshot, &the_call());
    (far.bid, far.ask) = (Some(price(0.10)), Some(price(10.0)));
    let (_, explained) = analyse_explained(&snapshot, &wide());
    let row = explained.into_iter().find(|row| *row.symbol() == the_call()).unwrap();
    let metrics = row.metrics.unwrap();
    assert!(metrics.iv_uncertainty.unwrap() > 0.10, "{:?}", metrics.iv_uncertainty);
    assert!(row.delta.is_some(), "the gates use it all the same");
    let bought = metrics.bought.unwrap();
    assert_eq!((metrics.greeks, metrics.prob_itm, metrics.prob_touch), (None, None, None));
    assert_eq!((bought.pop, bought.breakeven_sigma), (None, None));
    assert!(bought.breakeven.is_some() && bought.ev.is_some(), "they hang on no implied volatility");
}

/// Any spread passes.
fn wide() -> fleet_analysis::AnalysisConfig {
    let mut config = config();
    config.gates.max_spread_pct = 200.0;
    config.strategies.oversold_call.delta = [0.0, 1.0];
    config
}

#[test]
fn the_golden_quote_and_the_rho_of_the_golden_contracts() {
    // (1.85 + 2.00)/2, and .15 of it.
    let mut golden = quote(the_call(), SPOT, as_of());
    (golden.bid, golden.ask) = (Some(price(1.85)), Some(price(2.00)));
    assert_eq!(golden.mid(), Some(1.925));
    near(fleet_analysis::gates::spread_pct(&golden), 7.792, 0.000_5);
    golden.bid = golden.ask;
    assert_eq!((golden.mid(), golden.spread()), (None, None), "locked");
    // ±K·T·e^(−rT)·N(±d2)/100 with ANALYTICS' own chances: 105·.123288·.995081·.319523 and 95·.123288·.995081·.315225.
    use fleet_pricing::{Kind, Terms, black};
    for (kind, strike, rho) in [(Kind::Call, 105.0, 0.041_159), (Kind::Put, 95.0, -0.036_739)] {
        let terms = Terms { kind, spot: 100.0, strike, years: 45.0 / 365.0, rate: 0.04, yield_: 0.0 };
        near(black::greeks(&terms, 0.30).ok().map(|greeks| greeks.rho_per_point), rho, 0.000_000_6);
    }
}
