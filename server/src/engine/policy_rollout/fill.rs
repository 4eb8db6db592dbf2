//! Fills a projection from the journal, and follows the journal until the projection becomes active.
//!
//! The result depends only on the evidence, not on its order. So a fill plans large batches, each while the one before is written, and
//! decisions once at the end of a window of commits. Nothing here reads from the projection that is active, except to redirect unified IDs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
    thread,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    identifier::{
        Identifier,
        normalize::{NORMAL_FORMS, normal_again},
        unified_id::unified_id,
    },
    message::{
        Message,
        parse::{accepted::Accepted, parse_kept},
    },
    plan::{changes::Changes, planner::NewEvidence, view::View},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};
use profile360_store::{Entry, Filled, Position, ProjectionState, RowCounts, Rows, Store, StoreError};
use tokio_util::task::AbortOnDropHandle;

use super::redirect;
use crate::engine::{
    active_policy::{ActivePolicy, published},
    pipeline::{MAX_BATCH, cache::Cache},
    planning::{self, Plan, PlanContext, Reassigned},
    snapshot::Snapshot,
    state::Decided,
};

/// Messages per batch. Rows of a customer are written once per batch, so fewer batches write less.
const AT_ONCE: usize = 4 * MAX_BATCH;
/// Commits that a switch may still have to read. More are read before writers wait for it.
const AT_SWITCH: i64 = 8;
/// How often a fill catches up before writers wait for it, even if they are faster.
const MAX_ROUNDS: usize = 20;

/// How much of the journal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// Messages that were read so far, each counted once.
    pub done: u64,
    pub of: u64,
}

/// How many commits of the journal are read at once: so many that their texts have about [`JournalWindow::BYTES`].
#[derive(Debug)]
pub struct JournalWindow {
    read_up_to: i64,
    n_commits: i64,
}

impl Default for JournalWindow {
    fn default() -> Self {
        Self::after(0)
    }
}

impl JournalWindow {
    const BYTES: usize = 32 * 1024 * 1024;
    const MAX_COMMITS: i64 = 4_096;

    /// Begins after a commit, with few commits: each may have many messages.
    pub const fn after(commit: i64) -> Self {
        Self { read_up_to: commit, n_commits: 8 }
    }

    /// The next commits to read, up to the last one.
    pub fn next(&mut self, last: i64) -> Option<RangeInclusive<i64>> {
        let first = self.read_up_to + 1;
        if last < first {
            return None;
        }
        self.read_up_to = last.min(self.read_up_to + self.n_commits);
        Some(first..=self.read_up_to)
    }

    /// Adapts to the size of what was read.
    pub fn note(&mut self, entries: &[(i64, Entry)]) {
        let texts = entries.iter().flat_map(|(_, entry)| entry.messages());
        let n_bytes: usize = texts.map(|(_, text)| text.len()).sum();
        if Self::BYTES < n_bytes {
            self.n_commits = 1.max(self.n_commits / 2);
        } else if n_bytes < Self::BYTES / 2 {
            self.n_commits = Self::MAX_COMMITS.min(self.n_commits * 2);
        }
    }
}

/// A projection that is being filled.
#[derive(Debug)]
pub struct Fill {
    source: Snapshot,
    target: Snapshot,
    cache: Cache,
    writing: Option<Writing>,
    /// The last commit that the projection contains.
    followed: i64,
    /// Decisions and retirements up to this commit were there from the start.
    decided: i64,
    /// Messages that the projection must contain.
    n_messages: u64,
    /// Messages whose IDs the journal knew when the fill began.
    n_refs: u64,
    /// Whether the projection was active before, so that only what came since is read.
    returns: bool,
    /// Whether the IDs of stored messages may be those of others: another version of the program wrote them.
    may_collide: bool,
    /// Identifiers, as the source has them, of messages that were read since unified IDs were redirected last.
    new_in_source: BTreeSet<Identifier>,
}

/// A plan that is being written.
#[derive(Debug)]
struct Writing {
    task: AbortOnDropHandle<Result<(), StoreError>>,
    plan: Arc<Plan>,
}

/// A message of the journal, parsed.
struct Parsed {
    position: Position,
    accepted: Option<Accepted>,
}

