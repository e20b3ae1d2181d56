//! Where Yahoo's API is. Two hosts, both configurable: `query` (`https://query2.finance.yahoo.com`) and `cookie`
//! (`https://fc.yahoo.com`).

use fleet_core::domain::{Instrument, Ticker};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::spelling;

/// The cookie's page. Its status does not matter (404 is usual), its `Set-Cookie` does.
#[must_use]
pub fn cookie(cookie_base: &str) -> String {
    format!("{}/", cookie_base.trim_end_matches('/'))
}

/// The crumb that goes with the cookie.
#[must_use]
pub fn crumb(query_base: &str) -> String {
    format!("{}/v1/test/getcrumb", query_base.trim_end_matches('/'))
}

/// One expiration's chain; without a date the nearest one's.
#[must_use]
pub fn chain(query_base: &str, ticker: &Ticker, expiration: Option<Date>, crumb: Option<&str>) -> String {
    let base = query_base.trim_end_matches('/');
    let mut url =
        format!("{base}/v7/finance/options/{}?formatted=false&lang=en-US&region=US", encoded(&spelling::yahoo(ticker)));
    if let Some(day) = expiration {
        url.push_str(&format!("&date={}", midnight_utc(day)));
    }
    if let Some(crumb) = crumb {
        url.push_str(&format!("&crumb={}", encoded(crumb)));
    }
    url
}

/// Daily bars of an underlying or a contract, `from` inclusive, `until` exclusive, with splits. Needs no crumb.
#[must_use]
pub fn bars(query_base: &str, instrument: &Instrument, from: Timestamp, until: Timestamp) -> String {
    let base = query_base.trim_end_matches('/');
    format!(
        "{base}/v8/finance/chart/{}?period1={}&period2={}&interval=1d&includePrePost=false&events=div%7Csplit",
        encoded(&spelling::yahoo_instrument(instrument)),
        from.as_second(),
        until.as_second()
    )
}

/// How Yahoo writes an expiration: epoch seconds of midnight UTC.
#[must_use]
pub fn midnight_utc(day: Date) -> i64 {
    // Every date we know is far from the ends of the calendar, where alone this could fail.
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_or(0, Timestamp::as_second)
}

/// Percent-encodes what may not stand in a path segment or a query value (`^`, `/`, a space).
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::OccSymbol;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn chains_carry_date_and_crumb() {
        let ticker = |text| Ticker::parse(text).unwrap();
        assert_eq!(
            chain("https://q", &ticker("AAPL"), None, None),
            "https://q/v7/finance/options/AAPL?formatted=false&lang=en-US&region=US"
        );
        assert_eq!(
            chain("https://q/", &ticker("SPX"), Some(date(2025, 9, 19)), Some("a/b.c")),
            "https://q/v7/finance/options/%5ESPX?formatted=false&lang=en-US&region=US&date=1758240000&crumb=a%2Fb.c"
        );
        assert!(chain("https://q", &ticker("BRK.B"), None, None).contains("/BRK-B?"));
    }

    #[test]
    fn bars_are_daily_over_a_range() {
        let contract = Instrument::Contract(OccSymbol::parse("AAPL261218C00250000").unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(
            bars("https://q", &contract, at(100), at(200)),
            "https://q/v8/finance/chart/AAPL261218C00250000?period1=100&period2=200&interval=1d&includePrePost=false&events=div%7Csplit"
        );
    }
}
