//! Policy rollout: simulates a policy on all messages, or publishes it.
//!
//! Publishing fills the next projection of the journal in the background, verifies it, and then makes it active. Until then reads and
//! writes use the active one; every answer comes from exactly one projection. If the process ends in between, the next start
//! publishes again from the beginning. The projection before stays, so that publishing its policy again goes back to it.

mod compare;
mod conclude;
mod fill;
mod redirect;
mod verify;

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
    identifier::{
        Identifier, UnifiedId,
        normalize::NORMAL_FORMS,
        unified_id::{IdSecret, unified_id},
    },
    policy::compiled::CompiledPolicy,
};
use profile360_store::{Entry, Position, Store, StoreError};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use self::fill::parse_on_all_cores;
pub use self::fill::{Fill, JournalWindow, Read};
use crate::engine::{
    active_policy::compiled,
    pipeline::{MAX_BATCH, Pipeline, PipelineError},
    snapshot::Snapshot,
    state::{Reading, State},
};

/// How often progress is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// After that time no answer reads from a projection that was left before the previous one: answers are given up sooner.
const UNUSED_AFTER: Duration = Duration::from_secs(60);

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
    /// Another one may be reserved. It begins once the merges and unmerges of this one are in the history.
    InForce {
        version: i64,
        seconds: f64,
        is_recorded: bool,
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
    /// The server that leads has it, or is about to begin it. It knows the phase.
    Elsewhere,
}

/// Why a policy is not in force, or its effects are not in the history.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

