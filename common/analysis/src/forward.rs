//! The underlying's price as its own options quote it: put–call parity by expiration (ANALYTICS section 1; every choice
//! is in RULES.md section 2). The vendor's spot is rarely of the same instant as its quotes.

use std::collections::BTreeMap;

use fleet_core::domain::{Chain, ContractQuote, OccSymbol, OptionKind, Root, Settlement, SpotSource, Strike, calendar};
use fleet_pricing::curve::Curve;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::{AnalysisConfig, DividendSource, Gates, SpotChoice};
use crate::doubt::doubt;
use crate::gates::{Stopped, spread_passes};
use crate::rates::rate_at;
use crate::rows::Rows;

/// Pairs nearest the money that vote on a forward.
const PAIRS: usize = 10;
/// Expirations whose carry is small and whose quotes are dense, calendar days.
const SPOT_DTE: (i32, i32) = (7, 60);
/// The vendor's spot stands in if it is so near the quotes in time.
const SIMULTANEOUS_SECS: i64 = 60;

/// Yields that options are priced with, lowest and highest. Hours before settlement a cent of noise in the forward is a yield
/// beyond.
pub const YIELD: (f64, f64) = fleet_pricing::RATE;

/// What prices the contracts of one root and expiration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Carry {
    /// Years to settlement.
    pub years: f64,
    /// Continuous risk-free rate of those years.
    pub rate: f64,
    /// The underlying's price these contracts are priced on, dollars: the chain's, but where the yield would be out of
    /// range.
    pub spot: f64,
    /// Forward, dollars.
    pub forward: f64,
    /// Continuous dividend yield that leads from the spot to the forward, within −50 % to 300 % if the forward is implied.
    pub yield_: f64,
    /// What a dollar at settlement is worth now.
    pub discount: f64,
    /// The chain does not tell the forward: it comes from the spot and the configured yield.
    pub assumed: bool,
}

/// The spot, and the carry of each root and expiration.
#[derive(Debug, Clone, PartialEq)]
pub struct Parity {
    /// The underlying's price used in this analysis.
    pub spot: Option<f64>,
    /// Where it came from.
    pub source: SpotSource,
    /// Implied over vendor's spot − 1.
    pub gap: Option<f64>,
    /// Empty without a spot.
    pub carries: BTreeMap<(Root, Date), Carry>,
    /// Implied forwards by expiration.
    pub forwards: BTreeMap<Date, f64>,
    /// Expirations none of whose contracts are believed, each with the gate that stops them all.
    pub doubts: BTreeMap<(Root, Date), Stopped>,
}

struct Group {
    root: Root,
    expiration: Date,
    settlement: Settlement,
    years: f64,
    rate: f64,
    dte: i32,
    implied: Option<f64>,
    doubt: Option<Stopped>,
}

impl Carry {
    /// Of an implied forward. A yield out of range is cut, and the spot moved so that the forward stays what it is.
    fn implied(spot: f64, forward: f64, years: f64, rate: f64) -> Self {
        let told = rate - libm::log(forward / spot) / years;
        let yield_ = told.clamp(YIELD.0, YIELD.1);
        let spot = if yield_ == told { spot } else { forward * libm::exp((yield_ - rate) * years) };
        Self { years, rate, spot, forward, yield_, discount: libm::exp(-rate * years), assumed: false }
    }

    /// Of a yield that the quotes do not tell.
    fn of_yield(spot: f64, flat: FlatYield, years: f64, rate: f64) -> Self {
        let FlatYield { yield_, assumed } = flat;
        let forward = spot * libm::exp((rate - yield_) * years);
        Self { years, rate, spot, forward, yield_, discount: libm::exp(-rate * years), assumed }
    }
}

