//! core for the browser: exports and conversions, no logic.
//!
//! Questions and answers are core's own JSON, as text, so the page and the server agree to the byte. The page's types of them,
//! `web/src/rules/preview.ts`, are written from core's types. A question without an answer gets `ErrorAnswer`; nothing throws.

use profile360_core::{
    identifier::blocked_value,
    policy::compiled::CompiledPolicy,
    preview::{self, CheckedFacts, Params, PreviewError, normal_form, read_params, read_policy, write_answer},
};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// The facts of some profiles, parsed once. If they cannot be parsed, every answer is that error. `free()` releases them.
#[wasm_bindgen]
pub struct Facts(Result<CheckedFacts, PreviewError>);

#[wasm_bindgen]
impl Facts {
    /// Parses `facts` of the API's `profileFacts`.
    #[wasm_bindgen(constructor)]
    pub fn new(facts: &str) -> Self {
        Self(CheckedFacts::parse(facts))
    }

    /// `Contents` out.
    pub fn contents(&self) -> String {
        self.answer(|facts| Ok(facts.contents()))
    }

    /// `ProfileParams` in, `ProfileView` out.
    pub fn profile(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.profile(&params))
    }

    /// `ProfileParams` in, `AsOfView` out: the parts of a profile that another date changes.
    #[wasm_bindgen(js_name = profileAsOf)]
    pub fn profile_as_of(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.profile_as_of(&params))
    }

    /// `MergeParams` in, `MergePreview` out.
    #[wasm_bindgen(js_name = mergePreview)]
    pub fn merge_preview(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.merge_preview(&params))
    }

    /// `UnmergeParams` in, `UnmergePreview` out.
    #[wasm_bindgen(js_name = unmergePreview)]
    pub fn unmerge_preview(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.unmerge_preview(&params))
    }

    /// `RankingParams` in, `RankingPreview` out.
    #[wasm_bindgen(js_name = rankingPreview)]
    pub fn ranking_preview(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.ranking_preview(&params))
    }

    /// `SpendParams` in, `Spend` out.
    pub fn spend(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.spend(&params))
    }

    /// `PolicyParams` in, `PolicyPreview` out.
    #[wasm_bindgen(js_name = policyPreview)]
    pub fn policy_preview(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.policy_preview(&params))
    }

    /// `ExplainParams` in, `ExplanationView` out.
    pub fn explain(&self, params: &str) -> String {
        self.ask(params, |facts, params| facts.explain(&params))
    }
}

impl Facts {
    fn ask<Q: Params, A: Serialize>(
        &self,
        params: &str,
        answer: impl FnOnce(&CheckedFacts, Q) -> Result<A, PreviewError>,
    ) -> String {
        self.answer(|facts| answer(facts, read_params(params)?))
    }

    fn answer<A: Serialize>(&self, answer: impl FnOnce(&CheckedFacts) -> Result<A, PreviewError>) -> String {
        write_answer(&self.0.as_ref().map_err(Clone::clone).and_then(answer))
    }
}

/// The normal form of an identifier under a policy document, or the initial policy without one; what the document leaves out
/// is the initial policy's. `NormalForm` out.
#[wasm_bindgen(js_name = normalizeIdentifier)]
pub fn normalize_identifier(kind: &str, value: &str, policy: Option<String>) -> String {
    write_answer(&policy_of(policy).map(|policy| normal_form(kind, value, &policy)))
}

/// The faults of a whole policy document. `PolicyCheck` out.
#[wasm_bindgen(js_name = checkPolicy)]
pub fn check_policy(document: &str) -> String {
    write_answer(&preview::check_policy(document))
}

/// The values that are blocked under every policy: a list of texts.
#[wasm_bindgen(js_name = alwaysBlocked)]
pub fn always_blocked() -> String {
    write_answer(&Ok(blocked_value::always_blocked()))
}

fn policy_of(document: Option<String>) -> Result<CompiledPolicy, PreviewError> {
    document.map_or_else(|| Ok(CompiledPolicy::initial()), |document| read_policy(&document))
}
