//! A session's summary in few bytes: a store keeps some 280 of each of thousands of underlyings, and a worker reads all
//! of one underlying's for each ticker. As JSON they would take four times the room, and most of a millisecond to read.
//!
//! ```text
//! 1 byte    version
//! 8 bytes   as_of, microseconds since 1970, two's complement, most significant byte first: at this place in every version
//! 4 bytes   session, the number yyyymmdd
//! 1 byte    which of the optional numbers follow: bits of PRESENT
//! 8 bytes   each of spot, iv30, skew_25, term_slope that is there (IEEE 754 binary64)
//! 1 to 10   call_volume, put_volume, then each open interest that is there (LEB128)
//! ```

use jiff::Timestamp;
use jiff::civil::Date;

use super::WireError;
use crate::domain::SessionSummary;

/// The version this code writes, and the newest it reads.
const VERSION: u8 = 1;
/// Its name in errors.
const NAME: &str = "session summary";
/// Bits of what is there, in the order in which it follows.
const PRESENT: [u8; 6] = [1, 2, 4, 8, 16, 32];

/// Writes a summary. Its instant is kept to the microsecond; a number that is none (NaN, infinite) is missing.
#[must_use]
pub fn pack_summary(summary: &SessionSummary) -> Vec<u8> {
    let SessionSummary {
        session,
        as_of,
        spot,
        iv30,
        skew_25,
        term_slope,
        call_volume,
        put_volume,
        call_open_interest,
        put_open_interest,
    } = summary;
    let numbers = [spot, iv30, skew_25, term_slope].map(|number| number.filter(|number| number.is_finite()));
    let open = [call_open_interest, put_open_interest];
    let is_there = numbers.iter().map(Option::is_some).chain(open.iter().map(|count| count.is_some()));
    let present = PRESENT.iter().zip(is_there).filter(|(_, there)| *there).fold(0, |bits, (bit, _)| bits | bit);
    let mut bytes = Vec::with_capacity(64);
    bytes.push(VERSION);
    bytes.extend(as_of.as_microsecond().to_be_bytes());
    bytes.extend(day_number(*session).to_be_bytes());
    bytes.push(present);
    for number in numbers.into_iter().flatten() {
        bytes.extend(number.to_be_bytes());
    }
    for count in [Some(*call_volume), Some(*put_volume)].into_iter().chain(open.into_iter().copied()).flatten() {
        put_count(&mut bytes, count);
    }
    bytes
}

/// Reads a summary; a newer version is refused before anything else is looked at.
pub fn unpack_summary(bytes: &[u8]) -> Result<SessionSummary, WireError> {
    match bytes.first() {
        Some(&found) if found > VERSION => {
            Err(WireError::Newer { what: NAME, found: found.into(), known: VERSION.into() })
        }
        Some(&VERSION) => read(&bytes[1..]).ok_or(WireError::Damaged { what: NAME }),
        Some(_) | None => Err(WireError::Damaged { what: NAME }),
    }
}

fn read(bytes: &[u8]) -> Option<SessionSummary> {
    let mut rest = bytes;
    let as_of = Timestamp::from_microsecond(i64::from_be_bytes(take(&mut rest)?)).ok()?;
    let session = day_of(u32::from_be_bytes(take(&mut rest)?))?;
    let [present] = take(&mut rest)?;
    if present >= 64 {
        return None;
    }
    let is_there = |nth: usize| present & PRESENT[nth] != 0;
    let mut number = |nth| -> Option<Option<f64>> {
        if !is_there(nth) {
            return Some(None);
        }
        let number = f64::from_be_bytes(take(&mut rest)?);
        number.is_finite().then_some(Some(number))
    };
    let (spot, iv30, skew_25, term_slope) = (number(0)?, number(1)?, number(2)?, number(3)?);
    let (call_volume, put_volume) = (take_count(&mut rest)?, take_count(&mut rest)?);
    let mut open =
        |nth| -> Option<Option<u64>> { if is_there(nth) { take_count(&mut rest).map(Some) } else { Some(None) } };
    let (call_open_interest, put_open_interest) = (open(4)?, open(5)?);
    rest.is_empty().then_some(SessionSummary {
        session,
        as_of,
        spot,
        iv30,
        skew_25,
        term_slope,
        call_volume,
        put_volume,
        call_open_interest,
        put_open_interest,
    })
}

/// `yyyymmdd`; no session is before year 1.
fn day_number(day: Date) -> u32 {
    let part = |number: i64| u32::try_from(number).unwrap_or(0);
    part(day.year().into()) * 10_000 + part(day.month().into()) * 100 + part(day.day().into())
}

