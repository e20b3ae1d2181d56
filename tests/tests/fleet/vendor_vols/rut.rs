//! RUT, European, from CBOE: its chain of 20 September 2023.

use std::collections::BTreeMap;

use fleet_analysis::{AnalysisConfig, analyse_explained};
use fleet_core::domain::{Chain, ContractExplanation, ContractQuote, OccSymbol, OptionKind, Ticker, calendar};
use fleet_pricing::Terms;
use fleet_scraper::vendors::cboe;
use fleet_tests::recordings::shared;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{CENT, Distribution, european, kind, read};
use crate::recorded::snapshot;

/// Continuous three-month rate of that day (Treasury bills at 5.5 % a year).
const RATE: f64 = 0.0535;
/// Differences beyond are the tail.
const TAIL: f64 = 0.005;

/// Middle and spread of one side of a pair, dollars; `None` where it is not quoted narrowly.
type Quoted = Option<(f64, f64)>;

fn rut() -> Option<(Chain, Timestamp)> {
    let body = read(&shared("captures/cboe/RUT_index_full_chain.json")?);
    let chain = cboe::parse::chain(&body, &Ticker::parse("RUT").expect("a ticker")).expect("a chain");
    Some((chain, calendar::at_new_york(Date::constant(2023, 9, 20), 16, 15, 4)))
}

/// The rates that the chain itself tells, by term: C − P falls by e^{−rT} a dollar of strike, so the slope of a line through
/// its pairs (weights one over the squared spreads) is a rate. From 20 days on; before, a cent is too much of a rate.
fn rates_of_the_chain(chain: &Chain, as_of: Timestamp, spot: f64) -> Vec<[f64; 2]> {
    let mut pairs: BTreeMap<OccSymbol, [Quoted; 2]> = BTreeMap::new();
    for quote in &chain.contracts {
        let strike = quote.symbol.strike.dollars();
        let quoted = quote.mid().zip(quote.spread()).filter(|(mid, spread)| *spread <= (0.1 * mid).max(0.05));
        if (0.8 * spot..=1.2 * spot).contains(&strike) {
            let call = OccSymbol { kind: OptionKind::Call, ..quote.symbol };
            pairs.entry(call).or_default()[usize::from(quote.symbol.kind == OptionKind::Put)] = quoted;
        }
    }
    let mut by_date: BTreeMap<Date, (f64, Vec<[f64; 3]>)> = BTreeMap::new();
    for (symbol, pair) in pairs {
        let ([Some((call, call_spread)), Some((put, put_spread))], Some(years)) =
            (pair, calendar::years_to_settlement(as_of, &symbol))
        else {
            continue;
        };
        let weight = (call_spread + put_spread).powi(-2);
        let (_, points) = by_date.entry(symbol.expiration).or_insert((years, Vec::new()));
        points.push([symbol.strike.dollars(), call - put, weight]);
    }
    by_date
        .into_values()
        .filter(|(years, points)| *years > 20.0 / 365.0 && points.len() >= 10)
        .map(|(years, points)| {
            let total: f64 = points.iter().map(|[_, _, w]| w).sum();
            let mean = |at: usize| points.iter().map(|p| p[at] * p[2]).sum::<f64>() / total;
            let (middle, level) = (mean(0), mean(1));
            let covariance: f64 = points.iter().map(|[k, v, w]| w * (k - middle) * (v - level)).sum();
            let variance: f64 = points.iter().map(|[k, _, w]| w * (k - middle).powi(2)).sum();
            [years * 365.0, -(-covariance / variance).ln() / years]
        })
        .collect()
}

/// A contract that both have a volatility of.
struct Both<'a> {
    quote: &'a ContractQuote,
    terms: Terms,
    ours: f64,
    vendors: f64,
    delta: f64,
}

impl<'a> Both<'a> {
    fn of(explained: &'a ContractExplanation, as_of: Timestamp) -> Option<Self> {
        let (quote, model) = (&explained.quote, explained.model?);
        let symbol = &quote.symbol;
        let years = calendar::years_to_settlement(as_of, symbol)?;
        let (rate, spot, yield_) = (model.rate, model.spot, model.yield_);
        let terms = Terms { kind: kind(symbol.kind), spot, strike: symbol.strike.dollars(), years, rate, yield_ };
        Some(Self { quote, terms, ours: explained.iv?, vendors: quote.vendor_iv?, delta: explained.delta? })
    }

    fn apart(&self) -> f64 {
        (self.ours - self.vendors).abs()
    }

