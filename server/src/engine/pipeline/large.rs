//! Changes of many rows, which take longer to write than others can wait.
//!
//! They are written beside the pipeline, in a transaction that stays open until all rows are in it; then the pipeline gives it
//! the next commit number. Meanwhile the pipeline goes on, but holds requests that look at any row that the change rests on:
//! the others could have come before it as well as after it. One change is written at a time. This module never writes what
//! was planned from rows that are not as they were.

use std::collections::{BTreeMap, VecDeque};

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
    far::{Ahead, Job},
    receipt, texts_of,
};

/// Requests that may be held; if more come, all wait. More than a server answers at once.
const HELD: usize = 1_024;

/// What comes of a request, before it is written.
#[derive(Debug)]
pub(super) struct Plan<W> {
    /// All that it rests on.
    pub view: View,
    pub changes: Changes,
    pub wanted: W,
}

/// Messages with the owners of their values, and their texts.
#[derive(Debug)]
pub(super) struct WantedMessages {
    pub messages: Vec<Message>,
    pub payloads: Vec<String>,
}

/// Decisions that are new or are revoked, and those that are there as they were wished.
#[derive(Debug)]
pub(super) struct WantedDecisions {
    pub changed: Vec<Decision>,
    pub kept: Vec<Decision>,
}

/// Who waits for a change to be written.
#[derive(Debug)]
enum Waiting {
    Ingest(Ingest, WantedMessages),
    Decide(decide::Request, WantedDecisions),
}

impl Waiting {
    fn again(self) -> Job {
        match self {
            Self::Ingest(request, _) => Job::Ingest(request),
            Self::Decide(request, _) => Job::Decide(request),
        }
    }

    fn refuse(self, error: PipelineError) {
        // Whoever asked may have gone.
        match self {
            Self::Ingest(request, _) => drop(request.reply.send(Err(error))),
            Self::Decide(request, _) => drop(request.reply.send(Err(error))),
        }
    }
}

/// How many rows of identifiers, links and profiles change.
pub(super) fn n_rows(changes: &Changes) -> usize {
    let Changes { identifiers, links, cells, removed_cells, .. } = changes;
    identifiers.len() + links.len() + cells.len() + removed_cells.len()
}

/// The change that is being written, and the requests that it holds up.
#[derive(Debug, Default)]
pub(super) struct Large {
    writing: Option<Writing>,
    held: VecDeque<(Job, u32)>,
}

#[derive(Debug)]
struct Writing {
    view: View,
    n_asides: u32,
    /// Whether something that it rests on may have changed.
    is_stale: bool,
    task: JoinHandle<Written>,
}

type Written = (Waiting, Changes, Result<Unfinished, StoreError>);

/// A change whose rows are written, or could not be.
#[derive(Debug)]
pub(super) struct Ready {
    written: Option<Written>,
    view: View,
    n_asides: u32,
    is_stale: bool,
}

impl Large {
    pub(super) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether a change is being written that rests on what messages name.
    pub(super) fn is_named_by(&self, messages: &[Accepted]) -> bool {
        let Some(Writing { view, .. }) = &self.writing else { return false };
        let mut named = messages.iter().flat_map(|it| &it.message.identifiers);
        named.any(|it| view.identifiers.contains_key(it))
    }

    /// Whether a change that rests on any of those rows is being written.
    pub(super) fn is_about(&self, view: &View) -> bool {
        self.writing.as_ref().is_some_and(|it| have_common_rows(&it.view, view))
    }

    /// Whether another request may be held. They take no more memory here than where they would wait otherwise.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < HELD
    }

    /// Serves a request once nothing is being written.
    pub(super) fn hold(&mut self, job: Job, n_asides: u32) {
        self.held.push_back((job, n_asides));
    }

    /// Notes that anything may have changed.
    pub(super) fn forget(&mut self) {
        if let Some(writing) = &mut self.writing {
            writing.is_stale = true;
        }
    }

    /// The change that is being written, once its rows are; nothing where none is. Nothing is lost where this is dropped before
    /// it comes back.
    pub(super) async fn next(&mut self) -> Option<Ready> {
        let written = (&mut self.writing.as_mut()?.task).await;
        let Writing { view, n_asides, is_stale, .. } = self.writing.take()?;
        // Its request went with it, should it have panicked: whoever asked is told that nothing came back.
        let written = written.inspect_err(|error| tracing::error!(%error, "a large change was not written")).ok();
        Some(Ready { written, view, n_asides, is_stale })
    }

    fn begin(&mut self, snapshot: &Snapshot, waiting: Waiting, view: View, changes: Changes, n_asides: u32) {
        let task = tokio::spawn(write(snapshot.clone(), waiting, changes));
        self.writing = Some(Writing { view, n_asides: n_asides + 1, is_stale: false, task });
    }
}

impl Worker {
    pub(super) fn write_messages_aside(&mut self, request: Ingest, plan: Plan<WantedMessages>, n_asides: u32) {
        let Plan { view, changes, wanted } = plan;
        self.large.begin(&self.snapshot, Waiting::Ingest(request, wanted), view, changes, n_asides);
    }

    pub(super) fn write_decisions_aside(
        &mut self,
        request: decide::Request,
        plan: Plan<WantedDecisions>,
        n_asides: u32,
    ) {
        let Plan { view, changes, wanted } = plan;
        self.large.begin(&self.snapshot, Waiting::Decide(request, wanted), view, changes, n_asides);
    }

