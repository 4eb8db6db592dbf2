//! Previews: what would be shown if an operator decided, or if the policy were another, from the facts that the browser
//! holds (docs/design.md, section 9).
//!
//! [`ProfileFacts`] is what the server sends. [`CheckedFacts`] is what it makes of them, once; every question after that is
//! a pure function of it. Answers serialize with the names and forms of schema.graphql, so that what is previewed can be
//! compared with what the server shows afterwards, to the byte.
//!
//! Nothing here panics: what cannot be answered is a [`PreviewError`].

mod answer;
mod checked;
#[cfg(not(target_arch = "wasm32"))]
mod collect;
mod difference;
mod error;
mod explanation;
mod facts;
mod merge;
mod normal_form;
mod params;
mod policy;
mod profile_view;
mod ranking;
mod scenario;
mod spend;
#[cfg(test)]
mod typescript;
mod unmerge;
mod views;

pub use self::{
    answer::{PolicyCheck, check_policy, read_params, read_policy, write_answer},
    checked::{CheckedFacts, Contents},
    difference::{LinkChanges, PreviewStatus, Regrouped},
    error::PreviewError,
    explanation::{ExplainParams, ExplanationView},
    facts::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts},
    merge::{
        BrokenLimit, Claim, Compared, Comparison, FieldGroup, MergeEvidence, MergeParams, MergePreview, MergedField,
    },
    normal_form::{NormalForm, NormalFormWarning, normal_form},
    params::Params,
    policy::{PolicyParams, PolicyPreview},
    profile_view::{AsOfView, Figures, ProfileParams, ProfileView, PurchasesView},
    ranking::{RankingParams, RankingPreview},
    spend::SpendParams,
    unmerge::{Change, UnmergeParams, UnmergePreview},
    views::{DecisionView, LinkView, WithheldLinkView},
};

#[cfg(test)]
mod tests;
