//! Reads the identifiers of messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::LOST;
use crate::{
    identifier::{
        Identifier,
        normalize::{Normalized, normalize},
    },
    message::{
        limits::{MAX_IDENTIFIERS, MAX_NAME_BYTES},
        refusal::{Refusal, RefusalCode, Warning, refusal},
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
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Identifier>, Refusal> {
    let raw = reader.required("identifiers")?;
    let kinds = object(raw, "identifiers")?;
    let mut found: Vec<(u32, Identifier)> = Vec::new();
    let mut n_values = 0;
    for (name, value) in &kinds.0 {
        let name = name.as_ref();
        let kind_name = KIND_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, kind)| *kind);
        let values: Vec<(String, &RawValue)> = if value.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            items
                .into_iter()
                .enumerate()
                .map(|(position, it)| (format!("identifiers.{name}[{position}]"), it))
                .collect()
        } else {
            vec![(format!("identifiers.{name}"), *value)]
        };
        n_values += values.len();
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
        for (path, value) in values {
            let text = match scalar_text(value) {
                // A boolean identifies no person.
                _ if matches!(value.get(), "true" | "false") => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path, detail });
                    continue;
                }
                // Two that were cut differently would be one.
                Scalar::Text(text) if text.contains(LOST) => {
                    let detail = "a character of it was lost on the way (U+FFFD); it was left out".to_owned();
                    warnings.push(Warning { code: "IDENTIFIER_DAMAGED", path, detail });
                    continue;
                }
                Scalar::Text(text) => text,
                Scalar::Null => Cow::Borrowed(""),
                Scalar::Other => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path, detail });
                    continue;
                }
            };
            match normalize(&text, kind, policy) {
                Normalized::Usable { identifier, warning } => {
                    if let Some(suspicion) = warning {
                        warnings.push(Warning { code: "SUSPICIOUS_IDENTIFIER", path, detail: suspicion.to_string() });
                    }
                    found.push((kind.priority, identifier));
                }
                Normalized::Blocked(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: "IDENTIFIER_BLOCKED", path, detail });
                }
                Normalized::Refused(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: reason.code(), path, detail });
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
