//! The write pipeline: the only way into the base.
//!
//! Requests that wait share a transaction (group commit): batch → load → plan → commit → reply → tell the list. One task
//! does this, so plans of one server seldom collide; another server's do, on the commit number, and what collides is planned
//! again from fresh state. A request for which others would wait steps aside: what reaches far is read beside the pipeline
//! (`far`), what changes much is written there (`large`). In which order requests are taken makes no difference. This module
//! never decides who is whom: `core::plan` does.

mod cache;
mod decide;
mod far;
mod large;
mod replay;

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use profile360_core::{
    evidence::{
        decision::Decisions,
        identifier_summary::{
            Full, MAX_CUSTOM_ATTRIBUTES, MAX_DEVICES, MAX_LONG_ATTRIBUTES, MAX_SHORT_BYTES, MAX_SIGHTINGS,
        },
        link::MAX_SOURCES,
    },
    graph::lineage::Lineage,
    identifier::{UnifiedId, unified_id::IdSecret},
    message::{
        Message,
        parse::{accepted::Accepted, parse_kept},
        refusal::Warning,
    },
    plan::{
        changes::{Changes, OrderNews, Outcome},
        draft::Draft,
        needs::{first_needs, next_needs},
        view::View,
    },
    time::Timestamp,
};
use profile360_ingest::framing::kept_id;
use profile360_store::{Cause, Commit, LineageRow, Rows, Store, StoreError};
use rand::RngExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use self::{
    cache::Cache,
    far::{Ahead, Far, Job, Reach},
    large::{Large, Plan, WantedMessages},
};
pub use self::{
    decide::{Command, CommandOutcome, new_id},
    far::Bounds,
    replay::{Read, Replay},
};
use crate::{
    clock,
    engine::{
        active_policy::{self, ActivePolicy},
        directory::List,
        events::Events,
        inbox::Inbox,
        ingest_stats::IngestStats,
    },
};

/// The most messages in one transaction. A batch stays far below a memtable.
pub const MAX_BATCH: usize = 5_000;
/// The most bytes of messages in one transaction, if it has more than one message.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Requests that may wait; whoever comes then waits to be let in, and memory stays bounded.
const QUEUE: usize = 64;
const MAX_ATTEMPTS: u32 = 10;

/// What became of one message.
#[derive(Debug, Clone)]
pub struct Ingested {
    pub outcome: Outcome,
    /// The ID that the message is kept under.
    pub message_id: Arc<str>,
    /// The profile that it landed on; for a duplicate, the one that its home has now, if it is the same home.
    pub unified_id: Option<UnifiedId>,
    /// What found no room, and what its order or refund runs into.
    pub warnings: Vec<Warning>,
}

/// The answer to one request, and the number of the commit that made it durable.
#[derive(Debug)]
pub struct Receipt {
    pub taken: Vec<Ingested>,
    pub commit: i64,
}

/// Why messages were not taken. None of them is in the base, and sending them again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PipelineError {
    #[error("the database cannot write now; send the messages again later")]
    Unavailable,
    #[error("other writers are faster again and again; send the messages again later")]
    Busy,
    #[error("the server is stopping; send the messages again later")]
    Stopping,
    #[error("another server has published a policy; restart this one, then send the messages again")]
    Superseded,
    #[error("a policy has come into force that does not take one of the messages; send them again to be told why")]
    RulesChanged,
}

enum Request {
    Ingest(Ingest),
    Decide(decide::Request),
    Switch(Box<replay::Switch>),
}

#[derive(Debug)]
struct Ingest {
    messages: Vec<Accepted>,
    /// The version of the policy that they were read by.
    read_by: i64,
    n_bytes: usize,
    reply: oneshot::Sender<Result<Receipt, PipelineError>>,
}

