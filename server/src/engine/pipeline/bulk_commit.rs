//! Bulk commits: writes that exceed the budget.
//!
//! A task writes the rows in a transaction that stays open; then the pipeline assigns the next commit number and commits.
//! Until then the pipeline serves other requests, except those that overlap with what the bulk commit depends on: these are
//! blocked until it is finished, all others are independent of it. There is one bulk commit at a time. This module never
//! commits a plan whose inputs have changed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use profile360_core::{
    evidence::decision::Decision,
    message::{Message, parse::accepted::Accepted},
    plan::{changes::Changes, view::View},
};
use profile360_store::{LineageRow, Rows, StoreError, Unfinished};
use tokio::{task::JoinHandle, time::Instant};

use super::{
    Ingest, PipelineError, Snapshot, Worker,
    cache::Cache,
    decide,
    read_ahead::{Job, Prefetched},
    receipt, texts_of,
};

/// Requests that may be blocked; beyond that all requests wait. More than a server answers concurrently.
const MAX_BLOCKED: usize = 1_024;

/// The plan of a request, before it is written.
#[derive(Debug)]
pub(super) struct BulkPlan<W> {
    /// Everything that it depends on.
    pub view: View,
    pub changes: Changes,
    pub wanted: W,
}

/// Messages with the owners of their values, and their texts.
#[derive(Debug)]
pub(super) struct WantedMessages {
    pub messages: Arc<[Message]>,
    pub payloads: Vec<String>,
}

/// Decisions to write (new or revoked), and those that exist as requested.
#[derive(Debug)]
pub(super) struct WantedDecisions {
    pub changed: Vec<Decision>,
    pub kept: Vec<Decision>,
}

/// The request of a bulk commit.
#[derive(Debug)]
enum BulkRequest {
    Ingest(Ingest, WantedMessages),
    Decide(decide::Request, WantedDecisions),
}

impl BulkRequest {
    fn into_job(self) -> Job {
        match self {
            Self::Ingest(request, _) => Job::Ingest(request),
            Self::Decide(request, _) => Job::Decide(request),
        }
    }

    fn refuse(self, error: PipelineError) {
        // The client may have disconnected.
        match self {
            Self::Ingest(request, _) => drop(request.reply.send(Err(error))),
            Self::Decide(request, _) => drop(request.reply.send(Err(error))),
        }
    }
}

/// The number of rows of identifiers, links and clusters that change.
pub(super) fn n_rows(changes: &Changes) -> usize {
    let Changes { identifiers, links, clusters, removed_clusters, .. } = changes;
    identifiers.len() + links.len() + clusters.len() + removed_clusters.len()
}

/// The bulk commit in progress, and the requests that it blocks.
#[derive(Debug, Default)]
pub(super) struct BulkCommit {
    writing: Option<Writing>,
    blocked: VecDeque<(Job, u32)>,
}

#[derive(Debug)]
struct Writing {
    view: View,
    n_deferrals: u32,
    /// Whether something that it depends on may have changed.
    is_stale: bool,
    task: JoinHandle<Written>,
}

type Written = (BulkRequest, Changes, Result<Unfinished, StoreError>);

/// A bulk commit whose rows are written, or failed.
#[derive(Debug)]
pub(super) struct Ready {
    written: Option<Written>,
    view: View,
    n_deferrals: u32,
    is_stale: bool,
}

impl BulkCommit {
    pub(super) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether the bulk commit in progress depends on identifiers of messages.
    pub(super) fn involves(&self, messages: &[Accepted]) -> bool {
        let Some(Writing { view, .. }) = &self.writing else { return false };
        let mut named = messages.iter().flat_map(|it| &it.message.identifiers);
        named.any(|it| view.identifiers.contains_key(it))
    }

    /// Whether the bulk commit in progress depends on rows of a view.
    pub(super) fn overlaps(&self, view: &View) -> bool {
        self.writing.as_ref().is_some_and(|it| have_common_rows(&it.view, view))
    }

