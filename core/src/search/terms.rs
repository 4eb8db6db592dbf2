//! The terms of a search text: parts of names, phone numbers, email addresses and IDs, as people remember them.
//!
//! A customer matches a text if each term matches something: `박도윤 0490` is a name and the last digits of a number.

use std::{ops::RangeInclusive, sync::Arc};

use uuid::Uuid;

use super::names::{At, NamePart, fold, normal_name, other_spellings};
use crate::{
    identifier::UnifiedId,
    policy::{
        compiled::CompiledPolicy,
        document::{Form, KindRule},
    },
    profile::model::{Profile, ProfileIdentifier},
};

/// A shorter part of a number or an address selects too little: most have it somewhere.
pub const MIN_PART: usize = 3;
/// A shorter beginning of an external ID or a card number selects too little.
pub const MIN_REFERENCE: usize = 4;
/// As many digits of a unified ID as lists show.
pub const MIN_UNIFIED_ID: usize = 8;
/// More terms than anything has that people search for.
const MAX_TERMS: usize = 16;

/// A search text, read as parts of what a customer has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchText {
    /// A customer must match all of them. Empty if the text has none, or too many.
    pub terms: Vec<Term>,
    /// Otherwise the name must have one of these: a name in two words may be kept as one.
    pub name_as_one: Vec<NamePart>,
}

/// All that a term can be a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The term without case, with one space between groups of digits.
    pub text: String,
    /// A part of a name. `None` for a number in several groups.
    pub name: Option<NamePart>,
    /// A part of [`email_text`].
    pub email: Option<String>,
    /// One of these is a part of [`phone_text`].
    pub phone: Vec<String>,
    /// One of these is a part of [`reference_text`].
    pub reference: Vec<String>,
    /// The unified IDs that begin like this.
    pub unified_ids: Option<RangeInclusive<UnifiedId>>,
}

/// Why a customer was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'c> {
    Name,
    Identifier(&'c Arc<ProfileIdentifier>),
    UnifiedId,
}

impl SearchText {
    pub fn new(text: &str) -> Self {
        let mut terms = Vec::new();
        let mut number: Vec<&str> = Vec::new();
        let folded = fold(text);
        for word in folded.split_whitespace() {
            // A number may be written in groups.
            if is_number(word) {
                number.push(word);
                continue;
            }
            terms.extend(Term::of_number(&std::mem::take(&mut number)));
            terms.push(Term::of_word(word));
        }
        terms.extend(Term::of_number(&number));
        if MAX_TERMS < terms.len() {
            terms.clear();
        }
        Self { terms, name_as_one: NamePart::of_words_as_one(text) }
    }

    /// Why a customer matches: a reason for each term, distinct; empty if the customer does not match.
    pub fn reasons<'c>(&self, profile: &'c Profile, policy: &CompiledPolicy) -> Vec<Reason<'c>> {
        let name = profile.undated.name.as_deref().map(normal_name).unwrap_or_default();
        let names = [other_spellings(&name), name];
        let is_named = |part: &NamePart| names.iter().any(|it| part.is_in(it, At::Anywhere));
        let mut reasons = Vec::new();
        for term in &self.terms {
            let reason = match &term.name {
                Some(part) if is_named(part) => Some(Reason::Name),
                _ => term.reason(profile, policy),
            };
            match reason {
                Some(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Some(_) => {}
                None => {
                    let is_one_name = self.name_as_one.iter().any(is_named);
                    return if is_one_name { vec![Reason::Name] } else { Vec::new() };
                }
            }
        }
        reasons
    }

    /// The text without some of its terms, by their numbers.
    pub fn without(&self, numbers: &[usize]) -> String {
        let rest = self.terms.iter().enumerate().filter(|(number, _)| !numbers.contains(number));
        rest.map(|(_, term)| &*term.text).collect::<Vec<_>>().join(" ")
    }
}

impl Term {
    fn of_word(word: &str) -> Self {
        let n_letters = word.chars().count();
        Self {
            text: word.to_owned(),
            name: NamePart::of_word(word),
            email: (MIN_PART <= n_letters).then(|| word.to_owned()),
            phone: phone_parts(word),
            reference: if n_letters < MIN_REFERENCE { Vec::new() } else { reference_parts(word) },
            unified_ids: unified_ids(word),
        }
    }

    /// A number in groups of digits; none without a group.
    fn of_number(groups: &[&str]) -> Option<Self> {
        match groups {
            [] => None,
            [word] => Some(Self::of_word(word)),
            groups => {
                let text = groups.join(" ");
                let phone = phone_parts(&text);
                Some(Self { text, name: None, email: None, phone, reference: Vec::new(), unified_ids: None })
            }
        }
    }

