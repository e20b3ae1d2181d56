//! The experiments at the top of ANALYTICS, on the functions the scan uses: what an option's own history does to
//! technical analysis, and what a share of winning trades is worth. Seeded; the tolerances are the document's.

use std::collections::BTreeMap;

use fleet_analysis::bars::{believable, density, last_closed_session};
use fleet_analysis::config::Coverage;
use fleet_analysis::decay::{Decaying, TradedClose};
use fleet_analysis::indicators::rsi;
use fleet_analysis::tick::Ticks;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse};
use fleet_core::domain::*;
use fleet_pricing::{Kind, Terms, black};
use jiff::civil::{Date, date};

use crate::chance::Chance;
use crate::world::{price, sessions, symbol};

/// A percentage within so many points of what the document measured.
fn check(what: &str, share: f64, wanted: f64, points: f64) {
    let measured = 100.0 * share;
    eprintln!("{what}: {measured:.2} % (document {wanted} ± {points})");
    assert!((measured - wanted).abs() <= points, "{what}: {measured:.2} %, not {wanted} ± {points}");
}

/// Shares of paths.
#[derive(Default)]
struct Drift {
    stock: f64,
    raw: f64,
    adjusted: f64,
    below: f64,
}

/// 20,000 paths of so many steps, 1/252 of a year each: driftless, volatility 30 %, no interest; the last bar has ten days
/// to settlement, and the strike is such that the call's delta is .30 there.
fn theta_drift(steps: usize) -> Drift {
    const PATHS: usize = 20_000;
    const VOL: f64 = 0.30;
    const LAST_YEARS: f64 = 10.0 / 365.0;
    // N(d1) = .30
    const D1: f64 = -0.524_400_512_708_041;
    let mut chance = Chance::seeded(20_261_120);
    let mut count = Drift::default();
    let one = |holds: bool| f64::from(u8::from(holds));
    for _ in 0..PATHS {
        let step = VOL / 252_f64.sqrt();
        let mut spot = 100.0;
        let spots: Vec<f64> = (0..steps)
            .map(|_| {
                spot *= (step * chance.normal() - 0.5 * step * step).exp();
                spot
            })
            .collect();
        let total = VOL * LAST_YEARS.sqrt();
        let strike = spot * (0.5 * total * total - D1 * total).exp();
        let closes: Vec<TradedClose> = spots
            .iter()
            .enumerate()
            .map(|(j, spot)| {
                let years = LAST_YEARS + (steps - 1 - j) as f64 / 252.0;
                let terms = Terms { kind: Kind::Call, spot: *spot, strike, years, rate: 0.0, yield_: 0.0 };
                TradedClose { price: black::price(&terms, VOL).unwrap(), spot: *spot, years }
            })
            .collect();
        let call =
            Decaying { kind: OptionKind::Call, strike, rate: 0.0, yield_: 0.0, mid_iv: VOL, ticks: Ticks::PENNY };
        let raw: Vec<f64> = closes.iter().map(|close| close.price).collect();
        let oversold = |closes: &[f64]| one(rsi(closes).pop().unwrap().is_some_and(|rsi| rsi < 30.0));
        count.stock += oversold(&spots);
        count.raw += oversold(&raw);
        count.adjusted += oversold(&call.adjusted(&closes).unwrap());
        count.below += one(raw[steps - 1] < raw[steps - 21]);
    }
    let share = |n: f64| n / PATHS as f64;
    Drift {
        stock: share(count.stock),
        raw: share(count.raw),
        adjusted: share(count.adjusted),
        below: share(count.below),
    }
}

#[test]
fn theta_drift_makes_raw_closes_read_oversold_and_the_adjusted_ones_not() {
    let forty = theta_drift(40);
    check("40 bars, stock below 30", forty.stock, 5.0, 0.6);
    check("40 bars, raw below 30", forty.raw, 9.7, 1.0);
    check("40 bars, adjusted below 30", forty.adjusted, 4.4, 0.6);
    check("40 bars, raw closes below those of 20 bars ago", forty.below, 78.5, 1.0);
    let sixty = theta_drift(60);
    check("60 bars, stock below 30", sixty.stock, 4.7, 0.6);
    check("60 bars, raw below 30", sixty.raw, 8.7, 1.0);
    check("60 bars, adjusted below 30", sixty.adjusted, 3.9, 0.6);
}

/// Shares of the bars that have an RSI at which it is below 30 and above 70. TA-Lib's own keeps its last value while
/// nothing moves; ours has none after fifteen equal closes, and the shares of the others are the same.
fn extremes(closes: &[f64]) -> (f64, f64) {
    let values: Vec<f64> = rsi(closes).into_iter().flatten().collect();
    let share = |of: fn(f64) -> bool| values.iter().filter(|rsi| of(**rsi)).count() as f64 / values.len() as f64;
    (share(|rsi| rsi < 30.0), share(|rsi| rsi > 70.0))
}

