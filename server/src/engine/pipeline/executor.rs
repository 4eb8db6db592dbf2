//! The executor: the one task that writes.
//!
//! The main lane removes a batch from the queue ([`Executor::next`]), loads and plans it ([`Executor::serve`]), commits it in a task
//! of its own ([`Executor::begin_commit`]), then publishes it and replies ([`Executor::publish`]). While a batch of messages is
//! being committed, the next one is planned on the rows that it leaves. If the commit fails, that plan is discarded and both
//! are planned again. Commands (decisions, retirements) are planned alone.
//!
//! Work that exceeds the budget moves to the slow lane ([`super::slow_lane`]), which reads and writes concurrently.
//!
//! The order of requests does not change the result. This module never resolves identities: `core::plan` does.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use profile360_core::{
    plan::{changes::Changes, view::View},
    time::Timestamp,
};
use profile360_store::{Commit, Encoded, LineageRow, Store, StoreError, Unfinished};
use rand::RngExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use super::{
    BatchLimit, Budget, PipelineError,
    cache::Cache,
    slow_lane::{Output, SlowLane},
    switch::{Record, Switch},
    work::{Attempt, Batch, Ingest, PlannedWork, Request, Work},
    written::Written,
};
use crate::{
    clock,
    engine::{
        snapshot::Snapshot,
        state::{Decided, States},
    },
};

/// Requests that are removed from the queue in advance.
const MAX_BACKLOG: usize = 1_024;
const MAX_CONFLICTS: u32 = 10;
/// How often work is planned in the slow lane. If its rows keep changing, it is then served while others wait.
const MAX_PLANS: u32 = 4;

#[derive(Debug)]
pub(super) struct Executor {
    snapshot: Snapshot,
    current: watch::Sender<Snapshot>,
    queue: mpsc::Receiver<Request>,
    is_closed: bool,
    /// Requests that were removed from the queue, and those that are planned again.
    backlog: Backlog,
    cache: Cache,
    /// `None` if other servers may have committed since.
    last: Option<Last>,
    shown: Shown,
    others: Others,
    budget: Budget,
    in_flight: Option<InFlight>,
    slow: SlowLane,
}

/// What the list and the subscribers know of.
#[derive(Debug, Clone, Copy)]
struct Shown {
    commit: i64,
    /// The last merge or unmerge; `None` until it is read.
    n_lineage: Option<i64>,
}

impl Shown {
    fn of(snapshot: &Snapshot) -> Self {
        Self { commit: snapshot.states.last().commit, n_lineage: None }
    }
}

/// When to look for commits of other servers.
#[derive(Debug)]
struct Others {
    /// `None` if there cannot be any.
    next: Option<Instant>,
    pause: Duration,
    has_failed: bool,
}

impl Others {
    /// While other servers commit.
    const SHORTEST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_millis(200);

    fn of(store: &Store) -> Self {
        Self { next: store.is_shared().then(Instant::now), pause: Self::SHORTEST, has_failed: false }
    }

    async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    fn looked(&mut self, have_committed: bool) {
        self.pause = if have_committed { Self::SHORTEST } else { Self::LONGEST.min(self.pause * 2) };
        self.next = Some(Instant::now() + self.pause);
    }
}

/// The last numbers that are in use.
#[derive(Debug, Clone, Copy)]
struct Last {
    commit: i64,
    n_lineage: i64,
}

/// A batch that is being committed.
#[derive(Debug)]
struct InFlight {
    task: JoinHandle<Result<(), StoreError>>,
    done: Done,
}

/// A commit with everything that must follow it.
#[derive(Debug)]
struct Done {
    batch: Arc<Batch>,
    commit: i64,
    lineage: Arc<[(i64, LineageRow)]>,
}

#[derive(Debug)]
struct Backlog {
    limit: BatchLimit,
    requests: VecDeque<Request>,
    n_messages: usize,
    n_bytes: usize,
}

