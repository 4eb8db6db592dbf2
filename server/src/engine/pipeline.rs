//! The write pipeline: every write to the database goes through it.
//!
//! [`Pipeline`] is its handle: callers put requests into a bounded queue. The [`executor`] serves them.

pub(super) mod cache;
mod command;
mod dry_run;
mod executor;
mod receipt;
mod slow_lane;
mod switch;
mod work;
mod written;

use std::sync::Arc;

use profile360_core::{
    identifier::{UnifiedId, unified_id::IdSecret},
    message::{parse::accepted::Accepted, refusal::Warning},
    plan::changes::Outcome,
    time::Timestamp,
};
use profile360_store::{EngineMemory, LineageRow, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::{
    command::CommandRequest,
    executor::Executor,
    work::{Ingest, Request, Tries},
};
pub use self::{
    command::{Command, CommandOutcome, DryRun, new_id},
    dry_run::{Preview, PreviewedCustomer},
};
use crate::{
    clock,
    engine::{
        ingest_stats::IngestStats, planning::PlanContext, policy_rollout::Fill, snapshot::Snapshot, state::Reading,
    },
};

/// Maximum messages per transaction.
pub const MAX_BATCH: usize = 5_000;
/// Requests in the queue. Further callers wait in `send`, so memory stays bounded.
const QUEUE: usize = 64;

/// The work for one request that others wait for.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Reads, see [`super::planning::cost_of`].
    pub read: usize,
    /// Rows of identifiers, links and clusters to write.
    pub write: usize,
    /// Messages that must wait for a batch to be planned while the one before is committed.
    pub ahead: usize,
    pub batch: BatchLimit,
}

/// The size of a transaction. A request that exceeds it gets a transaction of its own.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimit {
    pub messages: usize,
    /// Bytes of the texts. The rows need up to three times as many, which must stay below the size of a memtable.
    pub bytes: usize,
}

impl Budget {
    /// A few tenths of a second.
    pub const DEFAULT: Self = Self {
        read: 5_000,
        write: 2_500,
        ahead: 256,
        batch: BatchLimit { messages: MAX_BATCH, bytes: EngineMemory::SMALLEST_MEMTABLE / 4 },
    };
    const UNLIMITED: Self = Self { read: usize::MAX, write: usize::MAX, ahead: usize::MAX, ..Self::DEFAULT };

    /// Where no client waits for a single message. Rows of a customer are written once per batch, so fewer batches write less.
    pub const fn bulk(memory: EngineMemory) -> Self {
        let batch = BatchLimit { messages: 4 * MAX_BATCH, bytes: memory.memtable / 4 };
        Self { batch, ..Self::DEFAULT }
    }

    /// The budget of a batch of messages.
    const fn of_several(self, n_messages: usize) -> Self {
        Self { read: scale(self.read, n_messages), write: scale(self.write, n_messages), ..self }
    }
}

/// That many more messages double the budget.
const SHARE: usize = 250;

const fn scale(budget: usize, n_messages: usize) -> usize {
    budget.saturating_add((budget / SHARE).saturating_mul(n_messages))
}

/// The result of one message.
#[derive(Debug, Clone)]
pub struct Ingested {
    pub outcome: Outcome,
    /// The ID that the message is stored under.
    pub message_id: Arc<str>,
    /// The profile of the message. For a duplicate: the current profile of its home, if the home is the same.
    pub unified_id: Option<UnifiedId>,
    /// Parts that exceed a limit, and conflicts of its order or refund.
    pub warnings: Vec<Warning>,
}

/// The answer to one request, and the number of the commit that made it durable.
#[derive(Debug)]
pub struct Receipt {
    /// In the order of the request.
    pub ingested: Vec<Ingested>,
    pub commit: i64,
}

/// Why a request failed. None of its messages is stored, and sending them again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PipelineError {
    #[error("the database cannot write now; send the messages again later")]
    Unavailable,
    #[error("too many conflicts with other writers; send the messages again later")]
    Busy,
    #[error(
        "the request changes more than the database can write at once; send fewer messages a request, or start the server with more \
         --memory"
    )]
    TooLarge,
    #[error("the server is stopping; send the messages again later")]
    Stopping,
    #[error("the new active policy rejects one of the messages; send them again to get the reason")]
    RulesChanged,
}

/// A handle of the pipeline task. The task ends once all clones are dropped and the queue is written.
#[derive(Debug, Clone)]
pub struct Pipeline {
    requests: mpsc::Sender<Request>,
    /// The current snapshot. A policy rollout replaces it.
    snapshot: watch::Receiver<Snapshot>,
    ingest_stats: Arc<IngestStats>,
    /// For dry runs that exceed the budget of a request: each may need much memory.
    large_dry_runs: Arc<Semaphore>,
    budget: Budget,
}

