//! Email addresses: lower case, with a domain in one spelling.

use unicode_normalization::UnicodeNormalization;

use super::{Malformed, text::narrow};

pub(super) fn normal_form(text: &str) -> Result<String, Malformed> {
    let narrowed: String = text.chars().map(narrow).collect();
    let lower = narrowed.trim().to_lowercase();
    let address = lower.strip_prefix("mailto:").unwrap_or(&lower);
    let (local, domain) = address.rsplit_once('@').ok_or(Malformed::NotAnEmail)?;
    let labels: Vec<String> = domain.split(['.', '\u{3002}', '\u{ff61}']).map(label_as_shown).collect();
    let normal: String = format!("{local}@{}", labels.join(".")).nfc().collect();
    let options =
        email_address::Options::default().with_minimum_sub_domains(2).without_display_text().without_domain_literal();
    match email_address::EmailAddress::parse_with_options(&normal, options) {
        Ok(_) if normal.matches('@').count() == 1 => Ok(normal),
        _ => Err(Malformed::NotAnEmail),
    }
}

/// A label of a domain in the letters that people read: `xn--bcher-kva` is `bücher`. One that encodes no such letters
/// stays as it is.
fn label_as_shown(label: &str) -> String {
    let shown = label.strip_prefix("xn--").and_then(decode).filter(|it| is_stable(it));
    shown.unwrap_or_else(|| label.to_owned())
}

/// Whether a label is in the form in which domains are compared: else two spellings would become one that is neither.
fn is_stable(label: &str) -> bool {
    let is_letter = |it: char| it.is_alphabetic() || it.is_ascii_digit() || it == '-' || is_mark(it);
    !label.is_ascii() && label.chars().all(is_letter) && label.to_lowercase().nfc().eq(label.chars())
}

fn is_mark(letter: char) -> bool {
    unicode_normalization::char::is_combining_mark(letter)
}

/// Punycode (RFC 3492).
fn decode(encoded: &str) -> Option<String> {
    const BASE: u32 = 36;
    const T_MIN: u32 = 1;
    const T_MAX: u32 = 26;
    const SKEW: u32 = 38;
    const DAMP: u32 = 700;
    const LONGEST_LABEL: usize = 63;
    if LONGEST_LABEL < encoded.len() {
        return None;
    }
    let (basic, extended) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut letters: Vec<char> = basic.chars().collect();
    let (mut code, mut position, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut bytes = extended.bytes().peekable();
    while bytes.peek().is_some() {
        let before = position;
        let mut weight = 1_u32;
        let mut k = BASE;
        loop {
            let digit = match bytes.next()? {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                digit @ b'0'..=b'9' => u32::from(digit - b'0') + 26,
                _ => return None,
            };
            position = digit.checked_mul(weight)?.checked_add(position)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let n_letters = u32::try_from(letters.len()).ok()?.checked_add(1)?;
        let mut delta = (position - before) / if before == 0 { DAMP } else { 2 };
        delta += delta / n_letters;
        let mut n_steps = 0;
        while (BASE - T_MIN) * T_MAX / 2 < delta {
            delta /= BASE - T_MIN;
            n_steps += BASE;
        }
        bias = n_steps + (BASE - T_MIN + 1) * delta / (delta + SKEW);
        code = code.checked_add(position / n_letters)?;
        position %= n_letters;
        letters.insert(usize::try_from(position).ok()?, char::from_u32(code)?);
        position += 1;
    }
    Some(letters.into_iter().collect())
}
