//! Reads the identifiers of messages.

use std::borrow::Cow;

use super::{LOST, reader::Memory};
use crate::{
    identifier::{
        Identifier,
        normalize::{Normalized, normalize},
    },
    message::{
        limits::{MAX_IDENTIFIERS, MAX_NAME_BYTES},
        refusal::{Refusal, RefusalCode, Warning, refusal},
        spans::Items,
        syntax::{Fields, Scalar, object, scalar_text},
    },
    policy::compiled::CompiledPolicy,
};

/// The end of warnings about something that was left out.
const LEFT_OUT: &str = "; it was left out";

/// Names of identity keys that the DFINERY SDKs send, and the kinds that they are.
const KIND_ALIASES: [(&str, &str); 3] =
    [("phone_no", "phone"), ("kakao_user_id", "kakao_id"), ("line_user_id", "line_id")];

pub(crate) fn identifiers(
    reader: &Fields<'_, '_>,
    policy: &CompiledPolicy,
    mut memory: Option<&mut Memory>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Identifier>, Refusal> {
    let raw = reader.required("identifiers")?;
    let kinds = object(raw, &"identifiers")?;
    let mut found: Vec<(u32, Identifier)> = Vec::new();
    let mut n_values = 0;
    for (name, value) in kinds.iter() {
        let name = name.as_ref();
        let kind_name = KIND_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, kind)| *kind);
        let list = value.items();
        let values = list.into_iter().flat_map(Items::iter).chain(list.is_none().then_some(value));
        n_values += values.clone().count();
        if MAX_IDENTIFIERS < n_values {
            let detail = format!("a message carries at most {MAX_IDENTIFIERS} identifiers");
            return Err(refusal(RefusalCode::TooManyIdentifiers, "identifiers", detail));
        }
        let Some(kind) = policy.kind(kind_name) else {
            let path = format!("identifiers.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>());
            let detail = "the policy knows no identifiers of this kind; it was left out".to_owned();
            warnings.push(Warning { code: "UNKNOWN_KIND", path, detail });
            continue;
        };
        for (position, value) in values.enumerate() {
            let path = || match list {
                Some(_) => format!("identifiers.{name}[{position}]"),
                None => format!("identifiers.{name}"),
            };
            let text = match scalar_text(value) {
                // A boolean identifies no person.
                _ if matches!(value.get(), "true" | "false") => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path: path(), detail });
                    continue;
                }
                // Two that were cut differently would be one.
                Scalar::Text(text) if text.contains(LOST) => {
                    let detail = "a character of it was lost on the way (U+FFFD); it was left out".to_owned();
                    warnings.push(Warning { code: "IDENTIFIER_DAMAGED", path: path(), detail });
                    continue;
                }
                Scalar::Text(text) => text,
                Scalar::Null => Cow::Borrowed(""),
                Scalar::Other => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path: path(), detail });
                    continue;
                }
            };
            let normalized = match memory.as_deref_mut() {
                Some(memory) => memory.normalize(&text, kind, policy),
                None => normalize(&text, kind, policy),
            };
            match normalized {
                Normalized::Usable { identifier, warning } => {
                    if let Some(suspicion) = warning {
                        let detail = suspicion.to_string();
                        warnings.push(Warning { code: "SUSPICIOUS_IDENTIFIER", path: path(), detail });
                    }
                    found.push((kind.priority, identifier));
                }
                Normalized::Blocked(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: "IDENTIFIER_BLOCKED", path: path(), detail });
                }
                Normalized::Refused(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: reason.code(), path: path(), detail });
                }
            }
        }
    }
    if found.is_empty() {
        // Every reason is reported: the source may need several corrections.
        let reasons: Vec<String> =
            warnings.iter().map(|it| format!("{}: {}", it.path, it.detail.trim_end_matches(LEFT_OUT))).collect();
        let detail = if reasons.is_empty() {
            "name at least one identifier".to_owned()
        } else {
            format!("no identifier can be used ({})", reasons.join("; "))
        };
        let path = warnings.last().map_or_else(|| "identifiers".to_owned(), |it| it.path.clone());
        return Err(refusal(RefusalCode::NoUsableIdentifier, path, detail));
    }
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(|(_, identifier)| identifier).collect())
}
