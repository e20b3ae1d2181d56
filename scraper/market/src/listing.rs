//! Who is listed: made-up codes and companies, their character, and which of them get the planted pullback.
//!
//! Everything here follows from the seed. Codes are pronounceable, three or four letters, none twice, one of them a
//! share class with a dot. One in ten is planted.

use fake::Fake;
use fake::faker::company::en::CompanyName;
use fleet_core::domain::{Root, Ticker};

use crate::draw;
use crate::faults::Fault;

/// How eagerly a ticker's options are traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liquidity {
    /// Penny ticks, spreads of one or two percent, thousands of contracts a day.
    Deep,
    /// Nickels from three dollars, spreads of some five percent.
    Medium,
    /// Nickels and dimes, wide spreads, many sessions without a trade.
    Thin,
}

/// What stays the same about an underlying.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub ticker: Ticker,
    /// Root of its ordinary contracts: the code without its dot.
    pub root: Root,
    pub company: String,
    pub sector: &'static str,
    pub industry: &'static str,
    pub country: &'static str,
    pub planted: bool,
    pub fault: Option<Fault>,
    /// Everything random about it is drawn under this key.
    pub key: u64,
    /// Close of the session before the first one, dollars.
    pub anchor: f64,
    /// Annual volatility.
    pub vol: f64,
    pub dividend_yield: f64,
    pub liquidity: Liquidity,
    /// Shares traded in an average session.
    pub share_volume: f64,
    pub shares_outstanding: f64,
    pub earnings_per_share: Option<f64>,
}

const INDUSTRIES: &[(&str, &str)] = &[
    ("Technology", "Software - Application"),
    ("Technology", "Semiconductors"),
    ("Industrials", "Specialty Industrial Machinery"),
    ("Healthcare", "Biotechnology"),
    ("Healthcare", "Medical Devices"),
    ("Financial", "Banks - Regional"),
    ("Energy", "Oil & Gas E&P"),
    ("Consumer Cyclical", "Specialty Retail"),
    ("Consumer Defensive", "Packaged Foods"),
    ("Communication Services", "Internet Content & Information"),
    ("Basic Materials", "Specialty Chemicals"),
    ("Utilities", "Utilities - Regulated Electric"),
];
const COUNTRIES: &[&str] = &["USA", "USA", "USA", "USA", "USA", "Canada", "Ireland", "Israel"];

/// The listing of a market, sorted by code as Finviz does.
pub(crate) fn listing(seed: u64, tickers: u32, faults: Faults) -> Vec<Profile> {
    let world = draw::key(seed, "listing");
    let mut rng = draw::stream(world);
    let mut codes: Vec<Ticker> = Vec::new();
    let dotted = tickers as usize / 2;
    // There are some 40,000 codes for at most 2,000 tickers: the bound only guards against a broken generator.
    for _ in 0..1_000_000 {
        if codes.len() == tickers as usize {
            break;
        }
        let mut code = made_up_code(&mut rng);
        if codes.len() == dotted && tickers > 1 {
            code.push_str(".B");
        }
        let is_fault = Fault::ALL.iter().any(|(_, name, _)| *name == code);
        if let Ok(ticker) = Ticker::parse(&code)
            && !is_fault
            && !ticker.is_index()
            && !codes.iter().any(|other| stem(other) == stem(&ticker))
        {
            codes.push(ticker);
        }
    }
    let mut order: Vec<usize> = (0..codes.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, draw::next_below(&mut rng, last + 1));
    }
    let planted = &order[..codes.len().div_ceil(10)];
    let mut profiles: Vec<Profile> =
        codes.iter().enumerate().filter_map(|(i, ticker)| profile(seed, ticker, planted.contains(&i), None)).collect();
    if faults == Faults::Added {
        profiles.extend(Fault::ALL.iter().filter_map(|(fault, code, _)| {
            let planted = matches!(fault, Fault::Okay | Fault::Split | Fault::Young);
            profile(seed, &Ticker::parse(code).ok()?, planted, Some(*fault))
        }));
    }
    profiles.sort_by(|a, b| a.ticker.cmp(&b.ticker));
    profiles
}

/// Whether the faulty tickers are listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    Added,
}

fn stem(ticker: &Ticker) -> &str {
    ticker.as_str().split('.').next().unwrap_or_default()
}