/// The way in. Clones lead to the same task; it ends when all of them are gone and what waits is written.
#[derive(Debug, Clone)]
pub struct Pipeline {
    requests: mpsc::Sender<Request>,
    /// What it works with now: another one from the moment on that a policy is in force.
    snapshot: watch::Receiver<Snapshot>,
    ingest_stats: Arc<IngestStats>,
}

/// What the pipeline works with: one edition of the base.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub store: Arc<Store>,
    pub list: Arc<List>,
    /// Its retirements are changed by the pipeline only.
    pub policy: Arc<ActivePolicy>,
    pub secret: IdSecret,
    /// All decisions; only the pipeline changes them.
    pub decisions: Arc<RwLock<Decisions>>,
    /// The withheld links; only the pipeline changes them.
    pub inbox: Arc<RwLock<Inbox>>,
    pub news: Arc<Events>,
    /// Whether messages whose IDs were made of their contents may be kept under these, as an earlier version did.
    has_plain_made_ids: bool,
    /// A commit that decisions and inbox have seen, and perhaps later ones.
    seen_up_to: i64,
}

/// What the setting says of a base all of whose made message IDs are keyed.
const KEYED: &str = "keyed";

impl Snapshot {
    /// Reads what a base holds beside its rows: the list, the decisions, the inbox. The list tells its news there.
    pub async fn open(
        store: Arc<Store>,
        policy: Arc<ActivePolicy>,
        secret: IdSecret,
        news: Arc<Events>,
    ) -> Result<Self, StoreError> {
        // Before the rest: what another server commits while this reads is then looked at again.
        let seen_up_to = store.last_commit().await?;
        let made_ids =
            store.root_setting_or("made_ids", if seen_up_to == 0 { KEYED } else { "plain or keyed" }).await?;
        let list = Arc::new(List::load(&store, &policy, news.clone()).await?);
        let decisions = Arc::new(RwLock::new(load_decisions(&store).await?));
        let inbox = Arc::new(RwLock::new(Inbox::load(&store, &policy).await?));
        let has_plain_made_ids = made_ids != KEYED;
        Ok(Self { store, list, policy, secret, decisions, inbox, news, has_plain_made_ids, seen_up_to })
    }
}

impl Pipeline {
    /// Starts the task. Wait for the handle, after the last clone is dropped, to know that everything is written.
    pub fn start(snapshot: Snapshot) -> (Self, tokio::task::JoinHandle<()>) {
        Self::start_with(snapshot, Bounds::NEAR)
    }

    /// As [`Pipeline::start`], with other bounds on what is done for a request while others wait.
    pub fn start_with(snapshot: Snapshot, bounds: Bounds) -> (Self, tokio::task::JoinHandle<()>) {
        let (requests, waiting) = mpsc::channel(QUEUE);
        let (current, shown) = watch::channel(snapshot);
        let task = tokio::spawn(work(current, waiting, bounds));
        let ingest_stats = Arc::new(IngestStats::new(clock::now()));
        (Self { requests, snapshot: shown, ingest_stats }, task)
    }

    /// What comes in. Who refuses messages before they come here counts them there, too.
    pub fn ingest_stats(&self) -> &IngestStats {
        &self.ingest_stats
    }

    /// What it works with now. Whoever answers a question takes it once, so that the whole answer is of one edition.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Tells of each edition that is put in force from now on.
    pub fn editions(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Puts the edition of a replay in force once it has caught up; what waits meanwhile is taken into the new one.
    pub async fn switch(&self, replay: Replay) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Switch(Box::new(replay::Switch { replay, reply }));
        self.requests.send(request).await.map_err(|_| StoreError::Superseded)?;
        answer.await.map_err(|_| StoreError::Superseded)?
    }

