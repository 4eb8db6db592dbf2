//! The write pipeline: every write to the database goes through it.
//!
//! One task groups the requests that wait into one transaction (group commit): batch → load → plan → commit → reply → publish.
//! Plans of one server rarely conflict. Those of two servers conflict on the commit number, and the loser retries from fresh
//! state. A request that would delay others is deferred: `read_ahead` loads what it needs concurrently, `bulk_commit` writes
//! many rows concurrently. The order of requests does not change the result. This module never resolves identities:
//! `core::plan` does.

mod bulk_commit;
pub(super) mod cache;
mod decide;
mod dry_run;
mod read_ahead;
mod switch;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use profile360_core::{
    evidence::{
        identifier_summary::{
            Full, MAX_CUSTOM_ATTRIBUTES, MAX_DEVICES, MAX_LONG_ATTRIBUTES, MAX_OBSERVATIONS, MAX_SHORT_BYTES,
        },
        link::MAX_SOURCES,
        retirement::Retirements,
    },
    graph::lineage::Lineage,
    identifier::UnifiedId,
    message::{
        Message,
        parse::{accepted::Accepted, parse_kept},
        refusal::Warning,
    },
    plan::{
        changes::{Changes, OrderNote, Outcome},
        planner::NewEvidence,
        view::{Needs, View},
    },
    time::Timestamp,
};
use profile360_store::{Cause, Commit, LineageRow, Rows, StoreError};
use rand::RngExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use self::{
    bulk_commit::{BulkCommit, BulkPlan, WantedMessages},
    cache::Cache,
    read_ahead::{Job, Prefetched, ReadAhead, ReadPlan},
};
pub use self::{
    decide::{Command, CommandOutcome, new_id},
    dry_run::{Preview, PreviewedCustomer},
    read_ahead::Budget,
};
use crate::{
    clock,
    engine::{
        active_policy,
        inbox::Inbox,
        ingest_stats::IngestStats,
        planning::{self, Plan, PlanContext},
        policy_rollout::Fill,
        snapshot::{Snapshot, load_decisions},
    },
};

/// Maximum messages per transaction. A batch stays far below the size of a memtable.
pub const MAX_BATCH: usize = 5_000;
/// Maximum bytes of messages per transaction, unless it has only one message.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Requests in the queue. Further callers wait in `send`, so memory stays bounded.
const QUEUE: usize = 64;
const MAX_ATTEMPTS: u32 = 10;

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
    #[error("the server is stopping; send the messages again later")]
    Stopping,
    #[error("another server has published a policy; restart this one, then send the messages again")]
    Superseded,
    #[error("the new active policy rejects one of the messages; send them again to get the reason")]
    RulesChanged,
}

enum Request {
    Ingest(Ingest),
    Decide(decide::Request),
    Switch(Box<switch::Switch>),
    Record(switch::Record),
}

#[derive(Debug)]
struct Ingest {
    messages: Vec<Accepted>,
    /// The version of the policy that they were parsed under.
    read_by: i64,
    n_bytes: usize,
    reply: oneshot::Sender<Result<Receipt, PipelineError>>,
}

