//! The oracle's other strategies (RULES 7), each alone on a simulated market whose store has seen forty sessions: the same
//! contracts as the product's, at the same prices, with the same score, and every number that is told beside them. Settings
//! are loosened where the market of a few tickers would not let anything fire, and stand here as they stand in the file
//! that the product reads.

mod bought;
mod crossing;
mod past;
mod reversal;
mod seen;
mod sold;
mod volume;

use std::collections::BTreeMap;

use fleet_core::domain::{Answer, Candidate, SkipReason};
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};

use super::bodies;
use super::compare::{Asked, chart_paths, stored};
use super::compare_numbers::{compare_candidate, compare_underlying};
use super::differences::Differences;
use super::gates::{gate, ticks};
use super::parity::parity;
use super::strategy::across_strikes;
use past::History;
use seen::{Firing, Seen};

/// Candidates of a ticker whose numbers are compared: trees are slow.
const NUMBERS: usize = 3;

/// Product and oracle find the same contracts, and enough of them.
fn check(settings: &str, wanted: fn(&Seen<'_>) -> Firing) {
    check_later(0, settings, wanted);
}

/// The same, so many sessions after the market's first one.
fn check_later(sessions: u32, settings: &str, wanted: fn(&Seen<'_>) -> Firing) {
    let (mut found, mut numbers, mut usual) = (0, 0, 0);
    let mut ruled_out: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 1..=3 {
        let world = World::new();
        let market = Market::logged(config(seed, 40), world.path());
        if sessions > 0 {
            let _ = market.advance(sessions, 0);
        }
        let history = History::seeded(&world, &market);
        let off = "[strategies.oversold_call]\nenabled = false\n[strategies.control]\nenabled = false\n";
        let known = history.settings(&world);
        let file = world.write("optionfleet.toml", format!("{settings}{off}{known}"));
        let file = file.to_str().expect("a path of text");
        let (ran, json) = world.scan_json(&market, ["--top", "0", "--config", file]);
        let _ = ran.expect_code(0);
        let paths = chart_paths(&market);
        let stored = stored(&world, &json);
        let as_of = stored.manifest.as_of.expect("pinned to the market's clock");
        let mut differences = Differences::default();
        for outcome in &stored.outcomes {
            let finding = outcome.finding().expect("every ticker has an answer");
            let ticker = outcome.ticker.as_str();
            if let Answer::Skipped(SkipReason::UnderlyingPreGate { check }) = &finding.answer {
                *ruled_out.entry(check.name.to_string()).or_default() += 1;
            }
            let body = market.json(&format!("/cboe/api/global/delayed_quotes/options/{ticker}.json"));
            let chain = bodies::read_chain(&body);
            let bars = Asked { market: &market, underlying: ticker.replace('.', "-"), paths: &paths };
            let (parity, ticks) = (parity(&chain, as_of), ticks(&chain));
            let said: BTreeMap<String, (Option<f64>, Option<f64>)> = stored.explanations[&outcome.ticker]
                .iter()
                .map(|product| (product.symbol().to_string(), (product.iv, product.delta)))
                .collect();
            let told = |symbol: &str| said.get(symbol).copied().unwrap_or_default();
            let gated = chain.rows.iter().map(|row| gate(row, &chain, &parity, ticks, as_of, &told)).collect();
            let gated = across_strikes(&chain, gated, &parity, ticks);
            let usable = as_of.duration_since(chain.quote_time).as_secs() <= 1200 && !chain.rows.is_empty();
            let apart = parity.spot.is_some_and(|spot| (spot / chain.vendor_spot - 1.0).abs() > 0.02);
            let past = history.of(ticker);
            let seen = Seen { chain: &chain, body: &body, as_of, parity, ticks, gated, bars: &bars, told: &told, past };
            let oracle = if usable && !apart { wanted(&seen) } else { BTreeMap::new() };
            compare_firing(ticker, &finding.candidates, &oracle, &mut differences);
            found += oracle.len();
            let chart = bars.known(&bars.underlying);
            let is_usable = usable && !apart;
            let numbers_of = is_usable.then(|| seen.numbers(chart.as_ref()));
            if let Some(underlying) = compare_underlying(finding, numbers_of, seen.quoted(), &mut differences) {
                usual += usize::from(underlying.usual_volume.is_some());
                for candidate in finding.candidates.iter().take(NUMBERS) {
                    let _ = compare_candidate(candidate, seen.quoted(), &bars, &underlying, &mut differences);
                    numbers += 1;
                }
            }
        }
        differences.expect_none(&format!("seed {seed}"));
    }
    eprintln!("{found} contracts, numbers of {numbers}, {usual} usual volumes, tickers ruled out by {ruled_out:?}");
    assert!(found > 5 && numbers > 2 && usual > 50, "{found}, {numbers}, {usual}: the comparison says too little");
}

fn compare_firing(ticker: &str, product: &[Candidate], oracle: &Firing, differences: &mut Differences) {
    let symbols = product.iter().map(|c| c.symbol.to_string()).collect::<Vec<_>>();
    let mut told = symbols.clone();
    told.sort();
    differences.same(&format!("{ticker} candidates"), told, oracle.keys().cloned().collect());
    for (candidate, symbol) in product.iter().zip(symbols) {
        let Some(found) = oracle.get(&symbol) else { continue };
        let plan = &candidate.plan;
        let levels = [plan.buy.dollars(), plan.target.dollars(), plan.stop.dollars()];
        differences.same(&format!("{symbol} levels"), levels, [found.entry, found.target, found.stop]);
        differences.near(&format!("{symbol} net"), Some(candidate.net_pct), Some(found.net_pct), 1e-9);
        differences.near(&format!("{symbol} score"), Some(candidate.score.total()), Some(found.score), 1e-6);
    }
}

#[test]
fn s1p_finds_what_the_oracle_finds() {
    check(reversal::S1P, reversal::oversold_put);
}

#[test]
fn s2_finds_what_the_oracle_finds() {
    check(volume::S2, volume::unusual_volume);
}

#[test]
fn s3_finds_what_the_oracle_finds() {
    // On the first session nothing expires in 60 to 90 days: the slope's back is between two expirations.
    check(bought::S3, bought::cheap_iv);
}

#[test]
fn s3_finds_what_the_oracle_finds_later() {
    check_later(6, bought::S3, bought::cheap_iv);
}

#[test]
fn s4_finds_what_the_oracle_finds() {
    check(sold::S4, sold::csp_yield);
}

#[test]
fn s5_finds_what_the_oracle_finds() {
    check(crossing::S5, crossing::sma_cross);
}

#[test]
fn s5m_finds_what_the_oracle_finds() {
    check(crossing::S5M, crossing::macd_cross);
}

#[test]
fn s6_finds_what_the_oracle_finds() {
    check(sold::S6, sold::covered_call_yield);
}
