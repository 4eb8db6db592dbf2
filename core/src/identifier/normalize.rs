//! The normal form of a value of each kind.

use super::{Identifier, MAX_VALUE_BYTES, Malformed, blocked_value::Blocked, email, phone, text::clean};
use crate::policy::{
    compiled::CompiledPolicy,
    document::{Form, KindRule},
};

/// The version of the normal forms, of what is blocked and of the facts that are gathered under them. A base that was made
/// under an older one is read again.
pub const NORMAL_FORMS: i64 = 2;

/// What became of a value as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normalized {
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
    #[error("it looks like an email address; an external ID should be an internal number")]
    LooksLikeEmail,
    #[error("it looks like a phone number; an external ID should be an internal number")]
    LooksLikePhone,
    #[error(
        "it ends in .0, as whole numbers do that went through a column of decimals; without that it would be another value"
    )]
    HasDecimals,
}

/// Brings a value of a known kind to its normal form.
pub fn normalize(raw: &str, kind: &KindRule, policy: &CompiledPolicy) -> Normalized {
    let text = &*clean(raw);
    if MAX_VALUE_BYTES < text.len() {
        return Normalized::Refused(Malformed::TooLong);
    }
    if let Some(reason) = policy.blocked(text) {
        return Normalized::Blocked(reason);
    }
    if text.chars().any(char::is_control) {
        return Normalized::Refused(Malformed::ControlCharacter);
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
        Err(reason) => return Normalized::Refused(reason),
    };
    if MAX_VALUE_BYTES < value.len() {
        return Normalized::Refused(Malformed::TooLong);
    }
    if value != text
        && let Some(reason) = policy.blocked(&value)
    {
        return Normalized::Blocked(reason);
    }
    let warning = suspicion(&value, &kind.form);
    Normalized::Usable { identifier: Identifier::new(kind.name.clone(), &value), warning }
}

/// An identifier that an older program brought to its normal form, in this one's. One that is blocked or none of its kind any
/// more stays as it is.
pub fn normal_again(identifier: &Identifier, policy: &CompiledPolicy) -> Identifier {
    let rule = policy.kind(identifier.kind.as_str());
    match rule.map(|rule| normalize(&identifier.value, rule, policy)) {
        Some(Normalized::Usable { identifier: again, .. }) => again.of_generation(identifier.generation),
        _ => identifier.clone(),
    }
}

/// Whether a text is an email address, as the kind has it.
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
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_decimals = value.split_once('.').is_some_and(|(whole, fraction)| {
        is_number(whole) && !fraction.is_empty() && fraction.bytes().all(|it| it == b'0')
    });
    (has_decimals && !matches!(form, Form::Phone | Form::Email)).then_some(Suspicion::HasDecimals)
}
