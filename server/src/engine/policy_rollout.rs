//! Policy rollout: simulates a policy on all messages, or publishes it.
//!
//! Publishing fills a new edition of the database in the background and then makes it current. Until then reads and writes
//! use the previous one; every answer comes from exactly one edition. If the process ends in between, the next start
//! publishes again from the beginning. This module never resolves identities: the pipeline parses the messages again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use profile360_core::{
    graph::{
        compare::{Change, Comparison, Parts, compare},
        trial::Graph,
    },
    identifier::{Identifier, UnifiedId, normalize::NORMAL_FORMS, unified_id::unified_id},
    message::parse::parse_kept,
    policy::compiled::CompiledPolicy,
};
use profile360_store::{Store, StoreError};
use tokio::{task::JoinHandle, time::Instant};

use crate::engine::{
    active_policy::PublishedPolicy,
    pipeline::{Pipeline, Read, Replay},
    snapshot::Snapshot,
};

/// How often progress is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The current rollout, if any.
#[derive(Debug, Default)]
pub struct PolicyRollout {
    progress: Mutex<Progress>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// The state of a rollout.
#[derive(Debug, Clone, Default)]
pub enum Progress {
    /// No rollout since the server started.
    #[default]
    None,
    UnderWay {
        version: i64,
        phase: Phase,
    },
    InForce {
        version: i64,
        seconds: f64,
    },
    Failed {
        version: i64,
        reason: String,
    },
}

/// The phase of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Parsing all messages again.
    Reading(Read),
    /// Filling the customer list. Holds the number of customers that are done.
    Listing(usize),
    /// Catching up with new commits, then making the edition current.
    Switching,
}

