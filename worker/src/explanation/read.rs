//! Reads a blob, field by field in the order in which it was written. Nothing in it is believed: every length is held
//! to what is left of it.

use std::borrow::Cow;

use fleet_core::domain::{
    Check, ContractExplanation, ContractMetrics, ContractQuote, LastTrade, OccSymbol, Operator, OptionKind, Price,
    PricingModel, RankScore, Ranked, Root, Strike, Technicals, Verdict,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{MARK, OLDEST_VERSION, VERSION, has};

/// No row is shorter: its fields' mask, its strike, its place.
const LEAST_ROW_BYTES: usize = 4;

/// Why a blob was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Not a blob of explanations, cut off, or not what it says.
    #[error("the explanations are damaged ({0})")]
    Damaged(&'static str),
    /// Of a form that is not known here.
    #[error("the explanations have version {0}; this program knows {OLDEST_VERSION} to {VERSION}")]
    Version(u8),
}

/// The explanations of a blob.
pub(super) fn blob(bytes: &[u8]) -> Result<Vec<ContractExplanation>, UnpackError> {
    let mut reader = Reader { bytes, words: Vec::new(), model: None };
    if reader.array::<3>()? != MARK {
        return Err(UnpackError::Damaged("they do not begin like any"));
    }
    match reader.byte()? {
        OLDEST_VERSION..=VERSION => {}
        other => return Err(UnpackError::Version(other)),
    }
    let rows = reader.length(LEAST_ROW_BYTES)?;
    let mut all: Vec<ContractExplanation> = Vec::with_capacity(rows);
    for _ in 0..rows {
        let row = reader.row(all.last().map(|row| row.quote.symbol))?;
        all.push(row);
    }
    if reader.bytes.is_empty() { Ok(all) } else { Err(UnpackError::Damaged("something follows the last row")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    words: Vec<&'a str>,
    /// The last model read.
    model: Option<PricingModel>,
}

impl<'a> Reader<'a> {
    fn row(&mut self, before: Option<OccSymbol>) -> Result<ContractExplanation, UnpackError> {
        let fields = u16::from_le_bytes(self.array()?);
        let has = |field: u16| fields & field != 0;
        let (root, expiration, kind) = if has(has::GROUP) {
            self.group()?
        } else {
            let before = before.ok_or(UnpackError::Damaged("the first row has no expiration"))?;
            (before.root, before.expiration, before.kind)
        };
        let strike = u32::try_from(self.count()?).ok().and_then(Strike::from_thousandths);
        let strike = strike.ok_or(UnpackError::Damaged("a strike is none"))?;
        let quote = ContractQuote {
            symbol: OccSymbol { root, expiration, kind, strike },
            bid: self.known(has(has::BID), Self::price)?,
            ask: self.known(has(has::ASK), Self::price)?,
            last: self.known(has(has::LAST), Self::last)?,
            volume: self.known(has(has::VOLUME), Self::count)?,
            open_interest: self.known(has(has::OPEN_INTEREST), Self::count)?,
            vendor_iv: self.known(has(has::VENDOR_IV), Self::number)?,
        };
        let place = self.word()?.to_owned();
        let gate = self.known(has(has::GATE), Self::check)?;
        let iv = self.known(has(has::IV), Self::number)?;
        let delta = self.known(has(has::DELTA), Self::number)?;
        let strategies = self.known(has(has::STRATEGIES), Self::strategies)?.unwrap_or_default();
        let ranked = self.known(has(has::RANKED), |reader| reader.ranked(has))?;
        let technicals = self.known(has(has::TECHNICALS), Self::technicals)?;
        let metrics = self.known(has(has::METRICS), Self::metrics)?;
        let place = Cow::Owned(place);
        let model = self.known(has(has::MODEL), Self::model)?;
        Ok(ContractExplanation { quote, place, gate, iv, delta, model, strategies, ranked, technicals, metrics })
    }

    fn known<T>(
        &mut self,
        is_there: bool,
        read: impl FnOnce(&mut Self) -> Result<T, UnpackError>,
    ) -> Result<Option<T>, UnpackError> {
        is_there.then(|| read(self)).transpose()
    }

    fn group(&mut self) -> Result<(Root, Date, OptionKind), UnpackError> {
        let root = Root::parse(self.text()?).ok_or(UnpackError::Damaged("a root is none"))?;
        let year = i16::from_le_bytes(self.array()?);
        let [month, day, kind] = self.array()?;
        let expiration =
            Date::new(year, month as i8, day as i8).map_err(|_| UnpackError::Damaged("an expiration is no date"))?;
        let kind = match kind {
            0 => OptionKind::Call,
            1 => OptionKind::Put,
            _ => return Err(UnpackError::Damaged("a kind is neither call nor put")),
        };
        Ok((root, expiration, kind))
    }

    fn last(&mut self) -> Result<LastTrade, UnpackError> {
        let price = self.price()?;
        let seconds = i64::from_le_bytes(self.array()?);
        let wrong = UnpackError::Damaged("an instant is none");
        let nanos = i32::try_from(self.count()?).map_err(|_| wrong.clone())?;
        let time = Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).map_err(|_| wrong)?;
        Ok(LastTrade { price, time })
    }

    fn strategies(&mut self) -> Result<Vec<(String, Vec<Check>)>, UnpackError> {
        let mut all = Vec::new();
        for _ in 0..self.length(2)? {
            let name = self.word()?.to_owned();
            // A check is a word, a byte and a threshold at least.
            let checks = self.length(10)?;
            all.push((name, (0..checks).map(|_| self.check()).collect::<Result<_, _>>()?));
        }
        Ok(all)
    }

    /// `has` tells which fields the row has.
    fn ranked(&mut self, has: impl Fn(u16) -> bool) -> Result<Ranked, UnpackError> {
        Ok(Ranked {
            gamma: self.number()?,
            theta_per_day: self.number()?,
            vega_per_point: self.number()?,
            rho_per_point: self.number()?,
            score: RankScore {
                liquidity: self.number()?,
                spread: self.number()?,
                delta: self.number()?,
                technical: self.known(has(has::TECHNICAL), Self::number)?,
            },
        })
    }

    fn technicals(&mut self) -> Result<Technicals, UnpackError> {
        let there = self.byte()?;
        Ok(Technicals {
            rsi: self.known(there & 1 != 0, Self::number)?,
            macd_histogram: self.known(there & 2 != 0, Self::number)?,
            pct_b: self.known(there & 4 != 0, Self::number)?,
        })
    }

    fn metrics(&mut self) -> Result<Box<ContractMetrics>, UnpackError> {
        serde_json::from_str(self.text()?).map_err(|_| UnpackError::Damaged("a contract's metrics are none"))
    }

    /// A model without a text is that of the row before with one.
    fn model(&mut self) -> Result<PricingModel, UnpackError> {
        let text = self.text()?;
        if !text.is_empty() {
            self.model =
                Some(serde_json::from_str(text).map_err(|_| UnpackError::Damaged("a contract's model is none"))?);
        }
        self.model.ok_or(UnpackError::Damaged("the first model has no text"))
    }

    fn check(&mut self) -> Result<Check, UnpackError> {
        let name = Cow::Owned(self.word()?.to_owned());
        let bits = self.byte()?;
        let operator = match bits & 3 {
            0 => Operator::AtLeast,
            1 => Operator::AtMost,
            2 => Operator::Above,
            _ => Operator::Below,
        };
        let verdict = match bits >> 2 & 3 {
            0 => Verdict::Pass,
            1 => Verdict::Fail,
            2 => Verdict::Unknown,
            _ => return Err(UnpackError::Damaged("a verdict is none")),
        };
        let threshold = self.number()?;
        let value = self.known(bits & 1 << 5 != 0, Self::number)?;
        Ok(Check { name, value, operator, threshold, verdict, mandatory: bits & 1 << 4 != 0 })
    }

    fn price(&mut self) -> Result<Price, UnpackError> {
        self.count().map(Price::from_units)
    }

    fn number(&mut self) -> Result<f64, UnpackError> {
        self.array().map(f64::from_le_bytes)
    }

    fn word(&mut self) -> Result<&'a str, UnpackError> {
        let number = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        if number == self.words.len() {
            let word = self.text()?;
            self.words.push(word);
        }
        self.words.get(number).copied().ok_or(UnpackError::Damaged("a word is not known"))
    }

    fn text(&mut self) -> Result<&'a str, UnpackError> {
        let length = self.length(1)?;
        let text = self.take(length)?;
        std::str::from_utf8(text).map_err(|_| UnpackError::Damaged("a text is none"))
    }

    /// A number of things of so many bytes at least; what is left must have room for them.
    fn length(&mut self, least_bytes: usize) -> Result<usize, UnpackError> {
        let length = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        if length > self.bytes.len() / least_bytes { Err(ENDS_EARLY) } else { Ok(length) }
    }

    fn count(&mut self) -> Result<u64, UnpackError> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(UnpackError::Damaged("a count is too long"))
    }

    fn byte(&mut self) -> Result<u8, UnpackError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], UnpackError> {
        let (array, rest) = self.bytes.split_first_chunk::<N>().ok_or(ENDS_EARLY)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], UnpackError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(ENDS_EARLY)?;
        self.bytes = rest;
        Ok(taken)
    }
}

const ENDS_EARLY: UnpackError = UnpackError::Damaged("they end too early");
