//! Detects the delimiter of a table.

use std::io::{BufRead, Read, Result};

use super::names;

/// The beginning of a table, up to the end of its header's first line.
pub(super) struct Head {
    pub line: Vec<u8>,
    /// The lines before the header that are not part of the table.
    pub n_skipped: u64,
    /// The delimiter of a `sep=;` line, which spreadsheets write.
    pub named: Option<u8>,
}

/// The most bytes of the header.
const MAX_LINE: u64 = 1 << 20;

impl Head {
    /// Skips so many lines and reads the header.
    pub(super) fn read(table: &mut impl BufRead, n_lines: usize) -> Result<Self> {
        let mut line = next_line(table)?;
        let mut n_skipped = 0;
        for _ in 0..n_lines {
            line = next_line(table)?;
            n_skipped += 1;
        }
        let named = separator_of(&line);
        if named.is_some() {
            line = next_line(table)?;
            n_skipped += 1;
        }
        Ok(Self { line, n_skipped, named })
    }

    /// The most frequent delimiter of the header outside of quotes.
    pub(super) fn shown(&self) -> u8 {
        let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
        let mut is_quoted = false;
        for byte in &self.line {
            if *byte == b'"' {
                is_quoted = !is_quoted;
            } else if !is_quoted && let Some((_, count)) = counts.iter_mut().find(|(sign, _)| sign == byte) {
                *count += 1;
            }
        }
        // The first of several equally frequent ones.
        counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(sign, _)| *sign)
    }

    /// Whether the header has these columns when it is split by the delimiter.
    pub(super) fn has<'c>(&self, delimiter: u8, columns: &mut impl Iterator<Item = &'c String>) -> bool {
        let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(&self.line[..]);
        let Ok(header) = rows.headers() else { return false };
        let names = names(header);
        columns.all(|column| names.contains(column))
    }
}

fn next_line(table: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    table.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn separator_of(line: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(line).ok()?.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    let text = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(text);
    let (name, sign) = text.split_at_checked(4)?;
    match sign.as_bytes() {
        [sign] if name.eq_ignore_ascii_case("sep=") && sign.is_ascii() => Some(*sign),
        _ => None,
    }
}
