//! Chance for experiments: SplitMix64 (Steele, Lea and Flood 2014), and normals by Box and Muller. Seeded, and the same on
//! every machine but for the last bits of a logarithm.

/// A stream of draws.
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        // One step apart, seeds 1 and 2 would give nearly the same stream.
        let mut chance = Self(seed);
        Self(chance.bits() ^ seed.rotate_left(32))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * libm::log(self.uniform())).sqrt() * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}