/// A handle of the pipeline task. The task ends once all clones are dropped and the queue is written.
#[derive(Debug, Clone)]
pub struct Pipeline {
    requests: mpsc::Sender<Request>,
    /// The current snapshot. A policy rollout replaces it.
    snapshot: watch::Receiver<Snapshot>,
    ingest_stats: Arc<IngestStats>,
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
        let task = tokio::spawn(work(current, queue, budget));
        let ingest_stats = Arc::new(IngestStats::new(clock::now()));
        (Self { requests, snapshot: shown, ingest_stats }, task)
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
        let n_bytes = messages.iter().map(|it| it.payload.len()).sum();
        let sent: Vec<Timestamp> = messages.iter().map(|accepted| accepted.message.at).collect();
        let request = Ingest { messages, read_by, n_bytes, reply };
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
        self.request_decision(command, expected_revision, false).await
    }

    /// What [`Self::decide`] would do now: the same work up to the write.
    pub async fn dry_run(
        &self,
        command: Command,
        expected_revision: Option<String>,
    ) -> Result<CommandOutcome, PipelineError> {
        self.request_decision(command, expected_revision, true).await
    }

    async fn request_decision(
        &self,
        command: Command,
        expected_revision: Option<String>,
        is_dry_run: bool,
    ) -> Result<CommandOutcome, PipelineError> {
        let (reply, answer) = oneshot::channel();
        let request = decide::Request { command, expected_revision, is_dry_run, reply };
        self.requests.send(Request::Decide(request)).await.map_err(|_| PipelineError::Stopping)?;
        answer.await.map_err(|_| PipelineError::Stopping)?
    }
}

async fn work(current: watch::Sender<Snapshot>, mut queue: mpsc::Receiver<Request>, budget: Budget) {
    let mut worker = Worker { budget, ..Worker::new(current.borrow().clone()) };
    let mut carried_over: Option<Request> = None;
    loop {
        // Deferred requests first, so that new ones cannot starve them.
        let first = tokio::select! {
            Some(next) = worker.read_ahead.next() => {
                worker.resume(next).await;
                continue;
            }
            Some(ready) = worker.bulk_commit.next() => {
                worker.conclude(ready).await;
                continue;
            }
            request = next_of(&mut carried_over, &mut queue), if worker.read_ahead.has_room() && worker.bulk_commit.has_room() => {
                match request {
                    Some(request) => request,
                    None => break,
                }
            }
        };
        let first = match first {
            Request::Ingest(first) => first,
            Request::Decide(request) => {
                worker.decide(request, Prefetched::default()).await;
                continue;
            }
            Request::Switch(switch) => {
                worker.conclude_all().await;
                worker.switch(*switch, &current).await;
                continue;
            }
            Request::Record(record) => {
                worker.conclude_all().await;
                worker.record(record).await;
                continue;
            }
        };
        let mut n_messages = first.messages.len();
        let mut n_bytes = first.n_bytes;
        let mut requests = vec![first];
        while let Ok(request) = queue.try_recv() {
            let request = match request {
                Request::Ingest(request) => request,
                other @ (Request::Decide(_) | Request::Switch(_) | Request::Record(_)) => {
                    carried_over = Some(other);
                    break;
                }
            };
            n_messages += request.messages.len();
            n_bytes += request.n_bytes;
            if MAX_BATCH < n_messages || MAX_BATCH_BYTES < n_bytes {
                carried_over = Some(Request::Ingest(request));
                break;
            }
            requests.push(request);
        }
        worker.serve(requests).await;
    }
    loop {
        tokio::select! {
            Some(next) = worker.read_ahead.next() => worker.resume(next).await,
            Some(ready) = worker.bulk_commit.next() => worker.conclude(ready).await,
            else => break,
        }
    }
}

/// The next request. One that did not fit into the last transaction comes first.
async fn next_of(carried_over: &mut Option<Request>, queue: &mut mpsc::Receiver<Request>) -> Option<Request> {
    match carried_over.take() {
        Some(request) => Some(request),
        None => queue.recv().await,
    }
}

#[derive(Debug)]
struct Worker {
    snapshot: Snapshot,
    cache: Cache,
    /// The last commit that the cache contains. `None` if that is unknown.
    last_commit: Option<i64>,
    /// The number of merges and unmerges up to that commit.
    n_lineage: i64,
    /// The last commit whose decisions and withheld links the snapshot contains.
    seen_up_to: i64,
    /// The work per request that others wait for.
    budget: Budget,
    /// Requests that wait for their rows.
    read_ahead: ReadAhead,
    /// The request that is written concurrently.
    bulk_commit: BulkCommit,
}