    /// Whether another request may be blocked.
    pub(super) fn has_room(&self) -> bool {
        self.blocked.len() < MAX_BLOCKED
    }

    /// Blocks a request until the bulk commit is finished.
    pub(super) fn block(&mut self, job: Job, n_deferrals: u32) {
        self.blocked.push_back((job, n_deferrals));
    }

    /// Records that anything may have changed.
    pub(super) fn invalidate(&mut self) {
        if let Some(writing) = &mut self.writing {
            writing.is_stale = true;
        }
    }

    /// The bulk commit, once its rows are written. `None` without one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Ready> {
        let written = (&mut self.writing.as_mut()?.task).await;
        let Writing { view, n_deferrals, is_stale, .. } = self.writing.take()?;
        // If the task panicked, its request is gone too: the dropped reply channel is an error for the caller.
        let written = written.inspect_err(|error| tracing::error!(%error, "a bulk commit failed")).ok();
        Some(Ready { written, view, n_deferrals, is_stale })
    }

    fn begin(
        &mut self,
        snapshot: &Snapshot,
        bulk_request: BulkRequest,
        view: View,
        changes: Changes,
        n_deferrals: u32,
    ) {
        let task = tokio::spawn(write(snapshot.clone(), bulk_request, changes));
        self.writing = Some(Writing { view, n_deferrals: n_deferrals + 1, is_stale: false, task });
    }
}

impl Worker {
    pub(super) fn begin_bulk_messages(&mut self, request: Ingest, plan: BulkPlan<WantedMessages>, n_deferrals: u32) {
        let BulkPlan { view, changes, wanted } = plan;
        self.bulk_commit.begin(&self.snapshot, BulkRequest::Ingest(request, wanted), view, changes, n_deferrals);
    }

    pub(super) fn begin_bulk_decisions(
        &mut self,
        request: decide::Request,
        plan: BulkPlan<WantedDecisions>,
        n_deferrals: u32,
    ) {
        let BulkPlan { view, changes, wanted } = plan;
        self.bulk_commit.begin(&self.snapshot, BulkRequest::Decide(request, wanted), view, changes, n_deferrals);
    }

    /// Commits, and serves the requests that were blocked.
    pub(super) async fn conclude(&mut self, ready: Ready) {
        let Ready { written, view, n_deferrals, is_stale } = ready;
        let started = Instant::now();
        if let Some((bulk_request, changes, unfinished)) = written {
            let concluded = self.commit_bulk(unfinished, is_stale, &bulk_request, &changes).await;
            let committed = started.elapsed();
            self.answer(concluded, bulk_request, &view, &changes, n_deferrals).await;
            tracing::debug!(rows = n_rows(&changes), ?committed, answered = ?started.elapsed(), "finished a bulk commit");
            // Freeing so many rows takes time.
            tokio::task::spawn_blocking(move || drop((view, changes)));
        }
        for (job, n_deferrals) in std::mem::take(&mut self.bulk_commit.blocked) {
            self.serve_deferred(job, Prefetched::retry(n_deferrals)).await;
        }
    }

    async fn answer(
        &mut self,
        concluded: Result<(i64, Vec<(i64, LineageRow)>), StoreError>,
        bulk_request: BulkRequest,
        view: &View,
        changes: &Changes,
        n_deferrals: u32,
    ) {
        match (concluded, bulk_request) {
            // The client may have disconnected; the commit remains.
            (Ok((number, lineage)), BulkRequest::Ingest(request, wanted)) => {
                let receipt = receipt(number, changes, &wanted.messages, view);
                self.publish_bulk(number, &lineage, changes);
                request.reply.send(Ok(receipt)).ok();
            }
            (Ok((number, lineage)), BulkRequest::Decide(request, wanted)) => {
                let applied = self.apply_decisions(number, wanted);
                self.publish_bulk(number, &lineage, changes);
                request.reply.send(Ok(applied)).ok();
            }
            (Err(StoreError::Conflict), bulk_request) => {
                self.invalidate();
                self.serve_deferred(bulk_request.into_job(), Prefetched::retry(n_deferrals)).await;
            }
            (Err(StoreError::Superseded), bulk_request) => bulk_request.refuse(PipelineError::Superseded),
            (Err(error), bulk_request) => {
                tracing::error!(%error, "a bulk commit failed");
                self.invalidate();
                bulk_request.refuse(PipelineError::Unavailable);
            }
        }
    }

