//! Neutralizes foreign text: terminals obey control characters, spreadsheets run formulas.

use std::borrow::Cow;

use profile360_ingest::csv::{is_invisible, marked};

/// Escapes what a terminal would obey, and what would reorder or hide the text around it, as `\\u{1b}`.
pub(super) fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_obeyed(letter) { plain.extend(letter.escape_unicode()) } else { plain.push(letter) }
    }
    Cow::Owned(plain)
}

/// Control characters except newlines, direction marks, and characters without width.
fn is_obeyed(letter: char) -> bool {
    (letter.is_control() && letter != '\n') || is_invisible(letter)
}

/// A cell of a table, with an apostrophe in front of what a spreadsheet would run as a formula.
pub(super) fn for_spreadsheet(cell: &str) -> Cow<'_, str> {
    marked(cell, is_number_like)
}

/// Phone numbers or amounts, separated by semicolons: a single leading sign computes nothing.
fn is_number_like(cell: &str) -> bool {
    cell.split(';').all(|number| {
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        !digits.is_empty() && digits.chars().all(|it| it.is_ascii_digit() || it == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::{for_spreadsheet, for_terminal};

    #[test]
    fn a_spreadsheet_runs_no_cell() {
        for harmless in [
            "",
            "a",
            "1",
            "-1",
            "-1.5",
            "+821012345678",
            "+821012345678;+82212345678",
            "홍길동",
            "a=1",
            "it's",
            " a",
            "1;2",
        ] {
            assert_eq!(for_spreadsheet(harmless), harmless);
        }
        for formula in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "@SUM(A1)",
            "+1+1",
            "-1-1",
            "-1+cmd",
            "+",
            "-",
            "=",
            "＝1+1",
            "＋1",
            "－1",
            "＠a",
            "−1",
            "\t=1",
            "\r=1",
            "\n=1",
            "\ntext",
            " =1+1",
            "\u{200b}=1",
            "\u{a0}@a",
            "+82;=1",
            "+82;",
            " +8210",
        ] {
            assert_eq!(for_spreadsheet(formula), format!("'{formula}"));
        }
    }

    #[test]
    fn a_terminal_obeys_no_text() {
        assert_eq!(for_terminal("line 1: 홍길동\nline 2"), "line 1: 홍길동\nline 2");
        assert_eq!(for_terminal("a\u{1b}[31mb\u{9b}c\u{7}\r"), "a\\u{1b}[31mb\\u{9b}c\\u{7}\\u{d}");
        assert_eq!(for_terminal("mina\u{200b}\u{202e}\0"), "mina\\u{200b}\\u{202e}\\u{0}");
    }
}