/// The result of an attempt to serve a request. Only `Done` has written.
enum Attempt<T, W> {
    Done(T),
    /// Reading exceeds the budget.
    ReadAhead(ReadPlan),
    /// Writing exceeds the budget.
    BulkCommit(Box<BulkPlan<W>>),
    /// It depends on rows that are being written.
    Blocked,
}

impl Worker {
    fn new(snapshot: Snapshot) -> Self {
        let seen_up_to = snapshot.seen_up_to;
        Self {
            snapshot,
            cache: Cache::default(),
            last_commit: None,
            n_lineage: 0,
            seen_up_to,
            budget: Budget::DEFAULT,
            read_ahead: ReadAhead::default(),
            bulk_commit: BulkCommit::default(),
        }
    }

    async fn serve(&mut self, requests: Vec<Ingest>) {
        let requests = requests.into_iter().filter_map(|it| self.reparse_if_outdated(it));
        let (blocked, requests): (Vec<Ingest>, Vec<Ingest>) =
            requests.partition(|it| self.bulk_commit.involves(&it.messages));
        blocked.into_iter().for_each(|it| self.bulk_commit.block(Job::Ingest(it), 0));
        if 1 < requests.len() {
            let messages = requests.iter().flat_map(|it| it.messages.iter().cloned()).collect();
            if let Ok(Attempt::Done(receipt)) = self.ingest(messages, Prefetched::default()).await {
                let mut ingested = receipt.ingested.into_iter();
                for request in requests {
                    let own = ingested.by_ref().take(request.messages.len()).collect();
                    // The client may have disconnected; the commit remains.
                    request.reply.send(Ok(Receipt { ingested: own, commit: receipt.commit })).ok();
                }
                return;
            }
        }
        // One request must not fail the others of its batch.
        for request in requests {
            self.serve_one(request, Prefetched::default()).await;
        }
    }

    /// Parses a request again if another policy is active now. Answers it and returns `None` if that rejects a message.
    fn reparse_if_outdated(&self, mut request: Ingest) -> Option<Ingest> {
        let policy = &self.snapshot.policy;
        if request.read_by == policy.version {
            return Some(request);
        }
        let messages = std::mem::take(&mut request.messages);
        let reparse =
            |old: Accepted| parse_kept(&old.payload, policy).map(|new| Accepted { warnings: old.warnings, ..new });
        match messages.into_iter().map(reparse).collect() {
            Ok(messages) => Some(Ingest { messages, read_by: policy.version, ..request }),
            Err(_) => {
                request.reply.send(Err(PipelineError::RulesChanged)).ok();
                None
            }
        }
    }

    async fn serve_one(&mut self, request: Ingest, prefetched: Prefetched) {
        let n_deferrals = prefetched.n_deferrals();
        let result = match self.ingest(request.messages.clone(), prefetched).await {
            Ok(Attempt::Done(receipt)) => Ok(receipt),
            Ok(Attempt::ReadAhead(read_plan)) => return self.defer(Job::Ingest(request), read_plan, n_deferrals).await,
            Ok(Attempt::BulkCommit(plan)) => return self.begin_bulk_messages(request, *plan, n_deferrals),
            Ok(Attempt::Blocked) => return self.bulk_commit.block(Job::Ingest(request), n_deferrals),
            Err(error) => Err(error),
        };
        request.reply.send(result).ok();
    }