impl Fill {
    /// Begins with the projection that was active before, if the policy is the same; else with a new one.
    pub async fn begin(source: Snapshot, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        source.store.abandon_unfinished().await?;
        let decided = source.store.last_commit().await?;
        let previous = previous_with(&source.store, version).await?;
        let returns = previous.is_some();
        let (store, followed) = match previous {
            Some((number, followed)) => (source.store.resume_projection(number).await?, followed),
            None => (source.store.next_projection(version).await?, 0),
        };
        if !returns {
            let decisions = source.store.decisions().await?;
            let decisions: Vec<Decision> = decisions.iter().map(|it| renormalize_decision(it, &policy)).collect();
            let retirements = source.store.retirements().await?;
            let retirements: Vec<Retirement> =
                retirements.iter().map(|it| renormalize_retirement(it, &policy)).collect();
            store.write_history(&decisions, &retirements).await?;
        }
        let store_counts = if returns { Some(store.row_counts().await?) } else { None };
        let store = Arc::new(store);
        let policy = Arc::new(ActivePolicy::load(&store, version, policy).await?);
        let target = Snapshot::open(store, policy, source.secret.clone(), source.events.clone(), source.caches).await?;
        target.directory.set_notify(false);
        let n_messages = match store_counts {
            Some(RowCounts { timeline, unreadable, .. }) => timeline + unreadable,
            None => 0,
        };
        let may_collide = source.store.normal_forms().await? < NORMAL_FORMS || source.store.has_old_ids().await?;
        Ok(Self {
            target,
            cache: Cache::new(source.caches.rows),
            writing: None,
            followed,
            decided: if returns { followed } else { decided },
            n_messages,
            n_refs: source.store.n_messages().await?,
            returns,
            may_collide,
            new_in_source: BTreeSet::new(),
            source,
        })
    }

    /// Reads the journal to its end, and lists the customers.
    pub async fn fill(&mut self, mut read: impl FnMut(Read), mut listed: impl FnMut(usize)) -> Result<(), StoreError> {
        let of = self.source.store.n_messages().await?;
        self.follow(|done| read(Read { done, of })).await?;
        self.list(&mut listed).await?;
        if !self.returns {
            redirect::all(&self.source.store, &self.target.store, &self.target.policy).await?;
        }
        self.approach(listed).await
    }

    /// Follows the journal until a switch has few commits left to read, because writers wait for it.
    pub async fn approach(&mut self, mut listed: impl FnMut(usize)) -> Result<(), StoreError> {
        for _ in 0..MAX_ROUNDS {
            let n_commits = self.follow(|_| {}).await?;
            self.list(&mut listed).await?;
            self.redirect_new().await?;
            if n_commits <= AT_SWITCH {
                break;
            }
        }
        Ok(())
    }

    /// Makes the projection active: with what was committed up to `last_commit`, the last commit. Nothing may be committed until
    /// this is done.
    pub async fn switch(&mut self, last_commit: i64) -> Result<Snapshot, StoreError> {
        self.follow(|_| {}).await?;
        self.list(&mut |_| {}).await?;
        self.redirect_new().await?;
        let (store, version) = (&self.target.store, self.target.policy.version);
        self.source.store.switch_to(store, last_commit, version).await?;
        let store = Arc::new(store.of_projection(store.projection()));
        self.target.directory.set_notify(true);
        self.target.states.pass_to(last_commit + 1);
        Ok(Snapshot { store, ..self.target.clone() })
    }

    pub const fn source(&self) -> &Snapshot {
        &self.source
    }

    pub const fn target(&self) -> &Snapshot {
        &self.target
    }

    /// Whether the projection was active before.
    pub const fn returns(&self) -> bool {
        self.returns
    }

    /// Reads what was committed since the last call. Returns the number of commits. `progress` gets the number of messages that were
    /// read in all.
    async fn follow(&mut self, mut progress: impl FnMut(u64)) -> Result<i64, StoreError> {
        let last = self.source.store.last_commit().await?;
        let first = self.followed;
        let mut window = JournalWindow::after(first);
        while let Some(commits) = window.next(last) {
            let entries = self.source.store.journal(*commits.start() - 1, *commits.end()).await?;
            window.note(&entries);
            self.apply(entries, *commits.end()).await?;
            self.followed = *commits.end();
            progress(self.n_messages);
        }
        Ok(last - first)
    }