/// Spot and forwards of a chain, read off its quotes unless the configuration takes them from elsewhere.
#[must_use]
pub fn parity(chain: &Chain, rows: &Rows, as_of: Timestamp, config: &AnalysisConfig) -> Parity {
    let pricing = &config.pricing;
    let flat = flat_yield(chain, config);
    let vendor = chain.vendor_spot.map(|s| s.price.dollars()).filter(|s| *s > 0.0);
    // A configuration whose curve is none has been refused long before.
    let curve = config.rates.term_structure().ok();
    let mut groups = curve.map_or_else(Vec::new, |curve| groups(chain, rows, as_of, config, &curve));
    let implied = implied_spot(&groups, flat.yield_);
    let (spot, source) = match pricing.spot {
        SpotChoice::Implied => match (implied, vendor_spot_in_time(chain)) {
            (Some(spot), _) => (Some(spot), SpotSource::Implied),
            (None, Some(spot)) => (Some(spot), SpotSource::Vendor),
            (None, None) => (None, SpotSource::None),
        },
        SpotChoice::Vendor => (vendor, vendor.map_or(SpotSource::None, |_| SpotSource::Vendor)),
    };
    let gap = implied.zip(vendor).map(|(implied, vendor)| implied / vendor - 1.0);
    let doubted = |group: &mut Group| Some(((group.root, group.expiration), group.doubt.take()?));
    let doubts = groups.iter_mut().filter_map(doubted).collect();
    let mut parity = Parity { spot, source, gap, carries: BTreeMap::new(), forwards: BTreeMap::new(), doubts };
    let Some(spot) = spot else { return parity };
    for group in &mut groups {
        // A forward so far away is no forward but a misprint.
        group.implied = group.implied.filter(|f| (0.5..=2.0).contains(&(f / spot)));
        let Group { years, rate, .. } = *group;
        let own = group.implied.filter(|_| pricing.dividends == DividendSource::Implied);
        let carry = match own {
            Some(forward) => Carry::implied(spot, forward, years, rate),
            None => Carry::of_yield(spot, flat, years, rate),
        };
        parity.carries.insert((group.root, group.expiration), carry);
        if let Some(forward) = group.implied {
            let first = !parity.forwards.contains_key(&group.expiration);
            if first || group.settlement == Settlement::Pm {
                parity.forwards.insert(group.expiration, forward);
            }
        }
    }
    parity
}

/// The yield of expirations whose own quotes are not asked, or do not tell.
#[derive(Debug, Clone, Copy)]
struct FlatYield {
    yield_: f64,
    /// Not the vendor's: the configured one.
    assumed: bool,
}

fn flat_yield(chain: &Chain, config: &AnalysisConfig) -> FlatYield {
    let told = match config.pricing.dividends {
        DividendSource::Vendor => chain.vendor_yield,
        DividendSource::Implied | DividendSource::Assumed => None,
    };
    FlatYield { yield_: told.unwrap_or(config.rates.assumed_yield), assumed: told.is_none() }
}

fn vendor_spot_in_time(chain: &Chain) -> Option<f64> {
    let spot = chain.vendor_spot?;
    let apart = spot.time?.duration_since(chain.quote_time?).as_secs().abs();
    (apart <= SIMULTANEOUS_SECS && !spot.price.is_zero()).then(|| spot.price.dollars())
}

/// Symbols are ordered by root and expiration first, so each group is one run.
fn groups(chain: &Chain, rows: &Rows, as_of: Timestamp, config: &AnalysisConfig, curve: &Curve) -> Vec<Group> {
    let reads_quotes = config.pricing.needs_parity();
    let mut groups: Vec<Group> = Vec::new();
    let standard: Vec<&ContractQuote> =
        rows.by_symbol.iter().filter(|(s, _)| !s.root.is_adjusted()).map(|(_, row)| &chain.contracts[row]).collect();
    for run in standard.chunk_by(|a, b| group_of(&a.symbol) == group_of(&b.symbol)) {
        let Some(symbol) = run.first().map(|q| q.symbol) else { continue };
        let Some(years) = config.pricing.years_to_expiry(as_of, &symbol) else { continue };
        let rate = rate_at(curve, years);
        let growth = || libm::exp(rate * years);
        let pairs = if reads_quotes { pairs(run, growth(), &config.gates) } else { Vec::new() };
        let doubt = doubt(run, &pairs);
        groups.push(Group {
            root: symbol.root,
            expiration: symbol.expiration,
            settlement: symbol.settlement(),
            years,
            rate,
            dte: calendar::dte(as_of, symbol.expiration),
            implied: if doubt.is_none() { implied_forward(pairs) } else { None },
            doubt,
        });
    }
    groups
}

