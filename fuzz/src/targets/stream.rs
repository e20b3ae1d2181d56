//! Bytes as a stream of small decisions. It never ends: what is missing is zero.

/// The rest of the bytes.
pub struct Stream<'a>(pub &'a [u8]);

impl Stream<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of `n` choices, at most 256 of them.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn yes(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        f64::from(self.short()) / f64::from(u16::MAX)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
