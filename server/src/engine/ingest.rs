//! The one way of messages into the engine, for GraphQL, the HTTP APIs, imports and sample data.
//!
//! A source translates its format into the text of messages and puts them into a [`Batch`]. The batch parses and enriches them
//! under one version of the policy, checks what its sender may send, waits for its part of the memory for messages in progress,
//! hands them to the pipeline, counts them, and says what became of each.

mod outcome;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use profile360_core::message::{parse::accepted::Accepted, refusal::Refusal};
use profile360_ingest::{enrich::Enricher, framing::kept_id};
use tokio::{sync::Semaphore, time::timeout};

pub use self::outcome::{IngestCounts, IngestStatus, MessageOutcome};
use super::{
    active_policy::PolicyVersion,
    pipeline::{Pipeline, PipelineError},
    snapshot::Snapshot,
};
use crate::{auth::access::Caller, clock};

/// A parsed message, or why it is refused and its ID, where that can be read.
pub type ParsedMessage = Result<Accepted, (Option<String>, Refusal)>;

/// Who sends messages.
#[derive(Debug, Clone, Copy)]
pub enum Sender<'a> {
    /// The caller of a request, who may send and learn what its key says.
    Caller(&'a Caller),
    /// The operator of this machine, who may do both. Refused messages are reported to him and not counted.
    Operator,
}

/// Ingests messages.
#[derive(Debug, Clone)]
pub struct IngestService {
    pipeline: Pipeline,
    enricher: Enricher,
    /// A permit for each [`UNIT`] of the messages in progress.
    in_progress: Arc<Semaphore>,
    n_permits: u32,
}

/// Why messages were not ingested. None of the batch is stored, and sending them again is safe.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("the messages in progress fill the memory for them (--memory); send these again later")]
    Overloaded,
}

/// How long the messages of a client wait for memory.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The bytes of one permit.
const UNIT: usize = 1 << 10;
/// The approximate memory of a message in progress per byte of its text: the text, its copy that is stored, and its parts.
pub const BYTES_PER_BYTE: usize = 3;

