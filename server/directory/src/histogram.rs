//! Sizes of customers: the number of customers per size, and the largest. Updated with each row, so that queries read neither the
//! database nor all rows.

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::graph::rows::ClusterKey;

/// The most that a query can ask for.
pub const MOST_LARGEST: usize = 200;
/// How many of the largest are kept. Only when fewer than [`MOST_LARGEST`] of them remain, all rows are scanned.
const KEPT: usize = 1_000;

#[derive(Debug, Default)]
pub struct Histogram {
    counts: BTreeMap<u64, usize>,
    largest: BTreeSet<(u64, ClusterKey)>,
    /// An upper bound of all customers that are not in `largest`. `None` if all are.
    bound: Option<(u64, ClusterKey)>,
}

impl Histogram {
    pub(crate) fn put(&mut self, size: u64, key: ClusterKey) {
        *self.counts.entry(size).or_default() += 1;
        self.place(size, key);
    }

    pub(crate) fn remove(&mut self, size: u64, key: ClusterKey) {
        if let Some(count) = self.counts.get_mut(&size) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&size);
            }
        }
        self.largest.remove(&(size, key));
    }

    /// Whether `largest` must be refilled.
    pub(crate) fn is_short(&self) -> bool {
        self.bound.is_some() && self.largest.len() < MOST_LARGEST
    }

    pub(crate) fn refill(&mut self, all: impl Iterator<Item = (u64, ClusterKey)>) {
        self.largest.clear();
        self.bound = None;
        all.for_each(|(size, key)| self.place(size, key));
    }

    /// The number of customers per size, ascending.
    pub fn counts(&self) -> impl Iterator<Item = (u64, usize)> {
        self.counts.iter().map(|(size, count)| (*size, *count))
    }

    /// At most [`MOST_LARGEST`], descending.
    pub fn largest(&self) -> impl Iterator<Item = (u64, ClusterKey)> {
        self.largest.iter().rev().copied().take(MOST_LARGEST)
    }

    fn place(&mut self, size: u64, key: ClusterKey) {
        if self.bound.is_some_and(|bound| (size, key) <= bound) {
            return;
        }
        self.largest.insert((size, key));
        if KEPT < self.largest.len() {
            self.bound = self.largest.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use profile360_core::identifier::UnifiedId;
    use proptest::prelude::*;

    use super::*;

    fn key(number: u16) -> ClusterKey {
        ClusterKey(UnifiedId(uuid::Uuid::from_u128(number.into())))
    }

    proptest! {
        #[test]
        fn counts_and_the_largest_agree_with_sorting_all(
            steps in prop::collection::vec((0..1_400_u16, prop::option::weighted(0.6, 0..300_u64)), 0..6_000)
        ) {
            let mut sizes = Histogram::default();
            let mut all: BTreeMap<ClusterKey, u64> = (0..1_200).map(|it| (key(it), u64::from(it % 7))).collect();
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
            let mut sorted: Vec<(u64, ClusterKey)> = all.iter().map(|(key, size)| (*size, *key)).collect();
            sorted.sort_unstable_by(|one, other| other.cmp(one));
            sorted.truncate(MOST_LARGEST);
            prop_assert_eq!(sizes.largest().collect::<Vec<_>>(), sorted);
            let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
            all.values().for_each(|size| *counts.entry(*size).or_default() += 1);
            prop_assert_eq!(sizes.counts().collect::<Vec<_>>(), counts.into_iter().collect::<Vec<_>>());
        }
    }
}
