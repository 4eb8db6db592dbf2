//! The shared state of one projection: what every answer reads and every plan starts from.

use std::sync::{Arc, PoisonError, RwLock};

use profile360_core::{
    evidence::decision::Decisions,
    identifier::unified_id::IdSecret,
    plan::{changes::Changes, planner::Rules},
};
use profile360_store::{Store, StoreError};

use super::{active_policy::ActivePolicy, directory::Directory, events::Events, inbox::Inbox, planning::PlanContext};
use crate::memory::CacheSizes;

/// The shared state of one projection.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub store: Arc<Store>,
    pub directory: Arc<Directory>,
    /// The pipeline alone changes its retirements.
    pub policy: Arc<ActivePolicy>,
    pub secret: IdSecret,
    /// All decisions. Replaced by the pipeline only.
    pub decisions: Arc<RwLock<Arc<Decisions>>>,
    /// The withheld links. Changed by the pipeline only.
    pub inbox: Arc<RwLock<Inbox>>,
    pub events: Arc<Events>,
    pub caches: CacheSizes,
    /// Whether messages may be stored under unkeyed hashes of their contents, as an earlier version did.
    pub(super) has_plain_made_ids: bool,
    /// Decisions and inbox contain this commit, and perhaps later ones.
    pub(super) seen_up_to: i64,
}

/// The value of the setting `made_ids` where all message IDs that are hashes of contents are keyed.
const KEYED: &str = "keyed";

impl Snapshot {
    /// Loads the list, the decisions and the inbox. The list publishes its changes to `events`.
    pub async fn open(
        store: Arc<Store>,
        policy: Arc<ActivePolicy>,
        secret: IdSecret,
        events: Arc<Events>,
        caches: CacheSizes,
    ) -> Result<Self, StoreError> {
        // First, so that commits of another server during this load are seen again.
        let seen_up_to = store.last_commit().await?;
        let made_ids = store.setting_or("made_ids", if seen_up_to == 0 { KEYED } else { "plain or keyed" }).await?;
        let directory = Arc::new(Directory::load(&store, &policy, events.clone(), caches).await?);
        let decisions = load_decisions(&store).await?;
        let inbox = Arc::new(RwLock::new(Inbox::load(&store, &policy, &decisions).await?));
        let decisions = Arc::new(RwLock::new(Arc::new(decisions)));
        let has_plain_made_ids = made_ids != KEYED;
        Ok(Self { store, directory, policy, secret, decisions, inbox, events, caches, has_plain_made_ids, seen_up_to })
    }

    /// All decisions as they are now.
    pub fn decisions(&self) -> Arc<Decisions> {
        self.decisions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_decisions(&self, decisions: Arc<Decisions>) {
        *self.decisions.write().unwrap_or_else(PoisonError::into_inner) = decisions;
    }

    pub(super) fn apply_to_inbox(&self, changes: &Changes) {
        self.inbox.write().unwrap_or_else(PoisonError::into_inner).apply(changes, &self.policy);
    }

    /// What plans are computed by now.
    pub(super) fn plan_context(&self) -> PlanContext {
        let Self { store, policy, secret, .. } = self;
        PlanContext {
            store: store.clone(),
            rules: Rules { policy: policy.compiled().clone(), decisions: self.decisions(), secret: secret.clone() },
            policy: policy.clone(),
            retirements: policy.retirements(),
        }
    }
}

/// All stored decisions.
pub(super) async fn load_decisions(store: &Store) -> Result<Decisions, StoreError> {
    let mut decisions = Decisions::default();
    for decision in store.decisions().await? {
        decisions.put(decision);
    }
    Ok(decisions)
}
