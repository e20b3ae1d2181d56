//! The W3C trace context of a task: which trace its processing belongs to, and whose child it is.
//!
//! Nothing is drawn at random: a scan is one trace for all its launches, a publication one span of it. So a relaunched
//! coordinator, and a worker that got the task twice, speak of the same trace.

use std::fmt;

use sha2::{Digest, Sha256};

use super::scan::ScanId;
use super::task::Task;

/// Trace and parent span, as in the header `traceparent` (W3C Trace Context, version 00).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: [u8; 16],
    parent: [u8; 8],
}

impl TraceContext {
    /// The name of the header that carries it.
    pub const HEADER: &str = "traceparent";

    /// That of one publication of a task: its trace is the scan, its parent the publication.
    #[must_use]
    pub fn of_task(task: &Task, round: u32) -> Self {
        Self { trace: trace_of(&task.scan), parent: first(&Sha256::digest(task.message_id(round))) }
    }

    /// Reads a header. `None`: not of version 00, or not well formed (all-zero ids are not).
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() || flags.len() != 2 || !flags.bytes().all(is_hex) {
            return None;
        }
        let read = Self { trace: bytes(trace)?, parent: bytes(parent)? };
        (read.trace != [0; 16] && read.parent != [0; 8]).then_some(read)
    }

    /// The trace id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The parent's span id, 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> String {
        hex(&self.parent)
    }
}

/// The header's value; always sampled, because one event a ticker is all there is.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace_id(), self.parent_id())
    }
}

fn trace_of(scan: &ScanId) -> [u8; 16] {
    first(&Sha256::digest(format!("scan {scan}")))
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    // All zeroes would be no id; a digest that begins so has never been seen.
    out[N - 1] |= u8::from(out == [0; N]);
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower-case only, as the standard wants it.
fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::ticker::Ticker;
    use super::*;

    fn task(scan: &str, ticker: &str) -> Task {
        Task { scan: ScanId::parse(scan).unwrap(), ticker: Ticker::parse(ticker).unwrap() }
    }

    #[test]
    fn a_header_is_read_back() {
        let written = TraceContext::of_task(&task("x-20261120-1000", "BRK.B"), 3);
        assert_eq!(TraceContext::parse(&written.to_string()), Some(written));
    }

    #[test]
    fn a_scan_is_one_trace_and_a_publication_one_span() {
        let aapl = TraceContext::of_task(&task("x-1", "AAPL"), 0);
        let again = TraceContext::of_task(&task("x-1", "AAPL"), 1);
        let other = TraceContext::of_task(&task("x-2", "AAPL"), 0);
        assert_eq!(aapl.trace_id(), again.trace_id());
        assert_ne!(aapl.parent_id(), again.parent_id());
        assert_ne!(aapl.trace_id(), other.trace_id());
    }

    #[test]
    fn what_is_no_header_is_not_read() {
        let right = TraceContext::of_task(&task("x-1", "AAPL"), 0).to_string();
        let zeroes = format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16));
        let long = format!("{right}-00");
        for wrong in ["", "00", &right[..54], &right.replace("00-", "ff-"), &right.to_uppercase(), &zeroes, &long] {
            // (Upper case differs only where there is a letter among the digits.)
            assert!(TraceContext::parse(wrong).is_none() || *wrong == right, "{wrong} was read");
        }
    }
}