const fn group_of(symbol: &OccSymbol) -> (Root, Date) {
    (symbol.root, symbol.expiration)
}

/// A call and a put of one strike, and the forward they tell by parity.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Their strike.
    pub strike: Strike,
    /// The forward they tell, dollars.
    pub value: f64,
    /// One over the sum of their spreads, in ten-thousandths.
    pub weight: f64,
}

/// The usable pairs nearest the money, by strike.
fn pairs(run: &[&ContractQuote], growth: f64, gates: &Gates) -> Vec<Pair> {
    let usable = |kind| {
        run.iter()
            .filter(move |q| q.symbol.kind == kind && spread_passes(q, gates))
            .filter_map(|q| Some((q.symbol.strike, (q.mid()?, q.spread()?))))
            .collect::<BTreeMap<_, _>>()
    };
    let puts = usable(OptionKind::Put);
    let mut pairs: Vec<Pair> = usable(OptionKind::Call)
        .into_iter()
        .filter_map(|(strike, (call, call_spread))| {
            let (put, put_spread) = puts.get(&strike)?;
            let value = strike.dollars() + growth * (call - put);
            // In units, so that equal spreads weigh exactly the same.
            let weight = 1.0 / ((call_spread + put_spread) * 10_000.0).round();
            Some(Pair { strike, value, weight })
        })
        .collect();
    let mut values: Vec<f64> = pairs.iter().map(|v| v.value).collect();
    let Some(reference) = lower_median(&mut values) else { return pairs };
    let distance = |pair: &Pair| (pair.strike.dollars() - reference).abs();
    pairs.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.strike.cmp(&b.strike)));
    pairs.truncate(PAIRS);
    pairs.sort_by_key(|pair| pair.strike);
    pairs
}

/// The weighted median of what pairs tell.
fn implied_forward(mut pairs: Vec<Pair>) -> Option<f64> {
    pairs.sort_by(|a, b| a.value.total_cmp(&b.value).then(a.strike.cmp(&b.strike)));
    let total: f64 = pairs.iter().map(|v| v.weight).sum();
    let mut running = 0.0;
    let middle = pairs.iter().find(|pair| {
        running += pair.weight;
        running >= total / 2.0
    });
    middle.map(|v| v.value).filter(|f| f.is_finite() && *f > 0.0)
}

fn implied_spot(groups: &[Group], assumed_yield: f64) -> Option<f64> {
    let growth = |group: &Group| libm::exp((group.rate - assumed_yield) * group.years);
    let spots = groups.iter().filter_map(|group| Some((group.dte, group.implied? / growth(group))));
    spot_of_groups(&spots.collect::<Vec<(i32, f64)>>())
}

/// The spot that groups tell, each with its days to expiration: the lower median of the near ones, else the nearest one's.
pub fn spot_of_groups(spots: &[(i32, f64)]) -> Option<f64> {
    let is_near = |dte: &i32| (SPOT_DTE.0..=SPOT_DTE.1).contains(dte);
    let mut near: Vec<f64> = spots.iter().filter(|(dte, _)| is_near(dte)).map(|(_, spot)| *spot).collect();
    lower_median(&mut near).or_else(|| {
        let apart = |dte: i32| (dte - dte.clamp(SPOT_DTE.0, SPOT_DTE.1)).abs();
        spots.iter().min_by_key(|(dte, _)| (apart(*dte), *dte)).map(|(_, spot)| *spot)
    })
}

/// Of an even number the lower of the two in the middle.
pub fn lower_median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}
