//! Values as they are typed: each is read, or refused with what is wanted.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use fleet_telemetry::LogFormat;
use fleet_worker::program::times::duration;
use jiff::Timestamp;
use jiff::civil::Date;

/// A path, also an empty one: an empty variable is as good as none.
pub(super) fn any_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Reads the time gateways are kept.
pub(super) fn keeping(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > Duration::from_secs(86_400) {
        return Err("gateways are kept for more than nothing and at most 24h, e.g. 2h".to_owned());
    }
    Ok(time)
}

/// Reads the time a scan may take.
pub(super) fn deadline(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() || time > Duration::from_secs(86_400) {
        return Err("a deadline is more than nothing and at most 24h, e.g. 20m".to_owned());
    }
    Ok(time)
}

/// Reads a whole number up to the largest of 64 bits.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is wanted", u64::MAX))
}

/// Reads a whole number up to the largest of 32 bits.
pub(super) fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is wanted", u32::MAX))
}

/// Reads `text` or `json`; an empty variable is as good as none.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text.trim() {
        "" | "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json is wanted".to_owned()),
    }
}

/// Reads `2026-11-20T15:00:00Z`.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "an instant such as 2026-11-20T15:00:00Z is wanted".to_owned())
}

/// Reads `2026-11-20`, and nothing else that could be taken for a date.
pub(super) fn civil_date(text: &str) -> Result<Date, String> {
    const WANTED: &str = "a date such as 2026-11-20 is wanted";
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_plain {
        return Err(WANTED.to_owned());
    }
    text.parse().map_err(|_| WANTED.to_owned())
}

/// Reads `0.01`; 0 is a tick too.
pub(super) fn tick(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    number.ok_or_else(|| "dollars of at least 0 are wanted, such as 0.01".to_owned())
}

/// Reads `5/s`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse::<f64>().ok();
    number.filter(|n| n.is_finite() && *n > 0.0).ok_or_else(|| "a rate such as 5/s is wanted".to_owned())
}