impl Backlog {
    const fn new(limit: BatchLimit) -> Self {
        Self { limit, requests: VecDeque::new(), n_messages: 0, n_bytes: 0 }
    }

    fn push_back(&mut self, request: Request) {
        self.count(&request, usize::wrapping_add);
        self.requests.push_back(request);
    }

    fn push_front(&mut self, request: Request) {
        self.count(&request, usize::wrapping_add);
        self.requests.push_front(request);
    }

    fn pop_front(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.count(&request, usize::wrapping_sub);
        Some(request)
    }

    fn count(&mut self, request: &Request, add: fn(usize, usize) -> usize) {
        if let Request::Ingest(ingest) = request {
            self.n_messages = add(self.n_messages, ingest.messages.len());
            self.n_bytes = add(self.n_bytes, ingest.n_bytes);
        }
    }

    /// Refuses the messages and the commands. What a rollout asks for stays.
    fn refuse(&mut self, error: &PipelineError) {
        for _ in 0..self.requests.len() {
            match self.pop_front() {
                Some(Request::Ingest(request)) => drop(request.reply.send(Err(error.clone()))),
                Some(Request::Command(request)) => drop(request.reply.send(Err(error.clone()))),
                Some(other) => self.push_back(other),
                None => break,
            }
        }
    }

    fn has_room(&self) -> bool {
        let BatchLimit { messages, bytes } = self.limit;
        self.requests.len() < MAX_BACKLOG && self.n_messages < messages && self.n_bytes < bytes
    }

    /// The messages of the first request and of those behind it that fit into one batch with it.
    fn pop_group(&mut self, first: Ingest) -> Vec<Ingest> {
        let BatchLimit { messages, bytes } = self.limit;
        let (mut n_messages, mut n_bytes) = (first.messages.len(), first.n_bytes);
        let is_alone = first.tries.is_alone;
        let mut group = vec![first];
        while let Some(Request::Ingest(next)) = self.requests.front() {
            n_messages += next.messages.len();
            n_bytes += next.n_bytes;
            if is_alone || next.tries.is_alone || messages < n_messages || bytes < n_bytes {
                break;
            }
            if let Some(Request::Ingest(next)) = self.pop_front() {
                group.push(next);
            }
        }
        group
    }
}

impl Executor {
    pub(super) fn new(current: watch::Sender<Snapshot>, queue: mpsc::Receiver<Request>, budget: Budget) -> Self {
        let snapshot = current.borrow().clone();
        let (shown, others) = (Shown::of(&snapshot), Others::of(&snapshot.store));
        Self {
            cache: Cache::new(snapshot.caches.rows),
            snapshot,
            current,
            queue,
            is_closed: false,
            backlog: Backlog::new(budget.batch),
            last: None,
            shown,
            others,
            budget,
            in_flight: None,
            slow: SlowLane::default(),
        }
    }

    /// Serves requests until all senders are gone and everything is written.
    pub(super) async fn run(mut self) {
        loop {
            // Before new requests, so that these cannot starve it.
            if self.slow.is_finished() {
                let output = self.slow.output().await;
                self.advance_slow_lane(output).await;
            }
            self.receive();
            if let Some(request) = self.next() {
                match request {
                    Request::Ingest(first) => {
                        let group = self.backlog.pop_group(first);
                        self.serve_messages(group).await;
                    }
                    Request::Command(request) => self.serve(Work::Command(request), self.budget).await,
                    Request::Switch(switch) => Box::pin(self.switch(*switch)).await,
                    Request::Record(record) => self.record(record).await,
                }
                continue;
            }
            if self.is_closed && self.in_flight.is_none() && !self.slow.is_active() {
                break;
            }
            tokio::select! {
                written = committed(&mut self.in_flight) => {
                    if let Some(done) = self.conclude(written).await {
                        self.publish(done);
                    }
                }
                output = self.slow.output() => self.advance_slow_lane(output).await,
                // A commit in flight fails if another server has committed.
                () = self.others.due(), if self.in_flight.is_none() => self.follow_others().await,
                request = self.queue.recv(), if !self.is_closed && self.has_room() => match request {
                    Some(request) => self.backlog.push_back(request),
                    None => self.is_closed = true,
                },
            }
        }
    }

