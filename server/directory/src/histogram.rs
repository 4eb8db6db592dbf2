//! How large customers are: how many there are of each size, and who is largest. Kept in step with each row, so that a question
//! reads neither the base nor all rows.

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::graph::rows::CellKey;

/// The most that can be asked for.
pub const MOST_LARGEST: usize = 200;
/// How many of the largest are known by name. Only when so many have left that a question could not be answered, all rows are
/// looked at once.
const KEPT: usize = 1_000;

#[derive(Debug, Default)]
pub struct Histogram {
    counts: BTreeMap<u64, usize>,
    largest: BTreeSet<(u64, CellKey)>,
    /// Whoever is not among the largest is no larger than this; none where all are among them.
    bar: Option<(u64, CellKey)>,
}

impl Histogram {
    pub(crate) fn put(&mut self, size: u64, key: CellKey) {
        *self.counts.entry(size).or_default() += 1;
        self.place(size, key);
    }

    pub(crate) fn remove(&mut self, size: u64, key: CellKey) {
        if let Some(count) = self.counts.get_mut(&size) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&size);
            }
        }
        self.largest.remove(&(size, key));
    }

    /// Whether the largest have to be looked for among all.
    pub(crate) fn is_short(&self) -> bool {
        self.bar.is_some() && self.largest.len() < MOST_LARGEST
    }

    pub(crate) fn refill(&mut self, all: impl Iterator<Item = (u64, CellKey)>) {
        self.largest.clear();
        self.bar = None;
        all.for_each(|(size, key)| self.place(size, key));
    }

    /// How many customers there are of each size, smallest first.
    pub fn counts(&self) -> impl Iterator<Item = (u64, usize)> {
        self.counts.iter().map(|(size, count)| (*size, *count))
    }

    /// The largest first; at most [`MOST_LARGEST`].
    pub fn largest(&self) -> impl Iterator<Item = (u64, CellKey)> {
        self.largest.iter().rev().copied().take(MOST_LARGEST)
    }

    fn place(&mut self, size: u64, key: CellKey) {
        if self.bar.is_some_and(|bar| (size, key) <= bar) {
            return;
        }
        self.largest.insert((size, key));
        if KEPT < self.largest.len() {
            self.bar = self.largest.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use profile360_core::identifier::UnifiedId;
    use proptest::prelude::*;

    use super::*;

    fn key(number: u16) -> CellKey {
        CellKey(UnifiedId(uuid::Uuid::from_u128(number.into())))
    }

    proptest! {
        /// Whatever comes and goes, they are what sorting everyone would say.
        #[test]
        fn the_largest_are_the_largest(
            steps in prop::collection::vec((0..1_400_u16, prop::option::weighted(0.6, 0..300_u64)), 0..6_000)
        ) {
            let mut sizes = Histogram::default();
            let mut all: BTreeMap<CellKey, u64> = (0..1_200).map(|it| (key(it), u64::from(it % 7))).collect();
            all.iter().for_each(|(key, size)| sizes.put(*size, *key));
            for (number, size) in steps {
                let key = key(number);
                if let Some(before) = all.remove(&key) {
                    sizes.remove(before, key);
                }
                if let Some(size) = size {
                    all.insert(key, size);
                    sizes.put(size, key);
                }
                if sizes.is_short() {
                    sizes.refill(all.iter().map(|(key, size)| (*size, *key)));
                }
            }
            let mut sorted: Vec<(u64, CellKey)> = all.iter().map(|(key, size)| (*size, *key)).collect();
            sorted.sort_unstable_by(|one, other| other.cmp(one));
            sorted.truncate(MOST_LARGEST);
            prop_assert_eq!(sizes.largest().collect::<Vec<_>>(), sorted);
            let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
            all.values().for_each(|size| *counts.entry(*size).or_default() += 1);
            prop_assert_eq!(sizes.counts().collect::<Vec<_>>(), counts.into_iter().collect::<Vec<_>>());
        }
    }
}
