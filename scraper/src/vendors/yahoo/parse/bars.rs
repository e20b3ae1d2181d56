//! Daily bars and cash dividends. Open, high, low, close and what is paid are split-adjusted; no price is
//! dividend-adjusted, as the vendor serves them.
//!
//! The running session's bar carries the time of the last trade instead of the open's, and may come beside the
//! session's own row: two rows of one date are one bar, the later.

use fleet_core::domain::calendar::exchange_date;
use fleet_core::domain::{Bar, BarSeries, CashDividend, Instrument, Price};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{chart_result, malformed};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::field::{Field, List, Number, Shape};
use crate::vendors::row;
use crate::vendors::yahoo::models::{ChartMeta, ChartResult, QuoteArrays};

/// Bars with what `inspect` shows.
#[derive(Debug, Clone, PartialEq)]
pub struct BarsReading {
    /// As the vendor spells it.
    pub symbol: String,
    /// Length of a bar as the vendor writes it, `1d`.
    pub interval: Option<String>,
    /// One bar a date, ascending.
    pub bars: Vec<Bar>,
    /// Date of the last split.
    pub last_split: Option<Date>,
    /// Cash dividends, ascending by ex-date: whatever the body tells, also outside the range of the bars.
    pub dividends: Vec<CashDividend>,
    /// Rows with a null.
    pub incomplete: u32,
    /// Dates of rows without a null whose prices cannot be: zero, negative, absurdly large, or a low above the high.
    pub impossible: Vec<Date>,
    /// Rows of a date that came again.
    pub repeated: u32,
    /// Rows in all.
    pub rows: u32,
}

impl BarsReading {
    /// Adds a bar in its place: the vendor's order is by date nearly always.
    fn add(&mut self, bar: Bar) {
        match self.bars.last() {
            Some(last) if last.date >= bar.date => {
                match self.bars.binary_search_by_key(&bar.date, |known| known.date) {
                    Ok(at) => {
                        self.bars[at] = bar;
                        self.repeated += 1;
                    }
                    Err(at) => self.bars.insert(at, bar),
                }
            }
            Some(_) | None => self.bars.push(bar),
        }
    }
}

/// Reads the daily bars of one instrument. A contract's row without volume is no bar: nobody traded.
pub fn bars(bytes: &[u8], instrument: &Instrument) -> Result<BarSeries, ParseError> {
    let reading = read_bars(bytes)?;
    let asked = spelling::yahoo_instrument(instrument);
    let same = match instrument {
        Instrument::Underlying(ticker) => spelling::names(&reading.symbol, ticker),
        Instrument::Contract(_) => reading.symbol.eq_ignore_ascii_case(&asked),
    };
    if !same {
        return Err(ParseError::WrongSymbol { asked, got: reading.symbol });
    }
    // Yahoo widens the interval of its own accord when a range is long.
    if let Some(interval) = reading.interval.filter(|interval| reading.rows > 0 && interval != "1d") {
        return Err(ParseError::Malformed(format!("bars of {interval} where daily bars were asked for")));
    }
    let mut series = BarSeries {
        instrument: instrument.clone(),
        bars: reading.bars,
        last_split: reading.last_split,
        dividends: Some(reading.dividends),
        incomplete: reading.incomplete + reading.impossible.len() as u32,
        complete_from: None,
    };
    if matches!(instrument, Instrument::Contract(_)) {
        let before = series.bars.len();
        series.bars.retain(|bar| bar.volume > 0);
        series.incomplete += (before - series.bars.len()) as u32;
    }
    Ok(series)
}

/// Reads the bars of whatever the body is about, of whatever interval. Rows of one date are one bar, the last.
pub fn read_bars(bytes: &[u8]) -> Result<BarsReading, ParseError> {
    let result = chart_result(bytes)?;
    let Some(Shape(meta)) = result.meta.read() else { return Err(malformed("`meta` is missing or no object")) };
    let Some(symbol) = meta.symbol.read() else { return Err(malformed("`meta.symbol` is missing")) };
    let zone = Zone::of(meta);
    let mut reading = BarsReading {
        symbol: excerpt(symbol),
        interval: meta.data_granularity.read().map(|interval| excerpt(interval)),
        bars: Vec::new(),
        last_split: last_split(&result, &zone),
        dividends: dividends(&result, &zone),
        incomplete: 0,
        impossible: Vec::new(),
        repeated: 0,
        rows: 0,
    };
    let empty = QuoteArrays::default();
    let quote = result
        .indicators
        .read()
        .and_then(|Shape(indicators)| indicators.quote.read())
        .and_then(|quotes| quotes.first())
        .and_then(Field::read)
        .map_or(&empty, |Shape(quote)| quote);
    let closes = array(&quote.close, "close")?.map_or(0, <[Number]>::len);
    let times = match &result.timestamp {
        Field::Read(times) => times.as_slice(),
        Field::Missing | Field::Null if closes == 0 => return Ok(reading),
        other => {
            return Err(ParseError::Malformed(format!("`timestamp` is {}, beside {closes} closes", other.found())));
        }
    };
    reading.rows = times.len() as u32;
    if times.is_empty() && closes == 0 {
        return Ok(reading);
    }
    let columns = Columns::of(quote, times.len())?;
    reading.bars.reserve(times.len());
    for (at, time) in times.iter().enumerate() {
        let date = time.read().and_then(|seconds| zone.date(*seconds));
        match date.map_or(Line::Incomplete, |date| columns.line(at, date)) {
            Line::Bar(bar) => reading.add(bar),
            Line::Impossible(date) => reading.impossible.push(date),
            Line::Incomplete => reading.incomplete += 1,
        }
    }
    Ok(reading)
}