    fn reason<'c>(&self, profile: &'c Profile, policy: &CompiledPolicy) -> Option<Reason<'c>> {
        let has = |identifier: &&Arc<ProfileIdentifier>| {
            let value = &identifier.value;
            policy.kind(&identifier.kind).is_some_and(|kind| match &kind.form {
                Form::Phone => self.is_in_phone(&phone_text(value)),
                Form::Email => self.is_in_email(&email_text(value)),
                _ => is_reference(kind, policy) && self.is_in_reference(&reference_text(value)),
            })
        };
        if let Some(identifier) = profile.identifiers.iter().find(has) {
            return Some(Reason::Identifier(identifier));
        }
        let range = self.unified_ids.as_ref()?;
        let mut ids = std::iter::once(&profile.unified_id).chain(&profile.superseded_ids);
        ids.any(|it| range.contains(it)).then_some(Reason::UnifiedId)
    }

    /// Whether the email addresses of a customer have it: their [`email_text`], one after the other.
    pub fn is_in_email(&self, texts: &str) -> bool {
        self.email.as_deref().is_some_and(|it| texts.contains(it))
    }

    /// As [`Term::is_in_email`], of [`phone_text`].
    pub fn is_in_phone(&self, texts: &str) -> bool {
        self.phone.iter().any(|it| texts.contains(it))
    }

    /// As [`Term::is_in_email`], of [`reference_text`].
    pub fn is_in_reference(&self, texts: &str) -> bool {
        self.reference.iter().any(|it| texts.contains(it))
    }
}

/// Whether identifiers of a kind are found by their beginning: external IDs, card numbers and accounts, which people read out.
/// Phone numbers and email addresses are found by any part, and devices only as a whole.
pub fn is_reference(kind: &KindRule, policy: &CompiledPolicy) -> bool {
    !matches!(kind.form, Form::Phone | Form::Email) && !policy.is_device(&kind.name)
}

/// The text that parts of a phone number are looked for in: its digits as they are dialed at home, behind a space.
pub fn phone_text(normal_form: &str) -> String {
    match normal_form.strip_prefix("+82") {
        Some(national) => format!(" 0{national}"),
        None => format!(" {}", normal_form.trim_start_matches('+')),
    }
}

/// The text that parts of an email address are looked for in.
pub fn email_text(normal_form: &str) -> String {
    format!(" {}", fold(normal_form))
}

/// The text that the beginning of another identifier is looked for in: with a hyphen for every blank and sign, behind a space.
pub fn reference_text(normal_form: &str) -> String {
    format!(" {}", with_hyphens(&fold(normal_form)))
}

/// The beginning of a reference, and of a part of it: people leave out what all of them have in front, as in `shop-1230100016`.
fn reference_parts(word: &str) -> Vec<String> {
    let word = with_hyphens(word);
    vec![format!(" {word}"), format!("-{word}")]
}

fn with_hyphens(folded: &str) -> String {
    folded.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect()
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}')
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('+').unwrap_or(word);
    digits.chars().all(|letter| letter.is_ascii_digit() || is_between(letter))
}

/// What a text can be of a number at home: `1234-5678`, `010-12`, `+82 10 1234`.
fn phone_parts(text: &str) -> Vec<String> {
    let (is_international, text) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !text.chars().all(|letter| letter.is_ascii_digit() || is_between(letter)) {
        return Vec::new();
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < MIN_PART {
        return Vec::new();
    }
    // Behind a space: only from the beginning of a number on. Some write the 0 after the country's code, too.
    let at_home = digits.strip_prefix("82").map(|rest| format!(" 0{}", rest.trim_start_matches('0')));
    (!is_international).then_some(digits).into_iter().chain(at_home).collect()
}

/// The unified IDs that begin with a text of hexadecimal digits, with or without hyphens.
fn unified_ids(text: &str) -> Option<RangeInclusive<UnifiedId>> {
    const N_DIGITS: usize = 32;
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !(MIN_UNIFIED_ID..=N_DIGITS).contains(&digits.len()) || !is_hexadecimal {
        return None;
    }
    let filled = |digit: &str| {
        let rest = digit.repeat(N_DIGITS - digits.len());
        Uuid::try_parse(&format!("{digits}{rest}")).ok().map(UnifiedId)
    };
    Some(filled("0")?..=filled("f")?)
}

#[cfg(test)]
mod tests;