#[test]
fn stale_last_trades_read_as_signals_and_the_gate_takes_them_out() {
    const BARS: usize = 200_000;
    let mut chance = Chance::seeded(7);
    let mut last = 1.0;
    let mut traded = Vec::new();
    let carried: Vec<f64> = (0..BARS)
        .map(|_| {
            if chance.uniform() < 0.1 {
                last = if chance.uniform() < 0.5 { 0.95 } else { 1.05 };
                traded.push(last);
            }
            last
        })
        .collect();
    let (below, above) = extremes(&carried);
    check("last trades carried forward, below 30", below, 29.0, 2.0);
    check("last trades carried forward, above 70", above, 29.0, 2.0);
    let (below, above) = extremes(&traded);
    check("absent bars dropped, below 30", below, 0.0, 0.5);
    check("absent bars dropped, above 70", above, 0.0, 0.5);
    let everywhere: Vec<f64> = (0..BARS).map(|_| if chance.uniform() < 0.5 { 0.95 } else { 1.05 }).collect();
    let (below, above) = extremes(&everywhere);
    check("full coverage, below 30", below, 0.0, 0.5);
    check("full coverage, above 70", above, 0.0, 0.5);
}

/// A year of sessions of which one in ten has a trade, carried forward by a vendor that says so with a volume of 0.
#[test]
fn a_contract_that_hardly_trades_has_no_indicators() {
    let mut chance = Chance::seeded(3);
    let coverage = Coverage::default();
    let before = date(2026, 11, 20);
    let last_closed = last_closed_session(calendar::at_new_york(before, 10, 30, 0), &coverage);
    for _ in 0..200 {
        let mut last = 1.0;
        let bars = sessions(before, 250).into_iter().map(|date| {
            let trades = chance.uniform() < 0.1;
            if trades {
                last = if chance.uniform() < 0.5 { 0.95 } else { 1.05 };
            }
            let close = price(last);
            Bar { date, open: close, high: close, low: close, close, volume: if trades { 50 } else { 0 } }
        });
        let instrument = Instrument::Contract(symbol("XYZ", date(2027, 3, 19), OptionKind::Call, 105));
        let series = BarSeries {
            instrument,
            bars: bars.collect(),
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: None,
        };
        let bars = believable(&series, last_closed, None);
        assert!(bars.iter().all(|bar| bar.volume > 0), "what did not trade is absent, not repeated");
        assert!(density(&bars, last_closed, &coverage).failed.is_some(), "{} of 250 bars", bars.len());
    }
}

/// Trades of one kind, counted.
#[derive(Default)]
struct Sold {
    trades: f64,
    targets: f64,
    sum: f64,
    squares: f64,
    /// As if every target had been filled at its level.
    at_the_level: f64,
}

impl Sold {
    fn add(&mut self, exit: &Exit, paid: f64, target: f64) {
        let gain = exit.price.dollars() / paid - 1.0;
        let at_target = exit.reason == ExitReason::Target;
        self.trades += 1.0;
        self.targets += f64::from(u8::from(at_target));
        self.sum += gain;
        self.squares += gain * gain;
        self.at_the_level += if at_target { target / paid - 1.0 } else { gain };
    }

    fn mean(&self) -> f64 {
        self.sum / self.trades
    }

    fn error(&self) -> f64 {
        ((self.squares / self.trades - self.mean() * self.mean()) / self.trades).sqrt()
    }
}

const LIMIT: f64 = 0.03;
const CLOSES: usize = 40;
const PLAIN: f64 = 100.0;

