//! Phone numbers of Korea, as people and programs write them.

use super::{Malformed, text::narrow};

/// Whether a number is accepted without its leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leading {
    /// Spreadsheets take the zero away.
    MayBeLost,
    Required,
}

/// E.164 of a Korean number.
pub(super) fn normal_form(text: &str, leading: Leading) -> Result<String, Malformed> {
    let (is_international, digits) = digits_of(text).ok_or(Malformed::NotAPhone)?;
    let national = match (is_international, digits.strip_prefix("00")) {
        // The international prefix, at times with a plus as well.
        (_, Some(abroad)) => abroad.strip_prefix("82").map(without_zero).ok_or_else(|| foreign(&digits))?,
        (true, None) => digits.strip_prefix("82").map(without_zero).ok_or_else(|| foreign(&digits))?,
        (false, None) => match (digits.strip_prefix('0'), digits.strip_prefix("82")) {
            (Some(national), _) => national,
            // No area code is 82.
            (None, Some(national)) if 9 <= digits.len() => without_zero(national),
            _ if leading == Leading::MayBeLost && is_mobile(&digits) => &digits,
            _ => return Err(Malformed::NotAPhone),
        },
    };
    if has_its_digits(national) { Ok(format!("+82{national}")) } else { Err(Malformed::NotAPhone) }
}

/// The digits, and whether a plus is in front of them. `None` where anything else is there.
fn digits_of(text: &str) -> Option<(bool, String)> {
    let mut is_international = false;
    let mut digits = String::with_capacity(text.len());
    let narrowed: String = text.chars().map(narrow).collect();
    let text = narrowed.trim();
    // A spreadsheet's mark of a text.
    let text = text.strip_prefix('\'').unwrap_or(text);
    let scheme = text.split_once(':').filter(|(it, _)| ["tel", "sms", "callto"].contains(&&*it.to_ascii_lowercase()));
    let text = scheme.map_or(text, |(_, rest)| rest);
    // A number that went through a column of decimals.
    let text = match text.strip_suffix(".0") {
        Some(whole) if whole.bytes().all(|it| it.is_ascii_digit()) => whole,
        _ => text,
    };
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '+' if digits.is_empty() && !is_international => is_international = true,
            '-' | '.' | '(' | ')' | '[' | ']' | '/' | '_' | '~' => {}
            '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{30fb}' | '\u{30fc}' | '\u{fe58}' => {}
            '\u{fe63}' => {}
            _ if letter.is_whitespace() => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some((is_international, digits))
}

/// Some write the zero behind the country's code, too.
fn without_zero(national: &str) -> &str {
    national.strip_prefix('0').unwrap_or(national)
}

fn foreign(digits: &str) -> Malformed {
    if (8..=17).contains(&digits.len()) { Malformed::ForeignPhone } else { Malformed::NotAPhone }
}

/// A mobile number without its zero: no area code begins so, and no number of North America.
fn is_mobile(national: &str) -> bool {
    let (code, rest) = national.split_at_checked(2).unwrap_or_default();
    match code {
        "10" => rest.len() == 8,
        "11" | "16" | "17" | "18" | "19" => matches!(rest.len(), 7 | 8),
        _ => false,
    }
}

/// Whether a number without its zero has as many digits as one that begins so.
fn has_its_digits(national: &str) -> bool {
    let n_digits = national.len();
    match national.as_bytes() {
        [b'1', b'0', ..] => n_digits == 10,
        [b'2', ..] => (8..=9).contains(&n_digits),
        [b'5', b'0', ..] => (10..=11).contains(&n_digits),
        [b'0', ..] => false,
        _ => (9..=10).contains(&n_digits),
    }
}
