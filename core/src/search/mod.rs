//! What someone means who types into the search field.

pub mod names;
pub mod pieces;

use profile360_compact_json::sort::sort_stably_by;
use serde::Serialize;

use crate::{
    identifier::{
        Identifier, UnifiedId,
        normalize::{Normalized, normalize},
    },
    policy::{
        compiled::CompiledPolicy,
        document::{Form, KindRule},
    },
};

/// What a search text can be. All that a text can be is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "as", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Recognized {
    Empty,
    UnifiedId {
        value: UnifiedId,
    },
    /// Its normal form in every kind that accepts it, the kind it looks most like first. Only where one of them demands a form
    /// (a phone number, an email address) is it surely no name.
    Identifier {
        /// The first candidate's kind demands a form, so the text can hardly be anything else.
        #[serde(rename = "hasForm")]
        has_form: bool,
        candidates: Vec<Identifier>,
    },
    /// It may be the beginning of words of a name, or an identifier of a kind that accepts any text.
    Name {
        value: String,
        candidates: Vec<Identifier>,
    },
}

/// Says what a text is, by the policy's kinds.
pub fn recognize(text: &str, policy: &CompiledPolicy) -> Recognized {
    let text = text.trim();
    if text.is_empty() {
        return Recognized::Empty;
    }
    if let Some(value) = UnifiedId::parse(text).filter(|_| text.len() == 36) {
        return Recognized::UnifiedId { value };
    }
    let mut kinds: Vec<_> = policy.kinds.iter().collect();
    let place = |it: &KindRule| (!demands_a_form(&it.form), it.priority);
    sort_stably_by(&mut kinds, |a, b| place(a).cmp(&place(b)));
    let mut has_form = false;
    let mut candidates = Vec::new();
    for kind in kinds {
        if let Normalized::Usable { identifier, .. } = normalize(text, kind, policy) {
            has_form |= demands_a_form(&kind.form);
            candidates.push(identifier);
        }
    }
    let is_number = text.bytes().all(|it| it.is_ascii_digit());
    if has_form || (is_number && !candidates.is_empty()) {
        Recognized::Identifier { has_form, candidates }
    } else {
        Recognized::Name { value: text.to_owned(), candidates }
    }
}

fn demands_a_form(form: &Form) -> bool {
    matches!(form, Form::Phone | Form::Email | Form::Pattern(_))
}

#[cfg(test)]
mod tests;
