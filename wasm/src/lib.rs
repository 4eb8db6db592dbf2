//! core for the browser: exports and conversions, no logic.
//!
//! Questions and answers are core's own JSON, as text, so the page and the server agree to the byte. The page's types of them,
//! `web/src/rules/preview.ts`, are written from core's types. A question without an answer gets `ErrorAnswer`; nothing throws.

use profile360_core::{
    policy::compiled::CompiledPolicy,
    preview::{CheckedFacts, PreviewError, Question, normal_form, read_policy, read_question, write_answer},
    search::recognise,
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

    /// `ProfileQuestion` in, `ShownProfile` out.
    pub fn profile(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.profile(&question))
    }

    /// `ProfileQuestion` in, `ShownAsOf` out: the parts of a profile that another date changes.
    #[wasm_bindgen(js_name = profileAsOf)]
    pub fn profile_as_of(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.profile_as_of(&question))
    }

    /// `MergeQuestion` in, `MergePreview` out.
    #[wasm_bindgen(js_name = mergePreview)]
    pub fn merge_preview(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.merge_preview(&question))
    }

    /// `UnmergeQuestion` in, `UnmergePreview` out.
    #[wasm_bindgen(js_name = unmergePreview)]
    pub fn unmerge_preview(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.unmerge_preview(&question))
    }

    /// `RankingQuestion` in, `RankingPreview` out.
    #[wasm_bindgen(js_name = rankingPreview)]
    pub fn ranking_preview(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.ranking_preview(&question))
    }

    /// `SpendQuestion` in, `Spend` out.
    pub fn spend(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.spend(&question))
    }

    /// `PolicyQuestion` in, `PolicyPreview` out.
    #[wasm_bindgen(js_name = policyPreview)]
    pub fn policy_preview(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.policy_preview(&question))
    }

    /// `ExplainQuestion` in, `ShownExplanation` out.
    pub fn explain(&self, question: &str) -> String {
        self.ask(question, |facts, question| facts.explain(&question))
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

/// The normal form of an identifier under a policy document, or the initial policy without one; what the document leaves out
/// is the initial policy's. `NormalForm` out.
#[wasm_bindgen(js_name = normalizeIdentifier)]
pub fn normalize_identifier(kind: &str, value: &str, policy: Option<String>) -> String {
    write_answer(&policy_of(policy).map(|policy| normal_form(kind, value, &policy)))
}

/// What a search text can be under a policy document, or the initial policy without one: `Recognized` out.
#[wasm_bindgen(js_name = recognizeSearch)]
pub fn recognize_search(text: &str, policy: Option<String>) -> String {
    write_answer(&policy_of(policy).map(|policy| recognise(text, &policy)))
}

fn policy_of(document: Option<String>) -> Result<CompiledPolicy, PreviewError> {
    document.map_or_else(|| Ok(CompiledPolicy::initial()), |document| read_policy(&document))
}
