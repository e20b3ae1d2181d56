//! What trades bring on a market without drift: what they cost, and nothing else. Controls (S0) go through the one door,
//! from the draw to the exit.

use std::collections::BTreeMap;

use fleet_analysis::{AnalysisConfig, analyse, new_trades};
use fleet_core::domain::*;
use fleet_pricing::{Kind, Terms, black};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use crate::chance::Chance;
use crate::world::{EXPIRATIONS, price, snapshot, symbol};

const TICKERS: u64 = 10_000;
const VOL: f64 = 0.45;
/// Of a price, to either side of it.
const HALF_SPREAD: f64 = 0.01;

/// What a contract is worth: no interest, no dividends, so that it drifts no more than its underlying.
fn fair(symbol: &OccSymbol, spot: f64, at: Timestamp) -> f64 {
    let kind = match symbol.kind {
        OptionKind::Call => Kind::Call,
        OptionKind::Put => Kind::Put,
    };
    let years = calendar::years_to_settlement(at, symbol).unwrap();
    black::price(&Terms { kind, spot, strike: symbol.strike.dollars(), years, rate: 0.0, yield_: 0.0 }, VOL).unwrap()
}

fn quote(symbol: OccSymbol, spot: f64, at: Timestamp) -> ContractQuote {
    let worth = fair(&symbol, spot, at);
    let bid = (worth * (1.0 - HALF_SPREAD) * 100.0).floor() / 100.0;
    let ask = (worth * (1.0 + HALF_SPREAD) * 100.0).ceil() / 100.0;
    ContractQuote {
        symbol,
        bid: Some(price(bid)),
        ask: Some(price(ask)),
        last: None,
        volume: Some(100),
        open_interest: Some(500),
        vendor_iv: None,
    }
}

/// An underlying that moves with time as it passes, nights and weekends too, as its options are priced.
struct Walk {
    chance: Chance,
    at: Timestamp,
    spot: f64,
}

impl Walk {
    fn to(&mut self, at: Timestamp) -> f64 {
        let total = VOL * (at.duration_since(self.at).as_secs_f64() / 31_536_000.0).sqrt();
        self.spot *= (total * self.chance.normal() - 0.5 * total * total).exp();
        self.at = at;
        self.spot
    }
}

/// A trade that was bought and sold.
struct Done {
    /// What is left of a dollar paid, less the dollar.
    net: f64,
    /// What of it are half-spreads and commission, by what the contract was worth when it was bought and sold.
    cost: f64,
    /// The net if a target were filled at its level.
    at_the_level: f64,
}

