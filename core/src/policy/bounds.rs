//! How large a new policy may be, so that every message is judged in good time.

use regex_lite::RegexBuilder;

use super::compiled::wholly;

/// What a policy may hold at most.
pub(super) const MAX_KINDS: usize = 100;

pub(super) const MAX_PATTERNS: usize = 100;

pub(super) const MAX_BLOCKED: usize = 10_000;

pub(super) const MAX_RULES: usize = 1_000;

pub(super) const MAX_VALUE_BYTES: usize = 255;

pub(super) const MAX_PATTERN_BYTES: usize = 1_000;

/// The size of all patterns together, compiled. The steps of matching are the length of a value times that at worst; for the longest
/// value there is that is a few milliseconds.
pub(super) const MAX_PATTERNS_SIZE: usize = 64 * 1024;

/// Sizes are told apart as finely as that.
const SMALLEST_SIZE: usize = 512;

/// About how large a pattern is once it is compiled; none where that is more than `most`. One that is no regular expression has no
/// size; it is a fault elsewhere.
pub(super) fn size_of(pattern: &str, most: usize) -> Option<usize> {
    let mut size = SMALLEST_SIZE;
    loop {
        let builder = |limit| RegexBuilder::new(&wholly(pattern)).size_limit(limit).build();
        if builder(size.min(most)).is_ok() {
            return Some(size.min(most));
        }
        if most <= size {
            // Too large, or wrong in itself.
            return is_malformed(pattern).then_some(0);
        }
        size *= 2;
    }
}

/// Whether a pattern is wrong in itself, whatever its size.
fn is_malformed(pattern: &str) -> bool {
    // The error of a size names it; those of the syntax do not.
    let error = RegexBuilder::new(&wholly(pattern)).size_limit(0).build().err();
    error.is_some_and(|error| !error.to_string().contains("size"))
}
