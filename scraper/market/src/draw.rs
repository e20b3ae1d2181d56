//! Chance, keyed. Every draw of the simulated market is a function of (seed, what it is for), so that any instant of
//! any contract can be computed without computing the others, and always comes out the same.
//!
//! Streams (names, parameters, daily paths) come from `rand_chacha`; single draws that must be reachable in any order
//! (the volume of one contract in one session) come from SplitMix64's finaliser, which is a counter-based generator.
//! Normals are Irwin–Hall sums: bounded at ±3.46, so no draw can break a price, and without a transcendental function,
//! so the bits are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A key for one more word, well mixed (SplitMix64, Steele, Lea and Flood 2014).
pub(crate) const fn mix(key: u64, word: u64) -> u64 {
    let mut z = key ^ word.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A key for a text under a key (FNV-1a, then mixed).
pub(crate) fn key(under: u64, text: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    mix(under, hash)
}

/// Uniform in [0, 1).
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Standard normal, nearly: the sum of four uniforms, scaled to variance 1.
pub(crate) fn normal(bits: u64) -> f64 {
    let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
    // Mean of the sum 2 × 65535, variance of one part (65536² − 1)/12.
    (sum as f64 - 131_070.0) / 37_837.2
}

/// A stream of draws for one purpose.
pub(crate) fn stream(key: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(key)
}

/// The next standard normal of a stream.
pub(crate) fn next_normal(rng: &mut ChaCha8Rng) -> f64 {
    normal(rng.next_u64())
}

/// The next uniform of a stream between two numbers.
pub(crate) fn next_between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(rng.next_u64())
}

/// The next choice of a stream among `n` > 0.
pub(crate) fn next_below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((unit(rng.next_u64()) * n as f64) as usize).min(n.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|i| normal(mix(7, i))).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.04, "variance {variance}");
    }

    #[test]
    fn a_key_depends_on_every_word() {
        assert_ne!(key(1, "AB"), key(1, "BA"));
        assert_ne!(key(1, "AB"), key(2, "AB"));
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