fn day_of(number: u32) -> Option<Date> {
    let year = i16::try_from(number / 10_000).ok()?;
    let month = i8::try_from(number / 100 % 100).ok()?;
    let day = i8::try_from(number % 100).ok()?;
    Date::new(year, month, day).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn put_count(bytes: &mut Vec<u8>, mut count: u64) {
    while count >= 128 {
        bytes.push((count & 127) as u8 | 128);
        count >>= 7;
    }
    bytes.push(count as u8);
}

/// The shortest spelling only, so that a value has one.
fn take_count(rest: &mut &[u8]) -> Option<u64> {
    let mut count = 0_u64;
    for nth in 0..10 {
        let [byte] = take(rest)?;
        let bits = u64::from(byte & 127);
        count |= bits.checked_shl(7 * nth).filter(|shifted| shifted >> (7 * nth) == bits)?;
        if byte < 128 {
            return (byte > 0 || nth == 0).then_some(count);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn full() -> SessionSummary {
        SessionSummary {
            session: date(2026, 11, 20),
            as_of: "2026-11-20T15:00:00.123456Z".parse().unwrap(),
            spot: Some(401.25),
            iv30: Some(0.412_345_678_901_234_5),
            skew_25: Some(-0.015),
            term_slope: Some(0.97),
            call_volume: 812_345,
            put_volume: 0,
            call_open_interest: Some(4_123_456),
            put_open_interest: Some(127),
        }
    }

    fn bare() -> SessionSummary {
        SessionSummary {
            spot: None,
            iv30: None,
            skew_25: None,
            term_slope: None,
            call_open_interest: None,
            put_open_interest: None,
            ..full()
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Golden: what one version wrote, every later one must read.
    #[test]
    fn the_bytes_are_these() {
        // Made by another program from the description above.
        let want = "01000660b67f86de40013529003f\
                    40791400000000003fda63df2161c628bf8eb851eb851eb83fef0a3d70a3d70a\
                    b9ca3100c0d6fb017f";
        assert_eq!(hex(&pack_summary(&full())), want);
        assert_eq!(hex(&pack_summary(&bare())), "01000660b67f86de400135290000b9ca3100");
    }

    #[test]
    fn what_was_packed_is_read_and_takes_little_room() {
        let largest = SessionSummary { call_volume: u64::MAX, ..full() };
        let negative = SessionSummary { as_of: "1969-12-31T23:59:59.5Z".parse().unwrap(), ..bare() };
        for summary in [full(), bare(), negative, SessionSummary { put_open_interest: None, spot: None, ..full() }] {
            let packed = pack_summary(&summary);
            assert_eq!(unpack_summary(&packed).unwrap(), summary);
            // A Redis hash is kept tightly while none of its values is longer.
            assert!(packed.len() <= 64, "{} bytes", packed.len());
        }
        assert_eq!(unpack_summary(&pack_summary(&largest)).unwrap().call_volume, u64::MAX);
        let no_number = SessionSummary { iv30: Some(f64::NAN), spot: Some(f64::INFINITY), ..full() };
        let read = unpack_summary(&pack_summary(&no_number)).unwrap();
        assert_eq!((read.iv30, read.spot, read.skew_25), (None, None, full().skew_25));
    }

    #[test]
    fn anything_else_is_refused() {
        let whole = pack_summary(&full());
        for end in 0..whole.len() {
            assert!(matches!(unpack_summary(&whole[..end]), Err(WireError::Damaged { .. })), "{end} bytes were read");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(unpack_summary(&longer).is_err());
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            unpack_summary(&bytes)
        };
        assert!(matches!(with(0, 2), Err(WireError::Newer { found: 2, known: 1, .. })));
        assert!(with(0, 0).is_err());
        assert!(with(12, 0x50).is_err(), "no day 0");
        assert!(with(13, 0xff).is_err(), "bits that mean nothing");
        assert!(with(14, 0x7f).and_then(|_| with(15, 0xff)).is_ok(), "other numbers are numbers");
        let mut nan = whole.clone();
        nan[14..22].copy_from_slice(&f64::NAN.to_be_bytes());
        assert!(unpack_summary(&nan).is_err(), "no number");
        let mut long_zero = pack_summary(&bare());
        long_zero.truncate(long_zero.len() - 1);
        long_zero.extend([0x80, 0x00]);
        assert!(unpack_summary(&long_zero).is_err(), "a second spelling of 0");
        let mut too_large = pack_summary(&bare());
        too_large.truncate(too_large.len() - 1);
        too_large.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(unpack_summary(&too_large).is_err(), "more than 64 bits");
    }
}
