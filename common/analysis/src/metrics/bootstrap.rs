//! An interval for the mean of numbers that hang together: neighbours overlap, so whole blocks are drawn, not numbers.
//!
//! Promises: no randomness. The draws are a function of a seed that is a hash of the inputs, and of a counter: same
//! inputs, same interval, on any machine and in any order. Refuses, as `None`: too few blocks to say anything.

/// Draws of the whole series. The ends of a 95 % interval are then the 25th mean from either end: their own error is
/// about a tenth of the interval's width.
const DRAWS: usize = 1_000;
/// Means cut off at either end: 2.5 %.
const TAIL: usize = 25;
/// Fewer blocks than this give an interval that is too narrow to be honest.
pub const LEAST_BLOCKS: f64 = 5.0;

/// A 95 % interval of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// 2.5 % of the drawn means are below.
    pub low: f64,
    /// 2.5 % of the drawn means are above.
    pub high: f64,
}

/// Circular block bootstrap (Politis and Romano 1992) of the mean, percentile interval. `None` below [`LEAST_BLOCKS`]
/// blocks, or for a number that is none.
pub fn mean_interval(values: &[f64], block: usize, seed: u64) -> Option<Interval> {
    let n = values.len();
    if block == 0 || (n as f64) < LEAST_BLOCKS * block as f64 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let sums = block_sums(values, block);
    let blocks = n.div_ceil(block);
    let mut counter = 0u64;
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let mut sum = 0.0;
            for _ in 0..blocks {
                sum += sums[below(draw(seed, counter), n)];
                counter += 1;
            }
            sum / (blocks * block) as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some(Interval { low: means[TAIL], high: means[DRAWS - 1 - TAIL] })
}

/// The sum of the block that begins at each place, past the end from the beginning again.
fn block_sums(values: &[f64], block: usize) -> Vec<f64> {
    let n = values.len();
    (0..n).map(|start| (start..start + block).map(|at| values[at % n]).sum()).collect()
}

/// The number of a counter under a seed: SplitMix64's output (Steele, Lea and Flood 2014).
const fn draw(seed: u64, counter: u64) -> u64 {
    let mut x = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A draw as an index below `n`; uneven by less than n/2⁶⁴.
fn below(draw: u64, n: usize) -> usize {
    ((u128::from(draw) * n as u128) >> 64) as usize
}

/// A seed of numbers: FNV-1a over their bits, one way on every machine.
pub fn seed_of(numbers: impl Iterator<Item = f64>) -> u64 {
    numbers
        .flat_map(|number| number.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of mean 0 and variance 1 (uniform), independent of each other.
    fn noise(n: usize, seed: u64) -> Vec<f64> {
        (0..n as u64).map(|i| (draw(seed, i) as f64 / 2f64.powi(64) - 0.5) * 12f64.sqrt()).collect()
    }

    #[test]
    fn the_generators_first_numbers() {
        // The published sequence of SplitMix64 for seed 1234567.
        let first = [0, 1, 2].map(|counter| draw(1_234_567, counter));
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_same_numbers_give_the_same_interval() {
        let values = noise(500, 7);
        let seed = seed_of(values.iter().copied());
        assert_eq!(mean_interval(&values, 5, seed), mean_interval(&values, 5, seed));
        let other = seed_of(values.iter().map(|value| value + 1.0));
        assert_ne!(mean_interval(&values, 5, seed), mean_interval(&values, 5, other));
    }

    #[test]
    fn independent_numbers_have_the_width_of_the_normal_law() {
        // 2 · 1.96/√1000 = .124.
        let interval = mean_interval(&noise(1_000, 3), 1, 11).unwrap();
        let width = interval.high - interval.low;
        assert!((width / 0.124 - 1.0).abs() < 0.1, "{width}");
    }

    #[test]
    fn the_interval_holds_the_mean_about_nineteen_times_in_twenty() {
        let covered = (0..200u64)
            .filter(|seed| {
                let values = noise(200, 1_000 + seed);
                mean_interval(&values, 1, *seed).is_some_and(|i| i.low <= 0.0 && 0.0 <= i.high)
            })
            .count();
        // Of 200 at .95: 190 with a deviation of 3.1.
        assert!((178..=199).contains(&covered), "{covered}");
    }

    #[test]
    fn blocks_see_what_overlap_hides() {
        // Each number repeated ten times: 100 facts, not 1,000. One at a time the interval is √10 too narrow.
        let values: Vec<f64> = noise(100, 5).iter().flat_map(|value| [*value; 10]).collect();
        let width = |block| mean_interval(&values, block, 1).map(|i| i.high - i.low).unwrap();
        let ratio = width(30) / width(1);
        assert!((2.4..3.8).contains(&ratio), "{ratio}");
    }

    #[test]
    fn too_few_blocks_say_nothing() {
        assert_eq!(mean_interval(&noise(49, 1), 10, 1), None);
        assert!(mean_interval(&noise(50, 1), 10, 1).is_some());
        assert_eq!(mean_interval(&noise(49, 1), 0, 1), None);
        assert_eq!(mean_interval(&[f64::NAN; 50], 1, 1), None);
        assert_eq!(mean_interval(&[], 1, 1), None);
    }
}
