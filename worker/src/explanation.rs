//! The blob of explanations a commit carries: JSON, gzipped, one a ticker. What `explain` prints is read from it.
//!
//! Promises: what was packed is unpacked. Refuses: to unpack more than [`MAX_UNPACKED_BYTES`], whatever a damaged or
//! hostile blob claims.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use fleet_core::domain::ContractExplanation;

/// The largest chain known (SPX, about 30,000 rows) unpacks to some 20 MB.
pub const MAX_UNPACKED_BYTES: u64 = 64_000_000;

/// Why a blob was not read.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Not gzip, or cut off.
    #[error("the explanations cannot be unpacked")]
    Compression(#[source] std::io::Error),
    /// More than [`MAX_UNPACKED_BYTES`].
    #[error("the explanations unpack to more than {} MB", MAX_UNPACKED_BYTES / 1_000_000)]
    TooLarge,
    /// Unpacked, and not explanations.
    #[error("the explanations cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Packs the explanations of one ticker. Level 1: this runs once a ticker and is read by people, seldom.
#[must_use]
pub fn pack(explanations: &[ContractExplanation]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let written = serde_json::to_writer(&mut packer, explanations).map_err(std::io::Error::from);
    match written.and_then(|()| packer.flush()).and_then(|()| packer.finish()) {
        Ok(bytes) => bytes,
        // Writing to memory cannot fail, and the domain types hold nothing that JSON cannot.
        Err(error) => {
            tracing::warn!(%error, "explanations were not packed");
            Vec::new()
        }
    }
}

/// Unpacks what [`pack`] packed. No bytes are no explanations (a failed ticker has none).
pub fn unpack(bytes: &[u8]) -> Result<Vec<ContractExplanation>, UnpackError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    GzDecoder::new(bytes).take(MAX_UNPACKED_BYTES + 1).read_to_end(&mut text).map_err(UnpackError::Compression)?;
    if text.len() as u64 > MAX_UNPACKED_BYTES {
        return Err(UnpackError::TooLarge);
    }
    serde_json::from_slice(&text).map_err(UnpackError::Unreadable)
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{ContractQuote, OccSymbol, Price};

    use super::*;

    fn explanation(strike: u32) -> ContractExplanation {
        let symbol = OccSymbol::parse(&format!("AAPL270319C{:08}", strike * 1000)).unwrap();
        let quote = ContractQuote {
            symbol,
            bid: Some(Price::from_units(23_500)),
            ask: None,
            last: None,
            volume: Some(3),
            open_interest: None,
            vendor_iv: None,
        };
        ContractExplanation {
            quote,
            place: "gate:spread".to_owned(),
            gate: None,
            iv: Some(0.25),
            delta: None,
            strategies: Vec::new(),
        }
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let explanations: Vec<_> = (1..500).map(explanation).collect();
        let packed = pack(&explanations);
        assert!(packed.len() < 20_000, "{} bytes", packed.len());
        assert_eq!(unpack(&packed).unwrap(), explanations);
        assert_eq!(unpack(&pack(&[])).unwrap(), []);
        assert_eq!(unpack(&[]).unwrap(), []);
    }

    #[test]
    fn damaged_blobs_are_refused_at_every_length() {
        let packed = pack(&[explanation(1), explanation(2)]);
        for len in 1..packed.len() {
            assert!(unpack(&packed[..len]).is_err(), "{len} of {} bytes were taken", packed.len());
        }
        assert!(matches!(unpack(b"no gzip at all"), Err(UnpackError::Compression(_))));
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        let spaces = vec![b' '; 1_000_000];
        for _ in 0..70 {
            packer.write_all(&spaces).unwrap();
        }
        let bomb = packer.finish().unwrap();
        assert!(bomb.len() < 200_000);
        assert!(matches!(unpack(&bomb), Err(UnpackError::TooLarge)));
    }
}
