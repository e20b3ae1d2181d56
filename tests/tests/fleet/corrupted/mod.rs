//! Corrupted chains: whatever a vendor garbles, no garbled row becomes a candidate, and the funnel says where it went.
//!
//! Chains of the simulated market whose contracts would all fire (their strategies loosened, their bars made to turn) are
//! damaged in the vendor's own JSON, one row, one expiration or the whole of it at a time, at many places and seeds, and go
//! through the vendor's parser, CBOE's and Yahoo's, and the analysis' one door.

mod damage;
mod healthy;
mod yahoo;

use std::collections::{BTreeMap, BTreeSet};

use fleet_analysis::{AnalysisConfig, analyse_explained};
use fleet_core::domain::{Chain, Finding, OccSymbol};
use fleet_scraper::vendors::cboe;
use serde_json::Value;

use damage::{ACROSS_STRIKES, DAMAGES, Damage, Extent};
use healthy::{Healthy, loosened};

/// Markets that are damaged.
const SEEDS: [u64; 3] = [1, 2, 5];
/// Places in each chain at which single rows are damaged, others in each market.
const PLACES: usize = 2;

/// A vendor's bodies.
#[derive(Clone, Copy)]
pub struct Format {
    name: &'static str,
    /// What is damaged, in CBOE's fields.
    body: fn(&Healthy) -> Value,
    /// What the vendor's parser makes of it in the vendor's form; none where it refuses the whole.
    read: fn(&Healthy, &Value, &Damage) -> Option<Chain>,
    /// Whether a damaged row may leave at a place; `body` is a refusal of the whole, or of its whole page.
    names: fn(&Damage, &str) -> bool,
}

const CBOE: Format = Format {
    name: "cboe",
    body: |healthy| healthy.body.clone(),
    read: |healthy, body, damage| cboe::parse::chain(&damage.bytes(body), &healthy.ticker).ok(),
    names: Damage::names,
};

/// What became of a damaged chain.
struct Outcome {
    finding: Finding,
    /// Place of each readable row.
    places: BTreeMap<OccSymbol, BTreeSet<String>>,
}

fn analysed(healthy: &Healthy, chain: Chain, config: &AnalysisConfig) -> Outcome {
    let (finding, explained) = analyse_explained(&healthy.snapshot(chain), config);
    let mut places = BTreeMap::<OccSymbol, BTreeSet<String>>::new();
    for row in explained {
        places.entry(row.quote.symbol).or_default().insert(row.place.into_owned());
    }
    Outcome { finding, places }
}

/// The rows that are damaged: a candidate by itself, with its expiration, or with everything.
fn targets(extent: Extent, first: u64, candidates: &[OccSymbol], all: &[OccSymbol]) -> Vec<Vec<OccSymbol>> {
    let step = (candidates.len() / PLACES).max(1);
    let chosen = candidates.iter().skip(first as usize * 5 % step).step_by(step);
    match extent {
        Extent::Row => chosen.map(|symbol| vec![*symbol]).collect(),
        Extent::Expiration => {
            let dates: BTreeSet<_> = candidates.iter().map(|symbol| symbol.expiration).collect();
            let rows = |date| all.iter().copied().filter(|symbol| symbol.expiration == date).collect();
            dates.into_iter().map(rows).collect()
        }
        Extent::Chain => vec![all.to_vec()],
    }
}

/// What went wrong, how often, and where first.
#[derive(Default)]
struct Wrong(BTreeMap<String, (u32, String)>);

impl Wrong {
    fn note(&mut self, damage: &Damage, what: &str, at: String) {
        let told = format!("{}{}: {what}", damage.name, damage.extent.word());
        self.0.entry(told).or_insert((0, at)).0 += 1;
    }

    fn told(&self) -> String {
        self.0.iter().map(|(what, (times, first))| format!("{what} ({times}, first {first})\n")).collect()
    }
}

