//! core for the browser: exports and conversions, no logic.
//!
//! Everything goes in and comes out as text, in core's own JSON: the page and the server say the same to the byte. What
//! cannot be answered is `{"error":{"code","detail","faults":[{"path","detail"}]}}`; nothing throws.

use profile360_core::{
    identifier::normalise::{Normalised, normalise},
    policy::compiled::CompiledPolicy,
    preview::{CheckedFacts, PreviewError, Question, read_policy, read_question, write_answer},
    search::recognise,
};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// The facts of some profiles, read once. Where they cannot be read, every answer says so. `free()` gives their memory back.
#[wasm_bindgen]
pub struct Facts(Result<CheckedFacts, PreviewError>);

#[wasm_bindgen]
impl Facts {
    /// Takes `facts` of the API's `profileFacts`, as text.
    #[wasm_bindgen(constructor)]
    pub fn new(facts: &str) -> Self {
        Self(CheckedFacts::parse(facts))
    }

    /// What was read: `{"policyVersion","revision","unifiedIds"}`.
    pub fn contents(&self) -> String {
        self.answer(|it| Ok(it.contents()))
    }

    /// `ProfileQuestion` in, `ShownProfile` out.
    pub fn profile(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.profile(&it))
    }

    /// `ProfileQuestion` in, `ShownAsOf` out: the parts of a profile that another date changes.
    #[wasm_bindgen(js_name = profileAsOf)]
    pub fn profile_as_of(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.profile_as_of(&it))
    }

    /// `MergeQuestion` in, `MergePreview` out.
    #[wasm_bindgen(js_name = mergePreview)]
    pub fn merge_preview(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.merge_preview(&it))
    }

    /// `UnmergeQuestion` in, `UnmergePreview` out.
    #[wasm_bindgen(js_name = unmergePreview)]
    pub fn unmerge_preview(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.unmerge_preview(&it))
    }

    /// `RankingQuestion` in, `RankingPreview` out.
    #[wasm_bindgen(js_name = rankingPreview)]
    pub fn ranking_preview(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.ranking_preview(&it))
    }

    /// `SpendQuestion` in, `Spend` out.
    pub fn spend(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.spend(&question))
    }

    /// `PolicyQuestion` in, `PolicyPreview` out.
    #[wasm_bindgen(js_name = policyPreview)]
    pub fn policy_preview(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.policy_preview(&it))
    }

    /// `ExplainQuestion` in, `ShownExplanation` out.
    pub fn explain(&self, question: &str) -> String {
        self.ask(question, |facts, it| facts.explain(&it))
    }
}

impl Facts {
    fn ask<Q: Question, A: Serialize>(
        &self,
        question: &str,
        answer: impl FnOnce(&CheckedFacts, Q) -> Result<A, PreviewError>,
    ) -> String {
        self.answer(|facts| answer(facts, read_question(question)?))
    }

    fn answer<A: Serialize>(&self, answer: impl FnOnce(&CheckedFacts) -> Result<A, PreviewError>) -> String {
        write_answer(&self.0.as_ref().map_err(Clone::clone).and_then(answer))
    }
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum NormalisedJson {
    Ok { kind: String, value: String, warnings: Vec<WarningJson> },
    Blocked { detail: String },
    Refused { code: &'static str, detail: String },
}

#[derive(Serialize)]
struct WarningJson {
    code: &'static str,
    detail: String,
}

/// The normal form of an identifier under a policy document, or the initial policy without one; what the document leaves out
/// is the initial policy's. `{"status":"ok","kind","value","warnings":[{"code","detail"}]}`, `{"status":"blocked","detail"}`
/// or `{"status":"refused","code","detail"}`.
#[wasm_bindgen(js_name = normaliseIdentifier)]
pub fn normalise_identifier(kind: &str, value: &str, policy: Option<String>) -> String {
    write_answer(&policy_of(policy).map(|policy| normalised(kind, value, &policy)))
}

/// What a search text can be under a policy document, or the initial policy without one: `{"as":"EMPTY"}`,
/// `{"as":"UNIFIED_ID","value"}`, `{"as":"IDENTIFIER","candidates":[{"kind","value"}]}` or `{"as":"NAME","value","candidates"}`.
#[wasm_bindgen(js_name = recogniseSearch)]
pub fn recognise_search(text: &str, policy: Option<String>) -> String {
    write_answer(&policy_of(policy).map(|policy| recognise(text, &policy)))
}

fn policy_of(document: Option<String>) -> Result<CompiledPolicy, PreviewError> {
    document.map_or_else(|| Ok(CompiledPolicy::initial()), |it| read_policy(&it))
}

fn normalised(kind: &str, value: &str, policy: &CompiledPolicy) -> NormalisedJson {
    let Some(rule) = policy.kind(kind) else {
        let detail = "the policy knows no identifiers of this kind".to_owned();
        return NormalisedJson::Refused { code: "UNKNOWN_KIND", detail };
    };
    match normalise(value, rule, policy) {
        Normalised::Usable { identifier, warning } => NormalisedJson::Ok {
            kind: identifier.kind.to_string(),
            value: identifier.value.to_string(),
            warnings: warning
                .map(|it| WarningJson { code: "SUSPICIOUS_IDENTIFIER", detail: it.to_string() })
                .into_iter()
                .collect(),
        },
        Normalised::Blocked(reason) => NormalisedJson::Blocked { detail: reason.to_string() },
        Normalised::Refused(reason) => NormalisedJson::Refused { code: reason.code(), detail: reason.to_string() },
    }
}
