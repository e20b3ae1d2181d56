//! A subset of JSON, read in one pass: see [`super`]. Every step is `None` where a body leaves the subset.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::vendors::field::{self, Field, Flag, List, Number, Object, Shape, Text};

/// Values skipped may be nested so deep; no body of Yahoo's is.
const MAX_DEPTH: u32 = 16;

/// Items for which room is made ahead, over a whole body: more than any real one has.
const ROOM: usize = 4096;

/// A place in a body. Every step is `None` where the body is not of the usual shape.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    /// The same bytes.
    text: &'a str,
    at: usize,
    /// Items for which room may still be made ahead.
    room: usize,
    /// Bytes that lists may still take; whoever wants more is serde's to refuse.
    left: usize,
}

impl<'a> Scan<'a> {
    /// The beginning of a body; that it is text is checked once, so that nothing in it need be.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, text: std::str::from_utf8(bytes).ok()?, at: 0, room: ROOM, left: field::ROOM })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no blank.
    fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.peek()? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    pub(super) fn token(&mut self, token: u8) -> Option<()> {
        (self.next_token()? == token).then(|| self.at += 1)
    }

    /// Nothing but blanks is left.
    pub(super) fn end(&mut self) -> Option<()> {
        self.next_token().is_none().then_some(())
    }

