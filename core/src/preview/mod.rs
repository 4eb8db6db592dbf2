//! Previews: what would be shown if an operator decided, or if the policy were another, from the facts that the browser
//! holds (docs/design.md, section 9).
//!
//! [`ProfileFacts`] is what the server sends. [`CheckedFacts`] is what it makes of them, once; every question after that is
//! a pure function of it. Answers serialise with the names and forms of schema.graphql, so that what is previewed can be
//! compared with what the server shows afterwards, to the byte.
//!
//! Nothing here panics: what cannot be answered is a [`PreviewError`].

mod answer;
mod card;
mod checked;
mod difference;
mod error;
mod explanation;
mod facts;
#[cfg(not(target_arch = "wasm32"))]
mod gathering;
mod merge;
mod normal_form;
mod policy;
mod question;
mod ranking;
mod shown;
mod situation;
mod spend;
#[cfg(test)]
mod typescript;
mod unmerge;

pub use self::{
    answer::{read_policy, read_question, write_answer},
    card::{Figures, ProfileQuestion, ShownAsOf, ShownProfile, ShownPurchases},
    checked::{CheckedFacts, Contents},
    difference::{LinkChanges, PreviewStatus, Regrouped},
    error::PreviewError,
    explanation::{ExplainQuestion, ShownExplanation},
    facts::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts},
    merge::{BrokenLimit, Claim, FieldGroup, MergePreview, MergeQuestion, MergedField},
    normal_form::{NormalForm, NormalFormWarning, normal_form},
    policy::{PolicyPreview, PolicyQuestion},
    question::Question,
    ranking::{ExplainedRank, RankingPreview, RankingQuestion},
    shown::{ShownDecision, ShownLink, ShownWithheldLink},
    spend::SpendQuestion,
    unmerge::{Change, UnmergePreview, UnmergeQuestion},
};

#[cfg(test)]
mod tests;
