//! Names as people search them: one normal form, and where a part of a name may begin.
//!
//! A part begins at a word. In Hangul, Han and kana it also begins at every letter: a Korean name has no space between family
//! name and given name, so `도윤` finds `박도윤`.
//!
//! A Korean name is found while it is typed. A syllable is half there before its last key (`홍기` on the way to `홍길동`), its
//! final consonant may be the first key of the next one (`한` on the way to `하나`), and initial consonants represent whole
//! syllables (`ㅎㄱㄷ`, `홍ㄱ`, `ㄱㄷ`). A keyboard joins consonants where it can: who means `ㅂㅅㅈ` has `ㅄㅈ` in the field, who
//! means `이ㅅㄱ` has `잇ㄱ`.

use std::iter;

use unicode_normalization::UnicodeNormalization;

use crate::identifier::text::clean;

const FIRST_SYLLABLE: u32 = 0xac00;
const N_VOWELS: u32 = 21;
const N_FINALS: u32 = 28;
const N_SYLLABLES: u32 = 19 * N_VOWELS * N_FINALS;

/// Initial consonants, in the order of syllables.
const INITIALS: [char; 19] =
    ['ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'];
/// Vowels by the keys that they are typed with.
const VOWELS: [&str; 21] = [
    "ㅏ", "ㅐ", "ㅑ", "ㅒ", "ㅓ", "ㅔ", "ㅕ", "ㅖ", "ㅗ", "ㅗㅏ", "ㅗㅐ", "ㅗㅣ", "ㅛ", "ㅜ", "ㅜㅓ", "ㅜㅔ", "ㅜㅣ",
    "ㅠ", "ㅡ", "ㅡㅣ", "ㅣ",
];
/// Final consonants by their keys; the first is none.
const FINALS: [&str; 28] = [
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ", "ㄹㅎ",
    "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
];
/// Two consonants that keyboards write as one letter.
const JOINED: [(char, &str); 11] = [
    ('ㄳ', "ㄱㅅ"),
    ('ㄵ', "ㄴㅈ"),
    ('ㄶ', "ㄴㅎ"),
    ('ㄺ', "ㄹㄱ"),
    ('ㄻ', "ㄹㅁ"),
    ('ㄼ', "ㄹㅂ"),
    ('ㄽ', "ㄹㅅ"),
    ('ㄾ', "ㄹㅌ"),
    ('ㄿ', "ㄹㅍ"),
    ('ㅀ', "ㄹㅎ"),
    ('ㅄ', "ㅂㅅ"),
];

/// A name as it is compared and sorted: composed (NFC), without case, each word behind one space.
///
/// Letters of Hangul that belong to no syllable become those that a keyboard writes, each for itself. What cannot be seen is
/// left out.
pub fn normal_name(name: &str) -> String {
    let folded = fold(name);
    let mut normal = String::with_capacity(folded.len() + 1);
    for word in folded.split_whitespace() {
        normal.push(' ');
        normal.push_str(word);
    }
    normal
}

/// First and last name as they are written together: a family name of Hangul or Han comes first and without a blank, every other
/// last.
pub fn full_name(first: &str, last: &str) -> String {
    let (first, last) = (clean(first), clean(last));
    let is_family_first =
        is_eastern(&last, is_hangul_or_han) && is_eastern(&first, |it| is_hangul_or_han(it) || is_kana(it));
    match (first.is_empty(), last.is_empty()) {
        (true, _) => last.into_owned(),
        (_, true) => first.into_owned(),
        _ if is_family_first => format!("{last}{first}"),
        _ => format!("{first} {last}"),
    }
}

/// An eastern name of two words as one word, in either order, each behind a space; empty for other names.
pub fn name_as_one(normal_name: &str) -> String {
    joined_either_way(normal_name).iter().flat_map(|word| [" ", word.as_str()]).collect()
}

/// The other spellings by which a name is found, each word behind a space: an eastern name of two words as one word, in either
/// order, and a name with accents without them.
pub fn other_spellings(normal_name: &str) -> String {
    let mut spellings = name_as_one(normal_name);
    let plain = without_accents(normal_name);
    if plain != normal_name {
        spellings.push_str(&plain);
    }
    spellings
}

