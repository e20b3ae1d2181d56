//! Robinhood's ids. Checked before they become part of an address.

use std::fmt;

/// A UUID: 32 hexadecimal digits in the usual five groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

impl Uuid {
    /// Lengths of its groups.
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

    /// Makes one of its 128 bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads the written form, in either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0_u128;
        let mut groups = text.split('-');
        for length in Self::GROUPS {
            let group = groups.next()?;
            if group.len() != length {
                return None;
            }
            for byte in group.bytes() {
                bits = bits << 4 | u128::from(char::from(byte).to_digit(16)?);
            }
        }
        groups.next().is_none().then_some(Self(bits))
    }

    /// The last part of an address such as `https://api.robinhood.com/options/instruments/ID/`.
    #[must_use]
    pub fn at_end_of(address: &str) -> Option<Self> {
        Self::parse(address.trim_end_matches('/').rsplit('/').next()?)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, rest) = digits.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        let text = "0ab4f79f-c84a-4f7b-8132-4f3e5fb38075";
        let id = Uuid::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(Uuid::at_end_of(&format!("https://x/options/instruments/{text}/")), Some(id));
        for bad in ["", "None", "0ab4f79fc84a4f7b81324f3e5fb38075", &text[1..], &format!("{text}-"), "../../etc"] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
        assert_eq!(Uuid::parse("0ab4f79f-c84a-4f7b-8132-4f3e5fb3807é"), None);
    }
}