    /// Takes messages, all of them or none; comes back when they are durable. Where another version of the policy than the one that
    /// they were read by has come into force, they are read again.
    pub async fn ingest(&self, messages: Vec<Accepted>, read_by: i64) -> Result<Receipt, PipelineError> {
        let messages = self.with_kept_ids(messages).await?;
        let (reply, answer) = oneshot::channel();
        let n_bytes = messages.iter().map(|it| it.payload.len()).sum();
        let request = Ingest { messages, read_by, n_bytes, reply };
        self.requests.send(Request::Ingest(request)).await.map_err(|_| PipelineError::Stopping)?;
        let receipt = answer.await.map_err(|_| PipelineError::Stopping)??;
        let n_repeated = receipt.taken.iter().filter(|it| it.outcome == Outcome::Duplicate).count();
        self.ingest_stats.take(clock::now(), (receipt.taken.len() - n_repeated) as u64, n_repeated as u64);
        Ok(receipt)
    }

    /// Gives messages whose IDs were made of their contents the IDs that they are kept under.
    async fn with_kept_ids(&self, mut messages: Vec<Accepted>) -> Result<Vec<Accepted>, PipelineError> {
        if messages.iter().all(|it| !it.is_id_made) {
            return Ok(messages);
        }
        let Snapshot { store, policy, secret, has_plain_made_ids, .. } = self.snapshot();
        let mut taken = BTreeSet::new();
        if has_plain_made_ids {
            let made = messages.iter().filter(|it| it.is_id_made).map(|it| it.message.id.clone()).collect();
            taken = store.taken_of(&made).await.map_err(|error| {
                tracing::error!(%error, "messages that were taken before could not be looked up");
                PipelineError::Unavailable
            })?;
        }
        for accepted in messages.iter_mut().filter(|it| it.is_id_made && !taken.contains(&it.message.id)) {
            let kept = kept_id(&accepted.message.id, &secret);
            // The contents cannot name their own hash: it occurs once.
            let payload = accepted.payload.replacen(&*accepted.message.id, &kept, 1);
            let Accepted { message, payload, .. } =
                parse_kept(&payload, &policy).map_err(|_| PipelineError::RulesChanged)?;
            (accepted.message, accepted.payload) = (message, payload);
        }
        Ok(messages)
    }

    /// Makes or revokes decisions, all of them or none; comes back when they are durable.
    ///
    /// With a revision, it must be that of the profiles concerned as they are now, together.
    pub async fn decide(
        &self,
        wish: Command,
        expected_revision: Option<String>,
    ) -> Result<CommandOutcome, PipelineError> {
        let (reply, answer) = oneshot::channel();
        let request = decide::Request { wish, expected_revision, reply };
        self.requests.send(Request::Decide(request)).await.map_err(|_| PipelineError::Stopping)?;
        answer.await.map_err(|_| PipelineError::Stopping)?
    }
}

async fn work(current: watch::Sender<Snapshot>, mut waiting: mpsc::Receiver<Request>, bounds: Bounds) {
    let mut worker = Worker { bounds, ..Worker::new(current.borrow().clone()) };
    let mut held_over: Option<Request> = None;
    loop {
        // What stepped aside has its turn however much comes in.
        let first = tokio::select! {
            Some(next) = worker.far.next() => {
                worker.go_on(next).await;
                continue;
            }
            Some(ready) = worker.large.next() => {
                worker.conclude(ready).await;
                continue;
            }
            request = next_of(&mut held_over, &mut waiting), if worker.far.has_room() && worker.large.has_room() => {
                match request {
                    Some(request) => request,
                    None => break,
                }
            }
        };
        let first = match first {
            Request::Ingest(first) => first,
            Request::Decide(request) => {
                worker.decide(request, Ahead::default()).await;
                continue;
            }
            Request::Switch(switch) => {
                worker.conclude_all().await;
                worker.switch(*switch, &current).await;
                continue;
            }
        };
        let mut n_messages = first.messages.len();
        let mut n_bytes = first.n_bytes;
        let mut requests = vec![first];
        while let Ok(request) = waiting.try_recv() {
            let request = match request {
                Request::Ingest(request) => request,
                other @ (Request::Decide(_) | Request::Switch(_)) => {
                    held_over = Some(other);
                    break;
                }
            };
            n_messages += request.messages.len();
            n_bytes += request.n_bytes;
            if MAX_BATCH < n_messages || MAX_BATCH_BYTES < n_bytes {
                held_over = Some(Request::Ingest(request));
                break;
            }
            requests.push(request);
        }
        worker.serve(requests).await;
    }
    loop {
        tokio::select! {
            Some(next) = worker.far.next() => worker.go_on(next).await,
            Some(ready) = worker.large.next() => worker.conclude(ready).await,
            else => break,
        }
    }
}