/// Folded text without the accents of Latin, Greek and Cyrillic letters: people type `jose` for `José` and `lodz` for `Łódź`.
pub(super) fn without_accents(folded: &str) -> String {
    if folded.is_ascii() {
        return folded.to_owned();
    }
    let mut plain = String::with_capacity(folded.len());
    for letter in folded.chars() {
        match letter {
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' | 'ð' => plain.push('d'),
            'ı' => plain.push('i'),
            'þ' => plain.push_str("th"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            _ if syllable(letter).is_some() => plain.push(letter),
            _ => plain.extend(iter::once(letter).nfd().filter(|it| !matches!(it, '\u{300}'..='\u{36f}'))),
        }
    }
    plain.nfc().collect()
}

/// The two words of an eastern name as one word, in either order; nothing where it is no such name.
fn joined_either_way(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.as_slice() {
        [one, other] if [one, other].iter().all(|it| is_eastern(it, is_hangul_or_han)) => {
            vec![format!("{one}{other}"), format!("{other}{one}")]
        }
        _ => Vec::new(),
    }
}

fn is_eastern(word: &str, is_letter: impl Fn(char) -> bool) -> bool {
    !word.is_empty() && word.chars().all(is_letter)
}

fn is_hangul_or_han(letter: char) -> bool {
    syllable(letter).is_some()
        || matches!(letter, '\u{3131}'..='\u{314e}' | '々' | '〆' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
        || matches!(letter, '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Whether names in this script have no space between their words, so that a part may begin at each letter.
fn is_unspaced(letter: char) -> bool {
    is_hangul_or_han(letter) || is_kana(letter)
}

fn is_kana(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | 'ー')
}

/// Text without case, composed. By way of upper case: what has several forms in lower case, as `σ` and `ς`, `ss` and `ß`, has one
/// there.
pub(super) fn fold(text: &str) -> String {
    let is_seen = |it: &char| !matches!(it, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let composed = text.nfc().filter(is_seen).map(|it| if it.is_control() { ' ' } else { it });
    let mut letters = String::with_capacity(text.len());
    for letter in composed {
        match lone_letter(letter) {
            Some(keys) => letters.push_str(keys),
            None => letters.extend(letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)),
        }
    }
    letters.nfc().collect()
}

/// What a keyboard writes for a letter of Hangul that is in no syllable; `None` where it is that already, or no such letter.
fn lone_letter(letter: char) -> Option<&'static str> {
    const INITIAL_KEYS: [&str; 19] = [
        "ㄱ", "ㄲ", "ㄴ", "ㄷ", "ㄸ", "ㄹ", "ㅁ", "ㅂ", "ㅃ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅉ", "ㅊ", "ㅋ", "ㅌ", "ㅍ",
        "ㅎ",
    ];
    let at = |first: u32| u32::from(letter).checked_sub(first).and_then(|it| usize::try_from(it).ok());
    match letter {
        '\u{1100}'..='\u{1112}' => at(0x1100).and_then(|it| INITIAL_KEYS.get(it).copied()),
        '\u{1161}'..='\u{1175}' => at(0x1161).and_then(|it| VOWELS.get(it).copied()),
        '\u{11a8}'..='\u{11c2}' => at(0x11a7).and_then(|it| FINALS.get(it).copied()),
        'ㄳ'..='ㅄ' => JOINED.iter().find(|(it, _)| *it == letter).map(|(_, keys)| *keys),
        _ => None,
    }
}

/// The text for searches by initial consonants: of each word with Hangul in it a letter a syllable, behind a space.
pub fn initials(normal_name: &str) -> String {
    let words = normal_name.split_whitespace().filter(|word| word.chars().any(|letter| initial_of(letter).is_some()));
    words.flat_map(|word| iter::once(' ').chain(word.chars().map(initial_letter))).collect()
}

/// A byte for an initial consonant; one byte for all letters without one.
fn initial_letter(letter: char) -> char {
    let number = initial_of(letter).and_then(|it| INITIALS.iter().position(|initial| *initial == it));
    number.and_then(|it| u8::try_from(it).ok()).map_or('~', |it| char::from(b'a' + it))
}

/// The initial consonant of a syllable; a single consonant is its own.
fn initial_of(letter: char) -> Option<char> {
    match syllable(letter) {
        Some((initial, _, _)) => Some(initial),
        None => INITIALS.contains(&letter).then_some(letter),
    }
}

/// The parts of a syllable: its initial consonant, and the numbers of its vowel and its final.
fn syllable(letter: char) -> Option<(char, u32, u32)> {
    let number = u32::from(letter).checked_sub(FIRST_SYLLABLE).filter(|it| *it < N_SYLLABLES)?;
    let initial = usize::try_from(number / (N_VOWELS * N_FINALS)).ok()?;
    Some((*INITIALS.get(initial)?, number / N_FINALS % N_VOWELS, number % N_FINALS))
}

/// The keys that a letter is typed with.
fn keys(letter: char) -> impl Iterator<Item = char> {
    let text = |texts: &'static [&'static str], number: u32| {
        usize::try_from(number).ok().and_then(|it| texts.get(it).copied()).unwrap_or_default()
    };
    let (first, vowel, last) = match syllable(letter) {
        Some((initial, vowel, last)) => (initial, text(&VOWELS, vowel), text(&FINALS, last)),
        None => (letter, "", ""),
    };
    iter::once(first).chain(vowel.chars()).chain(last.chars())
}

/// A syllable whose final consonants are the first keys of the next ones: what is left of it, and those keys.
fn without_last_keys(letter: char) -> impl Iterator<Item = (char, &'static str)> {
    let number = syllable(letter).map_or(0, |(_, _, last)| last);
    let last_keys = usize::try_from(number).ok().and_then(|it| FINALS.get(it).copied()).unwrap_or_default();
    let open = u32::from(letter) - number;
    last_keys.char_indices().rev().filter_map(move |(at, _)| {
        let (kept, moved) = last_keys.split_at_checked(at)?;
        let kept = u32::try_from(FINALS.iter().position(|it| *it == kept)?).ok()?;
        Some((char::from_u32(open + kept)?, moved))
    })
}

/// A part of a name: a word as far as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePart(Vec<Letter>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    /// Any syllable with this initial consonant.
    Initial(char),
    Exactly(char),
}

