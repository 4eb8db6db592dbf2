//! The shared state of one projection: what every answer reads and every plan starts from.

use std::sync::Arc;

use profile360_core::{identifier::unified_id::IdSecret, plan::planner::Rules};
use profile360_store::{Store, StoreError};

use super::{
    active_policy::{ActivePolicy, PolicyVersion, compiled},
    directory::Directory,
    events::Events,
    planning::PlanContext,
    state::{State, States},
};
use crate::memory::CacheSizes;

/// The shared state of one projection.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub store: Arc<Store>,
    pub directory: Arc<Directory>,
    pub policy: Arc<PolicyVersion>,
    pub secret: IdSecret,
    /// The decisions, the retirements and the withheld links as of each commit. The pipeline alone changes them.
    pub states: Arc<States>,
    pub events: Arc<Events>,
    pub caches: CacheSizes,
    /// Whether messages may be stored under unkeyed hashes of their contents, as an earlier version did.
    pub(super) has_plain_made_ids: bool,
}

/// The value of the setting `made_ids` where all message IDs that are hashes of contents are keyed.
const KEYED: &str = "keyed";

impl Snapshot {
    /// Loads the list, the decisions and the withheld links. The list publishes its changes to `events`.
    pub async fn open(
        store: Arc<Store>,
        policy: Arc<ActivePolicy>,
        secret: IdSecret,
        events: Arc<Events>,
        caches: CacheSizes,
    ) -> Result<Self, StoreError> {
        // Commits of another server after this one are seen later.
        let snapshot = store.snapshot();
        let commit = snapshot.last_commit().await?;
        let made_ids = store.setting_or("made_ids", if commit == 0 { KEYED } else { "plain or keyed" }).await?;
        let directory = Arc::new(Directory::load(&store, &policy, events.clone(), caches).await?);
        let states = Arc::new(States::new(State::load(&snapshot, commit, &policy).await?));
        let (policy, has_plain_made_ids) = (policy.version().clone(), made_ids != KEYED);
        Ok(Self { store, directory, policy, secret, states, events, caches, has_plain_made_ids })
    }

    /// The active projection, read again: another server may have switched to it.
    pub(super) async fn reopen(&self) -> Result<Self, StoreError> {
        let store = Arc::new(self.store.active().await?);
        let version = store.own_row().await?.policy;
        let unreadable = || StoreError::Corrupt { table: "policy", reason: format!("version {version} is not valid") };
        let policy = compiled(&store, version).await?.ok_or_else(unreadable)?;
        let policy = Arc::new(ActivePolicy::load(&store, version, policy).await?);
        Self::open(store, policy, self.secret.clone(), self.events.clone(), self.caches).await
    }

    /// What plans are computed by now.
    pub(super) fn plan_context(&self) -> PlanContext {
        PlanContext::of(self.store.clone(), &self.states.last(), self.secret.clone())
    }
}

impl PlanContext {
    /// What plans are computed by as of a commit.
    pub(super) fn of(store: Arc<Store>, state: &State, secret: IdSecret) -> Self {
        let State { policy, decisions, .. } = state;
        let rules = Rules { policy: policy.compiled().clone(), decisions: decisions.clone(), secret };
        Self { store, rules, policy: policy.clone(), retirements: policy.retirements().clone() }
    }
}
