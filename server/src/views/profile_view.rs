//! Reads whole customers from the store; core folds them into profiles.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decisions, retirement::Retirements},
    graph::{
        input::is_shared,
        rows::{ClusterKey, ClusterState, IdentifierState},
    },
    identifier::{Identifier, UnifiedId},
    message::order::{Order, Refund},
    profile::{
        self,
        model::{Member, Profile},
        revision,
    },
    time::Timestamp,
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::engine::active_policy::ActivePolicy;

/// One customer, as of one commit.
#[derive(Debug)]
pub struct Customer {
    pub key: ClusterKey,
    pub cluster: Arc<ClusterState>,
    /// All members of the cluster, in its order.
    pub members: Vec<(Identifier, Arc<IdentifierState>)>,
    pub profile: Profile,
}

impl Customer {
    /// Changes whenever a fact, a decision or the policy changes this customer.
    pub fn revision(&self, decisions: &Decisions, policy: &ActivePolicy) -> String {
        let members = self.members.iter().map(|(identifier, state)| (identifier, &state.facts));
        revision::of_members(policy.version, members, &policy.retirements(), decisions)
    }
}

/// All orders and refunds of a customer.
#[derive(Debug, Default)]
pub struct Purchased {
    pub orders: Vec<Order>,
    pub refunds: Vec<Refund>,
}

/// How often a torn read is retried.
const MAX_ATTEMPTS: usize = 20;

/// The customers of some clusters; a cluster that no longer exists is in neither field.
#[derive(Debug, Default)]
pub struct Loaded {
    pub customers: BTreeMap<ClusterKey, Arc<Customer>>,
    /// Clusters that exist, but could not be read together with their members.
    pub torn: Vec<ClusterKey>,
}

/// Reads the customers of some clusters; omits clusters that no longer exist.
///
/// # Errors
///
/// [`StoreError::Torn`] if a cluster exists and could not be read together with its members.
pub async fn load(
    store: &Store,
    policy: &ActivePolicy,
    keys: &[ClusterKey],
) -> Result<BTreeMap<ClusterKey, Arc<Customer>>, StoreError> {
    let Loaded { customers, torn } = load_some(store, policy, keys).await?;
    if torn.is_empty() { Ok(customers) } else { Err(StoreError::Torn) }
}

/// Reads the customers of some clusters, and reports which could not be read as a whole.
///
/// A cluster and its members are two reads. If a commit comes between them, some member names another cluster, or the cluster
/// no longer exists. Such customers are read again, so that no response shows half of a merge.
pub async fn load_some(store: &Store, policy: &ActivePolicy, keys: &[ClusterKey]) -> Result<Loaded, StoreError> {
    let mut customers = BTreeMap::new();
    let mut pending: Vec<ClusterKey> = keys.to_vec();
    for _ in 0..MAX_ATTEMPTS {
        let clusters = store.clusters(&pending).await?;
        let identifiers: Vec<Identifier> = clusters.values().flat_map(|it| it.members.iter().cloned()).collect();
        let states = store.identifiers(&identifiers).await?;
        pending.clear();
        for (key, cluster) in clusters {
            let members: Option<Vec<(Identifier, Arc<IdentifierState>)>> = cluster
                .members
                .iter()
                .map(|it| states.get(it).filter(|state| state.cluster == key).map(|state| (it.clone(), state.clone())))
                .collect();
            match members {
                Some(members) => {
                    let customer = fold(key, cluster, members, policy, &policy.retirements());
                    customers.insert(key, Arc::new(customer));
                }
                None => pending.push(key),
            }
        }
        if pending.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(Loaded { customers, torn: pending })
}

/// The customers that identifiers belong to; omits identifiers that were never seen.
///
/// # Errors
///
/// [`StoreError::Torn`] if one belongs to a customer that cannot be read as a whole.
pub async fn of_identifiers(
    store: &Store,
    policy: &ActivePolicy,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, Arc<Customer>>, StoreError> {
    // A merge between the two reads deletes the cluster that the first one found.
    for _ in 0..MAX_ATTEMPTS {
        let clusters = clusters_of_identifiers(store, identifiers).await?;
        let keys: BTreeSet<ClusterKey> = clusters.values().copied().collect();
        let customers = load(store, policy, &keys.into_iter().collect::<Vec<_>>()).await?;
        let found: Option<BTreeMap<_, _>> = clusters
            .into_iter()
            .map(|(identifier, key)| customers.get(&key).map(|customer| (identifier, customer.clone())))
            .collect();
        if let Some(found) = found {
            return Ok(found);
        }
        tokio::task::yield_now().await;
    }
    Err(StoreError::Torn)
}

/// The customers of unified IDs, including superseded ones; omits IDs that were never issued.
///
/// # Errors
///
/// [`StoreError::Torn`] if one belongs to a customer that cannot be read as a whole.
pub async fn of_ids(
    store: &Store,
    policy: &ActivePolicy,
    ids: &[UnifiedId],
) -> Result<BTreeMap<UnifiedId, Arc<Customer>>, StoreError> {
    let identifiers = store.identifiers_by_id(ids).await?;
    let customers = of_identifiers(store, policy, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, it)| Some((id, customers.get(&it)?.clone()))).collect())
}

