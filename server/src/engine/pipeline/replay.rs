//! Replays: an edition filled from the messages of another, under other rules.
//!
//! Messages come in any order and more than once; what is there in the end depends on which they are alone. So a replay reads
//! everything, then what was touched since, again and again, and at last once more while nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError},
    time::Duration,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::{
        compare::{Comparison, Parts, compare},
        rows::CellKey,
    },
    identifier::{
        Identifier, UnifiedId,
        normalise::{NORMAL_FORMS, normal_again},
        unified_id::unified_id,
    },
    message::parse::{accepted::Accepted, parse_kept},
    plan::{draft::Draft, needs::Needs, view::View},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};
use profile360_store::{Cause, Commit, LineageRow, Rows, Store, StoreError};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use super::{Ahead, Attempt, Bounds, MAX_BATCH, Snapshot, Worker, complete};
use crate::{clock, engine::active_policy::ActivePolicy};

/// Messages that one read of the source should bring.
const READ: u64 = 2_000;
/// History that is copied at once.
const PAGE: i64 = 1_000;
/// Customers whose messages are read again at once.
const CHUNK: usize = 100;

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// Messages that were read so far, each of them once.
    pub done: u64,
    pub of: u64,
}

/// An edition that is being filled.
#[derive(Debug)]
pub struct Replay {
    worker: Worker,
    source: Snapshot,
    /// The last commit of the source of which everything is there.
    followed: i64,
    /// How much of the source's history is there.
    n_lineage: i64,
    /// What of the source was touched since the last time but one.
    touched: Vec<CellKey>,
    /// Merges and unmerges by the policy itself.
    events: Vec<LineageRow>,
    /// Messages whose IDs older programs kept with blanks or invisible characters: by the ID that they have now, the old one.
    renamed: BTreeMap<Arc<str>, String>,
    /// Whether the source keeps messages under such IDs.
    is_outdated: bool,
}