    fn has_room(&self) -> bool {
        self.backlog.has_room() && self.slow.has_room()
    }

    /// Removes waiting requests from the queue.
    fn receive(&mut self) {
        while self.has_room()
            && let Ok(request) = self.queue.try_recv()
        {
            self.backlog.push_back(request);
        }
    }

    /// The next request, unless it should wait for the batch in flight: a command is planned on what is committed, and few
    /// messages are worth waiting for more.
    fn next(&mut self) -> Option<Request> {
        let may_go_ahead = match &self.in_flight {
            None => true,
            Some(InFlight { done, .. }) => {
                matches!(done.batch.work, PlannedWork::Messages(_))
                    && matches!(self.backlog.requests.front(), Some(Request::Ingest(_)))
                    && self.budget.ahead <= self.backlog.n_messages
            }
        };
        if may_go_ahead { self.backlog.pop_front() } else { None }
    }

    async fn serve_messages(&mut self, requests: Vec<Ingest>) {
        let context = self.snapshot.plan_context();
        let (blocked, requests): (Vec<Ingest>, Vec<Ingest>) =
            requests.into_iter().partition(|request| self.slow.involves(&request.messages));
        if !blocked.is_empty() {
            self.slow.block(Work::of_messages(blocked, &context));
        }
        let work = Work::of_messages(requests, &context);
        let budget = self.budget.of_several(work.messages().len());
        self.serve(work, budget).await;
    }

    /// Plans work, on the batch in flight if there is one. Then commits it, or moves it to the slow lane.
    async fn serve(&mut self, work: Work, budget: Budget) {
        if work.n_requests() == 0 {
            return;
        }
        let started = Instant::now();
        let attempt = self.plan(work, budget).await;
        // Before waiting, so that it is done while the batch before is being committed.
        let encoded = match &attempt {
            Ok(Attempt::Write(batch)) if n_rows(&batch.changes) <= budget.write => Some(self.encode(batch)),
            _ => None,
        };
        let planned = started.elapsed();
        let is_ahead = self.in_flight.is_some();
        let done = self.settle().await;
        if is_ahead && done.is_none() {
            // The plan rests on a batch that was not written.
            let (Ok(work) | Err((work, _))) = attempt.map(|attempt| attempt.into_parts().0);
            return self.plan_again(work);
        }
        match (attempt, encoded) {
            (Ok(Attempt::Write(batch)), Some(encoded)) if !self.slow.writes(&batch.view) => {
                self.begin_commit(*batch, encoded, planned);
                // The database works while the batch before is published.
                if let Some(done) = done {
                    self.publish(done);
                }
            }
            (attempt, _) => {
                if let Some(done) = done {
                    self.publish(done);
                }
                match attempt {
                    Ok(attempt) => self.dispatch(attempt).await,
                    Err((work, error)) => self.recover(work, error).await,
                }
            }
        }
    }

    async fn plan(&mut self, work: Work, budget: Budget) -> Result<Attempt, (Work, StoreError)> {
        if let Err(error) = self.catch_up().await {
            return Err((work, error));
        }
        let context = self.snapshot.plan_context();
        work.plan(View::default(), &context, &mut self.cache, budget.read).await
    }

    /// Goes on with an attempt that cannot be committed at once. Nothing is in flight.
    async fn dispatch(&mut self, attempt: Attempt) {
        match attempt {
            Attempt::Answer { request, outcome, view } => {
                if self.slow.writes(&view) {
                    self.slow.block(Work::Command(request));
                } else if let Some(last) = self.last
                    && let Err(error) = is_last(&self.snapshot.store, last.commit).await
                {
                    self.recover(Work::Command(request), error).await;
                } else {
                    // The client may have disconnected.
                    request.reply.send(Ok(outcome)).ok();
                }
            }
            Attempt::Write(batch) if self.slow.writes(&batch.view) => {
                self.separate(batch.work.into_work(), SlowLane::block);
            }
            Attempt::Write(batch) => self.separate(batch.work.into_work(), SlowLane::push),
            Attempt::OverBudget(work) => self.separate(work, SlowLane::push),
        }
        self.start_slow_lane().await;
    }

