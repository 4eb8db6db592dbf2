//! A sorted sequence of slots, in blocks, so that changes and pages do not shift or read all slots.

use std::{cmp::Ordering, ops::Range};

/// The maximum number of slots in a block. A full block is split.
const BLOCK: usize = 512;

/// Slots in an order. The caller provides the comparison of a slot with the one that is inserted, removed or looked up.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Never empty ones.
    blocks: Vec<Vec<u32>>,
    len: usize,
}

impl Order {
    pub(super) fn from_sorted(slots: &[u32]) -> Self {
        // Not full: otherwise the first insertion would split each.
        let blocks = slots.chunks(BLOCK * 7 / 8).map(<[u32]>::to_vec).collect();
        Self { blocks, len: slots.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Inserts a slot. `compare` compares another slot with it.
    pub(super) fn insert(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        self.len += 1;
        let (number, place) = self.place(|it| compare(it).is_lt());
        let Some(block) = self.blocks.get_mut(number) else {
            return self.blocks.push(vec![slot]);
        };
        block.insert(place, slot);
        if BLOCK <= block.len() {
            let rest = block.split_off(BLOCK / 2);
            self.blocks.insert(number + 1, rest);
        }
    }

    /// Removes a slot. `compare` compares another slot with it, and is equal for the slot only.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        let (number, place) = self.place(|it| compare(it).is_lt());
        let Some(block) = self.blocks.get_mut(number).filter(|it| it.get(place) == Some(&slot)) else { return };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(number);
        }
    }

    /// The number of slots that are before a place.
    pub(super) fn rank(&self, is_before: impl Fn(u32) -> bool) -> usize {
        let (number, place) = self.place(is_before);
        self.blocks.iter().take(number).map(Vec::len).sum::<usize>() + place
    }

    /// The block of the first slot that is not before, and the place in it. The end of the last block if all are before.
    fn place(&self, is_before: impl Fn(u32) -> bool) -> (usize, usize) {
        let number = self.blocks.partition_point(|block| block.last().is_some_and(|slot| is_before(*slot)));
        match self.blocks.get(number) {
            Some(block) => (number, block.partition_point(|it| is_before(*it))),
            None => (number.saturating_sub(1), self.blocks.last().map_or(0, Vec::len)),
        }
    }

    /// The slots of those ranks, forwards.
    pub(super) fn forwards(&self, ranks: Range<usize>) -> impl Iterator<Item = u32> {
        let (number, place) = self.block_of(ranks.start);
        let blocks = self.blocks.get(number..).unwrap_or_default();
        blocks.iter().flatten().copied().skip(place).take(ranks.len())
    }

    /// The slots of those ranks, backwards.
    pub(super) fn backwards(&self, ranks: Range<usize>) -> impl Iterator<Item = u32> {
        let (number, place) = self.block_of(ranks.end);
        let (whole, part) = self.blocks.split_at(number.min(self.blocks.len()));
        let part = part.first().and_then(|it| it.get(..place)).unwrap_or_default();
        part.iter().rev().chain(whole.iter().rev().flat_map(|block| block.iter().rev())).copied().take(ranks.len())
    }

    /// The block of a rank, and the place in it.
    fn block_of(&self, rank: usize) -> (usize, usize) {
        let mut left = rank;
        for (number, block) in self.blocks.iter().enumerate() {
            if left < block.len() {
                return (number, left);
            }
            left -= block.len();
        }
        (self.blocks.len(), 0)
    }
}

#[cfg(test)]
mod tests;