    /// Applies the entries of a window. The projection contains the window once all of it is applied; if the process ends before, the
    /// projection is abandoned.
    async fn apply(&mut self, entries: Vec<(i64, Entry)>, up_to: i64) -> Result<(), StoreError> {
        let mut messages = Vec::new();
        let mut decisions: BTreeMap<Arc<str>, Decision> = BTreeMap::new();
        let mut retirements: BTreeMap<Arc<str>, Retirement> = BTreeMap::new();
        for (commit, entry) in entries {
            match entry {
                Entry::Messages(found) => messages.extend(found),
                Entry::Decisions(found) if self.decided < commit => {
                    decisions.extend(found.into_iter().map(|it| (it.id.clone(), it)));
                }
                Entry::Retirements(found) if self.decided < commit => {
                    retirements.extend(found.into_iter().map(|it| (it.id.clone(), it)));
                }
                Entry::Decisions(_) | Entry::Retirements(_) | Entry::Switch(_) => {}
            }
        }
        let store = &self.target.store;
        for batch in batches(messages, store.messages_at_once(AT_ONCE), store.texts_at_once()) {
            self.n_messages += batch.len() as u64;
            let mut parts = vec![batch];
            while let Some(part) = parts.pop() {
                match self.add_messages(part.clone()).await {
                    Err(StoreError::TooLarge { .. }) if 1 < part.len() => parts.extend(halves(part)),
                    added => added?,
                }
            }
        }
        self.settle().await?;
        let mut parts: Vec<Vec<Decision>> = vec![decisions.into_values().collect()];
        while let Some(part) = parts.pop() {
            match self.add_decisions(part.clone()).await {
                Err(StoreError::TooLarge { .. }) if 1 < part.len() => parts.extend(halves(part)),
                added => added?,
            }
        }
        for retirement in retirements.into_values() {
            self.add_retirement(retirement).await?;
        }
        self.target.store.set_followed(up_to).await?;
        self.target.states.pass_to(up_to);
        Ok(())
    }

    /// Plans messages while those before are written, and begins to write them.
    async fn add_messages(&mut self, batch: Vec<(Position, String)>) -> Result<(), StoreError> {
        let tracked = (self.followed != 0).then(|| self.source.policy.compiled().clone());
        let policy = self.target.policy.compiled().clone();
        let parsed = tokio::task::spawn_blocking(move || parse_all(batch, &policy, tracked.as_deref()));
        let (mut parsed, seen) =
            parsed.await.map_err(|_| StoreError::Incomplete { reason: "a message could not be parsed".to_owned() })?;
        self.new_in_source.extend(seen);
        let mut unreadable: Vec<Position> = Vec::new();
        let mut renamed: Vec<(Timestamp, Arc<str>, Position)> = Vec::new();
        if self.may_collide {
            self.refuse_collisions(&mut parsed, &mut renamed).await?;
        }
        let context = self.target.plan_context();
        let (mut messages, mut positions): (Vec<Message>, Vec<Position>) = (Vec::new(), Vec::new());
        for Parsed { position, accepted } in parsed {
            match accepted {
                Some(Accepted { mut message, .. }) => {
                    context.retirements.assign(&mut message);
                    messages.push(message);
                    positions.push(position);
                }
                None => unreadable.push(position),
            }
        }
        let mut view = View::default();
        // Each message is in the journal once, and so it is new to the projection.
        view.messages.extend(messages.iter().map(|it| (it.id.clone(), false)));
        let messages: Arc<[Message]> = messages.into();
        let evidence = NewEvidence::Messages(messages.clone());
        let plan = self.plan(evidence, view, &context).await?;
        let kept: Vec<_> = messages.iter().zip(&positions).map(|(it, position)| (it.at, &*it.id, *position)).collect();
        let renamed: Vec<_> = renamed.iter().map(|(at, id, position)| (*at, &**id, *position)).collect();
        let rows = Rows::of(&plan.changes);
        let filled = Filled { rows, messages: &kept, unreadable: &unreadable, renamed: &renamed };
        let filling = self.target.store.encode_filling(&filled, &self.target.secret)?;
        self.settle().await?;
        let (store, plan) = (self.target.store.clone(), Arc::new(plan));
        let task = tokio::spawn(async move { store.write_filling(filling).await });
        self.cache.lay_over(plan.clone());
        self.writing = Some(Writing { task: AbortOnDropHandle::new(task), plan });
        Ok(())
    }