    async fn ingest(
        &mut self,
        accepted: Vec<Accepted>,
        mut prefetched: Prefetched,
    ) -> Result<Attempt<Receipt, WantedMessages>, PipelineError> {
        let budget = prefetched.remaining(self.budget);
        let (messages, payloads): (Vec<Message>, Vec<String>) =
            accepted.into_iter().map(|it| (it.message, it.payload)).unzip();
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt(&messages, &payloads, std::mem::take(&mut prefetched), budget).await {
                Ok(attempt) => return Ok(attempt),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(pause(attempt)).await;
                    self.invalidate();
                }
                Err(StoreError::Superseded) => return Err(PipelineError::Superseded),
                Err(error) => {
                    tracing::error!(%error, "a batch was not written");
                    self.invalidate();
                    return Err(PipelineError::Unavailable);
                }
            }
        }
        Err(PipelineError::Busy)
    }

    /// Invalidates everything that was read: it may be stale.
    fn invalidate(&mut self) {
        self.cache = Cache::default();
        self.last_commit = None;
        self.read_ahead.invalidate();
        self.bulk_commit.invalidate();
    }

    /// The last commit. At first and after a conflict it reloads decisions and inbox if commits of others changed them.
    async fn last_commit(&mut self) -> Result<i64, StoreError> {
        if let Some(number) = self.last_commit {
            return Ok(number);
        }
        let Snapshot { store, policy, inbox, .. } = &self.snapshot;
        let number = store.last_commit().await?;
        let seen = self.seen_up_to;
        let others = if seen < number { store.commits(seen, number).await? } else { Vec::new() };
        // Commit rows are pruned. If some are missing, reload everything.
        let is_whole = i64::try_from(others.len()).is_ok_and(|it| it == number - seen);
        if !is_whole || others.iter().any(|(_, it)| it.has_decisions) {
            self.snapshot.set_decisions(Arc::new(load_decisions(store).await?));
            policy.set_retirements(Arc::new(active_policy::load_retirements(store).await?));
        }
        if !is_whole || others.iter().any(|(_, it)| it.has_withheld || it.has_decisions) {
            let stored = Inbox::load(store, policy, &self.snapshot.decisions()).await?;
            *inbox.write().unwrap_or_else(PoisonError::into_inner) = stored;
        } else {
            let changed = others.iter().flat_map(|(_, it)| it.touched.iter().chain(&it.removed));
            inbox.write().unwrap_or_else(PoisonError::into_inner).forget_scores(changed);
        }
        self.n_lineage = store.n_lineage().await?;
        self.seen_up_to = number;
        // From here on every read is of this commit, or of one that our next commit conflicts with.
        self.last_commit = Some(number);
        Ok(number)
    }

    /// Numbered merges and unmerges with their causes.
    fn lineage_of(&self, changes: &Changes, cause: impl Fn(&Lineage) -> Cause) -> Vec<(i64, LineageRow)> {
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        let row =
            |it: &Lineage| LineageRow { at, kind: it.kind, kept: it.kept, others: it.others.clone(), cause: cause(it) };
        (self.n_lineage + 1..).zip(changes.lineage.iter().map(row)).collect()
    }

    fn lineage_of_messages(&self, changes: &Changes, messages: &[Message]) -> Vec<(i64, LineageRow)> {
        self.lineage_of(changes, |lineage| {
            let message = lineage.message.and_then(|position| messages.get(position));
            Cause::Message(message.map(|it| it.id.to_string()).unwrap_or_default())
        })
    }

    /// Publishes a commit, and caches what it read and wrote.
    fn note_commit(&mut self, number: i64, lineage: &[(i64, LineageRow)], view: View, changes: Changes) {
        self.publish(number, lineage, &changes);
        self.cache.remember(view, changes);
    }

    /// Updates the list, the inbox and the subscribers after a commit.
    fn publish(&mut self, number: i64, lineage: &[(i64, LineageRow)], changes: &Changes) {
        let Snapshot { directory, policy, inbox, .. } = &self.snapshot;
        if self.last_commit != Some(number) {
            let touched = changes.touched.iter().copied().collect();
            let removed = changes.removed_clusters.iter().copied().collect();
            directory.touch(number, touched, removed);
            inbox.write().unwrap_or_else(PoisonError::into_inner).apply(changes, policy);
        }
        self.last_commit = Some(number);
        for (_, event) in lineage {
            self.snapshot.events.publish_lineage(event.clone());
        }
        self.n_lineage = lineage.last().map_or(self.n_lineage, |(it, _)| *it);
        self.seen_up_to = number;
        self.read_ahead.note_changes(changes);
    }

    /// Tries once. `prefetched` holds rows that were read before and have not changed.
    async fn attempt(
        &mut self,
        messages: &[Message],
        payloads: &[String],
        prefetched: Prefetched,
        budget: Budget,
    ) -> Result<Attempt<Receipt, WantedMessages>, StoreError> {
        let last_commit = self.last_commit().await?;
        let context = self.snapshot.plan_context();
        let messages: Arc<[Message]> = messages.iter().map(|message| assigned(message, &context.retirements)).collect();
        let budget = budget.of_several(messages.len());
        let started = Instant::now();
        let Prefetched { view, changes, .. } = prefetched;
        let Plan { view, changes } = match changes {
            Some(changes) => Plan { view, changes },
            None => match self.plan(&messages, view, &context, budget).await? {
                Planned::Complete(plan) => *plan,
                Planned::ReadAhead => return Ok(Attempt::ReadAhead(ReadPlan::Messages { messages, context })),
                Planned::Blocked => return Ok(Attempt::Blocked),
            },
        };
        if self.bulk_commit.overlaps(&view) {
            return Ok(Attempt::Blocked);
        }
        if budget.write < bulk_commit::n_rows(&changes) {
            if self.bulk_commit.is_writing() {
                return Ok(Attempt::Blocked);
            }
            let wanted = WantedMessages { messages, payloads: payloads.to_vec() };
            return Ok(Attempt::BulkCommit(Box::new(BulkPlan { view, changes, wanted })));
        }
        let planned = started.elapsed();
        let lineage = self.lineage_of_messages(&changes, &messages);
        let number = if changes.kept.is_empty() {
            last_commit
        } else {
            let texts = texts_of(&messages, payloads);
            let number = last_commit + 1;
            let rows = Rows { messages: &texts, ..Rows::of(&changes) };
            let commit = Commit { number, rows, lineage: &lineage };
            self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
            number
        };
        let written = started.elapsed().saturating_sub(planned);
        tracing::debug!(messages = messages.len(), ?planned, ?written, commit = number, "committed a batch");
        let receipt = receipt(number, &changes, &messages, &view);
        self.note_commit(number, &lineage, view, changes);
        Ok(Attempt::Done(receipt))
    }

    /// Loads what messages need, and plans.
    async fn plan(
        &mut self,
        messages: &Arc<[Message]>,
        mut view: View,
        context: &PlanContext,
        budget: Budget,
    ) -> Result<Planned, StoreError> {
        if self.bulk_commit.is_writing() {
            // Check early: a request that must wait need not read on.
            let identifiers = messages.iter().flat_map(|it| it.identifiers.iter().cloned()).collect();
            planning::load(Needs { identifiers, ..Needs::default() }, &mut view, context, &mut self.cache).await?;
            if self.bulk_commit.overlaps(&view) {
                return Ok(Planned::Blocked);
            }
        }
        let evidence = NewEvidence::Messages(messages.clone());
        let plan = planning::plan(evidence, view, context, &mut self.cache, budget.read).await?;
        Ok(plan.map_or(Planned::ReadAhead, |plan| Planned::Complete(Box::new(plan))))
    }
}