/// The trades of one ticker: drawn at one scan, bought 25 minutes later where the ask allows it, left within five
/// sessions, with two looks a session.
fn trades(seed: u64, config: &AnalysisConfig) -> Vec<Done> {
    let begin = calendar::at_new_york(date(2026, 11, 20), 10, 30, 0);
    let mut walk = Walk { chance: Chance::seeded(seed), at: begin, spot: 100.0 };
    let listed = EXPIRATIONS[1..].iter().flat_map(|expiration| {
        let both = [OptionKind::Call, OptionKind::Put];
        (90..=110).step_by(5).flat_map(move |strike| both.map(|kind| symbol("XYZ", *expiration, kind, strike)))
    });
    let mut scan = snapshot();
    scan.as_of = begin;
    scan.chain.quote_time = Some(begin);
    scan.chain.vendor_spot = Some(VendorSpot { price: price(100.0), time: Some(begin) });
    // Another lot for each seed, of the contracts that trade: the strikes are the same everywhere.
    let traded = |at: usize| at % 3 == seed as usize % 3;
    scan.chain.contracts = listed.map(|symbol| quote(symbol, 100.0, begin)).collect();
    scan.chain.contracts.iter_mut().enumerate().for_each(|(at, q)| q.volume = Some(if traded(at) { 100 } else { 0 }));
    let drawn = new_trades(&analyse(&scan, config), &scan.scan).into_iter().filter(|trade| trade.control);
    let mut live: Vec<TradeRecord> = drawn.map(|trade| TradeRecord { state: TradeState::Pending, ..trade }).collect();
    let looks = calendar::sessions(date(2026, 11, 23), date(2026, 12, 31))
        .take(5)
        .flat_map(|day| [(10, 30), (12, 45)].map(|(hour, minute)| calendar::at_new_york(day, hour, minute, 0)));
    let later = begin + SignedDuration::from_mins(25);
    let mut bought = BTreeMap::new();
    let mut done = Vec::new();
    for at in [later].into_iter().chain(looks) {
        let spot = walk.to(at);
        scan.as_of = at;
        scan.chain.quote_time = Some(at);
        scan.chain.vendor_spot = Some(VendorSpot { price: price(spot), time: Some(at) });
        scan.chain.contracts = live.iter().map(|trade| quote(trade.symbol, spot, at)).collect();
        scan.live_trades = live.clone();
        for change in analyse(&scan, config).transitions {
            let trade = live.iter_mut().find(|trade| trade.id == change.trade).unwrap();
            let worth = fair(&trade.symbol, spot, at);
            *trade = trade.after(&change.transition).unwrap();
            match &change.transition {
                Transition::Filled(_) => {
                    bought.insert(trade.symbol, worth);
                }
                Transition::Lapsed { .. } | Transition::Confirmed { .. } => {}
                Transition::Closed(exit) => {
                    let paid = trade.fill.as_ref().unwrap().price.dollars();
                    let fees = 2.0 * trade.plan.commission.dollars() / 100.0;
                    let slip = (paid - bought[&trade.symbol]) + (worth - exit.price.dollars());
                    let sold = match exit.reason {
                        ExitReason::Target => trade.plan.target.dollars(),
                        _ => exit.price.dollars(),
                    };
                    let net = exit.net.dollars() / 100.0 / paid;
                    done.push(Done { net, cost: (slip + fees) / paid, at_the_level: (sold - fees) / paid - 1.0 });
                }
            }
        }
        live.retain(|trade| trade.state.is_live());
    }
    assert_eq!(live, [], "five sessions end every trade");
    done
}

/// The mean of something over trades, and how far it may be away: the trades of one ticker move together, so the error is
/// that of the tickers' sums.
fn mean(tickers: &[Vec<Done>], of: impl Fn(&Done) -> f64) -> (f64, f64) {
    let n: usize = tickers.iter().map(Vec::len).sum();
    let sums: Vec<f64> = tickers.iter().map(|trades| trades.iter().map(&of).sum()).collect();
    let mean = sums.iter().sum::<f64>() / n as f64;
    let squares = tickers.iter().zip(&sums).map(|(trades, sum)| (sum - mean * trades.len() as f64).powi(2));
    (mean, squares.sum::<f64>().sqrt() / n as f64)
}

#[test]
fn controls_of_a_driftless_market_lose_what_they_cost() {
    let mut config = AnalysisConfig::default();
    config.strategies.oversold_call.enabled = false;
    config.strategies.control.per_mille = 1000;
    config.rates.risk_free = 0.0;
    let tickers: Vec<Vec<Done>> = (0..TICKERS).map(|seed| trades(seed, &config)).collect();
    let n: usize = tickers.iter().map(Vec::len).sum();
    let (net, _) = mean(&tickers, |done| done.net);
    let (cost, _) = mean(&tickers, |done| done.cost);
    let (difference, error) = mean(&tickers, |done| done.net + done.cost);
    let (wrong, wrong_error) = mean(&tickers, |done| done.at_the_level + done.cost);
    eprintln!("{n} trades: net {net:.4}, cost {cost:.4}, net + cost {difference:.4} ± {error:.4} (one error)");
    eprintln!("booked at the level, net + cost would be {wrong:.4} ± {wrong_error:.4}");
    assert!(n > 1_000, "{n} trades");
    assert!(cost > 0.02 && net < 0.0, "the costs are worth a test");
    assert!(difference.abs() <= 1.96 * error, "net {net:.4} is not the cost {cost:.4} ± {:.4}", 1.96 * error);
    assert!(error < 0.01, "the interval is narrow enough to fail");
    assert!(wrong < -1.96 * wrong_error, "it does for fills that nobody could get: {wrong:.4} ± {wrong_error:.4}");
}
