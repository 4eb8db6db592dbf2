//! Avatars: the first letter of a name and a color chosen by that letter alone.

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Avatar {
    /// The first letter as readers see it, in upper case; `?` without a name.
    pub letter: String,
    /// `#rrggbb`; white text on it has a contrast of 5 or more.
    pub color: &'static str,
}

/// Twelve hues, 30 degrees apart, all of OKLCH lightness 0.53 and chroma 0.088.
pub const COLORS: [&str; 12] = [
    "#98565b", "#965a3f", "#89642b", "#736e2c", "#557742", "#307c5f", "#0c7b7b", "#237692", "#486e9e", "#67649d",
    "#7f5c8f", "#905677",
];

/// The avatar of a name.
pub fn avatar(name: Option<&str>) -> Avatar {
    let letter = name.and_then(first_letter).unwrap_or_else(|| "?".to_owned());
    let code_point = letter.chars().next().map_or(0, u32::from);
    // 34 was picked so that the ten most common Korean family names get ten colors; A to Z spread evenly in any case.
    let hue = (code_point + code_point / 34) % 12;
    let color = COLORS.get(hue as usize).copied().unwrap_or("#98565b");
    Avatar { letter, color }
}

fn first_letter(name: &str) -> Option<String> {
    let mut characters = name.trim_start().chars().peekable();
    let first = characters.next()?;
    if let Some(vowel) = characters.peek().copied().filter(|_| is_leading_jamo(first))
        && let Some(open) = syllable(first, vowel)
    {
        characters.next();
        let closed = characters.peek().and_then(|it| with_final(open, *it));
        return Some(closed.unwrap_or(open).to_string());
    }
    let mut upper = first.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        // Some letters have no single capital, as ß.
        _ => first,
    };
    let mut letter = String::from(upper);
    letter.extend(characters.take_while(|it| is_part_of_the_letter_before(*it)));
    Some(letter)
}

/// Accents, variation selectors and skin tones.
fn is_part_of_the_letter_before(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

// Apple's systems may send Hangul decomposed: what is read as one syllable comes as two or three characters. The
// composition is arithmetic (The Unicode Standard, section 3.12).

fn is_leading_jamo(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{1112}')
}

fn syllable(leading: char, vowel: char) -> Option<char> {
    matches!(vowel, '\u{1161}'..='\u{1175}').then_some(())?;
    let leading = u32::from(leading).checked_sub(0x1100)?;
    let vowel = u32::from(vowel).checked_sub(0x1161)?;
    char::from_u32(0xac00 + (leading * 21 + vowel) * 28)
}

fn with_final(open: char, consonant: char) -> Option<char> {
    matches!(consonant, '\u{11a8}'..='\u{11c2}').then_some(())?;
    char::from_u32(u32::from(open) + u32::from(consonant).checked_sub(0x11a7)?)
}

#[cfg(test)]
mod tests;
