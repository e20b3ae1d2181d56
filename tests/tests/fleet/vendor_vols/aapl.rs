//! AAPL, American, from Yahoo: its chain as recorded during three sessions' hours in August 2025.
//!
//! Yahoo's volatilities are Black–Scholes ones (European) on its own last price of the underlying, which is half an hour
//! newer than the quotes, without interest or dividends, over one day more than the calendar has. With these inputs every
//! one of them prices its contract between the middle and the ask, to a cent; that, and nothing else, is the difference.

use fleet_analysis::{AnalysisConfig, analyse_explained};
use fleet_core::domain::{Chain, ContractExplanation, ContractQuote, ExerciseModel, Ticker, Vendor, calendar};
use fleet_pricing::{Terms, american, black};
use fleet_scraper::vendors::yahoo;
use fleet_tests::recordings::shared;
use jiff::Timestamp;

use super::{CENT, Distribution, european, kind, read};
use crate::recorded::snapshot;

/// The bodies whose `marketState` is `REGULAR`, each asked for twice within seconds: by default and by date.
pub const IN_SESSION: [&str; 7] = [
    "20250825T1639Z",
    "20250826T1346Z",
    "20250826T1402Z",
    "20250826T1447Z",
    "20250826T1512Z",
    "20250826T1722Z",
    "20250826T1859Z",
];
/// Sixteen minutes after the open this one has a bid and an ask in one row only, of a contract that nobody holds and that
/// has no volatility of Yahoo's: there is nothing to compare.
const WITHOUT_QUOTES: &str = "20250826T1346Z";
/// Continuous rate of a Treasury bill of that week.
const RATE: f64 = 0.043;

/// Both bodies of each instant.
pub fn chains() -> Option<Vec<(String, Chain)>> {
    let folder = shared("captures/yahoo_options")?;
    let ticker = Ticker::parse("AAPL").expect("a ticker");
    let names = IN_SESSION.iter().flat_map(|at| ["AAPL", "AAPL_1756425600"].map(|asked| format!("{asked}.{at}")));
    let chains = names.map(|name| {
        let body = read(&folder.join(format!("yfrs_options_v7_{name}.json")));
        let page = yahoo::parse::chain_page(&body, &ticker).unwrap_or_else(|why| panic!("{name}: {why}"));
        let chain = Chain {
            underlying: ticker.clone(),
            vendor: Vendor::Yahoo,
            quote_time: page.newest_trade,
            vendor_spot: page.vendor_spot,
            vendor_yield: page.vendor_yield,
            facts: page.facts,
            contracts: page.rows,
            refused: page.refused,
            expirations: page.listed,
            not_served: Vec::new(),
        };
        (name, chain)
    });
    Some(chains.collect())
}

/// The analysis of that week, as of the quotes' own instant.
pub fn explained(chain: &Chain) -> (fleet_core::domain::Finding, Vec<ContractExplanation>) {
    let mut config = AnalysisConfig::default();
    config.rates.risk_free = RATE;
    analyse_explained(&snapshot(chain.clone(), chain.quote_time.expect("dated quotes")), &config)
}

/// Bid, middle and ask of a live quote.
fn quoted(quote: &ContractQuote) -> Option<[f64; 3]> {
    Some([quote.bid?.dollars(), quote.mid()?, quote.ask?.dollars()])
}

/// What Yahoo prices a contract with.
fn yahoos(chain: &Chain, quote: &ContractQuote) -> Terms {
    let spot = chain.vendor_spot.expect("a spot");
    let days = calendar::dte(spot.time.expect("a dated spot"), quote.symbol.expiration) + 1;
    Terms {
        kind: kind(quote.symbol.kind),
        spot: spot.price.dollars(),
        strike: quote.symbol.strike.dollars(),
        years: f64::from(days) / 365.0,
        rate: 0.0,
        yield_: 0.0,
    }
}

/// What the analysis priced it with.
fn ours(explained: &ContractExplanation, as_of: Timestamp) -> Option<Terms> {
    let (model, symbol) = (explained.model?, &explained.quote.symbol);
    Some(Terms {
        kind: kind(symbol.kind),
        spot: model.spot,
        strike: symbol.strike.dollars(),
        years: calendar::years_to_settlement(as_of, symbol)?,
        rate: model.rate,
        yield_: model.yield_,
    })
}

