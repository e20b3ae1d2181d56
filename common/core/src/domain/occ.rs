//! OCC option symbols: root, yymmdd, C or P, strike × 1000 in eight digits. Read from the right, because roots can
//! hold digits (adjusted contracts).

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::calendar;
use super::contract::{ExerciseStyle, OptionKind, Settlement, Strike};
use super::excerpt::excerpt;

/// First field of an OCC symbol: one to six letters or digits. Usually, not always, the ticker; never used to look
/// up an underlying.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root([u8; 6]);

/// The identity of an option contract. Ordered by root, expiration, kind, strike. Serialised in the compact form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OccSymbol {
    /// First field.
    pub root: Root,
    /// The *date* in the symbol, never an instant.
    pub expiration: Date,
    /// Call or put.
    pub kind: OptionKind,
    /// Exercise price.
    pub strike: Strike,
}

/// Why a text is not an OCC symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an OCC symbol such as AAPL270319C00450000: {why}")]
pub struct BadOccSymbol {
    /// What was given, printable and shortened to 40 characters.
    pub text: String,
    /// The rule it breaks.
    pub why: &'static str,
}

/// Index roots whose options are European. (OEX is American.)
const EUROPEAN_ROOTS: &[&str] =
    &["DJX", "MRUT", "NDX", "NDXP", "RUT", "RUTW", "SPX", "SPXW", "VIX", "VIXW", "XEO", "XND", "XSP"];

impl Root {
    /// Reads a root: one to six upper-case letters or digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 6 || !bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return None;
        }
        let mut padded = [b' '; 6];
        padded[..bytes.len()].copy_from_slice(bytes);
        Some(Self(padded))
    }

    /// The root without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == b' ').unwrap_or(6);
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }

    /// Whether the root holds a digit: an adjusted contract with a deliverable other than 100 shares.
    #[must_use]
    pub fn is_adjusted(&self) -> bool {
        self.0.iter().any(u8::is_ascii_digit)
    }
}

impl OccSymbol {
    /// Reads the compact or the padded form, from the right.
    pub fn parse(text: &str) -> Result<Self, BadOccSymbol> {
        let bad = |why| BadOccSymbol { text: excerpt(text, 40), why };
        let text = text.trim();
        if !text.is_ascii() {
            return Err(bad("it holds a character that is not ASCII"));
        }
        if text.len() < 16 || text.len() > 21 {
            return Err(bad("it must have 16 to 21 characters"));
        }
        let (root, rest) = text.split_at(text.len() - 15);
        let root = Root::parse(root.trim_end()).ok_or_else(|| bad("the root must be 1 to 6 capitals or digits"))?;
        if !rest[..6].bytes().chain(rest[7..].bytes()).all(|b| b.is_ascii_digit()) {
            return Err(bad("the date and the strike must be digits"));
        }
        let digits = rest.as_bytes();
        let digit = |at: usize| u32::from(digits[at] - b'0');
        let two = |at: usize| (10 * digit(at) + digit(at + 1)) as i16;
        let expiration =
            Date::new(2000 + two(0), two(2) as i8, two(4) as i8).map_err(|_| bad("the expiration is not a date"))?;
        let kind = match digits[6] {
            b'C' => OptionKind::Call,
            b'P' => OptionKind::Put,
            _ => return Err(bad("the kind must be C or P")),
        };
        let strike = Strike::from_thousandths((7..15).fold(0, |strike, at| 10 * strike + digit(at)))
            .ok_or_else(|| bad("the strike must be above zero"))?;
        Ok(Self { root, expiration, kind, strike })
    }

    /// The 21-character form with the root padded to six.
    #[must_use]
    pub fn padded(&self) -> String {
        format!("{:6}{}", self.root.as_str(), self.tail())
    }

    fn tail(&self) -> String {
        format!(
            "{:02}{:02}{:02}{}{:08}",
            self.expiration.year() % 100,
            self.expiration.month(),
            self.expiration.day(),
            self.kind.letter(),
            self.strike.thousandths()
        )
    }

    /// European for the index roots that are; American for everything else.
    #[must_use]
    pub fn style(&self) -> ExerciseStyle {
        if EUROPEAN_ROOTS.binary_search(&self.root.as_str()).is_ok() {
            ExerciseStyle::European
        } else {
            ExerciseStyle::American
        }
    }

    /// Whether the opening or the closing price settles this contract; see [`calendar::settlement`].
    #[must_use]
    pub fn settlement(&self) -> Settlement {
        calendar::settlement(self.root, self.expiration)
    }
}

impl fmt::Display for OccSymbol {
    /// The compact form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.root.as_str(), self.tail()))
    }
}

impl fmt::Debug for OccSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OccSymbol {
    type Err = BadOccSymbol;
    fn from_str(text: &str) -> Result<Self, BadOccSymbol> {
        Self::parse(text)
    }
}

impl TryFrom<String> for OccSymbol {
    type Error = BadOccSymbol;
    fn try_from(text: String) -> Result<Self, BadOccSymbol> {
        Self::parse(&text)
    }
}

impl From<OccSymbol> for String {
    fn from(symbol: OccSymbol) -> Self {
        symbol.to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn both_forms_are_read_and_written() {
        let symbol = OccSymbol::parse("IWM   260120P00263000").unwrap();
        assert_eq!(symbol.to_string(), "IWM260120P00263000");
        assert_eq!(symbol.padded(), "IWM   260120P00263000");
        assert_eq!(symbol.expiration, date(2026, 1, 20));
        assert_eq!(symbol.strike.to_string(), "263");
        assert_eq!(OccSymbol::parse("AAPL1260120C00002500").unwrap().root.as_str(), "AAPL1");
        assert!(OccSymbol::parse("AAPL1260120C00002500").unwrap().root.is_adjusted());
    }

    #[test]
    fn broken_symbols_are_refused() {
        for text in [
            "",
            "AAPL",
            "AAPL261318C00250000",
            "AAPL260118X00250000",
            "AAPL260118C0025000A",
            "AAPL260118C00000000",
            "TOOLONG260118C00250000",
            "aapl260118C00250000",
            "AAPL26011éC0025000",
        ] {
            assert!(OccSymbol::parse(text).is_err(), "{text:?} was taken for a symbol");
        }
    }

    #[test]
    fn monthlies_of_indices_settle_at_the_open() {
        let settlement = |text| OccSymbol::parse(text).unwrap().settlement();
        assert_eq!(settlement("SPX261218C05000000"), Settlement::Am);
        assert_eq!(settlement("SPXW261218C05000000"), Settlement::Pm);
        assert_eq!(settlement("SPX260618C05000000"), Settlement::Am, "moved by Juneteenth");
        assert_eq!(settlement("AAPL261218C00250000"), Settlement::Pm);
    }
}