/// Where in a name a part is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At the beginning of a word.
    Word,
    /// At the beginning of a word, and at each letter of Hangul, Han and kana.
    Anywhere,
}

/// Bytes that are in the text of every name that a part can be in, so that the others are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sieve {
    /// One of these is in the [`normal_name`] or in the [`other_spellings`].
    Names(Vec<Vec<u8>>),
    /// This is in the [`initials`].
    Initials(Vec<u8>),
}

impl NamePart {
    /// Where a text is an eastern name in two words, both as one word, in either order.
    pub fn of_words_as_one(text: &str) -> Vec<Self> {
        joined_either_way(&normal_name(text)).iter().filter_map(|word| Self::of_word(word)).collect()
    }

    /// A word of folded text; `None` if nothing of it is in names, as of a lone accent.
    pub fn of_word(word: &str) -> Option<Self> {
        let letter =
            |letter: char| if INITIALS.contains(&letter) { Letter::Initial(letter) } else { Letter::Exactly(letter) };
        let letters: Vec<Letter> = without_accents(word).chars().map(letter).collect();
        (!letters.is_empty()).then_some(Self(letters))
    }

    /// Whether a name, in its normal form or in its other spellings, has this part.
    pub fn is_in(&self, name: &str, at: At) -> bool {
        name.split(' ').any(|word| {
            let mut rest = word.chars();
            let mut is_first = true;
            loop {
                let from_here = rest.as_str();
                let Some(letter) = rest.next() else { return false };
                let may_begin = is_first || (at == At::Anywhere && is_unspaced(letter));
                if may_begin && self.may_begin_with(letter) && begins(&self.0, from_here) {
                    return true;
                }
                is_first = false;
            }
        })
    }

    /// Whether its first letter can be this one, with the keys that follow. Most letters of a name are passed over by it.
    fn may_begin_with(&self, letter: char) -> bool {
        match self.0.first() {
            Some(Letter::Initial(initial)) => initial_of(letter) == Some(*initial),
            // A syllable that is half typed, or typed too far, has the same initial consonant.
            Some(Letter::Exactly(typed)) => {
                *typed == letter || initial_of(*typed).is_some_and(|it| initial_of(letter) == Some(it))
            }
            None => true,
        }
    }

