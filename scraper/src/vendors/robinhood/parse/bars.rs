//! Daily bars. A point the vendor filled in (`interpolated`) is no bar: nobody traded.
//!
//! Neither splits nor dividends are told.

use fleet_core::domain::{Bar, BarSeries, Instrument, Price};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{instant, malformed, object};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::field::{Field, List, Object, Shape};
use crate::vendors::robinhood::models::{Historicals, Point};
use crate::vendors::robinhood::{Uuid, decimal};
use crate::vendors::row::{self, Notes};

/// What a body of bars holds.
#[derive(Debug, Clone, PartialEq)]
pub struct BarsReading {
    /// The stock, where it is told.
    pub symbol: Option<String>,
    /// The contract's id, where it is told.
    pub contract: Option<Uuid>,
    /// As the body says.
    pub interval: Option<String>,
    /// Ascending by date, no date twice.
    pub bars: Vec<Bar>,
    /// Points the vendor filled in.
    pub interpolated: u32,
    /// Points that lack a price, a volume or a date, or whose prices cannot be.
    pub incomplete: u32,
    /// Points whose date an earlier one had.
    pub repeated: u32,
    /// Points in the body.
    pub rows: u32,
}

/// Reads the daily bars of one instrument from a date on, up to another one (included). `contract` is the id that was
/// asked for, where it is a contract's.
pub fn bars(
    bytes: &[u8],
    instrument: &Instrument,
    contract: Option<Uuid>,
    (from, until): (Date, Date),
) -> Result<BarSeries, ParseError> {
    let reading = read_bars(bytes)?;
    let wrong = |asked: String, got: String| Err(ParseError::WrongSymbol { asked, got });
    match (instrument, reading.symbol.as_deref(), reading.contract) {
        (Instrument::Underlying(ticker), Some(symbol), _) if !spelling::names(symbol, ticker) => {
            return wrong(ticker.to_string(), symbol.to_owned());
        }
        (Instrument::Contract(symbol), _, Some(own)) if contract != Some(own) => {
            return wrong(symbol.to_string(), own.to_string());
        }
        (Instrument::Underlying(_) | Instrument::Contract(_), _, _) => {}
    }
    if let Some(interval) = reading.interval.filter(|interval| reading.rows > 0 && interval != "day") {
        return Err(ParseError::Malformed(format!("bars of a {interval} where daily bars were asked for")));
    }
    let mut series = BarSeries {
        instrument: instrument.clone(),
        bars: reading.bars,
        last_split: None,
        dividends: None,
        incomplete: reading.incomplete,
        complete_from: Some(from),
    };
    series.bars.retain(|bar| (from..=until).contains(&bar.date));
    if matches!(instrument, Instrument::Contract(_)) {
        let before = series.bars.len();
        series.bars.retain(|bar| bar.volume > 0);
        series.incomplete += (before - series.bars.len()) as u32;
    }
    Ok(series)
}

/// Reads bars of whatever the body is about, of whatever interval.
pub fn read_bars(bytes: &[u8]) -> Result<BarsReading, ParseError> {
    let body: Historicals<'_> = object(bytes)?;
    let points = points(&body)?;
    let mut reading = BarsReading {
        symbol: body.symbol.read().map(|text| excerpt(text)),
        contract: body
            .instrument
            .read()
            .filter(|_| body.historicals.is_missing())
            .and_then(|text| Uuid::at_end_of(text)),
        interval: body.interval.read().map(|text| excerpt(text)),
        bars: Vec::with_capacity(points.len()),
        interpolated: 0,
        incomplete: 0,
        repeated: 0,
        rows: points.len() as u32,
    };
    for point in points {
        match point.read() {
            Some(Shape(point)) if point.interpolated.read() == Some(&true) => reading.interpolated += 1,
            Some(Shape(point)) => match bar(point) {
                Some(bar) => reading.add(bar),
                None => reading.incomplete += 1,
            },
            None => reading.incomplete += 1,
        }
    }
    if reading.rows > 0 && reading.bars.is_empty() && reading.interpolated == 0 && dateless(points) {
        return Err(malformed("no point has a `begins_at` field: the layout changed"));
    }
    Ok(reading)
}

impl BarsReading {
    /// Keeps dates ascending; of one date the later point counts.
    fn add(&mut self, bar: Bar) {
        match self.bars.binary_search_by_key(&bar.date, |known| known.date) {
            Ok(at) => {
                self.bars[at] = bar;
                self.repeated += 1;
            }
            Err(at) => self.bars.insert(at, bar),
        }
    }
}

fn points<'b, 'a>(body: &'b Historicals<'a>) -> Result<&'b [Object<Point<'a>>], ParseError> {
    let read = |list: &'b List<Object<Point<'a>>>, name: &str| match list {
        Field::Read(points) => Ok(Some(points.as_slice())),
        Field::Missing => Ok(None),
        other => Err(ParseError::Malformed(format!("`{name}` is {}, not an array", other.found()))),
    };
    match (read(&body.data_points, "data_points")?, read(&body.historicals, "historicals")?) {
        (Some(points), None) | (None, Some(points)) => Ok(points),
        (None, None) => Err(malformed("there are neither `data_points` nor `historicals`")),
        (Some(_), Some(_)) => Err(malformed("there are `data_points` and `historicals` at once")),
    }
}

fn dateless(points: &[Object<Point<'_>>]) -> bool {
    points.iter().all(|point| point.read().is_none_or(|Shape(point)| point.begins_at.is_missing()))
}

fn bar(point: &Point<'_>) -> Option<Bar> {
    let date = TimeZone::UTC.to_datetime(instant(point.begins_at.read()?)?).date();
    let price = |text: &crate::vendors::field::Text<'_>| {
        decimal::price_of(text.read()?).filter(|price: &Price| !price.is_zero())
    };
    let (open, high) = (price(&point.open_price)?, price(&point.high_price)?);
    let (low, close) = (price(&point.low_price)?, price(&point.close_price)?);
    let volume = row::count(&point.volume, "volume", &mut Notes::default()).ok()??;
    (low <= high).then_some(Bar { date, open, high, low, close, volume })
}