    pub(super) fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.next_token()?;
        self.bytes[self.at..].starts_with(literal).then(|| self.at += literal.len())
    }

    /// `{"key":…,…}`; the value of each key is read by `value`.
    pub(super) fn object(&mut self, mut value: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.token(b'{')?;
        if self.next_token()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.plain()?;
            self.token(b':')?;
            value(self, key)?;
            match self.next_token()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// `[…,…]`; each item is read by `item`.
    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token(b'[')?;
        if self.next_token()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next_token()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A text in plain ASCII without escapes.
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.token(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        Some(&rest[..length])
    }

    pub(super) fn text(&mut self, field: &mut Text<'a>) -> Option<()> {
        // A key that comes twice is serde's to judge.
        field.is_missing().then_some(())?;
        let length = self.plain()?.len();
        // Behind it is its closing quote.
        let end = self.at - 1;
        let text = self.text.get(end - length..end)?;
        *field = Field::Read(Cow::Borrowed(text));
        Some(())
    }

    pub(super) fn number(&mut self, field: &mut Number) -> Option<()> {
        field.is_missing().then_some(())?;
        *field = self.number_or_null()?;
        Some(())
    }

    pub(super) fn numbers(&mut self, field: &mut List<Number>) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut all = Vec::with_capacity(64);
        self.array(|scan| {
            scan.take::<Number>()?;
            all.push(scan.number_or_null()?);
            Some(())
        })?;
        *field = Field::Read(all);
        Some(())
    }

    pub(super) fn shape<T: Default>(
        &mut self,
        field: &mut Object<T>,
        mut read: impl FnMut(&mut Self, &mut T, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut value = T::default();
        self.object(|scan, key| read(scan, &mut value, key))?;
        *field = Field::Read(Shape(value));
        Some(())
    }

    pub(super) fn list<T: Default>(
        &mut self,
        field: &mut List<Object<T>>,
        usual: usize,
        mut read: impl FnMut(&mut Self, &mut T, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut all: Vec<Object<T>> = Vec::new();
        self.array(|scan| {
            if all.is_empty() {
                // Room is made ahead for the few lists of a usual body; thousands of tiny ones make their own.
                let room = usual.min(scan.room);
                scan.room -= room;
                all.reserve(room);
            }
            scan.take::<Object<T>>()?;
            // Read where it stays: rows are large.
            all.push(Field::Read(Shape(T::default())));
            let Some(Field::Read(Shape(value))) = all.last_mut() else { return None };
            scan.object(|scan, key| read(scan, value, key))
        })?;
        *field = Field::Read(all);
        Some(())
    }

    /// A table whose keys are not known beforehand.
    pub(super) fn table<T: Default>(
        &mut self,
        field: &mut Field<BTreeMap<String, Object<T>>>,
        mut read: impl FnMut(&mut Self, &mut T, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        field.is_missing().then_some(())?;
        let mut all = BTreeMap::new();
        self.object(|scan, key| {
            // An entry, its key's text, and what the tree needs beside them.
            scan.take::<[(String, Object<T>); 2]>()?;
            let key = std::str::from_utf8(key).ok()?.to_owned();
            let mut value = T::default();
            scan.object(|scan, key| read(scan, &mut value, key))?;
            all.insert(key, Field::Read(Shape(value))).is_none().then_some(())
        })?;
        *field = Field::Read(all);
        Some(())
    }

    pub(super) fn flag(&mut self, field: &mut Flag) -> Option<()> {
        field.is_missing().then_some(())?;
        *field = match self.next_token()? {
            b't' => self.literal(b"true").map(|()| Field::Read(true))?,
            b'f' => self.literal(b"false").map(|()| Field::Read(false))?,
            _ => self.literal(b"null").map(|()| Field::Null)?,
        };
        Some(())
    }

    /// Room for one more item.
    fn take<T>(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(size_of::<T>())?;
        Some(())
    }

    fn number_or_null(&mut self) -> Option<Number> {
        match self.next_token()? {
            b'n' => self.literal(b"null").map(|()| Field::Null),
            _ => self.decimal().map(Field::Read),
        }
    }

    /// Digits, up to the first byte that is none.
    fn digits(&mut self, mut value: u64) -> u64 {
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // Nineteen digits fit; with more the value is not used.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        value
    }

    /// A number as JSON writes it, correctly rounded.
    fn decimal(&mut self) -> Option<f64> {
        let start = self.at;
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let whole_start = self.at;
        let mut value = self.digits(0);
        let whole = self.at - whole_start;
        if whole == 0 || (whole > 1 && self.bytes[whole_start] == b'0') {
            return None;
        }
        let mut fraction = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            let fraction_start = self.at;
            value = self.digits(value);
            fraction = self.at - fraction_start;
            if fraction == 0 {
                return None;
            }
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek()?, b'+' | b'-'));
            let exponent_start = self.at;
            self.digits(0);
            if self.at == exponent_start {
                return None;
            }
        }
        // Both are exact, so that their quotient is rounded once (Clinger 1990).
        if !has_exponent && whole + fraction <= 19 && value <= 1 << 53 && fraction < POWERS.len() {
            let magnitude = value as f64 / POWERS[fraction];
            return Some(if is_negative { -magnitude } else { magnitude });
        }
        self.text.get(start..self.at)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Any value that is not wanted.
    pub(super) fn skip(&mut self, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.next_token()? {
            b'"' => self.plain().map(drop),
            b'{' => self.object(|scan, _| scan.skip(depth + 1)),
            b'[' => self.array(|scan| scan.skip(depth + 1)),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.skip_number(),
        }
    }

    /// A number that is not wanted; how large it is does not matter.
    fn skip_number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek()? == b'-');
        let start = self.at;
        let whole = self.count_digits();
        if whole == 0 || (whole > 1 && self.bytes[start] == b'0') {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            (self.count_digits() > 0).then_some(())?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek()?, b'+' | b'-'));
            (self.count_digits() > 0).then_some(())?;
        }
        Some(())
    }

    fn count_digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn number(text: &str) -> Option<f64> {
        let mut scan = Scan::of(text.as_bytes())?;
        scan.decimal().filter(|_| scan.at == text.len())
    }

    #[test]
    fn numbers_are_those_of_serde_to_the_last_bit() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 11
        };
        for _ in 0..200_000 {
            let text = match next() % 5 {
                0 => format!("{}", next() as i64 - (1 << 52)),
                1 => format!("{}.{:02}", next() % 10_000, next() % 100),
                2 => format!("{}", f64::from_bits(next() << 11)),
                3 => format!("{:e}", f64::from_bits(next() << 11 | next())),
                _ => format!("-0.{}", next()),
            };
            let serde: Option<f64> = serde_json::from_str(&text).ok();
            assert_eq!(number(&text).map(f64::to_bits), serde.filter(|n| n.is_finite()).map(f64::to_bits), "{text}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1e999", "0x1", "NaN", "--1", "1 "] {
            assert_eq!(number(bad), None, "{bad}");
        }
        for text in
            ["0", "-0", "-0.0", "18446744073709551616", "9007199254740993", "1e-400", "123456789012345678901234567890"]
        {
            assert_eq!(
                number(text).map(f64::to_bits),
                Some(serde_json::from_str::<f64>(text).unwrap().to_bits()),
                "{text}"
            );
        }
    }
}