fn made_up_code(rng: &mut rand_chacha::ChaCha8Rng) -> String {
    const CONSONANTS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
    const VOWELS: &[u8] = b"AEIOUY";
    let pattern: &[&[u8]] = match draw::next_below(rng, 3) {
        0 => &[CONSONANTS, VOWELS, CONSONANTS],
        1 => &[CONSONANTS, VOWELS, CONSONANTS, CONSONANTS],
        _ => &[CONSONANTS, CONSONANTS, VOWELS, CONSONANTS],
    };
    pattern.iter().map(|set| char::from(set[draw::next_below(rng, set.len())])).collect()
}

fn profile(seed: u64, ticker: &Ticker, planted: bool, fault: Option<Fault>) -> Option<Profile> {
    let key = draw::key(draw::key(seed, "ticker"), ticker.as_str());
    let mut rng = draw::stream(key);
    let company: String = CompanyName().fake_with_rng(&mut rng);
    let (sector, industry) = INDUSTRIES[draw::next_below(&mut rng, INDUSTRIES.len())];
    let country = COUNTRIES[draw::next_below(&mut rng, COUNTRIES.len())];
    let suffix = ["Inc", "Corp", "Ltd", "Holdings Inc"][draw::next_below(&mut rng, 4)];
    // Log-uniform between 18 and 400 dollars: above the default screener's ten, and exact as a 32-bit float.
    let anchor = 18.0 * libm::exp(draw::next_between(&mut rng, 0.0, 3.1));
    let vol = if planted { draw::next_between(&mut rng, 0.26, 0.40) } else { draw::next_between(&mut rng, 0.18, 0.60) };
    let dividend_yield = draw::next_between(&mut rng, -0.015, 0.025).max(0.0);
    let class = draw::next_between(&mut rng, 0.0, 1.0);
    let liquidity = match class {
        _ if planted || fault.is_some() => Liquidity::Deep,
        c if c < 0.35 => Liquidity::Deep,
        c if c < 0.75 => Liquidity::Medium,
        _ => Liquidity::Thin,
    };
    let share_volume = 1.3e6
        * libm::exp(draw::next_between(&mut rng, 0.0, 1.0))
        * match liquidity {
            Liquidity::Deep => 12.0,
            Liquidity::Medium => 3.0,
            Liquidity::Thin => 1.0,
        };
    let shares_outstanding = share_volume * draw::next_between(&mut rng, 60.0, 200.0);
    let multiple = draw::next_between(&mut rng, -10.0, 45.0);
    let anchor = match fault {
        // Ten thousand strikes need room below the spot.
        Some(Fault::Huge) => 260.0,
        Some(_) => anchor.clamp(60.0, 240.0),
        None if planted => anchor.clamp(40.0, 300.0),
        None => anchor,
    };
    Some(Profile {
        root: Root::parse(&ticker.as_str().replace('.', ""))?,
        ticker: ticker.clone(),
        company: format!("{} {suffix}", company.replace([',', '&', '<', '>', '"'], "")),
        sector,
        industry,
        country,
        planted,
        fault,
        key,
        anchor: (anchor * 100.0).round() / 100.0,
        vol,
        dividend_yield,
        liquidity,
        share_volume,
        shares_outstanding,
        earnings_per_share: (multiple > 4.0).then(|| anchor / multiple),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_is_planted_and_one_has_a_class() {
        for seed in 1..=5 {
            let profiles = listing(seed, 60, Faults::None);
            assert_eq!(profiles.len(), 60);
            assert_eq!(profiles.iter().filter(|p| p.planted).count(), 6);
            assert_eq!(profiles.iter().filter(|p| p.ticker.as_str().contains('.')).count(), 1);
        }
    }

    #[test]
    fn seeds_list_different_companies() {
        let codes = |seed| listing(seed, 60, Faults::None).iter().map(|p| p.ticker.to_string()).collect::<Vec<_>>();
        assert_eq!(codes(1), codes(1));
        assert_ne!(codes(1), codes(2));
    }

    #[test]
    fn faulty_tickers_are_added() {
        assert_eq!(listing(1, 60, Faults::Added).len(), 60 + Fault::ALL.len());
    }

    #[test]
    fn the_largest_market_has_enough_codes() {
        assert_eq!(listing(1, 2000, Faults::None).len(), 2000);
    }
}
