//! Reads ahead for requests whose reads exceed the budget: those in large components.
//!
//! Such a request is deferred. A task loads what it needs and plans it, while the pipeline serves other requests and records
//! what they change. If that does not overlap with what was read, the plan is valid; otherwise the request is planned again
//! with the rows that are unchanged. One request is read for at a time: of two in one component the second would read what
//! the first is about to change. This module never writes, and the pipeline validates its results against concurrent writes
//! before it uses them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair},
    graph::rows::ClusterKey,
    identifier::Identifier,
    message::Message,
    plan::{
        changes::Changes,
        planner::NewEvidence,
        view::{Needs, View},
    },
};
use profile360_store::StoreError;
use tokio::task::JoinHandle;

use super::{Ingest, QUEUE, Worker, cache::Cache, decide};
use crate::engine::planning::{self, Plan, PlanContext, missing_members};

/// The work for one request that others wait for.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Reads, see [`crate::engine::planning::cost_of`].
    pub read: usize,
    /// Rows of identifiers, links and clusters to write.
    pub write: usize,
}

impl Budget {
    /// A few tenths of a second.
    pub const DEFAULT: Self = Self { read: 5_000, write: 2_500 };
    pub(super) const UNLIMITED: Self = Self { read: usize::MAX, write: usize::MAX };

    /// The budget of a batch of messages.
    pub(super) const fn of_several(self, n_messages: usize) -> Self {
        Self { read: scale(self.read, n_messages), write: scale(self.write, n_messages) }
    }
}

const fn scale(budget: usize, n_messages: usize) -> usize {
    budget.saturating_add((budget / SHARE).saturating_mul(n_messages))
}

/// That many more messages double the budget.
const SHARE: usize = 250;
/// How often a request is deferred. If its rows keep changing, it is then served at once while others wait.
const MAX_DEFERRALS: u32 = 4;

/// A request that can be deferred.
#[derive(Debug)]
pub(super) enum Job {
    Ingest(Ingest),
    Decide(decide::Request),
}

/// What was loaded and planned for a request before it is served. Empty for a new request.
#[derive(Debug, Default)]
pub(super) struct Prefetched {
    /// Rows that have not changed since they were read.
    pub view: View,
    /// The plan, if none of the rows has changed.
    pub changes: Option<Changes>,
    n_deferrals: u32,
}

impl Prefetched {
    /// Nothing, for a request that was deferred that often.
    pub(super) fn retry(n_deferrals: u32) -> Self {
        Self { n_deferrals, ..Self::default() }
    }

    /// The remaining budget: unlimited once it was deferred too often.
    pub(super) const fn remaining(&self, budget: Budget) -> Budget {
        if self.n_deferrals < MAX_DEFERRALS { budget } else { Budget::UNLIMITED }
    }

    pub(super) const fn n_deferrals(&self) -> u32 {
        self.n_deferrals
    }
}

/// The inputs of a deferred plan, without stored rows, which change while it waits.
#[derive(Debug)]
pub(super) enum ReadPlan {
    /// Messages with the owners of their values.
    Messages { messages: Arc<[Message]>, context: PlanContext },
    Decisions {
        /// The identifiers of the decisions.
        ends: BTreeSet<Identifier>,
        changed: Arc<[Decision]>,
        /// With the changed decisions.
        context: PlanContext,
    },
}

/// The deferred requests.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    reading: Option<Reading>,
    queue: VecDeque<Deferred>,
    /// Counts changes of decisions and invalidations.
    n_decision_changes: u64,
    /// What was written since the current read began.
    written: Written,
}

#[derive(Debug)]
struct Deferred {
    job: Job,
    read_plan: ReadPlan,
    n_deferrals: u32,
    /// [`ReadAhead::n_decision_changes`] when the request was deferred. A different number means that decisions have changed since.
    n_decision_changes: u64,
}

#[derive(Debug)]
struct Reading {
    job: Job,
    n_deferrals: u32,
    task: JoinHandle<(View, Option<Changes>)>,
}

