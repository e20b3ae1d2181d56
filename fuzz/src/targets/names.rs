//! Tickers, OCC symbols, scan ids and trade ids, as people and vendors write them.

use fleet_core::domain::{Instrument, OccSymbol, ScanId, Task, Ticker, TradeId, calendar};
use fleet_scraper::inspect::Kind;
use fleet_scraper::spelling;
use jiff::Timestamp;
use jiff::civil::date;

use super::promises;

/// Whatever is taken for a name is written in one way, and that way is read back as the same name.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(kind) = Kind::from_word(text) {
        assert_eq!(Kind::from_word(kind.word()), Some(kind));
    }
    let id = TradeId::from_user(text);
    assert!(id.as_str().starts_with(id.short()));
    assert_eq!(
        TradeId::from_user(id.as_str().trim()).as_str().to_ascii_uppercase(),
        TradeId::from_user(id.as_str()).as_str()
    );
    occ(text);
    match Ticker::parse(text) {
        Ok(ticker) => self::ticker(&ticker),
        Err(why) => promises::printable(&why.to_string()),
    }
    match ScanId::parse(text) {
        Ok(id) => {
            assert_eq!(id.as_str(), text);
            assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            promises::survives_json(&id);
        }
        Err(why) => promises::printable(&why.to_string()),
    }
}

fn ticker(ticker: &Ticker) {
    let text = ticker.as_str();
    assert!((1..=9).contains(&text.len()) && text.bytes().next().is_some_and(|first| first.is_ascii_uppercase()));
    assert!(text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.'), "{text}");
    assert_eq!(Ticker::parse(text).as_ref(), Ok(ticker));
    promises::survives_json(ticker);
    for written in [spelling::cboe(ticker), spelling::yahoo(ticker), spelling::finviz(ticker)] {
        assert!(spelling::names(&written, ticker), "{written} is not read as {ticker}");
    }
    assert_eq!(spelling::yahoo_instrument(&Instrument::Underlying(ticker.clone())), spelling::yahoo(ticker));
    let scan = ScanId::parse("x-20261120-1000").expect("a scan id");
    promises::survives_wire(&Task { scan, ticker: ticker.clone() });
}

fn occ(text: &str) {
    let symbol = match OccSymbol::parse(text) {
        Ok(symbol) => symbol,
        Err(why) => return promises::printable(&why.to_string()),
    };
    assert_eq!(symbol.padded().len(), 21);
    for written in [symbol.to_string(), symbol.padded()] {
        assert_eq!(OccSymbol::parse(&written), Ok(symbol), "{written}");
    }
    assert_eq!(text.split_whitespace().collect::<String>(), symbol.to_string(), "{text:?} is another symbol");
    assert!(!symbol.root.as_str().is_empty() && symbol.root.as_str().len() <= 6);
    promises::survives_json(&symbol);
    let Some(settles) = calendar::settlement_instant(&symbol) else {
        // The first two days of the table are a weekend: what expires then settled in the year before it.
        let known = date(2000, 1, 3)..=date(2035, 12, 31);
        assert!(!known.contains(&symbol.expiration), "{symbol} never settles");
        return;
    };
    assert!(calendar::exchange_date(settles) <= symbol.expiration, "{symbol} settles at {settles}");
    assert_eq!(calendar::years_to_settlement(settles, &symbol), None);
    let years = calendar::years_to_settlement(Timestamp::UNIX_EPOCH, &symbol);
    assert!(years.is_some_and(|years| (29.0..66.1).contains(&years)), "{symbol}: {years:?}");
}
