//! How large a new policy may be, so that every message is judged in good time.

use regex_lite::RegexBuilder;

use super::document::{Form, Policy, PolicyFault, PolicyFaultCode, whole_pattern};

const MAX_KINDS: usize = 100;
const MAX_PATTERNS: usize = 100;
const MAX_BLOCKED: usize = 10_000;
const MAX_RULES: usize = 1_000;
/// No identifier is longer.
const MAX_VALUE_BYTES: usize = 255;
const MAX_PATTERN_BYTES: usize = 1_000;
/// The compiled size of all patterns together. Matching needs at most the length of a value times this many steps: a few
/// milliseconds for the longest value.
const MAX_PATTERNS_SIZE: usize = 64 * 1024;
/// The step in which sizes are measured.
const SMALLEST_SIZE: usize = 512;

impl Policy {
    /// Whether a new policy stays within what every message can be judged by in good time. One that is in force already is let be.
    ///
    /// # Errors
    ///
    /// Everything that is too much, by its path. Patterns are compiled to no more than they may be.
    pub fn within_bounds(&self) -> Result<(), Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut bound = |path: &str, n: usize, most: usize, what: &str| {
            if most < n {
                let detail = format!("there are more than {most} {what}; keep fewer");
                faults.push(PolicyFault::new(PolicyFaultCode::TooMany, path, detail));
            }
            n.min(most)
        };
        let n_kinds = bound("kinds", self.kinds.len(), MAX_KINDS, "kinds");
        let n_patterns = bound("blocked_patterns", self.blocked_patterns.len(), MAX_PATTERNS, "patterns");
        let n_values = bound("blocked_values", self.blocked_values.len(), MAX_BLOCKED, "values");
        bound("survivorship.attributes", self.survivorship.attributes.len(), MAX_RULES, "attributes");
        bound("survivorship.sources", self.survivorship.sources.len(), MAX_RULES, "sources");
        let texts = self.blocked_values.iter().take(n_values).enumerate();
        for (position, _) in texts.filter(|(_, value)| MAX_VALUE_BYTES < value.len()) {
            let detail = format!("no identifier is longer than {MAX_VALUE_BYTES} bytes; take it out");
            faults.push(PolicyFault::new(PolicyFaultCode::TooLong, format!("blocked_values[{position}]"), detail));
        }
        let of_kinds = self.kinds.iter().take(n_kinds).enumerate().filter_map(|(position, kind)| match &kind.form {
            Form::Pattern(pattern) => Some((format!("kinds[{position}].form.pattern"), pattern)),
            _ => None,
        });
        let blocked = self.blocked_patterns.iter().take(n_patterns).enumerate();
        let blocked = blocked.map(|(position, pattern)| (format!("blocked_patterns[{position}]"), pattern));
        let mut left = MAX_PATTERNS_SIZE;
        for (path, pattern) in of_kinds.chain(blocked) {
            if MAX_PATTERN_BYTES < pattern.len() {
                let detail = format!("a pattern has at most {MAX_PATTERN_BYTES} bytes; write it shorter");
                faults.push(PolicyFault::new(PolicyFaultCode::TooLong, path, detail));
                continue;
            }
            match size_of(pattern, left) {
                Some(size) => left -= size,
                None => {
                    let detail = "the patterns together are too large to judge every value by; repeat less in them, as {1,9} does";
                    faults.push(PolicyFault::new(PolicyFaultCode::PatternsTooLarge, path, detail));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// About how large a pattern is once it is compiled; none where that is more than `most`. One that is no regular expression has no
/// size; it is a fault elsewhere.
fn size_of(pattern: &str, most: usize) -> Option<usize> {
    let mut size = SMALLEST_SIZE;
    loop {
        let builder = |limit| RegexBuilder::new(&whole_pattern(pattern)).size_limit(limit).build();
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

/// Whether a pattern is not a regular expression, regardless of its size.
fn is_malformed(pattern: &str) -> bool {
    // The error of a size names it; those of the syntax do not.
    let error = RegexBuilder::new(&whole_pattern(pattern)).size_limit(0).build().err();
    error.is_some_and(|error| !error.to_string().contains("size"))
}
