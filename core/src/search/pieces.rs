//! Pieces of phone numbers and of email addresses, as people remember them.

use super::names::{Beginning, fold};

/// Less than this says too little: every number and every address has it somewhere.
pub const MIN_PIECE: usize = 3;
/// More words than a name has.
const MAX_WORDS: usize = 16;

/// All that a text can be a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// Words of one name must begin so; none where there are more of them than in any name.
    pub name: Vec<Beginning>,
    /// Else a word of the name must begin as one of these: a name in two words may be kept as one.
    pub name_as_one: Vec<Beginning>,
    /// A part of [`email_text`].
    pub email: Option<String>,
    /// One of these is a part of [`phone_text`].
    pub phone: Vec<String>,
}

impl Pieces {
    pub fn of(text: &str) -> Self {
        let mut name = Beginning::of_words(text);
        if MAX_WORDS < name.len() {
            name.clear();
        }
        let name_as_one = Beginning::of_words_as_one(text);
        Self { name, name_as_one, email: email_piece(text), phone: phone_pieces(text) }
    }
}

/// The text that pieces of a phone number are looked for in: its digits as they are dialed at home, behind a space.
pub fn phone_text(normal_form: &str) -> String {
    match normal_form.strip_prefix("+82") {
        Some(national) => format!(" 0{national}"),
        None => format!(" {}", normal_form.trim_start_matches('+')),
    }
}

/// The text that pieces of an email address are looked for in.
pub fn email_text(normal_form: &str) -> String {
    format!(" {}", fold(normal_form))
}

fn email_piece(text: &str) -> Option<String> {
    let piece = fold(text.trim());
    let is_piece = MIN_PIECE <= piece.chars().count() && !piece.contains(char::is_whitespace);
    is_piece.then_some(piece)
}

/// What a text can be of a number at home: `1234-5678`, `010-12`, `+82 10 1234`.
fn phone_pieces(text: &str) -> Vec<String> {
    let text = text.trim();
    let is_between =
        |it: char| it.is_whitespace() || matches!(it, '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}');
    let (is_international, text) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !text.chars().all(|it| it.is_ascii_digit() || is_between(it)) {
        return Vec::new();
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < MIN_PIECE {
        return Vec::new();
    }
    // Behind a space: only from the beginning of a number on. Some write the 0 after the country's code, too.
    let at_home = digits.strip_prefix("82").map(|rest| format!(" 0{}", rest.trim_start_matches('0')));
    (!is_international).then_some(digits).into_iter().chain(at_home).collect()
}

#[cfg(test)]
mod tests;
