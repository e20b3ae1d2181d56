//! The oracle's S1p, S2 and S4 (RULES 7), each alone on a simulated market: the same contracts as the product's, at the
//! same prices. Settings are loosened where the market of a few tickers would not let anything fire, and stand here as
//! they stand in the file that the product reads.

use std::collections::{BTreeMap, BTreeSet};

use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::bodies::{self, Chain, Chart, Day, Row};
use super::calendar;
use super::compare::{Asked, chart_paths, stored};
use super::gates::{Gated, Quoted, Ticks, Told, gate, ticks};
use super::indicators::{median, percent_b, rsi, sma};
use super::maths::{d1_d2, normal};
use super::metrics;
use super::parity::{Parity, RATE, parity};
use super::strategy::{
    Bars, Beside, across_strikes, adjusted_closes, closed_days, last_closed_session, lowest_of_three, order,
    sessions_missed, turn, underlying_state,
};

/// Entry, target and stop.
type Levels = (f64, f64, f64);

/// A ticker as all three see it.
struct Seen<'a> {
    chain: &'a Chain,
    body: &'a Value,
    as_of: Timestamp,
    parity: Parity,
    ticks: Ticks,
    gated: Vec<Gated>,
    bars: &'a Asked<'a>,
    told: Told<'a>,
}

impl Seen<'_> {
    fn quoted(&self) -> Quoted<'_> {
        let Self { chain, parity, as_of, ticks, told, .. } = self;
        Quoted { chain, parity, as_of: *as_of, ticks: *ticks, told: *told }
    }

    /// Contracts past the gates with days to expiration and the absolute delta in these ranges, most traded first.
    fn eligible(&self, call: Option<bool>, dte: (i32, i32), delta: (f64, f64)) -> Vec<usize> {
        let fits = |at: &usize| {
            let (row, gated) = (&self.chain.rows[*at], &self.gated[*at]);
            gated.stopped.is_none()
                && call.is_none_or(|call| row.call == call)
                && (dte.0..=dte.1).contains(&calendar::days_to(self.as_of, row.expiration))
                && gated.delta.is_some_and(|d| (delta.0..=delta.1).contains(&d.abs()))
        };
        let mut out: Vec<usize> = (0..self.chain.rows.len()).filter(fits).collect();
        out.sort_by(|a, b| {
            let (a, b) = (&self.chain.rows[*a], &self.chain.rows[*b]);
            b.volume.total_cmp(&a.volume).then_with(|| order(a).cmp(&order(b)))
        });
        out
    }

    /// Closed days of the underlying; none when they are old or too few to look at it at all.
    fn underlying(&self) -> Option<(Chart, Vec<Day>)> {
        let chart = self.bars.underlying();
        let days = closed_days(&chart, self.as_of);
        let fresh = days.last().is_some_and(|day| sessions_missed(day.date, self.as_of) <= 1);
        (fresh && days.len() >= 36).then_some((chart, days))
    }

    fn round(&self, price: f64, down: bool) -> f64 {
        let tick = self.ticks.at(price);
        let steps = if down { (price / tick + 1e-9).floor() } else { (price / tick + 0.5 + 1e-9).floor() };
        (steps * tick * 10_000.0).round() / 10_000.0
    }

    /// Bought at bid + .4 of the spread, if what is left at the target after costs is 3 % or more.
    fn bought(&self, row: &Row, target: f64, stop: f64) -> Option<Levels> {
        let buy = self.round(row.bid + 0.4 * (row.ask - row.bid), false);
        let (target, stop) = (self.round(buy * target, true), self.round(buy * stop, false));
        let slip = 0.75 * (row.ask - row.bid) / 2.0;
        let paid = (row.bid + row.ask) / 2.0 + slip;
        (100.0 * (target - slip - paid - 0.013) / paid >= 3.0).then_some((buy, target, stop))
    }
}

fn last_close_over(days: &[Day], sessions: usize) -> Option<f64> {
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    Some(closes.last()? / sma(&closes, sessions).pop().flatten()?)
}

const S1P: &str = "[strategies.oversold_put]\nenabled = true\nmin_underlying_rsi = 40.0\nmax_rsi = 45.0\nmax_pct_b = 0.3\nmax_adjusted_rsi = 55.0\n";