impl ReadAhead {
    /// Whether another request may be deferred. Bounds memory.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE
    }

    /// The next deferred request, once its rows are read. `None` without one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<(Job, Prefetched)> {
        let task = &mut self.reading.as_mut()?.task;
        // If the task failed, serve the request all the same: everything is read again.
        let (mut view, changes) = task.await.unwrap_or_default();
        let Reading { job, n_deferrals, .. } = self.reading.take()?;
        let written = std::mem::take(&mut self.written);
        if changes.is_some() && !written.overlaps(&view) {
            return Some((job, Prefetched { view, changes, n_deferrals }));
        }
        written.invalidate(&mut view);
        Some((job, Prefetched { view, changes: None, n_deferrals }))
    }

    /// Records what a commit has changed.
    pub(super) fn note_changes(&mut self, changes: &Changes) {
        if self.reading.is_some() {
            self.written.add(changes);
        }
    }

    /// Records that decisions were made or revoked.
    pub(super) const fn note_decisions(&mut self) {
        self.written.has_decisions = true;
        self.n_decision_changes += 1;
    }

    /// Records that anything may have changed.
    pub(super) const fn invalidate(&mut self) {
        self.written.is_anything = true;
        self.n_decision_changes += 1;
    }

    fn begin(&mut self) {
        let Some(Deferred { job, read_plan, n_deferrals, n_decision_changes }) = self.queue.pop_front() else { return };
        // Rows are read now, but the plan uses decisions and owners of the time when the request was deferred.
        self.written = Written { has_decisions: n_decision_changes != self.n_decision_changes, ..Written::default() };
        let task = tokio::spawn(read(read_plan));
        self.reading = Some(Reading { job, n_deferrals: n_deferrals + 1, task });
    }
}

impl Worker {
    /// Defers a request until what it needs is read.
    pub(super) async fn defer(&mut self, job: Job, read_plan: ReadPlan, n_deferrals: u32) {
        let n_decision_changes = self.read_ahead.n_decision_changes;
        self.read_ahead.queue.push_back(Deferred { job, read_plan, n_deferrals, n_decision_changes });
        self.read_for_next().await;
    }

    /// Serves a request whose rows are read.
    pub(super) async fn resume(&mut self, (job, prefetched): (Job, Prefetched)) {
        self.serve_deferred(job, prefetched).await;
        self.read_for_next().await;
    }

    /// Serves a deferred request.
    pub(super) async fn serve_deferred(&mut self, job: Job, prefetched: Prefetched) {
        match job {
            Job::Ingest(request) => {
                if let Some(request) = self.reparse_if_outdated(request) {
                    self.serve_one(request, prefetched).await;
                }
            }
            Job::Decide(request) => self.decide(request, prefetched).await,
        }
    }

    async fn read_for_next(&mut self) {
        if self.read_ahead.reading.is_some() {
            return;
        }
        // Get the commit number before reading: then a commit of another server conflicts with ours, which invalidates what
        // was read.
        let is_known = self.last_commit().await.is_ok();
        self.read_ahead.begin();
        if !is_known {
            self.read_ahead.invalidate();
        }
    }
}

async fn read(read_plan: ReadPlan) -> (View, Option<Changes>) {
    match plan(&read_plan).await {
        Ok(Some(Plan { view, changes })) => (view, Some(changes)),
        Ok(None) => (View::default(), None),
        // Concurrent writes can make rows inconsistent.
        Err(error) => {
            tracing::debug!(%error, "reading ahead did not finish");
            (View::default(), None)
        }
    }
}

async fn plan(read_plan: &ReadPlan) -> Result<Option<Plan>, StoreError> {
    let mut cache = Cache::default();
    let mut view = View::default();
    let (evidence, context) = match read_plan {
        ReadPlan::Messages { messages, context } => (NewEvidence::Messages(messages.clone()), context),
        ReadPlan::Decisions { ends, changed, context } => {
            let needs = Needs { identifiers: ends.clone(), ..Needs::default() };
            planning::load(needs, &mut view, context, &mut cache).await?;
            planning::load(missing_members(ends, &view), &mut view, context, &mut cache).await?;
            (NewEvidence::Decisions(changed.clone()), context)
        }
    };
    planning::plan(evidence, view, context, &mut cache, usize::MAX).await
}

