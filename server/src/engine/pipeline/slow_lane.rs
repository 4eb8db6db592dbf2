//! The slow lane: work that exceeds the budget, one at a time.
//!
//! A task reads and plans it while the main lane goes on. The plan is valid if no commit has changed a row that it depends on;
//! otherwise it is made again with the rows that are unchanged. Then another task writes the rows in a transaction that stays
//! open, and requests that depend on the same rows wait; all others pass. The executor commits the transaction.

use std::{collections::VecDeque, sync::Arc};

use profile360_core::{
    identifier::unified_id::IdSecret,
    message::Message,
    plan::{changes::Changes, view::View},
};
use profile360_store::{Store, StoreError, Unfinished};
use tokio::task::JoinHandle;

use super::{
    cache::Cache,
    work::{Attempt, Batch, PlannedWork, Work},
    written::{Written, have_common_rows},
};
use crate::engine::planning::PlanContext;

/// Work that may be in the lane; beyond that all requests wait.
const MAX_WAITING: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct SlowLane {
    queue: VecDeque<Work>,
    active: Option<Active>,
    /// Work that depends on rows that are being written.
    blocked: Vec<Work>,
}

/// The work that is planned or written now.
#[derive(Debug)]
struct Active {
    task: Task,
    n_plans: u32,
    /// What commits have changed since the task began.
    written: Written,
}

#[derive(Debug)]
enum Task {
    Plan(JoinHandle<Planned>),
    Write(JoinHandle<Result<Unfinished, StoreError>>, Arc<Batch>),
}

type Planned = Result<Attempt, (Work, StoreError)>;

/// The output of a task.
#[derive(Debug)]
pub(super) enum Output {
    Planned(Planned),
    Written(Result<Unfinished, StoreError>, Arc<Batch>),
    /// It panicked. Its requests are gone: the dropped reply channels are errors for the callers.
    Lost,
}

impl SlowLane {
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() + self.blocked.len() < MAX_WAITING
    }

    pub(super) const fn is_active(&self) -> bool {
        self.active.is_some()
    }

    pub(super) fn push(&mut self, work: Work) {
        self.queue.push_back(work);
    }

    /// The next work, if none is active.
    pub(super) fn pop(&mut self) -> Option<Work> {
        if self.is_active() { None } else { self.queue.pop_front() }
    }

    /// Plans work concurrently with the main lane. `view` contains rows that were read before and have not changed.
    pub(super) fn begin_plan(&mut self, work: Work, view: View, context: PlanContext, n_plans: u32) {
        let task = tokio::spawn(async move { work.plan(view, &context, &mut Cache::new(0), usize::MAX).await });
        self.active = Some(Active { task: Task::Plan(task), n_plans: n_plans + 1, written: Written::default() });
    }

    /// Writes a valid plan concurrently with the main lane.
    pub(super) fn begin_write(&mut self, batch: Batch, store: Arc<Store>, secret: IdSecret) {
        let batch = Arc::new(batch);
        let written = batch.clone();
        let task = tokio::spawn(async move {
            let texts = written.work.texts();
            store.write_ahead(&written.work.rows(&written.changes, &texts), &secret).await
        });
        self.active = Some(Active { task: Task::Write(task, batch), n_plans: 0, written: Written::default() });
    }

    /// Whether a task has an output.
    pub(super) fn is_finished(&self) -> bool {
        self.active.as_ref().is_some_and(|active| match &active.task {
            Task::Plan(task) => task.is_finished(),
            Task::Write(task, _) => task.is_finished(),
        })
    }

    /// The output of the task. Cancel-safe. Afterwards [`Self::end`] must be called before anything else.
    pub(super) async fn output(&mut self) -> Output {
        match self.active.as_mut().map(|active| &mut active.task) {
            Some(Task::Plan(task)) => task.await.map_or(Output::Lost, Output::Planned),
            Some(Task::Write(task, batch)) => {
                let written = task.await;
                written.map_or(Output::Lost, |unfinished| Output::Written(unfinished, batch.clone()))
            }
            None => std::future::pending().await,
        }
    }

    /// Ends the active work. Returns what commits have changed since its task began, and how often it was planned.
    pub(super) fn end(&mut self) -> (Written, u32) {
        self.active.take().map(|active| (active.written, active.n_plans)).unwrap_or_default()
    }

    /// Records what a commit has changed.
    pub(super) fn note(&mut self, work: &PlannedWork, changes: &Changes) {
        let Some(active) = &mut self.active else { return };
        active.written.add(changes);
        if !matches!(work, PlannedWork::Messages(_)) {
            active.written.add_decisions();
        }
    }

    /// Records that anything may have changed.
    pub(super) fn invalidate(&mut self) {
        if let Some(active) = &mut self.active {
            active.written.add_anything();
        }
    }

    /// Whether rows of a view are being written.
    pub(super) fn writes(&self, view: &View) -> bool {
        self.writing().is_some_and(|batch| have_common_rows(&batch.view, view))
    }

    /// Whether the rows that are being written depend on identifiers of messages.
    pub(super) fn involves(&self, messages: &[Message]) -> bool {
        let Some(Batch { view, .. }) = self.writing() else { return false };
        let mut named = messages.iter().flat_map(|message| &message.identifiers);
        named.any(|identifier| view.identifiers.contains_key(identifier))
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing().is_some()
    }

    fn writing(&self) -> Option<&Batch> {
        match &self.active.as_ref()?.task {
            Task::Write(_, batch) => Some(batch),
            Task::Plan(_) => None,
        }
    }

    /// Keeps work until the rows that are being written are committed.
    pub(super) fn block(&mut self, work: Work) {
        self.blocked.push(work);
    }

    /// The work that waited for rows.
    pub(super) fn unblock(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.blocked)
    }
}