/// Puts whose own bars are oversold and turn, under an average of 50.
fn oversold_put(seen: &Seen<'_>) -> BTreeMap<String, Levels> {
    let mut out = BTreeMap::new();
    let eligible = seen.eligible(Some(false), (45, 270), (0.25, 0.65));
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, days)) = seen.underlying() else { return out };
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let rises = rsi(&closes, 14).pop().flatten().is_some_and(|rsi| rsi >= 40.0);
    let falls = last_close_over(&days, 50).is_some_and(|ratio| ratio < 1.0);
    if !rises {
        return out;
    }
    let last_session = last_closed_session(seen.as_of);
    let state = underlying_state(&chart, &days, seen.as_of);
    let (parity, ticks, as_of, told) = (&seen.parity, seen.ticks, seen.as_of, seen.told);
    let beside = Beside { underlying: &state, parity, ticks, as_of, told };
    for row in eligible.iter().take(12).map(|at| &seen.chain.rows[*at]) {
        let own = seen.bars.contract(&row.symbol);
        let split = chart.last_split.max(own.last_split).filter(|split| *split <= last_session);
        let own: Vec<Day> = closed_days(&own, seen.as_of)
            .into_iter()
            .filter(|day| day.volume > 0.0 && split.is_none_or(|split| day.date >= split))
            .collect();
        let from = calendar::sessions_before(last_session.tomorrow().expect("in range"), 20)[0];
        let window: Vec<f64> = own.iter().filter(|day| day.date >= from).map(|day| day.volume).collect();
        let covered = own.len() >= 60
            && window.len() >= 15
            && own.last().is_some_and(|day| sessions_missed(day.date, seen.as_of) <= 1)
            && median(&window).is_some_and(|median| median >= 20.0);
        let closes: Vec<f64> = own.iter().map(|day| day.close).collect();
        let (own_rsi, pct_b) = (rsi(&closes, 14), percent_b(&closes, 20));
        let turned = lowest_of_three(&own_rsi).is_some_and(|low| low <= 45.0)
            && turn(&own_rsi).is_some_and(|rise| rise > 0.0)
            && lowest_of_three(&pct_b).is_some_and(|low| low <= 0.3)
            && turn(&pct_b).is_some_and(|rise| rise > 0.0);
        let adjusted = adjusted_closes(row, &beside, &own).and_then(|closes| rsi(&closes, 14).pop()?);
        if covered && turned && falls && adjusted.is_some_and(|rsi| rsi <= 55.0) {
            out.extend(seen.bought(row, 1.15, 0.70).map(|levels| (row.symbol.clone(), levels)));
        }
    }
    out
}

const S2: &str = "[strategies.unusual_volume]\nenabled = true\nmin_volume = 200\nmin_volume_to_oi = 0.1\n\
    min_premium = [1000.0, 2000.0, 30000.0]\n";

/// Contracts traded much against what is open, not near an ex-dividend date.
fn unusual_volume(seen: &Seen<'_>) -> BTreeMap<String, Levels> {
    let mut out = BTreeMap::new();
    let options = seen.body["data"]["options"].as_array().expect("an array");
    let last: BTreeMap<&str, f64> = options
        .iter()
        .filter(|option| option["last_trade_time"].is_string())
        .map(|option| (option["option"].as_str().expect("a text"), option["last_trade_price"].as_f64().unwrap_or(0.0)))
        .collect();
    let today = calendar::new_york_date(seen.as_of);
    let sessions: BTreeSet<_> = [calendar::sessions_before(today, 1)[0], today, next_session(today)].into();
    for at in seen.eligible(None, (7, 180), (0.10, 0.50)) {
        let row = &seen.chain.rows[at];
        let premium = row.volume * (row.bid + row.ask) / 2.0 * 100.0;
        let busy = row.volume >= 200.0
            && row.open_interest >= 100.0
            && row.volume / row.open_interest >= 0.1
            && last.get(row.symbol.as_str()).is_some_and(|last| *last >= 0.10)
            && premium >= 30_000.0;
        if !busy {
            continue;
        }
        let Some(levels) = seen.bought(row, 1.30, 0.70) else { continue };
        let Some((chart, _)) = seen.underlying() else { continue };
        // An ex-date between two sessions is as near as the session after it.
        let paid = chart.dividends.iter().any(|(day, _)| sessions.contains(day));
        if !(row.call && paid) {
            out.insert(row.symbol.clone(), levels);
        }
    }
    out
}

fn next_session(today: Date) -> Date {
    let after = (1..10).map(|n| today.saturating_add(jiff::Span::new().days(n)));
    after.into_iter().find(|day| calendar::is_session(*day)).expect("no ten days without a session")
}

const S4: &str = "[strategies.csp_yield]\nenabled = true\nallow_earnings = true\nannual_roc_pct = [4.0, 80.0]\n\
    min_iv_to_hv20 = 0.95\nmin_breakeven_moves = 0.5\nspot = [10.0, 1000.0]\n";