/// The plan of messages, if it is within the budget.
enum Planned {
    Complete(Box<Plan>),
    ReadAhead,
    Blocked,
}

/// A message with the owners of its values.
fn assigned(message: &Message, retirements: &Retirements) -> Message {
    let mut message = message.clone();
    retirements.assign(&mut message);
    message
}

/// The texts to store, with time and ID of their messages.
fn texts_of<'m>(messages: &'m [Message], payloads: &'m [String]) -> Vec<(Timestamp, &'m str, &'m str)> {
    messages.iter().zip(payloads).map(|(message, text)| (message.at, &*message.id, text.as_str())).collect()
}

/// The pause before a retry: exponential backoff with jitter.
#[expect(clippy::disallowed_methods, reason = "jitter: writers that conflict must not retry in step")]
fn pause(attempt: u32) -> Duration {
    let most = 5_u64 << attempt.min(6);
    Duration::from_millis(rand::rng().random_range(1..=most))
}

fn receipt(commit: i64, changes: &Changes, messages: &[Message], view: &View) -> Receipt {
    let current = |message: &Message| {
        let state = match changes.identifiers.get(message.home()) {
            Some((state, _)) => state,
            None => view.identifiers.get(message.home())?.as_deref()?,
        };
        match changes.clusters.get(&state.cluster) {
            Some((cluster, _)) => Some(cluster.unified_id),
            None => view.clusters.get(&state.cluster)?.as_ref().map(|it| it.unified_id),
        }
    };
    let ingested = changes
        .outcomes
        .iter()
        .zip(messages)
        .enumerate()
        .map(|(position, ((outcome, id), message))| Ingested {
            outcome: outcome.clone(),
            message_id: message.id.clone(),
            unified_id: id.or_else(|| current(message)),
            warnings: warnings_of(changes, position),
        })
        .collect();
    Receipt { ingested, commit }
}

