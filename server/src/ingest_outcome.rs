//! Ingestion and its outcomes, the same for GraphQL, HTTP, the APIs of others and imports.

use profile360_core::{
    graph::withheld::Withheld,
    message::{
        parse::accepted::Accepted,
        refusal::{Refusal, Warning},
    },
    plan::changes::Outcome,
};
use serde::Serialize;

use crate::{
    auth::access::Caller,
    clock,
    engine::pipeline::{Ingested, Pipeline, PipelineError},
};

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
    fn refused(message_id: Option<String>, refusal: Refusal) -> Self {
        Self {
            message_id,
            status: IngestStatus::Refused,
            unified_id: None,
            code: Some(refusal.code.as_str()),
            path: Some(refusal.path),
            detail: Some(refusal.detail),
            warnings: Vec::new(),
        }
    }

    fn ingested(mut warnings: Vec<Warning>, ingested: Ingested, caller: &Caller) -> Self {
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
        if !caller.sees_results() {
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

/// A parsed message, or why it is refused and its ID, where that can be read.
pub type ParsedMessage = Result<Accepted, (Option<String>, Refusal)>;

/// The outcomes of the messages of a request.
#[derive(Debug)]
pub struct Ingestion {
    /// One for each message, in the same order.
    pub outcomes: Vec<MessageOutcome>,
    /// The commit that made them durable; none where all are refused.
    pub commit: Option<i64>,
}

/// Ingests the messages that the parser and the caller's key accept. `read_by` is the version of the policy that was active before the
/// first of them was parsed.
///
/// # Errors
///
/// Nothing is stored, and the caller can send the messages again.
pub async fn ingest(
    pipeline: &Pipeline,
    caller: &Caller,
    read_by: i64,
    messages: Vec<ParsedMessage>,
) -> Result<Ingestion, PipelineError> {
    let mut accepted = Vec::with_capacity(messages.len());
    let mut parsed = Vec::with_capacity(messages.len());
    for message in messages {
        let checked = message.and_then(|message| {
            let message_id = message.message.id.to_string();
            caller.send(message).map_err(|refusal| (Some(message_id), refusal))
        });
        parsed.push(checked.map(|mut message| {
            let warnings = std::mem::take(&mut message.warnings);
            accepted.push(message);
            warnings
        }));
    }
    let receipt = if accepted.is_empty() { None } else { Some(pipeline.ingest(accepted, read_by).await?) };
    let refused = parsed.iter().filter_map(|message| message.as_ref().err());
    let refused = refused.map(|(_, refusal)| (refusal.code.as_str(), &*refusal.path));
    pipeline.ingest_stats().count_refused(clock::now(), &caller.name, refused);
    let commit = receipt.as_ref().map(|receipt| receipt.commit);
    let mut ingested = receipt.map(|receipt| receipt.ingested).unwrap_or_default().into_iter();
    let outcome_of = |message| match message {
        Ok(warnings) => Some(MessageOutcome::ingested(warnings, ingested.next()?, caller)),
        Err((message_id, refusal)) => Some(MessageOutcome::refused(message_id, refusal)),
    };
    Ok(Ingestion { outcomes: parsed.into_iter().filter_map(outcome_of).collect(), commit })
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