/// Damages one chain in one way at many places.
fn check(format: Format, healthy: &Healthy, candidates: &[OccSymbol], damage: &Damage, wrong: &mut Wrong) {
    let config = loosened();
    for targets in targets(damage.extent, healthy.seed, candidates, &healthy.symbols()) {
        let mut body = (format.body)(healthy);
        let bad = healthy.damage(&mut body, &targets, damage);
        assert!(!bad.is_empty(), "{} damages nothing", damage.name);
        let Some(chain) = (format.read)(healthy, &body, damage) else {
            if !(format.names)(damage, "body") {
                wrong.note(damage, "the whole body is refused", targets[0].to_string());
            }
            continue;
        };
        let (rows, is_partly_served) = (chain.rows() as u64, !chain.not_served.is_empty());
        let Outcome { finding, places } = analysed(healthy, chain, &config);
        for candidate in finding.candidates.iter().filter(|candidate| bad.contains_key(&candidate.symbol)) {
            wrong.note(damage, "a candidate", format!("{} at {}", candidate.symbol, candidate.mid));
        }
        // Of rows that were no candidates anyway another gate may tell first.
        for (symbol, _) in bad.iter().filter(|(_, before)| candidates.binary_search(before).is_ok()) {
            let named: Vec<&str> = places.get(symbol).into_iter().flatten().map(String::as_str).collect();
            // A skip takes all rows, those that could not be read too.
            let of_refused = |place: &&str| place.starts_with("refused:") || place.starts_with("skip:");
            let refused = finding.funnel.0.keys().map(|place| &**place).filter(of_refused);
            let unnamed = refused.chain(is_partly_served.then_some("body"));
            let told: Vec<&str> = if named.is_empty() { unnamed.collect() } else { named };
            if told.is_empty() || told.iter().any(|place| !(format.names)(damage, place)) {
                wrong.note(damage, &format!("told as {told:?}"), symbol.to_string());
            }
        }
        assert_eq!(finding.funnel.total(), rows, "{}", damage.name);
    }
}

#[test]
fn no_corrupted_row_becomes_a_candidate_and_the_funnel_names_each() {
    check_all(CBOE, DAMAGES);
}

#[test]
fn no_price_that_other_strikes_contradict_becomes_a_candidate() {
    check_all(CBOE, ACROSS_STRIKES);
}

#[test]
fn no_corrupted_row_of_yahoos_becomes_a_candidate_and_the_funnel_names_each() {
    check_all(yahoo::CONSISTENT, DAMAGES);
    check_all(yahoo::CONSISTENT, ACROSS_STRIKES);
}

#[test]
fn a_row_of_yahoos_whose_symbol_contradicts_the_rest_is_refused() {
    let of_the_symbol = DAMAGES.iter().chain(ACROSS_STRIKES).filter(|damage| yahoo::is_of_the_symbol(damage));
    assert!(check_all(yahoo::SYMBOL_ALONE, of_the_symbol) >= 13);
}

/// In how many ways.
#[track_caller]
fn check_all<'a>(format: Format, damages: impl IntoIterator<Item = &'a Damage>) -> usize {
    let config = loosened();
    let damages: Vec<&Damage> = damages.into_iter().collect();
    let mut wrong = Wrong::default();
    let began = std::time::Instant::now();
    for healthy in SEEDS.into_iter().map(healthy::of_seed) {
        let chain = (format.read)(&healthy, &(format.body)(&healthy), &damage::NONE).expect("a healthy body is read");
        assert!(chain.refused.is_empty() && chain.not_served.is_empty(), "{:?}", chain.refused.first());
        let finding = analysed(&healthy, chain, &config).finding;
        let candidates: BTreeSet<OccSymbol> =
            finding.candidates.iter().filter(|c| !c.control).map(|candidate| candidate.symbol).collect();
        assert!(
            candidates.len() >= 15,
            "{}: only {} candidates, {:?}",
            healthy.ticker,
            candidates.len(),
            finding.funnel
        );
        let candidates: Vec<OccSymbol> = candidates.into_iter().collect();
        for damage in &damages {
            check(format, &healthy, &candidates, damage, &mut wrong);
        }
    }
    let (name, ways, chains) = (format.name, damages.len(), SEEDS.len());
    eprintln!("{name}: {chains} chains, each damaged in {ways} ways, in {:?}", began.elapsed());
    assert!(wrong.0.is_empty(), "{name}\n{}", wrong.told());
    ways
}