/// Puts sold at the bid where volatility is dear.
fn csp_yield(seen: &Seen<'_>) -> BTreeMap<String, Levels> {
    let mut out = BTreeMap::new();
    let Some(spot) = seen.parity.spot else { return out };
    let days_to = |row: &Row| f64::from(calendar::days_to(seen.as_of, row.expiration));
    let levels = |row: &Row| {
        let (credit, slip) = (seen.round(row.bid, false), 0.75 * (row.ask - row.bid) / 2.0);
        let (target, stop) = (seen.round(credit * 0.5, true), seen.round(credit * 3.0, false));
        let received = (row.bid + row.ask) / 2.0 - slip;
        (100.0 * (received - (target + slip) - 0.013) / received >= 3.0).then_some((credit, target, stop))
    };
    let roc = |row: &Row| 100.0 * row.bid / (row.strike - row.bid) * 365.0 / days_to(row);
    let of_the_chain = |row: &&Row| {
        (10.0..=1000.0).contains(&spot)
            && 100.0 * (row.ask - row.bid) / ((row.bid + row.ask) / 2.0) <= 8.0
            && row.open_interest >= 250.0
            && roc(row) >= 4.0
            && levels(row).is_some()
    };
    let eligible = seen.eligible(Some(false), (22, 45), (0.12, 0.22));
    let eligible: Vec<&Row> = eligible.into_iter().map(|at| &seen.chain.rows[at]).filter(of_the_chain).collect();
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, days)) = seen.underlying() else { return out };
    let numbers = metrics::underlying(seen.quoted(), &seen.parity, Some(&chart));
    let highest = days.iter().rev().take(252).map(|day| day.close).fold(0.0, f64::max);
    let holds = last_close_over(&days, 200).is_some_and(|ratio| ratio > 1.0)
        || 100.0 * (1.0 - days[days.len() - 1].close / highest) < 15.0;
    let dear = numbers.iv30.zip(numbers.hv20).is_some_and(|(iv, hv)| iv / hv >= 0.95);
    if !holds || !dear {
        return out;
    }
    for row in eligible {
        let (bid, strike) = (row.bid, row.strike);
        let group = seen.parity.groups[&(row.root.clone(), row.expiration)];
        let value = numbers.forecast.map(|vol| {
            let (d1, d2) = d1_d2(group.forward, strike, group.years, vol);
            bid - (strike * normal(-d2) - group.forward * normal(-d1))
        });
        let sigma = numbers.sigma(&row.root, row.expiration).map(|vol| spot * vol * (days_to(row) / 365.0).sqrt());
        let fires = roc(row) <= 80.0
            && value.is_some_and(|value| value > 0.0)
            && sigma.is_some_and(|sigma| (spot - (strike - bid)) / sigma >= 0.5);
        if let Some(levels) = levels(row).filter(|_| fires) {
            out.insert(row.symbol.clone(), levels);
        }
    }
    out
}

/// Product and oracle find the same contracts at the same levels, and enough of them.
fn check(settings: &str, wanted: fn(&Seen<'_>) -> BTreeMap<String, Levels>) {
    assert!((RATE - 0.04).abs() < 1e-12);
    let mut found = 0;
    for seed in 1..=3 {
        let world = World::new();
        let off = "[strategies.oversold_call]\nenabled = false\n[strategies.control]\nenabled = false\n";
        let file = world.write("optionfleet.toml", format!("{settings}{off}"));
        let market = Market::logged(config(seed, 40), world.path());
        let file = file.to_str().expect("a path of text");
        let (ran, json) = world.scan_json(&market, ["--top", "0", "--config", file]);
        let _ = ran.expect_code(0);
        let paths = chart_paths(&market);
        let stored = stored(&world, &json);
        let as_of = stored.manifest.as_of.expect("pinned to the market's clock");
        for outcome in &stored.outcomes {
            let finding = outcome.finding().expect("every ticker has an answer");
            let ticker = outcome.ticker.as_str();
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
            let seen = Seen { chain: &chain, body: &body, as_of, parity, ticks, gated, bars: &bars, told: &told };
            let oracle = if usable && !apart { wanted(&seen) } else { BTreeMap::new() };
            let product: BTreeMap<String, Levels> = finding
                .candidates
                .iter()
                .map(|c| {
                    let plan = &c.plan;
                    (c.symbol.to_string(), (plan.buy.dollars(), plan.target.dollars(), plan.stop.dollars()))
                })
                .collect();
            assert_eq!(product, oracle, "seed {seed}, {ticker}: product left, oracle right");
            found += oracle.len();
        }
    }
    eprintln!("{found} contracts");
    assert!(found > 5, "only {found} contracts fire: the comparison says too little");
}

#[test]
fn s1p_finds_what_the_oracle_finds() {
    check(S1P, oversold_put);
}

#[test]
fn s2_finds_what_the_oracle_finds() {
    check(S2, unusual_volume);
}

#[test]
fn s4_finds_what_the_oracle_finds() {
    check(S4, csp_yield);
}
