//! core for the browser: exports and conversions, no logic.
//!
//! Everything goes in and comes out as text, in core's own JSON: the page and the server say the same to the byte.

use profile360_core::{
    identifier::{Normalised, normalise},
    policy::CompiledPolicy,
    search::recognise,
};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum NormalisedJson<'a> {
    Ok { kind: &'a str, value: &'a str, warnings: Vec<WarningJson> },
    Blocked { detail: &'a str },
    Refused { code: &'a str, detail: String },
}

#[derive(Serialize)]
struct WarningJson {
    code: &'static str,
    detail: String,
}

/// The normal form of an identifier under the initial policy: `{"status":"ok","kind","value","warnings":[{"code","detail"}]}`,
/// `{"status":"blocked","detail"}` or `{"status":"refused","code","detail"}`.
#[wasm_bindgen(js_name = normaliseIdentifier)]
pub fn normalise_identifier(kind: &str, value: &str) -> String {
    let policy = CompiledPolicy::initial();
    let Some(rule) = policy.kind(kind) else {
        let detail = "the policy knows no identifiers of this kind".to_owned();
        return json(&NormalisedJson::Refused { code: "UNKNOWN_KIND", detail });
    };
    match normalise(value, rule, &policy) {
        Normalised::Usable { identifier, warning } => json(&NormalisedJson::Ok {
            kind: identifier.kind.as_str(),
            value: &identifier.value,
            warnings: warning
                .map(|it| WarningJson { code: "SUSPICIOUS_IDENTIFIER", detail: it.to_string() })
                .into_iter()
                .collect(),
        }),
        Normalised::Blocked => json(&NormalisedJson::Blocked { detail: "this value says nothing about who it is" }),
        Normalised::Refused(reason) => {
            json(&NormalisedJson::Refused { code: reason.code(), detail: reason.to_string() })
        }
    }
}

/// What a search text can be under the initial policy: `{"as":"EMPTY"}`, `{"as":"UNIFIED_ID","value"}`,
/// `{"as":"IDENTIFIER","candidates":[{"kind","value"}]}` or `{"as":"NAME","value","candidates"}`.
#[wasm_bindgen(js_name = recogniseSearch)]
pub fn recognise_search(text: &str) -> String {
    json(&recognise(text, &CompiledPolicy::initial()))
}

fn json<T: Serialize>(value: &T) -> String {
    // These types always make JSON; a test holds every form to it.
    serde_json::to_string(value).unwrap_or_default()
}
