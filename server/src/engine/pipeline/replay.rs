//! Replay: fills a new edition from the messages of the current one, under another policy.
//!
//! The result depends only on the set of messages, not on their order or repetition. So a replay ingests everything, then
//! repeatedly what commits have touched since, and finally once more while writes are paused.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::{
        compare::{Comparison, Parts, compare},
        lineage::Lineage,
        rows::ClusterKey,
    },
    identifier::{
        Identifier, UnifiedId,
        normalize::{NORMAL_FORMS, normal_again},
        unified_id::unified_id,
    },
    message::parse::{accepted::Accepted, parse_kept},
    plan::{
        planner::NewEvidence,
        view::{Needs, View},
    },
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};
use profile360_store::{Cause, Commit, LineageRow, Rows, Store, StoreError};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use super::{Attempt, Budget, MAX_BATCH, Prefetched, Snapshot, Worker};
use crate::{
    clock,
    engine::{
        active_policy::ActivePolicy,
        planning::{self, Plan},
    },
};

/// Messages that one read of the source should return.
const READ: u64 = 2_000;
/// Lineage rows per copy.
const PAGE: i64 = 1_000;
/// Customers whose messages are read together.
const CHUNK: usize = 100;

/// The progress of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// Messages that were read so far, each counted once.
    pub done: u64,
    pub of: u64,
}

/// An edition that is being filled.
#[derive(Debug)]
pub struct Replay {
    worker: Worker,
    source: Snapshot,
    /// The last commit of the source that is replayed.
    followed: i64,
    /// The number of lineage rows that are copied.
    n_lineage: i64,
    /// The clusters of the source that the last `follow` replayed.
    touched: Vec<ClusterKey>,
    /// Merges and unmerges that the policy causes.
    events: Vec<LineageRow>,
    /// Old IDs by new ID, of messages that older programs stored with blanks or invisible characters in their IDs.
    renamed: BTreeMap<Arc<str>, String>,
    /// Whether the source may have such IDs.
    is_outdated: bool,
}

