//! Splits a stream into blocks of whole lines, so that several cores read them. The lines are those of
//! [`Reader`](super::Reader).

use std::io::{BufRead, Read};

use profile360_core::message::refusal::Refusal;

use super::{MAX_LINE_BYTES, not_utf8, too_long};

/// About how many bytes a block has.
pub const BLOCK_BYTES: usize = 1 << 20;

/// Blocks of whole lines of a stream. Memory is bounded by a block and the longest line.
#[derive(Debug)]
pub struct Blocks<R> {
    inner: R,
    block_bytes: usize,
    /// Why the rest could not be read, said after everything before it.
    failure: Option<std::io::Error>,
}

impl<R: BufRead> Blocks<R> {
    pub fn new(inner: R, block_bytes: usize) -> Self {
        Self { inner, block_bytes, failure: None }
    }

    /// Replaces `block` by the next lines. `false` at the end. Do not call it again after an error.
    ///
    /// # Errors
    ///
    /// Where the stream cannot be read on; all lines before that were given.
    pub fn next(&mut self, block: &mut Vec<u8>) -> std::io::Result<bool> {
        block.clear();
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let Err(failure) = self.fill(block) {
            let n_whole = block.iter().rposition(|byte| *byte == b'\n').map_or(0, |it| it + 1);
            block.truncate(n_whole);
            if block.is_empty() {
                return Err(failure);
            }
            self.failure = Some(failure);
        }
        Ok(!block.is_empty())
    }

    fn fill(&mut self, block: &mut Vec<u8>) -> std::io::Result<()> {
        self.inner.by_ref().take(self.block_bytes as u64).read_to_end(block)?;
        if block.len() < self.block_bytes || block.ends_with(b"\n") {
            return Ok(());
        }
        // What is beyond the longest line need not be kept: the line is refused without it.
        let n_read = self.inner.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', block)?;
        if !block.ends_with(b"\n") && n_read as u64 == MAX_LINE_BYTES {
            self.inner.skip_until(b'\n')?;
        }
        Ok(())
    }
}

/// The lines of a block in their sequence, those without a message included.
pub fn lines(block: &[u8]) -> impl Iterator<Item = Result<&str, Refusal>> {
    let text = std::str::from_utf8(block).ok();
    let whole = text.into_iter().flat_map(|text| text.split_inclusive('\n').map(|line| bounded(line.as_bytes(), line)));
    let rest = if text.is_some() { &[] } else { block };
    let damaged = rest.split_inclusive(|byte| *byte == b'\n').map(|line| match std::str::from_utf8(line) {
        Ok(text) => bounded(line, text),
        Err(_) => bounded(line, "").and(Err(not_utf8())),
    });
    whole.chain(damaged)
}

/// Refuses a line that is too long.
fn bounded<'t>(line: &[u8], text: &'t str) -> Result<&'t str, Refusal> {
    let n_bytes = line.len() as u64;
    let is_too_long = MAX_LINE_BYTES < n_bytes || (MAX_LINE_BYTES == n_bytes && !line.ends_with(b"\n"));
    if is_too_long { Err(too_long()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use profile360_core::policy::compiled::CompiledPolicy;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        enrich::Enricher,
        framing::{Framing, Reader, is_blank},
    };

    /// What both ways of reading say of each line that is no blank: its number, and its text or its refusal.
    fn check(bytes: &[u8], block_bytes: usize) {
        let policy = CompiledPolicy::initial();
        let mut reader = Reader::new(bytes, Framing::Lines, Enricher::plain());
        let mut expected = Vec::new();
        while let Some(item) = reader.next(&policy).expect("it is read") {
            // No line is a message, so each text is there with a refusal of its own.
            expected.push((item.number, item.text.ok_or_else(|| item.parsed.expect_err("no text"))));
        }
        let mut blocks = Blocks::new(bytes, block_bytes);
        let mut block = Vec::new();
        let mut found = Vec::new();
        let mut number = 0;
        while blocks.next(&mut block).expect("it is read") {
            for line in lines(&block) {
                number += 1;
                match line {
                    Ok(text) if is_blank(text) => {}
                    line => found.push((number, line.map(str::to_owned))),
                }
            }
        }
        assert_eq!((number, found), (reader.number, expected));
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_hold_the_same_lines(
            lines in prop::collection::vec(
                prop_oneof![
                    4 => "[a-z\u{feff} \t한]{0,12}\r?".prop_map(String::into_bytes),
                    1 => prop::collection::vec(any::<u8>(), 0..6),
                ],
                0..30,
            ),
            ends in any::<bool>(),
            block_bytes in 1..64usize,
        ) {
            let mut bytes = lines.join(&b'\n');
            if ends {
                bytes.push(b'\n');
            }
            check(&bytes, block_bytes);
        }
    }

    #[test]
    fn the_longest_lines_are_refused_as_ever() {
        let limit = usize::try_from(MAX_LINE_BYTES).expect("it fits");
        for n_bytes in [limit - 2, limit - 1, limit, limit + 1, 3 * limit] {
            for end in ["", "\n", "\nlast"] {
                for block_bytes in [7, 1 << 16, 1 << 20] {
                    check(format!("first\n{}{end}", "x".repeat(n_bytes)).as_bytes(), block_bytes);
                }
            }
        }
    }

    #[test]
    fn what_comes_before_an_error_is_read() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        for block_bytes in [4, 1 << 20] {
            let bytes = std::io::BufReader::new((&b"one\ntwo\nhal"[..]).chain(Broken));
            let mut blocks = Blocks::new(bytes, block_bytes);
            let (mut block, mut found) = (Vec::new(), Vec::new());
            let failure = loop {
                match blocks.next(&mut block) {
                    Ok(true) => found.extend_from_slice(&block),
                    Ok(false) => panic!("the end is an error"),
                    Err(failure) => break failure,
                }
            };
            assert_eq!((&found[..], failure.to_string()), (&b"one\ntwo\n"[..], "broken".to_owned()));
        }
    }
}
