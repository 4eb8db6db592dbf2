//! Identifiers: what they are and the normal form of each kind.

mod email;
pub(crate) mod nobody;
mod phone;
mod text;
pub mod unified_id;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{nobody::Blocked, text::clean};
use crate::policy::{CompiledPolicy, Form, KindRule};

/// The version of the normal forms, of what is blocked and of the facts that are gathered under them. A base that was made
/// under an older one is read again.
pub const NORMAL_FORMS: i64 = 2;

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
    /// The value never links and never founds a profile; the reason.
    Blocked(Blocked),
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
    #[error(
        "it ends in .0, as whole numbers do that went through a column of decimals; without that it would be another value"
    )]
    HasDecimals,
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

/// Brings a value of a known kind to its normal form.
pub fn normalise(raw: &str, kind: &KindRule, policy: &CompiledPolicy) -> Normalised {
    let text = &*clean(raw);
    if MAX_VALUE_BYTES < text.len() {
        return Normalised::Refused(Malformed::TooLong);
    }
    if let Some(reason) = policy.blocked(text) {
        return Normalised::Blocked(reason);
    }
    if text.chars().any(char::is_control) {
        return Normalised::Refused(Malformed::ControlCharacter);
    }
    let normal = match &kind.form {
        Form::Phone => phone::normal_form(text, phone::Leading::MayBeLost),
        Form::Email => email::normal_form(text),
        Form::ExternalId | Form::Trimmed => Ok(text.to_owned()),
        Form::Pattern(_) if policy.matches_pattern(kind, text) => Ok(text.to_owned()),
        Form::Pattern(_) => Err(Malformed::PatternMismatch),
    };
    let value = match normal {
        Ok(value) => value,
        Err(reason) => return Normalised::Refused(reason),
    };
    if MAX_VALUE_BYTES < value.len() {
        return Normalised::Refused(Malformed::TooLong);
    }
    if value != text
        && let Some(reason) = policy.blocked(&value)
    {
        return Normalised::Blocked(reason);
    }
    let warning = suspicion(&value, &kind.form);
    Normalised::Usable { identifier: Identifier::new(kind.name.clone(), &value), warning }
}

/// An identifier that an older program brought to its normal form, in this one's. One that is blocked or none of its kind any
/// more stays as it is.
pub fn normal_again(identifier: &Identifier, policy: &CompiledPolicy) -> Identifier {
    let rule = policy.kind(identifier.kind.as_str());
    match rule.map(|rule| normalise(&identifier.value, rule, policy)) {
        Some(Normalised::Usable { identifier: again, .. }) => again.of_generation(identifier.generation),
        _ => identifier.clone(),
    }
}

/// Whether a text is an e-mail address, as the kind has it.
pub fn is_email(text: &str) -> bool {
    email::normal_form(text).is_ok()
}

fn suspicion(value: &str, form: &Form) -> Option<Suspicion> {
    if *form == Form::ExternalId {
        if value.contains('@') && email::normal_form(value).is_ok() {
            return Some(Suspicion::LooksLikeEmail);
        }
        if phone::normal_form(value, phone::Leading::Required).is_ok() {
            return Some(Suspicion::LooksLikePhone);
        }
    }
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let has_decimals = value.split_once('.').is_some_and(|(whole, fraction)| {
        is_number(whole) && !fraction.is_empty() && fraction.bytes().all(|it| it == b'0')
    });
    (has_decimals && !matches!(form, Form::Phone | Form::Email)).then_some(Suspicion::HasDecimals)
}

#[cfg(test)]
mod tests;
