//! Corrupted chains: whatever a vendor garbles, no garbled row becomes a candidate, and the funnel says where it went.
//!
//! Chains of the simulated market whose contracts would all fire (their strategies loosened, their bars made to turn) are
//! damaged in the vendor's own JSON, one row, one expiration or the whole of it at a time, at many places and seeds, and go
//! through the vendor's parser and the analysis' one door.

mod damage;
mod healthy;

use std::collections::{BTreeMap, BTreeSet};

use fleet_analysis::{AnalysisConfig, analyse_explained};
use fleet_core::domain::{Finding, OccSymbol};
use fleet_scraper::vendors::cboe;

use damage::{ACROSS_STRIKES, DAMAGES, Damage, Extent};
use healthy::{Healthy, loosened};

/// Markets that are damaged.
const SEEDS: [u64; 3] = [1, 2, 5];
/// Places in each chain at which single rows are damaged, others in each market.
const PLACES: usize = 2;

/// What became of a damaged chain.
struct Outcome {
    /// The analysis' answer; none where the parser refused the whole body.
    finding: Option<Finding>,
    /// Place of each readable row.
    places: BTreeMap<OccSymbol, BTreeSet<String>>,
}

fn analysed(healthy: &Healthy, body: &[u8], config: &AnalysisConfig) -> Outcome {
    let Ok(chain) = cboe::parse::chain(body, &healthy.ticker) else {
        return Outcome { finding: None, places: BTreeMap::new() };
    };
    let (finding, explained) = analyse_explained(&healthy.snapshot(chain), config);
    let mut places = BTreeMap::<OccSymbol, BTreeSet<String>>::new();
    for row in explained {
        places.entry(row.quote.symbol).or_default().insert(row.place.into_owned());
    }
    Outcome { finding: Some(finding), places }
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
fn check(healthy: &Healthy, candidates: &[OccSymbol], damage: &Damage, config: &AnalysisConfig, wrong: &mut Wrong) {
    for rows in targets(damage.extent, healthy.seed, candidates, &healthy.symbols()) {
        let mut body = healthy.body.clone();
        let bad = healthy.damage(&mut body, &rows, damage);
        assert!(!bad.is_empty(), "{} damages nothing", damage.name);
        let outcome = analysed(healthy, &damage.bytes(&body), config);
        let Some(finding) = &outcome.finding else {
            if !damage.places.contains(&"body") {
                wrong.note(damage, "the whole body is refused", rows[0].to_string());
            }
            continue;
        };
        for candidate in finding.candidates.iter().filter(|candidate| bad.contains_key(&candidate.symbol)) {
            wrong.note(damage, "a candidate", format!("{} at {}", candidate.symbol, candidate.mid));
        }
        // Of rows that were no candidates anyway another gate may tell first.
        for (symbol, _) in bad.iter().filter(|(_, before)| candidates.binary_search(before).is_ok()) {
            let named: Vec<&str> = outcome.places.get(symbol).into_iter().flatten().map(String::as_str).collect();
            let refused = finding.funnel.0.keys().map(|place| &**place).filter(|place| place.starts_with("refused:"));
            let told: Vec<&str> = if named.is_empty() { refused.collect() } else { named };
            if told.is_empty() || told.iter().any(|place| !damage.names(place)) {
                wrong.note(damage, &format!("told as {told:?}"), symbol.to_string());
            }
        }
        assert_eq!(finding.funnel.total(), outcome_rows(&damage.bytes(&body), healthy), "{}", damage.name);
    }
}

fn outcome_rows(body: &[u8], healthy: &Healthy) -> u64 {
    cboe::parse::chain(body, &healthy.ticker).map_or(0, |chain| chain.rows() as u64)
}

#[test]
fn no_corrupted_row_becomes_a_candidate_and_the_funnel_names_each() {
    check_all(DAMAGES);
}

#[test]
fn no_price_that_other_strikes_contradict_becomes_a_candidate() {
    check_all(ACROSS_STRIKES);
}

#[track_caller]
fn check_all(damages: &[Damage]) {
    let config = loosened();
    let mut wrong = Wrong::default();
    let (mut chains, mut damaged) = (0, 0);
    let began = std::time::Instant::now();
    for healthy in SEEDS.into_iter().map(healthy::of_seed) {
        let outcome = analysed(&healthy, &healthy.bytes(), &config);
        let finding = outcome.finding.expect("a healthy body is read");
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
        chains += 1;
        for damage in damages {
            damaged += 1;
            check(&healthy, &candidates, damage, &config, &mut wrong);
        }
    }
    eprintln!("{chains} chains, each damaged in {} ways, {damaged} in all, in {:?}", damages.len(), began.elapsed());
    assert!(wrong.0.is_empty(), "\n{}", wrong.told());
}