/// The parallel arrays, all as long as the timestamps.
struct Columns<'a> {
    open: &'a [Number],
    high: &'a [Number],
    low: &'a [Number],
    close: &'a [Number],
    /// `None`: the instrument has no volume at all (some indices).
    volume: Option<&'a [Number]>,
}

impl<'a> Columns<'a> {
    fn of(quote: &'a QuoteArrays, rows: usize) -> Result<Self, ParseError> {
        let checked = |list: &'a List<Number>, name: &str| {
            let column = array(list, name)?;
            match column {
                Some(column) if column.len() != rows => {
                    Err(ParseError::Malformed(format!("{rows} timestamps beside {} values of `{name}`", column.len())))
                }
                other => Ok(other),
            }
        };
        let needed = |list: &'a List<Number>, name: &str| {
            checked(list, name)?.ok_or_else(|| ParseError::Malformed(format!("{rows} timestamps, and no `{name}`")))
        };
        Ok(Self {
            open: needed(&quote.open, "open")?,
            high: needed(&quote.high, "high")?,
            low: needed(&quote.low, "low")?,
            close: needed(&quote.close, "close")?,
            volume: checked(&quote.volume, "volume")?,
        })
    }

    fn line(&self, at: usize, date: Date) -> Line {
        let number = |column: &[Number]| column.get(at).and_then(Field::read).copied();
        let row = [self.open, self.high, self.low, self.close].map(number);
        let [Some(open), Some(high), Some(low), Some(close)] = row else { return Line::Incomplete };
        let volume = match self.volume {
            None => Some(0.0),
            Some(column) => number(column),
        };
        let Some(volume) = volume else { return Line::Incomplete };
        let price = |dollars: f64| Price::from_dollars(dollars).ok().filter(|price| !price.is_zero());
        let volume = row::count(&Field::Read(volume), "volume", &mut row::Notes::default()).ok().flatten();
        match (price(open), price(high), price(low), price(close), volume) {
            (Some(open), Some(high), Some(low), Some(close), Some(volume)) if low <= high => {
                Line::Bar(Bar { date, open, high, low, close, volume })
            }
            _ => Line::Impossible(date),
        }
    }
}

/// What one row is.
enum Line {
    Bar(Bar),
    Impossible(Date),
    Incomplete,
}

fn array<'a>(list: &'a List<Number>, name: &str) -> Result<Option<&'a [Number]>, ParseError> {
    match list {
        Field::Read(values) => Ok(Some(values)),
        Field::Missing | Field::Null => Ok(None),
        Field::Wrong(kind) => Err(ParseError::Malformed(format!("`{name}` is {kind}, not an array"))),
    }
}

/// Whose calendar dates the rows have.
enum Zone {
    NewYork,
    /// Another exchange: its present offset. A daily row is stamped at the open, so that an hour of daylight saving
    /// does not change its date.
    Offset(SignedDuration),
}

impl Zone {
    fn of(meta: &ChartMeta<'_>) -> Self {
        let named = meta.exchange_timezone_name.read();
        let offset = meta.gmtoffset.read().filter(|seconds| seconds.abs() <= 86_400.0);
        match (named, offset) {
            (Some(name), Some(seconds)) if name != "America/New_York" => {
                Self::Offset(SignedDuration::from_secs(*seconds as i64))
            }
            _ => Self::NewYork,
        }
    }

    fn date(&self, seconds: f64) -> Option<Date> {
        let at = row::epoch(seconds)?;
        match self {
            Self::NewYork => Some(exchange_date(at)),
            Self::Offset(offset) => Some(TimeZone::UTC.to_datetime(at.checked_add(*offset).ok()?).date()),
        }
    }
}

/// Cash dividends by ex-date. One without a day or a price is passed over: nobody can book it. Two of one day, an ordinary
/// and a special one, both count.
fn dividends(result: &ChartResult<'_>, zone: &Zone) -> Vec<CashDividend> {
    let Some(Shape(events)) = result.events.read() else { return Vec::new() };
    let paid = events.dividends.read().into_iter().flatten();
    let mut dividends: Vec<CashDividend> = paid
        .filter_map(|(key, dividend)| {
            let Shape(dividend) = dividend.read()?;
            let seconds = dividend.date.read().copied().or_else(|| key.parse().ok())?;
            let amount = Price::from_dollars(*dividend.amount.read()?).ok().filter(|amount| !amount.is_zero())?;
            Some(CashDividend { ex_date: zone.date(seconds)?, amount })
        })
        .collect();
    dividends.sort_unstable();
    dividends
}

fn last_split(result: &ChartResult<'_>, zone: &Zone) -> Option<Date> {
    let Shape(events) = result.events.read()?;
    let splits = events.splits.read()?;
    splits
        .iter()
        .filter_map(|(key, split)| {
            let own = split.read().and_then(|Shape(split)| split.date.read().copied());
            own.or_else(|| key.parse().ok()).and_then(|seconds| zone.date(seconds))
        })
        .max()
}