    /// Waits until everything is written that was planned.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Some(Writing { task, plan }) = self.writing.take() else { return Ok(()) };
        let written = task.await;
        self.cache.forget_ahead();
        written.map_err(|_| StoreError::Incomplete { reason: "a batch could not be written".to_owned() })??;
        self.note_changes(&plan.changes, Decided::Nothing);
        if let Some(Plan { view, changes }) = Arc::into_inner(plan) {
            self.cache.remember(view, changes);
        }
        Ok(())
    }

    /// Refuses messages whose IDs are those of other messages in this version's normal form, so that they are kept as unreadable. Those
    /// with a free new ID get it.
    async fn refuse_collisions(
        &self,
        parsed: &mut [Parsed],
        renamed: &mut Vec<(Timestamp, Arc<str>, Position)>,
    ) -> Result<(), StoreError> {
        let ids: Vec<Arc<str>> =
            parsed.iter().filter_map(|it| Some(it.accepted.as_ref()?.message.id.clone())).collect();
        let mut refs = self.target.store.message_refs(&ids).await?;
        for it in parsed {
            let Some(accepted) = &it.accepted else { continue };
            let id = &accepted.message.id;
            match refs.get(id) {
                Some((_, position)) if *position == it.position => {}
                Some(_) => it.accepted = None,
                None => {
                    refs.insert(id.clone(), (accepted.message.at, it.position));
                    renamed.push((accepted.message.at, id.clone(), it.position));
                }
            }
        }
        Ok(())
    }

    /// Adds decisions without checking them for contradictions: they were checked when they were made.
    async fn add_decisions(&mut self, decisions: Vec<Decision>) -> Result<(), StoreError> {
        if decisions.is_empty() {
            return Ok(());
        }
        let policy = &self.target.policy;
        let changed: Vec<Decision> = decisions.iter().map(|it| renormalize_decision(it, policy)).collect();
        let context = self.target.plan_context();
        let context = context.with_decisions(Arc::new(context.rules.decisions.with(&changed)));
        let evidence = NewEvidence::Decisions(changed.clone().into());
        let Plan { view, changes } = self.plan(evidence, View::default(), &context).await?;
        let rows = Rows { decisions: &changed, ..Rows::of(&changes) };
        self.target.store.fill(&Filled::rows(rows), &self.target.secret).await?;
        self.note(view, changes, Decided::Decisions(&changed));
        Ok(())
    }

    async fn add_retirement(&mut self, retirement: Retirement) -> Result<(), StoreError> {
        let retirement = renormalize_retirement(&retirement, &self.target.policy);
        let context = self.target.plan_context();
        let mut view = View::default();
        let Reassigned { reassignment, positions } =
            planning::read_reassignment(&retirement, &mut view, &context, &mut self.cache).await?;
        let evidence = NewEvidence::Retirement(reassignment.clone());
        let Plan { changes, .. } = self.plan(evidence, view, &context).await?;
        // Removing an identifier also removes the decisions about it.
        let kept = planning::decisions_about_removed(&changes, &context.rules.decisions);
        let rows = Rows {
            decisions: &kept,
            retirements: std::slice::from_ref(&retirement),
            moved: &positions,
            ..Rows::of(&changes)
        };
        self.target.store.fill(&Filled::rows(rows), &self.target.secret).await?;
        // It may contain rows that are removed.
        self.cache.clear();
        self.note_changes(&changes, Decided::Retirements(&reassignment.after));
        Ok(())
    }

    async fn plan(&mut self, evidence: NewEvidence, view: View, context: &PlanContext) -> Result<Plan, StoreError> {
        let plan = planning::plan(evidence, view, context, &mut self.cache, usize::MAX).await?;
        plan.ok_or_else(|| StoreError::Incomplete { reason: "a plan was given up".to_owned() })
    }

    fn note(&mut self, view: View, changes: Changes, decided: Decided<'_>) {
        self.note_changes(&changes, decided);
        self.cache.remember(view, changes);
    }

    fn note_changes(&self, changes: &Changes, decided: Decided<'_>) {
        let touched = changes.touched.iter().copied().collect();
        let removed = changes.removed_clusters.iter().copied().collect();
        self.target.directory.touch(self.followed, touched, removed);
        self.target.states.follow(self.followed, changes, decided);
    }

    /// Updates the list of the projection.
    async fn list(&self, progress: &mut impl FnMut(usize)) -> Result<(), StoreError> {
        let Snapshot { store, directory, states, .. } = &self.target;
        directory.catch_up(store, states, progress).await
    }

    /// Redirects the unified IDs of identifiers that came since.
    async fn redirect_new(&mut self) -> Result<(), StoreError> {
        let new: Vec<Identifier> = std::mem::take(&mut self.new_in_source).into_iter().collect();
        let ids: Vec<_> = new.into_iter().map(|it| (unified_id(&it, &self.source.secret), it)).collect();
        for ids in ids.chunks(MAX_BATCH) {
            redirect::some(ids, &self.source.store, &self.target.store, &self.target.policy).await?;
        }
        Ok(())
    }

    /// Counts the rows of the projection. Fails unless every message that was read from the journal is in it.
    pub async fn check_counts(&self) -> Result<RowCounts, StoreError> {
        let counts = self.target.store.row_counts().await?;
        let RowCounts { timeline, unreadable, .. } = counts;
        let is_whole = self.may_collide || self.n_refs <= self.n_messages;
        if is_whole && timeline + unreadable == self.n_messages {
            return Ok(counts);
        }
        let (n_refs, n_read) = (self.n_refs, self.n_messages);
        let reason = format!(
            "the journal should have {n_refs} messages and has {n_read}; the projection has {timeline} of them, and {unreadable} that it \
             cannot read"
        );
        Err(StoreError::Incomplete { reason })
    }
}