impl PolicyRollout {
    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reserves the only rollout. `false` if another one is in progress.
    pub fn reserve(&self, version: i64) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*progress, Progress::UnderWay { .. }) {
            return false;
        }
        *progress = Progress::UnderWay { version, phase: Phase::Reading(Read::default()) };
        true
    }

    /// Releases a reservation without a rollout.
    pub fn release(&self) {
        self.set(Progress::None);
    }

    /// Publishes in the background. The caller must have [reserved](Self::reserve) the rollout.
    pub fn start(self: &Arc<Self>, pipeline: Pipeline, version: i64, policy: CompiledPolicy) {
        let rollout = self.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            tracing::info!(version, "publishing a policy");
            let result = rollout.publish(&pipeline, version, policy).await;
            let seconds = started.elapsed().as_secs_f64();
            match result {
                Ok(()) => {
                    tracing::info!(version, seconds, "the policy is in force");
                    rollout.set(Progress::InForce { version, seconds });
                }
                Err(error) => {
                    tracing::error!(version, %error, "the policy was not published; the one before is in force");
                    pipeline.snapshot().directory.keep_commits(false);
                    // If this write fails too, the next start tries again.
                    pipeline.snapshot().store.set_publishing(None).await.ok();
                    rollout.set(Progress::Failed { version, reason: error.to_string() });
                }
            }
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Resumes an interrupted rollout. A database with normal forms of an older program is rebuilt under the active policy.
    pub async fn resume(self: &Arc<Self>, pipeline: &Pipeline) -> Result<(), StoreError> {
        let Snapshot { store, policy, .. } = pipeline.snapshot();
        if let Some(version) = store.publishing().await? {
            match compiled(&store, version).await? {
                Some(policy) if self.reserve(version) => {
                    self.start(pipeline.clone(), version, policy);
                    return Ok(());
                }
                Some(_) => return Ok(()),
                None => store.set_publishing(None).await?,
            }
        }
        if is_outdated(&store).await? && self.reserve(policy.version) {
            tracing::warn!(
                "the database has the normal forms of an older program; its messages are read again in the background"
            );
            self.start(pipeline.clone(), policy.version, CompiledPolicy::clone(&policy));
        }
        Ok(())
    }

    /// Rebuilds a database that has normal forms of an older program, and returns once that is current. `false` if there was
    /// nothing to do.
    pub async fn bring_up_to_date(&self, pipeline: &Pipeline) -> Result<bool, StoreError> {
        let Snapshot { store, policy, .. } = pipeline.snapshot();
        if !is_outdated(&store).await? {
            return Ok(false);
        }
        tracing::warn!("the database has the normal forms of an older program; its messages are read again first");
        self.publish(pipeline, policy.version, CompiledPolicy::clone(&policy)).await?;
        Ok(true)
    }

    /// Aborts the current rollout. The next start publishes again from the beginning.
    pub async fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            task.await.ok();
        }
    }

    async fn publish(&self, pipeline: &Pipeline, version: i64, policy: CompiledPolicy) -> Result<(), StoreError> {
        let source = pipeline.snapshot();
        let mut replay = Replay::begin(source, version, policy).await?;
        let mut last_logged = Instant::now();
        replay
            .read_all(|read| {
                self.set(Progress::UnderWay { version, phase: Phase::Reading(read) });
                if LOG_EVERY <= last_logged.elapsed() {
                    last_logged = Instant::now();
                    tracing::info!(version, done = read.done, of = read.of, "reading the messages again");
                }
            })
            .await?;
        replay.list(|n_done| self.set(Progress::UnderWay { version, phase: Phase::Listing(n_done) })).await?;
        self.set(Progress::UnderWay { version, phase: Phase::Switching });
        // Catch up once while writes go on, so that little is left for the switch, which blocks them.
        replay.follow().await?;
        replay.list(|_| {}).await?;
        replay.redirect_ids().await?;
        pipeline.switch(replay).await
    }

    fn set(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

/// Whether the database has older normal forms than this program.
///
/// # Errors
///
/// [`StoreError::NewerNormalForms`] if a newer program wrote it.
pub async fn is_outdated(store: &Store) -> Result<bool, StoreError> {
    let found = store.normal_forms().await?;
    if NORMAL_FORMS < found {
        return Err(StoreError::NewerNormalForms { found, known: NORMAL_FORMS });
    }
    Ok(found < NORMAL_FORMS)
}

/// A stored version of the policy. `None` if it is missing or invalid.
async fn compiled(store: &Store, version: i64) -> Result<Option<CompiledPolicy>, StoreError> {
    let Some(text) = store.policy(version).await? else { return Ok(None) };
    let published = serde_json::from_str::<PublishedPolicy>(&text).ok();
    Ok(published.and_then(|it| CompiledPolicy::new(it.document).ok()))
}

/// What another policy would change.
#[derive(Debug)]
pub struct Simulation {
    pub comparison: Comparison,
    /// For each of the first changes, the profiles that would be there, in the order of the change.
    pub parts: Vec<Vec<Part>>,
    pub n_messages: u64,
    /// Messages of customers that change, and messages that have a customer under one of the policies only.
    pub n_affected: u64,
}

/// A profile under another policy.
#[derive(Debug, Clone)]
pub struct Part {
    pub unified_id: UnifiedId,
    pub n_identifiers: u64,
    /// The first [`MOST_OF_PART`] of its identifiers, each with the current profile that has it.
    pub identifiers: Vec<(Identifier, Option<UnifiedId>)>,
}

/// Identifiers of a part that a simulation returns.
const MOST_OF_PART: usize = 50;

/// Compares the current customers with those under another policy, without writing. Returns the parts of the first `n_samples`
/// changes. Parses all messages; memory grows with identifiers and links, not with messages.
pub async fn simulate(
    snapshot: &Snapshot,
    policy: &CompiledPolicy,
    n_samples: usize,
) -> Result<Simulation, StoreError> {
    const READ: u64 = 2_000;
    let Snapshot { store, secret, .. } = snapshot;
    let retirements = snapshot.policy.retirements().clone();
    let decisions = snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
    let mut graph = Graph::default();
    let step = usize::try_from(65_536 * READ / store.n_messages().await?.max(1)).unwrap_or(usize::MAX).clamp(1, 65_536);
    let mut texts = store.unreadable_messages().await?;
    // By the position of the home, so that memory does not grow with messages.
    let mut messages_of: HashMap<usize, u64> = HashMap::new();
    let (mut n_messages, mut n_affected) = (0, 0);
    let mut n_unreadable = texts.len();
    for first in (0..=u16::MAX).step_by(step) {
        let last = first.saturating_add(u16::try_from(step - 1).unwrap_or(u16::MAX));
        texts.extend(store.event_texts_of(first, last).await?);
        for (position, text) in texts.drain(..).enumerate() {
            let was_unreadable = position < n_unreadable;
            n_messages += 1;
            // A message without a usable identifier contributes to no profile.
            let Ok(mut accepted) = parse_kept(&text, policy) else {
                n_affected += u64::from(!was_unreadable);
                continue;
            };
            retirements.assign(&mut accepted.message);
            graph.add(&accepted.message);
            match graph.position_of(accepted.message.home()) {
                Some(home) if !was_unreadable => *messages_of.entry(home).or_default() += 1,
                _ => n_affected += 1,
            }
        }
        n_unreadable = 0;
        tokio::task::yield_now().await;
    }

    let partition = graph.resolve(decisions.iter().map(AsRef::as_ref), policy);
    let name_of = |anchor: &usize| graph.identifier(*anchor).map(|it| unified_id(it, secret));
    let after = Parts {
        part_of: partition.cluster_of.iter().map(|it| Some(*it)).collect(),
        names: partition.anchors.iter().filter_map(name_of).collect(),
    };
    let mut before = Parts { part_of: vec![None; graph.len()], names: Vec::new() };
    for first_byte in 0..=u8::MAX {
        for (_, cluster) in store.clusters_of(first_byte).await? {
            for position in cluster.members.iter().filter_map(|it| graph.position_of(it)) {
                before.part_of[position] = Some(before.names.len());
            }
            before.names.push(cluster.unified_id);
        }
    }
    let comparison = compare(&before, &after);
    let samples = comparison.changes.get(..n_samples.min(comparison.changes.len())).unwrap_or_default();
    let parts = parts_of(samples, &before, &after, &graph);
    let names = |side: fn(&Change) -> &Vec<UnifiedId>| -> BTreeSet<UnifiedId> {
        comparison.changes.iter().flat_map(|change| side(change).iter().copied()).collect()
    };
    let (changed_before, changed_after) = (names(|change| &change.before), names(|change| &change.after));
    for (home, count) in messages_of {
        let is_changed = name_at(&before, home).is_some_and(|name| changed_before.contains(&name))
            || name_at(&after, home).is_some_and(|name| changed_after.contains(&name));
        n_affected += if is_changed { count } else { 0 };
    }
    Ok(Simulation { comparison, parts, n_messages, n_affected })
}

/// The profile at a position of the graph.
fn name_at(parts: &Parts, position: usize) -> Option<UnifiedId> {
    parts.names.get((*parts.part_of.get(position)?)?).copied()
}

/// The profiles of some changes under the other policy.
fn parts_of(changes: &[Change], before: &Parts, after: &Parts, graph: &Graph) -> Vec<Vec<Part>> {
    let wanted = changes.iter().flat_map(|change| &change.after);
    let mut parts: BTreeMap<UnifiedId, Part> =
        wanted.map(|id| (*id, Part { unified_id: *id, n_identifiers: 0, identifiers: Vec::new() })).collect();
    for position in 0..graph.len() {
        let Some(part) = name_at(after, position).and_then(|name| parts.get_mut(&name)) else { continue };
        part.n_identifiers += 1;
        if let (true, Some(identifier)) = (part.identifiers.len() < MOST_OF_PART, graph.identifier(position)) {
            part.identifiers.push((identifier.clone(), name_at(before, position)));
        }
    }
    let parts_of_change = |change: &Change| change.after.iter().filter_map(|id| parts.get(id).cloned()).collect();
    changes.iter().map(parts_of_change).collect()
}