/// A contract that both have a volatility of: the difference between the two, and what is left of it as ours takes on one
/// of Yahoo's inputs after the other: exercise, time, interest, spot, price.
fn steps(chain: &Chain, explained: &ContractExplanation) -> Option<[f64; 6]> {
    let (iv, vendors) = (explained.iv?, explained.quote.vendor_iv?);
    let [_, mid, ask] = quoted(&explained.quote)?;
    let ours = ours(explained, chain.quote_time?)?;
    let theirs = yahoos(chain, &explained.quote);
    // Where Yahoo took a price between the middle and the ask, which one is read off its volatility.
    let price = european(&theirs, vendors).clamp(mid, ask);
    let european_at = |terms: &Terms, price: f64| black::implied_vol(terms, price, 0.0).ok().flatten();
    let all = [
        Some(iv),
        european_at(&ours, mid),
        european_at(&Terms { years: theirs.years, ..ours }, mid),
        european_at(&Terms { spot: ours.spot, ..theirs }, mid),
        european_at(&theirs, mid),
        european_at(&theirs, price),
    ];
    // A contract in the money that one of the inputs puts below its bound has no volatility there: it is left out.
    let mut apart = [0.0; 6];
    for (apart, vol) in apart.iter_mut().zip(all) {
        *apart = (vol? - vendors).abs();
    }
    Some(apart)
}

#[test]
fn yahoos_volatilities_are_those_of_another_spot_another_time_and_no_interest() {
    let Some(chains) = chains() else { return };
    let (mut known, mut differences) = (0, Vec::new());
    for (name, chain) in &chains {
        let with_vol = |q: &&ContractQuote| q.vendor_iv.is_some() && quoted(q).is_some();
        let rows: Vec<&ContractQuote> = chain.contracts.iter().filter(with_vol).collect();
        if name.ends_with(WITHOUT_QUOTES) {
            let quotes = chain.contracts.iter().filter(|quote| quoted(quote).is_some()).count();
            assert!(quotes <= 1 && rows.is_empty(), "{name} has {quotes} quotes after all");
            assert!(explained(chain).1.iter().all(|explained| explained.iv.is_none()), "{name}");
            continue;
        }
        let outside: Vec<String> = rows
            .iter()
            .filter_map(|quote| {
                let [_, mid, ask] = quoted(quote)?;
                let price = european(&yahoos(chain, quote), quote.vendor_iv?);
                let is_between = (mid - CENT..=ask + CENT).contains(&price);
                (!is_between).then(|| format!("{} {mid} to {ask}: {price:.4}", quote.symbol))
            })
            .collect();
        assert!(rows.len() >= 40, "{name}: {}", rows.len());
        assert!(outside.is_empty(), "{name}: {outside:?}");
        known += rows.len();

        let (_, explained) = explained(chain);
        let apart = |e: &ContractExplanation| Some(e.iv? - e.quote.vendor_iv.filter(|_| quoted(&e.quote).is_some())?);
        let told = Distribution::of(explained.iter().filter_map(apart));
        eprintln!("{name}: {}", told.told());
        assert!((0.01..0.1).contains(&told.at(0.5)), "{name}: {}", told.told());
        differences.extend(explained.iter().filter_map(|e| steps(chain, e)));
    }
    eprintln!("AAPL: {known} of Yahoo's volatilities, all of them Black–Scholes on its own spot, time and no interest");
    let told: Vec<Distribution> =
        (0..6).map(|step| Distribution::of(differences.iter().map(|steps| steps[step]))).collect();
    let names = ["ours", "European", "Yahoo's time", "no interest", "Yahoo's spot", "Yahoo's price"];
    for (name, told) in names.iter().zip(&told) {
        eprintln!("AAPL, {name}: {}", told.told());
    }
    let [ours, .., left] = &told[..] else { panic!("six steps") };
    assert!(differences.len() >= 400, "{}", differences.len());
    // Yahoo spreads three days and a bit over four (four over five): ours are higher, and moved by the spot.
    assert!((0.02..0.08).contains(&ours.at(0.5)), "{}", ours.told());
    assert!(left.at(0.5) < 0.001 && left.at(0.9) < 0.01, "{}", left.told());
}

#[test]
fn a_recorded_american_quote_gives_its_price_back_at_its_volatility() {
    let Some(chains) = chains() else { return };
    let (mut exact, mut worst) = (0, 0.0_f64);
    for (name, chain) in &chains {
        for explained in explained(chain).1 {
            let is_american = explained.model.is_some_and(|model| model.exercise == ExerciseModel::American);
            let (Some(iv), true) = (explained.iv, is_american) else { continue };
            let terms = ours(&explained, chain.quote_time.expect("dated")).expect("priced");
            let price = american::price(&terms, iv).unwrap_or_else(|why| panic!("{name}: {why}"));
            worst = worst.max((price - explained.quote.mid().expect("a mid")).abs());
            exact += 1;
        }
    }
    eprintln!("AAPL: {exact} prices with early exercise given back to {worst:.6} dollars");
    // The chain's boundaries are interpolated: 3e-4 at a spot of 100.
    assert!(exact >= 300 && worst < 7e-4, "{exact}, {worst}");
}
