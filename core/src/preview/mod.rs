//! Previews: what would be shown if an operator decided, or if the policy were another, from the facts that the browser
//! holds (docs/design.md, section 9).
//!
//! [`ProfileFacts`] is what the server sends. [`CheckedFacts`] is what it makes of them, once; every question after that is
//! a pure function of it. Answers serialise with the names and forms of schema.graphql, so that what is previewed can be
//! compared with what the server shows afterwards, to the byte.
//!
//! Nothing here panics: what cannot be answered is a [`PreviewError`].

mod card;
mod difference;
mod explanation;
mod facts;
#[cfg(not(target_arch = "wasm32"))]
mod gathering;
mod merge;
mod policy;
mod question;
mod ranking;
mod shown;
mod situation;
mod unmerge;

use serde::Serialize;

use crate::{
    identifier::UnifiedId,
    policy::{CompiledPolicy, Policy, PolicyFault},
    tree::Tree,
    writing::to_text,
};

pub use self::{
    card::{Figures, ProfileQuestion, ShownAsOf, ShownProfile, ShownPurchases},
    difference::{LinkChanges, PreviewStatus, Regrouped},
    explanation::{ExplainQuestion, ShownExplanation},
    facts::{CheckedFacts, Contents, EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts},
    merge::{BrokenLimit, Claim, FieldGroup, MergePreview, MergeQuestion, MergedField},
    policy::{PolicyPreview, PolicyQuestion},
    question::Question,
    ranking::{ExplainedRank, RankingPreview, RankingQuestion},
    shown::{ShownDecision, ShownLink, ShownWithheldLink},
    unmerge::{Change, UnmergePreview, UnmergeQuestion},
};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// The text is not [`ProfileFacts`], or they contradict themselves.
    #[error("the facts cannot be read: {0}")]
    FactsUnreadable(String),
    /// The text is not a question of this kind.
    #[error("the question cannot be read: {0}")]
    QuestionUnreadable(String),
    #[error("the facts hold no profile of the unified ID {0}; load the facts of that profile too")]
    UnknownProfile(UnifiedId),
    /// Which one is not said: error texts hold no identifiers.
    #[error("the facts do not hold one of the identifiers; load the facts of its profile too")]
    UnknownIdentifier,
    #[error("the facts hold no link between the two identifiers")]
    UnknownLink,
    #[error("the facts hold no decision of this ID")]
    UnknownDecision,
    #[error("a decision is about two identifiers; these are one")]
    OneIdentifier,
    /// The policy document has faults; all of them are named.
    #[error("the policy has faults")]
    PolicyFaults(Vec<PolicyFault>),
    /// The facts were made of messages that would be read differently then.
    #[error("{0}")]
    NeedsMessages(&'static str),
    #[error("the facts do not hold the offsets of the policy's time zone for all purchases")]
    UnknownZone,
    /// The change reaches further than the facts that were loaded.
    #[error("the change reaches identifiers whose facts are not loaded; it cannot be previewed here")]
    IncompleteFacts,
}

impl PreviewError {
    /// The code that answers carry.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FactsUnreadable(_) => "FACTS_UNREADABLE",
            Self::QuestionUnreadable(_) => "QUESTION_UNREADABLE",
            Self::UnknownProfile(_) => "UNKNOWN_PROFILE",
            Self::UnknownIdentifier => "UNKNOWN_IDENTIFIER",
            Self::UnknownLink => "UNKNOWN_LINK",
            Self::UnknownDecision => "UNKNOWN_DECISION",
            Self::OneIdentifier => "ONE_IDENTIFIER",
            Self::PolicyFaults(_) => "POLICY_FAULTS",
            Self::NeedsMessages(_) => "NEEDS_MESSAGES",
            Self::UnknownZone => "UNKNOWN_ZONE",
            Self::IncompleteFacts => "INCOMPLETE_FACTS",
        }
    }
}

/// Reads a question from its JSON.
///
/// # Errors
///
/// [`PreviewError::QuestionUnreadable`] with what is wrong.
pub fn read_question<T: Question>(text: &str) -> Result<T, PreviewError> {
    Tree::parse(text).and_then(|it| T::read(&it)).map_err(|it| PreviewError::QuestionUnreadable(it.to_string()))
}

/// Reads a policy document from its JSON; what it leaves out is the initial policy's.
///
/// # Errors
///
/// [`PreviewError::QuestionUnreadable`] where the text is no JSON, and [`PreviewError::PolicyFaults`].
pub fn read_policy(text: &str) -> Result<CompiledPolicy, PreviewError> {
    let policy = Policy::default().amended(&read_question::<Tree>(text)?);
    policy.and_then(CompiledPolicy::new).map_err(PreviewError::PolicyFaults)
}

/// An answer as JSON: what was asked for, or `{"error":{"code","detail","faults":[{"path","detail"}]}}`.
pub fn write_answer<T: Serialize>(answer: &Result<T, PreviewError>) -> String {
    let text = match answer {
        Ok(answer) => to_text(answer),
        Err(error) => to_text(&ErrorAnswer { error: error.into() }),
    };
    // All answers are structs, lists and maps by text, which always make JSON.
    text.unwrap_or_default()
}

#[derive(Serialize)]
struct ErrorAnswer<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
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

#[cfg(test)]
mod tests;
