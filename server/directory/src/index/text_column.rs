//! Short texts by slot, contiguous in memory, so that a scan reads it sequentially.

use memchr::memmem::Finder;

/// Slots per block.
const BLOCK: usize = SLOTS_OF_BLOCK as usize;
const SLOTS_OF_BLOCK: u32 = 256;

/// One text per slot.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// The end of the text of each slot. Texts can be empty.
    ends: Vec<u32>,
}

impl TextColumn {
    /// Sets the text of a slot. The texts of a block may have 4 GiB in total, far more than names and addresses need.
    pub(super) fn set(&mut self, slot: u32, text: &str) {
        let (number, place) = place(slot);
        if self.blocks.len() <= number {
            if text.is_empty() {
                return;
            }
            self.blocks.resize_with(number + 1, Block::default);
        }
        if let Some(block) = self.blocks.get_mut(number) {
            block.set(place, text.as_bytes());
        }
    }

    pub(super) fn text(&self, slot: u32) -> &str {
        // Only valid UTF-8 is stored.
        std::str::from_utf8(self.bytes(slot)).unwrap_or_default()
    }

    pub(super) fn bytes(&self, slot: u32) -> &[u8] {
        let (number, place) = place(slot);
        self.blocks.get(number).map(|it| it.text(place)).unwrap_or_default()
    }

    /// Calls `found` for each slot whose text contains `needle`, ascending.
    pub(super) fn scan(&self, needle: &[u8], mut found: impl FnMut(u32)) {
        let finder = Finder::new(needle);
        let mut first_slot = 0_u32;
        for block in &self.blocks {
            let mut from = 0;
            let mut place = 0;
            while let Some(at) = block.bytes.get(from..).and_then(|it| finder.find(it)) {
                let at = from + at;
                while block.end(place) <= at {
                    place += 1;
                }
                found(first_slot + u32::try_from(place).unwrap_or(u32::MAX));
                from = block.end(place);
            }
            first_slot += SLOTS_OF_BLOCK;
        }
    }
}

impl Block {
    fn set(&mut self, place: usize, text: &[u8]) {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if self.ends.len() <= place {
            self.ends.resize(place + 1, length);
        }
        let (start, end) = (self.start(place), self.end(place));
        self.bytes.splice(start..end, text.iter().copied());
        let (before, now) = (end - start, text.len());
        for it in self.ends.iter_mut().skip(place) {
            // Never saturates in practice.
            let moved = *it as usize + now - before;
            *it = u32::try_from(moved).unwrap_or(u32::MAX);
        }
    }

    fn text(&self, place: usize) -> &[u8] {
        let end = self.ends.get(place).map_or(0, |it| *it as usize);
        self.bytes.get(self.start(place)..end).unwrap_or_default()
    }

    fn start(&self, place: usize) -> usize {
        if place == 0 { 0 } else { self.end(place - 1) }
    }

    fn end(&self, place: usize) -> usize {
        self.ends.get(place).map_or(self.bytes.len(), |it| *it as usize)
    }
}

fn place(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / BLOCK, slot % BLOCK)
}

#[cfg(test)]
mod tests;
