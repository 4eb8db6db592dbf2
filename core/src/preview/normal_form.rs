//! The normal form of one identifier, with what is wrong or suspicious about it.

use serde::Serialize;

use crate::{
    identifier::{
        Kind,
        normalize::{Normalized, normalize},
    },
    policy::compiled::CompiledPolicy,
};

/// What a policy makes of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum NormalForm {
    Ok {
        kind: Kind,
        value: String,
        warnings: Vec<NormalFormWarning>,
    },
    /// The value never identifies a customer.
    Blocked {
        detail: String,
    },
    /// The value is not of its kind.
    Refused {
        code: &'static str,
        detail: String,
    },
}

/// Why a valid value is suspicious.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NormalFormWarning {
    pub code: &'static str,
    pub detail: String,
}

/// The normal form of a value of a kind under a policy.
pub fn normal_form(kind: &str, value: &str, policy: &CompiledPolicy) -> NormalForm {
    let Some(rule) = policy.kind(kind) else {
        let detail = "the policy knows no identifiers of this kind".to_owned();
        return NormalForm::Refused { code: "UNKNOWN_KIND", detail };
    };
    match normalize(value, rule, policy) {
        Normalized::Usable { identifier, warning } => {
            let warning =
                warning.map(|warning| NormalFormWarning { code: "SUSPICIOUS_IDENTIFIER", detail: warning.to_string() });
            let (kind, value) = (identifier.kind, identifier.value.to_string());
            NormalForm::Ok { kind, value, warnings: warning.into_iter().collect() }
        }
        Normalized::Blocked(reason) => NormalForm::Blocked { detail: reason.to_string() },
        Normalized::Refused(reason) => NormalForm::Refused { code: reason.code(), detail: reason.to_string() },
    }
}