/// Keys of rows that were changed, made or removed.
#[derive(Debug, Default)]
struct Written {
    identifiers: BTreeSet<Identifier>,
    links: BTreeSet<Pair>,
    clusters: BTreeSet<ClusterKey>,
    orders: BTreeSet<Arc<str>>,
    sessions: BTreeSet<Arc<str>>,
    /// The ends of `links`, including new and removed links: an entry of `View::links_of` requires each of its links.
    linked: BTreeSet<Identifier>,
    has_decisions: bool,
    is_anything: bool,
}

impl Written {
    fn add(&mut self, changes: &Changes) {
        let Changes {
            identifiers,
            links,
            clusters,
            removed_clusters,
            removed_identifiers,
            removed_links,
            order_states,
            sessions,
            ..
        } = changes;
        self.identifiers.extend(identifiers.keys().chain(removed_identifiers).cloned());
        self.links.extend(links.keys().chain(removed_links).cloned());
        self.clusters.extend(clusters.keys().chain(removed_clusters));
        self.orders.extend(order_states.keys().cloned());
        self.sessions.extend(sessions.keys().cloned());
        self.linked.extend(links.keys().chain(removed_links).flat_map(|it| [it.a.clone(), it.b.clone()]));
    }

    /// Whether a view depends on anything that was written. Messages need no check: a new one has also changed its home, and one
    /// with the same ID and another home conflicts in the database.
    fn overlaps(&self, view: &View) -> bool {
        self.is_anything
            || self.has_decisions
            || self.identifiers.iter().any(|it| view.identifiers.contains_key(it))
            || self.links.iter().any(|it| view.links.contains_key(it))
            || self.clusters.iter().any(|it| view.clusters.contains_key(it))
            || self.orders.iter().any(|it| view.orders.contains_key(it))
            || self.sessions.iter().any(|it| view.sessions.contains_key(it))
            || self.linked.iter().any(|it| view.links_of.contains_key(it))
    }

    /// Removes from a view what was written.
    fn invalidate(&self, view: &mut View) {
        if self.is_anything {
            *view = View::default();
            return;
        }
        // There are few, and they are cheap to read again.
        view.messages.clear();
        view.orders.clear();
        view.sessions.clear();
        view.identifiers.retain(|it, _| !self.identifiers.contains(it));
        view.links.retain(|it, _| !self.links.contains(it));
        view.clusters.retain(|it, _| !self.clusters.contains(it));
        view.links_of.retain(|it, _| !self.linked.contains(it));
    }
}

#[cfg(test)]
mod tests {
    use profile360_core::{
        evidence::link::Observations,
        graph::rows::LinkState,
        identifier::Kind,
        message::parse::parse_message,
        policy::{compiled::CompiledPolicy, document::Policy},
    };

    use super::*;

    /// A link that is seen again has no new ends. Removing only its state would lose it.
    #[test]
    fn links_of_an_identifier_are_kept_or_removed_together() {
        let policy = CompiledPolicy::new(Policy::default()).expect("valid");
        let text = r#"{
            "message_id": "m1", "type": "identify", "timestamp": "2025-03-01T10:00:00Z", "source": "crm",
            "identifiers": { "external_id": "u1", "phone": "010-1234-5678" }
        }"#;
        let message = parse_message(text, &policy).expect("valid").message;
        let [a, b] = message.identifiers.as_slice() else { panic!("two identifiers") };
        let pair = Pair::new(a, b).expect("distinct");
        let link = LinkState { seen: Observations::of(&message), withheld: None };
        let other = Pair::new(a, &Identifier::new(Kind::new("device_id"), "d1")).expect("distinct");
        let mut view = View::default();
        for pair in [&pair, &other] {
            view.links.insert(pair.clone(), Some(Arc::new(link.clone())));
        }
        view.links_of.insert(a.clone(), [pair.clone(), other.clone()].into());
        view.links_of.insert(other.a.clone(), [other.clone()].into());

        let mut changes = Changes::default();
        changes.links.insert(pair, (link, false));
        let mut written = Written::default();
        written.add(&changes);
        assert!(written.overlaps(&view));
        written.invalidate(&mut view);
        let mut listed = view.links_of.values().flat_map(|it| it.iter());
        assert!(listed.all(|it| view.links.contains_key(it)), "{view:?}");
        assert!(view.links.contains_key(&other), "an unchanged link is kept");
    }
}
