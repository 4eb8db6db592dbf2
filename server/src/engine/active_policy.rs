//! The active policy and the retirements: what every answer and every plan is computed by.

use std::{ops::Deref, sync::Arc};

use profile360_core::{
    evidence::retirement::Retirements,
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};
use profile360_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// A version of the policy. It is the same as long as its projection exists.
#[derive(Debug)]
pub struct PolicyVersion {
    pub version: i64,
    policy: Arc<CompiledPolicy>,
}

impl Deref for PolicyVersion {
    type Target = CompiledPolicy;

    fn deref(&self) -> &CompiledPolicy {
        &self.policy
    }
}

impl PolicyVersion {
    pub const fn compiled(&self) -> &Arc<CompiledPolicy> {
        &self.policy
    }
}

/// The policy of a projection, and the retirements as of one commit.
#[derive(Debug, Clone)]
pub struct ActivePolicy {
    policy: Arc<PolicyVersion>,
    retirements: Arc<Retirements>,
}

impl Deref for ActivePolicy {
    type Target = PolicyVersion;

    fn deref(&self) -> &PolicyVersion {
        &self.policy
    }
}

impl ActivePolicy {
    /// Combines a policy with the stored retirements.
    pub async fn load(store: &Store, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        let policy = Arc::new(PolicyVersion { version, policy: Arc::new(policy) });
        Ok(Self { policy, retirements: Arc::new(load_retirements(store).await?) })
    }

    /// The same version of the policy with other retirements.
    #[must_use]
    pub fn with_retirements(&self, retirements: Arc<Retirements>) -> Self {
        Self { policy: self.policy.clone(), retirements }
    }

    pub const fn version(&self) -> &Arc<PolicyVersion> {
        &self.policy
    }

    pub const fn retirements(&self) -> &Arc<Retirements> {
        &self.retirements
    }
}

/// A version of the policy as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishedPolicy {
    pub published_at: Timestamp,
    pub published_by: String,
    /// The author's reason. Empty for the initial policy.
    #[serde(default)]
    pub reason: String,
    pub document: Policy,
}

/// A stored version of the policy. `None` if it is missing or cannot be read.
pub(crate) async fn published(store: &Store, version: i64) -> Result<Option<PublishedPolicy>, StoreError> {
    let Some(text) = store.policy(version).await? else { return Ok(None) };
    Ok(serde_json::from_str(&text).ok())
}

/// A stored version of the policy. `None` if it is missing or invalid.
pub(crate) async fn compiled(store: &Store, version: i64) -> Result<Option<CompiledPolicy>, StoreError> {
    Ok(published(store, version).await?.and_then(|it| CompiledPolicy::new(it.document).ok()))
}

/// All stored retirements.
pub(crate) async fn load_retirements(store: &Store) -> Result<Retirements, StoreError> {
    let mut retirements = Retirements::default();
    for retirement in store.retirements().await? {
        retirements.put(retirement);
    }
    Ok(retirements)
}