/// From then on no answer is given from an edition that is not in force any more: answers take half as long at most.
const UNUSED_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Switch {
    pub replay: Replay,
    pub reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Replay {
    /// Begins an edition with nothing but the decisions, the retirements and the history of the one in force.
    pub async fn begin(source: Snapshot, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        // Until the switch every commit is needed to see what it touched.
        source.list.keep_commits(true);
        let followed = source.store.last_commit().await?;
        let store = Arc::new(source.store.next_edition().await?);
        store.set_normal_forms(NORMAL_FORMS).await?;
        let decisions: Vec<Decision> =
            source.store.decisions().await?.iter().map(|it| decision_again(it, &policy)).collect();
        let retirements: Vec<Retirement> =
            source.store.retirements().await?.iter().map(|it| retirement_again(it, &policy)).collect();
        store.write_history(&decisions, &retirements, &[]).await?;
        let n_lineage = copy_lineage(&source.store, &store, 0).await?;
        let rules = Arc::new(ActivePolicy::load(&store, version, policy).await?);
        let snapshot = Snapshot::open(store, rules, source.secret.clone(), source.news.clone()).await?;
        snapshot.list.be_quiet(true);
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

    /// Reads all messages of the source.
    pub async fn read_all(&mut self, mut progress: impl FnMut(Read)) -> Result<(), StoreError> {
        let of = self.source.store.n_messages().await?;
        let mut read = Read { done: 0, of };
        let step = usize::try_from(65_536 * READ / of.max(1)).unwrap_or(usize::MAX).clamp(1, 65_536);
        let at_once = self.messages_at_once();
        let set_aside = self.source.store.unreadable_messages().await?;
        for batch in set_aside.chunks(at_once) {
            self.take(batch, true).await?;
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
                self.take(batch, self.is_outdated).await?;
                read.done += batch.len() as u64;
                progress(read);
            }
        }
        Ok(())
    }

    fn messages_at_once(&self) -> usize {
        self.worker.snapshot.store.messages_at_once(MAX_BATCH)
    }

    /// Reads what was touched since; how many commits that were.
    pub async fn follow(&mut self) -> Result<i64, StoreError> {
        let last = self.source.store.last_commit().await?;
        let commits = self.source.store.commits(self.followed, last).await?;
        let n_commits = last - self.followed;
        if i64::try_from(commits.len()).is_ok_and(|it| it < n_commits) {
            // Some were forgotten before anyone said that they are needed.
            self.read_all(|_| {}).await?;
        } else {
            let touched: BTreeSet<CellKey> = commits.into_iter().flat_map(|(_, it)| it.touched).collect();
            self.touched = touched.into_iter().collect();
            for keys in self.touched.clone().chunks(CHUNK) {
                let texts = texts_of(&self.source.store, keys).await?;
                for batch in texts.chunks(self.messages_at_once()) {
                    self.take(batch, self.is_outdated).await?;
                }
            }
        }
        self.apply_decisions().await?;
        self.followed = last;
        Ok(n_commits)
    }

    /// Brings the list of the new edition up to date. `progress` hears how many customers are done.
    pub async fn list(&self, progress: impl FnMut(usize)) -> Result<(), StoreError> {
        let Snapshot { store, list, policy, .. } = &self.worker.snapshot;
        list.catch_up(store, policy, progress).await
    }

    /// Lets unified IDs that name nobody in the new edition lead to where those are with whom they were: whoever has one in hand
    /// finds the customer.
    pub async fn redirect_ids(&self) -> Result<(), StoreError> {
        for first_byte in 0..=u8::MAX {
            let led: Vec<_> = self.source.store.identifiers_by_first_byte(first_byte).await?.into_iter().collect();
            for led in led.chunks(MAX_BATCH) {
                self.lead_on_from(led).await?;
            }
        }
        Ok(())
    }

    /// The same for whatever was touched last.
    async fn lead_on_what_was_touched(&self) -> Result<(), StoreError> {
        let Snapshot { store, secret, .. } = &self.source;
        for keys in self.touched.chunks(CHUNK) {
            let cells = store.cells(keys).await?;
            let members = cells.values().flat_map(|it| it.members.iter().cloned());
            let led: Vec<_> = members.map(|it| (unified_id(&it, secret), it)).collect();
            self.lead_on_from(&led).await?;
        }
        Ok(())
    }

    async fn lead_on_from(&self, led: &[(UnifiedId, Identifier)]) -> Result<(), StoreError> {
        let Snapshot { store, policy, .. } = &self.worker.snapshot;
        let ids: Vec<UnifiedId> = led.iter().map(|(id, _)| *id).collect();
        let known = store.identifiers_by_id(&ids).await?;
        let mut heirs = Vec::new();
        for (id, identifier) in led.iter().filter(|(id, _)| !known.contains_key(id)) {
            // What it led to already where it named nobody before, then who was one customer with it, then who was linked to it.
            let own = std::slice::from_ref(identifier);
            let mut kin = vec![identifier.clone()];
            if let Some(state) = self.source.store.identifiers(own).await?.get(identifier) {
                let cells = self.source.store.cells(&[state.cell]).await?;
                kin.extend(cells.into_values().flat_map(|it| it.members.clone()));
            }
            let links = self.source.store.links_of(own).await?;
            let linked: Vec<Identifier> = links.into_keys().flat_map(|it| [it.a, it.b]).collect();
            let itself = normal_again(identifier, policy);
            let strength = |it: &Identifier| (*it != itself, policy.priority(&it.kind), it.value.clone());
            for candidates in [kin, linked] {
                let candidates: Vec<Identifier> = candidates.iter().map(|it| normal_again(it, policy)).collect();
                let there = store.identifiers(&candidates).await?;
                if let Some(heir) = there.into_keys().min_by_key(strength) {
                    heirs.push((*id, heir));
                    break;
                }
            }
        }
        if heirs.is_empty() { Ok(()) } else { store.write_heirs(&heirs).await }
    }

    /// Takes kept texts in. `may_collide` says whether they may be kept under IDs that are other ones now.
    async fn take(&mut self, texts: &[String], may_collide: bool) -> Result<(), StoreError> {
        let mut accepted: Vec<Accepted> = Vec::with_capacity(texts.len());
        let mut unread = Vec::new();
        for text in texts {
            match parse_kept(text, &self.worker.snapshot.policy) {
                Ok(it) if may_collide && self.is_anothers(&it.message.id, text).await? => {
                    unread.push((message_id_of(text)?, text.clone()));
                }
                Ok(it) => accepted.push(it),
                Err(_) => unread.push((message_id_of(text)?, text.clone())),
            }
        }
        if !unread.is_empty() {
            self.worker.snapshot.store.put_aside(&unread).await?;
        }
        if accepted.is_empty() {
            return Ok(());
        }
        let (messages, payloads): (Vec<_>, Vec<_>) = accepted.into_iter().map(|it| (it.message, it.payload)).unzip();
        match self.worker.attempt(&messages, &payloads, Ahead::default(), Bounds::NONE).await? {
            Attempt::Done(_) => Ok(()),
            Attempt::TooFar(_) | Attempt::TooLarge(_) | Attempt::Held => Err(StoreError::Conflict),
        }
    }

    /// Whether another message has the ID that a text's becomes. The text is set aside then: it was kept, and so it stays.
    async fn is_anothers(&mut self, id: &Arc<str>, text: &str) -> Result<bool, StoreError> {
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

    /// Takes the decisions and retirements that were made or revoked since.
    async fn apply_decisions(&mut self) -> Result<(), StoreError> {
        let is_other = |one: Option<&Arc<Decision>>, other: &Decision| one.is_none_or(|it| **it != *other);
        let changed: Vec<Decision> = {
            let source = self.source.decisions.read().unwrap_or_else(PoisonError::into_inner);
            let own = self.worker.snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner);
            let again = source.iter().map(|it| decision_again(it, &self.worker.snapshot.policy));
            again.filter(|it| is_other(own.get(&it.id), it)).collect()
        };
        if !changed.is_empty() {
            self.worker.take_decisions(&changed).await?;
        }
        let source = self.source.policy.retirements().clone();
        for retirement in source.iter() {
            let retirement = retirement_again(retirement, &self.worker.snapshot.policy);
            let own = self.worker.snapshot.policy.retirements().clone();
            if own.get(&retirement.id).is_none_or(|it| **it != retirement) {
                let last_commit = self.worker.last_commit().await?;
                self.worker.retire(last_commit, retirement, &own, None).await?;
            }
        }
        Ok(())
    }

    /// What is other than in the source.
    async fn compare(&self) -> Result<Comparison, StoreError> {
        let mut positions: HashMap<u128, usize> = HashMap::new();
        let (mut before, mut after) = (Parts::default(), Parts::default());
        let workshops = [(&self.source, &mut before), (&self.worker.snapshot, &mut after)];
        for (Snapshot { store, secret, .. }, parts) in workshops {
            for first_byte in 0..=u8::MAX {
                for (_, cell) in store.cells_of(first_byte).await? {
                    for member in &cell.members {
                        let n_known = positions.len();
                        let id = unified_id(member, secret).0.as_u128();
                        let position = *positions.entry(id).or_insert(n_known);
                        if parts.part_of.len() <= position {
                            parts.part_of.resize(position + 1, None);
                        }
                        parts.part_of[position] = Some(parts.names.len());
                    }
                    parts.names.push(cell.unified_id);
                }
            }
        }
        Ok(compare(&before, &after))
    }
}

impl Worker {
    /// Puts a replay's edition in force. What this has taken before is in there; what comes next goes there.
    pub(super) async fn switch(&mut self, switch: Switch, current: &watch::Sender<Snapshot>) {
        let Switch { mut replay, reply } = switch;
        let kept = self.snapshot.store.edition();
        let result = self.attempt_switch(&mut replay).await;
        if result.is_ok() {
            let mut far = std::mem::take(&mut self.far);
            far.forget();
            *self = Self { bounds: self.bounds, far, ..Self::new(replay.worker.snapshot) };
            self.snapshot.list.be_quiet(false);
            // The edition before stays, those before it go. Nothing waits for it; the next publication does what is interrupted.
            let store = self.snapshot.store.clone();
            tokio::spawn(async move {
                tokio::time::sleep(UNUSED_AFTER).await;
                if let Err(error) = store.remove_editions_before(kept).await {
                    tracing::warn!(%error, "earlier editions were not removed; the next publication does it");
                }
            });
            for event in replay.events {
                self.snapshot.news.publish_lineage(event);
            }
            current.send_replace(self.snapshot.clone());
        }
        // Whoever asked may have gone; what is in force stays in force.
        reply.send(result).ok();
    }

    async fn attempt_switch(&mut self, replay: &mut Replay) -> Result<(), StoreError> {
        // Of a base that others write to the number is read anew, and nothing older counts then.
        self.forget();
        let last_commit = self.last_commit().await?;
        replay.follow().await?;
        replay.list(|_| {}).await?;
        replay.lead_on_what_was_touched().await?;
        let Snapshot { store, policy, .. } = replay.worker.snapshot.clone();
        let n_lineage = copy_lineage(&self.snapshot.store, &store, replay.n_lineage).await?;
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        let row = |it: profile360_core::graph::lineage::Lineage| LineageRow {
            at,
            kind: it.kind,
            kept: it.kept,
            others: it.others,
            cause: Cause::Policy(policy.version),
        };
        let events = replay.compare().await?.lineage.into_iter().map(row);
        let events: Vec<(i64, LineageRow)> = (n_lineage + 1..).zip(events).collect();
        for page in events.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            store.write_history(&[], &[], page).await?;
        }
        replay.events = events.into_iter().map(|(_, it)| it).collect();
        // The last look before the next edition is the only one that is read: no message may be missing in it.
        let (before, after) = (self.snapshot.store.held().await?, store.held().await?);
        if !before.is_whole_in(&after) {
            return Err(StoreError::MessagesMissing { before, after });
        }
        self.snapshot.store.switch_to(&store, last_commit, policy.version).await
    }

    /// Takes decisions as they are elsewhere, without asking whether they exclude one another.
    async fn take_decisions(&mut self, changed: &[Decision]) -> Result<(), StoreError> {
        let number = self.last_commit().await? + 1;
        let mut decisions = self.snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let ends = changed.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
        let mut view = View::default();
        self.see(Needs { identifiers: ends, ..Needs::default() }, &mut view).await?;
        for decision in changed {
            decisions.put(decision.clone());
        }
        let policy = self.snapshot.policy.clone();
        let mut draft = Draft::of_decisions(changed, &view, &policy, &decisions);
        complete(&mut draft, &mut self.cache, &self.snapshot, &mut view).await?;
        let changes = draft.finish(&view);
        let commit = Commit { number, rows: Rows { decisions: changed, ..Rows::of(&changes) }, lineage: &[] };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        *self.snapshot.decisions.write().unwrap_or_else(PoisonError::into_inner) = decisions;
        self.written(number, &[], view, changes);
        Ok(())
    }
}

/// A decision about identifiers in the normal forms of today. Two that are one now cannot be decided about: it stays as it is,
/// to be seen and revoked.
fn decision_again(decision: &Decision, policy: &CompiledPolicy) -> Decision {
    let Pair { a, b } = &decision.pair;
    let pair = Pair::new(&normal_again(a, policy), &normal_again(b, policy));
    Decision { pair: pair.unwrap_or_else(|| decision.pair.clone()), ..decision.clone() }
}

fn retirement_again(retirement: &Retirement, policy: &CompiledPolicy) -> Retirement {
    Retirement { value: normal_again(&retirement.value, policy), ..retirement.clone() }
}

/// Copies the history from behind a number on; how long it is then.
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
async fn texts_of(store: &Store, keys: &[CellKey]) -> Result<Vec<String>, StoreError> {
    let cells = store.cells(keys).await?;
    let members: Vec<_> = cells.values().flat_map(|it| it.members.iter().cloned()).collect();
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
    let corrupt = |_| StoreError::Corrupt { table: "event", reason: "a kept message has no ID".to_owned() };
    serde_json::from_str::<Named>(text).map(|it| it.message_id).map_err(corrupt)
}