impl IngestService {
    /// The messages in progress use at most about `n_bytes`; those of a larger request are alone.
    pub fn new(pipeline: Pipeline, enricher: Enricher, n_bytes: usize) -> Self {
        let n_permits = u32::try_from(n_bytes / UNIT).unwrap_or(u32::MAX).max(1);
        let in_progress = Arc::new(Semaphore::new(usize::try_from(n_permits).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { pipeline, enricher, in_progress, n_permits }
    }

    pub const fn enricher(&self) -> &Enricher {
        &self.enricher
    }

    /// The policy that is active now.
    pub fn policy(&self) -> Arc<PolicyVersion> {
        self.pipeline.snapshot().policy
    }

    /// Replaces IDs that are hashes of contents by keyed ones, unless the message is stored under the unkeyed hash.
    async fn set_kept_ids(&self, messages: &mut [Accepted]) -> Result<(), PipelineError> {
        if messages.iter().all(|accepted| !accepted.is_id_made) {
            return Ok(());
        }
        let Snapshot { store, secret, has_plain_made_ids, .. } = self.pipeline.snapshot();
        let mut stored = BTreeSet::new();
        if has_plain_made_ids {
            let made = messages.iter().filter(|accepted| accepted.is_id_made);
            let made = made.map(|accepted| accepted.message.id.clone()).collect();
            stored = store.stored_messages(&made).await.map_err(|error| {
                tracing::error!(%error, "stored messages could not be looked up");
                PipelineError::Unavailable
            })?;
        }
        let is_new = |accepted: &&mut Accepted| accepted.is_id_made && !stored.contains(&accepted.message.id);
        for accepted in messages.iter_mut().filter(is_new) {
            let kept = kept_id(&accepted.message.id, &secret);
            // The contents cannot contain their own hash, so it occurs once.
            accepted.payload = accepted.payload.replacen(&*accepted.message.id, &kept, 1);
            accepted.message.set_id(kept.into());
        }
        Ok(())
    }

    /// A new batch, whose messages are parsed under the policy that is active now.
    pub fn batch(&self) -> Batch {
        self.batch_under(self.policy())
    }

    /// A new batch, whose messages are parsed under a policy that was active a moment ago.
    pub fn batch_under(&self, policy: Arc<PolicyVersion>) -> Batch {
        Batch { service: self.clone(), policy, messages: Vec::new(), n_bytes: 0 }
    }
}

/// Messages that are ingested together, all or none of those that are accepted.
#[derive(Debug)]
pub struct Batch {
    service: IngestService,
    policy: Arc<PolicyVersion>,
    messages: Vec<ParsedMessage>,
    n_bytes: usize,
}

impl Batch {
    /// The policy under which all of its messages are parsed.
    pub const fn policy(&self) -> &Arc<PolicyVersion> {
        &self.policy
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Parses and enriches a message, without adding it.
    pub fn parse(&self, text: &str) -> Result<Accepted, Refusal> {
        self.service.enricher.parse(text, &self.policy)
    }

    /// Adds a message that was parsed under [`Self::policy`], or a refusal.
    pub fn add(&mut self, message: ParsedMessage) {
        self.n_bytes += message.as_ref().map_or(0, |accepted| accepted.payload.len());
        self.messages.push(message);
    }

    /// Ingests the messages that the parser and the sender's key accept, and waits until they are durable. Waits before that while
    /// too many others are in progress.
    ///
    /// # Errors
    ///
    /// If the database cannot write now, or the messages of a caller wait too long for memory.
    pub async fn ingest(self, sender: Sender<'_>) -> Result<Ingestion, IngestError> {
        let Self { service, policy, messages, n_bytes } = self;
        let mut accepted = Vec::with_capacity(messages.len());
        let mut parsed = Vec::with_capacity(messages.len());
        for message in messages {
            let checked = match sender {
                Sender::Operator => message,
                Sender::Caller(caller) => message.and_then(|message| {
                    let message_id = message.message.id.clone();
                    caller.send(message).map_err(|refusal| (Some(message_id.to_string()), refusal))
                }),
            };
            parsed.push(checked.map(|mut message| {
                let warnings = std::mem::take(&mut message.warnings);
                accepted.push(message);
                warnings
            }));
        }
        let receipt = if accepted.is_empty() {
            None
        } else {
            let n_units = u32::try_from(n_bytes.saturating_mul(BYTES_PER_BYTE).div_ceil(UNIT)).unwrap_or(u32::MAX);
            let acquiring = service.in_progress.acquire_many(n_units.min(service.n_permits));
            let permit = match sender {
                Sender::Caller(_) => timeout(LONGEST_WAIT, acquiring).await.map_err(|_| IngestError::Overloaded)?,
                Sender::Operator => acquiring.await,
            };
            let _permit = permit.map_err(|_| PipelineError::Stopping)?;
            service.set_kept_ids(&mut accepted).await?;
            Some(service.pipeline.ingest(accepted, policy.version).await?)
        };
        if let Sender::Caller(caller) = sender {
            let refused = parsed.iter().filter_map(|message| message.as_ref().err());
            let refused = refused.map(|(_, refusal)| (refusal.code.as_str(), &*refusal.path));
            service.pipeline.ingest_stats().count_refused(clock::now(), &caller.name, refused);
        }
        let commit = receipt.as_ref().map(|receipt| receipt.commit);
        let mut ingested = receipt.map(|receipt| receipt.ingested).unwrap_or_default().into_iter();
        let sees_results = match sender {
            Sender::Caller(caller) => caller.sees_results(),
            Sender::Operator => true,
        };
        let outcome_of = |message| match message {
            Ok(warnings) => Some(MessageOutcome::ingested(warnings, ingested.next()?, sees_results)),
            Err((message_id, refusal)) => Some(MessageOutcome::refused(message_id, refusal)),
        };
        Ok(Ingestion { outcomes: parsed.into_iter().filter_map(outcome_of).collect(), commit })
    }
}

/// The outcomes of the messages of a batch.
#[derive(Debug)]
pub struct Ingestion {
    /// One for each message, in the same order.
    pub outcomes: Vec<MessageOutcome>,
    /// The commit that made them durable; none where all are refused.
    pub commit: Option<i64>,
}