/// Batches of so many messages and bytes of texts at most, but at least of one message.
fn batches(messages: Vec<(Position, String)>, n_messages: usize, n_bytes: usize) -> Vec<Vec<(Position, String)>> {
    let mut batches: Vec<Vec<(Position, String)>> = Vec::new();
    let mut bytes_of_last = 0;
    for message in messages {
        bytes_of_last += message.1.len();
        match batches.last_mut() {
            Some(last) if last.len() < n_messages && bytes_of_last <= n_bytes => last.push(message),
            _ => {
                bytes_of_last = message.1.len();
                batches.push(vec![message]);
            }
        }
    }
    batches
}

/// The second half comes first.
fn halves<T>(mut all: Vec<T>) -> [Vec<T>; 2] {
    let second = all.split_off(all.len() / 2);
    [second, all]
}

/// The projection that was active before, with the last commit that it contains, if it has the same policy.
async fn previous_with(store: &Store, version: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let Some(wanted) = published(store, version).await? else { return Ok(None) };
    for (number, projection) in store.projections().await? {
        if projection.state != ProjectionState::Previous || projection.normal_forms != NORMAL_FORMS {
            continue;
        }
        let of_projection = published(store, projection.policy).await?;
        if of_projection.is_some_and(|it| it.document == wanted.document) {
            return Ok(Some((number, projection.followed)));
        }
    }
    Ok(None)
}

fn parse_all(
    batch: Vec<(Position, String)>,
    policy: &CompiledPolicy,
    tracked: Option<&CompiledPolicy>,
) -> (Vec<Parsed>, Vec<Identifier>) {
    let (accepted, seen) = parse_on_all_cores(&batch, policy, tracked);
    let parsed = batch.into_iter().zip(accepted).map(|((position, _), accepted)| Parsed { position, accepted });
    (parsed.collect(), seen)
}

/// Parses messages on all cores; `None` for those that the policy cannot read. The second result is the identifiers that the policy
/// `tracked` finds in them.
pub(super) fn parse_on_all_cores(
    texts: &[(Position, String)],
    policy: &CompiledPolicy,
    tracked: Option<&CompiledPolicy>,
) -> (Vec<Option<Accepted>>, Vec<Identifier>) {
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(n_threads).max(1);
    let parse = |texts: &[(Position, String)]| -> (Vec<Option<Accepted>>, Vec<Identifier>) {
        let parsed = texts.iter().map(|(_, text)| parse_kept(text, policy).ok()).collect();
        let seen = tracked.iter().flat_map(|policy| texts.iter().filter_map(|(_, text)| parse_kept(text, policy).ok()));
        (parsed, seen.flat_map(|it| it.message.identifiers).collect())
    };
    let shares: Vec<(Vec<Option<Accepted>>, Vec<Identifier>)> = thread::scope(|scope| {
        let threads: Vec<_> = texts.chunks(share).map(|texts| scope.spawn(move || parse(texts))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|share| share.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let (parsed, seen): (Vec<_>, Vec<_>) = shares.into_iter().unzip();
    (parsed.into_iter().flatten().collect(), seen.into_iter().flatten().collect())
}

/// A decision with its identifiers normalized again. If both become one identifier, the decision stays as it is, so that
/// operators can see and revoke it.
fn renormalize_decision(decision: &Decision, policy: &CompiledPolicy) -> Decision {
    let Pair { a, b } = &decision.pair;
    let pair = Pair::new(&normal_again(a, policy), &normal_again(b, policy));
    Decision { pair: pair.unwrap_or_else(|| decision.pair.clone()), ..decision.clone() }
}

fn renormalize_retirement(retirement: &Retirement, policy: &CompiledPolicy) -> Retirement {
    Retirement { value: normal_again(&retirement.value, policy), ..retirement.clone() }
}