/// The next request, that which did not fit into the last transaction before all others.
async fn next_of(held_over: &mut Option<Request>, waiting: &mut mpsc::Receiver<Request>) -> Option<Request> {
    match held_over.take() {
        Some(request) => Some(request),
        None => waiting.recv().await,
    }
}

#[derive(Debug)]
struct Worker {
    snapshot: Snapshot,
    cache: Cache,
    /// The last commit that the cache has seen; `None` before the first.
    last_commit: Option<i64>,
    /// How many merges and unmerges there were up to that commit.
    n_lineage: i64,
    /// The last commit whose decisions and withheld links are in the snapshot.
    seen_up_to: i64,
    /// Whether it takes what another edition has taken: who merged and parted there is history already.
    is_replay: bool,
    /// What may be done for a request while others wait.
    bounds: Bounds,
    /// Requests that are read for.
    far: Far,
    /// The request that is being written.
    large: Large,
}

/// What came of an attempt to serve a request. Nothing was written unless it is done.
enum Attempt<T, W> {
    Done(T),
    /// More rows are needed than others can wait for.
    TooFar(Reach),
    /// More rows change than others can wait for.
    TooLarge(Box<Plan<W>>),
    /// What it looks at is about to change.
    Held,
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
            is_replay: false,
            bounds: Bounds::NEAR,
            far: Far::default(),
            large: Large::default(),
        }
    }

    async fn serve(&mut self, requests: Vec<Ingest>) {
        let requests = requests.into_iter().filter_map(|it| self.as_read_now(it));
        let (held, requests): (Vec<Ingest>, Vec<Ingest>) =
            requests.partition(|it| self.large.is_named_by(&it.messages));
        held.into_iter().for_each(|it| self.large.hold(Job::Ingest(it), 0));
        if 1 < requests.len() {
            let messages = requests.iter().flat_map(|it| it.messages.iter().cloned()).collect();
            if let Ok(Attempt::Done(receipt)) = self.take(messages, Ahead::default()).await {
                let mut taken = receipt.taken.into_iter();
                for request in requests {
                    let own = taken.by_ref().take(request.messages.len()).collect();
                    // Whoever asked may have gone; what was written stays written.
                    request.reply.send(Ok(Receipt { taken: own, commit: receipt.commit })).ok();
                }
                return;
            }
        }
        // One request must not cost its neighbours.
        for request in requests {
            self.serve_one(request, Ahead::default()).await;
        }
    }

    /// A request as the policy in force reads it; none that was answered because this does not take all of its messages.
    fn as_read_now(&self, mut request: Ingest) -> Option<Ingest> {
        let policy = &self.snapshot.policy;
        if request.read_by == policy.version {
            return Some(request);
        }
        let messages = std::mem::take(&mut request.messages);
        let again = messages.into_iter().map(|it| {
            let warnings = it.warnings;
            parse_kept(&it.payload, policy).map(|it| Accepted { warnings, ..it })
        });
        match again.collect() {
            Ok(messages) => Some(Ingest { messages, read_by: policy.version, ..request }),
            Err(_) => {
                request.reply.send(Err(PipelineError::RulesChanged)).ok();
                None
            }
        }
    }

    async fn serve_one(&mut self, request: Ingest, ahead: Ahead) {
        let n_asides = ahead.n_asides();
        let result = match self.take(request.messages.clone(), ahead).await {
            Ok(Attempt::Done(receipt)) => Ok(receipt),
            Ok(Attempt::TooFar(reach)) => return self.read_aside(Job::Ingest(request), reach, n_asides).await,
            Ok(Attempt::TooLarge(plan)) => return self.write_messages_aside(request, *plan, n_asides),
            Ok(Attempt::Held) => return self.large.hold(Job::Ingest(request), n_asides),
            Err(error) => Err(error),
        };
        request.reply.send(result).ok();
    }

    async fn take(
        &mut self,
        accepted: Vec<Accepted>,
        mut ahead: Ahead,
    ) -> Result<Attempt<Receipt, WantedMessages>, PipelineError> {
        let at_most = ahead.at_most(self.bounds);
        let (messages, payloads): (Vec<Message>, Vec<String>) =
            accepted.into_iter().map(|it| (it.message, it.payload)).unzip();
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt(&messages, &payloads, std::mem::take(&mut ahead), at_most).await {
                Ok(attempt) => return Ok(attempt),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(pause(attempt)).await;
                    self.forget();
                }
                Err(StoreError::Superseded) => return Err(PipelineError::Superseded),
                Err(error) => {
                    tracing::error!(%error, "a batch was not written");
                    self.forget();
                    return Err(PipelineError::Unavailable);
                }
            }
        }
        Err(PipelineError::Busy)
    }

    /// What is in the cache may be old.
    fn forget(&mut self) {
        self.cache = Cache::default();
        self.last_commit = None;
        self.far.forget();
        self.large.forget();
    }

    /// The last commit of the base. At first and after a conflict the decisions and the inbox are read anew, if what others wrote since
    /// touched them.
    async fn last_commit(&mut self) -> Result<i64, StoreError> {
        if let Some(number) = self.last_commit {
            return Ok(number);
        }
        let Snapshot { store, policy, decisions, inbox, .. } = &self.snapshot;
        let number = store.last_commit().await?;
        let seen = self.seen_up_to;
        let others = if seen < number { store.commits(seen, number).await? } else { Vec::new() };
        // Rows of commits are forgotten in the end; who was away for so long reads everything.
        let is_whole = i64::try_from(others.len()).is_ok_and(|it| it == number - seen);
        if !is_whole || others.iter().any(|(_, it)| it.has_decisions) {
            let stored = load_decisions(store).await?;
            *decisions.write().unwrap_or_else(PoisonError::into_inner) = stored;
            policy.set_retirements(active_policy::load_retirements(store).await?);
        }
        if !is_whole || others.iter().any(|(_, it)| it.has_withheld) {
            let stored = Inbox::load(store, policy).await?;
            *inbox.write().unwrap_or_else(PoisonError::into_inner) = stored;
        }
        self.n_lineage = store.n_lineage().await?;
        self.seen_up_to = number;
        // From here on whatever is read is of this commit or of one that the next of ours collides with.
        self.last_commit = Some(number);
        Ok(number)
    }

    /// Merges and unmerges under their numbers, with what caused them.
    fn lineage_of(&self, changes: &Changes, cause: impl Fn(&Lineage) -> Cause) -> Vec<(i64, LineageRow)> {
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        let row =
            |it: &Lineage| LineageRow { at, kind: it.kind, kept: it.kept, others: it.others.clone(), cause: cause(it) };
        if self.is_replay {
            return Vec::new();
        }
        (self.n_lineage + 1..).zip(changes.lineage.iter().map(row)).collect()
    }

    fn lineage_of_messages(&self, changes: &Changes, messages: &[Message]) -> Vec<(i64, LineageRow)> {
        self.lineage_of(changes, |it| {
            let message = it.message.and_then(|it| messages.get(it));
            Cause::Message(message.map(|it| it.id.to_string()).unwrap_or_default())
        })
    }

    /// Takes note of a commit, and keeps what it has read and written.
    fn written(&mut self, number: i64, lineage: &[(i64, LineageRow)], view: View, changes: Changes) {
        self.tell(number, lineage, &changes);
        self.cache.remember(view, changes);
    }

    /// Tells everyone of what a commit has changed.
    fn tell(&mut self, number: i64, lineage: &[(i64, LineageRow)], changes: &Changes) {
        let Snapshot { list, policy, inbox, .. } = &self.snapshot;
        if self.last_commit != Some(number) {
            let touched = changes.touched.iter().copied().collect();
            let removed = changes.removed_cells.iter().copied().collect();
            list.touch(number, touched, removed);
            inbox.write().unwrap_or_else(PoisonError::into_inner).take(changes, policy);
        }
        self.last_commit = Some(number);
        for (_, event) in lineage {
            self.snapshot.news.publish_lineage(event.clone());
        }
        self.n_lineage = lineage.last().map_or(self.n_lineage, |(it, _)| *it);
        self.seen_up_to = number;
        self.far.see(changes);
    }

    /// Tries once, with rows that were read before and have not changed since.
    async fn attempt(
        &mut self,
        messages: &[Message],
        payloads: &[String],
        ahead: Ahead,
        at_most: Bounds,
    ) -> Result<Attempt<Receipt, WantedMessages>, StoreError> {
        let last_commit = self.last_commit().await?;
        let messages = {
            let mut messages = messages.to_vec();
            let retirements = self.snapshot.policy.retirements();
            messages.iter_mut().for_each(|it| retirements.assign(it));
            messages
        };
        let at_most = at_most.of_several(messages.len());
        let started = Instant::now();
        let Ahead { mut view, changes, .. } = ahead;
        let changes = match changes {
            Some(changes) => changes,
            None => match self.plan(&messages, &mut view, at_most).await? {
                Planned::Changes(changes) => *changes,
                Planned::TooFar { decisions } => {
                    return Ok(Attempt::TooFar(Reach::Messages { messages, decisions }));
                }
                Planned::Held => return Ok(Attempt::Held),
            },
        };
        if self.large.is_about(&view) {
            return Ok(Attempt::Held);
        }
        if at_most.write < large::n_rows(&changes) {
            if self.large.is_writing() {
                return Ok(Attempt::Held);
            }
            let wanted = WantedMessages { messages, payloads: payloads.to_vec() };
            return Ok(Attempt::TooLarge(Box::new(Plan { view, changes, wanted })));
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
        tracing::debug!(messages = messages.len(), ?planned, ?written, commit = number, "took a batch");
        let receipt = receipt(number, &changes, &messages, &view);
        self.written(number, &lineage, view, changes);
        Ok(Attempt::Done(receipt))
    }

    /// Reads what messages need, and plans.
    async fn plan(&mut self, messages: &[Message], view: &mut View, at_most: Bounds) -> Result<Planned, StoreError> {
        let Snapshot { store, policy, secret, .. } = &self.snapshot;
        let mut needs = first_needs(messages);
        while !needs.is_empty() {
            self.cache.serve(&mut needs, view);
            store.load(&needs, secret, view).await?;
            needs = next_needs(view);
        }
        // Not only in the end: who is held need not read on.
        if self.large.is_about(view) {
            return Ok(Planned::Held);
        }
        let decisions = self.snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut draft = Draft::new(messages, view, policy, &decisions, secret);
        if !complete_within(at_most.read, &mut draft, &mut self.cache, &self.snapshot, view).await? {
            drop(draft);
            return Ok(Planned::TooFar { decisions });
        }
        Ok(Planned::Changes(Box::new(draft.finish(view))))
    }
}

