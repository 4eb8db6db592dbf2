//! Policy rollout: simulates a policy on all messages, or publishes it.
//!
//! Publishing fills a new edition of the database in the background and then makes it current. Until then reads and writes
//! use the previous one; every answer comes from exactly one edition. If the process ends in between, the next start
//! publishes again from the beginning. This module never resolves identities: the pipeline parses the messages again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use profile360_core::{
    graph::{
        compare::{Comparison, Parts, compare},
        trial::Graph,
    },
    identifier::{normalize::NORMAL_FORMS, unified_id::unified_id},
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

/// Compares the current customers with those under another policy, without writing. Parses all messages; memory grows with
/// identifiers and links, not with messages.
pub async fn simulate(snapshot: &Snapshot, policy: &CompiledPolicy) -> Result<Comparison, StoreError> {
    const READ: u64 = 2_000;
    let Snapshot { store, secret, .. } = snapshot;
    let retirements = snapshot.policy.retirements().clone();
    let decisions = snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
    let mut graph = Graph::default();
    let step = usize::try_from(65_536 * READ / store.n_messages().await?.max(1)).unwrap_or(usize::MAX).clamp(1, 65_536);
    let mut texts = store.unreadable_messages().await?;
    for first in (0..=u16::MAX).step_by(step) {
        let last = first.saturating_add(u16::try_from(step - 1).unwrap_or(u16::MAX));
        texts.extend(store.event_texts_of(first, last).await?);
        for text in texts.drain(..) {
            // A message without a usable identifier contributes to no profile.
            if let Ok(mut accepted) = parse_kept(&text, policy) {
                retirements.assign(&mut accepted.message);
                graph.add(&accepted.message);
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
    let mut before = Parts { part_of: vec![None; graph.len()], names: Vec::new() };
    for first_byte in 0..=u8::MAX {
        for (_, cluster) in store.clusters_of(first_byte).await? {
            for position in cluster.members.iter().filter_map(|it| graph.position_of(it)) {
                before.part_of[position] = Some(before.names.len());
            }
            before.names.push(cluster.unified_id);
        }
    }
    Ok(compare(&before, &after))
}