    /// Moves a single request to the slow lane. Those of a batch are planned again one by one.
    fn separate(&mut self, mut work: Work, take: fn(&mut SlowLane, Work)) {
        if work.n_requests() == 1 {
            return take(&mut self.slow, work);
        }
        work.tries_mut().for_each(|tries| tries.is_alone = true);
        self.plan_again(work);
    }

    /// Puts requests back in front of all others.
    fn plan_again(&mut self, work: Work) {
        work.into_requests().into_iter().rev().for_each(|request| self.backlog.push_front(request));
    }

    fn encode(&self, batch: &Batch) -> Result<Encoded, StoreError> {
        let texts = batch.work.texts();
        let Snapshot { store, secret, .. } = &self.snapshot;
        store.encode(&batch.work.rows(&batch.changes, &texts), secret)
    }

    /// Begins to commit a valid plan. Nothing is in flight.
    fn begin_commit(&mut self, batch: Batch, encoded: Result<Encoded, StoreError>, planned: Duration) {
        let Some(last) = self.last else { return self.plan_again(batch.work.into_work()) };
        let lineage: Arc<[(i64, LineageRow)]> = lineage_of(&batch, last.n_lineage).into();
        let is_empty = matches!(batch.work, PlannedWork::Messages(_)) && batch.changes.kept.is_empty();
        let commit = if is_empty { last.commit } else { last.commit + 1 };
        let batch = Arc::new(batch);
        let task = {
            let (batch, lineage) = (batch.clone(), lineage.clone());
            let Snapshot { store, states, .. } = self.snapshot.clone();
            tokio::spawn(async move {
                if is_empty {
                    // No commit detects that another writer has changed what the answers were read from.
                    return is_last(&store, commit).await;
                }
                let started = Instant::now();
                let written = store.commit_encoded(commit, encoded?, &lineage).await;
                let n_messages = batch.work.messages().len();
                if written.is_ok() {
                    tracing::debug!(messages = n_messages, ?planned, written = ?started.elapsed(), commit, "committed a batch");
                }
                // At once: answers may see the commit already.
                written.map(|()| publish_state(&states, commit, &batch))
            })
        };
        if matches!(batch.work, PlannedWork::Messages(_)) {
            self.cache.lay_over(batch.clone());
        }
        self.in_flight = Some(InFlight { task, done: Done { batch, commit, lineage } });
    }

    /// Waits for the batch in flight. `None` if it was not written: its requests are planned again or refused, and so must be
    /// everything that was planned on it.
    async fn settle(&mut self) -> Option<Done> {
        self.in_flight.as_ref()?;
        let written = committed(&mut self.in_flight).await;
        self.conclude(written).await
    }

    async fn conclude(&mut self, written: Result<(), StoreError>) -> Option<Done> {
        let InFlight { done, .. } = self.in_flight.take()?;
        self.cache.forget_ahead();
        if let Err(error) = written {
            if let Some(batch) = Arc::into_inner(done.batch) {
                self.recover(batch.work.into_work(), error).await;
            }
            return None;
        }
        self.number(done.commit, &done.lineage);
        Some(done)
    }

    /// Remembers the numbers that are in use now.
    fn number(&mut self, commit: i64, lineage: &[(i64, LineageRow)]) {
        if let Some(last) = &mut self.last {
            last.commit = commit;
            last.n_lineage = lineage.last().map_or(last.n_lineage, |(number, _)| *number);
        }
    }