    /// Whether the vendor's volatility gives a price that the quote does not rule out.
    fn is_within_the_quote(&self) -> bool {
        let price = european(&self.terms, self.vendors);
        let at = |price: Option<fleet_core::domain::Price>| price.expect("a volatility of a quote").dollars();
        (at(self.quote.bid) - CENT..=at(self.quote.ask) + CENT).contains(&price)
    }
}

/// What the analysis says of the chain under rates.
fn explained(chain: &Chain, as_of: Timestamp, curve: Vec<[f64; 2]>) -> Vec<ContractExplanation> {
    let mut config = AnalysisConfig::default();
    config.rates.risk_free = RATE;
    config.rates.curve = curve;
    analyse_explained(&snapshot(chain.clone(), as_of), &config).1
}

#[test]
fn what_makes_the_tail_of_rut_against_cboe_is_the_quotes_width_and_the_rate() {
    let Some((chain, as_of)) = rut() else { return };
    let flat = explained(&chain, as_of, Vec::new());
    let flat: Vec<Both<'_>> = flat.iter().filter_map(|e| Both::of(e, as_of)).collect();
    let apart = Distribution::of(flat.iter().map(Both::apart));
    eprintln!("RUT, one rate: {}", apart.told());
    assert!(flat.len() > 4_000);
    assert!(apart.at(0.5) < 0.0015 && apart.at(0.9) < 0.0125, "{}", apart.told());

    let curve = rates_of_the_chain(&chain, as_of, 1806.12);
    eprintln!("rates of the chain: {curve:.4?}");
    assert!(curve.len() >= 14 && curve.iter().all(|[_, rate]| (0.045..0.062).contains(rate)), "{curve:?}");
    let told = explained(&chain, as_of, curve);
    let both: Vec<Both<'_>> = told.iter().filter_map(|e| Both::of(e, as_of)).collect();
    let apart = Distribution::of(both.iter().map(Both::apart));
    eprintln!("RUT, the chain's own rates: {}", apart.told());
    assert!(apart.at(0.5) < 0.0012 && apart.at(0.9) < 0.01, "{}", apart.told());

    // Where the price hangs on the volatility, both say the same.
    let (at_the_money, far): (Vec<&Both<'_>>, Vec<&Both<'_>>) =
        both.iter().partition(|both| (0.1..=0.9).contains(&both.delta.abs()));
    let near = Distribution::of(at_the_money.iter().map(|both| both.apart()));
    eprintln!("delta .1 to .9: {}", near.told());
    assert!(near.at(0.9) < 0.0035 && near.at(0.99) < 0.006, "{}", near.told());
    let tail: Vec<&Both<'_>> = both.iter().filter(|both| both.apart() > TAIL).collect();
    let deep = far.iter().filter(|both| both.apart() > TAIL).count();
    eprintln!("tail beyond {TAIL}: {} contracts, {deep} of them with delta below .1 or above .9", tail.len());
    assert!(tail.len() < both.len() / 4 && deep * 100 >= tail.len() * 90, "{deep} of {}", tail.len());

    // The tail is what the quotes leave open, but for one strike, of which the vendor says two things.
    let by_symbol: BTreeMap<OccSymbol, f64> = both.iter().map(|both| (both.quote.symbol, both.vendors)).collect();
    let contradicts_itself = |both: &Both<'_>| {
        let symbol = both.quote.symbol;
        let kind = if symbol.kind == OptionKind::Call { OptionKind::Put } else { OptionKind::Call };
        let other = by_symbol.get(&OccSymbol { kind, ..symbol });
        other.is_some_and(|other| (other - both.vendors).abs() > 0.05)
    };
    let outside: Vec<&&Both<'_>> = tail.iter().filter(|both| !both.is_within_the_quote()).collect();
    let (contradictory, unexplained): (Vec<&Both<'_>>, Vec<&Both<'_>>) =
        outside.into_iter().copied().partition(|both| contradicts_itself(both));
    for both in contradictory.iter().chain(&unexplained) {
        let Both { quote, ours, vendors, .. } = both;
        eprintln!(
            "outside its quote: {} {:?} x {:?}, ours {ours:.4}, CBOE's {vendors}",
            quote.symbol, quote.bid, quote.ask
        );
    }
    assert_eq!(contradictory.len(), 2, "the call and the put of 1830 in December");
    assert!(unexplained.is_empty(), "{} of {}", unexplained.len(), tail.len());
    // And whatever the difference, hardly any volatility of the vendor's is one that its own quote rules out.
    let inside = both.iter().filter(|both| both.is_within_the_quote()).count();
    eprintln!("{inside} of {} of CBOE's volatilities price their contract inside its quote", both.len());
    assert!(inside * 1000 >= both.len() * 980);
}
