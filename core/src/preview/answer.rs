//! Questions and answers as JSON.

use profile360_compact_json::json_writer::to_text;
use serde::Serialize;

use super::{error::PreviewError, params::Params};
use crate::{
    json_value::JsonValue,
    policy::{
        compiled::CompiledPolicy,
        document::{Policy, PolicyFault},
    },
};

/// Reads a question from its JSON.
///
/// # Errors
///
/// [`PreviewError::ParamsUnreadable`] with what is wrong.
pub fn read_params<T: Params>(text: &str) -> Result<T, PreviewError> {
    JsonValue::parse(text).and_then(|it| T::read(&it)).map_err(|it| PreviewError::ParamsUnreadable(it.to_string()))
}

/// Reads a policy document from its JSON; what it leaves out is the initial policy's.
///
/// # Errors
///
/// [`PreviewError::ParamsUnreadable`] where the text is no JSON, and [`PreviewError::PolicyFaults`].
pub fn read_policy(text: &str) -> Result<CompiledPolicy, PreviewError> {
    let policy = Policy::default().amended(&read_params::<JsonValue>(text)?);
    policy.and_then(CompiledPolicy::new).map_err(PreviewError::PolicyFaults)
}

/// What the editor of a policy needs to know of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyCheck {
    /// Every fault. A time zone that does not exist is found by the server only.
    pub faults: Vec<PolicyFault>,
}

/// Checks a whole policy document, as a publication does.
///
/// # Errors
///
/// [`PreviewError::ParamsUnreadable`] where the text is no JSON.
pub fn check_policy(text: &str) -> Result<PolicyCheck, PreviewError> {
    let document: JsonValue = read_params(text)?;
    let faults = match Policy::default().amended(&document) {
        Ok(policy) => faults_of(policy),
        Err(mut faults) => {
            // Fields that can be read are checked although others cannot.
            if let Ok(policy) = Policy::default().amended(&readable_part(&document, &faults)) {
                faults.extend(faults_of(policy));
            }
            faults
        }
    };
    Ok(PolicyCheck { faults })
}

fn faults_of(policy: Policy) -> Vec<PolicyFault> {
    let mut faults = policy.within_bounds().err().unwrap_or_default();
    // A pattern that is too large cannot be compiled either.
    for fault in CompiledPolicy::new(policy).err().unwrap_or_default() {
        if faults.iter().all(|known| known.path != fault.path) {
            faults.push(fault);
        }
    }
    faults
}

/// A document without its fields that have faults.
fn readable_part(document: &JsonValue, faults: &[PolicyFault]) -> JsonValue {
    let JsonValue::Object(fields) = document else { return JsonValue::Object(Vec::new()) };
    let is_faulty = |name: &str| faults.iter().any(|fault| fault.path.split(['.', '[']).next() == Some(name));
    JsonValue::Object(fields.iter().filter(|(name, _)| !is_faulty(name)).cloned().collect())
}

/// An answer as JSON: what was asked for, or `{"error":{"code","detail","faults":[{"code","path","detail"}]}}`.
pub fn write_answer<T: Serialize>(answer: &Result<T, PreviewError>) -> String {
    let text = match answer {
        Ok(answer) => to_text(answer),
        Err(error) => to_text(&ErrorAnswer { error: error.into() }),
    };
    // All answers are structs, lists and maps by text, which always make JSON.
    text.unwrap_or_default()
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct ErrorAnswer<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct ErrorFields<'a> {
    code: &'static str,
    detail: String,
    faults: &'a [PolicyFault],
}

impl<'a> From<&'a PreviewError> for ErrorFields<'a> {
    fn from(error: &'a PreviewError) -> Self {
        let faults: &[PolicyFault] = if let PreviewError::PolicyFaults(faults) = error { faults } else { &[] };
        Self { code: error.code(), detail: error.to_string(), faults }
    }
}
