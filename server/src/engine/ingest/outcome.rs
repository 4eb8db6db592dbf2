//! What became of each message, the same for GraphQL, HTTP, the APIs of others and imports.

use profile360_core::{
    graph::withheld::Withheld,
    message::refusal::{Refusal, RefusalCode, Warning},
    plan::changes::Outcome,
};
use serde::Serialize;

use crate::engine::pipeline::Ingested;

/// The status of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IngestStatus {
    Created,
    Updated,
    Linked,
    Merged,
    Withheld,
    Duplicate,
    Refused,
    /// Stored; the caller may not know more.
    Accepted,
}

impl From<&Outcome> for IngestStatus {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Updated => Self::Updated,
            Outcome::Linked => Self::Linked,
            Outcome::Merged => Self::Merged,
            Outcome::Withheld(_) => Self::Withheld,
            Outcome::Duplicate => Self::Duplicate,
        }
    }
}

/// The outcome of one message, as far as the caller may know it.
#[derive(Debug, Serialize)]
pub struct MessageOutcome {
    /// None where the message is refused and its ID cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    pub status: IngestStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unified_id: Option<String>,
    /// Why the message is refused, or one of its links is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl MessageOutcome {
    pub(super) fn refused(message_id: Option<String>, refusal: Refusal) -> Self {
        // Only this message is refused, and the other times of that clock are wrong, too.
        let warnings = if refusal.code == RefusalCode::TimestampAhead { vec![clock_ahead()] } else { Vec::new() };
        Self {
            message_id,
            status: IngestStatus::Refused,
            unified_id: None,
            code: Some(refusal.code.as_str()),
            path: Some(refusal.path),
            detail: Some(refusal.detail),
            warnings,
        }
    }

    pub(super) fn ingested(mut warnings: Vec<Warning>, ingested: Ingested, sees_results: bool) -> Self {
        warnings.extend(ingested.warnings);
        let status = IngestStatus::from(&ingested.outcome);
        let accepted = Self {
            message_id: Some(ingested.message_id.to_string()),
            // A duplicate reveals only that the ID was used before, and the sender chose the ID.
            status: if status == IngestStatus::Duplicate { status } else { IngestStatus::Accepted },
            unified_id: None,
            code: None,
            path: None,
            detail: None,
            warnings,
        };
        if !sees_results {
            return accepted;
        }
        let withheld = match &ingested.outcome {
            Outcome::Withheld(reason) => Some(reason),
            Outcome::Created | Outcome::Updated | Outcome::Linked | Outcome::Merged | Outcome::Duplicate => None,
        };
        Self {
            status,
            unified_id: ingested.unified_id.map(|id| id.to_string()),
            code: withheld.map(Withheld::code),
            detail: withheld.map(ToString::to_string),
            ..accepted
        }
    }

    pub fn is_refused(&self) -> bool {
        self.status == IngestStatus::Refused
    }
}

fn clock_ahead() -> Warning {
    let detail =
        "the sender's clock runs ahead, so its other messages are dated wrongly, too; look at what it sent before";
    Warning { code: "CLOCK_AHEAD", path: "timestamp".to_owned(), detail: detail.to_owned() }
}

/// The number of messages by status.
#[derive(Debug, Default)]
pub struct IngestCounts {
    pub created: u64,
    pub updated: u64,
    pub linked: u64,
    pub merged: u64,
    pub withheld: u64,
    pub accepted: u64,
    pub duplicates: u64,
    pub refused: u64,
    pub warnings: u64,
}

impl IngestCounts {
    pub fn add(&mut self, status: IngestStatus) {
        let count = match status {
            IngestStatus::Created => &mut self.created,
            IngestStatus::Updated => &mut self.updated,
            IngestStatus::Linked => &mut self.linked,
            IngestStatus::Merged => &mut self.merged,
            IngestStatus::Withheld => &mut self.withheld,
            IngestStatus::Accepted => &mut self.accepted,
            IngestStatus::Duplicate => &mut self.duplicates,
            IngestStatus::Refused => &mut self.refused,
        };
        *count += 1;
    }

    /// The messages that changed the store.
    pub fn n_stored(&self) -> u64 {
        self.created + self.updated + self.linked + self.merged + self.withheld + self.accepted
    }
}
