//! Which numbers price a contract, where there is a choice. The defaults are those of ANALYTICS; the others are for
//! comparing answers with programs that choose otherwise, and say so in a configuration that a person wrote.

use std::fmt;

use fleet_core::domain::{ExerciseStyle, OccSymbol, calendar};
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Which spot, dividends, exercise and instant of expiry price a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pricing {
    /// Whose price of the underlying.
    pub spot: SpotChoice,
    /// Where an expiration's dividend yield comes from.
    pub dividends: DividendSource,
    /// Whether contracts that reached a strategy are priced once more with the cash dividends to come, as far as the rhythm
    /// of the past ones tells them; with `implied` dividends and early exercise only.
    pub cash_dividends: bool,
    /// Whether contracts are priced, and held to bounds of arbitrage, by their own exercise style.
    pub exercise: ExerciseRule,
    /// A price so few ticks or fewer above its lower bound has no implied volatility; 0: only at or below the bound.
    pub min_time_value_ticks: f64,
    /// Whose volatility and greeks are computed.
    pub volatility_of: VolatilityOf,
    /// The instant contracts expire on their last day.
    pub expiry: ExpiryInstant,
}

/// Whose volatility and greeks are computed. It changes no gate and no candidate, only what `explain` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolatilityOf {
    /// Of every contract with a bid and an ask.
    Quoted,
    /// Of contracts past the gates on quote, open interest and volume.
    Traded,
}

/// Whose price of the underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotChoice {
    /// The one that put–call parity implies from the same quotes.
    Implied,
    /// The vendor's, whatever its time.
    Vendor,
}

/// Where an expiration's dividend yield comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DividendSource {
    /// From the forward that the expiration's own quotes imply.
    Implied,
    /// The vendor's trailing yield, for every expiration.
    Vendor,
    /// `rates.assumed_yield`, for every expiration.
    Assumed,
}

/// By which exercise style a contract is priced and bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseRule {
    /// By its own.
    ByStyle,
    /// Every contract as if it could be exercised at settlement only.
    European,
}

/// The instant contracts expire on their last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ExpiryInstant {
    /// When they settle: the session's close, or its open for AM-settled contracts.
    Settlement,
    /// A time of the expiration's date, UTC.
    Utc {
        /// 0 to 23.
        hour: i8,
        /// 0 to 59.
        minute: i8,
    },
}

impl Default for Pricing {
    fn default() -> Self {
        Self {
            spot: SpotChoice::Implied,
            dividends: DividendSource::Implied,
            cash_dividends: true,
            exercise: ExerciseRule::ByStyle,
            min_time_value_ticks: 1.0,
            volatility_of: VolatilityOf::Quoted,
            expiry: ExpiryInstant::Settlement,
        }
    }
}

impl ExerciseRule {
    /// The style a contract is priced by.
    #[must_use]
    pub fn style(self, symbol: &OccSymbol) -> ExerciseStyle {
        match self {
            Self::ByStyle => symbol.style(),
            Self::European => ExerciseStyle::European,
        }
    }
}

impl Pricing {
    /// Whether spot and forwards are read off the chain's own quotes at all.
    #[must_use]
    pub fn needs_parity(&self) -> bool {
        self.spot == SpotChoice::Implied || self.dividends == DividendSource::Implied
    }

    /// Years from `as_of` to expiry: calendar seconds / 31,536,000, at least one hour; `None` once it is past.
    #[must_use]
    pub fn years_to_expiry(&self, as_of: Timestamp, symbol: &OccSymbol) -> Option<f64> {
        let expiry = match self.expiry {
            ExpiryInstant::Settlement => return calendar::years_to_settlement(as_of, symbol),
            ExpiryInstant::Utc { hour, minute } => utc(symbol.expiration, hour, minute)?,
        };
        let left = expiry.duration_since(as_of);
        (left > SignedDuration::ZERO).then(|| left.as_secs_f64().max(3600.0) / 31_536_000.0)
    }
}

fn utc(day: Date, hour: i8, minute: i8) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.to_datetime(time(hour, minute, 0, 0))).ok()
}

impl fmt::Display for ExpiryInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settlement => f.write_str("settlement"),
            Self::Utc { hour, minute } => write!(f, "{hour:02}:{minute:02}Z"),
        }
    }
}

impl From<ExpiryInstant> for String {
    fn from(instant: ExpiryInstant) -> Self {
        instant.to_string()
    }
}

impl TryFrom<String> for ExpiryInstant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "settlement" {
            return Ok(Self::Settlement);
        }
        let read = || {
            let (hour, minute) = text.strip_suffix('Z')?.split_once(':')?;
            let number = |text: &str, below: i8| {
                let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<i8>().ok().filter(|n| digits && *n < below)
            };
            Some(Self::Utc { hour: number(hour, 24)?, minute: number(minute, 60)? })
        };
        read().ok_or_else(|| format!("`{text}` is neither \"settlement\" nor a time of UTC such as \"21:00Z\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_settlement_or_a_time_of_utc() {
        let read = |text: &str| ExpiryInstant::try_from(text.to_owned());
        assert_eq!(read("settlement"), Ok(ExpiryInstant::Settlement));
        assert_eq!(read("21:00Z"), Ok(ExpiryInstant::Utc { hour: 21, minute: 0 }));
        assert_eq!(read("21:00Z").unwrap().to_string(), "21:00Z");
        for bad in ["", "close", "21:00", "24:00Z", "21:60Z", "9:00Z", "+1:00Z", "21:00:00Z", "2100Z"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn years_run_to_the_chosen_instant() {
        let as_of: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let half_day = OccSymbol::parse("AAPL261127C00200000").unwrap();
        let years = |expiry| Pricing { expiry, ..Pricing::default() }.years_to_expiry(as_of, &half_day).unwrap();
        let hours = |years: f64| (years * 365.0 * 24.0).round();
        assert_eq!(hours(years(ExpiryInstant::Settlement)), 7.0 * 24.0 + 3.0);
        assert_eq!(hours(years(ExpiryInstant::Utc { hour: 21, minute: 0 })), 7.0 * 24.0 + 6.0);
        let over = OccSymbol::parse("AAPL261120C00200000").unwrap();
        let early = Pricing { expiry: ExpiryInstant::Utc { hour: 14, minute: 59 }, ..Pricing::default() };
        assert_eq!(early.years_to_expiry(as_of, &over), None);
    }
}
