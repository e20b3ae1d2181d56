//! Yahoo's bars and the crumb of its handshake.

use fleet_core::domain::{Instrument, OccSymbol, Price, Ticker};
use fleet_scraper::vendors::yahoo;

use super::promises;

/// Daily bars: one a date, ascending, each possible; every row is a bar, incomplete, impossible or a repetition.
pub fn yahoo_bars(bytes: &[u8]) {
    let reading = match yahoo::parse::read_bars(bytes) {
        Ok(reading) => reading,
        Err(error) => return promises::refusal(error),
    };
    promises::printable(&format!("of {}", reading.symbol));
    assert!(reading.bars.is_sorted_by(|a, b| a.date < b.date), "{:?}", reading.bars);
    for bar in &reading.bars {
        let priced = |price: Price| !price.is_zero() && price.dollars() <= Price::MAX_DOLLARS;
        assert!([bar.open, bar.high, bar.low, bar.close].into_iter().all(priced) && bar.low <= bar.high, "{bar:?}");
    }
    let accounted = reading.bars.len() as u64
        + u64::from(reading.incomplete)
        + reading.impossible.len() as u64
        + u64::from(reading.repeated);
    assert_eq!(accounted, u64::from(reading.rows), "{reading:?}");
    let underlying = Instrument::Underlying(Ticker::parse("TESTX").expect("a ticker"));
    let contract = Instrument::Contract(OccSymbol::parse("TESTX261218C00105000").expect("a contract"));
    for instrument in [underlying, contract] {
        match yahoo::parse::bars(bytes, &instrument) {
            Ok(series) => {
                assert_eq!(series.instrument, instrument);
                let traded =
                    matches!(instrument, Instrument::Underlying(_)) || series.bars.iter().all(|b| b.volume > 0);
                assert!(traded, "a bar of a contract that nobody traded");
                assert!(
                    series.bars.len() + series.incomplete as usize + reading.repeated as usize == reading.rows as usize
                );
                promises::survives_wire(&series);
            }
            Err(error) => promises::refusal(error),
        }
    }
}

/// A crumb is one short word, and stands in an address so that it is read back.
pub fn yahoo_crumb(bytes: &[u8]) {
    let crumb = match yahoo::parse::crumb(bytes) {
        Ok(crumb) => crumb,
        Err(error) => return promises::refusal(error),
    };
    assert!((5..=40).contains(&crumb.len()) && crumb.bytes().all(|byte| byte.is_ascii_graphic()), "{crumb:?}");
    assert!(bytes.windows(crumb.len()).any(|window| window == crumb.as_bytes()), "{crumb} is not in the body");
    let ticker = Ticker::parse("TESTX").expect("a ticker");
    let url = yahoo::urls::chain("http://127.0.0.1:9", &ticker, None, Some(&crumb));
    let (_, written) = url.split_once("&crumb=").expect("the address carries the crumb");
    assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*%".contains(&byte)), "{url}");
    assert_eq!(percent_decoded(written), crumb.as_bytes(), "{url}");
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two digits after a %"));
        bytes.extend(part[2..].bytes());
    }
    bytes
}
