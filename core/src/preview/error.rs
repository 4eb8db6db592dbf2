//! Why a question has no answer.

use crate::{identifier::UnifiedId, policy::document::PolicyFault};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// The text is not [`ProfileFacts`], or they contradict themselves.
    #[error("the facts cannot be read: {0}")]
    FactsUnreadable(String),
    /// The text is not a question of this kind.
    #[error("the question cannot be read: {0}")]
    ParamsUnreadable(String),
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
            Self::ParamsUnreadable(_) => "QUESTION_UNREADABLE",
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
