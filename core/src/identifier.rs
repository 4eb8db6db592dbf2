//! Identifiers: what they are and the normal form of each kind.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::policy::{CompiledPolicy, Form, KindRule};

/// The name of an identifier's kind, as policies define it: `phone`, `email`, …
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Arc<str>);

impl Kind {
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A normalised value of one kind; a node of the identity graph.
///
/// `generation` counts the owners of a value that was retired: 0 for the first. The order (kind, value, generation) is
/// the order of storage, not of strength: strength is the policy's priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    pub kind: Kind,
    pub value: Arc<str>,
    #[serde(default, skip_serializing_if = "is_first_generation")]
    pub generation: u32,
}

fn is_first_generation(generation: &u32) -> bool {
    *generation == 0
}

impl Identifier {
    pub fn new(kind: Kind, value: &str) -> Self {
        Self { kind, value: Arc::from(value), generation: 0 }
    }

    /// Another owner of the same value.
    pub fn of_generation(&self, generation: u32) -> Self {
        Self { kind: self.kind.clone(), value: self.value.clone(), generation }
    }

    /// Whether both are of one value, whoever owned it.
    pub fn is_same_value(&self, other: &Self) -> bool {
        self.value == other.value && self.kind == other.kind
    }
}

/// A unified ID: the public name of a profile, and the latent ID of every identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnifiedId(pub Uuid);

impl fmt::Display for UnifiedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of a value as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normalised {
    /// The normal form, and what is suspicious about it.
    Usable { identifier: Identifier, warning: Option<Suspicion> },
    /// The value says nothing about who it is: it never links and never founds a profile.
    Blocked,
    /// The value is not of its kind; the reason.
    Refused(Malformed),
}

/// A value that is taken, but that someone should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Suspicion {
    #[error("it looks like an e-mail address; an external ID should be an internal number")]
    LooksLikeEmail,
    #[error("it looks like a phone number; an external ID should be an internal number")]
    LooksLikePhone,
}

/// Why a value is not of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    #[error("it holds a control character")]
    ControlCharacter,
    #[error("it is a foreign number; only numbers of +82 are taken")]
    ForeignPhone,
    #[error("it is not a phone number; write it as 010-1234-5678 or +821012345678")]
    NotAPhone,
    #[error("it is not a valid e-mail address")]
    NotAnEmail,
    #[error("it does not match the pattern that the policy demands of this kind")]
    PatternMismatch,
}

impl Malformed {
    /// The code that answers carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "IDENTIFIER_TOO_LONG",
            Self::ControlCharacter => "IDENTIFIER_CONTROL_CHARACTER",
            Self::ForeignPhone => "PHONE_FOREIGN",
            Self::NotAPhone => "PHONE_MALFORMED",
            Self::NotAnEmail => "EMAIL_MALFORMED",
            Self::PatternMismatch => "IDENTIFIER_PATTERN_MISMATCH",
        }
    }
}

/// The longest normal form, in bytes.
pub const MAX_VALUE_BYTES: usize = 255;

/// Brings a value of a known kind to its normal form (DESIGN.md, section 4).
pub fn normalise(raw: &str, kind: &KindRule, policy: &CompiledPolicy) -> Normalised {
    let trimmed = raw.trim();
    if policy.blocks(trimmed) {
        return Normalised::Blocked;
    }
    if trimmed.len() > MAX_VALUE_BYTES {
        return Normalised::Refused(Malformed::TooLong);
    }
    if trimmed.chars().any(char::is_control) {
        return Normalised::Refused(Malformed::ControlCharacter);
    }
    let normal = match &kind.form {
        Form::Phone => phone(trimmed),
        Form::Email => email(trimmed),
        Form::ExternalId | Form::Trimmed => Ok(trimmed.to_owned()),
        Form::Pattern(_) if policy.matches_pattern(kind, trimmed) => Ok(trimmed.to_owned()),
        Form::Pattern(_) => Err(Malformed::PatternMismatch),
    };
    let value = match normal {
        Ok(value) => value,
        Err(reason) => return Normalised::Refused(reason),
    };
    if policy.blocks(&value) {
        return Normalised::Blocked;
    }
    let warning = if kind.form == Form::ExternalId { suspicion(&value) } else { None };
    Normalised::Usable { identifier: Identifier::new(kind.name.clone(), &value), warning }
}

/// E.164 of a Korean number, by the digits of its national form: 8 (a Seoul landline) to 11 (a 050 number).
fn phone(text: &str) -> Result<String, Malformed> {
    let mut digits = String::with_capacity(text.len());
    for (position, character) in text.char_indices() {
        match character {
            '0'..='9' => digits.push(character),
            '+' if position == 0 => {}
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{2010}'..='\u{2014}' => {}
            _ => return Err(Malformed::NotAPhone),
        }
    }
    let is_international = text.starts_with('+');
    let national = if let Some(rest) = digits.strip_prefix("82").filter(|it| is_international || it.len() >= 9) {
        rest.strip_prefix('0').unwrap_or(rest)
    } else if is_international || digits.starts_with("00") {
        let is_long_enough = (8..=17).contains(&digits.len());
        return Err(if is_long_enough { Malformed::ForeignPhone } else { Malformed::NotAPhone });
    } else if let Some(rest) = digits.strip_prefix('0') {
        rest
    } else {
        return Err(Malformed::NotAPhone);
    };
    let longest = if national.starts_with("50") { 11 } else { 10 };
    let shortest = if national.starts_with('1') { 9 } else { 8 };
    if national.starts_with('0') || national.len() < shortest || longest < national.len() {
        return Err(Malformed::NotAPhone);
    }
    Ok(format!("+82{national}"))
}

/// Whether a text is an e-mail address, as the kind has it.
pub fn is_email(text: &str) -> bool {
    email(text).is_ok()
}

fn email(text: &str) -> Result<String, Malformed> {
    let lower = text.to_lowercase();
    let options =
        email_address::Options::default().with_minimum_sub_domains(2).without_display_text().without_domain_literal();
    match email_address::EmailAddress::parse_with_options(&lower, options) {
        Ok(_) if lower.matches('@').count() == 1 => Ok(lower),
        _ => Err(Malformed::NotAnEmail),
    }
}

fn suspicion(value: &str) -> Option<Suspicion> {
    if email(value).is_ok() {
        return Some(Suspicion::LooksLikeEmail);
    }
    phone(value).is_ok().then_some(Suspicion::LooksLikePhone)
}

#[cfg(test)]
mod tests;
