//! The quick reader against serde, on recorded bodies and on damaged ones.

use super::*;
use crate::vendors::field::{Field, Object, Shape};

#[test]
fn what_is_unusual_is_left_to_serde() {
    let row = r#"{"contractSymbol":"A","strike":1}"#;
    let body = |row: &str| {
        format!(
            r#"{{"optionChain":{{"result":[{{"underlyingSymbol":"A","options":[{{"calls":[{row}],"puts":[]}}]}}],"error":null}}}}"#
        )
    };
    let is_read = |text: &str| options(text.as_bytes()).is_some();
    assert!(is_read(&body(row)));
    assert!(is_read(&body(&row.replace(':', " :\n\t").replace('1', "null"))), "blanks and null are usual");
    for unusual in [
        row.replace("\"A\"", "\"\\u0041\""),
        row.replace("\"A\"", "\"Ä\""),
        row.replace("\"A\"", "7"),
        row.replace('1', "\"1\""),
        row.replace('1', "1,\"strike\":1"),
        row.replace('1', "01"),
        row.replace('}', ",}"),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        assert!(!is_read(&body(&unusual)), "{unusual}");
    }
    assert!(!is_read(&(body(row) + "x")));
    assert!(!is_read(&body(row).replace("null", "{}")));
    assert!(!is_read(&body(&format!("{{\"x\":{}{}}}", "[".repeat(40), "]".repeat(40)))));
    let deep = "[".repeat(1_000_000);
    assert!(!is_read(&body(&format!("{{\"x\":{deep}"))));
}

/// Recorded bodies of both kinds, and one of our own of each.
fn bodies() -> Vec<Vec<u8>> {
    let chain = r#"{"optionChain":{"result":[{"underlyingSymbol":"AAPL","expirationDates":[1795737600,1796342400],"strikes":[1.5,200.0],"hasMiniOptions":false,"quote":{"language":"en-US","quoteType":"EQUITY","marketCap":3436888195072,"earningsTimestamp":1793304000,"earningsTimestampStart":1801080000,"earningsTimestampEnd":1801440000,"isEarningsDateEstimate":true,"regularMarketPrice":271.5,"regularMarketTime":1795186800,"trailingAnnualDividendYield":0.0038,"corporateActions":[]},"options":[{"expirationDate":1795737600,"hasMiniOptions":false,"calls":[{"contractSymbol":"AAPL261127C00200000","strike":200.0,"currency":"USD","lastPrice":71.5,"change":-0.25,"percentChange":-0.3484320557491289,"volume":12,"openInterest":345,"bid":71.1,"ask":72.0,"contractSize":"REGULAR","expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.7412109301757812,"inTheMoney":true},{"contractSymbol":"AAPL261127C00205000","strike":205.0,"openInterest":null,"bid":0,"ask":0.0,"expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.00001,"inTheMoney":true}],"puts":[{"contractSymbol":"AAPL261127P00200000","strike":200,"lastPrice":0.01,"volume":3,"openInterest":45,"bid":0.01,"ask":0.02,"expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.50391113281250006,"inTheMoney":false}]}]}],"error":null}}"#;
    let chart = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"AAPL","dataGranularity":"1d","gmtoffset":-18000,"exchangeTimezoneName":"America/New_York","validRanges":["1d","5d"],"tradingPeriods":{"pre":{"start":1}}},"timestamp":[1795012200,1795098600,1795186800],"events":{"dividends":{"1795012200":{"amount":0.26,"date":1795012200}},"splits":{"1795098600":{"date":1795098600,"numerator":4.0,"denominator":1.0,"splitRatio":"4:1"}}},"indicators":{"quote":[{"open":[270.2300109863281,null,271.0],"high":[272.0,null,273.1000061035156],"low":[269.0,null,270.5],"close":[271.5,null,272.25],"volume":[52000000,null,120]}],"adjclose":[{"adjclose":[271.5,null,272.25]}]}}],"error":null}}"#;
    let mut all = vec![chain.as_bytes().to_vec(), chart.as_bytes().to_vec()];
    for folder in ["yahoo_options", "yahoo_chart", "errors"] {
        let path = format!("{}/../../shared/captures/{folder}", env!("CARGO_MANIFEST_DIR"));
        match std::fs::read_dir(&path) {
            Ok(entries) => all.extend(entries.filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())),
            Err(_) => eprintln!("SKIPPED: the recorded bodies of {folder} are not here"),
        }
    }
    all
}

/// Whether either reader was quick; panics when serde reads anything else of the same bytes.
fn check(bytes: &[u8]) -> bool {
    use super::super::parse::{chart_result_by_serde, option_result_by_serde};
    let (chain, chart) = (options(bytes), chart(bytes));
    let text = || String::from_utf8_lossy(bytes).into_owned();
    if let Some(quick) = &chain {
        assert_eq!(Some(quick), option_result_by_serde(bytes).ok().as_ref(), "{}", text());
    }
    if let Some(quick) = &chart {
        assert_eq!(Some(quick), chart_result_by_serde(bytes).ok().as_ref(), "{}", text());
    }
    chain.is_some() || chart.is_some()
}

#[test]
fn whatever_is_read_quickly_is_what_serde_reads() {
    use rand::{Rng, RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let bodies = bodies();
    assert!(check(&bodies[0]) && check(&bodies[1]), "the usual shape is read quickly");
    let mut quick = 0;
    for body in &bodies {
        quick += u32::from(check(body));
        // Our own are short: most of their bytes matter, so they are damaged most often.
        for _ in 0..(2_000_000 / body.len().max(1)).clamp(20, 2_000) {
            let mut bytes = body.clone();
            for _ in 0..random.random_range(1..=3) {
                damage(&mut bytes, &mut random);
            }
            quick += u32::from(check(&bytes));
        }
    }
    assert!(quick > 200, "{quick} damaged bodies were still read quickly");

    fn damage(bytes: &mut Vec<u8>, random: &mut impl Rng) {
        const TOKENS: [&str; 18] = [
            "{",
            "}",
            "[",
            "]",
            "\"",
            "\\",
            ",",
            ":",
            "null",
            "-",
            "1e309",
            "NaN",
            "0",
            "9",
            ".",
            " ",
            "\"bid\":1,",
            "99999999999999999999",
        ];
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..8)).min(bytes.len());
        match random.random_range(0..5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            2 => drop(bytes.splice(at..end, TOKENS[random.random_range(0..TOKENS.len())].bytes())),
            3 => drop(bytes.splice(at..at, TOKENS[random.random_range(0..TOKENS.len())].bytes())),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.random_range(b' '..=b'~')),
        }
    }
}

/// Of a body of eight megabytes such lists once took gigabytes.
#[test]
fn thousands_of_tiny_lists_take_little_room() {
    let blocks = [r#"{"calls":[{}],"puts":[]}"#; 5_000].join(",");
    let body = format!(r#"{{"optionChain":{{"result":[{{"options":[{blocks}]}}],"error":null}}}}"#);
    let Some(OptionResult { options: Field::Read(blocks), .. }) = options(body.as_bytes()) else {
        panic!("it has the usual shape");
    };
    let room = |block: &Object<ExpirationBlock<'_>>| match block {
        Field::Read(Shape(ExpirationBlock { calls: Field::Read(calls), puts: Field::Read(puts), .. })) => {
            calls.capacity() + puts.capacity()
        }
        _ => panic!("both sides are there"),
    };
    let room: usize = blocks.iter().map(room).sum();
    assert!(room <= 4_096 + 4 * 5_000, "room for {room} rows");
}
