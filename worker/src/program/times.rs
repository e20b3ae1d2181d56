//! Times as people type them at either program. Pure.

use std::time::Duration;

/// Longer times are typing mistakes, and would not fit into every clock's arithmetic: ten years.
const LONGEST: u64 = 3_660 * 86_400_000;

/// Reads `150ms`, `30s`, `20m`, `2h`, `30d`: a whole number and its unit, at most ten years. An error is a sentence.
pub fn duration(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "a time such as 150ms, 30s, 20m, 2h or 30d is wanted";
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(WANTED)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| WANTED)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(WANTED.to_owned()),
    };
    let whole = number.checked_mul(millis).filter(|ms| *ms <= LONGEST);
    whole.map(Duration::from_millis).ok_or_else(|| "more than ten years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, millis) in [("150ms", 150), ("30s", 30_000), ("20m", 1_200_000), ("2h", 7_200_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for text in ["20", "m", "", "-1s", "1.5h", "9999999999999999999s", "99999d"] {
            assert!(duration(text).is_err(), "{text:?} was taken for a time");
        }
    }
}