/// The warnings that depend on stored data.
fn warnings_of(changes: &Changes, position: usize) -> Vec<Warning> {
    let of_full = changes.over_capacity.get(&position).into_iter().flatten().map(|full| full_warning(*full));
    let of_orders = changes.order_notes.get(&position).map(|news| order_warning(*news));
    of_full.chain(of_orders).collect()
}

fn order_warning(news: OrderNote) -> Warning {
    let (code, path, detail) = match news {
        OrderNote::Moved => (
            "ORDER_MOVED",
            "properties.df_order_id",
            "an order with this ID belonged to another customer and now belongs to this one; if each shop numbers its own orders, set order_ids in the policy so that order IDs are unique by source",
        ),
        OrderNote::OfAnother => (
            "ORDER_TAKEN",
            "properties.df_order_id",
            "a later message assigns an order with this ID to another customer, so this one does not count; if each shop numbers its own orders, set order_ids in the policy so that order IDs are unique by source",
        ),
        OrderNote::RefundRepeated => (
            "REFUND_REPEATED",
            "properties.df_refund_id",
            "a refund of the order with this ID is stored already, so this one does not count",
        ),
        OrderNote::RefundExceeds => (
            "REFUND_EXCEEDS_ORDER",
            "properties.df_total_refund_amount",
            "the refunds of the order exceed what was paid; amounts net of refunds do not fall below zero",
        ),
    };
    Warning { code, path: path.to_owned(), detail: detail.to_owned() }
}

/// Says which part of a message its identifier has no room for. The stored message keeps it.
fn full_warning(full: Full) -> Warning {
    let (code, path, detail) = match full {
        Full::Attributes => (
            "ATTRIBUTES_FULL",
            "attributes",
            format!(
                "an identifier holds at most {MAX_CUSTOM_ATTRIBUTES} custom attributes; those whose names come last were left \
                 out"
            ),
        ),
        Full::Values => (
            "ATTRIBUTE_VALUES_FULL",
            "attributes",
            format!(
                "an attribute has more than {MAX_OBSERVATIONS} values, or more than {MAX_LONG_ATTRIBUTES} attributes have values \
                 longer than {MAX_SHORT_BYTES} bytes; of the rest only the newest, oldest, least and greatest are kept"
            ),
        ),
        Full::Devices => (
            "DEVICES_FULL",
            "device",
            format!("an identifier holds at most {MAX_DEVICES} devices; all but those used last were left out"),
        ),
        Full::Sources => (
            "SOURCES_FULL",
            "source",
            format!(
                "of an identifier at most {MAX_SOURCES} sources are named; those whose names come last were left out"
            ),
        ),
    };
    Warning { code, path: path.to_owned(), detail }
}
