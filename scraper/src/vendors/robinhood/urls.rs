//! Where Robinhood's API is. The base is configurable (`https://api.robinhood.com`).

use fleet_core::domain::Ticker;
use jiff::civil::Date;
use url::Url;

use super::Uuid;

/// Contracts asked for in one batch of marks.
pub const BATCH: usize = 40;

/// The id of a stock, by its code, which Robinhood spells as we do (`BRK.B`).
#[must_use]
pub fn equity(base: &str, ticker: &Ticker) -> String {
    format!("{base}/instruments/?symbol={ticker}")
}

/// The chains of a stock.
#[must_use]
pub fn chains(base: &str, equity: Uuid) -> String {
    format!("{base}/options/chains/?equity_instrument_ids={equity}")
}

/// The first page of the contracts of some expirations of a chain.
#[must_use]
pub fn contracts(base: &str, chain: Uuid, expirations: &[Date]) -> String {
    let days: Vec<String> = expirations.iter().map(ToString::to_string).collect();
    format!("{base}/options/instruments/?chain_id={chain}&expiration_dates={}&state=active", days.join(","))
}

/// What some contracts quote, [`BATCH`] at most.
#[must_use]
pub fn marks(base: &str, contracts: &[Uuid]) -> String {
    let ids: Vec<String> = contracts.iter().map(ToString::to_string).collect();
    format!("{base}/marketdata/options/?ids={}", ids.join(","))
}

/// What a stock trades at.
#[must_use]
pub fn quote(base: &str, equity: Uuid) -> String {
    format!("{base}/marketdata/quotes/{equity}/")
}

/// How far back bars go. Which intervals go with which spans is restricted; daily bars go with both of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One year.
    Year,
    /// Five years.
    FiveYears,
}

impl Span {
    /// The shorter one that reaches so many days back with a week to spare.
    #[must_use]
    pub const fn reaching(days: i32) -> Self {
        if days <= 358 { Self::Year } else { Self::FiveYears }
    }

    /// The first date of a span that ends on this one.
    #[must_use]
    pub fn begins(self, last: Date) -> Date {
        let years = match self {
            Self::Year => 1,
            Self::FiveYears => 5,
        };
        last.saturating_sub(jiff::Span::new().years(years)).saturating_add(jiff::Span::new().days(1))
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::FiveYears => "5year",
        }
    }
}

/// A stock's daily bars.
#[must_use]
pub fn equity_bars(base: &str, equity: Uuid, span: Span) -> String {
    format!("{base}/marketdata/historicals/{equity}/?bounds=regular&interval=day&span={}", span.word())
}

/// A contract's daily bars.
#[must_use]
pub fn contract_bars(base: &str, contract: Uuid, span: Span) -> String {
    format!("{base}/marketdata/options/historicals/{contract}/?bounds=regular&interval=day&span={}", span.word())
}

/// The address of a next page, exactly as the vendor wrote it, if it stays at the configured base: the token goes with
/// it, and to nobody else.
pub fn next_page(base: &str, next: &str) -> Result<Url, String> {
    let shown = || crate::parse_error::excerpt(next);
    let base = Url::parse(base).map_err(|error| format!("the base is no URL ({error})"))?;
    let url = Url::parse(next).map_err(|_| format!("its next page is no address: `{}`", shown()))?;
    let below = url.path().strip_prefix(base.path().trim_end_matches('/'));
    let stays = url.origin() == base.origin()
        && below.is_some_and(|rest| rest.starts_with('/'))
        && url.username().is_empty()
        && url.password().is_none();
    if stays { Ok(url) } else { Err(format!("its next page leads elsewhere: `{}`", shown())) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const BASE: &str = "https://api.robinhood.com";

    fn id(bits: u128) -> Uuid {
        Uuid::from_bits(bits)
    }

    #[test]
    fn addresses_are_the_documented_ones() {
        let days = [date(2026, 12, 18), date(2027, 1, 15)];
        let one = "00000000-0000-0000-0000-000000000001";
        let two = "00000000-0000-0000-0000-000000000002";
        for (url, expected) in [
            (equity(BASE, &Ticker::parse("BRK.B").unwrap()), "/instruments/?symbol=BRK.B".to_owned()),
            (chains(BASE, id(1)), format!("/options/chains/?equity_instrument_ids={one}")),
            (
                contracts(BASE, id(1), &days),
                format!("/options/instruments/?chain_id={one}&expiration_dates=2026-12-18,2027-01-15&state=active"),
            ),
            (marks(BASE, &[id(1), id(2)]), format!("/marketdata/options/?ids={one},{two}")),
            (quote(BASE, id(1)), format!("/marketdata/quotes/{one}/")),
            (
                equity_bars(BASE, id(1), Span::reaching(300)),
                format!("/marketdata/historicals/{one}/?bounds=regular&interval=day&span=year"),
            ),
            (
                contract_bars(BASE, id(1), Span::reaching(400)),
                format!("/marketdata/options/historicals/{one}/?bounds=regular&interval=day&span=5year"),
            ),
        ] {
            assert_eq!(url, format!("{BASE}{expected}"));
        }
    }

    #[test]
    fn a_span_says_from_when_on_it_is_complete() {
        assert_eq!(Span::Year.begins(date(2026, 11, 20)), date(2025, 11, 21));
        assert_eq!(Span::reaching(2_000).begins(date(2026, 11, 20)), date(2021, 11, 21));
    }

    #[test]
    fn a_next_page_is_followed_as_written_and_only_to_the_base() {
        let cursor = "https://api.robinhood.com/options/chains/?cursor=cD0yMDE3LTExLTMwKzA1JTNBMTk%3D";
        assert_eq!(next_page(BASE, cursor).unwrap().as_str(), cursor);
        let local = "http://127.0.0.1:9/robinhood";
        assert!(next_page(local, "http://127.0.0.1:9/robinhood/options/instruments/?cursor=1").is_ok());
        for bad in [
            "http://api.robinhood.com/x",
            "https://api.robinhood.com.evil.com/x",
            "https://evil.com/api.robinhood.com",
            "https://u:p@api.robinhood.com/x",
            "https://api.robinhood.com:444/x",
            "/options/instruments/?cursor=1",
            "javascript:alert(1)",
            "",
        ] {
            assert!(next_page(BASE, bad).is_err(), "{bad} was followed");
        }
        assert!(next_page(local, "http://127.0.0.1:9/cboe/x").is_err());
        assert!(next_page(local, "http://127.0.0.1:9/robinhood-evil/x").is_err());
    }
}