/// What messages come to, if others can wait for it.
enum Planned {
    Changes(Box<Changes>),
    TooFar { decisions: Decisions },
    Held,
}

/// The texts to keep, each with its message's time and ID.
fn texts_of<'m>(messages: &'m [Message], payloads: &'m [String]) -> Vec<(Timestamp, &'m str, &'m str)> {
    messages.iter().zip(payloads).map(|(message, text)| (message.at, &*message.id, text.as_str())).collect()
}

/// Loads what a draft still needs. Another server's commit between two reads is a conflict already.
async fn complete(
    draft: &mut Draft<'_>,
    cache: &mut Cache,
    snapshot: &Snapshot,
    view: &mut View,
) -> Result<(), StoreError> {
    complete_within(usize::MAX, draft, cache, snapshot, view).await.map(drop)
}

/// Loads what a draft still needs, if reading it costs no more than reading so many rows by their keys: whether it is all
/// there then.
async fn complete_within(
    mut at_most: usize,
    draft: &mut Draft<'_>,
    cache: &mut Cache,
    snapshot: &Snapshot,
    view: &mut View,
) -> Result<bool, StoreError> {
    loop {
        let mut needs = draft.needs(view);
        if view.is_torn(&needs) {
            return Err(StoreError::Conflict);
        }
        if needs.is_empty() {
            return Ok(true);
        }
        cache.serve(&mut needs, view);
        let cost = far::cost_of(&needs);
        if at_most < cost {
            return Ok(false);
        }
        at_most -= cost;
        snapshot.store.load(&needs, &snapshot.secret, view).await?;
    }
}

