//! Yahoo's two large bodies, read quickly when they look exactly as they always do.
//!
//! A scan reads hundreds of megabytes of chains, nearly all of it in one shape. This reader knows only that shape and a
//! subset of JSON: known fields of the usual type, texts without escapes in plain ASCII, no key twice. Promises: what it
//! reads is what serde reads of the same bytes, value for value; tests compare the two on every recorded body and on
//! thousands of damaged ones. Refuses (`None`) everything else, also what is merely unusual: then serde reads the body
//! and says what is wrong with it.

use std::borrow::Cow;

use super::models::{
    ChartEvents, ChartMeta, ChartResult, ExpirationBlock, Indicators, OptionResult, QuoteArrays, Row, UnderlyingQuote,
};
use crate::vendors::field::{Field, List, Number, Object, Shape, Text};

/// Values skipped may be nested so deep; no body of Yahoo's is.
const MAX_DEPTH: u32 = 16;
/// Rows of one side of an expiration, to begin with: most have fewer.
const USUAL_ROWS: usize = 128;

/// The one result of an options body.
pub fn options(bytes: &[u8]) -> Option<OptionResult<'_>> {
    only_result(bytes, b"optionChain", option_result)
}

/// The one result of a chart body.
pub fn chart(bytes: &[u8]) -> Option<ChartResult<'_>> {
    only_result(bytes, b"chart", chart_result)
}

/// `{"<name>":{"result":[one],"error":null}}`
fn only_result<'a, T>(bytes: &'a [u8], name: &[u8], read: impl Fn(&mut Scan<'a>) -> Option<T>) -> Option<T> {
    let mut scan = Scan { bytes, at: 0 };
    let mut found = None;
    scan.object(|scan, key| {
        if key != name || found.is_some() {
            return None;
        }
        let mut error_seen = false;
        scan.object(|scan, key| match key {
            b"result" if found.is_none() => {
                scan.token(b'[')?;
                found = Some(read(scan)?);
                scan.token(b']')
            }
            b"error" if !error_seen => {
                error_seen = true;
                scan.literal(b"null")
            }
            _ => None,
        })
    })?;
    scan.end()?;
    found
}

fn option_result<'a>(scan: &mut Scan<'a>) -> Option<OptionResult<'a>> {
    let mut result = OptionResult::default();
    scan.object(|scan, key| match key {
        b"underlyingSymbol" => scan.text(&mut result.underlying_symbol),
        b"expirationDates" => scan.numbers(&mut result.expiration_dates),
        b"quote" => scan.shape(&mut result.quote, |scan, quote: &mut UnderlyingQuote, key| match key {
            b"regularMarketPrice" => scan.number(&mut quote.regular_market_price),
            b"regularMarketTime" => scan.number(&mut quote.regular_market_time),
            b"trailingAnnualDividendYield" => scan.number(&mut quote.trailing_annual_dividend_yield),
            _ => scan.skip(0),
        }),
        b"options" => scan.list(&mut result.options, 1, |scan, block: &mut ExpirationBlock<'a>, key| match key {
            b"expirationDate" => scan.number(&mut block.expiration_date),
            b"calls" => scan.list(&mut block.calls, USUAL_ROWS, row_field),
            b"puts" => scan.list(&mut block.puts, USUAL_ROWS, row_field),
            _ => scan.skip(0),
        }),
        _ => scan.skip(0),
    })?;
    Some(result)
}

fn row_field<'a>(scan: &mut Scan<'a>, row: &mut Row<'a>, key: &[u8]) -> Option<()> {
    match key {
        b"contractSymbol" => scan.text(&mut row.contract_symbol),
        b"strike" => scan.number(&mut row.strike),
        b"expiration" => scan.number(&mut row.expiration),
        b"lastPrice" => scan.number(&mut row.last_price),
        b"lastTradeDate" => scan.number(&mut row.last_trade_date),
        b"bid" => scan.number(&mut row.bid),
        b"ask" => scan.number(&mut row.ask),
        b"volume" => scan.number(&mut row.volume),
        b"openInterest" => scan.number(&mut row.open_interest),
        b"impliedVolatility" => scan.number(&mut row.implied_volatility),
        _ => scan.skip(0),
    }
}