impl Pipeline {
    /// Starts the task. Drop all clones, then await the handle, to know that everything is written.
    pub fn start(snapshot: Snapshot) -> (Self, tokio::task::JoinHandle<()>) {
        Self::start_with(snapshot, Budget::DEFAULT)
    }

    /// As [`Pipeline::start`], with another budget per request.
    pub fn start_with(snapshot: Snapshot, budget: Budget) -> (Self, tokio::task::JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (current, shown) = watch::channel(snapshot);
        let task = tokio::spawn(Executor::new(current, queue, budget).run());
        let ingest_stats = Arc::new(IngestStats::new(clock::now()));
        let large_dry_runs = Arc::new(Semaphore::new(1));
        (Self { requests, snapshot: shown, ingest_stats, large_dry_runs, budget }, task)
    }

    /// The ingestion counters. Callers that refuse messages themselves count those here.
    pub fn ingest_stats(&self) -> &Arc<IngestStats> {
        &self.ingest_stats
    }

    /// The current snapshot. Get it once per answer, so that the whole answer comes from one projection.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Observes the active projection.
    pub fn editions(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Makes the projection of a fill active once it has caught up. Requests that wait until then go to that projection.
    pub async fn switch(&self, fill: Fill) -> Result<Fill, StoreError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Switch(Box::new(switch::Switch { fill, reply }));
        self.requests.send(request).await.map_err(|_| StoreError::Superseded)?;
        answer.await.map_err(|_| StoreError::Superseded)?
    }

    /// Adds merges and unmerges to the history that a policy has caused.
    pub async fn record_lineage(&self, lineage: Vec<LineageRow>) -> Result<(), PipelineError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Record(switch::Record { lineage, reply });
        self.requests.send(request).await.map_err(|_| PipelineError::Stopping)?;
        answer.await.map_err(|_| PipelineError::Stopping)?
    }

    /// Ingests messages, all or none, and returns once they are durable. Messages that were parsed under another version of the
    /// policy than the active one are parsed again.
    pub async fn ingest(&self, messages: Vec<Accepted>, read_by: i64) -> Result<Receipt, PipelineError> {
        let (reply, answer) = oneshot::channel();
        let n_bytes = messages.iter().map(|accepted| accepted.payload.len()).sum();
        let sent: Vec<Timestamp> = messages.iter().map(|accepted| accepted.message.at).collect();
        let (messages, texts) = messages.into_iter().map(|accepted| (accepted.message, accepted.payload)).unzip();
        let request = Ingest { messages, texts, read_by, n_bytes, tries: Tries::default(), reply };
        self.requests.send(Request::Ingest(request)).await.map_err(|_| PipelineError::Stopping)?;
        let receipt = answer.await.map_err(|_| PipelineError::Stopping)??;
        let n_repeated = receipt.ingested.iter().filter(|it| it.outcome == Outcome::Duplicate).count();
        let new = receipt.ingested.iter().zip(sent).filter(|(ingested, _)| ingested.outcome != Outcome::Duplicate);
        self.ingest_stats.count_accepted(clock::now(), new.map(|(_, sent)| sent), n_repeated as u64);
        Ok(receipt)
    }

    /// Makes or revokes decisions, all or none, and returns once they are durable.
    ///
    /// `expected_revision` must be the current joint revision of the profiles concerned.
    pub async fn decide(
        &self,
        command: Command,
        expected_revision: Option<String>,
    ) -> Result<CommandOutcome, PipelineError> {
        let (reply, answer) = oneshot::channel();
        let request = CommandRequest { command, expected_revision, tries: Tries::default(), reply };
        self.requests.send(Request::Command(Box::new(request))).await.map_err(|_| PipelineError::Stopping)?;
        answer.await.map_err(|_| PipelineError::Stopping)?
    }

    /// What [`Self::decide`] would do as of the commit of an answer: the same work up to the write.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn dry_run(
        &self,
        command: &Command,
        expected_revision: Option<&str>,
        reading: &Reading,
        secret: &IdSecret,
    ) -> Result<DryRun, StoreError> {
        let context = PlanContext::of(reading.store.clone(), &*reading.state().await?, secret.clone());
        let dry_run = async |at_most| match command::dry_run(command, expected_revision, &context, at_most).await {
            // A snapshot does not change, so its rows do not fit together.
            Err(StoreError::Conflict) => Err(StoreError::Contradictory),
            done => done,
        };
        if let Some(done) = dry_run(self.budget.read).await? {
            return Ok(done);
        }
        // The semaphore is never closed.
        let _permit = self.large_dry_runs.acquire().await.ok();
        dry_run(usize::MAX).await?.ok_or(StoreError::Contradictory)
    }
}