/// All decisions of a base.
async fn load_decisions(store: &Store) -> Result<Decisions, StoreError> {
    let mut decisions = Decisions::default();
    for decision in store.decisions().await? {
        decisions.put(decision);
    }
    Ok(decisions)
}

/// A pause before the next attempt: longer each time, and never the same for two writers.
#[expect(clippy::disallowed_methods, reason = "the edge: rivals must not stay in step")]
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
        match changes.cells.get(&state.cell) {
            Some((cell, _)) => Some(cell.unified_id),
            None => view.cells.get(&state.cell)?.as_ref().map(|it| it.unified_id),
        }
    };
    let taken = changes
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
    Receipt { taken, commit }
}

/// What the sender of a message should know that only the base can say.
fn warnings_of(changes: &Changes, position: usize) -> Vec<Warning> {
    let of_full = changes.crowded.get(&position).into_iter().flatten().map(|full| full_warning(*full));
    let of_orders = changes.told.get(&position).map(|news| order_warning(*news));
    of_full.chain(of_orders).collect()
}

fn order_warning(news: OrderNews) -> Warning {
    let (code, path, detail) = match news {
        OrderNews::Moved => (
            "ORDER_MOVED",
            "properties.df_order_id",
            "another customer had an order with this ID, and it is this customer's now; where shops count by themselves, let the policy make order IDs unique by source (order_ids)",
        ),
        OrderNews::Taken => (
            "ORDER_TAKEN",
            "properties.df_order_id",
            "a later message gives an order with this ID to another customer, so this one does not count; where shops count by themselves, let the policy make order IDs unique by source (order_ids)",
        ),
        OrderNews::RefundRepeated => (
            "REFUND_REPEATED",
            "properties.df_refund_id",
            "a refund of the order with this ID is there already, and this one does not count",
        ),
        OrderNews::RefundExceeds => (
            "REFUND_EXCEEDS_ORDER",
            "properties.df_total_refund_amount",
            "more was given back of the order than was paid; net of refunds nothing falls below zero",
        ),
    };
    Warning { code, path: path.to_owned(), detail: detail.to_owned() }
}

/// Says what of a message is kept with it only, as its identifier is full.
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
                "an attribute has more than {MAX_SIGHTINGS} values, or more than {MAX_LONG_ATTRIBUTES} attributes have values \
                 longer than {MAX_SHORT_BYTES} bytes; of the rest only the newest, oldest, least and greatest are kept"
            ),
        ),
        Full::Devices => (
            "DEVICES_FULL",
            "device",
            format!(
                "an identifier holds at most {MAX_DEVICES} devices, and those used last; what else was said of one was left out"
            ),
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
