//! The text of an identifier without invisible characters, in one spelling.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// A text as identifiers are compared: composed (NFC), without invisible characters and without blanks at its ends. A blank
/// inside is a space, whichever of Unicode's it was.
pub fn clean(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw.trim());
    }
    let seen = raw.chars().filter(|letter| !is_invisible(*letter));
    let composed: String = seen.map(|letter| if is_blank(letter) { ' ' } else { letter }).nfc().collect();
    let trimmed = composed.trim();
    if trimmed == raw { Cow::Borrowed(raw) } else { Cow::Owned(trimmed.to_owned()) }
}

/// A blank that is no control character: those are rejected inside a value.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() && !letter.is_control()
}

/// Unicode's format characters (general category Cf), and what else has no shape of its own: joiners, fillers, variation
/// selectors.
fn is_invisible(letter: char) -> bool {
    const RANGES: [(u32, u32); 26] = [
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x600, 0x605),
        (0x61c, 0x61c),
        (0x6dd, 0x6dd),
        (0x70f, 0x70f),
        (0x890, 0x891),
        (0x8e2, 0x8e2),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x202a, 0x202e),
        (0x2060, 0x206f),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfffb),
        (0x110bd, 0x110bd),
        (0x110cd, 0x110cd),
        (0x13430, 0x1343f),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
    ];
    let code = u32::from(letter);
    0xad <= code && RANGES.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// A letter of full width as the ASCII letter that it shows; every other letter as it is.
pub(super) fn narrow(letter: char) -> char {
    let code = u32::from(letter);
    match code {
        0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}