fn chart_result<'a>(scan: &mut Scan<'a>) -> Option<ChartResult<'a>> {
    let mut result = ChartResult::default();
    scan.object(|scan, key| match key {
        b"meta" => scan.shape(&mut result.meta, |scan, meta: &mut ChartMeta<'a>, key| match key {
            b"symbol" => scan.text(&mut meta.symbol),
            b"dataGranularity" => scan.text(&mut meta.data_granularity),
            b"gmtoffset" => scan.number(&mut meta.gmtoffset),
            b"exchangeTimezoneName" => scan.text(&mut meta.exchange_timezone_name),
            _ => scan.skip(0),
        }),
        b"timestamp" => scan.numbers(&mut result.timestamp),
        // Splits are rare, and their table has keys of its own.
        b"events" => scan.shape(&mut result.events, |scan, _: &mut ChartEvents, key| match key {
            b"splits" => None,
            _ => scan.skip(0),
        }),
        b"indicators" => scan.shape(&mut result.indicators, |scan, indicators: &mut Indicators, key| match key {
            b"quote" => scan.list(&mut indicators.quote, 1, |scan, arrays: &mut QuoteArrays, key| match key {
                b"open" => scan.numbers(&mut arrays.open),
                b"high" => scan.numbers(&mut arrays.high),
                b"low" => scan.numbers(&mut arrays.low),
                b"close" => scan.numbers(&mut arrays.close),
                b"volume" => scan.numbers(&mut arrays.volume),
                _ => scan.skip(0),
            }),
            _ => scan.skip(0),
        }),
        _ => scan.skip(0),
    })?;
    Some(result)
}

