//! A sorted sequence of slots: in blocks, so that neither a change nor a page costs more for what is far away.

use std::{cmp::Ordering, ops::Range};

/// Slots of a block at most; a full one is parted.
const BLOCK: usize = 512;

/// Slots in an order. Whoever calls knows the order: it says how others compare with what is put in, taken out or sought.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// None of them is empty.
    blocks: Vec<Vec<u32>>,
    len: usize,
}

impl Order {
    pub(super) fn from_sorted(slots: &[u32]) -> Self {
        // Not full: the first change would part each.
        let blocks = slots.chunks(BLOCK * 7 / 8).map(<[u32]>::to_vec).collect();
        Self { blocks, len: slots.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts a slot in; `compare` says how another stands to it.
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

    /// Takes a slot out; `compare` says how another stands to it, and that only itself is equal.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        let (number, place) = self.place(|it| compare(it).is_lt());
        let Some(block) = self.blocks.get_mut(number).filter(|it| it.get(place) == Some(&slot)) else { return };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(number);
        }
    }

    /// How many come before a place.
    pub(super) fn rank(&self, is_before: impl Fn(u32) -> bool) -> usize {
        let (number, place) = self.place(is_before);
        self.blocks.iter().take(number).map(Vec::len).sum::<usize>() + place
    }

    /// The block and the place in it of the first slot that is not before; where all are, behind the last of the last block.
    fn place(&self, is_before: impl Fn(u32) -> bool) -> (usize, usize) {
        let number = self.blocks.partition_point(|it| it.last().is_some_and(|it| is_before(*it)));
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
        part.iter().rev().chain(whole.iter().rev().flat_map(|it| it.iter().rev())).copied().take(ranks.len())
    }

    /// In which block a rank is, and where in it.
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
