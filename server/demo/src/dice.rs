//! Draws: integers only, so that every platform throws the same.

#![expect(clippy::cast_possible_truncation, reason = "small made-up numbers")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws of its own for each (seed, stream), and the seed.
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

    /// The seed, which is a part of every ID, so that no two seeds share one.
    pub(super) fn seed(&self) -> u64 {
        self.1
    }

    /// From 0 to `n` - 1; 0 where `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// From `low` to `high`, both of them included; `low` where `high` is less.
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

    /// One of a table, which is never empty.
    pub(super) fn pick<'a, T, const N: usize>(&mut self, table: &'a [T; N]) -> &'a T {
        const { assert!(N > 0) };
        &table[self.below(N as u64) as usize]
    }

    /// One of a table, as often as its weight says; the weights are not all 0.
    pub(super) fn weighted<'a, T, const N: usize>(&mut self, table: &'a [(T, u64); N]) -> &'a T {
        &table[self.place(&table.each_ref().map(|(_, weight)| *weight))].0
    }

    /// The place of one of some weights, which are not all 0.
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

    /// Sizes with a heavy tail: 1 to `usual` mostly, several times that in one of four cases, and so on; `most` at most.
    pub(super) fn heavy_tailed(&mut self, usual: u64, most: u64) -> u64 {
        let mut size = 1 + self.below(usual);
        while size < most && self.percent(30) {
            size = size * 2 + self.below(size + 1);
        }
        size.min(most)
    }
}
