//! Bodies with bytes changed, cut, doubled and mixed: a reader may answer anything but a panic, and never reads what
//! is not there. The streams are seeded: a failure repeats.

use fleet_core::domain::{Instrument, Ticker};
use fleet_scraper::inspect::{Kind, inspect};
use fleet_scraper::vendors::{cboe, finviz, robinhood, yahoo};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::captures::{captures, check_loud, read};

/// Bytes that mean something to one of the readers.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"-",
    b"1e309",
    b"NaN",
    b"\xFF",
    b"\0",
    b"<",
    b">",
    b"</",
    b"<!--",
    b"-->",
    b"<table>",
    b"</tr>",
    b"&amp;",
    b"9999999999999999999999",
    b"0.0",
    b"\\u0000",
    b"<tr class=styled-row>",
];

fn mutated(original: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..random.random_range(1..=6) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..64)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            3 => drop(bytes.splice(at..end, TOKENS[random.random_range(0..TOKENS.len())].iter().copied())),
            4 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.random()),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
        }
    }
    bytes
}

/// Feeds a body to every reader and holds what comes back to what every answer must be.
fn feed(bytes: &[u8]) {
    let ticker = Ticker::parse("TESTX").unwrap();
    if let Ok(chain) = cboe::parse::chain(bytes, &Ticker::parse("SPX").unwrap()) {
        assert!(chain.expirations.is_sorted());
        assert!(chain.contracts.iter().all(|quote| quote.vendor_iv.is_none_or(|iv| iv > 0.0 && iv <= 5.0)));
        assert!(chain.contracts.iter().all(|quote| quote.bid.is_none_or(|bid| !bid.is_zero())));
    }
    if let Ok(page) = yahoo::parse::chain_page(bytes, &ticker) {
        assert!(page.rows.iter().all(|quote| Some(quote.symbol.expiration) == page.expiration));
    }
    if let Ok(page) = robinhood::parse::contracts(bytes) {
        assert!(page.contracts.iter().all(|listed| (2000..2100).contains(&listed.symbol.expiration.year())));
    }
    if let Ok(read) = robinhood::parse::read_marks(bytes) {
        assert!(read.rows.iter().all(|mark| mark.vendor_iv.is_none_or(|iv| iv > 0.0 && iv <= 5.0)));
        assert!(read.rows.iter().all(|mark| mark.bid.is_none_or(|bid| !bid.is_zero())));
    }
    if let Ok(read) = robinhood::parse::read_bars(bytes) {
        assert!(read.bars.is_sorted_by(|a, b| a.date < b.date));
        assert!(read.bars.iter().all(|bar| !bar.low.is_zero() && bar.low <= bar.high));
    }
    let _ = (robinhood::parse::equity(bytes, &ticker), robinhood::parse::spot(bytes, &ticker));
    let _ = robinhood::parse::chains(bytes);
    if let Ok(series) = yahoo::parse::bars(bytes, &Instrument::Underlying(ticker)) {
        assert!(series.bars.is_sorted_by(|a, b| a.date < b.date));
        assert!(series.bars.iter().all(|bar| !bar.low.is_zero() && bar.low <= bar.high));
    }
    if let Ok(page) = finviz::parse::screener(bytes) {
        assert_eq!(page.tickers.len() + page.left_out.len(), page.rows as usize);
        assert!(page.rows <= page.total);
    }
    let _ = yahoo::parse::crumb(bytes);
    check_loud(&inspect(bytes, None), "a mutated body");
}

#[test]
fn mutated_fixtures_never_panic() {
    let bodies: [&[u8]; 13] = [
        super::robinhood::EQUITY,
        super::robinhood::CHAINS,
        super::robinhood::CONTRACTS,
        super::robinhood::MARKS,
        super::robinhood::QUOTE,
        super::robinhood::BARS,
        super::robinhood::CONTRACT_BARS,
        super::chains::CBOE,
        super::chains::YAHOO,
        super::bars::BARS,
        super::screener::CURRENT.as_bytes(),
        include_bytes!("../../fixtures/finviz_2021.html"),
        include_bytes!("../../fixtures/consent.html"),
    ];
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..400 {
        for body in bodies {
            feed(&mutated(body, &mut random));
        }
    }
}

#[test]
fn mutated_recordings_never_panic() {
    let Some(folder) = captures() else { return };
    let files = [
        "cboe/excerpts/AAPL_20260807_abridged.json",
        "yahoo_options/yfrs_options_v7_AAPL.20250826T1512Z.json",
        "yahoo_chart/yfrs_history_chart_GS2C.DE.20251001T1232Z.json",
        "robinhood/excerpts/option_marketdata_IWM_20260116.json",
        "robinhood/options_instruments_get.0.json",
        "robinhood/marketdata_options_historicals_get.0.json",
        "finviz/screener_2026_snippets/overview_two_rows.html",
        "finviz/screener_old2021/overview.001.v=110_s=ta_unusualvolume_f=exch_nyse_cap_largeunder_o=-volume_r=21.html",
    ];
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for file in files {
        let body = read(&folder, file);
        for _ in 0..30 {
            feed(&mutated(&body, &mut random));
        }
    }
}

#[test]
fn noise_under_every_kind_never_panics() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..300 {
        let length = random.random_range(0..300);
        let noise: Vec<u8> = (0..length).map(|_| random.random()).collect();
        for kind in Kind::ALL {
            check_loud(&inspect(&noise, Some(kind)), "noise");
        }
    }
}
