//! Neutralizes foreign text: terminals obey control characters.

use std::borrow::Cow;

use profile360_ingest::csv::is_invisible;

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

#[cfg(test)]
mod tests {
    use super::for_terminal;

    #[test]
    fn a_terminal_obeys_no_text() {
        assert_eq!(for_terminal("line 1: 홍길동\nline 2"), "line 1: 홍길동\nline 2");
        assert_eq!(for_terminal("a\u{1b}[31mb\u{9b}c\u{7}\r"), "a\\u{1b}[31mb\\u{9b}c\\u{7}\\u{d}");
        assert_eq!(for_terminal("mina\u{200b}\u{202e}\0"), "mina\\u{200b}\\u{202e}\\u{0}");
    }
}