/// A customer of its members, under the policy and some retirements.
pub fn fold(
    key: ClusterKey,
    cluster: Arc<ClusterState>,
    members: Vec<(Identifier, Arc<IdentifierState>)>,
    policy: &ActivePolicy,
    retirements: &Retirements,
) -> Customer {
    let parts: Vec<Member<'_>> = members
        .iter()
        .map(|(identifier, state)| Member {
            identifier,
            uid: state.unified_id,
            first_seen: state.facts.seen.first_seen,
            last_seen: state.facts.seen.last_seen,
            sources: &state.facts.seen.sources,
            shared: is_shared(&identifier.kind, &state.facts.neighbors, policy),
            retired_at: retirements.retired_at(identifier),
            summary: &state.facts.summary,
        })
        .collect();
    let profile = profile::fold::fold(&parts, cluster.unified_id, policy);
    Customer { key, cluster, members, profile }
}

/// Of all owners of a value, the newest that was seen; if none was, the owner at `now`.
pub async fn owner_of(
    store: &Store,
    policy: &ActivePolicy,
    value: &Identifier,
    now: Timestamp,
) -> Result<Identifier, StoreError> {
    let (owners, owner_now) = {
        let retirements = policy.retirements();
        (retirements.owners(value), retirements.owner_at(value, now))
    };
    if let [only] = owners.as_slice() {
        return Ok(only.clone());
    }
    let seen = store.identifiers(&owners).await?;
    let newest = seen.into_keys().rfind(|it| it.generation <= owner_now.generation);
    Ok(newest.unwrap_or(owner_now))
}

/// The clusters of identifiers; omits identifiers that were never seen.
pub async fn clusters_of_identifiers(
    store: &Store,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, ClusterKey>, StoreError> {
    let states = store.identifiers(identifiers).await?;
    Ok(states.into_iter().map(|(identifier, state)| (identifier, state.cluster)).collect())
}

/// The clusters of unified IDs, including superseded ones; omits IDs that were never issued.
pub async fn clusters_of_ids(store: &Store, ids: &[UnifiedId]) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    clusters_of_derived(store, store.identifiers_by_id(ids).await?).await
}

/// The clusters of all unified IDs in a range, as [`clusters_of_ids`].
pub async fn clusters_of_id_range(
    store: &Store,
    ids: &RangeInclusive<UnifiedId>,
) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    clusters_of_derived(store, store.identifiers_in(ids).await?).await
}

async fn clusters_of_derived(
    store: &Store,
    identifiers: BTreeMap<UnifiedId, Identifier>,
) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    let clusters = clusters_of_identifiers(store, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, identifier)| Some((id, *clusters.get(&identifier)?))).collect())
}

/// Reads what a customer bought.
pub async fn purchases(store: &Store, customer: &Customer) -> Result<Purchased, StoreError> {
    let mut purchased = Purchased::default();
    for (_, state) in &customer.members {
        // Purchases belong to the identifier that their message is stored under.
        if state.facts.summary.activity.event_count == 0 {
            continue;
        }
        for row in store.purchases(state.unified_id).await? {
            match row {
                PurchaseRow::Order(order) => purchased.orders.push(order),
                PurchaseRow::Refund(refund) => purchased.refunds.push(refund),
            }
        }
    }
    Ok(purchased)
}