    /// Makes a change count whose rows are written, and serves those that it held up.
    pub(super) async fn conclude(&mut self, ready: Ready) {
        let Ready { written, view, n_asides, is_stale } = ready;
        let started = Instant::now();
        if let Some((waiting, changes, unfinished)) = written {
            let concluded = self.commit_large(unfinished, is_stale, &waiting, &changes).await;
            let committed = started.elapsed();
            self.answer(concluded, waiting, &view, &changes, n_asides).await;
            tracing::debug!(rows = n_rows(&changes), ?committed, told = ?started.elapsed(), "concluded a large change");
            // Giving back the memory of so many rows takes its time, too.
            tokio::task::spawn_blocking(move || drop((view, changes)));
        }
        for (job, n_asides) in std::mem::take(&mut self.large.held) {
            self.serve_aside(job, Ahead::again(n_asides)).await;
        }
    }

    async fn answer(
        &mut self,
        concluded: Result<(i64, Vec<(i64, LineageRow)>), StoreError>,
        waiting: Waiting,
        view: &View,
        changes: &Changes,
        n_asides: u32,
    ) {
        match (concluded, waiting) {
            // Whoever asked may have gone; what was written stays written.
            (Ok((number, lineage)), Waiting::Ingest(request, wanted)) => {
                let receipt = receipt(number, changes, &wanted.messages, view);
                self.tell_of_many(number, &lineage, changes);
                request.reply.send(Ok(receipt)).ok();
            }
            (Ok((number, lineage)), Waiting::Decide(request, wanted)) => {
                let applied = self.applied(number, wanted);
                self.tell_of_many(number, &lineage, changes);
                request.reply.send(Ok(applied)).ok();
            }
            (Err(StoreError::Conflict), waiting) => {
                self.forget();
                self.serve_aside(waiting.again(), Ahead::again(n_asides)).await;
            }
            (Err(StoreError::Superseded), waiting) => waiting.refuse(PipelineError::Superseded),
            (Err(error), waiting) => {
                tracing::error!(%error, "a large change was not written");
                self.forget();
                waiting.refuse(PipelineError::Unavailable);
            }
        }
    }

    /// Waits until nothing is being written and nothing held.
    pub(super) async fn conclude_all(&mut self) {
        while let Some(ready) = self.large.next().await {
            self.conclude(ready).await;
        }
    }

    async fn commit_large(
        &mut self,
        unfinished: Result<Unfinished, StoreError>,
        is_stale: bool,
        waiting: &Waiting,
        changes: &Changes,
    ) -> Result<(i64, Vec<(i64, LineageRow)>), StoreError> {
        let unfinished = match unfinished {
            Ok(unfinished) => unfinished,
            // Rows that another server has removed are not there to be written.
            Err(_) if is_stale || self.is_outrun().await? => return Err(StoreError::Conflict),
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
        // The transaction is older than the numbers that were taken since; it does not see for itself that another's was.
        if self.is_outrun().await.unwrap_or(true) {
            unfinished.cancel().await;
            return Err(StoreError::Conflict);
        }
        let number = last_commit + 1;
        let lineage = match waiting {
            Waiting::Ingest(_, wanted) => self.lineage_of_messages(changes, &wanted.messages),
            Waiting::Decide(_, wanted) => self.lineage_of_decisions(changes, &wanted.changed),
        };
        unfinished.commit(number, &lineage).await?;
        Ok((number, lineage))
    }

    /// Whether another server has committed since this one did.
    async fn is_outrun(&self) -> Result<bool, StoreError> {
        Ok(self.last_commit != Some(self.snapshot.store.last_commit().await?))
    }

    fn tell_of_many(&mut self, number: i64, lineage: &[(i64, LineageRow)], changes: &Changes) {
        self.tell(number, lineage, changes);
        // What is there of these rows is not as it was, and so many new ones would drive out all others.
        self.cache = Cache::default();
    }
}

async fn write(snapshot: Snapshot, waiting: Waiting, changes: Changes) -> Written {
    let Snapshot { store, secret, .. } = &snapshot;
    let rows = Rows::of(&changes);
    let written = match &waiting {
        Waiting::Ingest(_, WantedMessages { messages, payloads }) => {
            let texts = texts_of(messages, payloads);
            store.write_ahead(&Rows { messages: &texts, ..rows }, secret).await
        }
        Waiting::Decide(_, WantedDecisions { changed, .. }) => {
            store.write_ahead(&Rows { decisions: changed, ..rows }, secret).await
        }
    };
    (waiting, changes, written)
}

/// Whether two requests have looked at the same row, or for it.
fn have_common_rows(one: &View, other: &View) -> bool {
    have_common_keys(&one.identifiers, &other.identifiers)
        || have_common_keys(&one.cells, &other.cells)
        || have_common_keys(&one.links, &other.links)
        || have_common_keys(&one.messages, &other.messages)
        || have_common_keys(&one.orders, &other.orders)
        || have_common_keys(&one.sessions, &other.sessions)
}

fn have_common_keys<K: Ord, V>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> bool {
    let (fewer, more) = if one.len() < other.len() { (one, other) } else { (other, one) };
    fewer.keys().any(|it| more.contains_key(it))
}