impl PolicyRollout {
    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reserves the only rollout. `false` if another one is in progress.
    pub fn reserve(&self, version: i64) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let is_under_way = matches!(&*progress, Progress::UnderWay { phase, .. } if *phase != Phase::Elsewhere);
        if is_under_way {
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
        let mut current = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = current.take().map(AbortOnDropHandle::new);
        let task = tokio::spawn(async move {
            if let Some(earlier) = earlier {
                // It has logged its own errors.
                earlier.await.ok();
            }
            tracing::info!(version, "publishing a policy");
            match rollout.publish(&pipeline, version, policy).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(version, %error, "the policy was not published; the one before is in force");
                    let store = pipeline.snapshot().store;
                    // A new leader publishes it from the beginning. If this write fails too, the next start tries again.
                    if store.leads() && store.end_publication().await.is_ok() {
                        remove_unfinished(&store).await;
                    }
                    rollout.set(Progress::Failed { version, reason: error.to_string() });
                }
            }
        });
        *current = Some(task);
    }

    /// Resumes an interrupted rollout. A database with normal forms of an older program is rebuilt under the active policy.
    pub async fn resume(self: &Arc<Self>, pipeline: &Pipeline) -> Result<(), StoreError> {
        let Snapshot { store, policy, .. } = pipeline.snapshot();
        self.resume_conclusion(pipeline).await?;
        if self.start_requested(pipeline).await? {
            return Ok(());
        }
        if is_outdated(&store).await? && self.reserve(policy.version) {
            tracing::warn!(
                "the database has the normal forms of an older program; its messages are read again in the background"
            );
            self.start(pipeline.clone(), policy.version, CompiledPolicy::clone(policy.compiled()));
        }
        Ok(())
    }

    /// Starts the rollout that this or another server was asked for. `false` if there is none.
    pub async fn start_requested(self: &Arc<Self>, pipeline: &Pipeline) -> Result<bool, StoreError> {
        let store = pipeline.snapshot().store;
        let Some(version) = store.publishing().await? else { return Ok(false) };
        let Some(policy) = compiled(&store, version).await? else {
            store.end_publication().await?;
            return Ok(false);
        };
        if self.reserve(version) {
            self.start(pipeline.clone(), version, policy);
        }
        Ok(true)
    }

    /// Shows that the server that leads was asked for a rollout.
    pub fn requested(&self, version: i64) {
        self.set(Progress::UnderWay { version, phase: Phase::Elsewhere });
    }

    /// Shows the rollout of the server that leads, without its phases.
    pub async fn observe(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let store = &snapshot.store;
        let publishing = store.publishing().await?;
        let shown = match self.progress() {
            Progress::UnderWay { version, .. } => Some(version),
            Progress::InForce { version, is_recorded, seconds } => {
                if !is_recorded && store.history_due().await?.is_none() {
                    self.set(Progress::InForce { version, is_recorded: true, seconds });
                }
                None
            }
            Progress::None | Progress::Failed { .. } => None,
        };
        match (publishing, shown) {
            (Some(version), shown) if shown != Some(version) => self.requested(version),
            (None, Some(version)) if version == snapshot.policy.version => {
                self.set(Progress::InForce { version, seconds: 0.0, is_recorded: false });
            }
            (None, Some(version)) if version != store.policy_in_force().await? => {
                let reason = "the server that leads did not publish it; its log says why".to_owned();
                self.set(Progress::Failed { version, reason });
            }
            // It is in force, and this server is about to read it.
            _ => {}
        }
        Ok(())
    }

    /// Goes on with what an interrupted rollout has left: its effects are not in the history, or a projection that it was filling is
    /// there.
    async fn resume_conclusion(self: &Arc<Self>, pipeline: &Pipeline) -> Result<(), StoreError> {
        let Snapshot { store, policy, .. } = pipeline.snapshot();
        let is_due = store.history_due().await?.is_some();
        let version = policy.version;
        if is_due {
            self.set(Progress::InForce { version, seconds: 0.0, is_recorded: false });
        }
        let (rollout, pipeline) = (self.clone(), pipeline.clone());
        let task = tokio::spawn(async move {
            if is_due {
                if let Err(error) = conclude::conclude(&pipeline, true).await {
                    tracing::error!(version, %error, "the merges and unmerges of the policy are not all in the history");
                }
                rollout.set(Progress::InForce { version, seconds: 0.0, is_recorded: true });
            }
            remove_unfinished(&pipeline.snapshot().store).await;
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(())
    }

    /// Rebuilds a database that has normal forms of an older program, and returns once that is current. `false` if there was
    /// nothing to do.
    pub async fn bring_up_to_date(&self, pipeline: &Pipeline) -> Result<bool, RolloutError> {
        let Snapshot { store, policy, .. } = pipeline.snapshot();
        if !is_outdated(&store).await? {
            return Ok(false);
        }
        tracing::warn!("the database has the normal forms of an older program; its messages are read again first");
        self.publish(pipeline, policy.version, CompiledPolicy::clone(policy.compiled())).await?;
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

    async fn publish(&self, pipeline: &Pipeline, version: i64, policy: CompiledPolicy) -> Result<(), RolloutError> {
        let started = Instant::now();
        let mut fill = Fill::begin(pipeline.snapshot(), version, policy).await?;
        let mut last_logged = Instant::now();
        let read = |read: Read| {
            self.set(Progress::UnderWay { version, phase: Phase::Reading(read) });
            if LOG_EVERY <= last_logged.elapsed() {
                last_logged = Instant::now();
                tracing::info!(version, done = read.done, of = read.of, "reading the messages again");
            }
        };
        fill.fill(read, |n_done| self.set(Progress::UnderWay { version, phase: Phase::Listing(n_done) })).await?;
        self.set(Progress::UnderWay { version, phase: Phase::Switching });
        verify::verify(&fill).await?;
        // Verifying takes as long as hundreds of commits.
        fill.approach(|_| {}).await?;
        let fill = pipeline.switch(fill).await?;
        let seconds = started.elapsed().as_secs_f64();
        tracing::info!(version, seconds, "the policy is in force");
        self.set(Progress::InForce { version, seconds, is_recorded: false });
        if let Err(error) = conclude::conclude(pipeline, fill.returns()).await {
            tracing::error!(version, %error, "the merges and unmerges of the policy are not all in the history");
        }
        self.set(Progress::InForce { version, seconds, is_recorded: true });
        let store = pipeline.snapshot().store;
        tokio::spawn(async move {
            tokio::time::sleep(UNUSED_AFTER).await;
            remove_unused(&store).await;
        });
        Ok(())
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

/// Removes the rows of projections that are neither active nor the previous one.
async fn remove_unused(store: &Store) {
    if let Err(error) = store.remove_projections().await {
        tracing::warn!(%error, "an earlier projection was not removed; the next rollout removes it");
    }
}

/// [`remove_unused`], with a projection that a rollout was filling. There must be no rollout now.
async fn remove_unfinished(store: &Store) {
    match store.abandon_unfinished().await {
        Ok(()) => remove_unused(store).await,
        Err(error) => tracing::warn!(%error, "an unfinished projection was not removed; the next rollout removes it"),
    }
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

/// Compares the customers of a snapshot with those under another policy, without writing. Returns the parts of the first `n_samples`
/// changes. Parses all messages, on all cores; memory grows with identifiers and links, not with messages.
pub async fn simulate(
    reading: &Reading,
    secret: &IdSecret,
    policy: &CompiledPolicy,
    n_samples: usize,
) -> Result<Simulation, StoreError> {
    let State { policy: active, decisions, commit: last, .. } = &*reading.state().await?;
    let (store, retirements) = (&reading.store, active.retirements());
    // Before the messages, which take long: customers change, and the journal does not.
    let mut current: HashMap<u128, usize> = HashMap::new();
    let mut names = Vec::new();
    for share in store.shares().await? {
        for (_, cluster) in store.clusters_in(&share).await? {
            let members = cluster.members.iter().map(|member| unified_id(member, secret).0.as_u128());
            current.extend(members.map(|member| (member, names.len())));
            names.push(cluster.unified_id);
        }
    }
    let unreadable = store.unreadable_messages().await?;
    let mut graph = Graph::default();
    // By the position of the home, so that memory does not grow with messages.
    let mut messages_of: HashMap<usize, u64> = HashMap::new();
    let (mut n_messages, mut n_affected) = (0, 0);
    let mut window = JournalWindow::default();
    while let Some(commits) = window.next(*last) {
        let entries = store.journal(*commits.start() - 1, *commits.end()).await?;
        window.note(&entries);
        let messages_of_entry = |(_, entry)| match entry {
            Entry::Messages(messages) => messages,
            Entry::Decisions(_) | Entry::Retirements(_) | Entry::Switch(_) => Vec::new(),
        };
        let messages: Vec<(Position, String)> = entries.into_iter().flat_map(messages_of_entry).collect();
        for texts in messages.chunks(MAX_BATCH) {
            let (parsed, _) = parse_on_all_cores(texts, policy, None);
            for ((position, _), accepted) in texts.iter().zip(parsed) {
                let was_unreadable = unreadable.contains(position);
                n_messages += 1;
                // A message without a usable identifier contributes to no profile.
                let Some(mut accepted) = accepted else {
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
        }
        tokio::task::yield_now().await;
    }

    let partition = graph.resolve(decisions.iter().map(AsRef::as_ref), policy);
    let name_of = |anchor: &usize| graph.identifier(*anchor).map(|it| unified_id(it, secret));
    let after = Parts {
        part_of: partition.cluster_of.iter().map(|it| Some(*it)).collect(),
        names: partition.anchors.iter().filter_map(name_of).collect(),
    };
    let part_of = |position| {
        let identifier = graph.identifier(position)?;
        current.get(&unified_id(identifier, secret).0.as_u128()).copied()
    };
    let before = Parts { part_of: (0..graph.len()).map(part_of).collect(), names };
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
