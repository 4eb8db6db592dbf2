//! Random draws. Integers only, so that every platform draws the same.

#![expect(clippy::cast_possible_truncation, reason = "small made-up numbers")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An independent stream of draws for each (seed, stream).
pub(super) struct Dice(ChaCha8Rng, u64);

impl Dice {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().zip(seed.to_le_bytes()) {
            *place = byte;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Self(rng, seed)
    }

    /// The seed. It is part of every ID, so that two seeds share none.
    pub(super) fn seed(&self) -> u64 {
        self.1
    }

    /// From 0 to `n` - 1. 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// From `low` to `high`, both included. `low` if `high` is less.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low { low } else { self.0.random_range(low..=high) }
    }

    /// True `rate` times in a hundred.
    pub(super) fn percent(&mut self, rate: u64) -> bool {
        self.per_mille(rate * 10)
    }

    /// True `rate` times in a thousand.
    pub(super) fn per_mille(&mut self, rate: u64) -> bool {
        self.below(1_000) < rate
    }

    /// An entry of a table, which must not be empty.
    pub(super) fn pick<'a, T, const N: usize>(&mut self, table: &'a [T; N]) -> &'a T {
        const { assert!(N > 0) };
        &table[self.below(N as u64) as usize]
    }

    /// An entry of a table by weight. The weights must not all be 0.
    pub(super) fn weighted<'a, T, const N: usize>(&mut self, table: &'a [(T, u64); N]) -> &'a T {
        &table[self.place(&table.each_ref().map(|(_, weight)| *weight))].0
    }

    /// An index by weight. The weights must not all be 0.
    pub(super) fn place<const N: usize>(&mut self, weights: &[u64; N]) -> usize {
        const { assert!(N > 0) };
        let mut left = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        0
    }

    /// 32 hexadecimal digits.
    pub(super) fn hex(&mut self) -> String {
        format!("{:032x}", self.0.random::<u128>())
    }

    /// A size with a heavy tail: mostly 1 to `usual`, in one of four cases several times that, and so on, up to `most`.
    pub(super) fn heavy_tailed(&mut self, usual: u64, most: u64) -> u64 {
        let mut size = 1 + self.below(usual);
        while size < most && self.percent(30) {
            size = size * 2 + self.below(size + 1);
        }
        size.min(most)
    }
}
