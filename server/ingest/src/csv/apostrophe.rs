//! The apostrophe that marks a cell of a spreadsheet as text. An export writes one before a cell that would run as a formula, and an
//! import removes it.

use std::borrow::Cow;

/// The characters that begin a formula, in ASCII and in full width, which some spreadsheets accept.
const SIGNS: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '−'];

/// Whether a spreadsheet would run the cell, also after invisible characters. A leading tab or line end hides what follows.
fn is_formula(cell: &str) -> bool {
    let shown = cell.trim_start_matches(|sign: char| sign.is_whitespace() || sign.is_control() || is_invisible(sign));
    shown.starts_with(SIGNS) || cell.starts_with(['\t', '\r', '\n'])
}

/// Whether a character has no width, or changes the direction of the text.
pub fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The cell after its apostrophe, where that marks text: before a formula, and before a number that a shop exports as text. Elsewhere an
/// apostrophe is a part of the cell.
fn behind_mark(cell: &str) -> Option<&str> {
    let rest = cell.strip_prefix('\'')?;
    let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    (is_formula(rest) || is_number || behind_mark(rest).is_some()).then_some(rest)
}

/// A cell without the apostrophe that marks it as text.
pub(super) fn unmarked(cell: &str) -> &str {
    behind_mark(cell).unwrap_or(cell)
}

/// A cell as an export writes it; `is_safe` says which cells that begin like a formula are not one.
pub fn marked(cell: &str, is_safe: impl Fn(&str) -> bool) -> Cow<'_, str> {
    // A cell that already looks marked gets one more apostrophe, because the next import removes one.
    if (is_formula(cell) && !is_safe(cell)) || behind_mark(cell).is_some() {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_an_export_marks_an_import_reads_as_it_was(cell in "['=+@0-9a-z＝＋ \\t\\-]{0,6}", is_safe: bool) {
            let written = marked(&cell, |_| is_safe);
            prop_assert_eq!(unmarked(&written), &*cell);
            prop_assert!(is_safe || !is_formula(&written));
        }
    }

    #[test]
    fn only_marks_are_removed() {
        for (cell, read) in [
            ("'+82 10-0000-8001", "+82 10-0000-8001"),
            ("'=1+1", "=1+1"),
            ("'＝1", "＝1"),
            ("'-지우-", "-지우-"),
            ("'6543210987654", "6543210987654"),
            ("''=x", "'=x"),
            ("'s-Hertogenbosch", "'s-Hertogenbosch"),
            ("'90s", "'90s"),
            ("'", "'"),
            ("''", "''"),
        ] {
            assert_eq!(unmarked(cell), read, "{cell}");
        }
    }
}