/// Contracts whose prices are driftless lognormals of 10 % a day, each sold by the exits' own rules at the first of 40
/// closes 3 % above what it was worth, and at the last one else. Bid and ask stand so far to either side of the price.
fn sold(half_spread: f64, paid: f64) -> Sold {
    const CONTRACTS: u32 = 400;
    const ROUNDS: u64 = 125;
    let days: Vec<Date> = calendar::sessions(date(2026, 1, 5), date(2026, 6, 30)).take(CLOSES + 1).collect();
    let expiration = date(2027, 1, 15);
    let symbols: Vec<OccSymbol> =
        (1..=CONTRACTS).map(|strike| symbol("XYZ", expiration, OptionKind::Call, strike)).collect();
    let target = PLAIN * (1.0 + LIMIT) * (1.0 - half_spread);
    let mut config = AnalysisConfig::default();
    config.strategies.oversold_call.enabled = false;
    config.strategies.control.enabled = false;
    let mut sold = Sold::default();
    for round in 0..ROUNDS {
        let mut chance = Chance::seeded(round);
        let mut worth: BTreeMap<OccSymbol, f64> = symbols.iter().map(|symbol| (*symbol, PLAIN)).collect();
        let mut open: Vec<TradeRecord> = symbols.iter().map(|symbol| bought(*symbol, days[0], paid, target)).collect();
        for day in &days[1..] {
            for value in worth.values_mut() {
                *value *= (0.10 * chance.normal() - 0.005).exp();
            }
            let snapshot = closing(*day, &open, &worth, half_spread);
            let finding = analyse(&snapshot, &config);
            for change in finding.transitions {
                let Transition::Closed(exit) = change.transition else { panic!("{change:?}") };
                sold.add(&exit, paid, target);
                open.retain(|trade| trade.id != change.trade);
            }
        }
        assert_eq!(open, [], "the last close sells what is left");
    }
    sold
}

fn bought(symbol: OccSymbol, session: Date, paid: f64, target: f64) -> TradeRecord {
    let at = calendar::close_of(session).unwrap();
    let plan = EntryPlan {
        direction: Direction::Long,
        buy: price(paid),
        target: price(target),
        stop: Price::ZERO,
        valid_until: at,
        time_stop_sessions: Some(CLOSES as u32),
        exit_rsi: None,
        exit_dte: 0,
        signals: ExitSignals::default(),
        advice: Advice::default(),
        confirm_pct: None,
        commission: Price::ZERO,
    };
    TradeRecord {
        id: TradeId::derive("oversold_call", &symbol, session),
        strategy: "oversold_call".to_owned(),
        underlying: Ticker::parse("XYZ").unwrap(),
        symbol,
        control: false,
        state: TradeState::Open,
        scan: ScanId::parse("test-20260105-1600").unwrap(),
        signalled_at: at,
        entry_session: session,
        signal_bid: price(paid),
        signal_ask: price(paid),
        plan,
        score: Score::default(),
        checks: Vec::new(),
        fill: Some(Fill { at, session, price: price(paid) }),
        exit: None,
        ignored: true,
        last_mark: None,
        confirmation: None,
    }
}

/// The chain at a close: the contracts that are still held.
fn closing(day: Date, open: &[TradeRecord], worth: &BTreeMap<OccSymbol, f64>, half_spread: f64) -> MarketSnapshot {
    let at = calendar::close_of(day).unwrap();
    let quotes = open.iter().map(|trade| {
        let value = worth[&trade.symbol];
        let (bid, ask) = (value * (1.0 - half_spread), value * (1.0 + half_spread));
        // A ten-thousandth apart where there is no spread: a locked quote decides nothing.
        let (bid, ask) = (price(bid), price(ask.max(bid + 1e-4)));
        ContractQuote {
            symbol: trade.symbol,
            bid: Some(bid),
            ask: Some(ask),
            last: None,
            volume: Some(0),
            open_interest: Some(0),
            vendor_iv: None,
        }
    });
    let underlying = Instrument::Underlying(Ticker::parse("XYZ").unwrap());
    let chain = Chain {
        underlying: Ticker::parse("XYZ").unwrap(),
        vendor: Vendor::Cboe,
        quote_time: Some(at),
        vendor_spot: None,
        vendor_yield: None,
        facts: Default::default(),
        contracts: quotes.collect(),
        refused: Vec::new(),
        expirations: vec![date(2027, 1, 15)],
        not_served: Vec::new(),
    };
    MarketSnapshot {
        as_of: at,
        chain,
        underlying_bars: Some(crate::world::series(underlying, day, &[100.0; 3], 1)),
        live_trades: open.to_vec(),
        ..crate::world::snapshot()
    }
}

#[test]
fn a_high_win_rate_proves_nothing_on_a_driftless_market() {
    let free = sold(0.0, PLAIN);
    eprintln!("no spread: {} trades, mean {:.4} ± {:.4}", free.trades, free.mean(), free.error());
    assert!(free.error() < 0.0012, "the interval is as narrow as the document's tolerance: {}", free.error());
    check("no spread, trades that win", free.targets / free.trades, 84.0, 1.0);
    check("no spread, mean", free.mean(), 0.0, 0.2);
    check("no spread, mean if the fills were booked at the limit", free.at_the_level / free.trades, -5.8, 0.2);
    let spread = sold(0.02, PLAIN * 1.02);
    check("4 % spread, mean", spread.mean(), -3.9, 0.2);
    check("4 % spread, trades sold at the limit", spread.targets / spread.trades, 84.0, 1.0);
}