    /// Whether a name has it as soon as its text has what the sieve looks for.
    pub fn is_decided_by_sieve(&self) -> bool {
        let is_initial = |it: &Letter| matches!(it, Letter::Initial(_));
        self.0.iter().all(is_initial)
            || self.0.iter().all(|it| matches!(it, Letter::Exactly(it) if syllable(*it).is_none()))
    }

    pub fn sieve(&self, at: At) -> Sieve {
        let is_inside = |letter: &Letter| match letter {
            Letter::Initial(_) => true,
            Letter::Exactly(letter) => is_unspaced(*letter),
        };
        let begins_inside = at == At::Anywhere && self.0.first().is_some_and(is_inside);
        let mut sure = String::from(if begins_inside { "" } else { " " });
        for (place, letter) in self.0.iter().enumerate() {
            match letter {
                Letter::Exactly(letter) if self.is_open(place) => return Sieve::Names(half_typed(&sure, *letter)),
                Letter::Exactly(letter) => sure.push(*letter),
                Letter::Initial(_) if 0 < place => break,
                Letter::Initial(_) => {
                    sure.extend(self.0.iter().map_while(|letter| match letter {
                        Letter::Initial(initial) => Some(initial_letter(*initial)),
                        Letter::Exactly(_) => None,
                    }));
                    return Sieve::Initials(sure.into_bytes());
                }
            }
        }
        Sieve::Names(vec![sure.into_bytes()])
    }

    /// Whether what is typed there may be less than a syllable, or more.
    fn is_open(&self, place: usize) -> bool {
        let Some(Letter::Exactly(letter)) = self.0.get(place) else { return false };
        match self.0.get(place + 1) {
            None => syllable(*letter).is_some(),
            Some(Letter::Initial(_)) => without_last_keys(*letter).next().is_some(),
            Some(Letter::Exactly(_)) => false,
        }
    }
}

/// All that a word can go on with where a syllable is half typed, but for the last bits: syllables that begin alike lie together.
fn half_typed(sure: &str, letter: char) -> Vec<Vec<u8>> {
    let Some((_, vowel, last)) = syllable(letter) else { return vec![format!("{sure}{letter}").into_bytes()] };
    // ㅗ goes on to ㅘ, ㅙ and ㅚ.
    let n_more: u32 = match vowel {
        8 | 13 => 3,
        18 => 1,
        _ => 0,
    };
    let first = u32::from(letter) - last;
    let beyond = first + N_FINALS * (n_more + 1) - 1;
    let mut sieves: Vec<Vec<u8>> = [first, beyond]
        .into_iter()
        .chain((first..beyond).filter(|it| it.is_multiple_of(0x40)))
        .filter_map(char::from_u32)
        .map(|last| {
            let mut bytes = format!("{sure}{last}").into_bytes();
            bytes.pop();
            bytes
        })
        .collect();
    sieves.sort_unstable();
    sieves.dedup();
    sieves
}

fn begins(parts: &[Letter], word: &str) -> bool {
    let mut parts = parts;
    let mut letters = word.chars();
    while let Some((part, rest)) = parts.split_first() {
        let ahead = letters.clone();
        let Some(letter) = letters.next() else { return false };
        parts = rest;
        match *part {
            Letter::Initial(initial) if initial_of(letter) == Some(initial) => {}
            Letter::Exactly(typed) if typed == letter => {}
            Letter::Exactly(typed) if rest.is_empty() && is_half_typed(typed, ahead) => {}
            Letter::Exactly(typed) if rest.first().is_none_or(|it| matches!(it, Letter::Initial(_))) => {
                let mut others = without_last_keys(typed);
                let Some((_, moved)) = others.find(|(kept, _)| *kept == letter) else { return false };
                let mut initials = letters.by_ref().take(moved.chars().count()).map(initial_of);
                if !moved.chars().all(|key| initials.next() == Some(Some(key))) {
                    return false;
                }
            }
            Letter::Initial(_) | Letter::Exactly(_) => return false,
        }
    }
    true
}

/// Whether the keys of a syllable are the first of some letters.
fn is_half_typed(typed: char, letters: std::str::Chars<'_>) -> bool {
    let mut there = letters.flat_map(keys);
    syllable(typed).is_some() && keys(typed).all(|key| there.next() == Some(key))
}

#[cfg(test)]
mod tests;