    /// Updates the list, and replies.
    fn publish(&mut self, done: Done) {
        let Done { batch, commit, lineage } = done;
        self.show_batch(&batch, commit, &lineage);
        let Some(Batch { work, view, changes }) = Arc::into_inner(batch) else { return };
        let is_retirement = matches!(work, PlannedWork::Retirement { .. });
        work.reply(commit, &view, &changes);
        if !is_retirement {
            self.cache.remember(view, changes);
        }
    }

    /// Shows a batch to the list, to subscribers and to the slow lane.
    fn show_batch(&mut self, batch: &Batch, commit: i64, lineage: &[(i64, LineageRow)]) {
        let Batch { work, changes, .. } = batch;
        if commit == self.shown.commit {
            return;
        }
        if matches!(work, PlannedWork::Retirement { .. }) {
            // It may contain rows that are removed.
            self.cache.clear();
        }
        self.show(commit, changes, lineage);
        self.slow.note(work, changes);
    }

    /// Updates the list and the subscribers.
    fn show(&mut self, commit: i64, changes: &Changes, lineage: &[(i64, LineageRow)]) {
        self.snapshot.directory.follow(commit, changes);
        for (_, event) in lineage {
            self.snapshot.events.publish_lineage(event.clone());
        }
        let n_lineage = lineage.last().map(|(number, _)| *number);
        self.shown = Shown { commit, n_lineage: n_lineage.or(self.shown.n_lineage) };
    }

    /// Follows what other servers have committed since.
    async fn follow_others(&mut self) {
        let followed = match self.snapshot.store.last_commit().await {
            Ok(commit) if self.last.is_some_and(|last| last.commit == commit) => Ok(false),
            Ok(_) => {
                self.invalidate();
                self.catch_up().await.map(|_| true)
            }
            Err(StoreError::Superseded) => self.reopen().await.map(|()| true),
            Err(error) => Err(error),
        };
        self.others.looked(matches!(followed, Ok(true)));
        let failed = followed.err().filter(|error| !matches!(error, StoreError::Conflict));
        if matches!(failed, Some(StoreError::Silent)) {
            self.refuse_waiting();
        }
        match &failed {
            Some(error) if !self.others.has_failed => {
                tracing::error!(%error, "what other servers commit cannot be read; trying again");
            }
            None if self.others.has_failed => tracing::info!("what other servers commit can be read again"),
            _ => {}
        }
        self.others.has_failed = failed.is_some();
    }

    /// Goes over to the projection that another server has made active, or reads this one again. Nothing is in flight.
    async fn reopen(&mut self) -> Result<(), StoreError> {
        let snapshot = self.snapshot.reopen().await?;
        tracing::info!(policy = snapshot.policy.version, "read the projection that other servers have made active");
        self.shown = Shown { n_lineage: self.shown.n_lineage, ..Shown::of(&snapshot) };
        self.snapshot = snapshot;
        self.invalidate();
        self.current.send_replace(self.snapshot.clone());
        Ok(())
    }

    /// Shows the commits of other servers to the list and to subscribers.
    async fn show_others(&mut self, reads: &Store, last: Last) -> Result<(), StoreError> {
        const AT_ONCE: i64 = 1_000;
        let commits = reads.commits(self.shown.commit, last.commit).await?;
        if i64::try_from(commits.len()).is_ok_and(|n_commits| n_commits < last.commit - self.shown.commit) {
            // Old commits are pruned. What they touched is not known.
            self.reopen().await?;
            return Err(StoreError::Conflict);
        }
        let Snapshot { directory, events, .. } = &self.snapshot;
        for (commit, touched) in commits {
            directory.touch(commit, touched.touched, touched.removed);
        }
        let mut n_lineage = self.shown.n_lineage.unwrap_or(last.n_lineage);
        while n_lineage < last.n_lineage {
            let numbers: Vec<i64> = (n_lineage + 1..=last.n_lineage.min(n_lineage + AT_ONCE)).collect();
            for (_, event) in reads.lineage(&numbers).await? {
                events.publish_lineage(event);
            }
            n_lineage += AT_ONCE;
        }
        self.shown = Shown { commit: last.commit, n_lineage: Some(last.n_lineage) };
        Ok(())
    }

