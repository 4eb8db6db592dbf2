//! What everything is judged by: the policy in force and which values were given to someone else.

use std::{
    ops::Deref,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use profile360_core::{
    evidence::retirement::Retirements,
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};
use profile360_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// The rules of one edition of the base.
#[derive(Debug)]
pub struct ActivePolicy {
    /// The version of the policy.
    pub version: i64,
    policy: CompiledPolicy,
    /// Only the pipeline changes them.
    retirements: RwLock<Retirements>,
}

impl Deref for ActivePolicy {
    type Target = CompiledPolicy;

    fn deref(&self) -> &CompiledPolicy {
        &self.policy
    }
}

impl ActivePolicy {
    /// A policy, and the retirements that a base holds.
    pub async fn load(store: &Store, version: i64, policy: CompiledPolicy) -> Result<Self, StoreError> {
        let rules = Self { version, policy, retirements: RwLock::default() };
        rules.set_retirements(load_retirements(store).await?);
        Ok(rules)
    }

    pub fn retirements(&self) -> RwLockReadGuard<'_, Retirements> {
        self.retirements.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_retirements(&self, retirements: Retirements) {
        *self.retirements.write().unwrap_or_else(PoisonError::into_inner) = retirements;
    }
}

/// A version of the policy as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishedPolicy {
    pub published_at: Timestamp,
    pub published_by: String,
    /// Why; empty for the one that a base began with.
    #[serde(default)]
    pub reason: String,
    pub document: Policy,
}

/// All retirements of a base.
pub(crate) async fn load_retirements(store: &Store) -> Result<Retirements, StoreError> {
    let mut retirements = Retirements::default();
    for retirement in store.retirements().await? {
        retirements.put(retirement);
    }
    Ok(retirements)
}
