//! Numbers that look random and follow from a seed: the same on every machine. (SplitMix64's finaliser, by Sebastiano
//! Vigna, over seed, counter and purpose.)

use std::time::Duration;

use crate::resource::ResourceId;

/// A number from a seed, a counter and a purpose.
#[must_use]
pub const fn mix(seed: u64, counter: u64, purpose: u64) -> u64 {
    finish(finish(finish(seed).wrapping_add(counter)).wrapping_add(purpose))
}

const fn finish(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A time between two, both included, to the microsecond.
#[must_use]
pub fn between(number: u64, least: Duration, most: Duration) -> Duration {
    let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX);
    least + Duration::from_micros(number % span.saturating_add(1).max(1))
}

/// An id such as AWS gives: ten letters and digits.
#[must_use]
pub fn id(seed: u64, counter: u64) -> ResourceId {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = mix(seed, counter, 0);
    let digits = (0..10).map(|_| {
        let digit = DIGITS[(rest % 36) as usize];
        rest /= 36;
        char::from(digit)
    });
    ResourceId(digits.collect())
}