    /// Plans work again after a failure, or refuses it.
    async fn recover(&mut self, mut work: Work, error: StoreError) {
        self.invalidate();
        match error {
            StoreError::Conflict => {
                let mut n_conflicts = 0;
                for tries in work.tries_mut() {
                    tries.n_conflicts += 1;
                    n_conflicts = n_conflicts.max(tries.n_conflicts);
                }
                if MAX_CONFLICTS <= n_conflicts {
                    return work.refuse(&PipelineError::Busy);
                }
                tokio::time::sleep(pause(n_conflicts)).await;
                self.plan_again(work);
            }
            StoreError::Superseded => match self.reopen().await {
                Ok(()) => self.plan_again(work),
                Err(error) => {
                    tracing::error!(%error, "the projection that another server has made active cannot be read");
                    work.refuse(&PipelineError::Unavailable);
                }
            },
            StoreError::Silent => {
                tracing::error!(%error, "all requests that wait are refused");
                work.refuse(&PipelineError::Unavailable);
                self.refuse_waiting();
            }
            StoreError::TooLarge { .. } if 1 < work.n_requests() => {
                self.backlog.limit.messages = (work.messages().len() / 2).max(1);
                self.plan_again(work);
            }
            StoreError::TooLarge { .. } => {
                tracing::warn!(%error, "a request was refused");
                work.refuse(&PipelineError::TooLarge);
            }
            error => {
                tracing::error!(%error, "a batch was not written");
                // One request must not fail the others of its batch.
                if 1 < work.n_requests() {
                    work.tries_mut().for_each(|tries| tries.is_alone = true);
                    return self.plan_again(work);
                }
                work.refuse(&PipelineError::Unavailable);
            }
        }
    }

    /// Refuses what waits while the database is silent: each request would wait as long as the one before.
    fn refuse_waiting(&mut self) {
        self.receive();
        self.backlog.refuse(&PipelineError::Unavailable);
    }

    /// Invalidates everything that was read: it may be stale.
    fn invalidate(&mut self) {
        self.cache.clear();
        self.last = None;
        self.slow.invalidate();
    }

    /// Begins with the next work of the slow lane, unless it is busy.
    async fn start_slow_lane(&mut self) {
        if let Some(work) = self.slow.pop() {
            self.plan_slowly(work, View::default(), 0).await;
        }
    }

    async fn plan_slowly(&mut self, work: Work, view: View, n_plans: u32) {
        // Otherwise a commit of another server after the read would not be a conflict.
        let is_known = self.catch_up().await.is_ok();
        let context = self.snapshot.plan_context();
        self.slow.begin_plan(work.renewed(&context), view, context, n_plans);
        if !is_known {
            self.slow.invalidate();
        }
    }

    /// Goes on with the work of the slow lane.
    async fn advance_slow_lane(&mut self, output: Output) {
        // What is in flight may have changed what the plan depends on.
        self.drain().await;
        let (written, n_plans) = self.slow.end();
        match output {
            Output::Planned(Ok(attempt)) => self.judge(attempt, &written, n_plans).await,
            Output::Planned(Err((work, error))) => {
                tracing::debug!(%error, "slow work was not planned");
                // Concurrent commits can make rows inconsistent.
                self.plan_slowly_again(work, View::default(), n_plans).await;
            }
            Output::Written(unfinished, batch) => self.commit_slow(unfinished, batch, written.is_anything()).await,
            Output::Lost => tracing::error!("a task of the slow lane failed"),
        }
        if !self.slow.is_active() {
            self.slow.unblock().into_iter().for_each(|work| self.plan_again(work));
        }
        self.start_slow_lane().await;
    }