    /// Waits until no bulk commit is in progress and no request is blocked.
    pub(super) async fn conclude_all(&mut self) {
        while let Some(ready) = self.bulk_commit.next().await {
            self.conclude(ready).await;
        }
    }

    async fn commit_bulk(
        &mut self,
        unfinished: Result<Unfinished, StoreError>,
        is_stale: bool,
        bulk_request: &BulkRequest,
        changes: &Changes,
    ) -> Result<(i64, Vec<(i64, LineageRow)>), StoreError> {
        let unfinished = match unfinished {
            Ok(unfinished) => unfinished,
            // Rows that another server has removed cannot be replaced.
            Err(_) if is_stale || self.is_behind().await? => return Err(StoreError::Conflict),
            Err(error) => return Err(error),
        };
        if is_stale {
            unfinished.cancel().await;
            return Err(StoreError::Conflict);
        }
        let last_commit = match self.last_commit().await {
            Ok(number) => number,
            Err(error) => {
                unfinished.cancel().await;
                return Err(error);
            }
        };
        // The transaction started before later commits, so it does not detect that another server used the number.
        if self.is_behind().await.unwrap_or(true) {
            unfinished.cancel().await;
            return Err(StoreError::Conflict);
        }
        let number = last_commit + 1;
        let lineage = match bulk_request {
            BulkRequest::Ingest(_, wanted) => self.lineage_of_messages(changes, &wanted.messages),
            BulkRequest::Decide(_, wanted) => self.lineage_of_decisions(changes, &wanted.changed),
        };
        unfinished.commit(number, &lineage).await?;
        Ok((number, lineage))
    }

    /// Whether another server has committed since this one did.
    async fn is_behind(&self) -> Result<bool, StoreError> {
        Ok(self.last_commit != Some(self.snapshot.store.last_commit().await?))
    }

    fn publish_bulk(&mut self, number: i64, lineage: &[(i64, LineageRow)], changes: &Changes) {
        self.publish(number, lineage, changes);
        // Cached versions of these rows are stale, and so many new ones would evict all others.
        self.cache = Cache::default();
    }
}

async fn write(snapshot: Snapshot, bulk_request: BulkRequest, changes: Changes) -> Written {
    let Snapshot { store, secret, .. } = &snapshot;
    let rows = Rows::of(&changes);
    let written = match &bulk_request {
        BulkRequest::Ingest(_, WantedMessages { messages, payloads }) => {
            let texts = texts_of(messages, payloads);
            store.write_ahead(&Rows { messages: &texts, ..rows }, secret).await
        }
        BulkRequest::Decide(_, WantedDecisions { changed, .. }) => {
            store.write_ahead(&Rows { decisions: changed, ..rows }, secret).await
        }
    };
    (bulk_request, changes, written)
}

/// Whether two requests depend on the same row, present or absent.
fn have_common_rows(one: &View, other: &View) -> bool {
    have_common_keys(&one.identifiers, &other.identifiers)
        || have_common_keys(&one.clusters, &other.clusters)
        || have_common_keys(&one.links, &other.links)
        || have_common_keys(&one.messages, &other.messages)
        || have_common_keys(&one.orders, &other.orders)
        || have_common_keys(&one.sessions, &other.sessions)
}

fn have_common_keys<K: Ord, V>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> bool {
    let (fewer, more) = if one.len() < other.len() { (one, other) } else { (other, one) };
    fewer.keys().any(|it| more.contains_key(it))
}