/// A place in a body. Every step is `None` where the body is not of the usual shape.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no blank.
    fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.peek()? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn token(&mut self, token: u8) -> Option<()> {
        (self.next_token()? == token).then(|| self.at += 1)
    }

    /// Nothing but blanks is left.
    fn end(&mut self) -> Option<()> {
        self.next_token().is_none().then_some(())
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.next_token()?;
        self.bytes[self.at..].starts_with(literal).then(|| self.at += literal.len())
    }

    /// `{"key":…,…}`; the value of each key is read by `value`.
    fn object(&mut self, mut value: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.token(b'{')?;
        if self.next_token()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.plain()?;
            self.token(b':')?;
            value(self, key)?;
            match self.next_token()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// `[…,…]`; each item is read by `item`.
    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token(b'[')?;
        if self.next_token()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next_token()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A text in plain ASCII without escapes.
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.token(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        Some(&rest[..length])
    }

    fn text(&mut self, field: &mut Text<'a>) -> Option<()> {
        // A key that comes twice is serde's to judge.
        field.is_missing().then_some(())?;
        let text = std::str::from_utf8(self.plain()?).ok()?;
        *field = Field::Read(Cow::Borrowed(text));
        Some(())
    }

    fn number(&mut self, field: &mut Number) -> Option<()> {
        field.is_missing().then_some(())?;
        *field = self.number_or_null()?;
        Some(())
    }

    fn numbers(&mut self, field: &mut List<Number>) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut all = Vec::with_capacity(64);
        self.array(|scan| {
            all.push(scan.number_or_null()?);
            Some(())
        })?;
        *field = Field::Read(all);
        Some(())
    }

    fn shape<T: Default>(
        &mut self,
        field: &mut Object<T>,
        mut read: impl FnMut(&mut Self, &mut T, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut value = T::default();
        self.object(|scan, key| read(scan, &mut value, key))?;
        *field = Field::Read(Shape(value));
        Some(())
    }

    fn list<T: Default>(
        &mut self,
        field: &mut List<Object<T>>,
        usual: usize,
        mut read: impl FnMut(&mut Self, &mut T, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut all: Vec<Object<T>> = Vec::with_capacity(usual);
        self.array(|scan| {
            let mut value = T::default();
            scan.object(|scan, key| read(scan, &mut value, key))?;
            all.push(Field::Read(Shape(value)));
            Some(())
        })?;
        *field = Field::Read(all);
        Some(())
    }

    fn number_or_null(&mut self) -> Option<Number> {
        match self.next_token()? {
            b'n' => self.literal(b"null").map(|()| Field::Null),
            _ => self.decimal().map(Field::Read),
        }
    }

    /// Digits, up to the first byte that is none.
    fn digits(&mut self, mut value: u64) -> u64 {
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // Nineteen digits fit; with more the value is not used.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        value
    }

    /// A number as JSON writes it, correctly rounded.
    fn decimal(&mut self) -> Option<f64> {
        let start = self.at;
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let whole_start = self.at;
        let mut value = self.digits(0);
        let whole = self.at - whole_start;
        if whole == 0 || (whole > 1 && self.bytes[whole_start] == b'0') {
            return None;
        }
        let mut fraction = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            let fraction_start = self.at;
            value = self.digits(value);
            fraction = self.at - fraction_start;
            if fraction == 0 {
                return None;
            }
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek()?, b'+' | b'-'));
            let exponent_start = self.at;
            self.digits(0);
            if self.at == exponent_start {
                return None;
            }
        }
        // Both are exact, so that their quotient is rounded once (Clinger 1990).
        if !has_exponent && whole + fraction <= 19 && value <= 1 << 53 && fraction < POWERS.len() {
            let magnitude = value as f64 / POWERS[fraction];
            return Some(if is_negative { -magnitude } else { magnitude });
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Any value that is not wanted.
    fn skip(&mut self, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.next_token()? {
            b'"' => self.plain().map(drop),
            b'{' => self.object(|scan, _| scan.skip(depth + 1)),
            b'[' => self.array(|scan| scan.skip(depth + 1)),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.skip_number(),
        }
    }

    /// A number that is not wanted; how large it is does not matter.
    fn skip_number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek()? == b'-');
        let start = self.at;
        let whole = self.count_digits();
        if whole == 0 || (whole > 1 && self.bytes[start] == b'0') {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            (self.count_digits() > 0).then_some(())?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek()?, b'+' | b'-'));
            (self.count_digits() > 0).then_some(())?;
        }
        Some(())
    }

    fn count_digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn number(text: &str) -> Option<f64> {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
        scan.decimal().filter(|_| scan.at == text.len())
    }

    #[test]
    fn numbers_are_those_of_serde_to_the_last_bit() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 11
        };
        for _ in 0..200_000 {
            let text = match next() % 5 {
                0 => format!("{}", next() as i64 - (1 << 52)),
                1 => format!("{}.{:02}", next() % 10_000, next() % 100),
                2 => format!("{}", f64::from_bits(next() << 11)),
                3 => format!("{:e}", f64::from_bits(next() << 11 | next())),
                _ => format!("-0.{}", next()),
            };
            let serde: Option<f64> = serde_json::from_str(&text).ok();
            assert_eq!(number(&text).map(f64::to_bits), serde.filter(|n| n.is_finite()).map(f64::to_bits), "{text}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1e999", "0x1", "NaN", "--1", "1 "] {
            assert_eq!(number(bad), None, "{bad}");
        }
        for text in
            ["0", "-0", "-0.0", "18446744073709551616", "9007199254740993", "1e-400", "123456789012345678901234567890"]
        {
            assert_eq!(
                number(text).map(f64::to_bits),
                Some(serde_json::from_str::<f64>(text).unwrap().to_bits()),
                "{text}"
            );
        }
    }

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
        let chain = r#"{"optionChain":{"result":[{"underlyingSymbol":"AAPL","expirationDates":[1795737600,1796342400],"strikes":[1.5,200.0],"hasMiniOptions":false,"quote":{"language":"en-US","regularMarketPrice":271.5,"regularMarketTime":1795186800,"trailingAnnualDividendYield":0.0038,"corporateActions":[]},"options":[{"expirationDate":1795737600,"hasMiniOptions":false,"calls":[{"contractSymbol":"AAPL261127C00200000","strike":200.0,"currency":"USD","lastPrice":71.5,"change":-0.25,"percentChange":-0.3484320557491289,"volume":12,"openInterest":345,"bid":71.1,"ask":72.0,"contractSize":"REGULAR","expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.7412109301757812,"inTheMoney":true},{"contractSymbol":"AAPL261127C00205000","strike":205.0,"openInterest":null,"bid":0,"ask":0.0,"expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.00001,"inTheMoney":true}],"puts":[{"contractSymbol":"AAPL261127P00200000","strike":200,"lastPrice":0.01,"volume":3,"openInterest":45,"bid":0.01,"ask":0.02,"expiration":1795737600,"lastTradeDate":1795186001,"impliedVolatility":0.50391113281250006,"inTheMoney":false}]}]}],"error":null}}"#;
        let chart = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"AAPL","dataGranularity":"1d","gmtoffset":-18000,"exchangeTimezoneName":"America/New_York","validRanges":["1d","5d"],"tradingPeriods":{"pre":{"start":1}}},"timestamp":[1795012200,1795098600,1795186800],"indicators":{"quote":[{"open":[270.2300109863281,null,271.0],"high":[272.0,null,273.1000061035156],"low":[269.0,null,270.5],"close":[271.5,null,272.25],"volume":[52000000,null,120]}],"adjclose":[{"adjclose":[271.5,null,272.25]}]}}],"error":null}}"#;
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
}