    /// Uses a plan of the slow lane if what it depends on has not changed. Nothing is in flight.
    async fn judge(&mut self, attempt: Attempt, written: &Written, n_plans: u32) {
        if attempt.view().is_some_and(|view| written.overlaps(view)) {
            let (work, mut view) = attempt.into_parts();
            written.invalidate(&mut view);
            return self.plan_slowly_again(work, view, n_plans).await;
        }
        match attempt {
            Attempt::Write(batch) if n_rows(&batch.changes) <= self.budget.write => {
                let encoded = self.encode(&batch);
                self.begin_commit(*batch, encoded, Duration::ZERO);
            }
            Attempt::Write(batch) => {
                let Snapshot { store, secret, .. } = self.snapshot.clone();
                self.slow.begin_write(*batch, store, secret);
            }
            attempt => self.dispatch(attempt).await,
        }
    }

    /// Plans work of the slow lane once more. If its rows keep changing, it is served while others wait.
    async fn plan_slowly_again(&mut self, work: Work, view: View, n_plans: u32) {
        if n_plans < MAX_PLANS {
            return self.plan_slowly(work, view, n_plans).await;
        }
        self.serve(work, Budget::UNLIMITED).await;
        self.drain().await;
    }

    /// Commits the rows that the slow lane has written. Nothing is in flight.
    async fn commit_slow(&mut self, unfinished: Result<Unfinished, StoreError>, batch: Arc<Batch>, is_stale: bool) {
        let started = Instant::now();
        let committed = self.try_commit_slow(unfinished, &batch, is_stale).await;
        let (commit, lineage) = match committed {
            Ok(numbers) => numbers,
            Err(error) => {
                if let Some(batch) = Arc::into_inner(batch) {
                    self.recover(batch.work.into_work(), error).await;
                }
                return;
            }
        };
        self.number(commit, &lineage);
        publish_state(&self.snapshot.states, commit, &batch);
        self.show_batch(&batch, commit, &lineage);
        // So many new ones would evict all others.
        self.cache.forget(&batch.changes);
        if let Some(Batch { work, view, changes }) = Arc::into_inner(batch) {
            work.reply(commit, &view, &changes);
            tracing::debug!(rows = n_rows(&changes), committed = ?started.elapsed(), commit, "committed slow work");
            // Freeing so many rows takes time.
            tokio::task::spawn_blocking(move || drop((view, changes)));
        }
    }

    async fn try_commit_slow(
        &mut self,
        unfinished: Result<Unfinished, StoreError>,
        batch: &Batch,
        is_stale: bool,
    ) -> Result<(i64, Vec<(i64, LineageRow)>), StoreError> {
        // The transaction started before later commits, so it does not detect that another server used the number. And rows that
        // another server has removed cannot be replaced.
        let stored = self.snapshot.store.last_commit().await;
        let last = self.last.filter(|last| !is_stale && stored.as_ref().is_ok_and(|stored| *stored == last.commit));
        match (unfinished, last) {
            (Ok(unfinished), Some(last)) => {
                let lineage = lineage_of(batch, last.n_lineage);
                unfinished.commit(last.commit + 1, &lineage).await?;
                Ok((last.commit + 1, lineage))
            }
            (Ok(unfinished), None) => {
                unfinished.cancel().await;
                Err(StoreError::Conflict)
            }
            (Err(error), Some(_)) => Err(error),
            (Err(_), None) => Err(StoreError::Conflict),
        }
    }

    /// Waits for the batch in flight, and publishes it.
    async fn drain(&mut self) {
        if let Some(done) = self.settle().await {
            self.publish(done);
        }
    }

    /// Makes the projection of a fill active, once nothing is being written.
    async fn switch(&mut self, switch: Switch) {
        self.drain().await;
        while self.slow.is_writing() {
            let output = self.slow.output().await;
            self.advance_slow_lane(output).await;
            self.drain().await;
        }
        // Another server may have written: read the commit number again.
        self.invalidate();
        let Switch { mut fill, reply } = switch;
        let switched = match self.catch_up().await {
            Ok(last) => fill.switch(last.commit).await,
            Err(error) => Err(error),
        };
        let answer = switched.map(|snapshot| {
            self.shown = Shown { n_lineage: self.shown.n_lineage, ..Shown::of(&snapshot) };
            self.snapshot = snapshot;
            self.invalidate();
            self.current.send_replace(self.snapshot.clone());
            fill
        });
        // The caller may be gone; the switch remains.
        reply.send(answer).ok();
    }

