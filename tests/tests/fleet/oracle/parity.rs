//! The oracle's spot and forwards: put–call parity on a chain's own quotes (ANALYTICS 1, RULES 2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::bodies::{Chain, Row};
use super::calendar;
use super::gates::{is_adjusted, spread_is_narrow, units};
use super::maths::lower_median;

pub const RATE: f64 = 0.04;
pub const ASSUMED_YIELD: f64 = 0.0;

/// What one (root, expiration) is priced with.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    pub years: f64,
    /// The chain's spot, but where the yield would leave [−.5, 3].
    pub spot: f64,
    pub dividend_yield: f64,
    pub forward: f64,
    /// Whether quotes gave it.
    pub implied: bool,
}

/// The outcome for a chain.
#[derive(Debug, Clone, Default)]
pub struct Parity {
    pub spot: Option<f64>,
    /// Whether quotes gave the spot; else it is the vendor's.
    pub implied: bool,
    pub groups: BTreeMap<(String, Date), Group>,
    /// Expirations none of whose contracts is believed, with the gate that says so.
    pub doubted: BTreeMap<(String, Date), &'static str>,
}

pub fn parity(chain: &Chain, as_of: Timestamp) -> Parity {
    let mut forwards = BTreeMap::new();
    let mut doubted = BTreeMap::new();
    for key in group_keys(chain) {
        let Some(years) = calendar::years_to(as_of, &key.0, key.1) else { continue };
        if let Some(gate) = doubt(chain, &key, years) {
            doubted.insert(key, gate);
        } else if let Some(forward) = forward(chain, &key, years) {
            forwards.insert(key, (years, forward));
        }
    }
    let of_quotes = spot(&forwards, as_of);
    // The vendor's own price will do where no pair is quoted, if it is of the same minute as the quotes.
    let apart = chain.spot_time.duration_since(chain.quote_time).as_secs().abs();
    let Some(spot) = of_quotes.or((apart <= 60).then_some(chain.vendor_spot)) else {
        return Parity { doubted, ..Parity::default() };
    };
    let mut groups = BTreeMap::new();
    for key in group_keys(chain) {
        let Some(years) = calendar::years_to(as_of, &key.0, key.1) else { continue };
        let implied = forwards.get(&key).map(|(_, f)| *f).filter(|f| (0.5 * spot..=2.0 * spot).contains(f));
        let forward = implied.unwrap_or(spot * ((RATE - ASSUMED_YIELD) * years).exp());
        let told = RATE - (forward / spot).ln() / years;
        let dividend_yield = told.clamp(-0.5, 3.0);
        let own = if told == dividend_yield { spot } else { forward * ((dividend_yield - RATE) * years).exp() };
        groups.insert(key, Group { years, spot: own, dividend_yield, forward, implied: implied.is_some() });
    }
    Parity { spot: Some(spot), implied: of_quotes.is_some(), groups, doubted }
}

/// A date on which nothing expires, calls without puts, or pairs that contradict each other.
fn doubt(chain: &Chain, key: &(String, Date), years: f64) -> Option<&'static str> {
    let rows: Vec<&Row> = chain.rows.iter().filter(|row| row.root == key.0 && row.expiration == key.1).collect();
    let is_paired = |call: &&Row| rows.iter().any(|put| !put.call && put.strike == call.strike);
    if !calendar::is_session(key.1) || !rows.iter().filter(|row| row.call).any(is_paired) {
        return Some("gate:expiration");
    }
    let near = near_pairs(chain, key, years);
    let mut tilts = Vec::new();
    for (at, a) in near.iter().enumerate() {
        tilts.extend(near[..at].iter().map(|b| (a.value - b.value) / (a.strike - b.strike)));
    }
    let tilted = near.len() >= 3 && lower_median(&tilts).is_some_and(|tilt| tilt.abs() > 0.5);
    tilted.then_some("gate:parity")
}

fn group_keys(chain: &Chain) -> Vec<(String, Date)> {
    let mut keys: Vec<_> =
        chain.rows.iter().filter(|r| !is_adjusted(&r.root)).map(|r| (r.root.clone(), r.expiration)).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Usable for parity: quoted on both sides, inside the spread gate.
fn usable(row: &Row) -> bool {
    0.0 < row.bid && row.bid < row.ask && spread_is_narrow(row)
}

struct Pair {
    strike: f64,
    value: f64,
    weight: f64,
}

/// The ten pairs nearest the money.
fn near_pairs(chain: &Chain, key: &(String, Date), years: f64) -> Vec<Pair> {
    let rows: Vec<&Row> = chain.rows.iter().filter(|r| r.root == key.0 && r.expiration == key.1 && usable(r)).collect();
    let mut pairs = Vec::new();
    for call in rows.iter().filter(|row| row.call) {
        if let Some(put) = rows.iter().find(|row| !row.call && row.strike == call.strike) {
            let mid = |row: &Row| (row.bid + row.ask) / 2.0;
            let width = (units(call.ask) - units(call.bid)) + (units(put.ask) - units(put.bid));
            pairs.push(Pair {
                strike: call.strike,
                value: call.strike + (RATE * years).exp() * (mid(call) - mid(put)),
                weight: 1.0 / width as f64,
            });
        }
    }
    let Some(reference) = lower_median(&pairs.iter().map(|pair| pair.value).collect::<Vec<_>>()) else { return pairs };
    let distance = |pair: &Pair| (pair.strike - reference).abs();
    pairs.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.strike.total_cmp(&b.strike)));
    pairs.truncate(10);
    pairs
}

fn forward(chain: &Chain, key: &(String, Date), years: f64) -> Option<f64> {
    let mut pairs = near_pairs(chain, key, years);
    pairs.sort_by(|a, b| a.value.total_cmp(&b.value).then(a.strike.total_cmp(&b.strike)));
    let half = pairs.iter().map(|pair| pair.weight).sum::<f64>() / 2.0;
    let mut reached = 0.0;
    pairs.iter().find_map(|pair| {
        reached += pair.weight;
        (reached >= half).then_some(pair.value)
    })
}

fn spot(forwards: &BTreeMap<(String, Date), (f64, f64)>, as_of: Timestamp) -> Option<f64> {
    let mut near = Vec::new();
    let mut best: Option<(i32, i32, f64)> = None;
    for ((_, expiration), (years, forward)) in forwards {
        let days = calendar::days_to(as_of, *expiration);
        let spot = forward * (-(RATE - ASSUMED_YIELD) * years).exp();
        let away = (7 - days).max(days - 60).max(0);
        if away == 0 {
            near.push(spot);
        }
        if best.is_none_or(|(least, at, _)| (away, days) < (least, at)) {
            best = Some((away, days, spot));
        }
    }
    lower_median(&near).or(best.map(|(_, _, spot)| spot))
}