/// After that time no answer uses the previous edition: answers take at most half as long.
const UNUSED_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Switch {
    pub replay: Replay,
    pub reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Replay {
    /// Creates an edition with the decisions, the retirements and the lineage of the current one.
    pub async fn begin(source: Snapshot, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        // Until the switch, commit rows say what to replay.
        source.directory.keep_commits(true);
        let followed = source.store.last_commit().await?;
        let store = Arc::new(source.store.next_edition().await?);
        store.set_normal_forms(NORMAL_FORMS).await?;
        let decisions: Vec<Decision> =
            source.store.decisions().await?.iter().map(|it| renormalize_decision(it, &policy)).collect();
        let retirements: Vec<Retirement> =
            source.store.retirements().await?.iter().map(|it| renormalize_retirement(it, &policy)).collect();
        store.write_history(&decisions, &retirements, &[]).await?;
        let n_lineage = copy_lineage(&source.store, &store, 0).await?;
        let policy = Arc::new(ActivePolicy::load(&store, version, policy).await?);
        let snapshot = Snapshot::open(store, policy, source.secret.clone(), source.events.clone()).await?;
        snapshot.directory.set_notify(false);
        let worker = Worker { is_replay: true, ..Worker::new(snapshot) };
        let is_outdated = source.store.normal_forms().await? < NORMAL_FORMS;
        Ok(Self {
            worker,
            source,
            followed,
            n_lineage,
            touched: Vec::new(),
            events: Vec::new(),
            renamed: BTreeMap::new(),
            is_outdated,
        })
    }

    /// Replays all messages of the source.
    pub async fn read_all(&mut self, mut progress: impl FnMut(Read)) -> Result<(), StoreError> {
        let of = self.source.store.n_messages().await?;
        let mut read = Read { done: 0, of };
        let step = usize::try_from(65_536 * READ / of.max(1)).unwrap_or(usize::MAX).clamp(1, 65_536);
        let at_once = self.messages_at_once();
        let unreadable = self.source.store.unreadable_messages().await?;
        for batch in unreadable.chunks(at_once) {
            self.ingest_texts(batch, true).await?;
            read.done += batch.len() as u64;
        }
        let mut texts = Vec::new();
        for first in (0..=u16::MAX).step_by(step) {
            let last = first.saturating_add(u16::try_from(step - 1).unwrap_or(u16::MAX));
            texts.extend(self.source.store.event_texts_of(first, last).await?);
            if texts.len() < MAX_BATCH && last < u16::MAX {
                continue;
            }
            for batch in std::mem::take(&mut texts).chunks(at_once) {
                self.ingest_texts(batch, self.is_outdated).await?;
                read.done += batch.len() as u64;
                progress(read);
            }
        }
        Ok(())
    }

    fn messages_at_once(&self) -> usize {
        self.worker.snapshot.store.messages_at_once(MAX_BATCH)
    }

    /// Replays what was touched since the last call. Returns the number of commits.
    pub async fn follow(&mut self) -> Result<i64, StoreError> {
        let last = self.source.store.last_commit().await?;
        let commits = self.source.store.commits(self.followed, last).await?;
        let n_commits = last - self.followed;
        if i64::try_from(commits.len()).is_ok_and(|it| it < n_commits) {
            // Some were pruned before `keep_commits` was set.
            self.read_all(|_| {}).await?;
        } else {
            let touched: BTreeSet<ClusterKey> = commits.into_iter().flat_map(|(_, it)| it.touched).collect();
            self.touched = touched.into_iter().collect();
            for keys in self.touched.clone().chunks(CHUNK) {
                let texts = texts_of(&self.source.store, keys).await?;
                for batch in texts.chunks(self.messages_at_once()) {
                    self.ingest_texts(batch, self.is_outdated).await?;
                }
            }
        }
        self.copy_decisions().await?;
        self.followed = last;
        Ok(n_commits)
    }

    /// Updates the list of the new edition. Calls `progress` with the number of customers that are done.
    pub async fn list(&self, progress: impl FnMut(usize)) -> Result<(), StoreError> {
        let Snapshot { store, directory, policy, .. } = &self.worker.snapshot;
        directory.catch_up(store, policy, progress).await
    }

    /// Redirects unified IDs that the new edition does not use to the profiles that contain related identifiers, so that stored
    /// IDs keep resolving.
    pub async fn redirect_ids(&self) -> Result<(), StoreError> {
        for first_byte in 0..=u8::MAX {
            let ids: Vec<_> = self.source.store.identifiers_by_first_byte(first_byte).await?.into_iter().collect();
            for ids in ids.chunks(MAX_BATCH) {
                self.redirect_ids_of(ids).await?;
            }
        }
        Ok(())
    }

    /// [`Self::redirect_ids`] for the clusters that were replayed last.
    async fn redirect_touched_ids(&self) -> Result<(), StoreError> {
        let Snapshot { store, secret, .. } = &self.source;
        for keys in self.touched.chunks(CHUNK) {
            let clusters = store.clusters(keys).await?;
            let members = clusters.values().flat_map(|it| it.members.iter().cloned());
            let ids: Vec<_> = members.map(|it| (unified_id(&it, secret), it)).collect();
            self.redirect_ids_of(&ids).await?;
        }
        Ok(())
    }

    async fn redirect_ids_of(&self, ids: &[(UnifiedId, Identifier)]) -> Result<(), StoreError> {
        let Snapshot { store, policy, .. } = &self.worker.snapshot;
        let unified_ids: Vec<UnifiedId> = ids.iter().map(|(id, _)| *id).collect();
        let known = store.identifiers_by_id(&unified_ids).await?;
        let mut redirects = Vec::new();
        for (id, identifier) in ids.iter().filter(|(id, _)| !known.contains_key(id)) {
            // First the identifier that it belongs to, then members of the same profile, then linked identifiers.
            let own = std::slice::from_ref(identifier);
            let mut kin = vec![identifier.clone()];
            if let Some(state) = self.source.store.identifiers(own).await?.get(identifier) {
                let clusters = self.source.store.clusters(&[state.cluster]).await?;
                kin.extend(clusters.into_values().flat_map(|it| it.members.clone()));
            }
            let links = self.source.store.links_of(own).await?;
            let linked: Vec<Identifier> = links.into_keys().flat_map(|it| [it.a, it.b]).collect();
            let itself = normal_again(identifier, policy);
            let strength = |it: &Identifier| (*it != itself, policy.priority(&it.kind), it.value.clone());
            for candidates in [kin, linked] {
                let candidates: Vec<Identifier> = candidates.iter().map(|it| normal_again(it, policy)).collect();
                let there = store.identifiers(&candidates).await?;
                if let Some(target) = there.into_keys().min_by_key(strength) {
                    redirects.push((*id, target));
                    break;
                }
            }
        }
        if redirects.is_empty() { Ok(()) } else { store.write_redirects(&redirects).await }
    }

    /// Ingests stored texts. `may_collide`: their normalized IDs may collide with those of other messages.
    async fn ingest_texts(&mut self, texts: &[String], may_collide: bool) -> Result<(), StoreError> {
        let mut accepted: Vec<Accepted> = Vec::with_capacity(texts.len());
        let mut unreadable = Vec::new();
        for text in texts {
            match parse_kept(text, &self.worker.snapshot.policy) {
                Ok(it) if may_collide && self.is_id_of_another(&it.message.id, text).await? => {
                    unreadable.push((message_id_of(text)?, text.clone()));
                }
                Ok(it) => accepted.push(it),
                Err(_) => unreadable.push((message_id_of(text)?, text.clone())),
            }
        }
        if !unreadable.is_empty() {
            self.worker.snapshot.store.keep_unreadable(&unreadable).await?;
        }
        if accepted.is_empty() {
            return Ok(());
        }
        let (messages, payloads): (Vec<_>, Vec<_>) = accepted.into_iter().map(|it| (it.message, it.payload)).unzip();
        match self.worker.attempt(&messages, &payloads, Prefetched::default(), Budget::UNLIMITED).await? {
            Attempt::Done(_) => Ok(()),
            Attempt::ReadAhead(_) | Attempt::BulkCommit(_) | Attempt::Blocked => Err(StoreError::Conflict),
        }
    }

    /// Whether another message has the normalized ID of a text. The text is then kept as unreadable, so it is not lost.
    async fn is_id_of_another(&mut self, id: &Arc<str>, text: &str) -> Result<bool, StoreError> {
        let kept_as = message_id_of(text)?;
        if *kept_as == **id {
            return Ok(false);
        }
        if let Some(known) = self.renamed.get(id) {
            return Ok(*known != kept_as);
        }
        let mut view = View::default();
        let needs = Needs { messages: BTreeSet::from([id.clone()]), ..Needs::default() };
        self.source.store.load(&needs, &self.source.secret, &mut view).await?;
        let is_there = view.messages.get(id).copied().unwrap_or(false);
        if !is_there {
            self.renamed.insert(id.clone(), kept_as);
        }
        Ok(is_there)
    }

    /// Copies decisions and retirements that were made or revoked since the last call.
    async fn copy_decisions(&mut self) -> Result<(), StoreError> {
        let is_other = |one: Option<&Arc<Decision>>, other: &Decision| one.is_none_or(|it| **it != *other);
        let changed: Vec<Decision> = {
            let (source, own) = (self.source.decisions(), self.worker.snapshot.decisions());
            let renormalized = source.iter().map(|it| renormalize_decision(it, &self.worker.snapshot.policy));
            renormalized.filter(|it| is_other(own.get(&it.id), it)).collect()
        };
        if !changed.is_empty() {
            self.worker.write_decisions(&changed).await?;
        }
        let source = self.source.policy.retirements();
        for retirement in source.iter() {
            let retirement = renormalize_retirement(retirement, &self.worker.snapshot.policy);
            let context = self.worker.snapshot.plan_context();
            if context.retirements.get(&retirement.id).is_none_or(|it| **it != retirement) {
                let last_commit = self.worker.last_commit().await?;
                self.worker.retire(last_commit, retirement, &context, None).await?;
            }
        }
        Ok(())
    }

    /// Compares both editions.
    async fn compare(&self) -> Result<Comparison, StoreError> {
        let mut positions: HashMap<u128, usize> = HashMap::new();
        let (mut before, mut after) = (Parts::default(), Parts::default());
        let editions = [(&self.source, &mut before), (&self.worker.snapshot, &mut after)];
        for (Snapshot { store, secret, .. }, parts) in editions {
            for first_byte in 0..=u8::MAX {
                for (_, cluster) in store.clusters_of(first_byte).await? {
                    for member in &cluster.members {
                        let n_known = positions.len();
                        let id = unified_id(member, secret).0.as_u128();
                        let position = *positions.entry(id).or_insert(n_known);
                        if parts.part_of.len() <= position {
                            parts.part_of.resize(position + 1, None);
                        }
                        parts.part_of[position] = Some(parts.names.len());
                    }
                    parts.names.push(cluster.unified_id);
                }
            }
        }
        Ok(compare(&before, &after))
    }
}

impl Worker {
    /// Makes the edition of a replay current. It contains everything that was committed before; later requests write to it.
    pub(super) async fn switch(&mut self, switch: Switch, current: &watch::Sender<Snapshot>) {
        let Switch { mut replay, reply } = switch;
        let kept = self.snapshot.store.edition();
        let result = self.attempt_switch(&mut replay).await;
        if result.is_ok() {
            let mut read_ahead = std::mem::take(&mut self.read_ahead);
            read_ahead.invalidate();
            *self = Self { budget: self.budget, read_ahead, ..Self::new(replay.worker.snapshot) };
            self.snapshot.directory.set_notify(true);
            // Keep the previous edition and remove older ones in the background. If that is interrupted, the next rollout does it.
            let store = self.snapshot.store.clone();
            tokio::spawn(async move {
                tokio::time::sleep(UNUSED_AFTER).await;
                if let Err(error) = store.remove_editions_before(kept).await {
                    tracing::warn!(%error, "earlier editions were not removed; the next rollout removes them");
                }
            });
            for event in replay.events {
                self.snapshot.events.publish_lineage(event);
            }
            current.send_replace(self.snapshot.clone());
        }
        // The caller may be gone; the switch remains.
        reply.send(result).ok();
    }

    async fn attempt_switch(&mut self, replay: &mut Replay) -> Result<(), StoreError> {
        // Another server may have written: read the commit number again.
        self.invalidate();
        let last_commit = self.last_commit().await?;
        replay.follow().await?;
        replay.list(|_| {}).await?;
        replay.redirect_touched_ids().await?;
        let Snapshot { store, policy, .. } = replay.worker.snapshot.clone();
        let n_lineage = copy_lineage(&self.snapshot.store, &store, replay.n_lineage).await?;
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        let row = |lineage: Lineage| {
            let Lineage { kind, kept, others, .. } = lineage;
            LineageRow { at, kind, kept, others, cause: Cause::Policy(policy.version) }
        };
        let events = replay.compare().await?.lineage.into_iter().map(row);
        let events: Vec<(i64, LineageRow)> = (n_lineage + 1..).zip(events).collect();
        for page in events.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            store.write_history(&[], &[], page).await?;
        }
        replay.events = events.into_iter().map(|(_, it)| it).collect();
        // Before the new edition becomes the only one that is read: no message may be missing in it.
        let (before, after) = (self.snapshot.store.message_counts().await?, store.message_counts().await?);
        if !before.is_complete_in(&after) {
            return Err(StoreError::MessagesMissing { before, after });
        }
        self.snapshot.store.switch_to(&store, last_commit, policy.version).await
    }

    /// Writes decisions of the source, without checking them for contradictions.
    async fn write_decisions(&mut self, changed: &[Decision]) -> Result<(), StoreError> {
        let number = self.last_commit().await? + 1;
        let context = self.snapshot.plan_context();
        let context = context.with_decisions(Arc::new(context.rules.decisions.with(changed)));
        let evidence = NewEvidence::Decisions(changed.into());
        let plan = planning::plan(evidence, View::default(), &context, &mut self.cache, usize::MAX).await?;
        let Plan { view, changes } = plan.ok_or(StoreError::Conflict)?;
        let commit = Commit { number, rows: Rows { decisions: changed, ..Rows::of(&changes) }, lineage: &[] };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        self.snapshot.set_decisions(context.rules.decisions);
        self.note_commit(number, &[], view, changes);
        Ok(())
    }
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

/// Copies lineage rows after a number. Returns the last number.
async fn copy_lineage(from: &Store, to: &Store, after: i64) -> Result<i64, StoreError> {
    let last = from.n_lineage().await?;
    let mut first = after + 1;
    while first <= last {
        let numbers: Vec<i64> = (first..=last.min(first + PAGE - 1)).collect();
        to.write_history(&[], &[], &from.lineage(&numbers).await?).await?;
        first += PAGE;
    }
    Ok(last)
}

/// The texts of all messages of some customers.
async fn texts_of(store: &Store, keys: &[ClusterKey]) -> Result<Vec<String>, StoreError> {
    let clusters = store.clusters(keys).await?;
    let members: Vec<_> = clusters.values().flat_map(|it| it.members.iter().cloned()).collect();
    let mut texts = Vec::new();
    for state in store.identifiers(&members).await?.values() {
        let events = store.events(state.unified_id, Timestamp::EARLIEST, Timestamp::LATEST).await?;
        texts.extend(events.into_iter().map(|it| it.payload));
    }
    Ok(texts)
}

fn message_id_of(text: &str) -> Result<String, StoreError> {
    #[derive(Deserialize)]
    struct Named {
        message_id: String,
    }
    let corrupt = |_| StoreError::Corrupt { table: "event", reason: "a stored message has no ID".to_owned() };
    serde_json::from_str::<Named>(text).map(|it| it.message_id).map_err(corrupt)
}