    /// Adds merges and unmerges to the history, in a commit that changes nothing else.
    async fn record(&mut self, record: Record) {
        let Record { lineage, reply } = record;
        let recorded = self.try_record(lineage).await.map_err(|error| {
            tracing::error!(%error, "merges and unmerges of a policy were not recorded");
            self.invalidate();
            PipelineError::Unavailable
        });
        reply.send(recorded).ok();
    }

    async fn try_record(&mut self, lineage: Vec<LineageRow>) -> Result<(), StoreError> {
        let last = self.catch_up().await?;
        let lineage: Vec<(i64, LineageRow)> = (last.n_lineage + 1..).zip(lineage).collect();
        let (number, nothing) = (last.commit + 1, Changes::default());
        let commit = Commit { lineage: &lineage, ..Commit::of(number, &nothing) };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        self.number(number, &lineage);
        self.snapshot.states.pass_to(number);
        self.show(number, &nothing, &lineage);
        Ok(())
    }

    /// Reads the last numbers. At first and after a conflict it also reads what others have committed.
    async fn catch_up(&mut self) -> Result<Last, StoreError> {
        if let Some(last) = self.last {
            return Ok(last);
        }
        let Snapshot { store, states, .. } = &self.snapshot;
        let reads = store.snapshot();
        let commit = states.catch_up(&reads).await?;
        let last = Last { commit, n_lineage: reads.n_lineage().await? };
        self.show_others(&reads, last).await?;
        // From here on every read is of this commit, or of one that our next commit conflicts with.
        self.last = Some(last);
        Ok(last)
    }
}

/// Publishes the state that a batch leaves.
fn publish_state(states: &States, commit: i64, batch: &Batch) {
    let Batch { work, changes, .. } = batch;
    let decided = match work {
        PlannedWork::Messages(_) => Decided::Nothing,
        PlannedWork::Decisions { changed, .. } => Decided::Decisions(changed),
        PlannedWork::Retirement { reassigned, .. } => Decided::Retirements(&reassigned.reassignment.after),
    };
    states.follow(commit, changes, decided);
}

/// Fails with [`StoreError::Conflict`] if another writer has committed since.
async fn is_last(store: &Store, commit: i64) -> Result<(), StoreError> {
    if store.last_commit().await? == commit { Ok(()) } else { Err(StoreError::Conflict) }
}

/// The output of the commit in flight. Cancel-safe.
async fn committed(in_flight: &mut Option<InFlight>) -> Result<(), StoreError> {
    let Some(InFlight { task, .. }) = in_flight else { return std::future::pending().await };
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a commit panicked");
        Err(StoreError::Conflict)
    })
}

/// Numbered merges and unmerges with their causes.
fn lineage_of(batch: &Batch, n_lineage: i64) -> Vec<(i64, LineageRow)> {
    let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
    let rows = batch.changes.lineage.iter().map(|lineage| LineageRow {
        at,
        kind: lineage.kind,
        kept: lineage.kept,
        others: lineage.others.clone(),
        cause: batch.work.cause(lineage.message),
    });
    (n_lineage + 1..).zip(rows).collect()
}

/// The number of rows of identifiers, links and clusters that change.
fn n_rows(changes: &Changes) -> usize {
    let Changes { identifiers, links, clusters, removed_clusters, .. } = changes;
    identifiers.len() + links.len() + clusters.len() + removed_clusters.len()
}

/// The pause before a retry: exponential backoff with jitter.
#[expect(clippy::disallowed_methods, reason = "jitter: writers that conflict must not retry in step")]
fn pause(attempt: u32) -> Duration {
    let most = 5_u64 << attempt.min(6);
    Duration::from_millis(rand::rng().random_range(1..=most))
}
