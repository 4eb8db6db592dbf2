//! The format of segments of SurrealKV's write-ahead log (0.21.4). Works on bytes, without I/O.
//!
//! A segment is a sequence of blocks. A commit is one record, in one fragment or, across blocks, in several. A fragment is a
//! checksum, a length, a type and bytes. If less than the head of a fragment fits into a block, the rest of it is padding.

#[cfg(test)]
mod tests;

use std::ops::Range;

const BLOCK: usize = 32 * 1024;
const HEAD: usize = 7;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// The only supported version of the commit format.
const COMMIT_VERSION: u8 = 1;

/// A part of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Commit(Committed),
    /// Bytes that are no commit: an unfinished one, or damage.
    Unreadable(Range<usize>),
}

/// A commit in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// The sequence number of its first entry. Entries of the database are numbered without gaps.
    pub first: u64,
    pub n_entries: u64,
    /// The encoded record from the number of entries on.
    rest: Vec<u8>,
}

impl Committed {
    fn decode(record: &[u8]) -> Option<Self> {
        let (version, rest) = record.split_first()?;
        let (first, rest) = decode_number(rest)?;
        let (n_entries, _) = decode_number(rest)?;
        (*version == COMMIT_VERSION).then(|| Self { first, n_entries, rest: rest.to_vec() })
    }

    /// The first sequence number of the next commit.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.n_entries.max(1))
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.rest.len()
    }

    /// A commit with that many entries and bytes.
    #[cfg(test)]
    pub(super) fn sample(first: u64, n_entries: u64, n_bytes: usize) -> Self {
        let mut rest = Vec::new();
        encode_number(n_entries, &mut rest);
        rest.extend((0..n_bytes).map(|byte| u8::try_from(byte % 251).unwrap_or(0)));
        Self { first, n_entries, rest }
    }

    fn encode(&self, first: u64) -> Vec<u8> {
        let mut record = vec![COMMIT_VERSION];
        encode_number(first, &mut record);
        record.extend_from_slice(&self.rest);
        record
    }
}

/// Parses a segment.
#[derive(Debug)]
pub(super) struct Pieces<'b> {
    bytes: &'b [u8],
    at: usize,
    /// The commit that ends an unreadable range, and its end.
    found: Option<(Committed, usize)>,
}

impl<'b> Pieces<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, found: None }
    }

    /// The commit at a position, and its end. `Ok(None)` at the end of the segment.
    fn commit_at(&self, position: usize) -> Result<Option<(Committed, usize)>, Broken> {
        let mut record = Vec::new();
        // The record can be empty after the first fragment, if only its head fits into the block.
        let mut is_first = true;
        let mut at = position;
        loop {
            let left_in_block = BLOCK - at % BLOCK;
            if left_in_block < HEAD {
                at += left_in_block;
            }
            if self.bytes.len() <= at {
                return if is_first { Ok(None) } else { Err(Broken) };
            }
            let block_end = self.bytes.len().min(at - at % BLOCK + BLOCK);
            let (head, rest) = self.bytes[at..block_end].split_at_checked(HEAD).ok_or(Broken)?;
            let checksum = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
            let kind = head[6];
            let is_next = match kind {
                FULL | FIRST => is_first,
                MIDDLE | LAST => !is_first,
                _ => false,
            };
            let fragment = rest.get(..length).filter(|_| is_next).ok_or(Broken)?;
            if checksum_of(kind, fragment) != checksum {
                return Err(Broken);
            }
            record.extend_from_slice(fragment);
            at += HEAD + length;
            if matches!(kind, FULL | LAST) {
                return Committed::decode(&record).map(|commit| Some((commit, at))).ok_or(Broken);
            }
            is_first = false;
        }
    }
}

/// There is no complete commit.
struct Broken;

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if let Some((commit, end)) = self.found.take() {
            self.at = end;
            return Some(Piece::Commit(commit));
        }
        match self.commit_at(self.at) {
            Ok(None) => None,
            Ok(Some((commit, end))) => {
                self.at = end;
                Some(Piece::Commit(commit))
            }
            Err(Broken) => {
                let from = self.at;
                let n_bytes = self.bytes.len();
                let found = (from + 1..n_bytes).find_map(|position| {
                    let starts = self.bytes.get(position + HEAD - 1).is_some_and(|kind| matches!(*kind, FULL | FIRST));
                    let fits = HEAD <= BLOCK - position % BLOCK;
                    let commit = (starts && fits).then(|| self.commit_at(position)).and_then(Result::ok).flatten();
                    commit.map(|commit| (position, commit))
                });
                let until = found.as_ref().map_or(n_bytes, |(position, _)| *position);
                self.found = found.map(|(_, commit)| commit);
                self.at = until;
                Some(Piece::Unreadable(from..until))
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct SegmentWriter {
    bytes: Vec<u8>,
}

impl SegmentWriter {
    /// Adds a commit, with its entries renumbered from `first`.
    pub(super) fn add(&mut self, commit: &Committed, first: u64) {
        let record = commit.encode(first);
        let mut rest = record.as_slice();
        let mut is_first = true;
        while is_first || !rest.is_empty() {
            let left_in_block = BLOCK - self.bytes.len() % BLOCK;
            if left_in_block < HEAD {
                self.bytes.resize(self.bytes.len() + left_in_block, 0);
            }
            let room = BLOCK - self.bytes.len() % BLOCK - HEAD;
            let (fragment, after) = rest.split_at(rest.len().min(room));
            let kind = match (is_first, after.is_empty()) {
                (true, true) => FULL,
                (true, false) => FIRST,
                (false, false) => MIDDLE,
                (false, true) => LAST,
            };
            // Never saturates: a block is shorter than `u16::MAX`.
            let length = u16::try_from(fragment.len()).unwrap_or(u16::MAX);
            self.bytes.extend_from_slice(&checksum_of(kind, fragment).to_be_bytes());
            self.bytes.extend_from_slice(&length.to_be_bytes());
            self.bytes.push(kind);
            self.bytes.extend_from_slice(fragment);
            rest = after;
            is_first = false;
        }
    }

    /// Appends to existing bytes, as the engine does.
    #[cfg(test)]
    pub(super) fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

fn checksum_of(kind: u8, fragment: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(fragment);
    hasher.finalize()
}

/// Decodes a LEB128 number.
fn decode_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (position, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * position).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[position + 1..]));
        }
    }
    None
}

fn encode_number(mut number: u64, into: &mut Vec<u8>) {
    while 0x80 <= number {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}
